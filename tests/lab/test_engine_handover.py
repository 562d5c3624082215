# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A session is carried on over the real iwlmei: by its filters and its queues, between CSME and the host's radio."""

from __future__ import annotations

from typing import List

import pytest

from vpro_lab.air.ap import DEFAULT_SSID
from vpro_lab.air.engine import Engine, installed
from vpro_lab.air.security import network_block
from vpro_lab.laptop.control import INTERFACE, Laptop
from vpro_lab.laptop.dhcp import identify
from vpro_lab.play.carried import handed_over, take_back, wait_for_end
from vpro_lab.play.deployed import SERVICE
from vpro_lab.play.playbook import run_module
from vpro_lab.play.watching import log, state

# It takes minutes to build the first time.
pytestmark = [pytest.mark.manager("wpa_supplicant"), pytest.mark.release]


@pytest.fixture
def engine(laptop: Laptop) -> Engine:
    """The engine, its firmware not started."""
    identify(laptop)
    return installed(laptop)


def seconds_to_link(engine: Engine) -> float:
    """Return how long after CSME's last grant it was told of the host's connection."""
    granted, linked = (engine.noted(name)[-1]["at"] for name in ("grant", "host_link_up"))
    return float(linked - granted) / 1e9


@pytest.mark.parametrize("security", ["wpa2-psk", "wpa3-sae"])
def test_the_task_keeps_the_session(laptop: Laptop, engine: Engine, security: str) -> None:
    session = engine.surround(security=security)
    laptop.supplicant(network_block(security, DEFAULT_SSID))
    take_back(laptop, engine)
    assert session.survives(), "CSME's own station carries it"
    before = len(engine.said())
    done = run_module(laptop, "amt_wifi_ownership", {"interface": INTERFACE})
    assert done["outcome"] == "protected", done
    assert session.survives(), "the host carries it"
    assert engine.state()["owner"] == "HOST"
    # The kernel's own driver tells CSME of all that ends its deadline.
    said: List[str] = engine.said()[before:]
    order = ["HOST_ASKS_FOR_NIC_OWNERSHIP", "> CSME_REPLY_TO_HOST_OWNERSHIP_REQ", "HOST_OWNERSHIP_CONFIRMED"]
    assert [name for name in said if name in order] == order
    assert "HOST_LINK_UP" in said
    assert [each["met"] for each in engine.noted("deadline")] == [True]


def test_the_watcher_keeps_the_session_until_its_end(watched_laptop: Laptop) -> None:
    laptop = watched_laptop
    engine, session = handed_over(laptop)
    assert session.survives(), log(laptop)
    told = state(laptop)["last_handover"]
    assert (told["outcome"], told["session_kept"]) == ("protected", None)
    # iwlmei has told that CSME forbids roaming, so it is CSME's word that ends the stay.
    assert "CSME forbids roaming" in log(laptop)
    laptop.guest.check("sleep 20")
    assert state(laptop)["state"] == "staying"
    engine.do("connection", link_protection=False)
    laptop.wait_until("the pin's end", lambda: laptop.pins() == "", 30)
    assert state(laptop)["last_handover"]["session_kept"] is True, log(laptop)
    assert [each["met"] for each in engine.noted("deadline")] == [True]


#: The device of iwlmei's client on the MEI bus.
_CLIENT = "$(basename /sys/bus/mei/devices/*13280904*)"
_BIND = "/sys/bus/mei/drivers/iwlmei"


@pytest.mark.parametrize("fault", ["the firmware crashes", "AMT is switched off", "iwlmei is unbound and bound again"])
def test_no_laptop_is_stranded(watched_laptop: Laptop, fault: str) -> None:
    laptop = watched_laptop
    engine, _session = handed_over(laptop)
    if fault == "the firmware crashes":
        engine.do("reset")
    elif fault == "AMT is switched off":
        engine.do("amt", on=False)
    else:
        laptop.guest.check(f"echo {_CLIENT} >{_BIND}/unbind; sleep 1; echo {_CLIENT} >{_BIND}/bind")
    # CSME may take the radio for its session meanwhile, and the watcher hands over again.
    laptop.guest.check("sleep 5")
    wait_for_end(laptop, engine)


def test_how_fast_stock_linux_is_depends_on_the_kernel(laptop: Laptop, engine: Engine) -> None:
    """Whether the session lives depends on how fast CSME's station is back: the console gives up in that moment."""
    engine.surround()
    # Nobody scans while the radio is blocked, so wpa_supplicant looks at all channels when it gets the radio.
    laptop.supplicant(network_block("wpa2-psk", DEFAULT_SSID))
    if engine.driver_managed:
        # There the driver looks at CSME's channel alone. The address may still come too late.
        laptop.wait_until("the host's connection", lambda: bool(engine.noted("host_link_up")), 10)
        assert seconds_to_link(engine) < 1
    else:
        laptop.guest.check(f"iw dev {INTERFACE} vendor send 0x001735 0x30 /dev/null")
        laptop.wait_until("the end of CSME's patience", lambda: engine.state()["owner"] == "ME", 10)
        missed = [line for line in engine.log() if line.get("event") == "deadline"]
        assert [(each["met"], each["link_up"]) for each in missed] == [(False, False)]


def test_a_driver_managed_host_carries_the_session_on_by_itself(watched_laptop: Laptop) -> None:
    laptop = watched_laptop
    engine = installed(laptop)
    if not engine.driver_managed:
        pytest.skip("this kernel asks for nothing when the interface comes up")
    session = engine.surround()
    laptop.supplicant(network_block("wpa2-psk", DEFAULT_SSID), group=SERVICE)
    # The watcher has let the supplicant start. It keeps the host where it is, and sees that it gets an address.
    laptop.wait_until("the stay", lambda: state(laptop)["state"] == "staying", 60)
    laptop.wait_until("the end of the deadline", lambda: bool(engine.noted("deadline")), 10)
    assert [each["met"] for each in engine.noted("deadline")] == [True], log(laptop)
    assert state(laptop)["last_handover"] is None
    assert session.survives()
    assert "CSME forbids roaming" in log(laptop)
    engine.do("connection", link_protection=False)
    laptop.wait_until("the pin's end", lambda: laptop.pins() == "", 30)
