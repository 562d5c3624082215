# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import select
import signal
from pathlib import Path
from typing import Callable, Iterator

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system.directories import Directories


@pytest.fixture
def told() -> Iterator[Callable[[], bool]]:
    """Say whether the signal came since the last time, whichever thread the kernel gave it to."""
    readable, writable = os.pipe2(os.O_NONBLOCK)
    handler = signal.signal(signal.SIGIO, lambda _number, _frame: None)
    before = signal.set_wakeup_fd(writable)

    def came() -> bool:
        return bool(select.select([readable], [], [], 0.3)[0] and os.read(readable, 4096))

    yield came
    signal.set_wakeup_fd(before)
    signal.signal(signal.SIGIO, handler)
    os.close(readable)
    os.close(writable)


def test_what_comes_and_goes_is_told(tmp_path: Path, told: Callable[[], bool]) -> None:
    directories = Directories([str(tmp_path)])
    assert not told()
    file = tmp_path / "socket"
    file.touch()
    assert told()
    file.chmod(0o600)
    assert told()
    file.rename(tmp_path / "other")
    assert told()
    os.unlink(tmp_path / "other")
    assert told()
    directories.close()
    file.touch()
    assert not told()


def test_a_directory_that_comes_later_or_anew_is_watched(tmp_path: Path, told: Callable[[], bool]) -> None:
    folder = tmp_path / "wpa_supplicant"
    directories = Directories([str(tmp_path), str(folder)])
    for _time in range(2):
        # As wpa_supplicant does it: nobody else may look into it at first.
        folder.mkdir()
        assert told()
        directories.refresh()
        (folder / "wlan0").touch()
        assert told()
        (folder / "wlan0").unlink()
        folder.rmdir()
        while told():
            pass
    directories.refresh()
    directories.close()


def test_what_is_no_directory_is_left_alone(tmp_path: Path, told: Callable[[], bool]) -> None:
    (tmp_path / "file").touch()
    directories = Directories([str(tmp_path / "file"), str(tmp_path / "none")])
    assert not told()
    directories.close()


def test_a_directory_that_stays_is_not_opened_again(tmp_path: Path) -> None:
    directories = Directories([str(tmp_path)])
    opened = dict(directories._open)
    found = os.stat(tmp_path)
    assert opened[str(tmp_path)][1] == (found.st_dev, found.st_ino)
    directories.refresh()
    assert directories._open == opened
    directories.close()
    directories.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened[str(tmp_path)][0])
