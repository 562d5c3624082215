# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CSME goes to another network in the middle of a handover."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_guarded import (
    NETWORK,
    Laptop,
    refuse_once,
)


def test_the_profile_for_its_new_network_is_found_although_the_pin_disabled_it(laptop: Laptop) -> None:
    watched = laptop.watched()
    watched.attach()
    watched.look()
    assert laptop.supplicant.network(b"hotel").disabled, "the pin is for another network"
    laptop.connection = replace(NETWORK, ssid=b"hotel")
    refuse_once(laptop, watched)
    assert (watched.state, laptop.requests) == ("handover", 2)
    assert (laptop.supplicant.network(b"hotel").disabled, laptop.supplicant.network(b"corp").disabled) == (False, True)
    watched.stop()
    assert laptop.as_before
