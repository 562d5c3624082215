# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the guard share. Test files import from here by this file's full name."""

from __future__ import annotations

from typing import Hashable, Iterable, List, Tuple

from ansible_collections.vpro.fleet.plugins.module_utils._handover.guard import (
    RETRY,
    SLOW,
    Guard,
    GuardAction,
    GuardEvent,
    GuardPolicy,
    step,
)
from ansible_collections.vpro.fleet.plugins.module_utils._handover.messages import (
    AddressArrived,
    Blocked,
    BlockGone,
    CancelTimer,
    Pinned,
    SetTimer,
)
from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import Policy
from ansible_collections.vpro.fleet.plugins.module_utils._network.events import (
    Connected,
    ScanStarted,
)
from ansible_collections.vpro.fleet.plugins.module_utils._network.profile import Profile
from ansible_collections.vpro.fleet.plugins.module_utils._radio.connection import CsmeConnection, PartialConnection

SSID = b"corp\n\xff"
BSSID = "02:00:00:00:01:00"
PROFILE = Profile(3, b"corp", frozenset({"WPA-PSK"}), True, None, (), False)
NETWORK = CsmeConnection(SSID, BSSID, 6, None, (2437,), "psk", "ccmp", None, None)
#: The same network, on a channel that could not be read.
PART = PartialConnection(SSID, BSSID, None, (), "psk", "ccmp", (("channel", "There is no channel 255"),))
ON = (SSID, "psk")
POLICY = GuardPolicy(handover=Policy(stay=True, pauses_seconds=(0.5,)), retry_seconds=(3.0,), slow_seconds=(60, 600))
CAN, CANNOT, NOTHING = Blocked(NETWORK, PROFILE), Blocked(NETWORK, None), Blocked(None, None)
GRANTED = (Pinned(), BlockGone(), ScanStarted(), Connected(BSSID), AddressArrived())


def play(*events: GuardEvent, policy: GuardPolicy = POLICY, guard: Guard = Guard()) -> Tuple[Guard, List[GuardAction]]:  # noqa: B008
    """Feed events to a guard; return its state, and all actions but the timers."""
    done: List[GuardAction] = []
    for event in events:
        guard, actions = step(guard, event, policy)
        done += actions
    return guard, [action for action in done if not isinstance(action, (SetTimer, CancelTimer))]


def pauses_of(actions: Iterable[GuardAction]) -> List[Tuple[Hashable, float]]:
    """Return the pauses before the next look that actions begin: the timer of each, and its seconds."""
    return [
        (action.timer, action.seconds)
        for action in actions
        if isinstance(action, SetTimer) and action.timer in (RETRY, SLOW)
    ]
