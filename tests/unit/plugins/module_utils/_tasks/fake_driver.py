# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A laptop for the tests of the drivers: its root is a folder, and programs stand in for dpkg's and the kernel's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._tasks import driver
from ansible_collections.vpro.fleet.plugins.module_utils._tasks.driver_enrolment import Enrolment

OLD, NEW = "6.1.0-50-amd64", "6.12.117-amd64"
CLIENT = "sys/bus/mei/devices/0000:00:16.0-13280904-7792-4fcb-a1aa-5e70cbb1e865"

#: A package's file has its name, version and size, and who signed it.
PROGRAMS = {
    "dpkg-deb": """
        case "$1" in
        --show) head -n 1 "$3" ;;
        --extract)
            name=$(cut -d ' ' -f 1 < "$2" | head -n 1)
            folder=$3/usr/lib/modules/${name#vpro-iwlmei-}/updates/vpro-iwlmei
            mkdir -p "$folder"
            for module in iwlwifi iwlmvm iwlmei; do tail -n +2 "$2" > "$folder/$module.ko"; done ;;
        esac""",
    "dpkg-query": """
        for name; do :; done
        case "$name" in
        linux-image-\\*) cat "$STATE/meta" 2>/dev/null ;;
        vpro-iwlmei-*) cat "$STATE"/packages/* 2>/dev/null ;;
        *) cat "$STATE/has/$name" 2>/dev/null ;;
        esac""",
    "dpkg": """
        case "$1" in
        --install)
            set -- $(head -n 1 "$2")
            [ ! -e "$STATE/fails" ] || { cat "$STATE/fails" >&2; [ -e "$STATE/unpacked" ] || exit 1; }
            status=installed; [ ! -e "$STATE/fails" ] || status=half-configured
            echo "$status $1 $2" > "$STATE/packages/$1"
            folder=$STATE/lib/modules/${1#vpro-iwlmei-}/updates/vpro-iwlmei
            mkdir -p "$folder"
            for module in iwlwifi iwlmvm iwlmei; do echo "build id $2" > "$folder/$module.ko"; done
            [ $status = installed ] ;;
        --purge)
            [ ! -e "$STATE/stuck" ] || { echo stuck >&2; exit 1; }
            rm -r "$STATE/packages/$2" "$STATE/lib/modules/${2#vpro-iwlmei-}/updates" ;;
        esac""",
    "modinfo": 'case "$2" in signer) cut -d , -f 1 "$3";; sig_key) cut -s -d , -f 2 "$3";; esac',
    "mokutil": 'echo "$@" >> "$STATE/mokutil"; cat "$STATE/mok$1" 2>/dev/null; true',
    "openssl": 'cat "$STATE/certificate"',
    "apt-cache": """
        case "$1" in
        pkgnames) printf 'linux-image-6.1.0-50-amd64\\nlinux-image-6.12-amd64\\nlinux-image-amd64\\n' ;;
        show)
            # Like the real one, it takes a name that it does not know for a pattern.
            [ "$2" = --no-all-versions ] || {
                for found in "$STATE/archive/$2" "$STATE/archive/${2%%=*}"*"=${2#*=}"; do
                    [ -e "$found" ] || continue
                    found=${found##*/}; echo "Package: ${found%%=*}"; exit 0
                done
                exit 100; }
            cat "$STATE/candidate" 2>/dev/null ;;
        esac""",
    "apt-mark": """
        case "$1" in
        showhold) cat "$STATE/hold" 2>/dev/null; true ;;
        hold) echo "$2" >> "$STATE/hold" ;;
        unhold) sed -i "/^$2\\$/d" "$STATE/hold" ;;
        esac""",
    # A module that it builds has one line: the signer's name, the number of the key, and what stands for the build id.
    "dkms": """
        echo "$1 $5 $7" >> "$STATE/dkms"
        [ ! -e "$STATE/fails-$1" ] || { cat "$STATE/fails-$1" >&2; exit 10; }
        store=$STATE/var/lib/dkms/vpro-iwlmei
        made=$store/$5/$7/x86_64/module
        case "$1" in
        add) mkdir -p "$store/$5" ;;
        build)
            mkdir -p "$made"
            for module in iwlwifi iwlmvm iwlmei; do
                echo "$(cat "$STATE/key" 2>/dev/null),build id $5" > "$made/$module.ko"
            done ;;
        install)
            mkdir -p "$STATE/lib/modules/$7/updates/dkms"
            cp "$made"/*.ko "$STATE/lib/modules/$7/updates/dkms"
            [ ! -e "$STATE/skips" ] || rm "$STATE/lib/modules/$7/updates/dkms/$(cat "$STATE/skips").ko"
            ln -s "$5/$7/x86_64" "$store/kernel-$7-x86_64" ;;
        remove)
            for link in "$store"/kernel-*; do
                case "$(readlink "$link")" in "$5"/*)
                    release=${link##*/kernel-}
                    rm -r "$link" "$STATE/lib/modules/${release%-x86_64}/updates/dkms" ;;
                esac
            done
            rm -r "$store/$5" ;;
        esac""",
}


class Laptop:
    """A laptop whose root is a folder.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        for release in (OLD, NEW):
            self.has_kernel(release)
        for folder in (
            "packages",
            "has",
            "archive",
            "var/lib",
            "sys/module/iwlmvm",
            "sys/bus/pci/drivers/iwlwifi/0000:00:14.3",
            CLIENT,
        ):
            (root / folder).mkdir(parents=True)

    def has_kernel(self, release: str) -> None:
        (self.root / "boot").mkdir(exist_ok=True)
        (self.root / f"boot/vmlinuz-{release}").touch()
        (self.root / f"lib/modules/{release}/kernel").mkdir(parents=True, exist_ok=True)

    def has(self, package: str, version: str) -> None:
        """Install a package of the distribution's."""
        (self.root / "has" / package).write_text(f"installed {version}", encoding="utf-8")

    def can_have(self, *packages: str) -> None:
        """Put packages into the archive, each as NAME=VERSION."""
        for package in packages:
            (self.root / "archive" / package).touch()

    def package(self, release: str, version: str = "1", signer: str = "") -> str:
        path = self.root / f"{release}-{version}.deb"
        path.write_text(f"vpro-iwlmei-{release} {version} 10\n{signer}\n", encoding="utf-8")
        return str(path)

    def apply(self, *paths: str, enrolment: Optional[Enrolment] = None, check: bool = False) -> Dict[str, Any]:
        return driver.apply(paths, enrolment, check=check, root=str(self.root))

    def versions(self) -> List[Optional[str]]:
        kernels = self.apply(check=True)["kernels"]
        return [kernel["version"] for kernel in kernels]

    def secure(self, enrolled: str = "", pending: str = "") -> None:
        folder = self.root / "sys/firmware/efi/efivars"
        folder.mkdir(parents=True)
        (folder / "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c").write_bytes(b"\x06\0\0\0\x01")
        (self.root / "mok--list-enrolled").write_text(enrolled, encoding="utf-8")
        (self.root / "mok--list-new").write_text(pending, encoding="utf-8")

    def loads(self, module: str, identity: str) -> None:
        notes = self.root / f"sys/module/{module}/notes"
        notes.mkdir(parents=True, exist_ok=True)
        (notes / ".note.gnu.build-id").write_text(identity, encoding="utf-8")


def stand_in(programs: Mapping[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put shell scripts in the place of programs: their texts by their names, in a folder that is made."""
    folder.mkdir()
    for name, text in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Laptop:
    """Return a laptop that the code under test takes for this one."""
    stand_in(PROGRAMS, tmp_path / "bin", monkeypatch)
    monkeypatch.setenv("STATE", str(tmp_path))
    real = os.uname()
    monkeypatch.setattr(os, "uname", lambda: os.uname_result((*real[:2], OLD, *real[3:])))
    return Laptop(tmp_path)
