# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What GRUB's files tell of the next boot, for each distribution's kind of them, and where they leave it open."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Optional, Sequence

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ansible_collections.vpro.fleet.plugins.module_utils._radio.next_kernel import next_kernel, order
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import TransportFailed
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._radio.fake_grub import (
    BLS_MENU,
    MACHINE,
    ROOT,
    bls,
    debian,
    environment,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import Machine

OLD, NEW = "6.1.0-18-amd64", "6.1.0-50-amd64"
SIMPLE = f"gnulinux-simple-{ROOT}"
ADVANCED = f"gnulinux-advanced-{ROOT}"
SAVED = "${saved_entry}"


def install(machine: Machine, releases: Sequence[str]) -> None:
    for release in releases:
        machine.write(f"lib/modules/{release}/modules.dep", "")


def menu(machine: Machine, text: str, variables: Optional[Dict[str, str]] = None, folder: str = "grub") -> None:
    machine.write(f"boot/{folder}/grub.cfg", text)
    if variables is not None:
        machine.write(f"boot/{folder}/grubenv", environment(**variables))


# -- Debian and Ubuntu ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("releases", "name", "boot"),
    [
        ((NEW, OLD), "Debian GNU/Linux", "/boot"),
        (("6.12.117+deb13-amd64", "6.12.94+deb13-amd64"), "Debian GNU/Linux", "/boot"),
        (("6.8.0-88-generic", "6.8.0-9-generic"), "Ubuntu", ""),
        (("6.4.0-150600.23.25-default",), "SLES", "/boot"),
    ],
)
def test_the_first_entry(machine: Machine, releases: Sequence[str], name: str, boot: str) -> None:
    install(machine, releases)
    menu(machine, debian(releases, name=name, boot=boot), {})
    assert next_kernel(machine.root) == releases[0]


@pytest.mark.parametrize(
    ("default", "variables", "expected"),
    [
        ("0", None, NEW),
        ("", None, NEW),
        ("1", None, NEW),  # the submenu: its first entry
        ("1>0", None, NEW),
        ("1>2", None, OLD),
        (f"{ADVANCED}>gnulinux-{OLD}-advanced-{ROOT}", None, OLD),
        (f"Advanced options for Debian GNU/Linux>Debian GNU/Linux, with Linux {OLD}", None, OLD),
        (f"{ADVANCED}>2", None, OLD),
        # What GRUB was asked to keep.
        (SAVED, None, NEW),
        (SAVED, {}, NEW),
        (SAVED, {"saved_entry": SIMPLE}, NEW),
        (SAVED, {"saved_entry": f"1>gnulinux-{OLD}-advanced-{ROOT}"}, OLD),
        (SAVED, {"saved_entry": "0", "prev_saved_entry": "1>2"}, OLD),
        ("0", {"saved_entry": "1>2"}, NEW),
        # For one boot (grub-reboot).
        ("0", {"next_entry": "1>2"}, OLD),
        ("0", {"next_entry": ""}, NEW),
        # Nobody knows what these boot.
        ("2", None, None),  # the firmware's setup
        ("3", None, None),
        ("1>9", None, None),
        ("gnulinux-6.1.0-99-amd64-advanced", None, None),
        ("${choice}", None, None),
    ],
)
def test_another_default(
    machine: Machine, default: str, variables: Optional[Dict[str, str]], expected: Optional[str]
) -> None:
    install(machine, (NEW, OLD))
    menu(machine, debian((NEW, OLD), default), variables)
    assert next_kernel(machine.root) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "menuentry 'x' { linux /boot/vmlinuz-6.1.0-50-amd64 }\n",
        f"menuentry 'x'\n{{\nlinux /boot/vmlinuz-{NEW}\n}}\n",
        f"menuentry 'x' {{\nlinux /boot/vmlinuz-{NEW}\n",
        f"}}\nmenuentry 'x' {{\nlinux /boot/vmlinuz-{NEW}\n}}\n",
        "menuentry 'x' {\nlinux\n}\n",
        "menuentry 'Windows' {\nchainloader /EFI/Microsoft/Boot/bootmgfw.efi\n}\n",
        "menuentry 'Arch' {\nlinux /boot/vmlinuz-linux root=x\n}\n",
        "menuentry 'x' {\nlinux /boot/vmlinuz-.. root=x\n}\n",
        "menuentry 'gone' {\nlinux /boot/vmlinuz-6.1.0-99-amd64 root=x\n}\n",
        debian((NEW, OLD)) + 'set default="1>2"\n',
    ],
)
def test_menus_that_leave_it_open(machine: Machine, text: str) -> None:
    install(machine, (NEW, OLD))
    menu(machine, text)
    assert next_kernel(machine.root) is None


def test_no_menu(machine: Machine) -> None:
    assert next_kernel(machine.root) is None


def test_a_file_of_ones_own_may_change_the_default(machine: Machine) -> None:
    install(machine, (NEW,))
    menu(machine, debian((NEW,)))
    machine.write("boot/grub/custom.cfg", "set default=1\n")
    assert next_kernel(machine.root) is None


@pytest.mark.parametrize(("loader", "expected"), [("systemd-boot 257.8", None), ("GRUB 2.12", NEW)])
def test_a_menu_that_another_boot_loader_does_not_read(machine: Machine, loader: str, expected: Optional[str]) -> None:
    install(machine, (NEW,))
    menu(machine, debian((NEW,)))
    variable = machine.write("sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f", "")
    variable.write_bytes(b"\6\0\0\0" + f"{loader}\0".encode("utf-16-le"))
    assert next_kernel(machine.root) == expected


@pytest.mark.parametrize("file", ["grub.cfg", "grubenv"])
def test_a_file_that_cannot_be_read(machine: Machine, file: str) -> None:
    install(machine, (NEW,))
    menu(machine, debian((NEW,)))
    path = machine.path / "boot/grub" / file
    path.unlink(missing_ok=True)
    path.mkdir()
    with pytest.raises(TransportFailed, match=file):
        next_kernel(machine.root)


# -- Fedora and Red Hat Enterprise Linux ------------------------------------------------------------------------------

F_OLD, F_NEW = "6.5.6-300.fc39.x86_64", "6.11.4-301.fc41.x86_64"
RESCUE = "0-rescue"


def fedora(machine: Machine, releases: Sequence[str], **variables: str) -> None:
    install(machine, releases)
    menu(machine, BLS_MENU, variables, "grub2")
    for release in (*releases, RESCUE):
        text = bls(f"0-rescue-{MACHINE}" if release == RESCUE else release)
        machine.write(f"boot/loader/entries/{MACHINE}-{release}.conf", text)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, F_NEW),
        ({"saved_entry": f"{MACHINE}-{F_NEW}", "boot_success": "1"}, F_NEW),
        ({"saved_entry": f"{MACHINE}-{F_OLD}", "boot_success": "1"}, F_OLD),
        ({"saved_entry": f"Fedora Linux ({F_OLD}) 41 (Workstation Edition)"}, F_OLD),
        ({"saved_entry": "1"}, F_OLD),
        ({"saved_entry": f"{MACHINE}-{F_NEW}", "next_entry": "1"}, F_OLD),
        ({"saved_entry": f"{MACHINE}-{RESCUE}"}, None),
        ({"saved_entry": f"{MACHINE}-6.9.0"}, None),
        ({"saved_entry": f"{MACHINE}-{F_NEW}", "boot_counter": "2"}, None),
    ],
)
def test_entries_of_fedora(machine: Machine, variables: Dict[str, str], expected: Optional[str]) -> None:
    fedora(machine, (F_OLD, F_NEW), **variables)
    assert next_kernel(machine.root) == expected


def test_a_menu_that_counts_boots_and_names_no_second_entry(machine: Machine) -> None:
    fedora(machine, (F_OLD, F_NEW))
    menu(machine, BLS_MENU.replace("    set default=1\n", ""), {"saved_entry": "1"}, "grub2")
    assert next_kernel(machine.root) == F_OLD


def test_entries_of_two_machines_have_no_order(machine: Machine) -> None:
    """After an upgrade, some of Red Hat Enterprise Linux's begin with another number, and GRUB sorts by it."""
    fedora(machine, (F_OLD, F_NEW))
    machine.write(f"boot/loader/entries/ee0580234a234c7cab4be65ee152e73f-{F_NEW}.conf", bls(F_NEW))
    assert next_kernel(machine.root) is None


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (F_OLD, F_NEW),
        ("5.14.0-503.el9.x86_64", "5.14.0-503.40.1.el9_5.x86_64"),
        ("5.14.0-503.5.1.el9_5.x86_64", "5.14.0-503.40.1.el9_5.x86_64"),
        ("5.14.0-427.13.1.el9_4.x86_64", "5.14.0-503.el9.x86_64"),
        ("6.8.0-0.rc3.20240209git.fc40.x86_64", "6.8.0-63.fc40.x86_64"),
        ("6.5-300.fc39.x86_64", "6.5.6-200.fc39.x86_64"),
        ("6.8.0-9-generic", "6.8.0-88-generic"),
        ("6.12.94+deb13-amd64", "6.12.117+deb13-amd64"),
        (RESCUE, "5.14.0-503.el9.x86_64"),
    ],
)
def test_the_order_of_releases(older: str, newer: str) -> None:
    assert order(older) < order(newer)


# -- whatever is in these files ---------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    [
        "menuentry 'a' {",
        "submenu 'b' {",
        "}",
        "blscfg",
        "linux /vmlinuz-6.1.0-50-amd64 x",
        'set default="0"',
        "# {",
        "'",
    ]
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    text=st.one_of(st.lists(WORDS, max_size=12).map("\n".join).map(str.encode), st.binary(max_size=200)),
    variables=st.one_of(st.text(max_size=20).map("saved_entry={}".format).map(str.encode), st.binary(max_size=40)),
    entry=st.binary(max_size=60),
)
@example(text=debian((NEW,), SAVED).encode(), variables=b"saved_entry=" + b"9" * 5000, entry=b"")
@example(text=debian((NEW,), SAVED).encode(), variables="saved_entry=²".encode(), entry=b"")
@example(text=b"blscfg\n", variables=b"", entry=b"linux")
def test_no_bytes_make_it_fail(machine: Machine, text: bytes, variables: bytes, entry: bytes) -> None:
    install(machine, (NEW,))
    files: Dict[str, bytes] = {
        "boot/grub/grub.cfg": text,
        "boot/grub/grubenv": variables,
        f"boot/loader/entries/{MACHINE}-x.conf": entry,
    }
    for path, content in files.items():
        file = Path(machine.root, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    assert next_kernel(machine.root) in (None, NEW)
