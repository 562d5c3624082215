# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an error says, and what it says when nothing more is known."""

from __future__ import annotations

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._errors import FleetError, NotFound, Refused, TransportFailed


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound("it is not there"), "not_found"),
        (TransportFailed("it is not there"), "transport_failed"),
        (Refused("airplane_mode", "it is not there"), "airplane_mode"),
    ],
)
def test_what_went_wrong_is_enough(error: FleetError, code: str) -> None:
    assert str(error) == "it is not there"
    assert error.args == ("it is not there",)
    assert error.as_dict() == {"code": code, "what": "it is not there", "where": "", "remedy": ""}
    assert error.details == {}
    assert getattr(error, "errno", 0) == 0


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound("it broke", where="/run/x", remedy="Mend it"), "not_found"),
        (TransportFailed("it broke", where="/run/x", remedy="Mend it", errno=5), "transport_failed"),
        (Refused("airplane_mode", "it broke", where="/run/x", remedy="Mend it"), "airplane_mode"),
    ],
)
def test_what_where_and_what_to_do_about_it(error: FleetError, code: str) -> None:
    assert str(error) == "it broke (/run/x). Mend it"
    assert error.args == ("it broke",)
    assert error.as_dict() == {"code": code, "what": "it broke", "where": "/run/x", "remedy": "Mend it"}
    assert getattr(error, "errno", 5) == 5
