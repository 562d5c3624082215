# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lock and the journal, on a real file system."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils import _runtime
from ansible_collections.vpro.fleet.plugins.module_utils._errors import DecodeFailed, TimedOut, TransportFailed


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path / "run")


def test_a_journal_comes_back_as_it_was(folder: str) -> None:
    assert _runtime.read_journal("phy0", folder) is None
    _runtime.write_journal("phy0", {"pin": {"a": [1, "b"]}}, folder)
    assert _runtime.read_journal("phy0", folder) == {"pin": {"a": [1, "b"]}}
    assert _runtime.read_journal("phy1", folder) is None
    _runtime.clear_journal("phy0", folder)
    _runtime.clear_journal("phy0", folder)
    assert _runtime.read_journal("phy0", folder) is None


def test_a_journal_is_for_its_owner_alone(folder: str) -> None:
    _runtime.write_journal("phy0", {}, folder)
    assert os.stat(folder).st_mode & 0o777 == 0o700
    assert os.stat(os.path.join(folder, "phy0.journal")).st_mode & 0o777 == 0o600


def test_an_interrupted_write_leaves_the_old_journal(folder: str) -> None:
    _runtime.write_journal("phy0", {"n": 1}, folder)
    with pytest.raises(TypeError):
        _runtime.write_journal("phy0", {"n": object()}, folder)
    assert _runtime.read_journal("phy0", folder) == {"n": 1}
    _runtime.write_journal("phy0", {"n": 2}, folder)
    assert os.listdir(folder) == ["phy0.journal"]


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00", '{"a": 1}{'])
def test_a_broken_journal_is_named(folder: str, text: str) -> None:
    os.makedirs(folder)
    path = os.path.join(folder, "phy0.journal")
    with open(path, "w", encoding="ascii") as handle:
        handle.write(text)
    with pytest.raises(DecodeFailed) as failure:
        _runtime.read_journal("phy0", folder)
    assert failure.value.where == path
    assert "remove the file" in failure.value.remedy


def test_no_link_is_followed(folder: str, tmp_path: Path) -> None:
    """The folder may be the watcher's user's, who must not make root write elsewhere."""
    victim = tmp_path / "victim"
    victim.write_text("as it was")
    os.makedirs(folder)
    for name in ("phy0.lock", f"phy0.journal.{os.getpid()}", "phy1.journal"):
        os.symlink(victim, os.path.join(folder, name))
    with pytest.raises(TransportFailed, match=r"phy0\.lock"):
        _runtime.Lock("phy0", folder).acquire()
    with pytest.raises(TransportFailed, match=r"phy0\.journal"):
        _runtime.write_journal("phy0", {}, folder)
    # Of the journal itself, the link is what is replaced.
    _runtime.write_journal("phy1", {"n": 1}, folder)
    assert not os.path.islink(os.path.join(folder, "phy1.journal"))
    assert victim.read_text() == "as it was"


def test_what_is_no_file_is_not_read(folder: str, tmp_path: Path) -> None:
    """The folder may be the watcher's user's, who must not have root read elsewhere, or wait."""
    victim = tmp_path / "victim"
    victim.write_text("{}")
    os.makedirs(folder)
    os.symlink(victim, os.path.join(folder, "phy0.journal"))
    os.mkfifo(os.path.join(folder, "phy1.journal"))
    os.mkdir(os.path.join(folder, "phy2.journal"))
    with pytest.raises(TransportFailed, match=r"phy0\.journal"):
        _runtime.read_journal("phy0", folder)
    for radio in ("phy1", "phy2"):
        with pytest.raises(DecodeFailed, match="is no file"):
            _runtime.read_journal(radio, folder)


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file")
    with pytest.raises(TransportFailed, match="run"):
        _runtime.write_journal("phy0", {}, str(tmp_path / "run"))


_HOLDER = """
import sys, time
from ansible_collections.vpro.fleet.plugins.module_utils import _runtime
with _runtime.lock("phy0", 0, sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_lock_is_one_processes_and_goes_with_it(folder: str) -> None:
    path = os.pathsep.join(sys.path)
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, folder], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(TimedOut, match="phy0"), _runtime.lock("phy0", 0.1, folder):
            pass
        # Another radio is another matter.
        with _runtime.lock("phy1", 0, folder):
            pass
    finally:
        holder.kill()
        holder.communicate()
    start = time.monotonic()
    with _runtime.lock("phy0", 5, folder):
        assert time.monotonic() - start < 5


def test_what_is_written_is_plain_json(folder: str) -> None:
    _runtime.write_journal("phy0", {"ssid_hex": "ff00"}, folder)
    with open(os.path.join(folder, "phy0.journal"), encoding="ascii") as handle:
        assert json.load(handle) == {"ssid_hex": "ff00"}
