# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is loaded with a file of the house."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.vpro.fleet.tests.rooms import HOUSE


def test_the_house_is_an_ordinary_package_too(tmp_path: Path) -> None:
    """As the watcher uses it: no Ansible, another package name."""
    (tmp_path / "vpro_fleet").symlink_to(HOUSE)
    code = "import sys, vpro_fleet._tasks.ownership\nassert 'ansible' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


@pytest.mark.parametrize(
    ("loaded", "left_out"),
    [
        # A boot waits for the watcher's command.
        ("_tasks.command", "_handover"),
        # On each laptop, a task compiles all that it imports. The facts pin nothing, listen to nothing, and declare no
        # profile.
        ("_facts.gather", "_handover"),
        ("_facts.gather", "_managers.wpa_supplicant.backend"),
        ("_facts.gather", "_network.declared"),
        ("_module", "_network"),
        # The watcher stays in memory, and needs to know of no kernel but the running one.
        ("_watcher.loop", "_radio.kernels"),
    ],
)
def test_what_somebody_waits_for_loads_little(tmp_path: Path, loaded: str, left_out: str) -> None:
    (tmp_path / "vpro_fleet").symlink_to(HOUSE)
    code = f"import sys, vpro_fleet.{loaded}\nassert 'vpro_fleet.{left_out}' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
