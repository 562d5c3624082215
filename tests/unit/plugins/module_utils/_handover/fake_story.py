# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Events that a fresh machine of a handover is fed with.

Test files import from here by this file's full name.
"""

from __future__ import annotations

from typing import List, Tuple

from ansible_collections.vpro.fleet.plugins.module_utils._handover.machine import State, step
from ansible_collections.vpro.fleet.plugins.module_utils._handover.messages import Action, CancelTimer, Event, SetTimer
from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import Policy
from ansible_collections.vpro.fleet.plugins.module_utils._network.profile import Profile
from ansible_collections.vpro.fleet.plugins.module_utils._radio.connection import CsmeConnection, PartialConnection

BSSID = "02:00:00:00:01:00"
PROFILE = Profile(3, b"corp", frozenset({"WPA-PSK"}), True, None, (), False)
NETWORK = CsmeConnection(b"corp", BSSID, 6, None, (2437,), "psk", "ccmp", None, None)
#: The same network, on a channel that could not be read.
PART = PartialConnection(b"corp", BSSID, None, (), "psk", "ccmp", (("channel", "There is no channel 255"),))
POLICY = Policy(pauses_seconds=(0.5, 1.0))
STAYING = Policy(stay=True)


def play(*events: Event, policy: Policy = POLICY) -> Tuple[State, List[Action]]:
    """Feed events to a fresh machine; return its state and all actions but the timers."""
    state = State()
    done: List[Action] = []
    for event in events:
        state, actions = step(state, event, policy)
        done += actions
    return state, [action for action in done if not isinstance(action, (SetTimer, CancelTimer))]
