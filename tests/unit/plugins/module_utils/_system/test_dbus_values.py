# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""D-Bus's values as Python's own."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system.dbus_values import plain


@pytest.mark.parametrize(
    ("value", "signature", "expected"),
    [
        (("s", "text"), "v", "text"),
        ({"a": ("u", 1), "b": ("as", ["x"])}, "a{sv}", {"a": 1, "b": ["x"]}),
        ({"s": {"ssid": ("ay", b"corp")}}, "a{sa{sv}}", {"s": {"ssid": b"corp"}}),
        ([("s", "x"), ("v", ("u", 7))], "av", ["x", 7]),
        ([(1, ("s", "x"))], "a(uv)", [(1, "x")]),
        ((3, {"k": ("b", True)}, [["y"]]), "(ua{sv}aas)", (3, {"k": True}, [["y"]])),
        (((1, ({"k": (2, ("s", "x"))},)), ("u", 7)), "((u(a{s(uv)}))v)", ((1, ({"k": (2, "x")},)), 7)),
        (b"\x00\xff", "ay", b"\x00\xff"),
    ],
)
def test_variants_go(value: Any, signature: str, expected: Any) -> None:
    assert plain(value, signature) == expected
