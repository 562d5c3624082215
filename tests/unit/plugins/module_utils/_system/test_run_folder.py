# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lock and the journal, on a real file system."""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, Iterator, List, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system import run_folder
from ansible_collections.vpro.fleet.plugins.module_utils._system.directories import Directories
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    AccessDenied,
    DecodeFailed,
    TimedOut,
    TransportFailed,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    (tmp_path / "run").mkdir()
    return Places(str(tmp_path))


@pytest.fixture
def folder(places: Places) -> str:
    return places.run


def test_a_journal_comes_back_as_it_was(places: Places) -> None:
    assert run_folder.read_journal("phy0", places) is None
    run_folder.write_journal("phy0", {"pin": {"a": [1, "b"]}}, places)
    assert run_folder.read_journal("phy0", places) == {"pin": {"a": [1, "b"]}}
    assert run_folder.read_journal("phy1", places) is None
    run_folder.clear_journal("phy0", places)
    run_folder.clear_journal("phy0", places)
    assert run_folder.read_journal("phy0", places) is None


def test_a_journal_is_for_its_owner_alone(places: Places, folder: str) -> None:
    run_folder.write_journal("phy0", {}, places)
    assert os.stat(folder).st_mode & 0o777 == 0o700
    assert os.stat(os.path.join(folder, "phy0.journal")).st_mode & 0o777 == 0o600


def test_an_interrupted_write_leaves_the_old_journal(places: Places, folder: str) -> None:
    run_folder.write_journal("phy0", {"n": 1}, places)
    with pytest.raises(TypeError):
        run_folder.write_journal("phy0", {"n": object()}, places)
    assert run_folder.read_journal("phy0", places) == {"n": 1}
    run_folder.write_journal("phy0", {"n": 2}, places)
    assert os.listdir(folder) == ["phy0.journal"]


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00", '{"a": 1}{'])
def test_a_broken_journal_is_named(places: Places, folder: str, text: str) -> None:
    os.makedirs(folder)
    path = os.path.join(folder, "phy0.journal")
    with open(path, "w", encoding="ascii") as handle:
        handle.write(text)
    with pytest.raises(DecodeFailed, match="the journal of phy0 is not") as failure:
        run_folder.read_journal("phy0", places)
    assert failure.value.where == path
    assert "remove the file" in failure.value.remedy


def test_no_link_is_followed(places: Places, folder: str, tmp_path: Path) -> None:
    """The folder may be the watcher's user's, who must not make root write elsewhere."""
    victim = tmp_path / "victim"
    victim.write_text("as it was")
    os.makedirs(folder)
    for name in ("phy0.lock", "phy1.journal"):
        os.symlink(victim, os.path.join(folder, name))
    with pytest.raises(TransportFailed, match=r"phy0\.lock"):
        run_folder.Lock("phy0", places).acquire()
    # Of the journal, the link is what is replaced.
    run_folder.write_journal("phy1", {"n": 1}, places)
    assert not os.path.islink(os.path.join(folder, "phy1.journal"))
    assert victim.read_text() == "as it was"


@pytest.mark.parametrize("kind", ["fifo", "folder", "link", "hard link", "socket"])
def test_what_is_no_file_of_its_own_is_no_lock(places: Places, folder: str, tmp_path: Path, kind: str) -> None:
    """The folder may be the watcher's user's, who must not have root wait, or give another file away."""
    victim, path = tmp_path / "victim", os.path.join(folder, "phy0.lock")
    victim.write_text("root's")
    os.makedirs(folder)
    {
        "fifo": lambda: os.mkfifo(path),
        "folder": lambda: os.mkdir(path),
        "link": lambda: os.symlink(victim, path),
        "hard link": lambda: os.link(victim, path),
        "socket": lambda: os.mknod(path, 0o600 | stat.S_IFSOCK),
    }[kind]()
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(TransportFailed, match=r"phy0\.lock") as caught:
        run_folder.Lock("phy0", places).acquire()
    assert "Remove it" in caught.value.remedy
    assert len(os.listdir("/proc/self/fd")) == before
    assert victim.read_text() == "root's"


def test_a_journal_that_could_fill_the_memory_is_not_read(places: Places, folder: str) -> None:
    os.makedirs(folder)
    path = os.path.join(folder, "phy0.journal")
    for text in ('{"a": "' + "x" * 2**20 + '"}', "[" * 200000):
        Path(path).write_text(text, encoding="ascii")
        with pytest.raises(DecodeFailed, match="is not readable"):
            run_folder.read_journal("phy0", places)


def test_what_is_no_file_is_not_read(places: Places, folder: str, tmp_path: Path) -> None:
    """The folder may be the watcher's user's, who must not have root read elsewhere, or wait."""
    victim = tmp_path / "victim"
    victim.write_text("{}")
    os.makedirs(folder)
    os.symlink(victim, os.path.join(folder, "phy0.journal"))
    os.mkfifo(os.path.join(folder, "phy1.journal"))
    os.mkdir(os.path.join(folder, "phy2.journal"))
    with pytest.raises(TransportFailed, match=r"phy0\.journal"):
        run_folder.read_journal("phy0", places)
    for radio in ("phy1", "phy2"):
        with pytest.raises(DecodeFailed, match="is not a regular file") as caught:
            run_folder.read_journal(radio, places)
        assert caught.value.where == os.path.join(folder, f"{radio}.journal")
        assert "remove the file" in str(caught.value.remedy)


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file")
    with pytest.raises(TransportFailed, match="run"):
        run_folder.write_journal("phy0", {}, Places(str(tmp_path / "run")))


_HOLDER = """
import sys, time
from ansible_collections.vpro.fleet.plugins.module_utils._system import run_folder
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
with run_folder.lock("phy0", 0, Places(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_lock_is_one_processes_and_goes_with_it(places: Places, folder: str) -> None:
    path = os.pathsep.join(sys.path)
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, places.root], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(TimedOut, match="phy0"), run_folder.lock("phy0", 0.1, places):
            pass
        # Another radio is another matter.
        with run_folder.lock("phy1", 0, places):
            pass
    finally:
        holder.kill()
        holder.communicate()
    start = time.monotonic()
    with run_folder.lock("phy0", 60, places):
        assert time.monotonic() - start < 60


def test_a_lock_is_seen_without_taking_it(places: Places, folder: str) -> None:
    assert not run_folder.is_locked("phy0", places), "nobody tells the locks here"
    os.makedirs(places.at("proc"))
    os.symlink("/proc/locks", places.at("proc/locks"))
    assert not run_folder.is_locked("phy0", places)
    with run_folder.lock("phy0", 0, places):
        assert run_folder.is_locked("phy0", places)
        assert not run_folder.is_locked("phy1", places)
    assert not run_folder.is_locked("phy0", places)


def test_what_is_written_is_plain_json(places: Places, folder: str) -> None:
    run_folder.write_journal("phy0", {"ssid_hex": "ff00"}, places)
    with open(os.path.join(folder, "phy0.journal"), encoding="ascii") as handle:
        assert json.load(handle) == {"ssid_hex": "ff00"}


def test_only_what_is_a_journal_is_listed(places: Places, folder: str) -> None:
    assert run_folder.journals(places) == []
    for radio in ("phy1", "phy0"):
        run_folder.write_journal(radio, {}, places)
    run_folder.write_journal(run_folder.note_name("wlan0"), {}, places)
    with run_folder.lock("phy2", 0, places):
        assert run_folder.journals(places) == ["phy0", "phy1"], "a note is none"
    assert os.path.exists(os.path.join(folder, "profiles-wlan0.journal"))


def test_a_held_lock_is_held_once(places: Places) -> None:
    held = run_folder.Lock("phy0", places)
    held.release()
    assert not held.held
    assert held.acquire()
    assert held.acquire(), "it is held here already"
    other = run_folder.Lock("phy0", places)
    assert not other.acquire()
    assert not other.held
    other.release()
    assert not other.acquire(), "only who has it can release it"
    held.release()
    assert not held.held
    assert other.acquire()
    other.release()


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_a_right_that_is_missing_is_told_apart(
    places: Places, folder: str, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_arguments: object, **_named: object) -> None:
        raise OSError(number, os.strerror(number))

    run_folder.write_journal("phy0", {"n": 1}, places)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for name, call in (
        ("unlink", lambda: run_folder.clear_journal("phy0", places)),
        ("listdir", lambda: run_folder.journals(places)),
        ("rename", lambda: run_folder.write_journal("phy0", {"n": 2}, places)),
        ("makedirs", lambda: run_folder.write_journal("phy0", {"n": 2}, places)),
        ("open", lambda: run_folder.Lock("phy0", places).acquire()),
        ("fstat", lambda: run_folder.Lock("phy0", places).acquire()),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, refuse)
            with pytest.raises(AccessDenied) as caught:
                call()
        assert folder in str(caught.value)
        assert "become: true" in caught.value.remedy
    assert run_folder.read_journal("phy0", places) == {"n": 1}, "what failed changed nothing"


def test_what_else_the_kernel_says_is_told(places: Places, folder: str) -> None:
    os.makedirs(os.path.join(folder, "phy0.journal"))
    with pytest.raises(TransportFailed, match="Is a directory") as caught:
        run_folder.clear_journal("phy0", places)
    assert caught.value.errno == errno.EISDIR
    with pytest.raises(TransportFailed) as caught:
        run_folder.journals(Places("/" + "x" * 300))
    assert caught.value.errno == errno.ENAMETOOLONG


def test_a_failed_write_leaves_no_rest(places: Places, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    os.makedirs(folder)
    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(TransportFailed, match="No space left") as caught:
        run_folder.write_journal("phy0", {}, places)
    assert caught.value.errno == errno.ENOSPC
    assert os.listdir(folder) == []


def test_roots_files_are_made_for_the_folders_owner(
    places: Places, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: List[Tuple[int, int, int]] = []
    run_folder.write_journal("phy0", {}, places)
    real = os.stat

    def of_another(path: Any, **named: Any) -> Any:
        found = real(path, **named)
        return SimpleNamespace(st_uid=4711, st_gid=found.st_gid, st_mode=found.st_mode)

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(
        os, "fchown", lambda descriptor, uid, gid: given.append((uid, gid, os.fstat(descriptor).st_size))
    )
    run_folder.write_journal("phy0", {}, places)
    assert given == [], "it is theirs already"
    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", of_another)
        run_folder.write_journal("phy0", {}, places)
        assert given == [(4711, real(folder).st_gid, 0)], "before anything is in it"
        run_folder.write_journal("profiles-wlan0", {}, places, private=True)
        assert len(given) == 1, "what is private stays root's"
        patch.setattr(os, "geteuid", lambda: 4712)
        run_folder.write_journal("phy0", {}, places)
    assert len(given) == 1, "nobody else may"


# -- files that stay this user's --------------------------------------------------------------------------------------


def test_only_a_private_journal_of_ones_own_counts(
    places: Places, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_folder.write_journal("profiles-wlan0", {"n": 1}, places, private=True)
    path = os.path.join(folder, "profiles-wlan0.journal")
    assert run_folder.read_journal("profiles-wlan0", places, private=True) == {"n": 1}
    os.chmod(path, 0o644)
    assert run_folder.read_journal("profiles-wlan0", places, private=True) is None
    os.chmod(path, 0o600)
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    assert run_folder.read_journal("profiles-wlan0", places, private=True) is None
    assert run_folder.read_journal("profiles-wlan0", places) == {"n": 1}


def test_what_lies_in_the_way_of_a_private_journal_is_replaced(places: Places, folder: str, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("as it was")
    os.makedirs(folder)
    path = os.path.join(folder, "profiles-wlan0.journal")
    for link in (True, False):
        if link:
            os.symlink(victim, path)
        else:
            os.unlink(path)
            os.mkfifo(path)
        run_folder.write_journal("profiles-wlan0", {"n": 1}, places, private=True)
        assert run_folder.read_journal("profiles-wlan0", places, private=True) == {"n": 1}
    assert victim.read_text() == "as it was"


# -- telling the watcher ----------------------------------------------------------------------------------------------


@pytest.fixture
def told() -> Iterator[Callable[[], bool]]:
    """Say whether the signal of a watched directory came since the last time."""
    readable, writable = os.pipe2(os.O_NONBLOCK)
    handler = signal.signal(signal.SIGIO, lambda _number, _frame: None)
    before = signal.set_wakeup_fd(writable)
    yield lambda: bool(select.select([readable], [], [], 0.3)[0] and os.read(readable, 4096))
    signal.set_wakeup_fd(before)
    signal.signal(signal.SIGIO, handler)
    os.close(readable)
    os.close(writable)


def test_each_announcement_is_heard_where_the_folder_is(places: Places, folder: str, told: Callable[[], bool]) -> None:
    directories = Directories([os.path.dirname(folder)])
    for _time in range(3):
        run_folder.announce(places)
        assert told()
    assert not told()
    directories.close()


def test_an_announcement_follows_no_link_and_waits_for_nobody(places: Places, folder: str, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("as it was")
    os.utime(other, (1, 1))
    os.symlink(other, places.news)
    run_folder.announce(places)
    assert other.stat().st_mtime == 1
    os.unlink(places.news)
    os.mkfifo(places.news)
    run_folder.announce(places)
    run_folder.announce(Places(str(tmp_path / "gone")))
