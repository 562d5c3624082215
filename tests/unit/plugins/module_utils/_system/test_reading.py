# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What could be read, and what could not."""

from __future__ import annotations

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import AccessDenied, DecodeFailed
from ansible_collections.vpro.fleet.plugins.module_utils._system.reading import Reading, Unreadable


def test_what_can_be_read_is_returned() -> None:
    reading = Reading()
    assert reading.attempt("it", lambda: 7) == 7
    assert reading.unreadable == ()


def test_what_can_not_is_remembered_in_order() -> None:
    def denied() -> int:
        raise AccessDenied("no right", where="/x", remedy="Become root")

    def malformed() -> int:
        raise DecodeFailed("rubbish")

    reading = Reading()
    assert reading.attempt("first", denied) is None
    assert reading.attempt("second", malformed) is None
    reading.add(Unreadable("third", "because"))
    assert reading.unreadable == (
        Unreadable("first", "no right (/x). Become root"),
        Unreadable("second", "rubbish"),
        Unreadable("third", "because"),
    )
    assert [unreadable.code for unreadable in reading.unreadable] == ["access_denied", "decode_failed", ""]


def test_a_fault_of_ours_costs_its_own_field_alone() -> None:
    reading = Reading()
    assert reading.attempt("it", lambda: 1 // 0) is None
    assert reading.unreadable[0].why == "unexpected ZeroDivisionError: integer division or modulo by zero. " + (
        "Please report this"
    )
    assert (reading.unreadable[0].what, reading.unreadable[0].code) == ("it", "unexpected")


def test_an_interrupt_is_no_fault() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Reading().attempt("it", interrupted)
