# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the real iwlmei says of a request that CSME does not grant: the outcome, the log and the facts tell the truth.

A denial and no answer are the same to the driver. While SAP is down or AMT is off, it lets the radio go.
"""

from __future__ import annotations

from typing import Any, Dict, List

import pytest

from vpro_lab.air.ap import DEFAULT_SSID
from vpro_lab.air.engine import Engine, installed
from vpro_lab.air.security import network_block
from vpro_lab.air.session import Session
from vpro_lab.engine import sap
from vpro_lab.laptop.control import INTERFACE, Laptop
from vpro_lab.laptop.dhcp import identify
from vpro_lab.play.deployed import SERVICE, is_connected
from vpro_lab.play.playbook import run_module
from vpro_lab.play.watching import log, state

# It takes minutes to build the first time.
pytestmark = [pytest.mark.manager("wpa_supplicant"), pytest.mark.release]

_DENIED = "CSME denied the host the radio, or did not answer"


def refusing(laptop: Laptop, answer: str, group: str = "netdev") -> tuple[Engine, Session]:
    """Let CSME hold the radio for a session, with its block, and refuse it to the host."""
    identify(laptop)
    engine = installed(laptop)
    session = engine.surround()
    # On a driver-managed kernel, the supplicant's start takes the radio. On the older one, the watcher asks at once.
    engine.do("behaviour", answer="grant" if engine.driver_managed else answer)
    laptop.supplicant(network_block("wpa2-psk", DEFAULT_SSID), group=group)
    if engine.driver_managed:
        laptop.wait_until("the host's connection", lambda: is_connected(laptop), 60)
        engine.do("behaviour", answer=answer)
        engine.do("take")
    laptop.wait_until("CSME's block", lambda: engine.blocked)
    return engine, session


def facts_of(laptop: Laptop) -> Dict[str, Any]:
    """Return the facts."""
    told: Dict[str, Any] = run_module(laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
    return told


def owner(facts: Dict[str, Any]) -> str:
    """Return who owns the laptop's radio, by the facts."""
    (radio,) = [radio for radio in facts["radios"] if radio["interface"] == INTERFACE]
    return str(radio["owner"])


def codes(facts: Dict[str, Any]) -> List[str]:
    """Return the codes of what keeps the laptop from a handover."""
    return [blocker["code"] for blocker in facts["readiness"]["blockers"]]


@pytest.mark.parametrize("answer", ["deny", "silent"])
def test_the_task_does_not_tell_a_denial_from_silence(laptop: Laptop, answer: str) -> None:
    engine, session = refusing(laptop, answer)
    refused = run_module(laptop, "amt_wifi_ownership", {"interface": INTERFACE})
    assert refused["error"]["code"] == "denied", refused
    assert _DENIED in refused["msg"]
    assert (refused["owner"], refused["changed"]) == ("csme", False)
    asked = [line for line in engine.log() if line.get("event") == "request" and line["answer"] == answer]
    assert len(asked) == refused["requests"] > 0
    assert laptop.pins() == ""
    assert session.survives()


def test_a_driver_that_takes_the_host_for_the_owner_asks_nobody(laptop: Laptop) -> None:
    engine, session = refusing(laptop, "grant")
    # CSME says so after the status of its connection, for which an older driver has set the block.
    header = sap.HEADER.pack(sap.Notification.NIC_OWNER, sap.DW.size, 0)
    engine.do("raw", hex=(header + sap.DW.pack(sap.NicOwner.HOST)).hex())
    requests = engine.said().count("HOST_ASKS_FOR_NIC_OWNERSHIP")
    refused = run_module(laptop, "amt_wifi_ownership", {"interface": INTERFACE})
    assert refused["error"]["code"] == "not_asked", refused
    assert "or takes the host for the owner" in refused["msg"]
    assert (refused["owner"], refused["changed"]) == ("csme", False)
    assert engine.said().count("HOST_ASKS_FOR_NIC_OWNERSHIP") == requests
    assert laptop.pins() == ""
    assert session.survives()


@pytest.mark.parametrize("gone", ["SAP", "AMT"])
def test_without_sap_or_amt_the_radio_is_the_hosts(laptop: Laptop, gone: str) -> None:
    engine, _session = refusing(laptop, "deny")
    end(engine, gone)
    laptop.wait_until("the host's connection", lambda: is_connected(laptop), 60)
    done = run_module(laptop, "amt_wifi_ownership", {"interface": INTERFACE})
    assert (done["owner"], done["changed"]) == ("host", False), done
    assert "outcome" not in done


def end(engine: Engine, gone: str) -> None:
    """Let SAP go down, or switch AMT off."""
    if gone == "AMT":
        engine.do("amt", on=False)
    else:
        engine.do("mute", on=True)
        engine.do("reset")


def given_up(laptop: Laptop) -> Dict[str, Any]:
    """Wait until the watcher has tried it often enough; return its state."""
    laptop.wait_until("the last failure", lambda: has_given_up(state(laptop)), 60)
    return state(laptop)


def has_given_up(told: Dict[str, Any]) -> bool:
    """Whether the watcher's handovers failed, and it asks no more for now."""
    return told["state"] == "left" and told["last_handover"] is not None


@pytest.mark.parametrize("answer", ["deny", "silent"])
def test_the_watcher_leaves_the_radio_and_asks_again(watched_laptop: Laptop, answer: str) -> None:
    laptop = watched_laptop
    engine, session = refusing(laptop, answer, SERVICE)
    told = given_up(laptop)
    assert (told["radios"][0]["reason"], told["last_handover"]["outcome"]) == ("denied", "denied")
    assert _DENIED in log(laptop)
    assert laptop.pins() == ""
    facts = facts_of(laptop)
    assert (owner(facts), codes(facts)) == ("csme", ["left_to_csme"])
    assert _DENIED in facts["readiness"]["blockers"][0]["message"]
    assert session.survives()
    engine.do("behaviour", answer="grant")
    laptop.guest.check(f"systemctl reload {SERVICE}")
    laptop.wait_until("the handover", lambda: state(laptop)["state"] == "staying", 30)
    assert state(laptop)["last_handover"]["outcome"] == "protected"
    assert session.survives()


@pytest.mark.parametrize("gone", ["SAP", "AMT"])
def test_the_watcher_claims_nothing_when_sap_or_amt_goes(watched_laptop: Laptop, gone: str) -> None:
    laptop = watched_laptop
    engine, _session = refusing(laptop, "silent", SERVICE)
    given_up(laptop)
    end(engine, gone)
    laptop.wait_until("the host's connection", lambda: is_connected(laptop), 60)
    told = state(laptop)
    assert (told["state"], told["radios"][0]["reason"]) == ("watching", None)
    assert told["last_handover"]["outcome"] == "denied", "it was no handover"
    assert laptop.pins() == ""
    facts = facts_of(laptop)
    # Nobody can see that AMT is off.
    assert (owner(facts), facts["kernel"]["iwlmei"]["sap_connected"]) == ("host", gone == "AMT")
