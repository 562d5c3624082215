# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The text of wpa_supplicant's configuration file: parsed, and edited line by line."""

from __future__ import annotations

from typing import List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.conf import (
    ConfBlock,
    append,
    edit,
    new_block,
    parse,
    render,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import DecodeFailed

CONFIGURATION = """\
# the header
ctrl_interface=/run/wpa_supplicant # where

blob-base64-x={
network={
}
cred={
\trealm="example.org"
}
  network={  # ours
\t# a comment
\tssid="a#b"\t# the name
\tpsk="one"
    psk="two"
  }
#network={
network={
\tssid=6162
\tkey_mgmt=NONE
}
"""


def blocks(text: str) -> List[ConfBlock]:
    return [part for part in parse(text) if isinstance(part, ConfBlock)]


def test_blocks_are_found_where_they_are() -> None:
    first, second = blocks(CONFIGURATION)
    assert first.variables == {"ssid": '"a#b"', "psk": '"two"'}
    assert first.text.startswith("  network={  # ours\n")
    assert first.text.endswith("  }\n")
    assert second.variables == {"ssid": "6162", "key_mgmt": "NONE"}
    assert render(parse(CONFIGURATION)) == CONFIGURATION


@pytest.mark.parametrize(
    "text", ["network={\n", "network={\nssid=00\n", "cred={\n", "blob-base64-x={\nnetwork={\n", "}\n\0"]
)
def test_a_damaged_file_is_refused(text: str) -> None:
    with pytest.raises(DecodeFailed, match=r"/etc/x\.conf"):
        parse(text, "/etc/x.conf")


def test_the_line_of_a_block_that_is_not_closed_is_named() -> None:
    with pytest.raises(DecodeFailed, match="line 3"):
        parse("# x\n\nnetwork={\n\tssid=00\n")


LINES = st.lists(
    st.sampled_from(
        [
            *("network={", " network={ # x", "}", "\t}", "cred={", "blob-base64-b={", "", "# network={", "ssid=00"),
            *('psk="a#b" # c', "}#", "network={}", "a=b\r", "\x0b", "\x85network={", "\u2028", "\udcff"),
        ]
    )
    | st.text(st.characters(exclude_characters="\n\0")),
    max_size=30,
)


@given(LINES, st.booleans())
def test_any_text_survives_or_is_refused(lines: List[str], ends: bool) -> None:
    text = "\n".join(lines) + ("\n" if ends else "")
    try:
        parts = parse(text)
    except DecodeFailed:
        return
    assert render(parts) == text
    block = new_block({"ssid": "00"})
    more = append(parts, block)
    assert render(more).startswith(text)
    # What was added is found again, and nothing else is disturbed by it.
    again = parse(render(more))
    assert again[-1] == block
    assert [b.body for b in again[:-1] if isinstance(b, ConfBlock)] == [
        b.body for b in parts if isinstance(b, ConfBlock)
    ]


def test_a_nul_byte_ends_what_wpa_supplicant_sees_of_a_line() -> None:
    text = 'ap_scan=1\n# an old\0 comment\nnetwork={\n\tssid="a"\0b\n\tpsk="old-secret"\0 # x\n}\n'
    (block,) = blocks(text)
    assert block.variables == {"ssid": '"a"', "psk": '"old-secret"'}
    assert render(parse(text)) == text
    new = edit(block, {"psk": '"new-secret"'}, frozenset({"psk"}), frozenset())
    assert new.text == 'network={\n\tssid="a"\0b\n\tpsk="new-secret"\n}\n'


def test_the_end_of_a_line_that_is_too_long_goes_with_its_value() -> None:
    (block,) = blocks(f'network={{\n\tidentity="{"a" * 2100}"\n}}\n')
    assert block.variables == {"identity": '"' + "a" * 1988}
    new = edit(block, {"identity": '"b"'}, frozenset({"identity"}), frozenset())
    assert new.text == 'network={\n\tidentity="b"\n}\n'


def test_an_identity_is_a_block_too() -> None:
    (block,) = blocks("identity={\nnetwork={\n}\nnetwork={\nssid=00\n}\n")
    assert block.variables == {"ssid": "00"}


def test_append_begins_a_line_of_its_own() -> None:
    block = new_block({"ssid": "00"})
    assert render(append(parse("ap_scan=1"), block)) == "ap_scan=1\nnetwork={\n\tssid=00\n}\n"
    assert render(append(parse("ap_scan=1\n"), block)) == "ap_scan=1\nnetwork={\n\tssid=00\n}\n"
    assert render(append(parse("network={\n}"), block)) == "network={\n}\nnetwork={\n\tssid=00\n}\n"
    assert render(append((), block)) == "network={\n\tssid=00\n}\n"


BLOCK = blocks(
    'network={\n  # theirs\n  ssid="a"  # name\n\tpsk="old" # one\n  bgscan=""\n\tpsk="older"# two\n  id_str="x"\n}\n'
)[0]


def test_only_the_lines_that_differ_change() -> None:
    new = edit(
        BLOCK,
        {"ssid": "61", "psk": '"new"', "key_mgmt": "WPA-PSK", "bssid": None},
        frozenset({"psk", "key_mgmt"}),
        frozenset({"id_str"}),
    )
    assert new.text == (
        'network={\n  # theirs\n  ssid="a"  # name\n  bgscan=""\n\tpsk="new"# two\n\tkey_mgmt=WPA-PSK\n}\n'
    )


def test_nothing_to_change_changes_nothing() -> None:
    plain = blocks('network={\n  ssid="a" # x\n\n garbage\n\tpsk="b"\n}')[0]
    assert edit(plain, {"ssid": "61", "psk": '"b"', "bssid": None}, frozenset(), frozenset({"proto"})) is not plain
    assert edit(plain, {"ssid": "61", "psk": '"b"', "bssid": None}, frozenset(), frozenset({"proto"})) == plain


def test_a_variable_that_is_not_wanted_goes() -> None:
    new = edit(BLOCK, {"psk": None, "ssid": "61"}, frozenset({"psk"}), frozenset())
    assert "psk" not in new.text
    assert new.variables == {"ssid": '"a"', "bgscan": '""', "id_str": '"x"'}


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "\x00", "a\tb", "\x7f"])
def test_no_value_becomes_another_line(value: str) -> None:
    with pytest.raises(DecodeFailed):
        new_block({"identity": value})
    with pytest.raises(DecodeFailed):
        edit(BLOCK, {"ssid": value}, frozenset({"ssid"}), frozenset())


@pytest.mark.parametrize(
    ("text", "what"), [("network={\n", "line 1 .* is not closed"), ("a=b\n\0", "line 2 .* has a NUL byte")]
)
def test_a_damaged_file_is_named_with_what_to_do(text: str, what: str) -> None:
    with pytest.raises(DecodeFailed, match=what) as caught:
        parse(text, "/etc/some.conf")
    assert caught.value.where == "/etc/some.conf"
    assert "Repair the file" in caught.value.remedy or "Remove the NUL" in caught.value.remedy


def test_a_value_with_an_equals_sign_or_a_space_is_a_value() -> None:
    (block,) = blocks('network={\n\tpassword="a=b c"\n}\n')
    assert block.variables == {"password": '"a=b c"'}
    assert edit(block, {"password": '"c d=e"'}, frozenset({"password"}), frozenset()).variables == {
        "password": '"c d=e"'
    }


def test_a_value_that_would_be_another_line_is_named() -> None:
    with pytest.raises(DecodeFailed, match="a value for psk has a control character in it"):
        new_block({"psk": "a\nb"})
