# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The example inventory groups a fleet by its cached facts; with the real Ansible, on the controller alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Optional, Sequence, Set

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils import _inventory
from ansible_collections.vpro.fleet.plugins.module_utils._csme import CsmeConnection
from ansible_collections.vpro.fleet.plugins.module_utils._kernel import Release
from ansible_collections.vpro.fleet.plugins.module_utils._platform import Iwlmei, Platform
from ansible_collections.vpro.fleet.plugins.module_utils._radio import Radio
from ansible_collections.vpro.fleet.plugins.module_utils._readiness import Blocker, Known
from ansible_collections.vpro.fleet.plugins.module_utils._rfkill import Switch
from ansible_collections.vpro.fleet.plugins.module_utils._watcher_state import Watcher
from ansible_collections.vpro.fleet.tests.schema import TREE, check_facts

EXAMPLE = TREE / "docs" / "examples" / "inventory"
COMMANDS = Path(sys.executable).parent

pytestmark = pytest.mark.skipif(
    not (COMMANDS / "ansible-inventory").exists(),
    reason="this Python has no Ansible: it is a laptop's, not a controller's",
)

ON = CsmeConnection(b"corp", "02:00:00:00:01:00", 6, None, (2437,), "psk", "ccmp", None, None)
OWNED = Switch(0, "wlan", "phy0", False, True, frozenset({"not_owner"}), "phy0")
CSMES = Radio("phy0", "wlan0", 3, "02:00:00:00:00:00", "iwlwifi", "csme", OWNED, True, True, True, ON, None)
HOSTS = replace(CSMES, owner="host", csme=None, switch=replace(OWNED, hard=False, reasons=frozenset()))
PLAIN = replace(HOSTS, phy="phy1", interface="wlan1", can_tell=False, can_request=False, owner="unknown")


def facts(generation: Optional[str], radios: Sequence[Radio], *codes: str) -> Dict[str, Any]:
    platform = Platform(Release("x", (6, 1)), Iwlmei(None, None, None, None), None)
    known = Known(platform, radios, {}, Watcher(False, False), ())
    return check_facts(_inventory.document(known, generation, [Blocker(code, "because") for code in codes]))


#: What was last seen of each laptop.
FLEET: Dict[str, Optional[Dict[str, Any]]] = {
    "old": facts("userspace_managed", (CSMES, PLAIN)),
    "new": facts("driver_managed", (HOSTS,), "airplane_mode", "no_supplicant"),
    "both": facts("driver_managed", (CSMES, replace(HOSTS, phy="phy2")), "no_supplicant"),
    "none": facts("none", (PLAIN,), "no_radio"),
    "unread": facts(None, (), "unknown"),
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
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, str]:
    """Ansible's, with the example's own configuration but for where the cache is."""
    folder = tmp_path_factory.mktemp("fleet")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return {
        **kept,
        "ANSIBLE_CONFIG": str(EXAMPLE / "ansible.cfg"),
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(folder / "facts"),
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_COLLECTIONS_PATH": str(TREE / "build" / "collections"),
        "ANSIBLE_NOCOLOR": "1",
        "LC_ALL": "C.UTF-8",
    }


def run(environment: Dict[str, str], command: str, *arguments: str) -> str:
    done = subprocess.run(
        [str(COMMANDS / command), *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_fleet_is_grouped_from_the_cache(environment: Dict[str, str], tmp_path: Path) -> None:
    laptops = tmp_path / "10-laptops.json"
    laptops.write_text(json.dumps({"all": {"hosts": dict.fromkeys(FLEET)}}), encoding="utf-8")
    task = {
        "ansible.builtin.set_fact": {"amt_wifi": "{{ fleet[inventory_hostname] }}", "cacheable": True},
        "when": "fleet[inventory_hostname] is not none",
        "connection": "local",
    }
    play = tmp_path / "fill.yml"
    play.write_text(
        json.dumps(
            [{"hosts": "all", "gather_facts": False, "become": False, "vars": {"fleet": FLEET}, "tasks": [task]}]
        ),
        encoding="utf-8",
    )
    sources = ["-i", str(laptops), "-i", str(EXAMPLE / "20-groups.yml")]
    run(environment, "ansible-playbook", "-i", str(laptops), str(play))
    listed = json.loads(run(environment, "ansible-inventory", *sources, "--list"))
    found = {name: set(group["hosts"]) for name, group in listed.items() if name.startswith("amt_")}
    assert found == GROUPS
    # The example's group_vars go with it: facts are gathered by both modules.
    assert listed["_meta"]["hostvars"]["unseen"]["ansible_facts_modules"] == [
        "ansible.builtin.setup",
        "vpro.fleet.amt_wifi_facts",
    ]


def test_the_example_as_it_stands(environment: Dict[str, str], tmp_path: Path) -> None:
    empty = {**environment, "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(tmp_path)}
    listed = json.loads(run(empty, "ansible-inventory", "--list"))
    assert len(listed["laptops"]["hosts"]) == 3
    assert listed["amt_unseen"]["hosts"] == listed["laptops"]["hosts"]
