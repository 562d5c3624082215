# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdict about a radio that a switch of the laptop's platform may have switched off."""

from __future__ import annotations

from dataclasses import replace
from typing import FrozenSet

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._facts.readiness import blockers
from ansible_collections.vpro.fleet.plugins.module_utils._radio.values import Switch
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._facts.test_readiness import OWNED, RADIO, READY

DELL = Switch(1, "wlan", "dell-wifi", True, False, frozenset(), None)


def messages(*platform: Switch, soft: bool = False, reasons: FrozenSet[str] = frozenset({"signal"})) -> list[str]:
    switch = replace(OWNED, soft=soft, reasons=reasons)
    radio = replace(RADIO, owner="host", csme=None, switch=switch, platform=platform)
    return [f"{each.code}: {each.message}" for each in blockers(replace(READY, radios=(radio,)))]


def test_a_platforms_switch_is_named_with_what_lifts_it() -> None:
    told = (
        "switch_off: wlan0: the radio is switched off, and dell-wifi, a switch of the laptop's platform, is "
        "soft-blocked. Lift that block (rfkill unblock wlan). If the radio stays off, turn its switch or key on"
    )
    assert messages(DELL) == [told]
    assert messages(DELL, soft=True) == [
        "airplane_mode: wlan0: airplane mode is on. Turn it off (rfkill unblock wlan)",
        told,
    ]


@pytest.mark.parametrize("platform", [(), (replace(DELL, soft=False),)])
def test_a_physical_switch_stays_a_physical_switch(platform: tuple[Switch, ...]) -> None:
    assert messages(*platform) == [
        "switch_off: wlan0: the radio is switched off by hardware. Turn its switch or key on"
    ]


def test_a_platforms_switch_that_blocks_nothing_is_no_blocker() -> None:
    assert messages(DELL, reasons=frozenset({"not_owner"})) == []
