# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The example for laptops that pull their configuration: its service's own command, with a repository made here."""

from __future__ import annotations

import configparser
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Dict, List

import pytest
import yaml

from ansible_collections.vpro.fleet.tests.schema import TREE
from ansible_collections.vpro.fleet.tests.unit.docs.commands import PATIENCE

EXAMPLE = TREE / "docs" / "examples" / "pull"
PULL = Path(sys.executable).parent / "ansible-pull"
#: What the service names, and a test has elsewhere or not at all.
STATE = "/var/lib/vpro-fleet-pull"
PROGRAM = "/opt/vpro-fleet-pull/bin/ansible-pull"
#: What systemd gives to a service.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: Not the machine's own name: an inventory names a laptop as it is called there.
OTHER = "laptop-of-nobody.example.com"

pytestmark = pytest.mark.skipif(
    not PULL.exists() or None in (shutil.which("git", path=PATH), shutil.which("python3", path="/usr/bin")),
    reason="there is no ansible-pull here, or nothing to pull with",
)


def unit(name: str) -> configparser.ConfigParser:
    """Return a unit of systemd's; of a key that is there several times, the last."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string((EXAMPLE / name).read_text(encoding="utf-8"))
    return parser


def command(folder: Path) -> List[str]:
    """Return the service's command, for a repository and a state below *folder*."""
    words = shlex.split(unit("vpro-fleet-pull.service")["Service"]["ExecStart"].replace("\\\n", " "))
    assert words[0] == PROGRAM
    words = [str(PULL), *words[1:]]
    words.remove("--verify-commit")  # there is no key here to sign with
    given = {"${PULL_URL}": (folder / "repository").as_uri()}
    return [given.get(word, word.replace(STATE, str(folder))) for word in words]


def repository(folder: Path, laptop: str) -> None:
    """Make the repository as docs/scale.md has it, with stubs for the roles: nothing of this machine is touched."""
    shutil.copytree(TREE / "docs" / "examples" / "inventory", folder / "inventory")
    (folder / "inventory" / "10-laptops.yml").write_text(
        yaml.safe_dump({"laptops": {"hosts": {laptop: None, OTHER: None}}}), encoding="utf-8"
    )
    shutil.copy(EXAMPLE / "local.yml", folder)
    for role in ("supplicant", "watcher"):
        tasks = folder / "collections" / "ansible_collections" / "vpro" / "fleet" / "roles" / role / "tasks"
        tasks.mkdir(parents=True)
        stub = {"name": "A stub", "ansible.builtin.debug": {"msg": f"{role} of {{{{ inventory_hostname }}}}"}}
        (tasks / "main.yml").write_text(json.dumps([stub]), encoding="utf-8")
    for arguments in (["init", "-q", "-b", "main"], ["add", "--all"], ["commit", "-q", "-m", "The fleet"]):
        who = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.com", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *who, *arguments], cwd=folder, check=True)


def environment(folder: Path) -> Dict[str, str]:
    """Return that of the service, with nothing of the user's own settings."""
    given = dict(word.split("=", 1) for word in unit("vpro-fleet-pull.service")["Service"]["Environment"].split())
    assert given["HOME"] == STATE
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "GIT_"))}
    return {**kept, **given, "HOME": str(folder), "PATH": PATH, "ANSIBLE_NOCOLOR": "1"}


@pytest.mark.parametrize("known", [True, False])
def test_a_laptop_applies_what_it_pulls_to_itself_alone(tmp_path: Path, known: bool) -> None:
    laptop = socket.getfqdn() if known else "another.example.com"
    repository(tmp_path / "repository", laptop)
    for _again in range(2 if known else 1):
        done = subprocess.run(
            command(tmp_path),
            cwd="/",
            env=environment(tmp_path),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        if not known:
            # No laptop of the inventory: systemd shows it as failed, rather than nothing being done in silence.
            assert done.returncode != 0, done.stdout
            continue
        assert done.returncode == 0, done.stdout
        assert f"supplicant of {laptop}" in done.stdout
        assert f"watcher of {laptop}" in done.stdout
        assert OTHER not in done.stdout


def test_the_bootstrap_installs_what_the_service_names() -> None:
    service = unit("vpro-fleet-pull.service")["Service"]
    (play,) = yaml.safe_load((EXAMPLE / "bootstrap.yml").read_text(encoding="utf-8"))
    text = json.dumps(play).replace("{{ pull_state }}", play["vars"]["pull_state"])
    assert f"{service['Environment'].split()[0][len('HOME=') :]}/.gnupg" in text
    assert Path(PROGRAM).parents[1].as_posix() in text
    assert service["EnvironmentFile"] in text
    # What the module pip itself imports on the laptop: a small Debian does not have it.
    assert "python3-packaging" in play["vars"]["pull_packages"]
    for name in ("vpro-fleet-pull.service", "vpro-fleet-pull.timer"):
        assert name in text
        assert unit(name)["Unit"]["Description"]
    assert unit("vpro-fleet-pull.timer")["Timer"]["Persistent"] == "true"
