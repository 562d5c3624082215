# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The flow that iwlmei was written for, in the ten steps in which its author told it, over the real iwlmei.

What iwlmei sent and received is its own account of it (its debug messages): its trace events, ``iwlmei_sap_cmd`` and
``iwlmei_me_msg``, are not in Debian's kernels (``CONFIG_IWLWIFI_DEVICE_TRACING``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Dict

from ansible_collections.vpro.fleet.tests.lab.conftest import Lab
from vpro_lab.air.ap import BSSID, DEFAULT_SSID
from vpro_lab.air.engine import Engine
from vpro_lab.laptop.control import INTERFACE, Laptop
from vpro_lab.play.deployed import is_connected
from vpro_lab.play.snapshots import Kind
from vpro_lab.play.watching import log, start_supplicant, wait_for

#: "Very quickly (~500ms)", and some more: iwlmei tells AMT of what happened up to 100 ms later, and a scan that the
#: driver limits takes some 200 ms (``test_engine_scans.py``).
QUICK_MS = 1000.0
#: Asks the driver for AMT's connection: Intel's GET_CSME_CONN_INFO.
READ = f"iw dev {INTERFACE} vendor recv 0x001735 0x2d /dev/null"
ASKS, ANSWER, CONFIRMED = (
    "HOST_ASKS_FOR_NIC_OWNERSHIP",
    "> CSME_REPLY_TO_HOST_OWNERSHIP_REQ",
    "HOST_OWNERSHIP_CONFIRMED",
)


def block(laptop: Laptop) -> str:
    """Return whether the radio is blocked, and for which reasons."""
    return laptop.guest.check(
        f"cd /sys/class/net/{INTERFACE}/phy80211; cat rfkill*/hard rfkill*/hard_block_reasons"
    ).replace("\n", " ")


def moments(engine: Engine) -> Dict[str, float]:
    """Return when AMT was asked, and when its deadline was met: it saw the host's link and its DHCP. In seconds."""
    noted = [line for line in engine.log() if "event" in line]
    return {line["event"]: line["at"] / 1e9 for line in reversed(noted) if line.get("met", True)}


def test_the_ten_steps(lab: Lab, laptop_kind: Kind) -> None:
    kind = replace(laptop_kind, engine=True, deployed=True)
    scene = lab.scene(kind, start=False)
    laptop, engine = scene.laptop, Engine(scene.laptop)
    # 1. The driver starts, and sees that AMT does not want to let it use the device.
    told = engine.told_by_iwlmei()
    assert told.index("WIFIDR_UP") < told.index("> CSME_CONN_STATUS"), told
    assert engine.state()["owner"] == "ME"
    # 2. It reports RFKILL. Since 6.4 it does that only when CSME takes the device; before that, nobody can come up.
    if engine.driver_managed:
        assert block(laptop) == "0 0x0 "
    else:
        assert block(laptop) == "1 0x2 "
    # 3. It gets information about the access point that AMT is connected to.
    answer = bytes.fromhex(laptop.guest.check(READ).replace("vendor response:", ""))
    assert DEFAULT_SSID in answer
    assert bytes.fromhex(BSSID.replace(":", "")) in answer
    laptop.guest.check("dmesg --clear")
    engine.clear_log()
    start_supplicant(scene)
    wait_for(scene, "staying", seconds=60)
    # 4. The host has the credentials for that profile; 5. it limits the supplicant to AMT's access point, where it
    # stays, and to its frequency: all channels would take seconds.
    if laptop.manager == "wpa_supplicant":
        assert f"corp-wifi: bssid {BSSID}" in laptop.pins(), log(laptop)
    # 6. iwlmei asks AMT for the device; 7. AMT releases it; 8. iwlmei gets it, and releases the RFKILL state.
    laptop.wait_until("the end of AMT's deadline", lambda: "deadline" in moments(engine))
    told = engine.told_by_iwlmei()
    assert [name for name in told if name in (ASKS, ANSWER, CONFIRMED)] == [ASKS, ANSWER, CONFIRMED], told
    assert engine.state()["owner"] == "HOST"
    assert block(laptop) == "0 0x0 "
    # 9. All the connection process including DHCP happens very quickly, as AMT itself saw it.
    assert "HOST_LINK_UP" in told[told.index(CONFIRMED) :], told
    at = moments(engine)
    assert (at["deadline"] - at["request"]) * 1000 < QUICK_MS, at
    # 10. The host is connected, and the TCP connection is preserved.
    assert is_connected(laptop)
    assert scene.session.survives(), log(laptop)
    assert engine.state()["owner"] == "HOST"
