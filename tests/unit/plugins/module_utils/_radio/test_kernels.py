# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The installed kernels and their iwlmei, on machines whose files are as the distributions lay them out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Optional, Tuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ansible_collections.vpro.fleet.plugins.module_utils._radio.driver import read_platform
from ansible_collections.vpro.fleet.plugins.module_utils._radio.kernels import with_installed
from ansible_collections.vpro.fleet.plugins.module_utils._radio.secured import is_on
from ansible_collections.vpro.fleet.plugins.module_utils._radio.values import Platform
from ansible_collections.vpro.fleet.plugins.module_utils._system.reading import Reading
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._radio.fake_grub import (
    BLS_MENU,
    MACHINE,
    bls,
    debian,
    environment,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import Machine

MARK = b"~Module signature appended~\n"
#: The end of a module that sign-file has signed: the signature, struct module_signature, and the mark.
SIGNED = b"\x30\x82\x01\x95" + b"\0\0\2\0\0\0\0\0" + b"\0\0\1\x99" + MARK
ELF = b"\x7fELF\2\1\1"
KERNEL = "kernel/drivers/net/wireless/intel/iwlwifi/mei/iwlmei.ko"
SECURE_BOOT = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
SHIM = "sys/firmware/efi/efivars/MokSBStateRT-605dab50-e046-4300-abb6-3dd810dd8b23"


def install(
    machine: Machine,
    release: str,
    path: Optional[str] = None,
    content: bytes = ELF,
    image: Optional[str] = "boot/vmlinuz-{release}",
) -> None:
    """Install a kernel, with iwlmei at *path* in its folder of modules if that is given."""
    folder = f"lib/modules/{release}"
    listed = "" if path is None else f"{path}: kernel/drivers/misc/mei/mei.ko\n"
    machine.write(f"{folder}/modules.dep", f"kernel/net/wireless/cfg80211.ko: kernel/net/rfkill/rfkill.ko\n{listed}")
    if path is not None:
        machine.write(f"{folder}/{path}", "").write_bytes(content)
    if image is not None:
        machine.write(image.format(release=release), "")


def package(machine: Machine, release: str, *files: str) -> None:
    """Install the role's package, as dpkg writes down which files it has."""
    listed = "\n".join(("/.", "/lib", "/lib/modules", *files))
    machine.write(f"var/lib/dpkg/info/vpro-iwlmei-{release}.list", f"{listed}\n")


def dkms(machine: Machine, release: str, *files: str) -> None:
    """Let DKMS build for a kernel: ``kernel-RELEASE-ARCH`` leads to ``VERSION/RELEASE/ARCH``."""
    store = machine.path / "var/lib/dkms/vpro-iwlmei"
    built = store / f"6.1.176/{release}/x86_64/module"
    built.mkdir(parents=True)
    for file in files:
        (built / file).touch()
    (store / f"kernel-{release}-x86_64").symlink_to(f"6.1.176/{release}/x86_64")


def seen(machine: Machine, running: str, *unreadable: str) -> Platform:
    machine.write("proc/sys/kernel/osrelease", f"{running}\n")
    reading = Reading()
    platform = with_installed(read_platform(Reading(), machine.root), reading, machine.root)
    assert tuple(each.what for each in reading.unreadable) == unreadable
    return platform


# -- the distributions ------------------------------------------------------------------------------------------------


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A laptop without kernels of its own."""
    made = Machine(tmp_path)
    (made.path / f"lib/modules/{made.release}/modules.dep").unlink()
    return made


def test_debian_12_before_it_boots_a_newer_kernel(machine: Machine) -> None:
    old, new = "6.1.0-18-amd64", "6.1.0-50-amd64"
    install(machine, old, "updates/iwlmei.ko", ELF + SIGNED)
    package(machine, old, f"/lib/modules/{old}/updates/iwlmwm.ko", f"/lib/modules/{old}/updates/iwlmei.ko")
    install(machine, new)
    machine.write("boot/grub/grub.cfg", debian((new, old)))
    mei = seen(machine, old).iwlmei
    assert (mei.source, mei.signed, mei.for_kernels, mei.next_kernel) == ("package", True, (old,), new)
    assert mei.next_signed is None
    install(machine, new, "updates/iwlmei.ko")
    mei = seen(machine, old).iwlmei
    assert (mei.signed, mei.for_kernels, mei.next_signed) == (True, (new, old), False)


def test_debian_13_with_dkms(machine: Machine) -> None:
    running = "6.12.117+deb13-amd64"
    install(machine, running, "updates/dkms/iwlmei.ko.xz", b"\xfd7zXZ\0")
    machine.write("boot/grub/grub.cfg", debian((running,)))
    mei = seen(machine, running).iwlmei
    assert (mei.source, mei.signed, mei.for_kernels, mei.next_kernel) == ("dkms", None, (running,), running)


def test_ubuntu_with_a_boot_partition_and_a_kernel_that_is_gone(machine: Machine) -> None:
    running, old = "6.8.0-88-generic", "6.8.0-9-generic"
    install(machine, running)
    install(machine, old, "updates/dkms/iwlmei.ko.zst", image=None)
    machine.write("boot/grub/grub.cfg", debian((running,), name="Ubuntu", boot=""))
    mei = seen(machine, running).iwlmei
    assert (mei.source, mei.signed, mei.for_kernels, mei.next_kernel) == (None, None, (), running)


@pytest.mark.parametrize(("built", "source"), [((), "other"), (("iwlmei.ko.xz",), "dkms"), (("wl.ko.xz",), "other")])
def test_fedora_with_modules_of_others(machine: Machine, built: Tuple[str, ...], source: str) -> None:
    """There, DKMS and rpm packages both use ``extra/``, and images are in the folders of modules."""
    old, running = "6.5.6-300.fc39.x86_64", "6.11.4-301.fc41.x86_64"
    for release in (old, running):
        install(machine, release, "extra/iwlmei.ko.xz", image="lib/modules/{release}/vmlinuz")
        machine.write(f"boot/loader/entries/{MACHINE}-{release}.conf", bls(release))
    dkms(machine, running, *built)
    machine.write("boot/grub2/grub.cfg", BLS_MENU)
    machine.write("boot/grub2/grubenv", environment(saved_entry=f"{MACHINE}-{running}"))
    mei = seen(machine, running).iwlmei
    assert (mei.source, mei.signed, mei.for_kernels, mei.next_kernel) == (source, None, (running, old), running)


def test_a_kernel_that_its_distribution_built_with_it(machine: Machine) -> None:
    install(machine, "5.18.5-200.fc36.x86_64", f"{KERNEL}.xz")
    assert seen(machine, "5.18.5-200.fc36.x86_64").iwlmei.source == "distribution"


def test_a_module_that_is_built_in(machine: Machine) -> None:
    install(machine, "6.1.9")
    machine.write("lib/modules/6.1.9/modules.builtin", f"{KERNEL}\n")
    mei = seen(machine, "6.1.9").iwlmei
    assert (mei.source, mei.signed, mei.for_kernels) == ("distribution", None, ("6.1.9",))


@pytest.mark.parametrize("files", [None, ("/lib/modules/6.1.0-50-amd64/updates/other.ko",)])
def test_a_file_that_no_package_of_the_role_has(machine: Machine, files: Optional[Tuple[str, ...]]) -> None:
    install(machine, "6.1.0-50-amd64", "updates/iwlmei.ko")
    if files is not None:
        package(machine, "6.1.0-50-amd64", *files)
    assert seen(machine, "6.1.0-50-amd64").iwlmei.source == "other"


def test_a_package_where_dkms_has_built_as_well(machine: Machine) -> None:
    install(machine, "6.1.0-50-amd64", "updates/iwlmei.ko")
    dkms(machine, "6.1.0-50-amd64", "iwlmei.ko")
    assert seen(machine, "6.1.0-50-amd64").iwlmei.source == "dkms"
    package(machine, "6.1.0-50-amd64", "/lib/modules/6.1.0-50-amd64/updates/iwlmei.ko")
    assert seen(machine, "6.1.0-50-amd64").iwlmei.source == "package"


def test_where_modules_are_in_usr(machine: Machine) -> None:
    install(machine, "6.1.0-50-amd64", "updates/iwlmei.ko")
    package(machine, "6.1.0-50-amd64", "/usr/lib/modules/6.1.0-50-amd64/updates/iwlmei.ko")
    assert seen(machine, "6.1.0-50-amd64").iwlmei.source == "package"


def test_a_running_kernel_whose_image_is_gone(machine: Machine) -> None:
    install(machine, "6.1.0-50-amd64", "updates/iwlmei.ko", image=None)
    mei = seen(machine, "6.1.0-50-amd64").iwlmei
    assert (mei.source, mei.signed, mei.for_kernels) == ("other", False, ())


def test_a_kernel_that_depmod_has_never_listed(machine: Machine) -> None:
    install(machine, "6.1.0-50-amd64", "updates/iwlmei.ko")
    machine.write("lib/modules/6.1.0-51-amd64/updates/iwlmei.ko", "")
    machine.write("boot/vmlinuz-6.1.0-51-amd64", "")
    assert seen(machine, "6.1.0-50-amd64").iwlmei.for_kernels == ("6.1.0-50-amd64",)


def test_a_machine_without_kernels(tmp_path: Path) -> None:
    reading = Reading()
    platform = read_platform(Reading(), str(tmp_path))
    found = with_installed(platform, reading, str(tmp_path))
    assert found == replace(platform, iwlmei=replace(platform.iwlmei, for_kernels=()), secure_boot=False)
    assert reading.unreadable == ()


def test_a_list_that_cannot_be_read(machine: Machine) -> None:
    install(machine, "6.1.0-50-amd64", "updates/iwlmei.ko")
    (machine.path / "lib/modules/6.1.0-49-amd64/modules.dep").mkdir(parents=True)
    machine.write("boot/vmlinuz-6.1.0-49-amd64", "")
    mei = seen(machine, "6.1.0-50-amd64", "kernel.iwlmei.for_kernels").iwlmei
    assert (mei.source, mei.for_kernels) == (None, None)


# -- signatures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "signed"),
    [
        (ELF + SIGNED, True),
        (MARK, True),
        (ELF, False),
        (ELF + SIGNED + b"\n", False),
        (b"", False),
        (MARK[1:], False),
    ],
)
def test_signatures(machine: Machine, content: bytes, signed: bool) -> None:
    install(machine, "6.1.9", "updates/iwlmei.ko", content)
    assert seen(machine, "6.1.9").iwlmei.signed is signed


def test_a_module_that_is_a_folder(machine: Machine) -> None:
    install(machine, "6.1.9", "updates/iwlmei.ko")
    (machine.path / "lib/modules/6.1.9/updates/iwlmei.ko").unlink()
    (machine.path / "lib/modules/6.1.9/updates/iwlmei.ko").mkdir()
    assert seen(machine, "6.1.9", "kernel.iwlmei.signed").iwlmei.signed is None


# -- Secure Boot ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("firmware", "shim", "expected", "unreadable"),
    [
        (b"\6\0\0\0\1", None, True, ()),
        (b"\6\0\0\0\0", None, False, ()),
        (b"\6\0\0\0\1", b"\6\0\0\0\1", False, ()),  # mokutil --disable-validation
        (b"\6\0\0\0\1", b"\6\0\0", None, ("kernel.secure_boot",)),
        (b"\6\0\0\0\2", None, None, ("kernel.secure_boot",)),
    ],
)
def test_secure_boot_is_what_the_role_takes_it_for(
    machine: Machine, firmware: bytes, shim: Optional[bytes], expected: Optional[bool], unreadable: Tuple[str, ...]
) -> None:
    machine.write(SECURE_BOOT, "").write_bytes(firmware)
    if shim is not None:
        machine.write(SHIM, "").write_bytes(shim)
    assert seen(machine, "6.1.9", *unreadable).secure_boot is expected
    if not unreadable:
        assert is_on(machine.root) is expected


# -- whatever is in these files ---------------------------------------------------------------------------------------


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(listed=st.binary(max_size=80), packaged=st.binary(max_size=60), variable=st.binary(max_size=8))
@example(listed=b"updates/iwlmei.ko: a\n", packaged=b"\xff/modules/6.1.9/updates/iwlmei.ko\n", variable=b"\6\0\0\0\1")
@example(listed=b"\0/iwlmei.ko:\n../iwlmei.ko:\n/iwlmei.ko:\n", packaged=b"", variable=b"")
def test_no_bytes_make_it_fail(machine: Machine, listed: bytes, packaged: bytes, variable: bytes) -> None:
    install(machine, "6.1.9", "updates/iwlmei.ko")
    machine.write("lib/modules/6.1.9/modules.dep", "").write_bytes(listed)
    machine.write("var/lib/dpkg/info/vpro-iwlmei-6.1.9.list", "").write_bytes(packaged)
    machine.write(SECURE_BOOT, "").write_bytes(variable)
    machine.write("proc/sys/kernel/osrelease", "6.1.9\n")
    reading = Reading()
    platform = with_installed(read_platform(Reading(), machine.root), reading, machine.root)
    assert platform.iwlmei.source in (None, "package", "other")
    assert {each.what for each in reading.unreadable} <= {"kernel.secure_boot"}
