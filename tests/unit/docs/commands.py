# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible's own commands, with this collection and nothing of a user's settings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Dict, Mapping, Optional

import pytest

from ansible_collections.vpro.fleet.tests.schema import TREE

#: For how long a command may run, in seconds. One that takes longer hangs, even where the machine has much other work.
PATIENCE = 1800.0
COMMANDS = Path(sys.executable).parent
#: Where Ansible finds the collection: the folder that it is installed in, or the link in the repository.
COLLECTIONS = TREE.parents[2] if TREE.parents[1].name == "ansible_collections" else TREE / "build" / "collections"

needs_ansible = pytest.mark.skipif(
    not (COMMANDS / "ansible-doc").exists(),
    reason="this Python has no Ansible: it is a laptop's, not a controller's",
)


def environment_of(home: Path, **settings: str) -> Dict[str, str]:
    """Return the environment for the commands: Ansible's home, and settings of its own beside."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return {
        **kept,
        **settings,
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_HOME": str(home),
        "ANSIBLE_NOCOLOR": "1",
        "LC_ALL": "C.UTF-8",
    }


def run(
    environment: Mapping[str, str], command: str, *arguments: str, status: int = 0, cwd: Optional[Path] = None
) -> str:
    """Return what a command prints on its standard output; it has to end with *status*."""
    done = subprocess.run(
        [str(COMMANDS / command), *arguments],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout
