# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files and folders of the system, and what their errors mean."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    AccessDenied,
    FleetError,
    NotFound,
    TransportFailed,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system.files import list_folder, os_error, read_text


def test_text_of_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"  x\xff \n")
    assert read_text(str(tmp_path / "a")) == "x\ufffd"
    assert read_text(str(tmp_path / "a"), 3) == "x"
    assert list_folder(str(tmp_path)) == ["a"]
    with pytest.raises(NotFound, match="there is no such file or folder") as caught:
        read_text(str(tmp_path / "b"))
    assert caught.value.where == str(tmp_path / "b")
    with pytest.raises(NotFound):
        read_text(str(tmp_path / "a" / "b"))
    with pytest.raises(NotFound) as caught:
        list_folder(str(tmp_path / "b"))
    assert caught.value.where == str(tmp_path / "b")
    with pytest.raises(TransportFailed, match="directory"):
        read_text(str(tmp_path))


def test_only_a_file_is_read_and_nothing_waits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    with pytest.raises(TransportFailed, match="Not a regular file"):
        read_text(str(tmp_path / "fifo"))
    with pytest.raises(TransportFailed, match="Not a regular file"):
        read_text("/dev/zero", 10)
    assert read_text(str(tmp_path / "link")) == "x"
    with pytest.raises(TransportFailed):
        read_text(str(tmp_path / "link"), follow=False)


@pytest.mark.parametrize(
    ("number", "kind", "text"),
    [
        (errno.EACCES, AccessDenied, "this user may not read this file or folder (/x). Run this as root"),
        (errno.EPERM, AccessDenied, "this user may not read this file or folder (/x). Run this as root"),
        (errno.ENOENT, NotFound, "there is no such file or folder (/x)"),
        (errno.ENODEV, NotFound, "there is no such file or folder (/x)"),
        (errno.ENOTDIR, NotFound, "there is no such file or folder (/x)"),
        (errno.EIO, TransportFailed, "this file or folder could not be read: Input/output error (/x)"),
    ],
)
def test_errors_of_the_system(number: int, kind: type[FleetError], text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    error = os_error(OSError(number, os.strerror(number)), "/x")
    assert isinstance(error, kind)
    assert str(error) == text
    assert getattr(error, "errno", number) == number


def test_an_error_of_the_system_without_a_number_has_none() -> None:
    error = os_error(OSError("odd"), "/x")
    assert isinstance(error, TransportFailed)
    assert error.errno == 0
