# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values in wpa_supplicant's words: what it says decoded, and what it is told encoded."""

from __future__ import annotations

from contextlib import suppress
from typing import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vpro.fleet.plugins.module_utils._network import values
from ansible_collections.vpro.fleet.plugins.module_utils._network.values import CommandUnsafe
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import DecodeFailed
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_supplicant import printf_encode


@given(st.binary(max_size=64))
def test_printf_is_undone_for_any_bytes(data: bytes) -> None:
    assert values.decode_printf(printf_encode(data)) == data


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("Kim\\342\\200\\231s Phone", "Kim\u2019s Phone".encode()),
        ("a\\qb", b"aqb"),
        ("a\\x9z", b"a\tz"),
        ("a\\", b"a"),
        ("a\\x", b"a"),
        ("\\xg0", b"g0"),
        ("\\x414", b"A4"),
        ("\\0", b"\0"),
        ("\\7\\18\\1010", b"\x07\x018A0"),
        ("\\777\\400", b"\xff\0"),
        ("\\8\\9", b"89"),
        ("\\\\n", b"\\n"),
        ("\\\u00e9", b"\xc3\xa9"),
        ("\\\udcff", b"\xff"),
    ],
)
def test_other_escapes_are_those_of_printf_decode(text: str, data: bytes) -> None:
    """All of them were seen with wpa_supplicant 2.10."""
    assert values.decode_printf(text) == data
    assert values.decode_value(f'P"{text}"') == data


@given(st.text())
def test_printf_of_any_text_is_bytes_or_refused(text: str) -> None:
    with suppress(DecodeFailed):
        assert isinstance(values.decode_printf(text), bytes)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"home"', b"home"),
        ('"a"b"', b'a"b'),
        ('"a\\nb"', b"a\\nb"),  # a backslash in plain quotes is one
        ('""', b""),
        ('P"a\\nb\\x00\\""', b'a\nb\x00"'),
        ('P""', b""),
        ("00ff0a2209", b"\x00\xff\n\x22\t"),
        ("0A2F", b"\n/"),
        ("", b""),
    ],
)
def test_values(text: str, value: bytes) -> None:
    assert values.decode_value(text) == value


@pytest.mark.parametrize("text", ['"', "P", 'P"', '"a', 'a"', "0", "0g", "FAIL\n", "\ud800", "*"])
def test_values_that_are_none(text: str) -> None:
    with pytest.raises(DecodeFailed):
        values.decode_value(text)


@given(st.binary(max_size=40))
def test_values_of_any_bytes(data: bytes) -> None:
    assert values.decode_value(data.hex()) == data
    assert values.decode_value(f'P"{printf_encode(data)}"') == data
    assert values.decode_value('"' + data.decode("utf-8", "surrogateescape") + '"') == data


@given(st.binary(max_size=32))
def test_an_ssid_of_any_bytes_becomes_hex(ssid: bytes) -> None:
    assert values.decode_value(values.encode_ssid(ssid)) == ssid
    assert set(values.encode_ssid(ssid)) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    ("encode", "words"),
    [
        (lambda: values.encode_ssid(b"x" * 33), "an SSID has at most 32 bytes"),
        (lambda: values.encode_bssid("02:00:00:00:00:00\nx"), "is not a BSSID"),
        (lambda: values.encode_bssid("02:00:00:00:00:00\n"), "is not a BSSID"),
        (lambda: values.encode_bssid(""), "'' is not a BSSID"),
        (lambda: values.encode_bssid("any"), "'any' is not a BSSID"),
        (lambda: values.encode_frequencies([2412, 0]), "a positive number of MHz, not 0"),
        (lambda: values.encode_frequencies([-1]), "a positive number of MHz, not -1"),
    ],
)
def test_values_that_do_not_get_into_a_command(encode: Callable[[], str], words: str) -> None:
    with pytest.raises(CommandUnsafe, match=words):
        encode()


def test_encoders() -> None:
    assert values.encode_bssid("02:AA:00:00:00:01") == "02:aa:00:00:00:01"
    assert values.encode_bssid(None) == "any"
    assert values.encode_frequencies((2412, 5975)) == "2412 5975"
    assert values.encode_frequencies((1,)) == "1"
    assert values.encode_frequencies(()) == ""
