# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the collection makes of a configuration, in the form in which the real parser's answers are kept.

``make bench-parser`` compares both for many lines. ``parser_sample.json`` has answers of the real parser for the unit
tests. Both import from here by this file's full name.
"""

from __future__ import annotations

from typing import Dict, List, Tuple

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.conf import ConfBlock, parse
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.conf_check import faults
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.conf_lines import (
    IN_NETWORK,
    assignment,
)
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.numbers import number_of
from ansible_collections.vpro.fleet.plugins.module_utils._network.values import decode_value
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import DecodeFailed

#: Variables of a network that are text, and those that are numbers, with the values that they have at first.
TEXTS = ("ssid", "identity", "anonymous_identity", "id_str", "ca_cert", "phase2", "bgscan")
NUMBERS: Dict[str, int] = {"priority": 0, "disabled": 0, "mode": 0, "scan_ssid": 0, "ieee80211w": 3}
#: The variables whose values the collection judges. It does not know all others.
_JUDGED = frozenset({*TEXTS, *NUMBERS, "psk", "key_mgmt", "bssid"})
#: A network's values: text in hex, and numbers. A text that is not set is left out.
Values = Dict[str, object]


def values_of(block: ConfBlock) -> Values:
    """Return the values of a network."""
    found: Values = dict(NUMBERS)
    for name, value in block.variables.items():
        if name in TEXTS and value != "NULL":
            found[name] = decode_value(value).hex()
        elif name in NUMBERS:
            number = number_of(value)
            assert number is not None
            found[name] = number
    return found


def is_judged(line: str) -> bool:
    """Say whether the collection knows whether wpa_supplicant refuses a line of a network."""
    pair = assignment(line, IN_NETWORK)
    return pair is None or pair[0] in _JUDGED


def read(text: str) -> Tuple[bool, List[int], List[Values]]:
    """Return whether no wpa_supplicant can read a configuration, the lines to blame, and the networks if it can.

    Raises:
        DecodeFailed: the collection refuses the file, although wpa_supplicant may read it.
    """
    lines = [fault.line for fault in faults(text)]
    try:
        parts = parse(text)
    except DecodeFailed:
        if lines:
            return True, lines, []
        raise
    networks = [] if lines else [values_of(part) for part in parts if isinstance(part, ConfBlock)]
    return bool(lines), lines, networks
