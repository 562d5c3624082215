# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A controller that has the collection from its artifact, and nothing else.

``from ansible_collections.vpro.fleet.tests.artifact.controller import Controller``
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Sequence

#: For how long a program may run, in seconds. One that takes longer hangs, even where the machine has much other work.
PATIENCE = 1800.0
TREE = Path(__file__).resolve().parents[2]
#: The programs of the environment that the tests run in.
PROGRAMS = Path(sys.executable).parent


class Controller:
    """Runs Ansible's programs in an empty folder, with a home of their own, and takes every warning for a failure."""

    def __init__(self, folder: Path) -> None:
        self.collections = folder / "collections"
        self.installed = self.collections / "ansible_collections" / "vpro" / "fleet"
        self.home = folder / "home"
        self.work = folder / "work"
        for path in (self.collections, self.home, self.work):
            path.mkdir()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON"))}
        self.environment = {
            **kept,
            "PATH": f"{PROGRAMS}{os.pathsep}{kept.get('PATH', os.defpath)}",
            "HOME": str(self.home),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_COLLECTIONS_PATH": str(self.collections),
            "ANSIBLE_NOCOLOR": "1",
            # What a later Ansible will no longer do is not done now.
            "ANSIBLE_DEPRECATION_WARNINGS": "1",
            "ANSIBLE_INJECT_FACT_VARS": "0",
            # That there is only this machine is as it should be.
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
            "ANSIBLE_LOCALHOST_WARNING": "0",
        }

    def run(self, program: str, *arguments: str, status: int = 0, warnings: Sequence[str] = ()) -> str:
        """Return what *program* prints on its standard output.

        Args:
            program: one of the environment.
            arguments: its arguments.
            status: its exit status.
            warnings: what its warnings are about; others than these are a failure.

        Raises:
            AssertionError: it ended with another status, or warned of something else.
        """
        done = subprocess.run(
            [str(PROGRAMS / program), *arguments],
            cwd=self.work,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        printed = done.stdout + done.stderr
        assert done.returncode == status, printed
        warned = [line for line in printed.splitlines() if "WARNING" in line]
        # What Ansible says of its own parts is not about the collection.
        expected = (*warnings, "ansible/_internal")
        assert [line for line in warned if not any(about in line for about in expected)] == [], printed
        return done.stdout

    def run_module(self, module: str, *arguments: str, status: int = 0, warnings: Sequence[str] = ()) -> dict[str, Any]:
        """Return the result of a module of any collection on this machine."""
        printed = self.run("ansible", "localhost", "-m", module, *arguments, status=status, warnings=warnings)
        result: dict[str, Any] = json.loads(printed.partition("=> ")[2])
        return result


def build(controller: Controller, folder: Path) -> Path:
    """Build the artifact of the tree in *folder*, and return its path."""
    controller.run("ansible-galaxy", "collection", "build", str(TREE), "--output-path", str(folder))
    (artifact,) = folder.glob("*.tar.gz")
    return artifact
