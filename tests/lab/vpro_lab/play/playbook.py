# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running the real ``ansible-playbook``, from the controller's side, against a laptop over ssh."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from ..errors import LabError
from ..laptop.control import Laptop
from ..laptop.guest import PATIENCE
from ..paths import BUILD, REPOSITORY

#: Called with every facts document that a playbook gathers; the tests put the check of its schema here.
FACTS_CHECKS: List[Callable[[Dict[str, Any]], object]] = []
#: Where ``make setup`` shows this checkout as a collection.
COLLECTIONS = BUILD / "collections"


@dataclass(frozen=True)
class Play:
    """A playbook run: exit status, everything it printed, and the results of its tasks by task name."""

    rc: int
    output: str
    tasks: Mapping[str, Dict[str, Any]]

    def ok(self) -> Play:
        """Return itself, or raise :class:`LabError` with the output when the run failed."""
        if self.rc:
            raise LabError(f"ansible-playbook ended with exit status {self.rc}:\n{self.output}")
        return self


def environment(folder: Path) -> Dict[str, str]:
    """Return the controller's environment: this checkout as the collection, nothing of the user's own settings."""
    collection = COLLECTIONS / "ansible_collections" / "vpro" / "fleet"
    if not collection.exists():
        collection.parent.mkdir(parents=True, exist_ok=True)
        collection.symlink_to(REPOSITORY)
    configuration = folder / "ansible.cfg"
    configuration.write_text("[defaults]\n", encoding="utf-8")
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ANSIBLE_")}
    return {
        **kept,
        "ANSIBLE_CONFIG": str(configuration),
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_HOST_KEY_CHECKING": "false",
        "ANSIBLE_INJECT_FACT_VARS": "false",
        "ANSIBLE_RETRY_FILES_ENABLED": "false",
        "ANSIBLE_FORCE_COLOR": "false",
        "ANSIBLE_NOCOLOR": "true",
        # The machine's own control socket is used; a second master would outlive the test.
        "ANSIBLE_SSH_ARGS": f"-F {folder / 'ssh_config'}",
    }


def inventory(laptop: Laptop) -> Path:
    """Write the inventory of one laptop and return its path."""
    path = laptop.folder / "inventory.json"
    host = {
        "ansible_host": "laptop",
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_ssh_common_args": f"-F {laptop.config}",
        # Ansible's own 10 s are too few for a laptop whose host has much else to do.
        "ansible_ssh_timeout": int(PATIENCE),
    }
    path.write_text(json.dumps({"all": {"hosts": {laptop.name: host}}}), encoding="utf-8")
    return path


def command(name: str) -> str:
    """Return the path of one of Ansible's commands, from the environment that this Python belongs to."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else name


def run_playbook(
    laptop: Laptop,
    playbook: Path,
    *arguments: str,
    timeout: float = PATIENCE,
    hosts: Optional[Path] = None,
    settings: Optional[Mapping[str, str]] = None,
) -> Play:
    """Run a playbook against a laptop.

    Args:
        laptop: the target.
        playbook: the file.
        arguments: further arguments of ``ansible-playbook``.
        timeout: seconds of the host's time.
        hosts: the inventory; the laptop alone unless given.
        settings: environment variables of Ansible's beside those of :func:`environment`.
    """
    variables = {**environment(laptop.folder), **(settings or {})}
    with tempfile.TemporaryDirectory() as results:
        # Ansible's own JSON callback is gone from core; the tree of results is what the ad-hoc tool would write.
        argv = [command("ansible-playbook"), "-i", str(hosts or inventory(laptop)), *arguments, str(playbook)]
        log = Path(results) / "results.jsonl"
        variables["VPRO_LAB_RESULTS"] = str(log)
        variables["ANSIBLE_CALLBACK_PLUGINS"] = str(Path(__file__).parent / "callback")
        variables["ANSIBLE_CALLBACKS_ENABLED"] = "lab_results"
        done = subprocess.run(
            argv,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        lines: List[str] = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    tasks = {record["task"]: record["result"] for record in map(json.loads, lines)}
    for result in tasks.values():
        facts = (result.get("ansible_facts") or {}).get("amt_wifi")
        if facts is not None:
            for check in FACTS_CHECKS:
                check(facts)
    return Play(done.returncode, done.stdout, tasks)


def run_tasks(
    laptop: Laptop,
    tasks: Sequence[Mapping[str, Any]],
    *flags: str,
    timeout: float = PATIENCE,
    settings: Optional[Mapping[str, str]] = None,
) -> Play:
    """Run tasks against a laptop as one play.

    Args:
        laptop: the target.
        tasks: as a playbook has them, each with a name of its own.
        flags: further arguments of ``ansible-playbook``, such as ``--check``.
        timeout: seconds.
        settings: as for :func:`run_playbook`.
    """
    play = [{"hosts": "all", "gather_facts": False, "tasks": list(tasks)}]
    with tempfile.NamedTemporaryFile("w", suffix=".yml", encoding="utf-8") as handle:
        json.dump(play, handle)
        handle.flush()
        return run_playbook(laptop, Path(handle.name), *flags, timeout=timeout, settings=settings)


def facts_after(laptop: Laptop, scripts: Sequence[str], **variables: Any) -> List[Dict[str, Any]]:
    """Run each script in the laptop's shell, and gather the facts after it; all in one playbook run.

    Args:
        laptop: the target.
        scripts: each has to succeed.
        variables: the variables of the tasks that gather facts.

    Raises:
        LabError: a script or a task failed.
    """
    tasks: List[Dict[str, Any]] = []
    for number, script in enumerate(scripts):
        tasks.append({"name": f"set {number}", "ansible.builtin.raw": f"set -e\n{script}"})
        tasks.append({"name": f"facts {number}", "vpro.fleet.amt_wifi_facts": {}, "vars": variables})
    play = run_tasks(laptop, tasks).ok()
    if "Traceback" in play.output:
        raise LabError(f"a traceback in Ansible's output:\n{play.output}")
    return [play.tasks[f"facts {number}"]["ansible_facts"]["amt_wifi"] for number in range(len(scripts))]


def run_module(
    laptop: Laptop, module: str, arguments: Optional[Mapping[str, Any]] = None, *flags: str, timeout: float = PATIENCE
) -> Dict[str, Any]:
    """Run one module of the collection against a laptop through a playbook; return its result, failed or not.

    Args:
        laptop: the target.
        module: the module's short name.
        arguments: its options.
        flags: further arguments of ``ansible-playbook``, such as ``--check``.
        timeout: seconds.

    Raises:
        LabError: the module gave no result at all.
    """
    task = {"name": "the task", f"vpro.fleet.{module}": dict(arguments or {})}
    done = run_tasks(laptop, [task], *flags, timeout=timeout)
    if "the task" not in done.tasks:
        raise LabError(f"{module} gave no result:\n{done.output}")
    return done.tasks["the task"]
