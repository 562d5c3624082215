# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person is told to do about a file that the kernel does not let one use."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path
from typing import Callable, Iterator

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.conf import write
from ansible_collections.vpro.fleet.plugins.module_utils._system.denied import remedy_for, user
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import AccessDenied
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
from ansible_collections.vpro.fleet.plugins.module_utils._system.run_folder import Lock, write_journal


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_only_another_user_than_root_is_told_to_become_root(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    error = OSError(number, os.strerror(number))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert (user(), remedy_for(error, "/x", "Become root")) == ("this user", "Become root")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert user() == "root"
    said = remedy_for(error, "/does/not/exist", "Become root")
    assert "SELinux" in said
    assert "ecome" not in said


@pytest.mark.parametrize(
    ("number", "text"),
    [(errno.EROFS, "read-only"), (errno.ENOSPC, "Free space"), (errno.EDQUOT, "quota"), (errno.EIO, ""), (None, "")],
)
def test_other_errors_have_their_own_remedy(number: int, text: str) -> None:
    said = remedy_for(OSError(number, "x"), "/x", "Become root")
    assert text in said
    assert bool(said) == bool(text)
    assert "ecome" not in said


Attribute = Callable[[Path, str], None]


@pytest.fixture
def attribute() -> Iterator[Attribute]:
    """Give a file or folder an attribute, as an administrator does. It is taken away again."""
    given = []

    def give(path: Path, letter: str) -> None:
        done = subprocess.run(["chattr", f"+{letter}", str(path)], capture_output=True, check=False)
        if done.returncode:
            pytest.skip("this needs root, and a file system with attributes")
        given.append((path, letter))

    yield give
    for path, letter in given:
        subprocess.run(["chattr", f"-{letter}", str(path)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is told of attributes")
@pytest.mark.parametrize("letter", ["i", "a"])
@pytest.mark.parametrize("what", ["file", "folder"])
def test_an_attribute_that_binds_root_is_named(tmp_path: Path, attribute: Attribute, what: str, letter: str) -> None:
    places = Places(str(tmp_path))
    folder = Path(places.run)
    folder.mkdir(parents=True)
    conf, journal, lock = folder / "x.conf", folder / "phy0.journal", folder / "phy0.lock"
    for each in (conf, journal, lock):
        each.write_text("{}")
    for each in (conf, journal, lock) if what == "file" else (folder,):
        attribute(each, letter)
    at = conf if what == "file" else folder
    with pytest.raises(AccessDenied, match="root may not") as denied:
        write(str(conf), "new")
    assert f"chattr -{letter} {at}" in denied.value.remedy
    with pytest.raises(AccessDenied, match="root may not") as denied:
        write_journal("phy0", {}, places)
    assert f"chattr -{letter} {journal if what == 'file' else folder}" in denied.value.remedy
    if what == "file":
        with pytest.raises(AccessDenied, match="root may not") as denied:
            Lock("phy0", places).acquire()
        assert f"chattr -{letter} {lock}" in denied.value.remedy


def test_a_device_is_not_asked_for_attributes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "SELinux" in remedy_for(OSError(errno.EPERM, "x"), "/dev/null", "")
