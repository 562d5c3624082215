# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finding the lines of a configuration with which no wpa_supplicant starts. This is pure.

wpa_supplicant itself is the better judge, because it knows which variables its build has. This file judges where it is
not installed, and says in words what is wrong with a line. It names only what every release from 2.10 to 2026 refuses.
Sources: hostap's ``wpa_supplicant/config_file.c`` and ``wpa_supplicant/config.c``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, List, Mapping, Optional, Tuple

from ..._network.values import decode_value
from ..._system.errors import DecodeFailed
from .conf_lines import NETWORK, OUTSIDE, content_of, lines_of, opens, size_in
from .numbers import number_of
from .variables import TEXTS

#: The numbers of a network with the greatest value, or None for any number (``ssid_fields`` in config.c). Release 2.10
#: lets numbers below 0 pass, and also ``ieee80211w=3``, which is the value without such a line.
_NUMBERS: Mapping[str, Optional[int]] = {
    "scan_ssid": 1,
    "priority": None,
    "disabled": 2,
    "mode": 5,
    "ieee80211w": 3,
    "mac_addr": 3,
}
#: Settings outside of all blocks that are numbers (``global_fields`` in config.c).
_SETTINGS = frozenset({"ap_scan", "update_config", "fast_reauth", "pmf", "mac_addr"})
#: Variables of a network that are no setting outside of networks.
_OF_NETWORKS = frozenset(
    {"ssid", "psk", "sae_password", "key_mgmt", "eap", "identity", "password", "scan_ssid", "disabled"}
)
#: Octets in an SSID, and in a passphrase at least and at most.
_SSID_MAX, _PASSPHRASE_MIN, _PASSPHRASE_MAX = 32, 8, 63
_NAME = re.compile(r"[A-Za-z0-9_]+\Z")
_ADDRESS = re.compile(r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}")
_WORDS = re.compile(r"[ \t]*[A-Z0-9-]+(?:[ \t]+[A-Z0-9-]+)*[ \t]*\Z")
#: Quotes as text processors write them.
_CURLY = re.compile("[\u2018-\u201f\u00ab\u00bb\u2033]")
_MARK = "\ufeff"
_WITHOUT_QUOTES = "is neither in double quotes nor in hex"


@dataclass(frozen=True)
class Fault:
    """A line with which wpa_supplicant does not start. ``what`` repeats nothing of the line but a known name."""

    line: int
    what: str

    def __str__(self) -> str:
        return f"line {self.line} {self.what}"


def faults(text: str) -> Tuple[Fault, ...]:
    """Return the lines with which no wpa_supplicant starts. There may be more that a particular one refuses."""
    found: List[Fault] = []
    inside, opened_at = "", 0
    for number, line in enumerate(lines_of(text), 1):
        content = content_of(line, size_in(inside))
        what = None
        if not content:
            continue
        if inside:
            if content == "}":
                inside = ""
            elif not inside.startswith("blob-"):
                what = _in_block(content, inside == NETWORK, opened_at)
        elif opens(content):
            inside, opened_at = content, number
        else:
            what = _outside(content)
        if what is not None:
            found.append(Fault(number, what))
    if inside:
        found.append(Fault(opened_at, "opens a block that is not closed"))
    return tuple(found)


def _outside(content: str) -> Optional[str]:
    name, separator, value = content.partition("=")
    if content.startswith(_MARK):
        return "begins with a byte order mark, an invisible character that some editors add"
    if name.strip() in ("network", "cred", "identity") or name.startswith("blob-base64-"):
        return f"opens no block. A block begins with exactly '{name.strip()}={{'"
    if content == "}":
        return "closes a block, but none is open"
    if not separator:
        return "has no '='"
    wrong = _name(name)
    if wrong is not None:
        return wrong
    if name in _OF_NETWORKS:
        return f"sets {name} outside of a network"
    if name in _SETTINGS:
        return _number(name, value, None)
    if name == "country" and len(value) < 2:
        return "sets a country, but not to two letters"
    return None


def _in_block(content: str, network: bool, opened_at: int) -> Optional[str]:
    name, separator, value = content.partition("=")
    if not separator:
        return "has no '='"
    if value.startswith("{"):
        return f"opens a block, but the one that begins in line {opened_at} is not closed yet"
    if value.startswith('"') and '"' not in value[1:]:
        return "begins a value with a double quote, but does not end it"
    wrong = _name(name)
    if wrong is not None or not network:
        return wrong
    if name in _NUMBERS:
        return _number(name, value, _NUMBERS[name])
    if name == "psk":
        return _psk(value)
    if name == "ssid":
        return _ssid(value)
    if name in TEXTS and name != "password":
        return _text(name, value)
    if name == "bssid" and value not in ("", '""', "any") and _ADDRESS.match(value) is None:
        return "sets bssid, but not to a MAC address"
    if name == "key_mgmt" and _WORDS.match(value) is None:
        return "sets key_mgmt, but not to words in capital letters without quotes"
    return None


def _name(name: str) -> Optional[str]:
    if _NAME.match(name):
        return None
    if _NAME.match(name.strip()):
        return "has white space before its '='"
    return "begins with something that can't be a name"


def _number(name: str, value: str, most: Optional[int]) -> Optional[str]:
    number = number_of(value)
    if number is None:
        return f"sets {name}, but not to a number"
    if most is not None and number > most:
        return f"sets {name} to more than {most}"
    return None


def _psk(value: str) -> Optional[str]:
    if value.startswith("ext:"):
        return None
    if not value.startswith('"'):
        if re.fullmatch(r"[0-9A-Fa-f]{64}", value):
            return None
        return f"sets psk, but the value is neither in double quotes nor 64 hex digits{_curly(value)}"
    # What follows the last quote is ignored (``wpa_config_parse_psk``).
    text = value[1 : value.rindex('"')].encode("utf-8", "surrogateescape")
    if not _PASSPHRASE_MIN <= len(text) <= _PASSPHRASE_MAX:
        return f"sets psk to a passphrase that does not have {_PASSPHRASE_MIN} to {_PASSPHRASE_MAX} characters"
    if any(byte < 0x20 or byte == 0x7F for byte in text):
        return "sets psk to a passphrase with a control character in it"
    return None


def _ssid(value: str) -> Optional[str]:
    wrong = _text("ssid", value)
    if wrong is None and value != "NULL" and len(decode_value(value)) > _SSID_MAX:
        return f"sets ssid to more than {_SSID_MAX} bytes"
    return wrong


def _text(name: str, value: str) -> Optional[str]:
    if value == "NULL":
        return None
    try:
        decode_value(value)
    except DecodeFailed:
        return f"sets {name}, but the value {_WITHOUT_QUOTES}{_curly(value)}"
    return None


def _curly(value: str) -> str:
    return " (it has quotes as text processors write them)" if _CURLY.search(value) else ""


def names_in(text: str) -> Dict[int, str]:
    """Return the names of variables that lines set, by the line's number. A name that is not plain is left out."""
    found: Dict[int, str] = {}
    for number, line in enumerate(lines_of(text), 1):
        name = content_of(line, OUTSIDE).partition("=")[0]
        if _NAME.match(name):
            found[number] = name
    return found
