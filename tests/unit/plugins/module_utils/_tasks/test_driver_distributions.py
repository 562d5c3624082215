# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The distributions, by names, versions and dependencies as their archives had them at the end of 2026.

Debian 12 and 13 were run. Ubuntu, Fedora and Red Hat Enterprise Linux were not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Callable, List, NamedTuple, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import Refused
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import driver, driver_build, driver_self_built
from ansible_collections.vpro.fleet.plugins.module_utils._tasks.driver_recipe import source_names
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._tasks.fake_driver import NEW, OLD, Laptop, made

RECIPE = Path(__file__).resolve().parents[5] / "roles" / "driver" / "files" / "build"


class Distribution(NamedTuple):
    """A distribution with packages of the kind deb.

    Attributes:
        release: of its kernel.
        version: of the kernel's packages.
        meta: the package that brings new kernels.
        meta_version: its version.
        source: the package with the kernel's source, or nothing if the archive has none in that version.
    """

    release: str
    version: str
    meta: str
    meta_version: str
    source: str

    @property
    def headers(self) -> List[str]:
        """What brings the headers of this kernel and of the next one."""
        return [
            f"linux-headers-{self.release}={self.version}",
            f"{self.meta.replace('image', 'headers')}={self.meta_version}",
        ]


DEBIAN_12 = Distribution("6.1.0-57-amd64", "6.1.192-3", "linux-image-amd64", "6.1.192-3", "linux-source-6.1")
DEBIAN_13 = Distribution("6.12.117+deb13-amd64", "6.12.117-1", "linux-image-amd64", "6.12.117-1", "linux-source-6.12")
UBUNTU_2404 = Distribution(
    "6.8.0-151-generic", "6.8.0-151.151", "linux-image-generic", "6.8.0-151.151", "linux-source-6.8.0"
)
UBUNTU_2404_HWE = Distribution(
    "7.0.0-44-generic", "7.0.0-44.44~24.04.1", "linux-image-generic-hwe-24.04", "7.0.0-44.44~24.04.1", ""
)
UBUNTU_2204 = Distribution(
    "5.15.0-204-generic", "5.15.0-204.214", "linux-image-generic", "5.15.0.204.176", "linux-source-5.15.0"
)
UBUNTU_2204_HWE = Distribution(
    "6.8.0-149-generic", "6.8.0-149.149~22.04.1", "linux-image-generic-hwe-22.04", "6.8.0-149.149~22.04.1", ""
)


def laptop_of(it: Distribution, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Laptop:
    """Return a laptop of a distribution, as it comes: with its kernel, and without headers and source."""
    laptop = made(tmp_path, monkeypatch)
    for release in (OLD, NEW):
        (laptop.root / f"boot/vmlinuz-{release}").unlink()
    laptop.has_kernel(it.release)
    laptop.has(f"linux-image-{it.release}", it.version)
    laptop.has(it.meta, it.meta_version)
    depends = f"linux-image-{it.release}, linux-modules-extra-{it.release}, linux-firmware"
    (laptop.root / "meta").write_text(f"installed\t{it.meta}\t{depends}\n", encoding="utf-8")
    (laptop.root / "candidate").write_text(f"Package: {it.meta}\nDepends: {depends}\n", encoding="utf-8")
    laptop.can_have(*it.headers, *([f"{it.source}={it.version}"] if it.source else []))
    return laptop


def install(laptop: Laptop, packages: List[str]) -> None:
    for package in packages:
        laptop.has(*package.split("="))


@pytest.mark.parametrize("it", [DEBIAN_12, DEBIAN_13, UBUNTU_2404])
def test_distributions_whose_laptops_can_build(
    it: Distribution, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    laptop = laptop_of(it, tmp_path, monkeypatch)
    needs = driver_self_built.apply(None, None, check=True, root=str(laptop.root))["needs"]
    assert needs == sorted([*it.headers, f"{it.source}={it.version}"])
    assert it.source in source_names(it.release)  # by which the build host looks for it
    install(laptop, needs)
    done = driver_self_built.apply(str(RECIPE), None, check=False, root=str(laptop.root))
    assert done["needs"] == []
    assert [kernel["release"] for kernel in done["kernels"] if kernel["version"]] == [it.release]


@pytest.mark.parametrize(
    ("it", "reason"),
    [
        # Linux 5.15 has no iwlmei.
        (UBUNTU_2204, "kernel_too_old"),
        # Their source is in no package, only in the source package, which nothing installs.
        (UBUNTU_2204_HWE, "source_missing"),
        (UBUNTU_2404_HWE, "source_missing"),
    ],
)
def test_kernels_that_nothing_can_be_built_for(
    it: Distribution, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    laptop = laptop_of(it, tmp_path, monkeypatch)
    install(laptop, driver_self_built.apply(None, None, check=True, root=str(laptop.root))["needs"])
    with pytest.raises(Refused, match="Nothing was installed") as error:
        driver_self_built.apply(str(RECIPE), None, check=False, root=str(laptop.root))
    assert error.value.reason == reason


@pytest.mark.parametrize("it", [DEBIAN_12, DEBIAN_13, UBUNTU_2404])
def test_the_package_that_brings_kernels_is_held_back(
    it: Distribution, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    laptop = laptop_of(it, tmp_path, monkeypatch)
    package = laptop.package(it.release, f"{it.version}+vpro.1f0c2d3e")
    done = driver.apply([package], None, hold=True, check=False, root=str(laptop.root))
    assert done["held"] == [it.meta]
    assert [kernel["version"] for kernel in done["kernels"]] == [f"{it.version}+vpro.1f0c2d3e"]


@pytest.mark.parametrize("release", ["6.9.0_mine", "6.9.0-MINE"])
def test_a_kernel_of_ones_own_is_left_alone(release: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    laptop = laptop_of(DEBIAN_12, tmp_path, monkeypatch)
    laptop.has_kernel(release)
    install(laptop, [*DEBIAN_12.headers, f"linux-source-6.1={DEBIAN_12.version}"])
    done = driver_self_built.apply(str(RECIPE), None, check=False, root=str(laptop.root))
    found = {kernel["release"]: kernel["version"] is not None for kernel in done["kernels"]}
    assert found == {DEBIAN_12.release: True, release: False}


RPM: Tuple[Tuple[str, str], ...] = (
    ("Fedora 41", "6.11.4-301.fc41.x86_64"),
    ("Red Hat Enterprise Linux 9", "5.14.0-503.40.1.el9_5.x86_64"),
)


@pytest.mark.parametrize(("name", "release"), RPM)
def test_a_distribution_with_packages_of_another_kind_is_refused(
    name: str, release: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    laptop = made(tmp_path, monkeypatch)
    (laptop.root / f"lib/modules/{release}").mkdir(parents=True)
    (laptop.root / f"lib/modules/{release}/vmlinuz").touch()
    monkeypatch.setenv("PATH", str(tmp_path))  # no dpkg
    root = str(laptop.root)
    refusals: List[Callable[[], object]] = [
        lambda: driver.apply([], None, check=True, root=root),
        lambda: driver_self_built.apply(None, None, check=True, root=root),
        lambda: driver.withdraw(check=True, root=root),
    ]
    for refuse in refusals:
        with pytest.raises(Refused, match="no packages of the kind deb") as error:
            refuse()
        assert error.value.reason == "distribution_unsupported"


def test_a_build_host_does_not_take_red_hats_release_for_one_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="is not a kernel release of this distribution"):
        driver_build.build(RPM[1][1], str(tmp_path), str(RECIPE), None)
