# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading parameters, and what messages call them."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._network.reader import label_of


@pytest.mark.parametrize(
    ("parameters", "index", "label"),
    [
        ({"ssid": "corp"}, None, "profile 'corp'"),
        ({"ssid": "corp"}, 3, "profiles[3] 'corp'"),
        ({"ssid_hex": "00ff"}, 3, "profiles[3] '00ff'"),
        ({"ssid": "a\x1b[31mb\n"}, None, "profile 'a\\x1b[31mb\\n'"),
        ({"ssid": "\udc80"}, None, "profile '\\xed\\xb2\\x80'"),
        ({}, 0, "profiles[0]"),
        ("text", 0, "profiles[0]"),
        ({"ssid": ["x"]}, 0, "profiles[0]"),
    ],
)
def test_what_messages_call_a_profile(parameters: Any, index: Optional[int], label: str) -> None:
    assert label_of(parameters, index) == label
