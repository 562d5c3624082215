# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Netlink's messages encoded, decoded and split."""

from __future__ import annotations

import contextlib
import os
import struct
from typing import Any, Callable, Dict, List, Tuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.vpro.fleet.plugins.module_utils._radio import netlink_codec
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import DecodeFailed
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._radio.fake_netlink import (
    ATTRIBUTES,
    FLAGS,
    WHERE,
    bare,
    genl,
    silence,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.conftest import attribute, generic, message, u8, u32

Values = Dict[str, Any]
#: values, and the attributes that hold them
Case = Tuple[Values, bytes]
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "BYTE": st.integers(0, 2**8 - 1),
        "SHORT": st.integers(0, 2**16 - 1),
        "WORD": st.integers(0, 2**32 - 1),
        "LONG": st.integers(0, 2**64 - 1),
        "MAC": st.binary(min_size=6, max_size=6),
        "FLAG": st.just(True),
        "BYTES": st.binary(max_size=40),
    },
)
NUMBERS = {name: number for number, name, _type in ATTRIBUTES}
FORMATS = {"BYTE": "=B", "SHORT": "=H", "WORD": "=I", "LONG": "=Q"}


def payload_of(name: str, value: Any) -> bytes:
    if name in FORMATS:
        return struct.pack(FORMATS[name], value)
    return b"" if name == "FLAG" else bytes(value)


def expected_of(values: Values) -> Values:
    return {name: value.hex(":") if name == "MAC" else value for name, value in values.items()}


@st.composite
def encoded(draw: st.DrawFn) -> Case:
    """(values, bytes): in any order, flag bits set, unknown attributes between, an overruled duplicate before."""
    values = draw(VALUES)
    parts = [
        attribute(NUMBERS[name] | draw(st.sampled_from(FLAGS)), payload_of(name, value))
        for name, value in draw(st.permutations(sorted(values.items())))
    ]
    for payload in draw(st.lists(st.binary(max_size=9), max_size=3)):
        number = draw(st.integers(8, 0x3FFF)) | draw(st.sampled_from(FLAGS))
        parts.insert(draw(st.integers(0, len(parts))), attribute(number, payload))
    for name in sorted(values):
        if draw(st.booleans()):
            parts.insert(0, attribute(NUMBERS[name], payload_of(name, draw(VALUES).get(name, values[name]))))
    return values, b"".join(parts)


@settings(deadline=None)
@given(encoded())
def test_decode_bare(case: Case) -> None:
    values, data = case
    with silence():
        assert netlink_codec.decode(bare(), data, WHERE) == expected_of(values)


@settings(deadline=None)
@given(encoded(), st.integers(0, 255))
def test_decode_message(case: Case, command: int) -> None:
    values, data = case
    with silence():
        decoded = netlink_codec.decode(genl(), generic(20, command, data), WHERE)
    assert decoded == {"cmd": command, "version": 1, "reserved": 0, **expected_of(values)}


@settings(deadline=None)
@given(VALUES)
def test_encode_then_decode(values: Values) -> None:
    attributes = list(expected_of(values).items())
    data = netlink_codec.encode(genl(), {"type": 20, "sequence_number": 9}, {"cmd": 3, "version": 1}, attributes)
    assert data[:20] == struct.pack("=IHHIIBBH", len(data), 20, 0, 9, 0, 3, 1, 0)
    decoded = netlink_codec.decode(genl(), data, WHERE)
    assert {name: decoded[name] for name in decoded if name in NUMBERS} == expected_of(values)


def test_encode_writes_what_the_kernel_reads() -> None:
    attributes = [("WORD", 7), ("BYTES", b"abc"), ("FLAG", True), ("MAC", "01:02:03:04:05:06")]
    data = netlink_codec.encode(genl(), {"type": 20}, {"cmd": 3, "version": 1}, attributes)
    expected = [u32(3, 7), attribute(7, b"abc"), attribute(6), attribute(5, bytes(range(1, 7)))]
    assert data == generic(20, 3, *expected)


@settings(deadline=None)
@given(encoded(), st.data())
def test_cut_anywhere(case: Case, data: st.DataObject) -> None:
    _values, whole = case
    cut = data.draw(st.integers(0, len(whole)))
    offset, complete = 0, cut == 0
    names = set()
    while offset < cut:  # an independent walk: is the cut in an attribute, or in the padding after one?
        length, number = struct.unpack_from("=HH", whole, offset)
        complete = cut >= offset + length
        names.add(number & 0x3FFF)
        offset += (length + 3) & ~3
    with silence():
        if complete:
            decoded = netlink_codec.decode(bare(), whole[:cut], WHERE)
            assert {NUMBERS[name] for name in decoded} == names & set(NUMBERS.values())
        else:
            with pytest.raises(DecodeFailed):
                netlink_codec.decode(bare(), whole[:cut], WHERE)


@pytest.mark.parametrize("kind", [bare, genl])
@settings(deadline=None, max_examples=300)
@given(data=st.binary(max_size=64))
def test_arbitrary_bytes(kind: Callable[[], Any], data: bytes) -> None:
    with silence():
        for prefix in (b"", struct.pack("=IHHII", 16 + len(data), 20, 0, 0, 0)):
            with contextlib.suppress(DecodeFailed):
                netlink_codec.decode(kind(), prefix + data, WHERE)
            with contextlib.suppress(DecodeFailed):
                netlink_codec.elements(prefix + data, WHERE)


@settings(deadline=None, max_examples=300)
@given(encoded(), st.data())
def test_spoilt_bytes(case: Case, data: st.DataObject) -> None:
    spoilt = bytearray(generic(20, 1, case[1]))
    for _count in range(data.draw(st.integers(1, 4))):
        spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
    with silence(), contextlib.suppress(DecodeFailed):
        netlink_codec.decode(genl(), bytes(spoilt), WHERE)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (attribute(3, b"\1\0\0"), "WORD at offset 0 has 3 bytes, not 4"),
        (attribute(3, b"\1\0\0\0\0"), "WORD at offset 0 has 5 bytes, not 4"),
        (attribute(3), "WORD at offset 0 has 0 bytes, not 4"),
        (u8(1, 7) + u32(1, 7), "BYTE at offset 8 has 4 bytes, not 1"),
        (u32(3, 7) + attribute(5, b"12345"), "MAC at offset 8 has 5 bytes, not 6"),
        (attribute(6, b"\1"), "FLAG at offset 0 has 1 bytes, not 0"),
        (struct.pack("=HH", 0, 7), "offset 0 has a wrong length"),
        (struct.pack("=HH", 3, 99), "offset 0 has a wrong length"),
        (struct.pack("=HH", 5, 7), "offset 0 has a wrong length"),
        (struct.pack("=HH", 0xFFFF, 99), "offset 0 has a wrong length"),
        (u32(3, 7) + b"\0", "1 bytes are left over at offset 8"),
        (b"\0\0\0", "3 bytes are left over at offset 0"),
    ],
)
def test_malformed_attributes(data: bytes, reason: str) -> None:
    with silence(), pytest.raises(DecodeFailed, match=reason) as caught:
        netlink_codec.decode(bare(), data, WHERE)
    assert caught.value.where == WHERE
    with silence(), pytest.raises(DecodeFailed):
        netlink_codec.decode(genl(), generic(20, 1, data), WHERE)


@pytest.mark.parametrize("length", [0, 4, 15, 19, 21, 2**32 - 1])
def test_a_message_whose_length_is_wrong(length: int) -> None:
    with silence(), pytest.raises(DecodeFailed, match="cut short or has a wrong length") as caught:
        netlink_codec.decode(genl(), struct.pack("=IHHIIBBH", length, 20, 0, 0, 0, 1, 1, 0), WHERE)
    assert caught.value.where == WHERE


def test_a_value_never_comes_from_the_bytes_behind_it() -> None:
    inner = struct.pack("=HH", 5, 3) + b"\1"  # a u32 of one byte, and no padding: pyroute2 would read on
    with pytest.raises(DecodeFailed):
        netlink_codec.decode(bare(), inner + b"\2\3\4" + u32(3, 9), WHERE)


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=12)), max_size=6))
@settings(deadline=None)
def test_elements(items: List[Tuple[int, bytes]]) -> None:
    data = b"".join(attribute(number, payload) for number, payload in items)
    assert netlink_codec.elements(data, WHERE) == tuple(payload for _number, payload in items)


def test_an_element_of_length_zero_does_not_hang() -> None:
    with pytest.raises(DecodeFailed):
        netlink_codec.elements(u32(1, 1) + bytes(8), WHERE)


def test_required() -> None:
    assert netlink_codec.required({"WORD": 0}, "WORD", WHERE) == 0
    with pytest.raises(DecodeFailed, match="Attribute WORD is missing") as caught:
        netlink_codec.required({}, "WORD", WHERE)
    assert caught.value.where == WHERE


def test_text() -> None:
    assert netlink_codec.text(b"wlan0\0") == "wlan0"
    assert netlink_codec.text(b"wlan0") == "wlan0"
    assert os.fsencode(netlink_codec.text(b"wl\xff\0rest")) == b"wl\xff"


def test_split() -> None:
    first, second = message(20, b"abc", flags=2, sequence=5), message(3, b"")
    assert netlink_codec.split(first + b"\0" + second, WHERE) == [
        netlink_codec.Message(20, 2, 5, first),
        netlink_codec.Message(3, 0, 0, second),
    ]
    assert netlink_codec.split(b"", WHERE) == []
    assert [part.data for part in netlink_codec.split(first, WHERE)] == [first]  # unpadded at the end


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_split_arbitrary_bytes(data: bytes) -> None:
    try:
        parts = netlink_codec.split(data, WHERE)
    except DecodeFailed:
        return
    assert all(len(part.data) >= 16 for part in parts)
    assert sum(len(part.data) for part in parts) <= len(data)


@pytest.mark.parametrize("cut", range(1, 43))
def test_split_cut_anywhere(cut: int) -> None:
    whole = message(20, b"abcd") + message(20, b"efgh12")
    if cut in (20, 42):
        assert netlink_codec.split(whole[:cut], WHERE)
    else:
        with pytest.raises(DecodeFailed):
            netlink_codec.split(whole[:cut], WHERE)
