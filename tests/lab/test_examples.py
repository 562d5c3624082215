# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The example playbooks as they stand, on a laptop. ``take_ownership.yml`` runs in every test of the handover."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict, List

import pytest
import yaml

from vpro_lab.air.ap import AccessPoint
from vpro_lab.air.csme import Csme
from vpro_lab.air.security import CERTIFICATES, EAP_IDENTITY, EAP_PASSWORD, network_block
from vpro_lab.laptop.control import MAC, Laptop
from vpro_lab.paths import REPOSITORY
from vpro_lab.play.playbook import command, environment, inventory, run_playbook, run_tasks

# About wpa_supplicant, or about neither: once is enough.
pytestmark = [pytest.mark.manager("wpa_supplicant"), pytest.mark.release]

EXAMPLES = REPOSITORY / "docs" / "examples"
#: The modules, in an order in which the examples of one do not spoil those of the next.
MODULES = ("amt_wifi_profile", "amt_wifi_profiles", "amt_wifi_facts", "amt_wifi_ownership", "amt_wifi_airplane")
#: What the modules' examples take for granted: variables of the play, and files of the laptop.
VARIABLES = {
    "ansible_user": "root",  # so that become changes nothing
    "branch_passphrase": "a passphrase of the branch",
    "laptop_account": "laptop@example.org",
    "laptop_password": "a password",
}
#: Modules that the roles are made of: the roles' tests run them.
ELSEWHERE = {
    "amt_wifi_driver",
    "amt_wifi_driver_package",
    "amt_wifi_networkd_info",
    "amt_wifi_supplicant",
    "amt_wifi_watcher_files",
}
FILES = ("/etc/ssl/laptop.pem", "/etc/ssl/private/laptop.key", "/etc/ssl/corp-ca.pem")


class Fleet:
    """The example inventory, with the laptop of the lab for the examples' laptops, and a cache of its own."""

    def __init__(self, laptop: Laptop, folder: Path) -> None:
        self._laptop = laptop
        self._hosts = folder / "inventory"
        shutil.copytree(EXAMPLES / "inventory", self._hosts)
        (self._hosts / "10-laptops.yml").unlink()
        shutil.copy(inventory(laptop), self._hosts / "10-laptops.json")
        self._settings = {
            "ANSIBLE_CONFIG": str(EXAMPLES / "inventory" / "ansible.cfg"),
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(folder / "facts"),
        }

    def report(self) -> str:
        """Run the playbook; return what it printed."""
        done = run_playbook(self._laptop, EXAMPLES / "fleet_report.yml", hosts=self._hosts, settings=self._settings)
        return done.ok().output

    def groups(self) -> List[str]:
        """Return the groups that the cache puts the laptop into, with nobody asked."""
        argv = [command("ansible-inventory"), "-i", str(self._hosts), "--list"]
        variables = {**environment(self._laptop.folder), **self._settings}
        done = subprocess.run(argv, env=variables, stdout=subprocess.PIPE, text=True, check=True)
        listed: Dict[str, Any] = json.loads(done.stdout)
        return sorted(
            name
            for name, group in listed.items()
            if name.startswith("amt_") and self._laptop.name in group.get("hosts", ())
        )


def test_a_fleet_is_grouped_by_what_was_seen(laptop: Laptop, csme: Csme, tmp_path: Path) -> None:
    fleet = Fleet(laptop, tmp_path)
    assert fleet.groups() == ["amt_unseen"]
    csme.connection(ssid=b"corp")
    csme.own()
    laptop.supplicant(network_block("wpa2-psk", b"home"))
    output = fleet.report()
    assert "no profile for 'corp'" in output
    release = tuple(map(int, laptop.guest.check("uname -r").split(".")[:2]))
    generation = "amt_generation_driver_managed" if release >= (6, 4) else "amt_generation_userspace_managed"
    blockers = ["amt_blocker_no_profile", "amt_blocker_watcher_not_installed"]
    assert fleet.groups() == [*blockers, generation, "amt_not_ready", "amt_owner_csme"]
    csme.release()
    fleet.report()
    assert fleet.groups() == [blockers[1], generation, "amt_not_ready", "amt_owner_host"]


def documented(module: str) -> List[Dict[str, Any]]:
    """Return the tasks of a module's EXAMPLES."""
    tree = ast.parse((REPOSITORY / "plugins" / "modules" / f"{module}.py").read_text(encoding="utf-8"))
    text = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["EXAMPLES"]
    )
    tasks: List[Dict[str, Any]] = yaml.safe_load(text)
    return tasks


def test_the_modules_examples_as_they_stand(laptop: Laptop, csme: Csme) -> None:
    csme.reports_none()
    csme.own()
    laptop.supplicant("")
    laptop.guest.check(f"for f in {' '.join(FILES)}; do echo a placeholder > $f; done")
    tasks = [task for module in MODULES for task in documented(module)]
    assert len({task["name"] for task in tasks}) == len(tasks)
    try:
        play = run_tasks(laptop, tasks, "-e", json.dumps(VARIABLES)).ok()
    finally:
        laptop.guest.check(f"rm -f {' '.join(FILES)}; rfkill unblock all")
    for task in tasks:
        if any(key.startswith("vpro.fleet.") for key in task):
            assert "failed" not in play.tasks[task["name"]], task["name"]
    assert "DEPRECATION" not in play.output


def test_every_module_has_its_examples_run() -> None:
    modules = {path.stem for path in (REPOSITORY / "plugins" / "modules").glob("amt_*.py")}
    assert modules - set(MODULES) == ELSEWHERE


@pytest.mark.parametrize("check", [pytest.param(True, marks=pytest.mark.release), False])
def test_onboarding_with_an_enterprise_profile(laptop: Laptop, ap: AccessPoint, tmp_path: Path, check: bool) -> None:
    ap.start("wpa2-eap", ssid=b"corp-wifi", mac=MAC)
    laptop.supplicant("")
    authority, secrets = tmp_path / "ca.pem", tmp_path / "secrets.yml"
    authority.write_text(laptop.guest.read(f"{CERTIFICATES}/ca.pem"))
    secrets.write_text(
        json.dumps(
            {
                "wifi_identity": EAP_IDENTITY,
                "wifi_password": EAP_PASSWORD,
                "wifi_ca_certificate": str(authority),
                "wifi_radius_domain": "example.org",
            }
        )
    )
    laptop.guest.check("rm -f /etc/ssl/certs/corp-wifi-ca.pem")
    playbook = EXAMPLES / "onboard_enterprise.yml"
    if check:
        # On a laptop that was never onboarded, too.
        assert "failed=0" in run_playbook(laptop, playbook, "-e", f"@{secrets}", "--check", "--diff").ok().output
        assert laptop.wpa("list_networks").count("\n") == 0
        return
    run_playbook(laptop, playbook, "-e", f"@{secrets}").ok()
    laptop.wait_until("the connection", lambda: "wpa_state=COMPLETED" in laptop.wpa("status"), 40)
    assert "changed=0" in run_playbook(laptop, playbook, "-e", f"@{secrets}").ok().output
