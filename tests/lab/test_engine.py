# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The real iwlmei speaks with the engine as with CSME: seen through ``iw`` and sysfs, without the collection's code.

What iwlmei does is the kernel's own, and differs between 6.1 and 6.12. What CSME heard of it is in the engine's log.
"""

from __future__ import annotations

from typing import List

import pytest

from vpro_lab.air.engine import Engine, installed
from vpro_lab.laptop.control import INTERFACE, Laptop

# About wpa_supplicant, or about neither: once is enough. It takes minutes to build the first time.
pytestmark = [pytest.mark.manager("wpa_supplicant"), pytest.mark.release]

REQUEST = f"iw dev {INTERFACE} vendor send 0x001735 0x30 /dev/null"
READ = f"iw dev {INTERFACE} vendor recv 0x001735 0x2d /dev/null"
CORP = {"ssid": "636f7270", "bssid": "02:aa:bb:cc:dd:ee", "channel": 6, "auth": 7, "cipher": 4}
#: What the vendor command says when CSME denies, and when it does not answer: the driver can't tell them apart.
TIMED_OUT = "Connection timed out"


@pytest.fixture
def engine(laptop: Laptop) -> Engine:
    """The engine behind iwlmei, its firmware not started. The interface is down, so nobody has asked for anything."""
    made = installed(laptop)
    made.load()
    laptop.wait_until("systemd-networkd has brought it up", lambda: is_up(laptop))
    laptop.guest.check(f"ip link set {INTERFACE} down")
    return made


@pytest.fixture
def driver_managed(engine: Engine) -> bool:
    """Whether the laptop's kernel is of the generation that sets no block by itself."""
    return engine.driver_managed


def blocked(laptop: Laptop) -> bool:
    """Whether the radio is blocked, for the one reason that there can be."""
    told = laptop.guest.check(
        f"cd /sys/class/net/{INTERFACE}/phy80211; cat rfkill*/hard rfkill*/hard_block_reasons"
    ).split()
    assert told in (["0", "0x0"], ["1", "0x2"])
    return told[0] == "1"


def is_up(laptop: Laptop) -> bool:
    """Whether the interface is up."""
    return ",UP" in laptop.guest.check(f"ip link show {INTERFACE}")


def since(engine: Engine, before: List[str]) -> List[str]:
    """Return the names of the messages after those that were there before, without what the host tells of itself."""
    return [name for name in engine.said()[len(before) :] if name not in ("RADIO_STATE", "NIC_INFO")]


def said_over_sap(engine: Engine) -> List[str]:
    """Return the names of all messages after those by which SAP starts."""
    return [name for name in engine.said() if name not in ("START", "> START_OK")]


@pytest.mark.parametrize("version", [3, 4])
def test_iwlmei_connects_as_it_does_with_real_firmware(
    laptop: Laptop, engine: Engine, driver_managed: bool, version: int
) -> None:
    engine.start(version=version)
    said = engine.said()
    assert said[:9] == [
        "START", "> START_OK", "> AMT_STATE", "WIFIDR_UP",
        "> AMT_STATE", "> CSME_FILTERS", "> CSME_CONN_STATUS", "> AMT_STATE",
        "WHO_OWNS_NIC",
    ]  # fmt: skip
    start = next(line for line in engine.log() if line.get("name") == "START")
    # Linux 6.1 knows version 3 alone; 6.12 offers the newer memory first.
    assert bytes.fromhex(start["hex"])[12] == (version if driver_managed else 3)
    bound = laptop.guest.check("readlink /sys/bus/mei/devices/*13280904*/driver")
    assert bound.strip().endswith("/iwlmei")
    assert not blocked(laptop)
    assert laptop.guest.run(READ).rc == 0, "CSME has told of a connection: none"
    for sender in ("", "> "):
        theirs, ours = (
            [name for name in names if name.startswith("> ") is bool(sender)]
            for names in (engine.told_by_iwlmei(), said_over_sap(engine))
        )
        assert theirs == ours, "iwlmei's own account of it"
    engine.do("power_off")
    laptop.wait_until("the end of iwlmei's client", lambda: not laptop.guest.check("ls /sys/bus/mei/devices").strip())
    assert engine.said()[-1] == "HOST_GOES_DOWN"


def test_a_request_is_granted(laptop: Laptop, engine: Engine, driver_managed: bool) -> None:
    engine.start()
    engine.owns(CORP)
    laptop.wait_until("CSME's connection", lambda: "63 6f 72 70" in laptop.guest.run(READ).out)
    assert blocked(laptop) is not driver_managed
    before = engine.said()
    laptop.guest.check(REQUEST)
    assert not blocked(laptop)
    laptop.wait_until("the confirmation", lambda: engine.said()[-1] == "HOST_OWNERSHIP_CONFIRMED")
    assert since(engine, before) == [
        "HOST_ASKS_FOR_NIC_OWNERSHIP",
        "> CSME_REPLY_TO_HOST_OWNERSHIP_REQ",
        "HOST_OWNERSHIP_CONFIRMED",
    ]
    assert engine.state()["owner"] == "HOST"
    before = engine.said()
    laptop.guest.check(REQUEST)
    assert since(engine, before) == [], "the host owns already: CSME is not asked"


@pytest.mark.parametrize("answer", ["deny", "silent"])
def test_a_request_that_is_not_granted_times_out(
    laptop: Laptop, engine: Engine, driver_managed: bool, answer: str
) -> None:
    engine.start()
    engine.owns(CORP)
    engine.do("behaviour", answer=answer)
    begun = laptop.guest.monotonic()
    done = laptop.guest.run(REQUEST)
    assert done.rc != 0
    assert TIMED_OUT in done.err + done.out
    assert laptop.guest.monotonic() - begun >= 0.5, "a denial wakes nobody"
    assert blocked(laptop) is not driver_managed
    assert engine.state()["owner"] == "ME"
    # The interface asks three times when it comes up; a blocked one does not come up at all.
    before = engine.said()
    assert laptop.guest.run(f"ip link set {INTERFACE} up").rc != 0
    assert since(engine, before).count("HOST_ASKS_FOR_NIC_OWNERSHIP") == (3 if driver_managed else 0)


def test_csme_takes_the_nic_from_a_host_that_uses_it(laptop: Laptop, engine: Engine) -> None:
    engine.start()
    laptop.guest.check(f"ip link set {INTERFACE} up")
    assert engine.state()["owner"] == "HOST", "the interface asks when it comes up"
    before = engine.said()
    engine.do("take")
    laptop.wait_until("CSME owns the NIC", lambda: engine.state()["owner"] == "ME")
    assert since(engine, before) == ["> CSME_TAKING_OWNERSHIP", "CSME_OWNERSHIP_CONFIRMED"]
    assert blocked(laptop)
    assert not is_up(laptop)
    engine.do("offer")
    laptop.wait_until("the host owns the NIC", lambda: engine.state()["owner"] == "HOST")
    assert since(engine, before)[2:4] == ["> CSME_CAN_RELEASE_OWNERSHIP", "HOST_ASKS_FOR_NIC_OWNERSHIP"]
    laptop.wait_until("the end of the block", lambda: not blocked(laptop))


def test_csme_takes_the_nic_from_an_interface_that_is_down_without_a_block(laptop: Laptop, engine: Engine) -> None:
    engine.start()
    laptop.guest.check(REQUEST)
    assert engine.state()["owner"] == "HOST"
    engine.do("take")
    laptop.wait_until("CSME owns the NIC", lambda: engine.state()["owner"] == "ME")
    assert not blocked(laptop), "userspace sees nothing of it"


def test_a_host_that_does_not_connect_loses_the_nic_after_3_seconds(laptop: Laptop, engine: Engine) -> None:
    engine.start()
    engine.owns(CORP)
    laptop.guest.check(f"{REQUEST} && ip link set {INTERFACE} up")
    laptop.wait_until("CSME owns the NIC", lambda: engine.state()["owner"] == "ME", 6)
    assert blocked(laptop)
    at = {line["event"]: line["at"] for line in engine.log() if "event" in line}
    assert 3.0 <= (at["take"] - at["grant"]) / 1e9 < 3.1
    assert not is_up(laptop)


def test_without_amt_nobody_is_asked(laptop: Laptop, engine: Engine, driver_managed: bool) -> None:
    engine.start()
    engine.owns(CORP)
    laptop.wait_until("CSME's block", lambda: driver_managed or blocked(laptop))
    engine.do("amt", on=False)
    laptop.wait_until("the end of the block", lambda: not blocked(laptop))
    before = engine.said()
    laptop.guest.check(REQUEST)
    assert since(engine, before) == []


def test_a_firmware_that_crashes_is_connected_again(laptop: Laptop, engine: Engine) -> None:
    engine.start()
    before = engine.said()
    engine.do("reset")
    laptop.wait_until("SAP after the reset", lambda: "START_OK" in "".join(engine.said()[len(before) :]))
    assert since(engine, before)[:4] == ["START", "> START_OK", "> AMT_STATE", "WIFIDR_UP"]
    laptop.wait_until("iwlmei", lambda: engine.connected)
