# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lines of a configuration mean what wpa_supplicant makes of them."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any, Dict, List

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import conf_lines
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.conf_lines import (
    IN_NETWORK,
    IN_OTHER,
    OUTSIDE,
    content_of,
    rest_of,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import DecodeFailed
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.wpa_supplicant.parsed import (
    is_judged,
    read,
)

#: Lines and files with the answers of wpa_supplicant 2.10: ``make bench-parser ARGS="--sample FILE --seed 10 ..."``.
SAMPLE: Dict[str, List[Dict[str, Any]]] = json.loads(Path(__file__).with_name("parser_sample.json").read_text())


def test_each_line_is_read_as_wpa_supplicant_reads_it() -> None:
    wrong = []
    for each in SAMPLE["lines"]:
        unreadable, _lines, networks = read(f"network={{\n{each['line']}\n}}\n")
        ours = None if unreadable else networks[0]
        if ours != each["values"] and (each["values"] is not None or is_judged(each["line"])):
            wrong.append((each["line"], ours, each["values"]))
    assert wrong == []
    assert sum(each["values"] is None for each in SAMPLE["lines"]) > 50


def test_each_file_is_read_as_wpa_supplicant_reads_it() -> None:
    wrong = []
    for each in SAMPLE["files"]:
        with suppress(DecodeFailed):  # such a file is left alone
            _unreadable, lines, networks = read(each["text"])
            if "networks" in each:
                right = networks == each["networks"] and not lines
            else:
                right = all(line <= max(each["blamed"]) for line in lines)
            if not right:
                wrong.append(each)
    assert wrong == []


@pytest.mark.parametrize(
    ("line", "size", "content", "rest"),
    [
        ("a=b\0c\n", OUTSIDE, "a=b", "\n"),
        ("# a\0b\n", OUTSIDE, "", "# a\n"),
        ('psk="secret"\0 # old\n', IN_NETWORK, 'psk="secret"', "\n"),
        ("a=" + "b" * 600 + " # c\n", OUTSIDE, "a=" + "b" * 509, "\n"),
        ("a=" + "b" * 600 + " # c\n", IN_NETWORK, "a=" + "b" * 600, " # c\n"),
        ("a=" + "\u00e9" * 200 + "\n", IN_OTHER, "a=" + "\u00e9" * 126 + "\udcc3", "\n"),
        ("a=b", OUTSIDE, "a=b", ""),
        (" a=b \t# c", OUTSIDE, "a=b", " \t# c"),
    ],
)
def test_what_wpa_supplicant_does_not_see_of_a_line_is_not_there(line: str, size: int, content: str, rest: str) -> None:
    assert content_of(line, size) == content
    assert rest_of(line, size) == rest


@pytest.mark.parametrize(("line", "size"), [("\0a\n", OUTSIDE), ("\0\n", IN_NETWORK), ("a" * 300 + "\0b\n", IN_OTHER)])
def test_a_line_that_wpa_supplicant_takes_for_several_is_refused(line: str, size: int) -> None:
    with pytest.raises(DecodeFailed, match=r"line 7 .* NUL byte") as caught:
        conf_lines.check_line(7, line, size, "/etc/x.conf")
    assert caught.value.where == "/etc/x.conf"
    assert caught.value.remedy.startswith("Remove the NUL byte. If there are many of them, the file is in UTF-16")


@pytest.mark.parametrize("line", ["a\0b\n", " \0\n", "#\0\n", "a" * 300 + "\n"])
def test_other_lines_are_one_line(line: str) -> None:
    conf_lines.check_line(1, line, IN_OTHER, "")


def test_the_lines_that_open_a_block() -> None:
    opening = ("network={", "cred={", "identity={", "blob-base64-x={", "blob-base64-=")
    assert all(map(conf_lines.opens, opening))
    assert not any(map(conf_lines.opens, ("network={{", "network={ ", "network=", "blob-base64-x", "Network={", "}")))


@pytest.mark.parametrize(
    ("line", "content"),
    [
        ("", ""),
        ("\n", ""),
        ("  # x\n", ""),
        ("\t psk=1 \t\r\n", "psk=1"),
        ("psk=1 # x\n", "psk=1"),
        ('psk="a # b" # c\n', 'psk="a # b"'),
        ('psk="a"# b" # c\n', 'psk="a"'),
        ('psk="a#b\n', 'psk="a'),
        ("psk=a#b#c\n", "psk=a"),
        ('a="x"b="#"#\n', 'a="x"b="#"'),
        ("}  \n", "}"),
        ("\v}\n", "\v}"),
    ],
)
def test_what_wpa_supplicant_makes_of_a_line(line: str, content: str) -> None:
    """Worked out by hand from wpa_config_get_line(); the odd ones were seen with 2.10."""
    assert content_of(line, IN_NETWORK) == content


@pytest.mark.parametrize(
    ("line", "content"),
    [
        ('a=""#c"\n', 'a=""'),
        ('a=""x#c"\n', 'a=""x'),
        ('a="x#y" # b # c\n', 'a="x#y"'),
        ('a="x#y"z"#" # c\n', 'a="x#y"z"#"'),
        ('"#"#x\n', '"#"'),
        ('"#\n', '"'),
        ("#\n", ""),
        ("x#\n", "x"),
        ("a=b\x0b\n", "a=b\x0b"),
        ("a=b \t\r\n", "a=b"),
        ("a=X\n", "a=X"),
        ('psk=1 # "a" # b\n', "psk=1"),
        ('#"x" # y\n', ""),
        ("\n", ""),
    ],
)
def test_where_a_comment_begins(line: str, content: str) -> None:
    assert content_of(line, IN_NETWORK) == content
