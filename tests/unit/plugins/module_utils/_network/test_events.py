# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said of an interface: which of it a handover hears."""

from __future__ import annotations

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._network.events import (
    Connected,
    Disconnected,
    Event,
    ManagerGone,
    ProfilesChanged,
    ProfileTouched,
    ScanStarted,
    SupplicantGone,
    link_event,
)


@pytest.mark.parametrize(
    "event",
    [ScanStarted(), Connected("02:00:00:00:01:00"), Disconnected(), SupplicantGone(), ManagerGone("it ended")],
)
def test_a_handover_hears_what_is_said_of_the_connection(event: Event) -> None:
    assert link_event(event) is event


@pytest.mark.parametrize("event", [ProfilesChanged(), ProfileTouched()])
def test_a_handover_does_not_hear_what_is_said_of_profiles(event: Event) -> None:
    assert link_event(event) is None
