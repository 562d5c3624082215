# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The note of a bring-up that is held back counts while its writer lives, and no longer."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._watcher.bring_up_note import (
    held_interfaces,
    hold_note,
    is_held,
    is_over,
)


def test_it_is_there_while_the_block_runs(tmp_path: Path) -> None:
    assert not is_held("wlan0", str(tmp_path))
    with hold_note("wlan0", str(tmp_path)):
        assert is_held("wlan0", str(tmp_path))
        assert not is_held("wlan1", str(tmp_path))
        (tmp_path / "wlan1.held").touch()
        assert held_interfaces(str(tmp_path)) == ["wlan0"]
        (tmp_path / "wlan1.held").unlink()
    assert not is_held("wlan0", str(tmp_path))
    assert list(tmp_path.iterdir()) == []
    assert held_interfaces(str(tmp_path / "none")) == []


def test_a_writer_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    ready, tell = os.pipe()
    child = os.fork()
    if child == 0:
        with hold_note("wlan0", str(tmp_path)):
            os.write(tell, b"x")
            signal.pause()
    os.read(ready, 1)
    assert is_held("wlan0", str(tmp_path))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert not is_held("wlan0", str(tmp_path))
    # What it left is in nobody's way.
    with hold_note("wlan0", str(tmp_path)):
        assert is_held("wlan0", str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_can_not_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), hold_note("wlan0", str(tmp_path / "none")):
        raise AssertionError("the block must not run")


def test_whoever_is_held_is_told_by_its_whole_name(tmp_path: Path) -> None:
    with hold_note("wlp0s20f3", str(tmp_path)), hold_note("a", str(tmp_path)):
        assert sorted(held_interfaces(str(tmp_path))) == ["a", "wlp0s20f3"]


def test_a_link_is_no_note(tmp_path: Path) -> None:
    with hold_note("wlan0", str(tmp_path)):
        (tmp_path / "wlan1.held").symlink_to("wlan0.held")
        assert not is_held("wlan1", str(tmp_path))


def test_it_is_over_once_its_mark_is_there_for_that_very_interface(tmp_path: Path) -> None:
    assert not is_over("wlan0", 3, str(tmp_path))
    (tmp_path / "wlan0.3.released").touch()
    assert is_over("wlan0", 3, str(tmp_path))
    assert not is_over("wlan0", 4, str(tmp_path)), "its driver was loaded anew"
    assert not is_over("wlan1", 3, str(tmp_path))
