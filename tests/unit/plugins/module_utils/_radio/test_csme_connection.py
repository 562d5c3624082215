# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CSME's connection, decoded from what the driver tells."""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace
from typing import Any, Dict, List, Optional, Tuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.vpro.fleet.plugins.module_utils._radio import channels, csme
from ansible_collections.vpro.fleet.plugins.module_utils._radio.connection import CsmeConnection, PartialConnection
from ansible_collections.vpro.fleet.plugins.module_utils._radio.csme import AuthMode, Cipher
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import DecodeFailed
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._radio.fake_csme import (
    ADDR,
    AUTH_MODE,
    BAND,
    CHANNEL_NUM,
    COLLOC_ADDR,
    COLLOC_CHANNEL,
    SSID,
    STA_CIPHER,
    joined,
    without,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._radio.fake_netlink import FLAGS
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.conftest import attribute, u8, u16, u32


def test_what_mainline_answers() -> None:
    assert csme.decode_connection(joined()) == CsmeConnection(
        ssid=b"corp",
        bssid="02:00:de:ad:be:ef",
        channel=36,
        band=None,
        frequencies=(5180,),
        auth="psk",
        auth_raw=7,
        cipher="ccmp",
        cipher_raw=4,
        colloc_channel=None,
        colloc_bssid=None,
    )


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (0, "open"),
        (6, "eap"),
        (7, "psk"),
        (9, "sae"),
        (1, "unknown(1)"),
        (8, "unknown(8)"),
        (2**32 - 1, "unknown(4294967295)"),
    ],
)
def test_auth_modes(number: int, name: str) -> None:
    found = whole(joined(AUTH_MODE=u32(AUTH_MODE, number)))
    assert (found.auth, found.auth_raw) == (name, number)


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (0, "none"),
        (2, "tkip"),
        (4, "ccmp"),
        (8, "gcmp"),
        (9, "gcmp-256"),
        (1, "unknown(1)"),
        (0x000FAC04, "unknown(1027076)"),
    ],
)
def test_ciphers(number: int, name: str) -> None:
    found = whole(joined(STA_CIPHER=u32(STA_CIPHER, number)))
    assert (found.cipher, found.cipher_raw) == (name, number)


def test_the_labels_are_those_of_the_facts() -> None:
    assert [mode.label for mode in AuthMode] == ["open", "eap", "psk", "sae"]
    assert [cipher.label for cipher in Cipher] == ["none", "tkip", "ccmp", "gcmp", "gcmp-256"]


def test_no_cipher() -> None:
    found = whole(without(STA_CIPHER))
    assert (found.cipher, found.cipher_raw) == (None, None)


@pytest.mark.parametrize(
    ("number", "name"), [(SSID, "SSID"), (ADDR, "ADDR"), (CHANNEL_NUM, "CHANNEL_NUM"), (AUTH_MODE, "AUTH_MODE")]
)
def test_missing_attributes_are_named_and_the_others_kept(number: int, name: str) -> None:
    part = csme.decode_connection(without(number))
    assert isinstance(part, PartialConnection)
    value = VALUES[name]
    assert part.unread == ((value, f"Attribute {name} is missing"),)
    assert part == replace(PART, unread=part.unread, **GONE[value])


#: The names of the values of attributes that a handover needs.
VALUES = {"SSID": "ssid", "ADDR": "bssid", "CHANNEL_NUM": "channel", "BAND": "channel", "AUTH_MODE": "auth"}
#: What mainline answers, as far as a part of it is concerned.
PART = PartialConnection(b"corp", "02:00:de:ad:be:ef", 36, (5180,), "psk", "ccmp", ())
#: What a part lacks without one of them.
GONE: Dict[str, Dict[str, Any]] = {
    "ssid": {"ssid": None},
    "bssid": {"bssid": None},
    "channel": {"channel": None, "frequencies": ()},
    "auth": {"auth": None},
}


def whole(data: bytes) -> CsmeConnection:
    """Decode a connection of which all can be read."""
    found = csme.decode_connection(data)
    assert isinstance(found, CsmeConnection)
    return found


def test_an_answer_of_which_nothing_can_be_read_is_refused() -> None:
    for answer in (b"", u32(STA_CIPHER, 4), b"\x08", attribute(SSID, bytes(33))):
        with pytest.raises(DecodeFailed, match="SSID") as caught:
            csme.decode_connection(answer)
        assert caught.value.where == "CSME connection"


def test_several_things_that_can_not_be_read_are_all_named() -> None:
    part = csme.decode_connection(
        joined(CHANNEL_NUM=u8(CHANNEL_NUM, 255), STA_CIPHER=u8(STA_CIPHER, 4), ADDR=attribute(ADDR, b"12345"))
    )
    assert isinstance(part, PartialConnection)
    assert [name for name, _text in part.unread] == ["bssid", "channel", "cipher"]
    assert part == replace(PART, bssid=None, channel=None, frequencies=(), cipher=None, unread=part.unread)
    assert "There is no channel 255; " in part.why
    assert part.why.count("; ") == 2


@pytest.mark.parametrize("ssid", [b"", b"\0", b"a\0b\0", bytes(32), bytes(range(224, 256)), "café".encode()])
def test_ssids_are_bytes(ssid: bytes) -> None:
    assert csme.decode_connection(joined(SSID=attribute(SSID, ssid))).ssid == ssid


@pytest.mark.parametrize("size", [33, 255])
def test_an_ssid_that_is_too_long(size: int) -> None:
    part = csme.decode_connection(joined(SSID=attribute(SSID, bytes(size))))
    assert part == replace(PART, ssid=None, unread=(("ssid", f"Attribute SSID has {size} bytes, more than 32"),))


@pytest.mark.parametrize(
    ("channel", "band", "frequencies"),
    [
        (1, None, (2412, 5955)),
        (1, 0, (2412,)),
        (1, 2, (5955,)),
        (2, 2, (5935,)),
        (149, None, (5745, 6695)),
        (149, 1, (5745,)),
        (233, None, (7115,)),
    ],
)
def test_channels(channel: int, band: Optional[int], frequencies: Tuple[int, ...]) -> None:
    changes = {"CHANNEL_NUM": u8(CHANNEL_NUM, channel)}
    if band is not None:
        changes["BAND"] = u8(BAND, band)
    found = whole(joined(**changes))
    assert (found.channel, found.band, found.frequencies) == (channel, band, frequencies)


@pytest.mark.parametrize(
    ("channel", "band"), [(0, None), (15, None), (234, None), (255, None), (36, 0), (1, 1), (36, 3), (36, 255)]
)
def test_impossible_channels(channel: int, band: Optional[int]) -> None:
    changes = {"CHANNEL_NUM": u8(CHANNEL_NUM, channel)}
    if band is not None:
        changes["BAND"] = u8(BAND, band)
    part = csme.decode_connection(joined(**changes))
    assert isinstance(part, PartialConnection)
    assert "Attribute CHANNEL_NUM or BAND is wrong: There is no " in part.why
    assert part == replace(PART, channel=None, frequencies=(), unread=part.unread)


@pytest.mark.parametrize("value", [u8(COLLOC_CHANNEL, 11), u32(COLLOC_CHANNEL, 11)])
def test_the_collocated_access_point(value: bytes) -> None:
    found = whole(joined(COLLOC_CHANNEL=value, COLLOC_ADDR=attribute(COLLOC_ADDR, b"abcdef")))
    assert (found.colloc_channel, found.colloc_bssid) == (11, "61:62:63:64:65:66")


@pytest.mark.parametrize(
    "changes",
    [
        {"ADDR": attribute(ADDR, b"12345")},
        {"ADDR": attribute(ADDR, b"1234567")},
        {"ADDR": attribute(ADDR)},
        {"AUTH_MODE": u8(AUTH_MODE, 7)},
        {"AUTH_MODE": u16(AUTH_MODE, 7)},
        {"AUTH_MODE": attribute(AUTH_MODE, bytes(8))},
        {"STA_CIPHER": u8(STA_CIPHER, 4)},
        {"STA_CIPHER": attribute(STA_CIPHER)},
        {"CHANNEL_NUM": u32(CHANNEL_NUM, 36)},
        {"CHANNEL_NUM": attribute(CHANNEL_NUM)},
        {"BAND": u32(BAND, 1)},
        {"COLLOC_CHANNEL": u16(COLLOC_CHANNEL, 1)},
        {"COLLOC_CHANNEL": attribute(COLLOC_CHANNEL)},
        {"COLLOC_ADDR": attribute(COLLOC_ADDR, b"12345")},
    ],
)
def test_wrong_lengths_are_named(changes: Dict[str, bytes]) -> None:
    (name,) = changes
    found = csme.decode_connection(joined(**changes))
    ((value, text),) = found.unread
    assert re.match(f"Attribute {name} .*has [0-9]+ bytes, not", text)
    if name in VALUES:
        assert value == VALUES[name]
        assert found == replace(PART, unread=found.unread, **GONE[value])
    else:
        # A handover does not need this one.
        assert value == name.lower().replace("sta_", "").replace("addr", "bssid")
        lost: Dict[str, Any] = {"cipher": None, "cipher_raw": None} if value == "cipher" else {}
        assert found == replace(whole(joined()), unread=found.unread, **lost)


def test_of_duplicates_the_last_counts_but_all_must_be_well_formed() -> None:
    assert csme.decode_connection(attribute(SSID, b"old") + joined()).ssid == b"corp"
    assert csme.decode_connection(joined() + attribute(SSID, b"new")).ssid == b"new"
    part = csme.decode_connection(u8(AUTH_MODE, 7) + joined())
    assert isinstance(part, PartialConnection)
    assert "AUTH_MODE at offset 0" in part.why
    assert part == replace(PART, auth=None, unread=part.unread)


VALID = st.fixed_dictionaries(
    {
        "ssid": st.binary(max_size=32),
        "bssid": st.binary(min_size=6, max_size=6),
        "where": st.sampled_from([(b, c) for b, numbers in channels._FREQUENCIES.items() for c in numbers]),
        "with_band": st.booleans(),
        "auth_raw": st.integers(0, 2**32 - 1) | st.sampled_from([0, 6, 7, 9]),
        "cipher_raw": st.none() | st.integers(0, 2**32 - 1),
        "colloc_channel": st.none() | st.integers(0, 255),
        "colloc_bssid": st.none() | st.binary(min_size=6, max_size=6),
    }
)


@st.composite
def answers(draw: st.DrawFn) -> Tuple[Dict[str, Any], List[bytes]]:
    """A connection and its attributes: any order, flag bits, strangers in between."""
    value: Dict[str, Any] = draw(VALID)
    band, channel = value["where"]
    fields = [
        (SSID, value["ssid"]),
        (ADDR, value["bssid"]),
        (CHANNEL_NUM, bytes([channel])),
        (AUTH_MODE, u32(0, value["auth_raw"])[4:]),
    ]
    if value["with_band"]:
        fields.append((BAND, bytes([band])))
    if value["cipher_raw"] is not None:
        fields.append((STA_CIPHER, u32(0, value["cipher_raw"])[4:]))
    if value["colloc_channel"] is not None:
        fields.append((COLLOC_CHANNEL, bytes([value["colloc_channel"]])))
    if value["colloc_bssid"] is not None:
        fields.append((COLLOC_ADDR, value["colloc_bssid"]))
    strangers = draw(st.lists(st.tuples(st.integers(0x72, 0x3FFF), st.binary(max_size=8)), max_size=4))
    order = draw(st.permutations(fields + strangers))
    return value, [attribute(number | draw(st.sampled_from(FLAGS)), payload) for number, payload in order]


@settings(deadline=None)
@given(answers())
def test_any_connection(case: Tuple[Dict[str, Any], List[bytes]]) -> None:
    value, parts = case
    found = whole(b"".join(parts))
    band, channel = value["where"]
    assert (found.ssid, found.bssid, found.channel) == (value["ssid"], value["bssid"].hex(":"), channel)
    assert found.band == (band if value["with_band"] else None)
    assert found.frequencies == channels.frequencies(channel, found.band)
    assert (found.auth_raw, found.cipher_raw) == (value["auth_raw"], value["cipher_raw"])
    assert found.colloc_channel == value["colloc_channel"]
    assert found.colloc_bssid == (value["colloc_bssid"].hex(":") if value["colloc_bssid"] else None)


@settings(deadline=None)
@given(answers(), st.data())
def test_cut_anywhere(case: Tuple[Dict[str, Any], List[bytes]], data: st.DataObject) -> None:
    answer = b"".join(case[1])
    full = whole(answer)
    cut = data.draw(st.integers(0, len(answer)))
    try:
        found = csme.decode_connection(answer[:cut])
    except DecodeFailed:
        return
    lost = dict(found.unread)
    assert isinstance(found, CsmeConnection) or lost
    for name in ("ssid", "bssid", "auth"):
        assert getattr(found, name) == (None if name in lost else getattr(full, name))
    assert "channel" in lost or found.channel == full.channel


@pytest.mark.parametrize("cut", range(len(joined())))
def test_mainline_cut_anywhere(cut: int) -> None:
    # The last attribute, ADDR, ends two bytes of padding before the end.
    if cut >= len(joined()) - 2:
        assert csme.decode_connection(joined()[:cut]) == csme.decode_connection(joined())
        return
    try:
        found = csme.decode_connection(joined()[:cut])
    except DecodeFailed:
        # Not even the first attribute, AUTH_MODE, is there.
        assert cut < 8
        return
    assert isinstance(found, PartialConnection)
    assert "bssid" in dict(found.unread)
    assert found.auth == "psk"


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=80))
def test_arbitrary_bytes(data: bytes) -> None:
    for decode in (csme.decode_connection, csme.decode_roaming_forbidden):
        with contextlib.suppress(DecodeFailed):
            decode(data)


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_spoilt_bytes(data: st.DataObject) -> None:
    spoilt = bytearray(joined(BAND=u8(BAND, 1)))
    for _count in range(data.draw(st.integers(1, 4))):
        spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = csme.decode_connection(bytes(spoilt))
    except DecodeFailed:
        return
    if isinstance(found, CsmeConnection):
        assert found.frequencies
    else:
        assert found.unread
        assert (found.channel is None) == (not found.frequencies)
    assert found.ssid is None or len(found.ssid) <= 32
