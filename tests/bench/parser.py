# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compares what the collection and the real wpa_supplicant make of the same configuration files.

``make bench-parser`` needs no laptop, but wpa_supplicant on this machine. It makes lines at random, gives them to both,
and fails if they disagree. Each line gets a network of its own. After that come whole files of random lines.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Set

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.conf_lines import (
    IN_NETWORK,
    check_line,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import DecodeFailed
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.wpa_supplicant.parsed import (
    NUMBERS,
    TEXTS,
    Values,
    is_judged,
    read,
)

#: How many networks one file gets. wpa_supplicant makes a key of each passphrase, which takes milliseconds.
_NETWORKS = 500
#: Seconds for wpa_supplicant to read one file.
_LIMIT = 60.0

_BITS = (
    *(
        "\\\\",
        '\\"',
        "\\n",
        "\\r",
        "\\t",
        "\\e",
        "\\x9",
        "\\x4",
        "\\x41",
        "\\xC3",
        "\\x",
        "\\xg",
        "\\7",
        "\\12",
        "\\101",
    ),
    *("\\777", "\\400", "\\0", "\\8", "\\q", "\\u00e9", "\\", '"', "#", " ", "=", "\t", "\r", "\v", "{", "}", "P", "'"),
    *("a", "b", "Z", "0", "9", "net", "\u00e9", "\u2019", "\u201c", "\udcff", "\x7f", "\x01", "\0", "\ufeff"),
)
_PLAIN = ("a", "b", "Z", "0", "9", " ", "net", "\u00e9", "_", "-")
_DIGITS = (
    *("0", "1", "2", "3", "5", "7", "010", "08", "0x10", "0X1f", "0x", "-1", "+3", " 7", "\t7", "\v5", "1_0", "\u0663"),
    *("0b1", "1e3", "99999999999999999999", "-99999999999999999999", "4294967297", "2147483648", "-2147483649", "00"),
    *("", '""', '"1"', "1 # c", "1#", "-", "+", "true", "1 2", "-0", "1.0", "1\0", "0777", "0o7", "1;", "1\r"),
)
_WORDS = (
    "WPA-PSK",
    "SAE",
    "NONE",
    "WPA-EAP",
    "WPA-PSK-SHA256",
    '"WPA-PSK"',
    "psk",
    "WPA-PSK,SAE",
    "",
    "\tSAE",
    "SAE\t",
)
_ADDRESSES = (
    "any",
    "",
    '""',
    "02:00:00:00:01:00",
    "02:00:00:00:01:0",
    "02:00:00:00:01:00x",
    "02-00-00-00-01-00",
    "2:0",
)
_OUTSIDE = (
    *("ap_scan=1", "country=DE", "country=D", "country=", "update_config=08", "update_config=x", "mac_addr=3", "pmf=1"),
    *("ap_scan = 1", "# a", "", "  ", "}", "network={", "network={{", " network={ # x", "network = {", "network={}"),
    *("cred={", "blob-base64-x={", "blob-base64-x", "YWJj", "ctrl_interface=/x", "\ufeffap_scan=1", "\ufeff", "{"),
    *('psk="a#b" # c', "#\0", "ap_scan=1\0x", "\t}", "}#", "}}", "garbage", "country=GB" + "B" * 600, "#" * 700),
    *('ssid="a"', "ssid=00", "ssid=matrix", "\u201cx\u201d", 'ssid="a', 'id_str="x" #"', "priority=010", "\udcff=1"),
)


class Lines:
    """Lines at random, always the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def _pick(self, texts: tuple[str, ...], most: int) -> str:
        return "".join(self._random.choices(texts, k=self._random.randrange(most + 1)))

    def _text(self) -> str:
        inner = self._pick(_BITS if self._random.random() < 0.7 else _PLAIN, 12)
        kind = self._random.randrange(12)
        if kind < 5:
            return f'P"{inner}"'
        if kind < 8:
            return f'"{inner}"'
        if kind == 8:
            return self._pick(tuple("0123456789abcdefABCDEF"), 70)
        if kind == 9:
            return self._random.choice(
                ("NULL", '"NULL"', "P", 'P"', '"', "\u201chome\u201d", "'home'", ' "a"', "matrix")
            )
        if kind == 10:
            return inner
        return f'"{"a" * self._random.choice((7, 8, 31, 32, 33, 63, 64, 1980, 1994, 2050))}"'

    def variable(self) -> str:
        """Return one line of a network that wpa_supplicant takes for one line."""
        while True:
            kind = self._random.randrange(20)
            if kind < 9:
                line = f"{self._random.choice(TEXTS)}={self._text()}"
            elif kind < 14:
                line = f"{self._random.choice(tuple(NUMBERS))}={self._random.choice(_DIGITS)}"
            elif kind < 17:
                line = f"psk={self._text()}"
            elif kind == 17:
                line = f"key_mgmt={' '.join(self._random.choices(_WORDS, k=self._random.randrange(3)))}"
            elif kind == 18:
                line = f"bssid={self._random.choice(_ADDRESSES)}"
            else:
                line = self._pick(_BITS, 6)
            line = self._random.choice(("\t", "", " ", "\r")) + line + self._random.choice(("", "", " # c", "#", "\r"))
            try:
                check_line(1, line + "\n", IN_NETWORK, "")
            except DecodeFailed:
                continue
            if line.strip(" \t\r") not in ("}", "}#") and not line.strip(" \t\r").startswith("}"):
                return line

    def file(self) -> str:
        """Return a whole file of lines that may be in any order."""
        lines = [self._random.choice(_OUTSIDE) for _line in range(self._random.randrange(1, 14))]
        return "\n".join(lines) + self._random.choice(("", "\n"))


@dataclass
class Answer:
    """What the real parser made of a file."""

    loads: bool
    #: The lines that it blames.
    lines: Set[int] = field(default_factory=set)
    #: The networks by the line that opens them, also those that it refuses in the end.
    networks: Dict[int, Values] = field(default_factory=dict)


_START = re.compile(r"Line: (\d+) - start of a new network block")
_BLAME = re.compile(r"Line (\d+): ")
_TEXT = re.compile(r"(\w+) - hexdump_ascii\(len=(\d+)\):")
_NULL = re.compile(r"Unset configuration string '(\w+)'")
_NUMBER = re.compile(r"(\w+)=(-?\d+) \(0x[0-9a-f]+\)\Z")


def ask(program: str, text: str) -> Answer:
    """Give a file to the real parser, and return what it says.

    Raises:
        SystemExit: it did not read the file.
    """
    with tempfile.NamedTemporaryFile() as handle:
        handle.write(text.encode("utf-8", "surrogateescape"))
        handle.flush()
        argv = [program, "-dd", "-K", "-Dnone", "-ivpro-fleet-none", "-c", handle.name]
        done = subprocess.run(argv, capture_output=True, timeout=_LIMIT, check=False)
    said = done.stdout.decode("latin-1")
    if "Reading configuration file" not in said:
        sys.exit(f"{program} did not read the file: {said[-500:]}")
    answer = Answer("Failed to read or parse configuration" not in said)
    lines = iter(said.split("\n"))
    network: Values = {}
    for line in lines:
        if (match := _START.match(line)) is not None:
            network = answer.networks.setdefault(int(match[1]), dict(NUMBERS))
        elif (match := _BLAME.match(line)) is not None:
            if "Ignore" not in line and "removed CCMP" not in line:
                answer.lines.add(int(match[1]))
        elif (match := _TEXT.match(line)) is not None:
            network[match[1]] = _dump(lines, int(match[2]))
        elif (match := _NULL.match(line)) is not None:
            network.pop(match[1], None)
        elif (match := _NUMBER.match(line)) is not None:
            network[match[1]] = int(match[2])
    return answer


def _dump(lines: Iterator[str], size: int) -> str:
    """Return the bytes of a dump in hex. Each of its lines has 16 bytes, after 5 spaces."""
    text = ""
    while 2 * size > len(text):
        text += next(lines)[5:53].replace(" ", "")
    return text


def _known(values: Values) -> Values:
    return {name: value for name, value in values.items() if name in TEXTS or name in NUMBERS}


def differences(program: str, text: str, *, whole: bool) -> Iterator[str]:
    """Yield where the collection and the real parser disagree about a file.

    Args:
        program: the path of wpa_supplicant.
        text: the file.
        whole: the file may have lines of all kinds. Otherwise it has networks of one line each, and both have to blame
            the same lines.
    """
    answer = ask(program, text)
    try:
        unreadable, lines, networks = read(text)
    except DecodeFailed:
        return  # the collection does not touch such a file
    if unreadable and answer.loads:
        yield f"blamed: {lines}, but wpa_supplicant loads this file"
    wrong = set(lines) - answer.lines
    if wrong and not (whole and max(wrong) <= max(answer.lines, default=0)):
        yield f"blamed, but wpa_supplicant does not: {sorted(wrong)}"
    if answer.loads:
        real = [_known(values) for _line, values in sorted(answer.networks.items())]
        if real != networks:
            yield f"networks are {networks}, but wpa_supplicant has {real}"


def _networks(lines: List[str]) -> str:
    return "".join(f"network={{\n{line}\n}}\n" for line in lines)


def compare_lines(program: str, lines: List[str]) -> Iterator[str]:
    """Yield where both disagree about lines, each in a network of its own."""
    text = _networks(lines)
    answer = ask(program, text)
    _unreadable, blamed, _rest = read(text)
    for index, line in enumerate(lines):
        number = 3 * index + 2
        refused = number in answer.lines
        if refused and number not in blamed and not is_judged(line):
            continue
        if refused != (number in blamed):
            yield f"{line!r}: {'refused' if refused else 'read'} by wpa_supplicant, but not by the collection"
        elif not refused:
            (ours,) = read(_networks([line]))[2]
            if ours != _known(answer.networks[number - 1]):
                yield f"{line!r}: {ours}, but wpa_supplicant has {_known(answer.networks[number - 1])}"


def sample(program: str, lines: List[str], files: List[str]) -> Dict[str, object]:
    """Return lines and files with the real parser's answers.

    A line comes with the values of its network, or with None if it is refused. A file comes with the values of its
    networks, or with the lines that are blamed.
    """
    answer = ask(program, _networks(lines))
    told: List[object] = []
    for index, line in enumerate(lines):
        values: Optional[Values] = _known(answer.networks[3 * index + 1])
        told.append({"line": line, "values": None if 3 * index + 2 in answer.lines else values})
    answers = [(text, ask(program, text)) for text in files]
    return {
        "lines": told,
        "files": [
            {"text": text, "networks": [_known(values) for _line, values in sorted(each.networks.items())]}
            if each.loads
            else {"text": text, "blamed": sorted(each.lines)}
            for text, each in answers
        ],
    }


def main() -> int:
    """Compare and report; return the exit status."""
    options_of = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options_of.add_argument("--program", help="wpa_supplicant's path (default: the installed one)")
    options_of.add_argument("--lines", type=int, default=10000, help="how many lines (default: %(default)s)")
    options_of.add_argument("--files", type=int, default=1000, help="how many whole files (default: %(default)s)")
    options_of.add_argument("--seed", type=int, default=1, help="the same seed makes the same lines")
    options_of.add_argument("--sample", type=Path, help="write some lines with the real answers to this file")
    options = options_of.parse_args()
    program = options.program or shutil.which("wpa_supplicant", path="/usr/sbin:/sbin:/usr/bin")
    if program is None:
        print("wpa_supplicant is not installed. Install wpasupplicant, or give --program", file=sys.stderr)
        return 2
    lines = Lines(options.seed)
    if options.sample is not None:
        chosen = sorted({lines.variable() for _line in range(options.lines)})
        found_of = sample(program, chosen, [lines.file() for _file in range(options.files)])
        options.sample.write_text(json.dumps(found_of, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        return 0
    found: List[str] = []
    for begin in range(0, options.lines, _NETWORKS):
        count = min(_NETWORKS, options.lines - begin)
        found += compare_lines(program, [lines.variable() for _line in range(count)])
    for _file in range(options.files):
        text = lines.file()
        found += [f"{text!r}: {each}" for each in differences(program, text, whole=True)]
    for each in found:
        print(each)
    print(f"{options.lines} lines and {options.files} files: {len(found)} differences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
