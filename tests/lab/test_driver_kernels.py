# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A laptop with two kernels of the distribution's: one play gives each the drivers that were built for it."""

from __future__ import annotations

from pathlib import Path
from typing import Dict

import pytest

from vpro_lab.laptop.control import Laptop
from vpro_lab.laptop.drivers import archived_kernels
from vpro_lab.paths import REPOSITORY
from vpro_lab.play.building import BuildHost, add_kernel, boot_other, make_stock, modules_of, packages_of
from vpro_lab.play.playbook import run_module

# About the kernel's drivers alone: once for each release is enough. Two packages are built.
pytestmark = [pytest.mark.manager("wpa_supplicant"), pytest.mark.standin, pytest.mark.release]

PLAYBOOK = REPOSITORY / "docs" / "examples" / "driver.yml"
#: The lab's laptop has neither a radio of Intel's nor a management engine here.
DESPITE = ["no_radio", "no_csme"]
MODULES = ("iwlwifi", "iwlmvm", "iwlmei")


def built_for(laptop: Laptop, release: str) -> Dict[str, str]:
    """Return for which kernel each file was built that a kernel would load."""
    told = {}
    for name in MODULES:
        path, magic = laptop.guest.check(
            f"modinfo -k {release} -n {name}; modinfo -k {release} -F vermagic {name}"
        ).split("\n", 1)
        told[path] = magic.split()[0]
    return told


def test_each_kernel_gets_its_own(laptop: Laptop, tmp_path: Path) -> None:
    laptop.no_radios()
    running = laptop.image.kernel_release
    work = tmp_path / "archive"
    work.mkdir()
    others = {each: version for each, version in archived_kernels(laptop.image, work).items() if each != running}
    if not others:
        pytest.skip("the archive has one kernel alone")
    other, version = sorted(others.items())[-1]
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    make_stock(laptop, unpacked)
    add_kernel(laptop, other, version, tmp_path / "kernel")
    stock = modules_of(laptop)
    build = BuildHost(laptop, tmp_path)

    build.run(PLAYBOOK, driver_despite=DESPITE).ok()
    releases = sorted([running, other])
    assert sorted(each.name for each in build.packages.iterdir()) == [f"vpro-iwlmei-{each}.deb" for each in releases]
    for release in releases:
        place = f"/lib/modules/{release}/updates/vpro-iwlmei"
        assert built_for(laptop, release) == {f"{place}/{name}.ko": release for name in MODULES}
    facts = run_module(laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
    assert sorted(facts["kernel"]["iwlmei"]["for_kernels"]) == releases

    # The other one boots, and has them.
    booted = boot_other(laptop, other, tmp_path / "other")
    try:
        assert booted.guest.check("uname -r").strip() == other
        booted.guest.check("modprobe iwlmvm")
        assert booted.guest.check("ls /sys/module/iwlmei/holders").split() == ["iwlmvm", "iwlwifi"]
        facts = run_module(booted, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
        assert (facts["kernel"]["release"], facts["kernel"]["iwlmei"]["source"]) == (other, "package")
        result = run_module(booted, "amt_wifi_driver", {"state": "absent"})
        assert result["changed"] is True, result
        assert modules_of(booted) == stock
        assert packages_of(booted) == ""
    finally:
        booted.down(remove=True)
