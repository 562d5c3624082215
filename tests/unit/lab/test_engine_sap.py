# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CSME's side of SAP does what iwlmei waits for (``mei/main.c`` of the kernel's iwlwifi)."""

from __future__ import annotations

from typing import List, Tuple

import pytest

from vpro_lab.engine import sap, shared
from vpro_lab.engine.hbm import Status
from vpro_lab.engine.ownership import DENY, GRANT, SILENT
from vpro_lab.engine.sap import MeMessage, NicOwner, Notification

from .engine_host import CORP, H2M, H2M_DATA, M2H_DATA, Host, Memory, Network
from .test_engine_codec import frame

DHCP_ACK = frame(b"\x35\x01\x05\xff")


@pytest.mark.parametrize("version", [3, 4])
def test_sap_starts_with_the_version_of_the_host(version: int) -> None:
    host = Host(version)
    host.start()
    assert host.messages[0] == sap.start_ok(version, 1)
    assert host.told == [(Notification.AMT_STATE, b"\1\0\0\0")]
    assert host.wlan.started


def test_an_old_firmware_refuses_the_memory_of_a_new_host() -> None:
    host = Host(newest=3)
    assert host.wlan.mapped(sap.BUFFER, shared.size_of(4)) is Status.INVALID_PARAMETER
    host = Host(3, newest=3)
    host.start()
    assert host.wlan.started


@pytest.mark.parametrize("fault", ["identifier", "size", "version", "memory", "mute"])
def test_a_host_that_does_not_fit_gets_no_answer(fault: str) -> None:
    host = Host()
    if fault != "memory":
        host.wlan.mapped(sap.BUFFER, len(host.memory))
        host.initialize()
    if fault == "identifier":
        host.word(sum(host._queue(M2H_DATA)) // 4, 1)
    if fault == "size":
        host.word(H2M + 2, 1)
    host.wlan.mute = fault == "mute"
    host.wlan.connected(host)
    host.say_me(MeMessage.START, sap.ME_START.pack(0, 0, 0, b"\3" if fault == "version" else b"\4"))
    assert host.messages == []
    host.say_me(MeMessage.CHECK_SHARED_AREA)
    assert not host.wlan.started


def test_a_driver_that_comes_is_told_all_as_by_real_firmware() -> None:
    host = Host()
    host.start()
    kinds = [Notification.AMT_STATE, Notification.CSME_FILTERS, Notification.CSME_CONN_STATUS, Notification.AMT_STATE]
    assert host.say(Notification.WIFIDR_UP) == kinds
    assert [len(payload) for _kind, payload in host.told] == [4, 1896, 64, 4]
    assert host.csme.state.driver_up
    assert len(host.messages) == 3, "one doorbell for all of it"


def test_a_driver_learns_who_owns_and_csme_learns_of_the_driver() -> None:
    host = Host().up()
    assert host.say(Notification.WHO_OWNS_NIC) == [Notification.NIC_OWNER]
    assert host.told[0][1] == sap.DW.pack(NicOwner.ME)
    assert host.say(Notification.PING) == [Notification.PONG]
    assert host.say(Notification.PLDR, bytes(4)) == [Notification.PLDR_ACK]
    host.say(Notification.NIC_INFO, bytes.fromhex("020000000001020000000002"))
    host.say(Notification.RADIO_STATE, sap.DW.pack(3))
    assert (host.csme.state.mac.hex(), host.csme.state.radio) == ("020000000001", 3)
    assert host.say(999, b"?") == [], "what is not known is passed over"


def test_a_grant_takes_csme_off_the_air_first() -> None:
    host = Host().up()
    host.csme.behaviour.delay = 0.1
    assert host.say(Notification.HOST_ASKS_FOR_NIC_OWNERSHIP) == []
    assert host.passes(0.05) == []
    assert host.passes(0.05) == [Notification.CSME_REPLY_TO_HOST_OWNERSHIP_REQ]
    assert host.told[0][1] == b"\1\0\0\0"
    assert host.station.events == ["leave"]
    host.say(Notification.HOST_OWNERSHIP_CONFIRMED)
    assert [event for event, _details in host.events[-3:]] == ["owner", "grant", "host_confirmed"]
    assert host.say(Notification.HOST_ASKS_FOR_NIC_OWNERSHIP) == [Notification.CSME_REPLY_TO_HOST_OWNERSHIP_REQ]
    assert host.passes(60) == [], "without a session there is no deadline"
    assert host.owner() is NicOwner.HOST


@pytest.mark.parametrize(
    ("answer", "told"), [(DENY, [(Notification.CSME_REPLY_TO_HOST_OWNERSHIP_REQ, bytes(4))]), (SILENT, [])]
)
def test_a_request_that_is_not_granted(answer: str, told: List[Tuple[int, bytes]]) -> None:
    host = Host().up()
    host.csme.behaviour.answer = answer
    host.say(Notification.HOST_ASKS_FOR_NIC_OWNERSHIP)
    host.passes(0)
    assert host.told == told
    assert host.owner() is NicOwner.ME
    assert host.station.events == []


def granted(*, with_dhcp: bool = True) -> Host:
    """Return a host that was granted the NIC under link protection."""
    host = Host().up()
    host.csme.tell_connection(CORP, link_protection=True)
    assert host.told == [(Notification.CSME_CONN_STATUS, sap.connection_status(True, CORP))]
    host.csme.behaviour.with_dhcp = with_dhcp
    host.say(Notification.HOST_ASKS_FOR_NIC_OWNERSHIP)
    assert host.passes(0) == [Notification.CSME_REPLY_TO_HOST_OWNERSHIP_REQ]
    return host


def test_a_host_that_does_not_connect_loses_the_nic_after_3_seconds() -> None:
    host = granted()
    assert host.passes(2.9) == []
    assert host.passes(0.2) == [Notification.CSME_TAKING_OWNERSHIP]
    assert host.named("deadline") == [{"met": False, "link_up": False, "dhcp": False}]
    assert host.owner() is NicOwner.HOST, "until the host has let go"
    host.say(Notification.CSME_OWNERSHIP_CONFIRMED)
    assert host.owner() is NicOwner.ME
    assert host.station.events == ["leave", "enter"]


def test_a_link_alone_does_not_end_the_deadline() -> None:
    host = granted()
    host.say(Notification.HOST_LINK_UP, CORP.pack())
    assert host.csme.state.host == CORP
    assert host.passes(3.1) == [Notification.CSME_TAKING_OWNERSHIP]
    assert host.named("deadline") == [{"met": False, "link_up": True, "dhcp": False}]


@pytest.mark.parametrize("link_first", [True, False])
def test_link_and_dhcp_end_the_deadline(link_first: bool) -> None:
    host = granted()
    for link in (link_first, not link_first):
        if link:
            host.say(Notification.HOST_LINK_UP, CORP.pack())
        else:
            host.say(Notification.DATA_PACKET, DHCP_ACK, queue=H2M_DATA)
    assert host.named("deadline") == [{"met": True}]
    assert host.passes(60) == []


def test_what_a_filter_passes_on_is_csmes_and_a_copy_of_the_hosts_dhcp_is_not() -> None:
    host, network = granted(), Network()
    host.csme.settle(host.station, network)
    host.say(Notification.DATA_PACKET, DHCP_ACK, queue=H2M_DATA)
    host.say(Notification.DATA_PACKET, b"a frame", queue=H2M_DATA)
    assert network.frames == [b"a frame"]


def test_a_session_forbids_roaming_when_the_host_is_connected() -> None:
    host = granted()
    assert host.say(Notification.HOST_LINK_UP, CORP.pack()) == [Notification.CSME_CONN_STATUS]
    host.csme.tell_connection(link_protection=False)
    assert host.say(Notification.HOST_LINK_UP, CORP.pack()) == []
    host.csme.tell_connection(link_protection=True)
    host.csme.switch_amt(False)
    assert host.say(Notification.HOST_LINK_UP, CORP.pack()) == [], "there is nobody to protect anything"


def test_a_host_that_uses_the_nic_when_sap_starts_has_it() -> None:
    """As after a suspend: the driver started the radio before it could ask."""
    host = Host()
    host.csme.tell_connection(CORP, link_protection=True)
    host.nic.used = True
    host.start()
    assert (host.owner(), host.station.events) == (NicOwner.HOST, ["leave"])
    assert host.passes(3.1) == [Notification.CSME_TAKING_OWNERSHIP], "it has as long as after a grant"


def test_a_firmware_that_crashed_has_taken_the_nic_that_the_host_uses() -> None:
    host = granted()
    host.nic.used = True
    host.wlan.disconnected(host)
    host.memory = Memory(len(host.memory))
    host.start()
    assert host.owner() is NicOwner.ME


@pytest.mark.parametrize("holds", [True, False])
def test_csme_may_hold_the_nic_against_a_host_that_can_not_ask(holds: bool) -> None:
    host = Host().up()
    host.csme.behaviour.holds = holds
    host.csme.hold()
    assert host.nic.held is holds
    host.say(Notification.HOST_ASKS_FOR_NIC_OWNERSHIP)
    host.passes(0)
    assert not host.nic.held
    host.say(Notification.HOST_GOES_DOWN)
    assert host.nic.held is holds


def test_a_deaf_csme_reads_nothing_until_sap_starts_again() -> None:
    host = Host().up()
    host.wlan.deaf = True
    assert host.say(Notification.WHO_OWNS_NIC) == []
    assert host.word(H2M) != host.word(H2M + 1), "it is still there"
    host.word(H2M + 1, host.word(H2M))
    host.say_me(MeMessage.START, sap.ME_START.pack(0, 0x100, 0x800, b"\4"))
    assert host.say(Notification.WHO_OWNS_NIC) == [Notification.NIC_OWNER]


def test_dhcp_may_be_left_out() -> None:
    host = granted(with_dhcp=False)
    host.say(Notification.HOST_LINK_UP, CORP.pack())
    assert host.named("deadline") == [{"met": True}]


def test_the_dhcp_of_an_earlier_grant_does_not_count() -> None:
    host = Host().up()
    host.say(Notification.DATA_PACKET, DHCP_ACK, queue=H2M_DATA)
    host.csme.tell_connection(link_protection=True)
    host.say(Notification.HOST_ASKS_FOR_NIC_OWNERSHIP)
    host.passes(0)
    host.say(Notification.HOST_LINK_UP, CORP.pack())
    assert host.passes(3.1) == [Notification.CSME_TAKING_OWNERSHIP]


def test_csme_takes_the_nic_from_a_host_that_says_nothing() -> None:
    host = granted()
    host.csme.take()
    assert host.passes(host.csme.behaviour.patience) == []
    assert host.owner() is NicOwner.ME
    assert host.named("taken_anyway") == [{}]


def test_an_offer_makes_the_host_ask() -> None:
    host = Host().up()
    host.csme.offer()
    assert host.told == [(Notification.CSME_CAN_RELEASE_OWNERSHIP, b"")]


def test_amt_that_is_off_owns_nothing() -> None:
    host = granted()
    host.csme.switch_amt(False)
    assert host.told[-1] == (Notification.AMT_STATE, bytes(4))
    assert host.owner() is NicOwner.HOST
    assert host.passes(60) == [], "nobody takes anything any more"
    host.csme.take()
    assert host.passes(60) == []
    assert host.say(Notification.WIFIDR_UP) == [Notification.AMT_STATE]


@pytest.mark.parametrize("kind", [Notification.WIFIDR_DOWN, Notification.HOST_GOES_DOWN])
def test_a_driver_that_goes_leaves_the_nic_to_csme(kind: Notification) -> None:
    host = granted()
    host.say(kind)
    assert host.owner() is NicOwner.ME
    assert host.station.events == ["leave", "enter"]
    assert host.word(H2M) == host.word(H2M + 1), "iwlmei waits for CSME to have read that"


def test_the_end_of_the_connection_ends_sap() -> None:
    host = granted()
    host.wlan.disconnected(host)
    assert not host.wlan.started
    assert host.owner() is NicOwner.ME
    assert host.passes(60) == []
    host.wlan.unmapped(sap.BUFFER)
    assert host.memory.closed


def test_memory_of_a_host_that_was_reset_is_let_go_of_before_the_new() -> None:
    host = Host().up()
    old = host.memory
    host.wlan.disconnected(host)
    host.memory = Memory(shared.size_of(4))
    host.start()
    assert old.closed
    assert host.wlan.started


def test_a_host_that_starts_again_begins_anew() -> None:
    host = granted()
    host.say_me(MeMessage.START, sap.ME_START.pack(0, 0, 0, b"\4"))
    assert host.wlan.started
    assert host.owner() is NicOwner.ME
    assert [event for event, _details in host.events if event.startswith("sap_")] == ["sap_up", "sap_down", "sap_up"]


def test_frames_go_both_ways() -> None:
    host = Host().up()
    rang = len(host.messages)
    assert host.wlan.transmit([b"one" * 20, b"two" * 20]) == 2
    assert host.read(M2H_DATA) == [(Notification.DATA_PACKET, b"one" * 20), (Notification.DATA_PACKET, b"two" * 20)]
    assert len(host.messages) == rang + 1
    asked = frame(b"\x35\x01\x03\xff", ports=(68, 67))
    host.say(Notification.CB_DATA_PACKET, sap.CB_DATA.pack(1 << 30, len(asked)) + asked, queue=H2M_DATA)
    assert host.named("host_dhcp") == [{"type": 3}]


def test_a_queue_goes_round_and_is_never_quite_full() -> None:
    host = Host().up()
    size = shared.QUEUES[4][3]
    frames = [bytes((number % 251,)) * 1500 for number in range(100)]
    sent: List[bytes] = []
    while len(sent) < len(frames):
        count = host.wlan.transmit(frames[len(sent) :])
        assert 0 < count <= size // 1508
        got = [payload for _kind, payload in host.read(M2H_DATA)]
        assert got == frames[len(sent) : len(sent) + count]
        sent += got


def test_a_queue_takes_all_but_one_byte() -> None:
    host = Host().up()
    room = shared.QUEUES[4][3] - 1 - sap.HEADER.size
    assert host.wlan.transmit([bytes(room + 1)]) == 0
    assert host.wlan.transmit([bytes(room)]) == 1


def test_the_hosts_queue_goes_round_as_well() -> None:
    host = Host().up()
    host.word(H2M, shared.QUEUES[4][0] - 3)
    host.word(H2M + 1, shared.QUEUES[4][0] - 3)
    assert host.say(Notification.WHO_OWNS_NIC) == [Notification.NIC_OWNER]


@pytest.mark.parametrize("fault", ["pointer", "length", "header"])
def test_a_corrupt_queue_is_told(fault: str) -> None:
    host = Host().up()
    if fault == "pointer":
        host.word(H2M, 40000)
    elif fault == "length":
        host.write(H2M, sap.HEADER.pack(Notification.PING, 100, 1))
    else:
        host.write(H2M, b"\1\0\0\0")
    with pytest.raises(shared.QueueCorrupt):
        host.say_me(MeMessage.CHECK_SHARED_AREA)


def test_raw_bytes_reach_the_host_as_they_are() -> None:
    host = Host().up()
    assert host.wlan.raw(sap.HEADER.pack(Notification.PING, 0, 7))
    assert host.told == [(Notification.PING, b"")]
    host.wlan.disconnected(host)
    assert not host.wlan.raw(b"")


def test_nothing_goes_out_while_sap_is_down() -> None:
    host = Host()
    host.csme.tell_connection(CORP, link_protection=True)
    host.csme.offer()
    host.csme.take()
    assert host.wlan.transmit([bytes(60)]) == 0
    assert (host.messages, host.told) == ([], [])


def test_requests_have_the_answer_of_the_moment() -> None:
    host = Host().up()
    host.csme.behaviour.answer = SILENT
    host.say(Notification.HOST_ASKS_FOR_NIC_OWNERSHIP)
    host.csme.behaviour.answer = GRANT
    assert host.passes(10) == []
