# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The watcher's state, as everybody may read it."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import TransportFailed
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.state_file import write_state


def test_what_was_written_is_read_by_anybody(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    before = os.umask(0o077)
    try:
        write_state({"pid": 1}, str(path))
        (tmp_path / "state.json.new").write_text("what a crash has left, and longer than the new one")
        write_state({"pid": 2}, str(path))
    finally:
        os.umask(before)
    assert json.loads(path.read_text()) == {"pid": 2}
    assert path.stat().st_mode & 0o777 == 0o644
    assert os.listdir(tmp_path) == ["state.json"]


def test_a_state_that_can_not_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.json"
    write_state({"pid": 1}, str(path))

    def full(_old: str, _new: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(TransportFailed, match="No space left on device") as caught:
        write_state({"pid": 2}, str(path))
    assert (caught.value.where, caught.value.errno) == (str(path), errno.ENOSPC)
    assert json.loads(path.read_text()) == {"pid": 1}
    assert os.listdir(tmp_path) == ["state.json"]
    with pytest.raises(TransportFailed):
        write_state({}, str(tmp_path / "none" / "state.json"))
