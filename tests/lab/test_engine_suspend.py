# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A laptop suspends over the real iwlmei. Linux 6.1 loses the interface then, and the watcher brings it back.

The bug is kernel bugzilla 215937, and mended in Linux 6.2.
"""

from __future__ import annotations

from typing import Callable

import pytest

from vpro_lab.air.engine import installed
from vpro_lab.laptop.control import INTERFACE, Laptop
from vpro_lab.laptop.sleep import rehearse_sleep, sleep
from vpro_lab.play.carried import handed_over, wait_for_end
from vpro_lab.play.deployed import is_connected
from vpro_lab.play.watching import log, state

# It takes minutes to build the first time.
pytestmark = [pytest.mark.manager("wpa_supplicant"), pytest.mark.release]

#: What iwlmei says when CSME has not read that the host goes down.
NO_ANSWER = "Couldn't get ACK from CSME on HOST_GOES_DOWN message"


def is_up(laptop: Laptop) -> bool:
    """Whether the interface is up."""
    return ",UP" in laptop.guest.check(f"ip link show {INTERFACE}")


@pytest.mark.parametrize(
    ("suspend", "csme"),
    [(sleep, "answers"), (sleep, "does not answer"), (sleep, "is switched off"), (rehearse_sleep, "answers")],
)
def test_only_the_older_kernel_loses_the_interface(
    laptop: Laptop, suspend: Callable[[Laptop], None], csme: str
) -> None:
    engine = installed(laptop)
    engine.load()
    engine.start()
    laptop.supplicant("")
    laptop.wait_until("the interface", lambda: is_up(laptop))
    if csme == "does not answer":
        engine.do("deaf")
    elif csme == "is switched off":
        engine.do("amt", on=False)
    suspend(laptop)
    laptop.wait_until("SAP", lambda: engine.connected)
    assert (NO_ANSWER in laptop.guest.check("dmesg")) is (csme == "does not answer")
    # wpa_supplicant runs, and does not bring it up again.
    laptop.guest.check("sleep 3")
    assert is_up(laptop) is engine.driver_managed


def test_a_session_is_carried_on_after_a_sleep(watched_laptop: Laptop) -> None:
    engine, session = handed_over(watched_laptop)
    sleep(watched_laptop)
    watched_laptop.wait_until("the host's connection", lambda: is_connected(watched_laptop), 30)
    assert session.survives(), log(watched_laptop)
    assert engine.state()["owner"] == "HOST"
    wait_for_end(watched_laptop, engine)


@pytest.mark.parametrize("csme", ["answers", "does not answer", "is switched off", "keeps the NIC"])
def test_a_host_with_the_radio_comes_back(watched_laptop: Laptop, csme: str) -> None:
    engine, _session = handed_over(watched_laptop)
    wait_for_end(watched_laptop, engine)
    if csme == "does not answer":
        engine.do("deaf")
    elif csme == "is switched off":
        engine.do("amt", on=False)
    elif csme == "keeps the NIC":
        # A driver that can't ask, because SAP is down, can't start the NIC then.
        engine.do("behaviour", holds=True)
    sleep(watched_laptop)
    wait_for_end(watched_laptop, engine)
    brought_up = "the driver closed the interface" in log(watched_laptop)
    assert brought_up is (csme == "keeps the NIC" or not engine.driver_managed)


def test_csme_opens_a_session_meanwhile(watched_laptop: Laptop) -> None:
    engine, _session = handed_over(watched_laptop)
    wait_for_end(watched_laptop, engine)
    engine.do("later", seconds=0.6, command={"do": "connection", "link_protection": True})
    rehearse_sleep(watched_laptop)
    watched_laptop.wait_until("the stay", lambda: state(watched_laptop)["state"] == "staying", 60)
    wait_for_end(watched_laptop, engine)


def test_csme_keeps_the_radio_before_and_after(watched_laptop: Laptop) -> None:
    """The sleep ends CSME's block without CSME's consent, and a driver-managed kernel does not set it again."""
    engine, _session = handed_over(watched_laptop)
    engine.do("behaviour", answer="deny")
    engine.do("take")
    left = ("left", "retrying")
    watched_laptop.wait_until("CSME's refusal", lambda: state(watched_laptop)["state"] in left, 60)
    # What the host can't ask for, it does not get.
    engine.do("behaviour", holds=True)
    sleep(watched_laptop)
    watched_laptop.guest.check("sleep 10")
    assert engine.state()["owner"] == "ME"
    engine.do("behaviour", answer="grant")
    wait_for_end(watched_laptop, engine, 90)
    assert ("the interface did not come up after a block" in log(watched_laptop)) is engine.driver_managed
