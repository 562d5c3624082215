# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CSME takes the radio back from a connected host: iwlmei did not tell it that the host had joined its network."""

from __future__ import annotations

from typing import Any, Dict

import pytest

from vpro_lab.air.ap import DEFAULT_SSID
from vpro_lab.air.engine import Engine, installed
from vpro_lab.air.security import network_block
from vpro_lab.air.session import Session
from vpro_lab.laptop.control import INTERFACE, Laptop
from vpro_lab.laptop.dhcp import identify
from vpro_lab.play.deployed import SERVICE, is_connected
from vpro_lab.play.playbook import run_module
from vpro_lab.play.watching import log, state

# It takes minutes to build the first time.
pytestmark = [pytest.mark.manager("wpa_supplicant"), pytest.mark.release]

#: The access point offers a cipher that iwlmvm does not tell CSME of. CSME itself uses the other.
_BOTH_CIPHERS = "rsn_pairwise=CCMP CCMP-256\n"
#: A profile by which the supplicant chooses that cipher.
_PROFILE = network_block("wpa2-psk", DEFAULT_SSID, "pairwise=CCMP-256 CCMP\n")
_UNREPORTED = "The driver lacks it, or does not tell CSME that the host has joined"


def on_the_air(laptop: Laptop, group: str = "netdev") -> tuple[Engine, Session]:
    """Let CSME hold the radio for a session, with its block, and let the host join by a cipher that is not reported."""
    identify(laptop)
    engine = installed(laptop)
    session = engine.surround(extra=_BOTH_CIPHERS)
    laptop.supplicant(_PROFILE, group=group)
    # On a driver-managed kernel, the supplicant's start took the radio. CSME takes it back by itself.
    laptop.wait_until("CSME's block", lambda: engine.blocked)
    return engine, session


def missed(engine: Engine) -> Dict[str, Any]:
    """Return what CSME noted when its last deadline was missed."""
    return [line for line in engine.log() if line.get("event") == "deadline"][-1]


def test_the_task_waits_and_says_so(laptop: Laptop) -> None:
    engine, session = on_the_air(laptop)
    refused = run_module(laptop, "amt_wifi_ownership", {"interface": INTERFACE})
    assert refused["error"]["code"] == "taken_back", refused
    assert (refused["owner"], refused["changed"]) == ("csme", False)
    assert any(_UNREPORTED in warning for warning in refused["warnings"]), refused["warnings"]
    # The host was connected and had its address, of which CSME saw the latter alone.
    names = [step["name"] for step in refused["steps"]]
    assert names.index("granted") < names.index("connected") < names.index("address") < names.index("taken_back")
    assert (missed(engine)["link_up"], missed(engine)["dhcp"]) == (False, True)
    assert laptop.pins() == ""
    assert session.survives(), "CSME carries it on itself"


def test_the_watcher_gives_up_and_leaves_the_radio_to_csme(watched_laptop: Laptop) -> None:
    laptop = watched_laptop
    engine, session = on_the_air(laptop, SERVICE)
    laptop.wait_until("the last failure", lambda: state(laptop)["state"] == "left", 60)
    told = state(laptop)
    assert told["radios"][0]["reason"] == "taken_back", log(laptop)
    assert (told["last_handover"]["outcome"], told["last_handover"]["session_kept"]) == ("taken_back", None)
    assert engine.state()["owner"] == "ME"
    assert laptop.pins() == ""
    assert _UNREPORTED in log(laptop)
    assert session.survives()
    facts = run_module(laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
    assert [radio["owner"] for radio in facts["radios"] if radio["interface"] == INTERFACE] == ["csme"]
    assert [blocker["code"] for blocker in facts["readiness"]["blockers"]] == ["left_to_csme"]
    assert "host_link_unreported" in [warning["code"] for warning in facts["readiness"]["warnings"]]
    # The host gets the radio when the session has ended.
    engine.do("connection", link_protection=False)
    laptop.wait_until("the host's connection", lambda: is_connected(laptop), 60)
    assert laptop.pins() == ""
