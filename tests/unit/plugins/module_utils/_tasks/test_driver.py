# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The life of the drivers on a laptop: they come, are replaced, fail and go, and the next kernel waits for its own."""

from __future__ import annotations

from pathlib import Path
from typing import List

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import NotFound, Refused, TransportFailed
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import driver, driver_packages
from ansible_collections.vpro.fleet.plugins.module_utils._tasks.driver_recipe import FOLDER, MODULES
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._tasks.fake_driver import NEW, OLD, Laptop, made


@pytest.fixture
def laptop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Laptop:
    return made(tmp_path, monkeypatch)


# --- its life ---


def test_each_installed_kernel_gets_its_package(laptop: Laptop) -> None:
    old, new, other = laptop.package(OLD), laptop.package(NEW), laptop.package("6.1.0-1-amd64")
    checked = laptop.apply(old, new, other, check=True)
    assert checked["changed"]
    assert laptop.versions() == [None, None]
    done = laptop.apply(old, new, other)
    assert done["changed"]
    assert laptop.versions() == ["1", "1"]
    assert [kernel["running"] for kernel in done["kernels"]] == [True, False]
    assert not (laptop.root / "lib/modules/6.1.0-1-amd64").exists()
    assert not laptop.apply(old, new)["changed"]


def test_another_version_replaces_it(laptop: Laptop) -> None:
    laptop.apply(laptop.package(OLD))
    assert laptop.apply(laptop.package(OLD, "2"))["changed"]
    assert laptop.versions() == ["2", None]


def test_a_package_goes_with_its_kernel(laptop: Laptop) -> None:
    laptop.apply(laptop.package(OLD), laptop.package(NEW))
    (laptop.root / f"boot/vmlinuz-{NEW}").unlink()
    assert laptop.apply(laptop.package(OLD))["changed"]
    assert [path.name for path in (laptop.root / "packages").iterdir()] == [f"vpro-iwlmei-{OLD}"]


def test_all_go(laptop: Laptop) -> None:
    laptop.apply(laptop.package(OLD), laptop.package(NEW))
    assert driver.withdraw(check=True, root=str(laptop.root))["changed"]
    assert laptop.versions() == ["1", "1"]
    done = driver.withdraw(check=False, root=str(laptop.root))
    assert (done["changed"], done["reboot_needed"]) == (True, False)
    assert laptop.versions() == [None, None]
    assert not driver.withdraw(check=False, root=str(laptop.root))["changed"]


def test_a_reboot_is_needed_while_other_drivers_are_loaded(laptop: Laptop) -> None:
    laptop.loads("iwlwifi", "build id of the kernel's own")
    assert laptop.apply(laptop.package(OLD), check=True)["reboot_needed"]
    assert laptop.apply(laptop.package(OLD))["reboot_needed"]
    assert laptop.apply(laptop.package(OLD))["reboot_needed"]
    for module in MODULES:
        laptop.loads(module, "build id 1")
    assert not laptop.apply(laptop.package(OLD))["reboot_needed"]
    # It goes while it is loaded, and nothing is unloaded.
    for _again in range(2):
        assert driver.withdraw(check=False, root=str(laptop.root))["reboot_needed"]


def test_a_kernel_that_has_iwlmei_itself_needs_no_reboot(laptop: Laptop) -> None:
    laptop.loads("iwlmei", "its own")
    own = laptop.root / f"lib/modules/{OLD}/kernel/drivers/net/wireless/intel/iwlwifi/mei"
    own.mkdir(parents=True)
    (own / "iwlmei.ko.xz").touch()
    assert not driver.withdraw(check=False, root=str(laptop.root))["reboot_needed"]


# --- the next kernel ---

NEXT = "6.1.0-51-amd64"


@pytest.fixture
def updated(laptop: Laptop) -> Laptop:
    """A laptop whose next update brings a kernel."""
    meta = f"installed\tlinux-image-amd64\tlinux-image-{OLD} (= 6.1.176-1)\ninstalled\tlinux-image-{OLD}\tkmod\n"
    (laptop.root / "meta").write_text(meta, encoding="utf-8")
    candidate = f"Package: linux-image-amd64\nDepends: linux-image-{NEXT} (= 6.1.180-1)\n"
    (laptop.root / "candidate").write_text(candidate, encoding="utf-8")
    return laptop


def held(laptop: Laptop) -> List[str]:
    path = laptop.root / "hold"
    return path.read_text(encoding="utf-8").split() if path.exists() else []


def test_the_next_kernel_is_held_back_until_its_package_is_there(updated: Laptop) -> None:
    root = str(updated.root)
    old = updated.package(OLD)
    assert driver.apply([old], None, hold=True, check=True, root=root)["held"] == ["linux-image-amd64"]
    assert held(updated) == []
    done = driver.apply([old], None, hold=True, check=False, root=root)
    assert (done["coming"], done["held"], held(updated)) == ([NEXT], ["linux-image-amd64"], ["linux-image-amd64"])
    assert not driver.apply([old], None, hold=True, check=False, root=root)["changed"]
    # Its package comes before it.
    done = driver.apply([old, updated.package(NEXT)], None, hold=True, check=False, root=root)
    assert (done["changed"], done["held"], held(updated)) == (True, [], [])
    assert done["kernels"][-1] == {"release": NEXT, "running": False, "version": "1"}
    # It has come, and the one after that is held back.
    updated.has_kernel(NEXT)
    meta = (updated.root / "meta").read_text(encoding="utf-8").replace(OLD, NEXT)
    (updated.root / "meta").write_text(meta, encoding="utf-8")
    done = driver.apply([old, updated.package(NEXT)], None, hold=True, check=False, root=root)
    assert (done["coming"], held(updated)) == ([], ["linux-image-amd64"])
    assert driver.withdraw(check=False, root=root)["changed"]
    assert held(updated) == []


def test_a_hold_of_somebody_elses_stays(updated: Laptop) -> None:
    (updated.root / "hold").write_text("linux-image-amd64\n", encoding="utf-8")
    root = str(updated.root)
    for hold in (True, False):
        driver.apply([updated.package(OLD)], None, hold=hold, check=False, root=root)
        assert held(updated) == ["linux-image-amd64"]


def test_a_kernel_that_apt_does_not_know_is_held_back(updated: Laptop) -> None:
    (updated.root / "candidate").unlink()
    done = driver.apply([updated.package(OLD)], None, hold=True, check=False, root=str(updated.root))
    assert (done["coming"], done["held"]) == ([], ["linux-image-amd64"])
    assert driver.apply([], None, check=False, root=str(updated.root))["changed"]
    assert held(updated) == []


def test_a_failure_of_apt_is_told(updated: Laptop) -> None:
    (updated.root / "bin/apt-mark").write_text('#!/bin/sh\n[ "$1" = showhold ] || { echo no >&2; exit 1; }\n')
    with pytest.raises(TransportFailed, match="apt-mark hold failed: no"):
        driver.apply([], None, hold=True, check=False, root=str(updated.root))


# --- failures ---


def test_a_failure_before_anything_was_replaced(laptop: Laptop) -> None:
    (laptop.root / "fails").write_text("No space left on device", encoding="utf-8")
    with pytest.raises(TransportFailed, match=r"No space left.*The laptop has the drivers that it had before"):
        laptop.apply(laptop.package(OLD))
    assert laptop.versions() == [None, None]


def test_a_failure_of_the_packages_script_leaves_the_kernels_own(laptop: Laptop) -> None:
    laptop.apply(laptop.package(OLD))
    (laptop.root / "fails").write_text("No space left on device", encoding="utf-8")
    (laptop.root / "unpacked").touch()
    with pytest.raises(TransportFailed, match=r"No space left.*The kernel's own drivers are in place"):
        laptop.apply(laptop.package(OLD, "2"))
    assert laptop.versions() == [None, None]
    assert not (laptop.root / f"lib/modules/{OLD}/{FOLDER}").exists()


def test_what_can_t_be_put_right_is_told(laptop: Laptop) -> None:
    for name in ("fails", "unpacked", "stuck"):
        (laptop.root / name).write_text(name, encoding="utf-8")
    with pytest.raises(TransportFailed, match=r"Removing what is there of it failed as well: .*stuck"):
        laptop.apply(laptop.package(OLD))


def test_a_full_disk_is_noticed_before(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    (laptop.root / f"boot/initrd.img-{OLD}").write_bytes(bytes(1000))
    monkeypatch.setattr(driver_packages, "_EXTRA", 1 << 60)
    with pytest.raises(Refused, match="Nothing was changed") as error:
        laptop.apply(laptop.package(OLD))
    assert error.value.reason == "no_room"
    assert laptop.versions() == [None, None]


def test_what_is_no_package_is_refused(laptop: Laptop) -> None:
    path = laptop.root / "other.deb"
    for text in ("bash 5 100\n", "nothing\n"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(Refused, match="no package that the role"):
            laptop.apply(str(path))


def test_a_distribution_with_other_packages(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(laptop.root))
    with pytest.raises(Refused, match="no packages of the kind deb") as error:
        laptop.apply()
    assert error.value.reason == "distribution_unsupported"


def test_a_laptop_without_kernels(laptop: Laptop) -> None:
    for path in (laptop.root / "boot").iterdir():
        path.unlink()
    with pytest.raises(NotFound, match="no kernel with modules"):
        laptop.apply()
