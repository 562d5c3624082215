# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""nl80211's messages decoded."""

from __future__ import annotations

import contextlib
import struct
from typing import Any, Callable, Dict, List, Tuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.vpro.fleet.plugins.module_utils._radio import netlink_codec, nl80211_messages
from ansible_collections.vpro.fleet.plugins.module_utils._radio.netlink import MalformedEvent
from ansible_collections.vpro.fleet.plugins.module_utils._radio.nl80211_messages import (
    ConfigEvent,
    Interface,
    MlmeEvent,
    ScanEvent,
    Station,
    VendorCommand,
    VendorEvent,
    Wiphy,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import DecodeFailed
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._radio.fake_netlink import FLAGS
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._radio.fake_nl80211 import (
    BSSID,
    FAMILY,
    ROAMING,
    bss,
    interface,
    pairs,
    part,
    station,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.conftest import (
    attribute,
    generic,
    message,
    u8,
    u16,
    u32,
)

CHANNEL = attribute(22, attribute(1, attribute(1, attribute(7, u32(1, 5180) + attribute(4)))))


# -- radios -----------------------------------------------------------------------------------------------------------


def test_the_parts_of_a_dump_are_merged() -> None:
    found = nl80211_messages.merge_wiphys(
        [
            part(1, u8(61, 7)),
            part(1, CHANNEL),
            part(1, pairs(197, (0x1735, 0x2D), (0x1735, 0x30)), pairs(198, (0x1735, 0x32))),
            part(1, CHANNEL),
            part(0, CHANNEL),
            part(0, pairs(198, (0x1374, 1), (0x1374, 2))),
        ]
    )
    assert found == (
        Wiphy(0, "phy0", frozenset(), (VendorCommand(0x1374, 1), VendorCommand(0x1374, 2))),
        Wiphy(
            1,
            "phy1",
            frozenset({VendorCommand(0x1735, 0x2D), VendorCommand(0x1735, 0x30)}),
            (VendorCommand(0x1735, 0x32),),
        ),
    )


def test_no_radio() -> None:
    assert nl80211_messages.merge_wiphys([]) == ()


@pytest.mark.parametrize("flag", FLAGS)
def test_flag_bits_on_the_vendor_attributes(flag: int) -> None:
    parts = [part(0), part(0, pairs(197, (1, 2), flag=flag)), part(0, pairs(198, (3, 4), flag=flag, first=0))]
    assert nl80211_messages.merge_wiphys(parts) == (
        Wiphy(0, "phy0", frozenset({VendorCommand(1, 2)}), (VendorCommand(3, 4),)),
    )


@st.composite
def dumps(draw: st.DrawFn) -> Tuple[Dict[int, Tuple[List[Any], List[Any]]], List[bytes]]:
    """What radios have, and a dump that says so: spread over parts, among others, the WIPHY attribute anywhere."""
    pair = st.tuples(st.integers(0, 2**24 - 1), st.integers(0, 300))
    radios = draw(
        st.dictionaries(st.integers(0, 300), st.tuples(st.lists(pair, max_size=3), st.lists(pair, max_size=3)))
    )
    parts = []
    for index, (commands, events) in sorted(radios.items()):
        rest = [
            *([pairs(197, command, flag=draw(st.sampled_from(FLAGS)))] for command in commands),
            *([pairs(198, event)] for event in events),
        ]
        fillers: List[List[bytes]] = draw(
            st.lists(
                st.lists(st.builds(attribute, st.integers(200, 300), st.binary(max_size=9)), max_size=2), max_size=4
            )
        )
        for extra in [[], *fillers, *rest, *fillers]:
            body = [u32(1, index), attribute(2, b"phy%d\0" % index), *extra]
            if draw(st.booleans()):
                body = list(draw(st.permutations(body)))
            parts.append(generic(FAMILY, 3, *body))
    return radios, parts


@settings(deadline=None)
@given(dumps())
def test_any_dump(case: Tuple[Dict[int, Tuple[List[Any], List[Any]]], List[bytes]]) -> None:
    radios, parts = case
    assert nl80211_messages.merge_wiphys(parts) == tuple(
        Wiphy(
            index,
            f"phy{index}",
            frozenset(VendorCommand(*command) for command in commands),
            tuple(VendorCommand(*event) for event in events),
        )
        for index, (commands, events) in sorted(radios.items())
    )


@pytest.mark.parametrize(
    "spoilt",
    [
        generic(FAMILY, 3, attribute(2, b"phy0\0")),
        generic(FAMILY, 3, u32(1, 0)),
        generic(FAMILY, 3, u8(1, 0), attribute(2, b"phy0\0")),
        part(0, attribute(197, attribute(1, bytes(7)))),
        part(0, attribute(197, attribute(1, bytes(12)))),
        part(0, attribute(198, attribute(1))),
        part(0, attribute(197, bytes(8))),
        part(0, pairs(197, (1, 2)))[:-1],
        b"",
        message(FAMILY, b"\3"),
    ],
)
def test_malformed_radios(spoilt: bytes) -> None:
    with pytest.raises(DecodeFailed) as caught:
        nl80211_messages.merge_wiphys([spoilt])
    assert caught.value.where == "GET_WIPHY"


def test_a_part_that_is_not_wanted_costs_no_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: List[bytes] = []
    decode = netlink_codec.decode

    def counting(kind: Any, data: bytes, where: str) -> Dict[str, Any]:
        decoded.append(data)
        return decode(kind, data, where)

    monkeypatch.setattr(netlink_codec, "decode", counting)
    wanted = [part(0, u8(61, 7)), part(0, pairs(197, (1, 2)))]
    assert nl80211_messages.merge_wiphys([wanted[0], *[part(0, CHANNEL)] * 100, wanted[1]])[0].vendor_commands
    assert decoded == wanted


# -- interfaces -------------------------------------------------------------------------------------------------------


def test_an_interface() -> None:
    assert nl80211_messages.decode_interface(interface()) == Interface(
        5, "wlan0", 0, "02:00:de:ad:be:ef", 2, None, None
    )
    assert nl80211_messages.decode_interface(
        interface(ssid=attribute(52, b"a\xff\0"), freq=u32(38, 5180))
    ) == Interface(5, "wlan0", 0, "02:00:de:ad:be:ef", 2, b"a\xff\0", 5180)


def test_a_device_without_an_interface() -> None:
    assert nl80211_messages.decode_interface(interface(ifindex=b"", ifname=b"")) is None


@pytest.mark.parametrize("name", ["ifname", "wiphy", "iftype", "mac"])
def test_what_an_interface_must_have(name: str) -> None:
    with pytest.raises(DecodeFailed, match=f"(?i){name} is missing") as caught:
        nl80211_messages.decode_interface(interface(**{name: b""}))
    assert caught.value.where == "GET_INTERFACE"


def test_a_malformed_interface_is_named() -> None:
    with pytest.raises(DecodeFailed) as caught:
        nl80211_messages.decode_interface(interface(mac=attribute(6, b"12345")))
    assert caught.value.where == "GET_INTERFACE"


# -- the access point -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("byte", "signal"), [(0xC4, -60), (0x80, -128), (0xFF, -1), (0, 0), (0x7F, 127)])
def test_signal(byte: int, signal: int) -> None:
    found = nl80211_messages.decode_station(station(u32(1, 7), u8(7, byte)))
    assert found == Station("02:00:de:ad:be:ef", signal)


def test_no_signal() -> None:
    assert nl80211_messages.decode_station(station()) == Station("02:00:de:ad:be:ef", None)
    bare = generic(FAMILY, 19, attribute(6, BSSID))
    assert nl80211_messages.decode_station(bare) == Station("02:00:de:ad:be:ef", None)


def test_a_tdls_peer_is_not_the_access_point() -> None:
    peer, normal = (attribute(17, struct.pack("=II", 0xFE, flags)) for flags in (1 << 6 | 1 << 1, 1 << 1))
    assert nl80211_messages.decode_station(station(peer)) is None
    assert nl80211_messages.decode_station(station(normal, u8(7, 0xC4))) == Station("02:00:de:ad:be:ef", -60)


@pytest.mark.parametrize(
    "data",
    [
        generic(FAMILY, 19, u32(3, 5)),
        station(mac=b"12345"),
        station(u32(7, 1)),
        station(attribute(17, bytes(4))),
        station(b"\1\2"),
    ],
)
def test_malformed_stations(data: bytes) -> None:
    with pytest.raises(DecodeFailed) as caught:
        nl80211_messages.decode_station(data)
    assert caught.value.where == "GET_STATION"


@pytest.mark.parametrize("ssid", [b"", b"corp", b'a"\\\n\xff\x00', bytes(32)])
def test_the_associated_ssid(ssid: bytes) -> None:
    elements = b"\x01\x02\x82\x84" + bytes([0, len(ssid)]) + ssid + b"\x03\x01\x06"
    assert nl80211_messages.decode_associated_ssid(bss(elements, u32(9, 1))) == ssid
    # Only the associated one counts: seen, authenticated, joined as an IBSS.
    assert nl80211_messages.decode_associated_ssid(bss(elements)) is None
    assert nl80211_messages.decode_associated_ssid(bss(elements, u32(9, 0))) is None
    assert nl80211_messages.decode_associated_ssid(bss(elements, u32(9, 2))) is None
    assert nl80211_messages.decode_associated_ssid(generic(FAMILY, 34, u32(3, 5))) is None
    assert nl80211_messages.decode_associated_ssid(bss(b"\x01\x02\x82\x84", u32(9, 1))) is None


@pytest.mark.parametrize("elements", [b"\x00", b"\x00\x05corp", b"\x01\x01", b"\x01\x02\x82\x84\x00"])
def test_cut_off_elements(elements: bytes) -> None:
    with pytest.raises(DecodeFailed, match="cut off") as caught:
        nl80211_messages.decode_associated_ssid(bss(elements, u32(9, 1)))
    assert caught.value.where == "GET_SCAN"


def test_the_shortest_elements() -> None:
    assert nl80211_messages.decode_associated_ssid(bss(b"\x00\x00", u32(9, 1))) == b""
    # An access point of which nothing was heard yet has none.
    assert nl80211_messages.decode_associated_ssid(generic(FAMILY, 34, attribute(47, u32(9, 1)))) is None


@pytest.mark.parametrize("data", [generic(FAMILY, 34, attribute(47, b"123")), generic(FAMILY, 34, b"123")])
def test_malformed_access_points(data: bytes) -> None:
    with pytest.raises(DecodeFailed) as caught:
        nl80211_messages.decode_associated_ssid(data)
    assert caught.value.where == "GET_SCAN"


@given(st.binary(max_size=60), st.integers(0, 3))
def test_any_elements(elements: bytes, status: int) -> None:
    with contextlib.suppress(DecodeFailed):
        nl80211_messages.decode_associated_ssid(bss(elements, u32(9, status)))


# -- events -----------------------------------------------------------------------------------------------------------


def test_a_vendor_event() -> None:
    common = u32(1, 0), u32(195, 0x1735), u32(196, 0x32)
    event = generic(FAMILY, 103, *common, u32(3, 5), attribute(153, struct.pack("=Q", 2**33)), attribute(197, ROAMING))
    assert nl80211_messages.decode_event(event) == VendorEvent(0x1735, 0x32, 0, 5, 2**33, ROAMING)
    assert nl80211_messages.decode_event(generic(FAMILY, 103, *common)) == VendorEvent(0x1735, 0x32, 0, None, None, b"")
    nested = generic(FAMILY, 103, *common, attribute(197 | 0x8000, ROAMING))
    assert nl80211_messages.decode_event(nested) == VendorEvent(0x1735, 0x32, 0, None, None, ROAMING)


def test_mlme_events() -> None:
    place = u32(1, 0), u32(3, 5), attribute(6, BSSID)
    connect = generic(FAMILY, 46, *place, u16(72, 17), attribute(77, bytes(30)))
    assert nl80211_messages.decode_event(connect) == MlmeEvent(46, "connect", 0, 5, "02:00:de:ad:be:ef", 17)
    assert nl80211_messages.decode_event(generic(FAMILY, 48)) == MlmeEvent(48, "disconnect", None, None, None, None)
    assert nl80211_messages.decode_event(generic(FAMILY, 200)) == MlmeEvent(200, "unknown(200)", None, None, None, None)


@pytest.mark.parametrize(("command", "name"), [(33, "trigger"), (34, "results"), (35, "aborted")])
def test_scan_events(command: int, name: str) -> None:
    event = generic(FAMILY, command, u32(1, 0), u32(3, 5), attribute(44, u32(0, 5180)))
    assert nl80211_messages.decode_event(event) == ScanEvent(command, name, 0, 5)


@pytest.mark.parametrize(
    ("command", "name"), [(3, "new_wiphy"), (4, "del_wiphy"), (7, "new_interface"), (8, "del_interface")]
)
def test_config_events(command: int, name: str) -> None:
    event = generic(FAMILY, command, u32(1, 0), u32(3, 5))
    assert nl80211_messages.decode_event(event) == ConfigEvent(command, name, 0, 5)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(20),
        message(FAMILY, b"\x67"),
        generic(FAMILY, 103, u32(195, 0x1735)),
        generic(FAMILY, 103, u32(196, 0x32)),
        generic(FAMILY, 46, u8(3, 5)),
        generic(FAMILY, 46, attribute(6, b"12345")),
        generic(FAMILY, 46, u32(3, 5))[:-1],
        generic(FAMILY, 46, b"\0\0\0\0"),
    ],
)
def test_malformed_events_are_values(data: bytes) -> None:
    event = nl80211_messages.decode_event(data)
    assert isinstance(event, MalformedEvent)
    assert "(event)" in event.reason


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=80), st.integers(0, 255))
def test_arbitrary_events(data: bytes, command: int) -> None:
    assert nl80211_messages.decode_event(data)
    assert nl80211_messages.decode_event(generic(FAMILY, command, data))


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=80))
def test_arbitrary_answers(data: bytes) -> None:
    whole = generic(FAMILY, 3, data)
    decoders: Tuple[Callable[[], Any], ...] = (
        lambda: nl80211_messages.merge_wiphys([part(0), whole, part(0, data)]),
        lambda: nl80211_messages.decode_interface(whole),
        lambda: nl80211_messages.decode_station(whole),
        lambda: nl80211_messages.decode_station(station(data)),
    )
    for decode in decoders:
        with contextlib.suppress(DecodeFailed):
            decode()
