# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is in the artifact, and that all of it works where nothing but the artifact is."""

from __future__ import annotations

import fnmatch
import json
import subprocess
import sys
import tarfile
import venv
from pathlib import Path

import pytest
import yaml

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.apply import FILE_ALONE
from ansible_collections.vpro.fleet.tests.artifact.controller import TREE, Controller
from ansible_collections.vpro.fleet.tests.schema import check_facts

#: What serves those who use the collection; all else is for those who work on it.
SHIPPED = (
    "CHANGELOG.md",
    "LICENSES",
    "README.md",
    "REUSE.toml",
    "changelogs",
    "docs",
    "meta",
    "plugins",
    "roles",
    "tests/config.yml",
    "tests/rooms.py",
    "tests/schema.py",
    "tests/unit",
)
#: What ansible-galaxy adds.
MANIFESTS = {"FILES.json", "MANIFEST.json"}

MODULES = sorted(path.stem for path in (TREE / "plugins" / "modules").glob("*.py"))
ROLES = sorted(path.name for path in (TREE / "roles").iterdir())
EXAMPLES = sorted(path.name for path in (TREE / "docs" / "examples").glob("*.yml"))


def covers(pattern: str, path: str) -> bool:
    """Tell whether a pattern of ``build_ignore`` names a path or a folder above it."""
    return any(fnmatch.fnmatch(str(part), pattern) for part in (Path(path), *Path(path).parents))


def test_the_artifact_has_what_is_to_be_shipped_and_nothing_left_over(artifact: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=TREE,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.split("\0")
    ignored = yaml.safe_load((TREE / "galaxy.yml").read_text(encoding="utf-8"))["build_ignore"]
    expected = {
        path
        for path in listed
        if (TREE / path).is_file()
        and any(covers(name, path) for name in SHIPPED)
        and not any(covers(pattern, path) for pattern in ignored)
    }
    with tarfile.open(artifact) as archive:
        found = {member.name for member in archive if not member.isdir()}
    assert found - MANIFESTS == expected


def test_it_is_installed_with_its_version(controller: Controller) -> None:
    listed = json.loads(controller.run("ansible-galaxy", "collection", "list", "--format", "json"))
    version = yaml.safe_load((TREE / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    # Some cores list parts of themselves as well.
    assert listed[str(controller.collections / "ansible_collections")] == {"vpro.fleet": {"version": version}}
    assert len([found for found in listed.values() if "vpro.fleet" in found]) == 1


@pytest.mark.parametrize(
    ("kind", "names"),
    [("module", MODULES), ("role", ROLES), ("filter", ["schema_errors"])],
    ids=["modules", "roles", "filter"],
)
def test_all_is_documented(controller: Controller, kind: str, names: list[str]) -> None:
    full = [f"vpro.fleet.{name}" for name in names]
    shown = json.loads(controller.run("ansible-doc", "--type", kind, "--json", *full))
    assert sorted(shown) == full
    controller.run("ansible-doc", "--type", kind, *full)


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Python without a library, as a fresh laptop's."""
    folder = tmp_path_factory.mktemp("python")
    venv.create(folder)
    return str(folder / "bin" / "python")


def test_the_facts_are_read_without_hardware(controller: Controller) -> None:
    facts = check_facts(controller.run_module("vpro.fleet.amt_wifi_facts")["ansible_facts"]["amt_wifi"])
    codes = {blocker["code"] for blocker in facts["readiness"]["blockers"]}
    assert "library_missing" not in codes
    assert facts["radios"] or "no_radio" in codes


def test_the_facts_name_the_library_that_is_missing(controller: Controller, bare_python: str) -> None:
    result = controller.run_module("vpro.fleet.amt_wifi_facts", "-e", f"ansible_python_interpreter={bare_python}")
    facts = check_facts(result["ansible_facts"]["amt_wifi"])
    missing = [blocker for blocker in facts["readiness"]["blockers"] if blocker["code"] == "library_missing"]
    assert "python3-pyroute2" in missing[0]["message"]


def test_a_network_is_planned(controller: Controller) -> None:
    arguments = {"interface": "vpro-none0", "ssid": "lab", "security": "psk", "passphrase": "correct horse"}
    result = controller.run_module(
        "vpro.fleet.amt_wifi_profile", "-a", json.dumps(arguments), "--check", warnings=[FILE_ALONE]
    )
    assert result["changed"]
    assert "correct horse" not in json.dumps(result)


def test_each_module_starts_from_there(controller: Controller) -> None:
    """With an argument that none has, so that all of its imports are done and nothing else is."""
    names = [f"vpro.fleet.{module}" for module in MODULES]
    tasks = [
        {name: {"no_such_option": 1}, "ignore_errors": True, "register": f"result{n}"} for n, name in enumerate(names)
    ]
    told = {"ansible.builtin.debug": {"msg": {name: f"{{{{ result{n} }}}}" for n, name in enumerate(names)}}}
    path = controller.work / "start.yml"
    path.write_text(
        json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [*tasks, told]}]), encoding="utf-8"
    )
    shown = controller.run("ansible-playbook", "--check", str(path))
    results = json.loads(shown.rpartition("ok: [localhost] => ")[2].partition("\n\n")[0])["msg"]
    assert sorted(results) == names
    for name, result in results.items():
        assert result["failed"], name
        assert result["msg"].startswith(("Unsupported parameters for ", "missing required arguments: ")), (name, result)


def test_the_filter_names_each_error(controller: Controller) -> None:
    errors = "{{ [{'ssid': 'lab', 'priority': 'high'}] | vpro.fleet.schema_errors('amt_wifi_profiles', name='all') }}"
    variables = json.dumps({"errors": errors})
    shown = controller.run_module("ansible.builtin.debug", "-a", "var=errors", "-e", variables)
    assert sorted(shown["errors"]) == ["all[0].priority: is not a whole number", "all[0].security: is missing"]


def test_each_example_is_read(controller: Controller) -> None:
    paths = [str(controller.installed / "docs" / "examples" / example) for example in EXAMPLES]
    # A group that the playbook itself makes as it runs, and those that the inventory has.
    groups = ["ignoring: laptops_on_line", "ignoring: laptops", "ignoring: build"]
    shown = controller.run("ansible-playbook", "-i", "localhost,", "--syntax-check", *paths, warnings=groups)
    assert [line.partition(": ")[2] for line in shown.splitlines() if line.startswith("playbook: ")] == paths


def test_both_roles_run_in_check_mode(controller: Controller) -> None:
    """On an interface that no machine has: what they do with a laptop is the lab's to test."""
    variables = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "supplicant_interfaces": ["vpro-none0"],
        "supplicant_profiles": [{"ssid": "lab", "security": "psk", "passphrase": "correct horse"}],
    }
    path = controller.installed / "docs" / "examples" / "keep_sessions.yml"
    shown = controller.run(
        *("ansible-playbook", "-i", "localhost,", "--check", "--diff", "-e", json.dumps(variables), str(path)),
        # The watcher's user is not made here.
        warnings=[FILE_ALONE, "failed to look up user", "failed to look up group"],
    )
    assert "correct horse" not in shown
