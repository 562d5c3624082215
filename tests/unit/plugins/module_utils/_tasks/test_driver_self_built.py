# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A laptop that builds its drivers for itself, with a stand-in for DKMS, and the recipe that the role has."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import FleetError, Refused, TransportFailed
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import driver, driver_dkms, driver_self_built
from ansible_collections.vpro.fleet.plugins.module_utils._tasks.driver_recipe import MODULES, read_recipe
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._tasks.fake_driver import NEW, OLD, Laptop, made

RECIPE = Path(__file__).resolve().parents[5] / "roles" / "driver" / "files" / "build"
VERSION = driver_dkms.version_of(read_recipe(str(RECIPE), driver_dkms.KIND))
FORCED = "usr/share/dkms/modules_to_force_install/vpro-iwlmei"
FLEET = "Serial Number: 4660 (0x1234)\nSubject: CN = Our fleet\n"


@pytest.fixture
def laptop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Laptop:
    """A laptop with DKMS, and with headers and sources of both kernels."""
    machine = made(tmp_path, monkeypatch)
    for release, version in ((OLD, "6.1.176-1"), (NEW, "6.12.117-1")):
        machine.has(f"linux-image-{release}", version)
        machine.has(f"linux-headers-{release}", version)
    machine.has("linux-source-6.1", "6.1.176-1")
    machine.has("linux-source-6.12", "6.12.117-1")
    return machine


def apply(laptop: Laptop, *, check: bool = False, recipe: Path = RECIPE, password: Optional[str] = None) -> Any:
    return driver_self_built.apply(str(recipe), password, check=check, root=str(laptop.root))


def refused(laptop: Laptop, reason: str, **options: Any) -> Refused:
    with pytest.raises(Refused, match="Nothing was installed") as error:
        apply(laptop, **options)
    assert error.value.reason == reason
    return error.value


def asked(laptop: Laptop) -> List[str]:
    """Return what DKMS was asked to do."""
    path = laptop.root / "dkms"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def there(laptop: Laptop) -> List[str]:
    return sorted(
        str(path.relative_to(laptop.root / "lib/modules")) for path in laptop.root.glob("lib/modules/*/updates/*/*")
    )


def versions(result: Dict[str, Any]) -> List[Optional[str]]:
    return [kernel["version"] for kernel in result["kernels"]]


# --- its life ---


def test_each_kernel_gets_its_drivers_once(laptop: Laptop) -> None:
    checked = apply(laptop, check=True)
    assert (checked["changed"], versions(checked), asked(laptop), there(laptop)) == (True, [VERSION] * 2, [], [])
    done = apply(laptop)
    assert (done["changed"], versions(done)) == (True, [VERSION] * 2)
    assert asked(laptop) == [
        f"add {VERSION} ",
        f"build {VERSION} {OLD}",
        f"build {VERSION} {NEW}",
        f"install {VERSION} {OLD}",
        f"install {VERSION} {NEW}",
    ]
    assert there(laptop) == sorted(f"{release}/updates/dkms/{name}.ko" for release in (OLD, NEW) for name in MODULES)
    again = apply(laptop)
    assert (again["changed"], versions(again), len(asked(laptop))) == (False, [VERSION] * 2, 5)


def test_dkms_gets_the_recipe_and_does_not_compare_with_the_kernels_own(laptop: Laptop) -> None:
    apply(laptop)
    source = laptop.root / f"usr/src/vpro-iwlmei-{VERSION}"
    assert sorted(path.name for path in source.iterdir()) == ["build.sh", "dkms.conf", "dkms.sh"]
    assert (source / "build.sh").read_text(encoding="utf-8") == (RECIPE / "build.sh").read_text(encoding="utf-8")
    shown = 'echo "$PACKAGE_NAME $PACKAGE_VERSION ${BUILT_MODULE_NAME[*]} ${MAKE[0]}"'
    told = subprocess.run(
        ["bash", "-c", f"kernelver=K kernel_source_dir=S; . {source}/dkms.conf; {shown}"],
        capture_output=True,
        check=True,
    )
    assert told.stdout.decode() == f"vpro-iwlmei {VERSION} {' '.join(MODULES)} sh ./dkms.sh K S\n"
    assert (laptop.root / FORCED).read_text(encoding="utf-8") == "vpro-iwlmei_version-override\n"


def test_another_recipe_takes_the_place_of_the_first(laptop: Laptop, tmp_path: Path) -> None:
    apply(laptop)
    other = tmp_path / "recipe"
    (other / "dkms").mkdir(parents=True)
    for name in ("build.sh", "dkms/dkms.conf", "dkms/dkms.sh"):
        (other / name).write_text((RECIPE / name).read_text(encoding="utf-8") + "# other\n", encoding="utf-8")
    done = apply(laptop, recipe=other)
    assert done["changed"]
    new = set(versions(done))
    assert len(new) == 1
    assert VERSION not in new
    assert f"remove {VERSION} " in asked(laptop)
    assert [path.name for path in (laptop.root / "usr/src").iterdir()] == [f"vpro-iwlmei-{new.pop()}"]


def test_it_goes_and_leaves_nothing(laptop: Laptop) -> None:
    stock = sorted(laptop.root.glob("lib/modules/**/*"))
    apply(laptop)
    assert driver.withdraw(check=True, root=str(laptop.root))["changed"]
    assert there(laptop) != []
    assert driver.withdraw(check=False, root=str(laptop.root))["changed"]
    assert [path for path in sorted(laptop.root.glob("lib/modules/**/*")) if path.name != "updates"] == stock
    assert not (laptop.root / FORCED).exists()
    assert not list((laptop.root / "usr/src").iterdir())
    assert not driver.withdraw(check=False, root=str(laptop.root))["changed"]


def test_one_method_takes_the_place_of_the_other(laptop: Laptop) -> None:
    laptop.apply(laptop.package(OLD))
    apply(laptop)
    assert not list((laptop.root / "packages").iterdir())
    done = laptop.apply(laptop.package(OLD))
    assert versions(done) == ["1", None]
    assert there(laptop) == [f"{OLD}/updates/vpro-iwlmei/{name}.ko" for name in sorted(MODULES)]
    assert not (laptop.root / FORCED).exists()
    assert not laptop.apply(laptop.package(OLD))["changed"]


def test_a_reboot_is_needed_while_other_drivers_are_loaded(laptop: Laptop) -> None:
    laptop.loads("iwlwifi", "build id of the kernel's own")
    assert apply(laptop, check=True)["reboot_needed"]
    assert apply(laptop)["reboot_needed"]
    for module in MODULES:
        laptop.loads(module, f"build id {VERSION}")
    assert not apply(laptop)["reboot_needed"]
    assert driver.withdraw(check=False, root=str(laptop.root))["reboot_needed"]


@pytest.mark.parametrize(("suffix", "program"), [("xz", "xz"), ("gz", "gzip")])
def test_modules_that_dkms_has_compressed(laptop: Laptop, suffix: str, program: str) -> None:
    apply(laptop)
    folder = laptop.root / f"lib/modules/{OLD}/updates/dkms"
    for module in MODULES:
        laptop.loads(module, f"build id {VERSION}")
        subprocess.run([program, str(folder / f"{module}.ko")], check=True)
    assert sorted(os.listdir(folder)) == sorted(f"{module}.ko.{suffix}" for module in MODULES)
    assert not apply(laptop)["reboot_needed"]
    laptop.loads("iwlmei", "another")
    assert apply(laptop)["reboot_needed"]
    (folder / f"iwlwifi.ko.{suffix}").write_bytes(b"torn")
    with pytest.raises(TransportFailed, match="can't unpack"):
        apply(laptop)


# --- what it needs ---


def look(laptop: Laptop) -> Any:
    return driver_self_built.apply(None, None, check=True, root=str(laptop.root))


def test_what_is_missing_is_named_in_the_version_of_the_kernel(laptop: Laptop) -> None:
    assert look(laptop)["needs"] == []
    for name in (f"linux-headers-{OLD}", "linux-source-6.1"):
        (laptop.root / "has" / name).unlink()
    laptop.has("linux-image-amd64", "6.1.176-1")
    (laptop.root / "meta").write_text(
        f"installed\tlinux-image-amd64\tlinux-image-{OLD} (= 6.1.176-1)\n", encoding="utf-8"
    )
    assert look(laptop)["needs"] == []  # the archive has none of them
    wanted = [f"linux-headers-{OLD}=6.1.176-1", "linux-headers-amd64=6.1.176-1", "linux-source-6.1=6.1.176-1"]
    # Newer ones would bring a newer kernel.
    laptop.can_have(*wanted, "linux-headers-amd64=6.1.192-3", "linux-source-6.1=6.1.192-3")
    assert look(laptop)["needs"] == wanted
    assert apply(laptop, check=True)["needs"] == wanted


def test_of_two_kernels_with_one_source_the_newer_ones_is_installed(laptop: Laptop) -> None:
    laptop.has_kernel("6.1.0-57-amd64")
    laptop.has("linux-image-6.1.0-57-amd64", "6.1.192-3")
    laptop.has("linux-headers-6.1.0-57-amd64", "6.1.192-3")
    (laptop.root / "has/linux-source-6.1").unlink()
    laptop.can_have("linux-source-6.1=6.1.176-1", "linux-source-6.1=6.1.192-3")
    assert look(laptop)["needs"] == ["linux-source-6.1=6.1.192-3"]


def test_ubuntus_source_has_another_name(laptop: Laptop) -> None:
    """Recorded from Ubuntu 24.04's archive, and not run."""
    laptop.has_kernel("6.8.0-88-generic")
    laptop.has("linux-image-6.8.0-88-generic", "6.8.0-88.89")
    laptop.can_have("linux-source-6.8.0=6.8.0-88.89", "linux-headers-6.8.0-88-generic=6.8.0-88.89")
    assert look(laptop)["needs"] == ["linux-headers-6.8.0-88-generic=6.8.0-88.89", "linux-source-6.8.0=6.8.0-88.89"]


def test_without_dkms_it_is_refused(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    (laptop.root / "bin/dkms").unlink()
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "dkms" else which(name))
    assert look(laptop)["needs"] == []
    for check in (True, False):  # nobody would install it before
        assert "Install the package dkms" in refused(laptop, "dkms_missing", check=check).remedy
    (laptop.root / "archive/dkms").touch()
    assert look(laptop)["needs"] == ["dkms"]
    assert apply(laptop, check=True)["changed"]
    refused(laptop, "dkms_missing")


@pytest.mark.parametrize(
    ("reason", "lost"),
    [
        ("headers_missing", (f"linux-headers-{OLD}", f"linux-headers-{NEW}")),
        ("source_missing", ("linux-source-6.1", "linux-source-6.12")),
    ],
)
def test_a_kernel_that_nothing_can_be_built_for_is_told_of(laptop: Laptop, reason: str, lost: Tuple[str, str]) -> None:
    (laptop.root / "has" / lost[0]).unlink()
    done = apply(laptop, check=True)
    assert versions(done) == [None, VERSION]
    assert [text for text in done["warnings"] if f"Linux {OLD} has no iwlmei, and nothing is built for it" in text]
    (laptop.root / "has" / lost[1]).unlink()
    assert "apt-get update" in refused(laptop, reason).remedy
    assert asked(laptop) == []


def test_a_source_of_another_version_will_not_do(laptop: Laptop) -> None:
    laptop.has("linux-source-6.1", "6.1.192-3")
    assert versions(apply(laptop, check=True)) == [None, VERSION]
    laptop.can_have("linux-source-6.1=6.1.176-1")
    assert versions(apply(laptop, check=True)) == [VERSION] * 2


@pytest.mark.parametrize("name", ["linux-source-6.1_6.1.176-1_all.deb", "linux-source-6.1.0_6.1.176-1_all.deb"])
def test_a_source_that_was_kept_will_do(laptop: Laptop, name: str) -> None:
    (laptop.root / "has/linux-source-6.1").unlink()
    kept = laptop.root / "var/cache/vpro-iwlmei" / name
    kept.parent.mkdir(parents=True)
    kept.touch()
    assert versions(apply(laptop)) == [VERSION] * 2


def test_kernels_older_than_iwlmei(laptop: Laptop) -> None:
    for release in (OLD, NEW):
        (laptop.root / f"boot/vmlinuz-{release}").unlink()
    laptop.has_kernel("5.15.0-130-generic")  # Ubuntu 22.04's
    refused(laptop, "kernel_too_old")


def test_a_full_disk_is_noticed_before(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver_dkms, "_ROOM", 1 << 60)
    with pytest.raises(Refused, match="Nothing was changed"):
        apply(laptop)
    assert asked(laptop) == []


# --- failures ---


@pytest.mark.parametrize("step", ["add", "build"])
def test_what_can_t_be_built_leaves_what_was_there(laptop: Laptop, step: str) -> None:
    laptop.apply(laptop.package(OLD))
    (laptop.root / f"fails-{step}").write_text("no space left", encoding="utf-8")
    with pytest.raises(TransportFailed, match=r"no space left.*The laptop has the drivers that it had before"):
        apply(laptop)
    assert there(laptop) == [f"{OLD}/updates/vpro-iwlmei/{name}.ko" for name in sorted(MODULES)]
    # DKMS would install it for the next kernel.
    assert driver_dkms.versions(str(laptop.root)) == []
    assert not (laptop.root / FORCED).exists()


def test_what_can_t_be_installed_leaves_the_kernels_own(laptop: Laptop) -> None:
    (laptop.root / "fails-install").write_text("depmod problems", encoding="utf-8")
    with pytest.raises(TransportFailed, match=r"depmod problems.*The kernel's own drivers are in place"):
        apply(laptop)
    assert there(laptop) == []


def test_a_module_that_dkms_leaves_out_is_noticed(laptop: Laptop) -> None:
    """It does that where it takes a module of the kernel's for the same, and calls it a success."""
    (laptop.root / "skips").write_text("iwlmvm", encoding="utf-8")
    with pytest.raises(TransportFailed, match="DKMS has not installed iwlmvm"):
        apply(laptop)
    assert there(laptop) == []


@pytest.mark.parametrize("step", ["build", "install"])
def test_what_can_t_be_put_right_is_told(laptop: Laptop, step: str) -> None:
    for name in (step, "remove"):
        (laptop.root / f"fails-{name}").write_text(f"{name} is stuck", encoding="utf-8")
    with pytest.raises(FleetError, match=rf"{step} is stuck.*failed as well: .*remove is stuck"):
        apply(laptop)


def test_a_folder_that_can_t_be_written(laptop: Laptop) -> None:
    (laptop.root / "usr/src").parent.mkdir(parents=True)
    (laptop.root / "usr/src").touch()
    with pytest.raises(TransportFailed, match="can't be given the source"):
        apply(laptop)


def test_an_initramfs_with_the_driver_is_made_again(laptop: Laptop) -> None:
    for name, text in (("lsinitramfs", "cat $1"), ("update-initramfs", 'echo "$@" >> "$STATE/made"')):
        (laptop.root / "bin" / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (laptop.root / "bin" / name).chmod(0o755)
    (laptop.root / f"boot/initrd.img-{OLD}").write_text("usr/lib/modules/x/iwlwifi.ko\n", encoding="utf-8")
    (laptop.root / f"boot/initrd.img-{NEW}").write_text("usr/lib/modules/x/e1000e.ko\n", encoding="utf-8")
    apply(laptop)
    driver.withdraw(check=False, root=str(laptop.root))
    assert (laptop.root / "made").read_text(encoding="utf-8") == f"-u -k {OLD}\n" * 2


# --- Secure Boot: dkms' own key ---


def key(laptop: Laptop) -> None:
    """Let DKMS have a key, and sign with it."""
    (laptop.root / "key").write_text("Our fleet,12:34", encoding="utf-8")
    (laptop.root / "var/lib/dkms").mkdir(parents=True)
    (laptop.root / "var/lib/dkms/mok.pub").touch()
    (laptop.root / "certificate").write_text(FLEET, encoding="utf-8")


def test_a_key_that_the_laptop_knows_is_taken(laptop: Laptop) -> None:
    laptop.secure(enrolled=FLEET)
    key(laptop)
    done = apply(laptop)
    assert (done["secure_boot"], versions(done)) == (True, [VERSION] * 2)


def test_a_key_that_the_laptop_does_not_know_is_refused_before_a_build(laptop: Laptop) -> None:
    laptop.secure()
    key(laptop)
    assert "driver_mok_password" in refused(laptop, "key_not_enrolled").remedy
    assert "would be prepared" in refused(laptop, "key_not_enrolled", password="canary", check=True).remedy
    assert "'Enroll MOK'" in refused(laptop, "key_not_enrolled", password="canary").remedy
    assert "--import" in (laptop.root / "mokutil").read_text(encoding="utf-8")
    assert asked(laptop) == []


def test_a_first_build_makes_the_key_and_leaves_nothing_that_a_kernel_would_refuse(laptop: Laptop) -> None:
    """What stayed in DKMS would be installed for the next kernel, which then would have no Wi-Fi."""
    laptop.secure()
    (laptop.root / "key").write_text("Our fleet,12:34", encoding="utf-8")
    refused(laptop, "key_not_enrolled")
    assert asked(laptop) == [f"add {VERSION} ", f"build {VERSION} {OLD}", f"remove {VERSION} "]
    assert driver_dkms.versions(str(laptop.root)) == []


def test_modules_that_dkms_did_not_sign_are_refused(laptop: Laptop) -> None:
    laptop.secure(enrolled=FLEET)
    assert "openssl" in refused(laptop, "not_signed").remedy
    assert there(laptop) == []
