# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine's end of the MEI bus does what the kernel's driver waits for (``drivers/misc/mei/hbm.c``)."""

from __future__ import annotations

import struct
from typing import List, Tuple

import pytest

from vpro_lab.engine import hbm
from vpro_lab.engine.bus import Bus, Connection
from vpro_lab.engine.hbm import Malformed, Message, Properties, Status
from vpro_lab.engine.sap import UUID_WLAN

CLIENT, HOST = 7, 3


class Echo:
    """A client that says what it heard."""

    def __init__(self) -> None:
        self.events: List[Tuple[object, ...]] = []
        self.connection: Connection | None = None
        self.verdict = Status.SUCCESS

    properties = Properties(UUID_WLAN, 4, 1, 512)

    def connected(self, connection: Connection) -> Status:
        self.connection = connection
        self.events.append(("connected",))
        return self.verdict

    def received(self, connection: Connection, data: bytes) -> None:
        self.events.append(("received", data))
        connection.send(data)

    def disconnected(self, connection: Connection) -> None:
        self.events.append(("disconnected",))

    def mapped(self, buffer: int, size: int) -> Status:
        self.events.append(("mapped", buffer, size))
        return self.verdict

    def unmapped(self, buffer: int) -> None:
        self.events.append(("unmapped", buffer))


class Rig:
    """A bus with one client, and what it said."""

    def __init__(self) -> None:
        self.said: List[Message] = []
        self.client = Echo()
        self.bus = Bus({CLIENT: self.client}, {1: CLIENT}, self._take)

    def _take(self, wire: bytes) -> None:
        self.said.append(Message.unpack(wire))

    def ask(self, data: str) -> List[str]:
        """Have the host say something on the bus; return the answers, and what else was said."""
        self.said.clear()
        self.bus.receive(Message(0, 0, bytes.fromhex(data)).pack())
        return [message.data.hex() for message in self.said]

    def say(self, data: bytes, complete: bool = True) -> List[Message]:
        """Have the host say something to the client; return what was said."""
        self.said.clear()
        self.bus.receive(Message(CLIENT, HOST, data, complete).pack())
        return list(self.said)


@pytest.fixture
def rig() -> Rig:
    return Rig()


FLOW = "0807030000000000"


def test_the_host_comes_to_know_the_clients(rig: Rig) -> None:
    assert rig.ask("01000202") == ["81010202"]
    assert rig.ask("13040000") == ["93040000"], "client DMA is granted"
    assert rig.ask("13070000") == ["93040000"], "and nothing else"
    assert rig.ask("04030000") == ["8400000080" + "00" * 31]
    told = rig.ask("05070000")[0]
    assert told == "85070000" + UUID_WLAN.bytes_le.hex() + "0401000000020000"
    assert rig.ask("05080000") == ["85080100" + "00" * 24], "no such client"


@pytest.mark.parametrize(("version", "answer"), [("0102", "81010202"), ("0302", "81000202"), ("0003", "81000202")])
def test_a_newer_host_is_told_the_version(rig: Rig, version: str, answer: str) -> None:
    assert rig.ask("0100" + version) == [answer]


def test_a_connection_carries_messages_both_ways(rig: Rig) -> None:
    assert rig.ask("06070300") == ["86070300", FLOW], "the host may send one message"
    assert [message.data.hex() for message in rig.say(b"one")] == [FLOW], "the host has no room for the answer"
    assert rig.ask(FLOW) == [b"one".hex()]
    rig.ask(FLOW)
    assert rig.say(b"tw", complete=False) == []
    assert rig.say(b"o") == [Message(0, 0, bytes.fromhex(FLOW)), Message(CLIENT, HOST, b"two")]
    assert rig.client.events[1:] == [("received", b"one"), ("received", b"two")]


def test_what_is_said_before_the_connection_stands_comes_after_it(rig: Rig) -> None:
    rig.ask("06070300")
    rig.ask(FLOW)
    assert rig.client.connection is not None
    rig.said.clear()
    rig.client.connection.send(bytes(1000))
    assert [len(message.data) for message in rig.said] == [508, 492]
    assert rig.ask("07070300") == ["87070300"]
    rig.said.clear()
    rig.client.connection.send(b"late")
    assert rig.said == []
    assert rig.client.events[-1] == ("disconnected",)


def test_connections_that_can_not_be(rig: Rig) -> None:
    assert rig.ask("06080300") == ["86080301"], "no such client"
    rig.ask("06070300")
    assert rig.ask("06070300") == ["86070302"], "it stands already"
    assert rig.ask("06070400") == ["86070403"], "one is all there can be"
    assert rig.ask("07070400") == ["87070400"], "a disconnection always succeeds"


def test_a_client_may_refuse(rig: Rig) -> None:
    rig.client.verdict = Status.NOT_ALLOWED
    assert rig.ask("06070300") == ["86070305"]
    with pytest.raises(Malformed):
        rig.say(b"x")


def test_memory_goes_to_the_client_that_it_is_for(rig: Rig) -> None:
    assert rig.ask("1401000000000000000000000010" + "0000") == ["94000000"]
    assert rig.client.events == [("mapped", 1, 0x1000)]
    assert rig.ask("1402000000000000000000000010" + "0000") == ["94030000"], "nobody's"
    assert rig.ask("15000100") == ["95000000"]
    assert rig.ask("15000100") == ["95000000"], "a host after a reset unmaps what nobody has"
    assert rig.client.events[1:] == [("unmapped", 1)]
    rig.client.verdict = Status.INVALID_PARAMETER
    assert rig.ask("1401000000000000000000000010" + "0000") == ["94040000"]
    rig.ask("15000100")
    assert rig.client.events[-1] == ("mapped", 1, 0x1000), "what was refused is not unmapped"


def test_a_reset_ends_connections_and_keeps_memory(rig: Rig) -> None:
    rig.ask("06070300")
    rig.ask("1401000000000000000000000010" + "0000")
    rig.bus.reset()
    assert rig.client.events[-1:] == [("disconnected",)]
    with pytest.raises(Malformed):
        rig.say(b"x")
    rig.ask("15000100")
    assert rig.client.events[-1:] == [("unmapped", 1)]


def test_the_host_stops_the_bus(rig: Rig) -> None:
    rig.ask("06070300")
    assert rig.ask("02000000") == ["82000000"]
    assert rig.client.events[-1] == ("disconnected",)


def test_notifications_are_refused(rig: Rig) -> None:
    assert rig.ask("10070301") == ["9007030501000000"]


@pytest.mark.parametrize("data", ["", "7f000000", "81010202"])
def test_nonsense_on_the_bus_is_malformed(rig: Rig, data: str) -> None:
    with pytest.raises(Malformed):
        rig.ask(data)


def test_a_short_bus_message_is_one_with_zeros(rig: Rig) -> None:
    assert rig.ask("05") == ["85000100" + "00" * 24]
    assert rig.ask("8f000000") == [], "an answer to nothing is nothing"


def test_a_message_is_at_most_as_long_as_the_wire() -> None:
    assert struct.calcsize("<I") + hbm.PART_MAX == hbm.WIRE_MAX == 512
