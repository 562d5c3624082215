# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Airplane mode on real switches, over a reboot, beside a block of CSME's, and below a switch of the platform."""

from __future__ import annotations

from typing import Any, Dict

import pytest

from vpro_lab.air.csme import Csme
from vpro_lab.laptop.control import Laptop
from vpro_lab.laptop.guest import PAYLOAD
from vpro_lab.play.playbook import run_module


def airplane(laptop: Laptop, enabled: bool, *flags: str, **options: Any) -> Dict[str, Any]:
    """Run the module."""
    return run_module(laptop, "amt_wifi_airplane", {"enabled": enabled, **options}, *flags)


def soft(laptop: Laptop) -> Dict[str, str]:
    """Return each radio's soft block as sysfs tells it."""
    text = laptop.guest.check("for r in /sys/class/rfkill/*; do echo $(cat $r/name) $(cat $r/soft); done")
    # A radio of an earlier test may just be going away.
    return dict(line.split() for line in text.splitlines() if line.strip())


def test_all_radios_or_one(laptop: Laptop) -> None:
    laptop.radios(5)
    checked = airplane(laptop, True, "--check", "--diff")
    assert checked["changed"] is True
    assert set(soft(laptop).values()) == {"0"}
    assert airplane(laptop, True)["changed"] is True
    assert set(soft(laptop).values()) == {"1"}
    assert airplane(laptop, True)["changed"] is False
    one = airplane(laptop, False, interface="wlan3")
    phy = one["switches"][0]["phy"]
    assert soft(laptop)[phy] == "0"
    assert sorted(soft(laptop).values()) == ["0", "1", "1"]  # sysfs shows those of its own network namespace
    refused = airplane(laptop, False, interface="eth0")
    assert refused["error"]["code"] == "no_radio"


def test_bluetooth_is_untouched_unless_asked(laptop: Laptop) -> None:
    # A controller of the kernel's own virtual kind: its switch is as real as any.
    laptop.guest.check("modprobe hci_vhci")
    keep = "import os, time; fd = os.open('/dev/vhci', os.O_RDWR); os.write(fd, bytes([255, 0])); time.sleep(600)"
    laptop.guest.spawn("bluetooth", ["python3", "-c", keep], "/run/lab-bluetooth.log")
    try:
        laptop.wait_until("the controller", lambda: "hci0" in soft(laptop))
        assert airplane(laptop, True)["changed"] is True
        assert soft(laptop)["hci0"] == "0"
        both = airplane(laptop, True, bluetooth=True)
        assert [switch["name"] for switch in both["switches"] if switch["type"] == "bluetooth"] == ["hci0"]
        assert set(soft(laptop).values()) == {"1"}
        assert airplane(laptop, False)["changed"] is True
        assert soft(laptop)["hci0"] == "1"
        assert airplane(laptop, False, interface="wlan0", bluetooth=True)["error"]["code"] == "bad_options"
    finally:
        laptop.guest.stop("bluetooth")


def test_a_block_of_csme_stays_and_is_told(laptop: Laptop, csme: Csme) -> None:
    csme.own()
    assert airplane(laptop, True)["changed"] is True
    lifted = airplane(laptop, False)
    assert lifted["changed"] is True
    mine = next(switch for switch in lifted["switches"] if switch["hard"])
    assert (mine["soft"], mine["reasons"]) == (False, ["not_owner"])
    assert any("CSME owns it" in warning for warning in lifted["warnings"])


def is_off(laptop: Laptop) -> bool:
    """Say whether the radio of wlan0 is hard-blocked."""
    return laptop.guest.check("cat /sys/class/net/wlan0/phy80211/rfkill*/hard").strip() == "1"


def test_a_switch_of_the_platform_is_named_and_lifted(laptop: Laptop) -> None:
    laptop.radios()
    laptop.guest.check(f"insmod {PAYLOAD}/platform_switch.ko netdev=wlan0 name=dell-wifi delay_ms=500")
    try:
        laptop.guest.check("rfkill block wlan")
        laptop.wait_until("the radio is off", lambda: is_off(laptop))
        facts = run_module(laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
        mine = next(radio for radio in facts["radios"] if radio["interface"] == "wlan0")
        assert mine["rfkill"]["reasons"] == ["signal"]
        assert [(each["name"], each["soft"]) for each in mine["rfkill"]["platform"]] == [("dell-wifi", True)]
        told = {blocker["code"]: blocker["message"] for blocker in facts["readiness"]["blockers"]}
        assert "dell-wifi" in told["switch_off"]
        assert "rfkill unblock wlan" in told["switch_off"]

        one = airplane(laptop, False, interface="wlan0")
        assert any("dell-wifi" in warning and "without interface" in warning for warning in one["warnings"])
        assert (is_off(laptop), soft(laptop)["dell-wifi"]) == (True, "1")
        assert not airplane(laptop, False, "--check").get("warnings")

        lifted = airplane(laptop, False)
        assert (lifted["changed"], lifted.get("warnings", [])) == (True, [])
        assert (is_off(laptop), set(soft(laptop).values())) == (False, {"0"})
        assert {(each["name"], each["hard"]) for each in lifted["switches"]} >= {("dell-wifi", False)}

        laptop.guest.check("echo 1 > /sys/module/platform_switch/parameters/stuck; rfkill block wlan")
        laptop.wait_until("the radio is off", lambda: is_off(laptop))
        stays = airplane(laptop, False)
        assert any("dell-wifi" in warning and "was lifted" in warning for warning in stays["warnings"])
        assert is_off(laptop)
    finally:
        laptop.guest.check("rfkill unblock wlan; rmmod platform_switch")
    assert not is_off(laptop)


@pytest.mark.release
def test_it_survives_a_reboot(laptop: Laptop) -> None:
    assert airplane(laptop, True)["changed"] is True
    # systemd-rfkill writes the state a few seconds after the last change, when it ends for want of work.
    laptop.guest.check(
        "for i in $(seq 100); do systemctl is-active -q systemd-rfkill || exit 0; sleep 0.2; done; exit 1"
    )
    laptop.reboot()
    laptop.radios()
    laptop.guest.check(
        "for i in $(seq 50); do grep -q 1 /sys/class/net/wlan0/phy80211/rfkill*/soft && exit 0; sleep 0.2; done; exit 1"
    )
    assert airplane(laptop, True)["changed"] is False
    assert airplane(laptop, False)["changed"] is True
