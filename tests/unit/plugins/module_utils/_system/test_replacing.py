# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""New files in a folder that belongs to another user, and files that are replaced as a whole."""

from __future__ import annotations

import os
import stat
from functools import partial
from pathlib import Path
from typing import Callable, Dict

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system import run_folder
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
from ansible_collections.vpro.fleet.plugins.module_utils._system.replacing import create_beside, replacing
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.bring_up_note import hold_note
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.state_file import write_state


def test_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with replacing(str(path), 0o644) as descriptor:
        os.write(descriptor, b"one")
        assert not path.exists()
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("one", 0o644)

    def interrupted() -> None:
        with replacing(str(path)) as descriptor:
            os.write(descriptor, b"t")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "one"
    assert list(tmp_path.iterdir()) == [path]


def test_the_umask_takes_nothing_away(tmp_path: Path) -> None:
    before = os.umask(0o777)
    try:
        descriptor, name = create_beside(str(tmp_path / "x"), 0o644)
    finally:
        os.umask(before)
    os.close(descriptor)
    assert stat.S_IMODE(os.stat(name).st_mode) == 0o644


#: What somebody can put under a name, to lead root astray.
TRAPS: Dict[str, Callable[[Path, Path], object]] = {
    "fifo": lambda path, _victim: os.mkfifo(path),
    "link": lambda path, victim: path.symlink_to(victim),
    "hard link": lambda path, victim: os.link(victim, path),
    "file": lambda path, _victim: path.write_text("theirs"),
    "folder": lambda path, _victim: path.mkdir(),
    "socket": lambda path, _victim: os.mknod(path, 0o600 | stat.S_IFSOCK),
}


@pytest.mark.parametrize("trap", TRAPS)
@pytest.mark.parametrize("writer", ["journal", "state", "note"])
def test_what_is_under_a_known_name_leads_nobody_astray(tmp_path: Path, trap: str, writer: str) -> None:
    places, victim = Places(str(tmp_path)), tmp_path / "victim"
    folder = Path(places.holds if writer == "note" else places.run)
    folder.mkdir(parents=True)
    victim.write_text("as it was")
    write: Callable[[], None]
    if writer == "journal":
        path, write = folder / "phy0.journal", partial(run_folder.write_journal, "phy0", {}, places)
    elif writer == "state":
        path, write = folder / "state.json", partial(write_state, {}, str(folder / "state.json"))
    else:
        path = folder / "wlan0.held"

        def write() -> None:
            with hold_note("wlan0", places):
                assert path.is_file()

    # Names of temporary files that could be foreseen.
    for name in (f"{path}.{os.getpid()}", f"{path}.new", f"{path}.tmp"):
        TRAPS[trap](Path(name), victim)
    write()
    if writer != "note":
        assert path.is_file()
        assert path.stat().st_nlink == 1
    assert victim.read_text() == "as it was"
