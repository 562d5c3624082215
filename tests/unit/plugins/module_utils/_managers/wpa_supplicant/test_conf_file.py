# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""wpa_supplicant's configuration file, read and written on a real file system."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import List, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import conf
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.conf import (
    ConfFile,
    parse,
    read,
    staged,
    write,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import AccessDenied, TransportFailed

CANARY = "canary-0f3e"


def temporary_files(folder: Path) -> List[str]:
    return [name for name in os.listdir(folder) if name.startswith(".")]


def test_write_and_read(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "wlan0.conf"
    identity = write(str(path), "x\udcff\n")
    assert path.read_bytes() == b"x\xff\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    conf = read(str(path))
    assert (conf.path, conf.text, conf.mode, conf.private) == (str(path), "x\udcff\n", 0o600, True)
    assert conf.identity == identity
    assert temporary_files(path.parent) == []


def test_a_umask_and_open_permissions_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "wlan0.conf"
    path.write_text("old")
    path.chmod(0o644)
    assert not read(str(path)).private
    before = os.umask(0o277)
    try:
        write(str(path), "new")
    finally:
        os.umask(before)
    assert read(str(path)).private


def test_no_file(tmp_path: Path) -> None:
    conf = read(str(tmp_path / "none"))
    assert (conf.text, conf.mode, conf.identity, conf.private) == (None, None, None, False)


@pytest.mark.parametrize("step", ["fsync", "rename", "fchmod"])
def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    path = tmp_path / "wlan0.conf"
    path.write_text("old")

    def fail(*_arguments: object) -> None:
        raise OSError(28, "No space left on device", CANARY)

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(TransportFailed) as caught:
        write(str(path), CANARY)
    assert path.read_text() == "old"
    assert temporary_files(tmp_path) == []
    assert CANARY not in str(caught.value)
    assert caught.value.errno == 28


def test_a_new_file_waits_beside_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "wlan0.conf"
    with staged(str(path), "one"):
        assert not path.exists()
        (waiting,) = temporary_files(path.parent)
        assert stat.S_IMODE((path.parent / waiting).stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [], "nobody wanted it"
    with staged(str(path), "two") as replace_file:
        identity = replace_file()
    assert (path.read_text(), temporary_files(path.parent)) == ("two", [])
    assert read(str(path)).identity == identity


def test_an_error_of_somebody_elses_is_not_taken_for_the_files(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="theirs"), staged(str(tmp_path / "x"), "one"):
        raise OSError(5, "theirs")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cant_be_put_on_the_disk_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def refuse(path: str, flags: int, *rest: int) -> int:
        if flags & os.O_DIRECTORY:
            raise OSError(24, "Too many open files")
        return real(path, flags, *rest)

    monkeypatch.setattr(os, "open", refuse)
    write(str(tmp_path / "x"), "new")
    assert (tmp_path / "x").read_text() == "new"


@pytest.mark.parametrize("kind", ["fifo", "link", "folder"])
def test_what_somebody_put_under_the_new_files_name(tmp_path: Path, kind: str) -> None:
    path, partial, victim = tmp_path / "x.conf", tmp_path / ".x.conf.vpro-fleet", tmp_path / "victim"
    victim.write_text("as it was")
    if kind == "fifo":
        os.mkfifo(partial)
    elif kind == "link":
        partial.symlink_to(victim)
    else:
        partial.mkdir()
    if kind == "folder":
        with pytest.raises(TransportFailed, match="a folder has this name") as caught:
            write(str(path), "new")
        assert caught.value.where == str(partial)
    else:
        write(str(path), "new")
        assert path.read_text() == "new"
    assert victim.read_text() == "as it was"


def test_what_a_killed_run_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "wlan0.conf"

    def die(*_arguments: object) -> None:
        raise KeyboardInterrupt

    real = os.unlink
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", die)
        patch.setattr(os, "unlink", lambda _path: None)  # no chance to clean up
        with pytest.raises(KeyboardInterrupt):
            write(str(path), "one")
    (left,) = temporary_files(tmp_path)
    assert stat.S_IMODE((tmp_path / left).stat().st_mode) == 0o600
    assert os.unlink is real
    write(str(path), "two")
    assert temporary_files(tmp_path) == []
    assert path.read_text() == "two"


def test_no_link_in_the_temporary_files_place_is_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / ".wlan0.conf.vpro-fleet").symlink_to(victim)
    write(str(tmp_path / "wlan0.conf"), "new")
    assert victim.read_text() == "precious"


def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    target = tmp_path / "real" / "shared.conf"
    target.write_text("old")
    link = tmp_path / "wlan0.conf"
    link.symlink_to("real/shared.conf")
    conf = read(str(link))
    assert (conf.path, conf.text) == (str(target), "old")
    write(conf.path, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    target.unlink()
    assert read(str(link)).text is None


@pytest.mark.parametrize("kind", ["folder", "fifo", "huge"])
def test_what_is_no_configuration_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        with path.open("wb") as handle:
            handle.truncate(2**30)
    with pytest.raises(TransportFailed):
        read(str(path))


def test_no_right_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> int:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "x").write_text("")
    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for work in (lambda: read(str(tmp_path / "x")), lambda: write(str(tmp_path / "x"), "")):
        with pytest.raises(AccessDenied, match="become"):
            work()


def test_no_text_in_a_repr(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text(f"network={{\n\tpsk={CANARY}\n}}\n")
    conf = read(str(path))
    text: Optional[str] = conf.text
    assert text is not None
    assert CANARY not in repr(conf)
    assert CANARY not in repr(parse(text))


def test_no_file_has_its_path_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "none")
    assert read(str(tmp_path / "link")) == ConfFile(str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("user", "group", "owned"),
    [("root", "root", True), ("root", "other", False), ("other", "root", True), ("other", "other", True)],
)
def test_roots_file_has_to_be_roots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: str, group: str, owned: bool
) -> None:
    """Whoever is not root can't do anything about another owner; what it may not read, it does not get."""
    path = tmp_path / "conf"
    path.write_text("")
    path.chmod(0o600)
    status = path.stat()

    def owner(descriptor: int) -> os.stat_result:
        return os.stat_result((*tuple(status)[:4], 0, 0, *tuple(status)[6:]), {"st_ctime_ns": status.st_ctime_ns})

    monkeypatch.setattr(os, "fstat", owner)
    monkeypatch.setattr(os, "geteuid", lambda: 0 if user == "root" else 1)
    monkeypatch.setattr(os, "getegid", lambda: 0 if group == "root" else 1)
    assert read(str(path)).private == owned


def test_the_new_file_is_for_its_owner_from_its_first_byte_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes: List[int] = []
    fchmod = os.fchmod

    def look(descriptor: int, mode: int) -> None:
        modes.append(os.fstat(descriptor).st_mode & 0o777)
        fchmod(descriptor, mode)

    monkeypatch.setattr(os, "fchmod", look)
    before = os.umask(0)
    try:
        write(str(tmp_path / "new" / "conf"), "")
    finally:
        os.umask(before)
    assert modes == [0o600]
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o755


def test_a_link_that_comes_between_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if it came after an older file of that name was removed."""

    def too_late(_path: str) -> None:
        raise FileNotFoundError

    (tmp_path / ".conf.vpro-fleet").symlink_to(tmp_path / "elsewhere")
    monkeypatch.setattr(os, "unlink", too_late)
    with pytest.raises(TransportFailed):
        write(str(tmp_path / "conf"), "text")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(("user", "given"), [(0, [(0, 0)]), (1, [])])
def test_what_root_writes_is_roots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: int, given: List[object]
) -> None:
    asked: List[object] = []
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(os, "fchown", lambda _descriptor, uid, gid: asked.append((uid, gid)))
    write(str(tmp_path / "conf"), "")
    assert asked == given


def test_errors_name_the_file_and_say_what_happened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "conf")

    def failing(error: OSError) -> None:
        def fail(*_arguments: object, **_named: object) -> None:
            raise error

        monkeypatch.setattr(os, "rename", fail)

    failing(OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(TransportFailed, match="can't be used: No space left on device") as no_space:
        write(path, "")
    assert (no_space.value.where, no_space.value.errno) == (path, errno.ENOSPC)
    failing(OSError("without a number"))
    with pytest.raises(TransportFailed, match="unknown error") as unknown:
        write(path, "")
    assert unknown.value.errno == 0
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    failing(PermissionError(errno.EACCES, "Permission denied"))
    with pytest.raises(AccessDenied, match="this user may not use the configuration file") as denied:
        write(path, "")
    assert (denied.value.where, denied.value.remedy) == (path, "Run the task with become: true")
    (tmp_path / "folder").mkdir()
    with pytest.raises(TransportFailed) as none:
        read(str(tmp_path / "folder"))
    assert none.value.where == str(tmp_path / "folder")


def test_a_file_as_big_as_may_be_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conf, "_SIZE_MAX", 5)
    path = tmp_path / "conf"
    path.write_text("12345")
    assert read(str(path)).text == "12345"
    path.write_text("123456")
    with pytest.raises(TransportFailed, match="not a configuration file") as caught:
        read(str(path))
    assert caught.value.where == str(path)
