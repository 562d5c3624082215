# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lock that leaves no file behind, with real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import TimedOut
from ansible_collections.vpro.fleet.plugins.module_utils._system.exclusive import alone

WHAT = "another task works"


def test_it_is_one_at_a_time_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with alone(str(path), WHAT, 0):
        with pytest.raises(TimedOut, match=r"another task works and did not end within 0\.1 s") as caught:
            alone(str(path), WHAT, 0.1).__enter__()
        assert caught.value.where == str(path)
        assert "again" in caught.value.remedy
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(KeyboardInterrupt), alone(str(path), WHAT, 0):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


#: Adds one to the number in a file many times: a number is missing if two processes do so at the same time.
_COUNT = """
import sys, time
from ansible_collections.vpro.fleet.plugins.module_utils._system.exclusive import alone
for _time in range(15):
    with alone(sys.argv[1], "another", 60):
        with open(sys.argv[2]) as handle:
            number = int(handle.read())
        time.sleep(0.002)
        with open(sys.argv[2], "w") as handle:
            handle.write(str(number + 1))
"""


def test_whoever_waited_for_a_file_that_is_gone_takes_the_new_one(tmp_path: Path) -> None:
    number = tmp_path / "number"
    number.write_text("0")
    argv = [sys.executable, "-c", _COUNT, str(tmp_path / "lock"), str(number)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    workers = [subprocess.Popen(argv, env=environment) for _worker in range(4)]
    assert [worker.wait(60) for worker in workers] == [0] * 4
    assert number.read_text() == "60"
    assert list(tmp_path.iterdir()) == [number]


def test_what_a_killed_process_left_is_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    with alone(str(path), WHAT, 0):
        assert path.exists()
    assert not path.exists()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic links"), alone(str(tmp_path / "lock"), WHAT, 0):
        raise AssertionError("the block must not run")
    assert not (tmp_path / "victim").exists()
