# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The note of a bring-up that is held back counts while its writer lives, and no longer."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.bring_up_note import (
    held_interfaces,
    hold_note,
    is_held,
    is_over,
)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    made = Places(str(tmp_path))
    os.makedirs(made.holds)
    return made


def test_it_is_there_while_the_block_runs(places: Places) -> None:
    assert not is_held("wlan0", places)
    with hold_note("wlan0", places):
        assert is_held("wlan0", places)
        assert not is_held("wlan1", places)
        Path(places.holds, "wlan1.held").touch()
        assert held_interfaces(places) == ["wlan0"]
        Path(places.holds, "wlan1.held").unlink()
    assert not is_held("wlan0", places)
    assert os.listdir(places.holds) == []
    assert held_interfaces(Places("/none")) == []


def test_a_writer_that_was_killed_holds_nothing(places: Places) -> None:
    ready, tell = os.pipe()
    child = os.fork()
    if child == 0:
        with hold_note("wlan0", places):
            os.write(tell, b"x")
            signal.pause()
    os.read(ready, 1)
    assert is_held("wlan0", places)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert not is_held("wlan0", places)
    # What it left is in nobody's way.
    with hold_note("wlan0", places):
        assert is_held("wlan0", places)
    assert os.listdir(places.holds) == []


def test_a_folder_that_can_not_be_written_is_an_error(places: Places) -> None:
    with pytest.raises(FileNotFoundError), hold_note("wlan0", Places("/none")):
        raise AssertionError("the block must not run")


def test_whoever_is_held_is_told_by_its_whole_name(places: Places) -> None:
    with hold_note("wlp0s20f3", places), hold_note("a", places):
        assert sorted(held_interfaces(places)) == ["a", "wlp0s20f3"]


def test_a_link_is_no_note(places: Places) -> None:
    with hold_note("wlan0", places):
        Path(places.holds, "wlan1.held").symlink_to("wlan0.held")
        assert not is_held("wlan1", places)


def test_it_is_over_once_its_mark_is_there_for_that_very_interface(places: Places) -> None:
    assert not is_over("wlan0", 3, places)
    Path(places.holds, "wlan0.3.released").touch()
    assert is_over("wlan0", 3, places)
    assert not is_over("wlan0", 4, places), "its driver was loaded anew"
    assert not is_over("wlan1", 3, places)
