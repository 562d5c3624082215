# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bytes as text for people: printable, and never the same for different bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vpro.fleet.plugins.module_utils._network.values import decode_printf, ssid_text
from ansible_collections.vpro.fleet.plugins.module_utils._radio.connection import ssid_facts
from ansible_collections.vpro.fleet.plugins.module_utils._system.printable import printable, quoted


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"corp wifi", "corp wifi"),
        ("café 咖啡".encode(), "café 咖啡"),
        (b"\xff", r"\xff"),
        (rb"\xff", r"\\xff"),
        (b"a\\", r"a\\"),
        (b"a\n\r\t\x00\x1b[2J\x7f", r"a\n\r\t\x00\x1b[2J\x7f"),
        # A control character of Unicode, and the byte with its number.
        (b"\xc2\x85", r"\xc2\x85"),
        (b"\x85", r"\x85"),
        # It turns the direction of the text around; it looks like a space; it has no width.
        ("\u202e\u00a0\u200b".encode(), r"\xe2\x80\xae\xc2\xa0\xe2\x80\x8b"),
        # UTF-8 of a surrogate is no UTF-8.
        (b"\xed\xa0\x80", r"\xed\xa0\x80"),
        (b"it's", "it's"),
    ],
)
def test_the_form(data: bytes, text: str) -> None:
    assert printable(data) == text
    assert ssid_text(data) == text
    assert ssid_facts(data) == {"ssid": text, "ssid_hex": data.hex()}


def test_in_quotes_no_quote_ends_it() -> None:
    assert quoted(b"it's") == r"'it\x27s'"
    assert quoted(b"x' (open), 'y") == r"'x\x27 (open), \x27y'"


@given(st.binary(max_size=40) | st.text(max_size=20).map(lambda text: text.encode("utf-8", "replace")))
def test_the_bytes_can_be_told_again_and_nothing_is_unprintable(data: bytes) -> None:
    text = printable(data)
    assert text.isprintable()
    assert decode_printf(text) == data
    assert decode_printf(quoted(data)[1:-1]) == data
