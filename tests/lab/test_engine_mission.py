# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The flow that iwlmei was written for, in the ten steps in which its author told it, over the real iwlmei.

What iwlmei sent and received is its own account of it (its debug messages): its trace events, ``iwlmei_sap_cmd`` and
``iwlmei_me_msg``, are not in Debian's kernels (``CONFIG_IWLWIFI_DEVICE_TRACING``).
"""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.vpro.fleet.tests.lab.conftest import Lab
from vpro_lab.air.ap import BSSID, DEFAULT_SSID
from vpro_lab.air.engine import Engine
from vpro_lab.laptop.control import INTERFACE, Laptop
from vpro_lab.play.deployed import SERVICE
from vpro_lab.play.handover import hand_over_by_watcher
from vpro_lab.play.snapshots import Kind

#: The whole connection, DHCP included, happens "very quickly (~500ms)".
QUICK_MS = 500.0
CSMES_DEADLINE_MS = 3000.0
#: Asks the driver for AMT's connection: Intel's GET_CSME_CONN_INFO.
READ = f"iw dev {INTERFACE} vendor recv 0x001735 0x2d /dev/null"
#: What a scan of one channel takes at most; each further one takes some 60 ms.
ONE_CHANNEL_MS = 150.0
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


def test_the_ten_steps(lab: Lab, laptop_kind: Kind) -> None:
    kind = replace(laptop_kind, engine=True, deployed=True)
    scene = lab.scene(kind, start=False)
    laptop, engine = scene.laptop, Engine(scene.laptop)
    laptop.guest.check(f"systemctl stop {SERVICE}")
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
    answer = laptop.guest.check(READ)
    for part in (DEFAULT_SSID, bytes.fromhex(BSSID.replace(":", ""))):
        assert part.hex(" ") in " ".join(answer.split()), answer
    laptop.guest.check("dmesg --clear")
    run = hand_over_by_watcher(scene)
    # 4. The host has the credentials for that profile; 5. it limits the supplicant to AMT's access point and frequency:
    # all channels would take seconds.
    at = run.seen.timeline.firsts()
    assert 0 < at["scan results"] - at["scan"] < ONE_CHANNEL_MS, run.report()
    if laptop.manager == "wpa_supplicant":
        assert f"corp-wifi: bssid {BSSID}" in laptop.pins(), "the stay keeps the host there"
    # 6. iwlmei asks AMT for the device; 7. AMT releases it; 8. iwlmei gets it, and releases the RFKILL state.
    told = engine.told_by_iwlmei()
    assert [name for name in told if name in (ASKS, ANSWER, CONFIRMED)] == [ASKS, ANSWER, CONFIRMED], told
    assert engine.state()["owner"] == "HOST"
    assert block(laptop) == "0 0x0 "
    # 9. All the connection process including DHCP happens very quickly.
    assert "HOST_LINK_UP" in told[told.index(CONFIRMED) :], told
    address = run.seen.timeline.first("address")
    assert (address or CSMES_DEADLINE_MS) < QUICK_MS, run.report()
    # 10. The host is connected, and the TCP connection is preserved.
    assert run.seen.kept, run.report()
    assert run.module["outcome"] == "protected"
