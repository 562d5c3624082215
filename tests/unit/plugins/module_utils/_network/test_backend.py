# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What whoever runs an interface is doing, and what it is called."""

from __future__ import annotations

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._network.backend import AUTO, BACKENDS, NAMES, SupplicantStatus


@pytest.mark.parametrize(
    ("state", "connected"),
    [("COMPLETED", True), ("4WAY_HANDSHAKE", False), ("ASSOCIATED", False), ("INTERFACE_DISABLED", False), ("", False)],
)
def test_a_link_is_up_with_its_keys_alone(state: str, connected: bool) -> None:
    assert SupplicantStatus(state, "02:00:00:00:01:00", b"corp", 1).connected is connected


def test_everybody_that_a_task_may_ask_for_has_a_name_for_people() -> None:
    assert {*BACKENDS} == {AUTO, *NAMES}
