# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CSME's connection, as facts."""

from __future__ import annotations

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._radio import connection
from ansible_collections.vpro.fleet.plugins.module_utils._radio.connection import CsmeConnection, PartialConnection


def test_no_connection_of_csmes() -> None:
    assert connection.connection_facts(None) is None


def test_what_could_be_read_is_told_and_the_rest_is_null() -> None:
    part = PartialConnection(b"corp", "02:00:00:00:01:00", None, (), None, "ccmp", (("channel", "There is no 255"),))
    assert connection.connection_facts(part) == {
        "ssid": "corp",
        "ssid_hex": "636f7270",
        "bssid": "02:00:00:00:01:00",
        "channel": None,
        "frequencies": [],
        "auth": None,
        "cipher": "ccmp",
    }
    assert connection.ssid_facts(None) == {"ssid": None, "ssid_hex": None}


def test_what_is_told_of_a_connection() -> None:
    told = CsmeConnection(
        b"corp\xff", "02:00:00:00:01:00", 1, 0, (2412, 5955), "psk", "ccmp", 33, "02:00:00:00:02:00", 2, 4
    )
    assert connection.connection_facts(told) == {
        "ssid": "corp\\xff",
        "ssid_hex": "636f7270ff",
        "bssid": "02:00:00:00:01:00",
        "channel": 1,
        "frequencies": [2412, 5955],
        "auth": "psk",
        "cipher": "ccmp",
    }


@pytest.mark.parametrize(
    ("ssid", "text"),
    [(b"", ""), (b"caf\xc3\xa9", "café"), (b"a\x00b", r"a\x00b"), (b"\xff", r"\xff"), (rb"\xff", r"\\xff")],
)
def test_an_ssid_is_text_for_people_and_hex_for_programs(ssid: bytes, text: str) -> None:
    assert connection.ssid_facts(ssid) == {"ssid": text, "ssid_hex": ssid.hex()}
