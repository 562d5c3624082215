# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lines of a configuration with which no wpa_supplicant starts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.conf_check import faults, names_in

CANARY = "canary-0f3e"


def told(text: str) -> str:
    return "; ".join(map(str, faults(text)))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("\ufeffcountry=GB\n", "line 1 begins with a byte order mark, an invisible character that some editors add"),
        ("ap_scan=1\nnetwork={{\n", "line 2 opens no block. A block begins with exactly 'network={'"),
        ("network = {\n", "line 1 opens no block. A block begins with exactly 'network={'"),
        ("blob-base64-x\n", "line 1 opens no block. A block begins with exactly 'blob-base64-x={'"),
        ("\n}\n", "line 2 closes a block, but none is open"),
        (f"{CANARY}\n", "line 1 has no '='"),
        ("country = GB\n", "line 1 has white space before its '='"),
        ("country=G\n", "line 1 sets a country, but not to two letters"),
        ("ap_scan=one\n", "line 1 sets ap_scan, but not to a number"),
        (f"\u201c{CANARY}=1\n", "line 1 begins with something that can't be a name"),
        ('ssid="a"\n', "line 1 sets ssid outside of a network"),
        ("network={\n", "line 1 opens a block that is not closed"),
    ],
)
def test_lines_outside_of_blocks(text: str, what: str) -> None:
    assert told(text) == what


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("ssid=matrix", "sets ssid, but the value is neither in double quotes nor in hex"),
        (
            "ssid=\u201cOffice\u201d",
            "sets ssid, but the value is neither in double quotes nor in hex "
            "(it has quotes as text processors write them)",
        ),
        (f'ssid="{"a" * 33}"', "sets ssid to more than 32 bytes"),
        ('ssid="a" b', "sets ssid, but the value is neither in double quotes nor in hex"),
        (f'psk="{CANARY}', "begins a value with a double quote, but does not end it"),
        (f"psk={CANARY}", "sets psk, but the value is neither in double quotes nor 64 hex digits"),
        ('psk="short"', "sets psk to a passphrase that does not have 8 to 63 characters"),
        ('psk="1234567\t8"', "sets psk to a passphrase with a control character in it"),
        (f"{CANARY}", "has no '='"),
        (f'{CANARY}="x"', "begins with something that can't be a name"),
        ("network={", "opens a block, but the one that begins in line 1 is not closed yet"),
        ("priority=high", "sets priority, but not to a number"),
        ("disabled=3", "sets disabled to more than 2"),
        ("bssid=02-00-00-00-01-00", "sets bssid, but not to a MAC address"),
        ('key_mgmt="WPA-PSK"', "sets key_mgmt, but not to words in capital letters without quotes"),
        ("identity=me", "sets identity, but the value is neither in double quotes nor in hex"),
    ],
)
def test_lines_of_a_network(line: str, what: str) -> None:
    said = told(f"network={{\n{line}\n}}\n")
    assert said == f"line 2 {what}"
    assert CANARY not in said


@pytest.mark.parametrize(
    "line",
    [
        *(
            "",
            "# a",
            "ssid=",
            "ssid=NULL",
            'ssid=P"a\\"',
            "psk=ext:name",
            f"psk={'0a' * 32}",
            'psk="good-pass"x',
            "bssid=",
        ),
        *("password=hash:00", "unknown=1", "eap=TLS", "ieee80211w=3", "disabled=-1", "priority=", "key_mgmt=SAE\tOWE"),
    ],
)
def test_lines_that_may_be_right(line: str) -> None:
    assert faults(f"network={{\n{line}\n}}\n") == ()


def test_other_blocks() -> None:
    assert faults('cred={\n\trealm="x"\n}\nblob-base64-x={\nYWJj\n}\nidentity={\n}\n') == ()
    assert told('cred={\nrealm="x\nx\n}\n') == (
        "line 2 begins a value with a double quote, but does not end it; line 3 has no '='"
    )


@given(st.text(st.sampled_from('network={}\n"#=Pssidpk \0\\x')) | st.text())
def test_any_text_can_be_checked(text: str) -> None:
    lines = text.count("\n") + 1
    assert all(1 <= fault.line <= lines for fault in faults(text))


def test_the_names_in_lines() -> None:
    assert names_in('network={\n\tssid="a" # x\n\t\u201cx=1\n}\n') == {1: "network", 2: "ssid"}
