# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a stock laptop to a kept session in two plays, and back: the session goes over the iwlmei that the role built.

The laptop gets no iwlmei from the lab. What is not of the role's package is the lab's radio: it is called a radio of
iwlwifi's while the laptop is stock, and is under the shim of iwlmvm afterwards.
"""

from __future__ import annotations

import json
import resource
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Set

import pytest

from ansible_collections.vpro.fleet.tests.lab.conftest import Lab
from vpro_lab.air.engine import Engine
from vpro_lab.figures import machine, write_report
from vpro_lab.laptop.control import Laptop
from vpro_lab.laptop.engine import install_engine
from vpro_lab.laptop.guest import PAYLOAD
from vpro_lab.laptop.qemu import default_shift
from vpro_lab.paths import BUILD, REPOSITORY
from vpro_lab.play.building import BuildHost, make_stock, modules_of, packages_of
from vpro_lab.play.handover import hand_over
from vpro_lab.play.playbook import Play, run_module
from vpro_lab.play.snapshots import Kind
from vpro_lab.progress import Progress

# About the kernel's drivers: once for each release is enough. The packages are built, and the laptop boots twice.
pytestmark = [pytest.mark.manager("wpa_supplicant"), pytest.mark.release]

PLAYBOOK = REPOSITORY / "docs" / "examples" / "driver.yml"
#: The radio of the lab's laptop is none of Intel's.
DESPITE = ["no_radio"]
MODULES = ("iwlwifi", "iwlmvm", "iwlmei")
#: What the way from a stock laptop to a kept session may take of one processor, in seconds.
LIMIT = 15 * 60
#: The device of the management engine's wireless client, which the firmware shows where AMT is on.
_CLIENT = "/sys/bus/mei/devices/*-13280904-7792-4fcb-a1aa-5e70cbb1e865"
_STOCK_RADIO = f"""
for name in iwlmvm iwlwifi; do [ ! -d /sys/module/$name ] || rmmod $name; done
insmod {PAYLOAD}/iwlwifi.ko
"""
_OWN_DRIVERS = "rmmod iwlwifi\nmodprobe iwlmvm"


class Costs:
    """What each step of the way took: seconds, and seconds of a processor, of the laptop and of all else.

    Args:
        laptop: whose.
    """

    def __init__(self, laptop: Laptop) -> None:
        self._laptop = laptop
        self.steps: Dict[str, Dict[str, float]] = {}
        self._last = self._now()

    def _now(self) -> Dict[str, float]:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return {
            "seconds": time.monotonic(),
            "laptop": self._laptop.processor_seconds(),
            "others": used.ru_utime + used.ru_stime,
        }

    def begin(self) -> None:
        """Leave out what happened since the last step."""
        self._last = self._now()

    def step(self, name: str) -> None:
        """Note what happened since the last one."""
        now = self._now()
        self.steps[name] = {each: round(now[each] - self._last[each], 1) for each in now}
        self._last = now

    @property
    def processor(self) -> float:
        """How long all steps would take of one processor, in seconds."""
        return sum(step["laptop"] + step["others"] for step in self.steps.values())


def stock_blockers(laptop: Laptop) -> Set[str]:
    """Return what the facts say is missing, while a radio without CSME is called iwlwifi's."""
    laptop.radios(standin=False)
    laptop.guest.check(_STOCK_RADIO)
    facts = run_module(laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
    laptop.guest.check(_OWN_DRIVERS)
    assert facts["kernel"]["iwlmei"]["available"] is False
    return {blocker["code"] for blocker in facts["readiness"]["blockers"]}


def switch_amt_on(laptop: Laptop) -> None:
    """Have a firmware that shows its wireless client, as one does with AMT: the role looks for it."""
    laptop.guest.check("modprobe mei && insmod /opt/engine/csme_engine.ko")
    laptop.guest.spawn("csme-engine", ["python3", "/opt/engine/engine.pyz"], "/run/csme-engine.out")
    laptop.wait_until("the wireless client", lambda: laptop.guest.run(f"ls -d {_CLIENT}").rc == 0, 30)


def check_runs_the_packages(laptop: Laptop, package: Path, unpacked: Path) -> None:
    """Make sure that the iwlmei which runs, bound to the engine, is the very file of the package."""
    guest, release = laptop.guest, laptop.image.kernel_release
    place = f"/lib/modules/{release}/updates/vpro-iwlmei"
    subprocess.run(["dpkg-deb", "--extract", str(package), str(unpacked)], check=True)
    told = unpacked / f"usr/share/vpro-iwlmei-{release}/provenance.json"
    made: Dict[str, str] = json.loads(told.read_text(encoding="utf-8"))["modules"]
    sums = guest.check(f"cd {place}; sha256sum *.ko").split()
    assert dict(zip(sums[1::2], sums[::2], strict=True)) == made
    # There is no other on the laptop's disk.
    only = guest.check(f"readlink -f {place}/iwlmei.ko")
    assert guest.check("find / -xdev -name 'iwlmei*.ko*'") == only
    # All that needs it takes it: the drivers beside it, and the shim that stands for a radio of theirs.
    guest.check("modprobe iwlmvm")
    for name in MODULES:
        # The linker's own number of the module, as the kernel shows it of the one that runs.
        note = guest.check(f"od -An -v -tx1 /sys/module/{name}/notes/.note.gnu.build-id").replace("\n", " ").split()
        file = (unpacked / f"usr{place}/{name}.ko").read_bytes()
        assert bytes.fromhex("".join(note)) in file, f"the {name} that runs is not the package's"
    assert {"iwlmvm", "iwlmvm_shim", "iwlwifi"} <= set(guest.check("ls /sys/module/iwlmei/holders").split())
    assert guest.check(f"basename $(readlink {_CLIENT}/driver)").strip() == "iwlmei"


def test_a_stock_laptop_keeps_a_session_after_two_plays(lab: Lab, laptop_kind: Kind, tmp_path: Path) -> None:
    laptop = lab.laptop(replace(laptop_kind, engine=False))
    laptop.no_radios()
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    make_stock(laptop, unpacked)
    stock = modules_of(laptop)
    install_engine(laptop, Progress(quiet=True), iwlmei=False)
    assert "iwlmei_missing" in stock_blockers(laptop)
    switch_amt_on(laptop)
    build = BuildHost(laptop, tmp_path)
    costs = Costs(laptop)

    def driver(step: str, **variables: Any) -> Play:
        costs.begin()
        play = build.run(PLAYBOOK, driver_despite=DESPITE, **variables).ok()
        costs.step(step)
        return play

    # The first play: from the distribution's source to drivers that the laptop has booted with.
    began = time.time()
    driver("drivers", driver_reboot=True)
    (package,) = build.packages.iterdir()
    costs.steps["drivers"]["until_built"] = round(package.stat().st_mtime - began, 1)
    laptop.occupied()

    # The second one takes the radio of a CSME with a session.
    costs.begin()
    run = hand_over(laptop, pin=True)
    costs.step("handover")
    assert run.seen.kept, run.report()
    assert (run.module["outcome"], run.module["owner"]) == ("protected", "host")
    assert [each["met"] for each in Engine(laptop).noted("deadline")] == [True]
    check_runs_the_packages(laptop, package, tmp_path / "package")
    facts = run_module(laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
    mei = facts["kernel"]["iwlmei"]
    assert (mei["source"], mei["loaded"], mei["bound"], mei["sap_connected"]) == ("package", True, True, True)
    report = {
        **machine(default_shift()),
        "kernel": laptop.image.kernel_release,
        "steps": costs.steps,
        "processor_seconds": round(costs.processor, 1),
        "handover": run.report()["timeline_ms"],
    }
    write_report(BUILD / "lab" / f"driver-session-{laptop_kind.suite}.json", report)
    assert costs.processor < LIMIT, report

    # And back.
    driver("removal", driver_state="absent", driver_reboot=True)
    laptop.occupied()
    assert modules_of(laptop) == stock
    assert packages_of(laptop) == ""
    assert "iwlmei_missing" in stock_blockers(laptop)
