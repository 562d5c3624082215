# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CSME roams between the reading and the grant: the host follows it to its new access point."""

from __future__ import annotations

from typing import Callable

import pytest

from vpro_lab.air.ap import DEFAULT_SSID
from vpro_lab.air.scene import Scene
from vpro_lab.air.security import SECURITY
from vpro_lab.laptop.control import INTERFACE
from vpro_lab.play.handover import own

Stage = Callable[..., Scene]
#: A second access point of the same network.
ELSEWHERE = "02:00:00:00:01:01"
BOTH = f"bss=ap1\nbssid={ELSEWHERE}\nssid2={DEFAULT_SSID.hex()}\n{SECURITY['wpa2-psk'].ap}"
MOVED = f"connection ssid={DEFAULT_SSID.hex()} bssid={ELSEWHERE} channel=6 auth=7 cipher=4"


@pytest.mark.parametrize(
    "first", ["grant_delay 300", "answer silent"], ids=["before the grant", "between two requests"]
)
def test_the_host_follows_it(stage: Stage, first: str) -> None:
    scene = stage(session=False, ap_extra=BOTH)
    guest, control = scene.laptop.guest, f"{scene.csme.folder}/control"
    scene.csme.control(first)
    asked = f"until grep -q requests=1 {control}; do sleep 0.01; done"
    guest.spawn(
        "roam", ["sh", "-c", f"{asked}; echo '{MOVED}' >{control}; echo answer grant >{control}"], "/run/roam.log"
    )
    done = own(scene)
    # Nobody serves addresses at the second one.
    assert done["outcome"] == "connected", done
    assert scene.csme.state()["connection"].startswith(f"ssid={DEFAULT_SSID.hex()} bssid={ELSEWHERE}")
    assert f"Connected to {ELSEWHERE}" in guest.check(f"iw dev {INTERFACE} link")
    assert scene.laptop.pins() == ""
