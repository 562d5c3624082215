# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stand-in is a faithful model: seen through ``iw`` and sysfs, with none of the collection's code."""

from __future__ import annotations

import time
from typing import Callable, List

import pytest

from vpro_lab.air.csme import Csme
from vpro_lab.air.scene import Scene
from vpro_lab.errors import LabError
from vpro_lab.laptop.control import Laptop

# About wpa_supplicant, or about neither: once is enough.
pytestmark = [pytest.mark.manager("wpa_supplicant"), pytest.mark.standin]

REQUEST = "iw dev wlan0 vendor send 0x001735 0x30 /dev/null"
#: What iw prints for ETIMEDOUT.
TIMED_OUT = "Connection timed out (-110)"
READ = "iw dev wlan0 vendor recv 0x001735 0x2d /dev/null"


def blocked(laptop: Laptop) -> str:
    """Return the radio's hard block and its reasons as the kernel tells them."""
    return laptop.guest.check(
        "cat /sys/class/net/wlan0/phy80211/rfkill*/hard /sys/class/net/wlan0/phy80211/rfkill*/hard_block_reasons"
    ).replace("\n", " ")


def events(csme: Csme) -> List[str]:
    """Return what the stand-in logged, names alone."""
    return [line.event for line in csme.log()]


def test_owning_blocks_for_the_true_reason(laptop: Laptop, csme: Csme) -> None:
    assert blocked(laptop) == "0 0x0 "
    csme.own()
    assert blocked(laptop) == "1 0x2 "
    csme.control("reason signal on")
    assert blocked(laptop) == "1 0x3 "
    csme.release()
    assert blocked(laptop) == "1 0x1 "
    csme.control("reason signal off")
    assert blocked(laptop) == "0 0x0 "
    csme.own(link_protection=False)
    assert blocked(laptop) == "0 0x0 "


def test_the_connection_is_told_as_mainline_tells_it(laptop: Laptop, csme: Csme) -> None:
    assert laptop.guest.run(READ).rc != 0, "no connection was ever reported: EINVAL"
    csme.connection(ssid=b"corp", bssid="02:aa:bb:cc:dd:ee", channel=11, auth=9, cipher=9)
    # AUTH_MODE, SSID, STA_CIPHER, CHANNEL_NUM, ADDR as netlink attributes, little-endian.
    told = "".join(laptop.guest.check(READ).split(":", 1)[-1].split()).lower()
    for part in ("0800650009000000", "08003d00636f7270", "0800510009000000", "050066000b", "0a000a0002aabbccddee"):
        assert part in told
    csme.release()
    assert laptop.guest.run(READ).rc == 0, "the kernel never forgets a connection"


@pytest.mark.parametrize(
    ("answer", "event", "owner", "error"),
    [
        ("grant", "grant", "host", ""),
        ("deny", "deny", "csme", TIMED_OUT),
        ("silent", "silent", "csme", TIMED_OUT),
        ("unasked", "unasked", "csme", ""),
    ],
)
def test_a_request_returns_what_iwlmei_returns(
    laptop: Laptop, csme: Csme, answer: str, event: str, owner: str, error: str
) -> None:
    csme.control(f"answer {answer}")
    csme.own()
    asked = laptop.guest.run(REQUEST)
    assert (asked.rc == 0, error in asked.err) == (not error, True)
    assert csme.state()["owner"] == owner
    assert event in events(csme)
    if error:
        log = {line.event: line.t for line in csme.log()}
        assert 0.45 < log["request_return"] - log["request"] < 1.0, "the driver waits HZ/2 for CSME"


def test_a_late_grant_comes_after_the_request_has_returned(laptop: Laptop, csme: Csme) -> None:
    csme.control("grant_delay 800")
    csme.own()
    assert TIMED_OUT in laptop.guest.run(REQUEST).err
    assert csme.state()["owner"] == "csme"
    laptop.wait_until("the grant", lambda: csme.state()["owner"] == "host", 5)
    assert events(csme).index("request_return") < events(csme).index("grant")


def test_without_a_carrier_csme_takes_the_radio_back(laptop: Laptop, csme: Csme) -> None:
    csme.control("deadline 600")
    csme.own()
    laptop.guest.check(REQUEST)
    assert blocked(laptop) == "0 0x0 "
    laptop.wait_until("the take-back", lambda: csme.state()["takebacks"] == "1", 5)
    assert blocked(laptop) == "1 0x2 "


def test_taking_the_radio_ends_a_hosts_connection(stage: Callable[..., Scene]) -> None:
    scene = stage(session=False)
    scene.csme.release()
    scene.laptop.wait_until("the connection", lambda: "wpa_state=COMPLETED" in scene.laptop.wpa("status"), 30)
    scene.csme.take()
    assert blocked(scene.laptop) == "1 0x2 "
    scene.laptop.wait_until("the end of it", lambda: "wpa_state=INTERFACE_DISABLED" in scene.laptop.wpa("status"), 10)


def test_roaming_is_announced_while_the_host_owns(laptop: Laptop, csme: Csme) -> None:
    laptop.guest.spawn("events", ["sh", "-c", "exec iw event"], "/run/lab-events.log")
    time.sleep(1)
    csme.control("roaming forbidden")
    csme.control("link_protection 0")
    laptop.wait_until("two events", lambda: laptop.guest.read("/run/lab-events.log").count("vendor event") == 2, 5)
    laptop.guest.stop("events")
    assert events(csme).count("roaming_event") == 2
    csme.own()
    csme.clear_log()
    csme.control("link_protection 1")
    assert "roaming_event" not in events(csme), "CSME owns: there is no event"


def test_driver_managed_bringing_the_interface_up_is_the_request(laptop: Laptop, csme: Csme) -> None:
    laptop.guest.check("ip link set wlan0 down")  # systemd-networkd brings up what it manages
    csme.control("generation driver")
    csme.own()
    assert blocked(laptop) == "0 0x0 ", "no block by owning alone"
    laptop.guest.check("ip link set wlan0 up")
    assert csme.state()["owner"] == "host"
    assert "request" in events(csme)
    csme.take()
    assert blocked(laptop) == "1 0x2 "


def test_driver_managed_a_denied_interface_stays_down(laptop: Laptop, csme: Csme) -> None:
    laptop.guest.check("ip link set wlan0 down")
    csme.control("generation driver")
    csme.control("answer deny")
    csme.own()
    assert laptop.guest.run("ip link set wlan0 up").rc != 0
    assert csme.state()["owner"] == "csme"


def test_a_bad_command_is_refused(csme: Csme) -> None:
    before = csme.state()
    for command in (" ", "owned", "answer maybe", "connection ssid=zz", "grant_delay -1", "reply raw f"):
        with pytest.raises(LabError):
            csme.control(command)
        assert csme.state() == before, command


def test_it_lets_go_of_the_radio(laptop: Laptop, csme: Csme) -> None:
    csme.own()
    laptop.guest.check("rmmod csme_standin")
    assert blocked(laptop) == "0 0x0 "
    assert laptop.guest.run(READ).rc != 0, "hwsim has its own vendor commands again"
