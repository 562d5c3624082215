# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role ``driver`` with DKMS: a real DKMS builds in a root of Debian's, installs all modules, and leaves nothing."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import List

import pytest

from vpro_lab.laptop.control import Laptop
from vpro_lab.laptop.image import enter_root, run
from vpro_lab.play.building import BuildHost, make_stock

# About the kernel's files alone: once for each release is enough. It takes four minutes or more, and a network.
pytestmark = [pytest.mark.manager("wpa_supplicant"), pytest.mark.standin, pytest.mark.release]

MODULES = ("iwlwifi", "iwlmvm", "iwlmei")
PLAYBOOK = """
- hosts: build
  gather_facts: false
  tasks:
    - name: Let apt know the archive
      ansible.builtin.command: apt-get -q update
      changed_when: false
      when: driver_state | default('present') == 'present'
    - ansible.builtin.include_role:
        name: vpro.fleet.driver
      vars:
        driver_method: dkms
        driver_despite: [no_radio, no_csme]
"""


def tree(root: Path) -> List[str]:
    """Return all that is below the folder of the kernels' modules, with the digests of files."""
    told = "find . -type f -exec sha256sum {} + | sort -k 2; find . ! -type f -printf '%y %p %l\\n' | sort"
    done = subprocess.run(["sh", "-c", told], cwd=root / "lib/modules", capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_a_laptop_builds_for_itself_and_is_stock_again(laptop: Laptop, tmp_path: Path) -> None:
    release = laptop.image.kernel_release
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    make_stock(laptop, unpacked)
    host = BuildHost(laptop, tmp_path)
    # The image leaves out what DKMS could take for the same as its own.
    own = f"lib/modules/{release}/kernel/drivers/net/wireless/intel"
    (found,) = [*unpacked.glob(own), *unpacked.glob(f"usr/{own}")]
    shutil.copytree(found, host.root / own, dirs_exist_ok=True)
    listed = run([*enter_root(), "chroot", str(host.root), "depmod", release])
    assert listed.returncode == 0, listed.stdout
    shutil.copy("/etc/resolv.conf", host.root / "etc/resolv.conf")
    (host.root / "etc/apt/apt.conf.d/lab").write_text('APT::Sandbox::User "root";\n', encoding="utf-8")
    playbook = tmp_path / "dkms.yml"
    playbook.write_text(PLAYBOOK, encoding="utf-8")
    stock = tree(host.root)

    host.run(playbook).ok()
    place = f"./{release}/updates/dkms/"
    added = {line.rpartition(" ")[2].partition(".ko")[0] for line in tree(host.root) if place in line}
    assert added == {f"{place}{name}" for name in MODULES}
    assert [line for line in tree(host.root) if "/kernel/" in line] == [line for line in stock if "/kernel/" in line]
    assert "changed=0" in host.run(playbook).ok().output

    host.run(playbook, driver_state="absent").ok()
    assert tree(host.root) == stock
    assert not list((host.root / "usr/src").glob("vpro-iwlmei-*"))
    assert "changed=0" in host.run(playbook, driver_state="absent").ok().output
