# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A laptop that pulls its configuration, as docs/scale.md says: from the bootstrap to a link, and what it refuses.

Debian's packages come from the archive, Python's from a folder that this machine's pip fills.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple

import pytest
import yaml

from vpro_lab.air.ap import DEFAULT_SSID, AccessPoint
from vpro_lab.air.security import PASSPHRASE
from vpro_lab.laptop.control import INTERFACE, MAC, Laptop
from vpro_lab.laptop.packages import debian_packages, python_packages
from vpro_lab.paths import REPOSITORY
from vpro_lab.play.deployed import is_connected, watcher_state
from vpro_lab.play.playbook import command, environment, run_playbook

pytestmark = [pytest.mark.manager("wpa_supplicant"), pytest.mark.release]

EXAMPLES = REPOSITORY / "docs" / "examples"
SERVICE = "vpro-fleet-pull.service"
#: Where the laptop finds the fleet's repository. What of git is between is git's.
REMOTE = "/srv/fleet.git"
#: Who signs what the laptops are to apply.
SIGNER = "fleet@example.com"
OTHER = "another.example.com"
#: What the laptop's vault is opened with, and how docs/scale.md has the service find it.
VAULT_PASSWORD = "a password of this laptop alone"
VAULT_CONF = "[Service]\nEnvironment=ANSIBLE_VAULT_PASSWORD_FILE=/etc/vpro-fleet-pull.vault\n"


class Fleet:
    """The administrator's side: the repository of docs/scale.md, and the key that its commits are signed with."""

    def __init__(self, laptop: Laptop, folder: Path) -> None:
        self._laptop = laptop
        self._name = laptop.guest.check("hostname").strip()
        self._repository = folder / "repository"
        self._settings = environment(folder)
        self._vault = folder / "vault-password"
        self._vault.write_text(f"{VAULT_PASSWORD}\n", encoding="utf-8")
        self._keys = folder / "gnupg"
        self._keys.mkdir(mode=0o700)
        self.public_key = folder / "fleet.asc"
        self._make(folder / "built")

    @contextmanager
    def signing(self) -> Iterator[None]:
        """Make the key, and end the agent that gpg starts for it."""
        try:
            self._gpg("--passphrase", "", "--quick-generate-key", SIGNER, "default", "sign", "never")
            self.public_key.write_text(self._gpg("--armor", "--export", SIGNER), encoding="utf-8")
            yield
        finally:
            subprocess.run(["gpgconf", "--homedir", str(self._keys), "--kill", "all"], check=True)

    def declare(self, *profiles: Dict[str, Any]) -> None:
        """Declare networks, in the vault of this laptop."""
        interface = {"supplicant_interfaces": [INTERFACE], "supplicant_country": "US"}
        path = self._write(
            f"inventory/host_vars/{self._name}/vault.yml", {"supplicant_profiles": [*profiles], **interface}
        )
        self._ansible("vault", "encrypt", "--vault-password-file", str(self._vault), str(path))

    def publish(self, *, signed: bool = True) -> None:
        """Commit all, and put it where the laptop pulls from."""
        self._git("add", "--all", "--force")
        self._git("commit", "-q", "-m", "The fleet", "-S" if signed else "--no-gpg-sign", "--allow-empty")
        bundle = self._repository.with_suffix(".bundle")
        self._git("bundle", "create", "-q", str(bundle), "main")
        self._laptop.send([bundle], "/srv/fleet.bundle")
        self._laptop.guest.check(
            f"[ -d {REMOTE} ] || git init -q --bare -b main {REMOTE}; "
            f"git -C {REMOTE} fetch -q --force /srv/fleet.bundle main:main"
        )

    def _make(self, built: Path) -> None:
        shutil.copytree(EXAMPLES / "inventory", self._repository / "inventory")
        shutil.copy(EXAMPLES / "pull" / "local.yml", self._repository)
        self._write("inventory/10-laptops.yml", {"laptops": {"hosts": dict.fromkeys([self._name, OTHER])}})
        self._ansible("galaxy", "collection", "build", "--output-path", str(built), str(REPOSITORY))
        (artifact,) = map(str, built.iterdir())
        self._ansible(
            "galaxy", "collection", "install", "--force", "-p", str(self._repository / "collections"), artifact
        )
        self._git("init", "-q", "-b", "main")

    def _write(self, name: str, content: Dict[str, Any]) -> Path:
        path = self._repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return path

    def _ansible(self, tool: str, *arguments: str) -> None:
        subprocess.run(
            [command(f"ansible-{tool}"), *arguments], env=self._settings, check=True, stdout=subprocess.DEVNULL
        )

    def _gpg(self, *arguments: str) -> str:
        argv = ["gpg", "--homedir", str(self._keys), "--batch", "--quiet", *arguments]
        return subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout

    def _git(self, *arguments: str) -> None:
        who = ["-c", "user.name=fleet", "-c", f"user.email={SIGNER}", "-c", f"user.signingkey={SIGNER}"]
        settings = {**os.environ, "GNUPGHOME": str(self._keys), "GIT_CONFIG_GLOBAL": "/dev/null"}
        subprocess.run(["git", *who, *arguments], cwd=self._repository, env=settings, check=True)


def pull(laptop: Laptop) -> Tuple[bool, str]:
    """Have the service do its work; return whether it did, and what its journal says of it."""
    begun = laptop.mark()
    done = laptop.guest.run(f"systemctl start {SERVICE}", timeout=900)
    # A failed one would begin again by itself.
    laptop.guest.run(f"systemctl stop {SERVICE}")
    return done.rc == 0, laptop.said(begun, SERVICE)


@pytest.fixture
def fresh(laptop: Laptop) -> Laptop:
    """A laptop that nobody prepared."""
    laptop.compile_archives(keep=False)
    return laptop


@pytest.fixture
def fleet(fresh: Laptop, tmp_path: Path) -> Iterator[Fleet]:
    """What that laptop pulls."""
    made = Fleet(fresh, tmp_path)
    with made.signing():
        yield made


def conf(laptop: Laptop) -> str:
    """Return the networks that the laptop has, secrets among them."""
    return laptop.guest.check(f"cat /etc/wpa_supplicant/wpa_supplicant-{INTERFACE}.conf")


def test_a_laptop_that_pulls(fresh: Laptop, fleet: Fleet, tmp_path: Path) -> None:
    guest = fresh.guest
    AccessPoint(guest).start("wpa2-psk", mac=MAC)
    bootstrap = EXAMPLES / "pull" / "bootstrap.yml"
    (play,) = yaml.safe_load(bootstrap.read_text(encoding="utf-8"))
    wanted = next(task["ansible.builtin.pip"]["name"] for task in play["tasks"] if "ansible.builtin.pip" in task)
    (tmp_path / "wheels").mkdir()
    python_packages(fresh, wanted, tmp_path / "wheels")
    given = ["-e", json.dumps({"pull_url": f"file://{REMOTE}", "pull_signing_key": str(fleet.public_key)})]
    with debian_packages(fresh):
        # What the roles need as well is not there.
        guest.check("apt-get -qq purge -y python3-pyroute2", timeout=300)
        run_playbook(fresh, bootstrap, *given).ok()
        assert "changed=0" in run_playbook(fresh, bootstrap, *given).ok().output
        timer = guest.check("systemctl is-active vpro-fleet-pull.timer; systemctl is-enabled vpro-fleet-pull.timer")
        assert timer.split() == ["active", "enabled"]

        # The laptop's vault, as a task of the administrator's own would bring it.
        guest.write("/etc/vpro-fleet-pull.vault", f"{VAULT_PASSWORD}\n", mode=0o600)
        guest.check(f"mkdir -p /etc/systemd/system/{SERVICE}.d")
        guest.write(f"/etc/systemd/system/{SERVICE}.d/vault.conf", VAULT_CONF)
        guest.check("systemctl daemon-reload")

        mine = {"ssid": DEFAULT_SSID.decode(), "security": "psk", "passphrase": PASSPHRASE}
        fleet.declare(mine)
        fleet.publish()
        good, said = pull(fresh)
    assert good, said
    assert OTHER not in said
    guest.check("dpkg -s python3-pyroute2")
    fresh.wait_until("the connection", lambda: is_connected(fresh), 40)
    assert watcher_state(fresh)

    # From here on without the archive: a pull needs git alone.
    good, said = pull(fresh)
    assert good, said
    assert "changed=0" in said, said

    # A commit that nobody signed is not applied, and that is seen.
    before = conf(fresh)
    fleet.declare(mine, {"ssid": "branch", "security": "psk", "passphrase": "a passphrase of the branch"})
    fleet.publish(signed=False)
    good, said = pull(fresh)
    assert not good, said
    assert "ailed to verify" in said, said
    assert conf(fresh) == before

    # Once it is signed, it is.
    fleet.publish()
    good, said = pull(fresh)
    assert good, said
    assert conf(fresh).count("network={") == before.count("network={") + 1
    assert is_connected(fresh)
    everything = guest.check("journalctl -b -o cat")
    assert PASSPHRASE not in everything
    assert "a passphrase of the branch" not in everything
