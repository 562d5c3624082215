# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    AccessDenied,
    DecodeFailed,
    FleetError,
    NotFound,
    TransportFailed,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system.files import list_folder, os_error, read_text
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


def test_text_of_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"  x\xff \n")
    assert read_text(str(tmp_path / "a")) == "x\ufffd"
    assert read_text(str(tmp_path / "a"), 3) == "x"
    assert list_folder(str(tmp_path)) == ["a"]
    with pytest.raises(NotFound, match="this machine does not show this") as caught:
        read_text(str(tmp_path / "b"))
    assert caught.value.where == str(tmp_path / "b")
    with pytest.raises(NotFound):
        read_text(str(tmp_path / "a" / "b"))
    with pytest.raises(NotFound) as caught:
        list_folder(str(tmp_path / "b"))
    assert caught.value.where == str(tmp_path / "b")
    with pytest.raises(TransportFailed, match="directory"):
        read_text(str(tmp_path))


@pytest.mark.parametrize(
    ("number", "kind", "text"),
    [
        (errno.EACCES, AccessDenied, "reading this was refused (/x). Run this as root"),
        (errno.EPERM, AccessDenied, "reading this was refused (/x). Run this as root"),
        (errno.ENOENT, NotFound, "this machine does not show this (/x)"),
        (errno.ENODEV, NotFound, "this machine does not show this (/x)"),
        (errno.ENOTDIR, NotFound, "this machine does not show this (/x)"),
        (errno.EIO, TransportFailed, "reading this failed: Input/output error (/x)"),
    ],
)
def test_errors_of_the_system(number: int, kind: type[FleetError], text: str) -> None:
    error = os_error(OSError(number, os.strerror(number)), "/x")
    assert isinstance(error, kind)
    assert str(error) == text
    assert getattr(error, "errno", number) == number


def test_an_error_of_the_system_without_a_number_has_none() -> None:
    error = os_error(OSError("odd"), "/x")
    assert isinstance(error, TransportFailed)
    assert error.errno == 0
