# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder of locks and journals, which somebody removes while the watcher runs."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.own_folder import OwnFolder
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_guarded import Book


def test_a_folder_that_is_removed_or_made_anew_ends_the_service(tmp_path: Path) -> None:
    places, log = Places(str(tmp_path)), Book()
    path = Path(places.run)
    folder = OwnFolder(places, log)  # type: ignore[arg-type]
    folder.begin()
    assert path.stat().st_mode & 0o777 == 0o700
    (path / "phy0.lock").touch()
    assert not folder.was_replaced(), "what is in it does not matter"
    path.rename(tmp_path / "old")
    assert folder.was_replaced()
    path.mkdir()
    assert folder.was_replaced()
    assert {level for level, _line in log.lines} == {"warning"}


def test_a_folder_that_can_not_be_made_is_waited_for(tmp_path: Path) -> None:
    log = Book()
    (tmp_path / "run").touch()
    folder = OwnFolder(Places(str(tmp_path)), log)  # type: ignore[arg-type]
    folder.begin()
    assert [level for level, _line in log.lines] == ["error"]
    assert not folder.was_replaced(), "the service does not end again and again for that"
    (tmp_path / "run").unlink()
    (tmp_path / "run/vpro-fleet").mkdir(parents=True)
    assert folder.was_replaced()
