# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role ``driver``: built on a build host, installed on a stock laptop, used after its boot, and gone again."""

from __future__ import annotations

from pathlib import Path
from typing import Dict

import pytest

from vpro_lab.laptop.control import Laptop
from vpro_lab.paths import REPOSITORY
from vpro_lab.play.building import BuildHost, make_stock, modules_of, packages_of
from vpro_lab.play.playbook import Play

# About the kernel's drivers alone: once for each release is enough.
pytestmark = [pytest.mark.manager("wpa_supplicant"), pytest.mark.standin, pytest.mark.release]

PLAYBOOK = REPOSITORY / "docs" / "examples" / "driver.yml"
#: The lab's laptop has neither a radio of Intel's nor a management engine here.
DESPITE = ["no_radio", "no_csme"]
MODULES = ("iwlwifi", "iwlmvm", "iwlmei")
#: Fills the disk when dpkg begins, except for less than the modules take. It does so once.
_FILLS = "/root/lab-fills"
_FILLED = "/var/lab-filled"
_FILLING = f"""#!/bin/sh
[ -e {_FILLED} ] || dd if=/dev/zero of={_FILLED} bs=256K 2>/dev/null
truncate -s -1200K {_FILLED}; sync
rm -f /etc/dpkg/dpkg.cfg.d/lab-full
"""


def files_of(laptop: Laptop) -> Dict[str, str]:
    """Return which file a module would be loaded from."""
    return {name: laptop.guest.check(f"modinfo -n {name}").strip() for name in MODULES}


def words(play: Play) -> str:
    """Return what a playbook printed, without its line breaks."""
    return " ".join(play.output.split())


def test_a_stock_laptop_gets_the_driver_and_is_stock_again(laptop: Laptop, tmp_path: Path) -> None:
    guest = laptop.guest
    laptop.no_radios()
    release = laptop.image.kernel_release
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    make_stock(laptop, unpacked)
    stock = modules_of(laptop)
    assert guest.run("modinfo -n iwlmei").rc != 0
    build = BuildHost(laptop, tmp_path)

    # Refused, and nothing came of it: a laptop without a radio of Intel's.
    refused = build.run(PLAYBOOK)
    assert refused.rc == 2, refused.output
    assert "Nothing was installed: this laptop has no radio of Intel's" in words(refused)
    assert [each.name for each in build.packages.iterdir()] == [f"vpro-iwlmei-{release}.deb"]
    assert modules_of(laptop) == stock

    # The disk is full in the middle of the installation.
    guest.write(_FILLS, _FILLING, mode=0o755)
    guest.write("/etc/dpkg/dpkg.cfg.d/lab-full", f"pre-invoke={_FILLS}\n")
    full = build.run(PLAYBOOK, driver_despite=DESPITE)
    assert full.rc == 2, full.output
    assert "No space left on device" in words(full)
    assert "The laptop has the drivers that it had before" in words(full)
    guest.check(f"rm {_FILLED}")
    assert modules_of(laptop) == stock
    assert packages_of(laptop) == ""

    done = build.run(PLAYBOOK, driver_despite=DESPITE).ok()
    assert "Restart laptop" in words(done)
    added = f"./{release}/updates/vpro-iwlmei/"
    assert {line.rpartition(" ")[2] for line in modules_of(laptop)} >= {f"{added}{name}.ko" for name in MODULES}
    own = [line for line in stock if f"./{release}/kernel/" in line]
    assert [line for line in modules_of(laptop) if f"./{release}/kernel/" in line] == own
    assert guest.run("test -d /sys/module/iwlmei").rc != 0

    again = build.run(PLAYBOOK, driver_despite=DESPITE).ok()
    assert again.output.count("changed=0") == 2, again.output

    # It boots into them.
    build.run(PLAYBOOK, driver_despite=DESPITE, driver_reboot=True).ok()
    laptop.occupied()
    guest = laptop.guest
    guest.check("modprobe iwlmvm")
    places = files_of(laptop)
    assert places == {name: f"/lib/modules/{release}/updates/vpro-iwlmei/{name}.ko" for name in MODULES}
    assert guest.check("ls /sys/module/iwlmei/holders").split() == ["iwlmvm", "iwlwifi"]
    settled = build.run(PLAYBOOK, driver_despite=DESPITE).ok()
    assert "Restart laptop" not in words(settled)

    # And back.
    gone = build.run(PLAYBOOK, driver_state="absent").ok()
    assert "Restart laptop" in words(gone)
    assert modules_of(laptop) == stock
    assert packages_of(laptop) == ""
    assert guest.run("ls /var/cache/vpro-iwlmei").rc != 0
