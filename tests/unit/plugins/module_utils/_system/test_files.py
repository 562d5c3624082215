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
from ansible_collections.vpro.fleet.plugins.module_utils._system.files import (
    is_there,
    list_folder,
    os_error,
    read_bytes,
    read_text,
)


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


def test_bytes_of_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b" x\xff\n")
    assert read_bytes(str(tmp_path / "a")) == b" x\xff\n"
    assert read_bytes(str(tmp_path / "a"), 2) == b" x"
    with pytest.raises(NotFound, match="there is no such file or folder"):
        read_bytes(str(tmp_path / "b"))
    with pytest.raises(TransportFailed, match="directory"):
        read_bytes(str(tmp_path))


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


def test_whether_a_file_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "away").symlink_to("nothing")
    assert is_there(str(tmp_path / "file")) is True
    for name in ("none", "none/at/all", "file/none", "away"):
        assert is_there(str(tmp_path / name)) is False, name
    assert is_there("none of this name") is False
    assert is_there("/a\0b") is None

    def denied(_path: str) -> None:
        raise PermissionError(errno.EACCES, "no")

    with monkeypatch.context() as patched:
        patched.setattr(os, "stat", denied)
        found = is_there("/root/key.pem")
    assert found is None


def test_a_file_in_a_folder_that_systemd_hides_is_not_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that may pass over file modes sees an empty folder of mode 000 (``ProtectHome=yes``)."""
    hidden = tmp_path / "home"
    hidden.mkdir()
    real = os.stat

    def stat(path: str) -> os.stat_result:
        found = real(path)
        return os.stat_result((found.st_mode & ~0o7777, *found[1:])) if path == str(hidden) else found

    paths = [str(hidden / "alice" / "key.pem"), str(hidden / "key.pem"), str(tmp_path / "key.pem")]
    assert [is_there(path) for path in paths] == [False, False, False]
    with monkeypatch.context() as patched:
        patched.setattr(os, "stat", stat)
        found = [is_there(path) for path in paths]
    assert found == [None, None, False]
