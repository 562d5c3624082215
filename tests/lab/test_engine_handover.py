# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A session is carried on over the real iwlmei: by its filters and its queues, between CSME and the host's radio."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest

from vpro_lab.air.ap import DEFAULT_SSID
from vpro_lab.air.engine import Engine
from vpro_lab.air.security import network_block
from vpro_lab.air.session import Session
from vpro_lab.laptop.control import INTERFACE, Laptop
from vpro_lab.laptop.dhcp import identify
from vpro_lab.play.deployed import SERVICE, is_connected
from vpro_lab.play.playbook import run_module
from vpro_lab.play.snapshots import Kind
from vpro_lab.play.watching import log, state
from vpro_lab.progress import Progress

# It takes minutes to build the first time.
pytestmark = [pytest.mark.manager("wpa_supplicant"), pytest.mark.release]


@pytest.fixture(autouse=True)
def _userspace(laptop_kind: Kind) -> None:
    """Leave out driver-managed kernels: there the interface's bring-up is the request, and the driver narrows the scan
    to CSME's channel, which the shim does not do yet.
    """
    if laptop_kind.suite != "bookworm":
        pytest.skip("the shim does not narrow scans yet, as a driver-managed kernel does")


@pytest.fixture
def engine(laptop: Laptop) -> Engine:
    """The engine, its firmware not started."""
    identify(laptop)
    return Engine(laptop, Progress(quiet=True))


def events(engine: Engine, name: str) -> Iterator[Dict[str, Any]]:
    """Return what CSME noted of a kind, in order."""
    return (line for line in engine.log() if line.get("event") == name)


@pytest.mark.parametrize("security", ["wpa2-psk", "wpa3-sae"])
def test_the_task_keeps_the_session(laptop: Laptop, engine: Engine, security: str) -> None:
    session = engine.surround(security=security)
    laptop.supplicant(network_block(security, DEFAULT_SSID))
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
    assert [each["met"] for each in events(engine, "deadline")] == [True]


@pytest.fixture
def watched_laptop(deployed: Callable[[str], Laptop], laptop_kind: Kind) -> Laptop:
    """A laptop with both roles applied."""
    made = deployed(laptop_kind.suite)
    identify(made)
    return made


def handed_over(laptop: Laptop) -> Tuple[Engine, Session]:
    """Let the watcher hand over; return CSME and its session, which goes on."""
    engine = Engine(laptop, Progress(quiet=True))
    session = engine.surround()
    laptop.supplicant(network_block("wpa2-psk", DEFAULT_SSID), group=SERVICE)
    laptop.wait_until("the handover", lambda: state(laptop)["state"] == "staying", 60)
    return engine, session


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
    assert [each["met"] for each in events(engine, "deadline")] == [True]


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
    laptop.wait_until("the host's connection", lambda: is_connected(laptop), 60)
    # Nobody says that roaming is forbidden any more, so it is allowed.
    engine.do("connection", link_protection=False)
    laptop.wait_until("the pin's end", lambda: laptop.pins() == "", 60)
    laptop.wait_until("a watcher with nothing to do", lambda: state(laptop)["state"] == "watching", 60)
    assert is_connected(laptop)


def test_stock_linux_misses_csmes_deadline(laptop: Laptop, engine: Engine) -> None:
    """Whether the session lives depends on how fast CSME's station is back: the console gives up in that moment."""
    engine.surround()
    # Nobody scans while the radio is blocked, so wpa_supplicant looks at all channels when it gets the radio.
    laptop.supplicant(network_block("wpa2-psk", DEFAULT_SSID))
    laptop.guest.check(f"iw dev {INTERFACE} vendor send 0x001735 0x30 /dev/null")
    laptop.wait_until("the end of CSME's patience", lambda: engine.state()["owner"] == "ME", 10)
    assert [each["met"] for each in events(engine, "deadline")] == [False]
