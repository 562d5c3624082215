# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts of many states of a laptop, one after the other: gathered there by the collection's code, without Ansible.

A run of the module costs an emulated laptop three seconds, nearly all of which go into unpacking and compiling it.
"""

from __future__ import annotations

import base64
import io
import json
import tarfile
from typing import Any, Dict, List, Sequence

from ..laptop.control import Laptop
from ..paths import REPOSITORY
from .playbook import FACTS_CHECKS

_PLACE = "/run/lab-collection"
_MODULE_UTILS = "ansible_collections/vpro/fleet/plugins/module_utils"
#: Reads a list of shell scripts; runs each, and prints the facts after it, gathered by a process of their own.
_PROGRAM = f"""
import json, os, subprocess, sys

sys.path.insert(0, {_PLACE!r})
from {_MODULE_UTILS.replace("/", ".")}._facts import gather

for script in json.load(sys.stdin):
    subprocess.run(["sh", "-ec", script], check=True, stdout=subprocess.DEVNULL)
    child = os.fork()
    if child == 0:
        print(json.dumps(gather.collect()), flush=True)
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        sys.exit(f"no facts after: {{script}}")
"""


def collected_after(laptop: Laptop, scripts: Sequence[str]) -> List[Dict[str, Any]]:
    """Run each script in the laptop's shell, and gather the facts after it.

    Args:
        laptop: the target.
        scripts: each has to succeed.

    Raises:
        LabError: a script failed, or the facts could not be gathered.
    """
    laptop.guest.run(f"mkdir -p {_PLACE} && base64 -d | tar -xzC {_PLACE}", stdin=_archive()).check()
    laptop.guest.write(f"{_PLACE}/collect.py", _PROGRAM)
    done = laptop.guest.run(f"python3 {_PLACE}/collect.py", stdin=json.dumps(list(scripts)), timeout=300).check()
    facts: List[Dict[str, Any]] = [json.loads(line) for line in done.out.splitlines()]
    for document in facts:
        for check in FACTS_CHECKS:
            check(document)
    return facts


def _archive() -> str:
    """Return the collection's module_utils, packed, in base64."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        house = REPOSITORY / "plugins" / "module_utils"
        for source in sorted(house.rglob("*.py")):
            archive.add(source, f"{_MODULE_UTILS}/{source.relative_to(house)}")
    return base64.b64encode(packed.getvalue()).decode("ascii")
