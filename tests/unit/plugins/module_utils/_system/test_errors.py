# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an error says, and what it says when nothing more is known."""

from __future__ import annotations

from typing import Callable, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    FleetError,
    NotFound,
    Refused,
    TransportFailed,
)


@pytest.mark.parametrize(
    ("kind", "reason", "code"),
    [
        (NotFound, (), "not_found"),
        (TransportFailed, (), "transport_failed"),
        (Refused, ("airplane_mode",), "airplane_mode"),
    ],
)
def test_an_error_says_what_where_and_what_to_do_about_it(
    kind: Callable[..., FleetError], reason: Tuple[str, ...], code: str
) -> None:
    bare = kind(*reason, "it broke")
    assert (str(bare), bare.args) == ("it broke", ("it broke",))
    assert bare.as_dict() == {"code": code, "what": "it broke", "where": "", "remedy": ""}
    assert bare.details == {}
    whole = kind(*reason, "it broke", where="/run/x", remedy="Mend it")
    assert (str(whole), whole.args) == ("it broke (/run/x). Mend it", ("it broke",))
    assert whole.as_dict() == {"code": code, "what": "it broke", "where": "/run/x", "remedy": "Mend it"}


def test_a_socket_that_failed_has_the_systems_number() -> None:
    assert TransportFailed("it broke").errno == 0
    assert TransportFailed("it broke", errno=5).errno == 5
