# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine's firmware serves its device, does what it is told, and writes down what happened."""

from __future__ import annotations

import io
import json
from typing import Any, Dict, List, Optional

import pytest

from vpro_lab.engine import hbm
from vpro_lab.engine.device import Device, HostReset
from vpro_lab.engine.firmware import Firmware


class FakeDevice(Device):
    """A device whose host says what a test wants."""

    def __init__(self, *said: Optional[bytes]) -> None:
        self.said = list(said)
        self.did: List[object] = []
        self.reset_by_host = False

    def read(self) -> Optional[bytes]:
        return self.said.pop(0)

    def write(self, message: bytes) -> None:
        if self.reset_by_host:
            raise HostReset
        self.did.append(message)

    def ready(self) -> None:
        self.did.append("ready")

    def reset(self) -> None:
        self.did.append("reset")

    def power_off(self) -> None:
        self.did.append("power off")


START = hbm.Message(0, 0, bytes.fromhex("01000202")).pack()


def made(device: Device) -> tuple[Firmware, io.StringIO]:
    """Return a firmware and its log."""
    log = io.StringIO()
    return Firmware(device, log, 4), log


def lines(log: io.StringIO) -> List[Dict[str, Any]]:
    """Return what stands in the log, without times."""
    read = [json.loads(line) for line in log.getvalue().splitlines()]
    assert all(line.pop("at") > 0 for line in read)
    return read


def test_it_starts_after_each_reset_until_the_device_goes() -> None:
    device = FakeDevice(hbm.RESET, START, b"\7\3", hbm.RESET, None)
    firmware, log = made(device)
    assert [firmware.serve() for _time in range(5)] == [True] * 4 + [False]
    assert device.did == ["ready", hbm.Message(0, 0, bytes.fromhex("81010202")).pack(), "ready"]
    assert lines(log) == [
        {"event": "host_reset"},
        {"event": "malformed", "text": "2 bytes are no message"},
        {"event": "host_reset"},
    ]


def test_a_reset_on_the_way_is_none_of_its_faults() -> None:
    device = FakeDevice(START)
    device.reset_by_host = True
    assert made(device)[0].serve()


def asked(firmware: Firmware, **command: object) -> Dict[str, Any]:
    """Have a firmware do something; return its answer."""
    answer: Dict[str, Any] = json.loads(firmware.obey(json.dumps(command).encode()))
    return answer


class SlowHost:
    """A host that reads each message only when a test lets it."""

    def __init__(self) -> None:
        self.queue: List[bytes] = []

    @property
    def heard(self) -> bool:
        return not self.queue

    def raw(self, data: bytes) -> bool:
        assert self.heard, "more than one message would be in the queue"
        self.queue.append(data)
        return True


def test_a_raw_message_comes_when_the_host_has_read_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several at once are one message for iwlmei if the first says so, and it has only a page for it."""
    firmware, _log = made(FakeDevice())
    host, seen = SlowHost(), []
    monkeypatch.setattr(firmware.wlan, "raw", host.raw)
    monkeypatch.setattr(type(firmware.wlan), "heard", property(lambda wlan: host.heard))
    assert asked(firmware, do="raw", hex="01 02")["state"]["raw"] == 2
    assert asked(firmware, do="raw", hex="03")["state"]["raw"] == 3
    while firmware.timers.wait() is not None:
        firmware.timers.run()
        for _look in range(3):
            firmware.timers.run()
        seen += host.queue
        host.queue.clear()
    assert seen == [b"\1", b"\2", b"\3"]
    assert asked(firmware, do="state")["state"]["raw"] == 0
    # What is still to come is lost with the firmware.
    asked(firmware, do="raw", hex="04 05")
    asked(firmware, do="reset")
    assert asked(firmware, do="state")["state"]["raw"] == 0


def test_it_does_what_it_is_told() -> None:
    device = FakeDevice()
    firmware, _log = made(device)
    assert asked(firmware, do="state")["state"]["owner"] == "ME"
    asked(firmware, do="behaviour", answer="deny", delay=0.5)
    assert (firmware.csme.behaviour.answer, firmware.csme.behaviour.delay) == ("deny", 0.5)
    connection = {"ssid": "636f7270", "bssid": "02:aa:bb:cc:dd:ee", "channel": 6}
    told = asked(firmware, do="connection", link_protection=True, connection=connection)["state"]
    assert told["link_protection"] is True
    assert firmware.csme.state.connection.ssid == b"corp"
    assert firmware.csme.state.connection.bssid == bytes.fromhex("02aabbccddee")
    assert asked(firmware, do="connection", link_protection=False)["state"]["link_protection"] is False
    assert firmware.csme.state.connection.ssid == b"corp", "it is kept"
    asked(firmware, do="take")
    asked(firmware, do="offer")
    assert asked(firmware, do="raw", hex="00")["state"]["sap"] is False
    assert asked(firmware, do="amt", on=False)["state"]["owner"] == "HOST"
    asked(firmware, do="deaf")
    assert firmware.wlan.deaf
    asked(firmware, do="later", seconds=0, command={"do": "connection", "link_protection": True})
    assert firmware.csme.state.link_protection is False
    firmware.timers.run()
    assert firmware.csme.state.link_protection is True
    asked(firmware, do="mute", on=True)
    assert firmware.wlan.mute
    asked(firmware, do="reset")
    asked(firmware, do="power_off")
    assert device.did == ["reset", "power off"]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"{}",
        b'{"do": "dance"}',
        b'{"do": "behaviour", "answer": "perhaps"}',
        b'{"do": "behaviour", "colour": 1}',
        b'{"do": "connection", "connection": {"ssid": "xy"}}',
        b'{"do": "connection", "connection": {"colour": 1}}',
        b'{"do": "raw"}',
        b'{"do": "later", "seconds": 1, "command": {"do": "dance"}}',
        b'{"do": "station", "interface": "x", "namespace": "nowhere", "phy_file": "p", "leave": "dead", "cable": "y"}',
        b'{"do": "station", "interface": "x", "namespace": "no", "phy_file": "", "leave": "silent", "cable": ""}',
    ],
)
def test_what_makes_no_sense_is_refused(line: bytes) -> None:
    firmware, _log = made(FakeDevice())
    assert set(json.loads(firmware.obey(line))) == {"error"}
