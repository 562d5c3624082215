# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The watcher's unit on a machine that lacks something."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).resolve().parents[3] / "roles" / "watcher" / "files" / "amt-wifi-watcher.service"


def setting(name: str) -> str:
    found = re.findall(rf"^{name}=((?:.*\\\n)*.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(found) == 1, (name, found)
    return str(found[0])


def test_the_sandbox_is_made_without_the_folder_and_without_the_device() -> None:
    assert setting("ReadWritePaths") == "-/run/vpro-fleet", "a missing folder is not 226/NAMESPACE"
    # RFKILL_MINOR in linux/include/linux/miscdevice.h
    assert setting("DeviceAllow") == "/dev/char/10:242 r", "a path that does not exist would not be allowed later"
    assert "PrivateDevices=" not in re.sub(r"^#.*", "", UNIT.read_text(encoding="utf-8"), flags=re.MULTILINE)


@pytest.mark.parametrize("before", ["missing", "root's", "a file"])
def test_the_folder_is_made_before_the_service(tmp_path: Path, before: str) -> None:
    command = re.fullmatch(r"-\+/bin/sh -c '(.*)'", setting("ExecStartPre"), re.DOTALL)
    assert command is not None, "it runs outside of the sandbox, and a failure keeps nothing from starting"
    # This user stands for root and for the watcher's user.
    owner = f"{os.getuid()}:{os.getgid()}"
    script = command.group(1).replace("\\\n", "").replace("amt-wifi-watcher:amt-wifi-watcher", owner)
    folder = tmp_path / "vpro-fleet"
    if before == "root's":
        folder.mkdir(mode=0o700)
        (folder / "phy0.lock").symlink_to(tmp_path / "elsewhere")
    elif before == "a file":
        folder.touch()
    done = subprocess.run(["/bin/sh", "-c", script.replace("/run", str(tmp_path))], check=False, capture_output=True)
    assert (done.returncode == 0) == (before != "a file"), done.stderr
    assert folder.is_dir() == (before != "a file")
    if before == "missing":
        assert folder.stat().st_mode & 0o777 == 0o700
