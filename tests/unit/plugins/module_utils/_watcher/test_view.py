# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a guarded radio stands when it is looked at."""

from __future__ import annotations

from ansible_collections.vpro.fleet.plugins.module_utils._handover.guard import GuardPolicy
from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import Policy
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.bring_up_note import hold_note
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_guarded import (
    FREE,
    NETWORK,
    Laptop,
    rfkill,
)


def test_a_radio_to_be_taken_without_credentials_waits_for_a_late_supplicant(laptop: Laptop) -> None:
    watched = laptop.watched(policy=GuardPolicy(handover=Policy(stay=True, require_credentials=False)))
    watched.look()
    assert (laptop.requests, watched.due is not None) == (0, True)
    laptop.now += 40.0
    watched.expire()
    assert laptop.requests == 1


def test_a_bring_up_that_is_held_back_is_told(laptop: Laptop) -> None:
    watched = laptop.watched(FREE)
    watched.look()
    watched.view.look_for_bring_up()
    assert watched.state == "watching"
    with hold_note("wlan0", laptop.notes):
        watched.view.look_for_bring_up()
        watched.view.look_for_bring_up()
        watched.look()
        assert (watched.state, watched.reason, watched.view.wanted) == ("held", "no_credentials", NETWORK)
        assert laptop.log.text.count("held back, so that a session of CSME's lives") == 1
        assert "('corp', psk, channel 6)" in laptop.log.text
        # CSME takes the radio: that is another state, and there is nothing to bring up.
        watched.heard_rfkill(rfkill(True))
        assert watched.state != "held"
    watched.view.look_for_bring_up()
    assert "held back no more" in laptop.log.text
    watched.heard_rfkill(rfkill(False))
    assert (watched.state, watched.reason) == ("watching", None)
