# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The example inventory groups a fleet by its cached facts; with the real Ansible, on the controller alone.

So do the playbooks that ask no laptop, or sort out those that do not answer.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Set

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._facts import document
from ansible_collections.vpro.fleet.plugins.module_utils._facts.known import Blocker, Known
from ansible_collections.vpro.fleet.plugins.module_utils._facts.readiness import warnings
from ansible_collections.vpro.fleet.plugins.module_utils._firmware.values import Amt
from ansible_collections.vpro.fleet.plugins.module_utils._network.handover_record import HandoverRecord
from ansible_collections.vpro.fleet.plugins.module_utils._radio.connection import CsmeConnection
from ansible_collections.vpro.fleet.plugins.module_utils._radio.values import Iwlmei, Platform, Radio, Release, Switch
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.report import WatcherReport
from ansible_collections.vpro.fleet.tests.schema import TREE, check_facts
from ansible_collections.vpro.fleet.tests.unit.docs.commands import environment_of, needs_ansible, run

EXAMPLES = TREE / "docs" / "examples"
EXAMPLE = EXAMPLES / "inventory"

pytestmark = needs_ansible

ON = CsmeConnection(b"corp", "02:00:00:00:01:00", 6, None, (2437,), "psk", "ccmp", None, None)
OWNED = Switch(0, "wlan", "phy0", False, True, frozenset({"not_owner"}), "phy0")
CSMES = Radio("phy0", "wlan0", 3, "02:00:00:00:00:00", "iwlwifi", "csme", OWNED, True, True, True, ON, None)
HOSTS = replace(CSMES, owner="host", csme=None, switch=replace(OWNED, hard=False, reasons=frozenset()))
PLAIN = replace(HOSTS, phy="phy1", interface="wlan1", can_tell=False, can_request=False, owner="unknown")


#: When, and why with all that a CSV file has to quote.
SEEN = "2026-11-26T08:00:00Z"
BECAUSE = "it is 'so', and \"so\". Do it (now)"
NO_WATCHER = WatcherReport(False, False)
WATCHER = WatcherReport(True, True, "1.0.0", "watching", HandoverRecord("protected", SEEN, 221, 290, True))

#: One that is not of this version, and was too late.
OUTDATED = WatcherReport(True, True, "0.9.0", "left", HandoverRecord("taken_back", SEEN, None, None, False))


UNKNOWN = Iwlmei(None, None, None, None)
PACKAGED = Iwlmei(True, True, True, True, "package", True, ("6.1.0",), "6.1.1")


def facts(
    generation: Optional[str],
    radios: Sequence[Radio],
    *codes: str,
    watcher: WatcherReport = NO_WATCHER,
    mei: Iwlmei = UNKNOWN,
    amt: Optional[Amt] = None,
) -> Dict[str, Any]:
    known = Known(Platform(Release("x", (6, 1)), mei, None), radios, {}, watcher, (), amt)
    told = warnings(known)
    return check_facts(document.document(known, generation, [Blocker(code, BECAUSE) for code in codes], told))


def earlier(facts: Dict[str, Any]) -> Dict[str, Any]:
    """Return facts as a collection reported them that knew nothing of warnings and of other kernels."""
    del facts["readiness"]["warnings"]
    del facts["kernel"]["secure_boot"]
    for name in ("source", "signed", "for_kernels", "next_kernel"):
        del facts["kernel"]["iwlmei"][name]
    return facts


#: Older, and not older, than the example's group_vars allow (16.1.30.2307). They say nothing of AMT 15.
OLD_FIRMWARE = Amt("post", firmware="16.1.27.2176")
NEW_FIRMWARE = Amt("post", firmware="16.1.30.2307")
#: What was last seen of each laptop.
FLEET: Dict[str, Optional[Dict[str, Any]]] = {
    "old": facts("userspace_managed", (CSMES, PLAIN), watcher=WATCHER, mei=PACKAGED, amt=OLD_FIRMWARE),
    "new": facts("driver_managed", (HOSTS,), "airplane_mode", "no_supplicant", amt=NEW_FIRMWARE),
    "both": facts(
        "driver_managed",
        (CSMES, replace(HOSTS, phy="phy2")),
        "no_supplicant",
        watcher=OUTDATED,
        amt=replace(OLD_FIRMWARE, state="disabled", firmware="15.0.1.1"),
    ),
    "none": facts("none", (PLAIN,), "no_radio"),
    "unread": earlier(facts(None, (), "unknown")),
    "unseen": None,
}

GROUPS: Dict[str, Set[str]] = {
    "amt_ready": {"old"},
    "amt_not_ready": {"new", "both", "none", "unread"},
    "amt_unseen": {"unseen"},
    "amt_owner_csme": {"old", "both"},
    "amt_owner_host": {"new", "both"},
    "amt_generation_userspace_managed": {"old"},
    "amt_generation_driver_managed": {"new", "both"},
    "amt_generation_none": {"none"},
    "amt_generation_unknown": {"unread"},
    "amt_blocker_airplane_mode": {"new"},
    "amt_blocker_no_supplicant": {"new", "both"},
    "amt_blocker_no_radio": {"none"},
    "amt_blocker_unknown": {"unread"},
    "amt_warning_next_kernel_without_iwlmei": {"old"},
    "amt_state_post": {"old", "new"},
    "amt_state_disabled": {"both"},
    "amt_firmware_below": {"old"},
    "amt_iwlmei_package": {"old"},
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, str]:
    """Ansible's, with the example's own configuration but for where the cache is."""
    folder = tmp_path_factory.mktemp("fleet")
    return environment_of(
        folder / "ansible",
        ANSIBLE_CONFIG=str(EXAMPLE / "ansible.cfg"),
        ANSIBLE_CACHE_PLUGIN_CONNECTION=str(folder / "facts"),
    )


@pytest.fixture(scope="module")
def sources(environment: Dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> List[str]:
    """The arguments that name the inventory of a fleet whose facts are in the cache."""
    folder = tmp_path_factory.mktemp("sources")
    laptops = folder / "10-laptops.json"
    laptops.write_text(json.dumps({"all": {"hosts": dict.fromkeys(FLEET)}}), encoding="utf-8")
    # Groups can only be made with variables that are beside the laptops, as they are in the example.
    shutil.copytree(EXAMPLE / "group_vars", folder / "group_vars")
    seen = {"amt_wifi": "{{ fleet[inventory_hostname] }}", "ansible_date_time": {"iso8601": SEEN}}
    task = {
        "ansible.builtin.set_fact": {**seen, "cacheable": True},
        "when": "fleet[inventory_hostname] is not none",
        "connection": "local",
    }
    play = folder / "fill.yml"
    play.write_text(
        json.dumps(
            [{"hosts": "all", "gather_facts": False, "become": False, "vars": {"fleet": FLEET}, "tasks": [task]}]
        ),
        encoding="utf-8",
    )
    run(environment, "ansible-playbook", "-i", str(laptops), str(play))
    return ["-i", str(laptops), "-i", str(EXAMPLE / "20-groups.yml")]


def test_the_fleet_is_grouped_from_the_cache(environment: Dict[str, str], sources: List[str]) -> None:
    listed = json.loads(run(environment, "ansible-inventory", *sources, "--list"))
    found = {name: set(group["hosts"]) for name, group in listed.items() if name.startswith("amt_")}
    assert found == GROUPS
    # The example's group_vars go with it: facts are gathered by both modules.
    assert listed["_meta"]["hostvars"]["unseen"]["ansible_facts_modules"] == [
        "ansible.builtin.setup",
        "vpro.fleet.amt_wifi_facts",
    ]


def test_the_groups_that_the_page_adds(environment: Dict[str, str], sources: List[str], tmp_path: Path) -> None:
    page = (TREE / "docs" / "inventory.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"^```yaml\n(plugin: .*?)^```$", page, re.MULTILINE | re.DOTALL)
    added = tmp_path / "30-groups.yml"
    added.write_text(text, encoding="utf-8")
    listed = json.loads(run(environment, "ansible-inventory", *sources, "-i", str(added), "--list"))
    assert {name: set(group["hosts"]) for name, group in listed.items() if name.startswith("amt_")} == {
        **GROUPS,
        "amt_lost": {"both"},
        "amt_outdated": {"both"},
        "amt_manager_none": set(FLEET) - {"unseen"},
    }


@pytest.mark.parametrize("target", ["all", "amt_blocker_no_supplicant"])
def test_the_fleet_is_told_in_a_table(
    environment: Dict[str, str], sources: List[str], tmp_path: Path, target: str
) -> None:
    path = tmp_path / "fleet.csv"
    # Variables of a laptop's own facts must not be needed: they may be switched off.
    variables = {**environment, "ANSIBLE_INJECT_FACT_VARS": "false"}
    arguments = ["-e", f"report={path}", "-e", f"target={target}"]
    run(variables, "ansible-playbook", *sources, *arguments, str(EXAMPLES / "fleet_csv.yml"))
    with path.open(encoding="utf-8", newline="") as handle:
        rows = {row["laptop"]: row for row in csv.DictReader(handle)}
    assert set(rows) == (set(FLEET) if target == "all" else GROUPS[target])
    assert rows["both"] == {
        "laptop": "both",
        "seen": SEEN,
        "ready": "no",
        "owner": "csme host",
        "generation": "driver_managed",
        "manager": "none",
        "watcher": "0.9.0",
        "last_handover": "taken_back",
        "blockers": "no_supplicant",
        "what_to_do": BECAUSE,
        "warnings": "",
        "amt": "disabled",
        "firmware": "15.0.1.1",
    }
    if target == "all":
        assert rows["unseen"] == {**dict.fromkeys(rows["both"], ""), "laptop": "unseen", "seen": "never"}
        assert {name for name, row in rows.items() if row["ready"] == "yes"} == GROUPS["amt_ready"]
        assert rows["new"]["what_to_do"] == f"{BECAUSE}; {BECAUSE}"
        assert {name: row["warnings"] for name, row in rows.items() if row["warnings"]} == {
            "old": "next_kernel_without_iwlmei"
        }
        assert (rows["old"]["watcher"], rows["old"]["last_handover"]) == ("1.0.0", "protected")
        assert (rows["new"]["watcher"], rows["new"]["last_handover"]) == ("none", "")


#: Stands for the roles, and for the modules that look at a laptop: nothing of this machine is touched.
STUB = {"ansible.builtin.debug": {"msg": "{{ role_name | default('facts') }} of {{ inventory_hostname }}"}}


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder of playbooks whose collection is a stub: one beside a playbook comes before all others."""
    collection = tmp_path / "collections" / "ansible_collections" / "vpro" / "fleet"
    for role in ("supplicant", "watcher"):
        tasks = collection / "roles" / role / "tasks"
        tasks.mkdir(parents=True)
        (tasks / "main.yml").write_text(json.dumps([{"name": "A stub", **STUB}]), encoding="utf-8")
    modules = collection / "plugins" / "modules"
    modules.mkdir(parents=True)
    (modules / "amt_wifi_facts.py").write_text(FACTS_STUB, encoding="utf-8")
    return tmp_path


FACTS_STUB = """
from ansible.module_utils.basic import AnsibleModule
AnsibleModule(argument_spec={}).exit_json(changed=False, ansible_facts={"amt_wifi": {}})
"""


def test_laptops_that_are_off_line_end_no_roll_out(environment: Dict[str, str], elsewhere: Path) -> None:
    nobody = elsewhere / "nobody"
    nobody.write_text("#!/bin/sh\nexit 255\n", encoding="utf-8")
    nobody.chmod(0o755)
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    # By their names, a whole batch of those off line would come first.
    hosts = {
        **{f"a{number}": {"ansible_ssh_executable": str(nobody)} for number in range(2)},
        **{f"b{number}": here for number in range(2)},
    }
    gathered = {"ansible_facts_modules": ["vpro.fleet.amt_wifi_facts"], "ansible_become": False}
    inventory = elsewhere / "hosts.json"
    inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": gathered}}), encoding="utf-8")
    playbook = elsewhere / "roll_out.yml"
    shutil.copy(EXAMPLES / "roll_out.yml", playbook)
    own = {**environment, "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(elsewhere / "facts")}
    output = run(own, "ansible-playbook", "-i", str(inventory), str(playbook))
    for number in range(2):
        assert f"supplicant of b{number}" in output
        assert f"watcher of b{number}" in output
        assert f"supplicant of a{number}" not in output
    assert output.count("PLAY [Laptops that keep their remote sessions]") == 2  # one, then the other
    assert output.rpartition('"msg": ')[2].split("]")[0].split() == ["[", '"a0",', '"a1"']


def test_the_example_as_it_stands(environment: Dict[str, str], tmp_path: Path) -> None:
    empty = {**environment, "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(tmp_path)}
    listed = json.loads(run(empty, "ansible-inventory", "--list"))
    assert len(listed["laptops"]["hosts"]) == 3
    assert listed["amt_unseen"]["hosts"] == listed["laptops"]["hosts"]
