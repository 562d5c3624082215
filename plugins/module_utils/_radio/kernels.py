# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernels that are installed: which of them have iwlmei, where it is from, and whether they can load it."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from typing import Dict, FrozenSet, Optional

from .._system.errors import NotFound
from .._system.files import list_folder, names_in, os_error, read_text
from .._system.reading import Reading
from . import sysfs
from .driver import IWLMEI
from .next_kernel import next_kernel, order
from .secured import is_on
from .values import Platform

#: Who made a module's file: the kernel's own package, the package of the role ``driver``, DKMS, or somebody else.
DISTRIBUTION, PACKAGE, DKMS, OTHER = "distribution", "package", "dkms", "other"
_MODULES = "lib/modules"
#: What the role's package is called, with the kernel's release after it.
PREFIX = "vpro-iwlmei-"
#: The end of a signed module (MODULE_SIG_STRING, linux/include/linux/module_signature.h).
_SIGNED = b"~Module signature appended~\n"


def with_installed(platform: Platform, reading: Reading, root: str = "/") -> Platform:
    """Return the platform with what is known of the installed kernels, and with the state of Secure Boot.

    Args:
        platform: see ``driver.read_platform``.
        reading: remembers each value that could not be read. That value is None in the result.
        root: the directory that stands for ``/``.
    """
    running = "" if platform.release is None else platform.release.text
    files = reading.attempt("kernel.iwlmei.for_kernels", partial(_files, running, root))
    upcoming = reading.attempt("kernel.iwlmei.next_kernel", partial(next_kernel, root))
    of_running, of_upcoming = ((files or {}).get(release or "") for release in (running, upcoming))
    signed = reading.attempt("kernel.iwlmei.signed", partial(_signed, running, of_running, root))
    iwlmei = replace(
        platform.iwlmei,
        source=reading.attempt("kernel.iwlmei.source", partial(_source, running, of_running, root)),
        signed=signed,
        for_kernels=None if files is None else tuple(release for release in files if _has_image(release, root)),
        next_kernel=upcoming,
        next_signed=reading.attempt("kernel.iwlmei.signed", partial(_signed, upcoming or "", of_upcoming, root))
        if upcoming != running
        else signed,
    )
    return replace(platform, iwlmei=iwlmei, secure_boot=reading.attempt("kernel.secure_boot", partial(is_on, root)))


def _files(running: str, root: str) -> Dict[str, str]:
    """Return the path of iwlmei in the module folder of each kernel that has it, the newest kernel first.

    Args:
        running: the running kernel, which counts as installed although its image may be gone.
        root: the directory that stands for ``/``.
    """
    files: Dict[str, str] = {}
    try:
        releases = list_folder(os.path.join(root, _MODULES))
    except NotFound:
        return files
    for release in sorted(releases, key=order, reverse=True):
        try:
            path = sysfs.module_file(IWLMEI, release, root) if release == running or _has_image(release, root) else None
        except NotFound:  # depmod has never run there
            continue
        if path is not None:
            files[release] = path
    return files


def _has_image(release: str, root: str) -> bool:
    """Say whether there is something of this kernel to boot: a removed kernel may leave its folder of modules."""
    images = (f"boot/vmlinuz-{release}", f"{_MODULES}/{release}/vmlinuz")
    return any(os.path.exists(os.path.join(root, image)) for image in images)


def _source(release: str, path: Optional[str], root: str) -> Optional[str]:
    """Return who made a module's file.

    Args:
        release: of the kernel that the file is for.
        path: of the file in the kernel's module folder, or None if there is no file.
        root: the directory that stands for ``/``.
    """
    if path is None:
        return None
    if path.startswith("kernel/"):
        return DISTRIBUTION
    if path.startswith("updates/dkms/"):  # Debian's DKMS has that folder to itself
        return DKMS
    if f"{release}/{path}" in _packaged(release, root):
        return PACKAGE
    # Fedora's DKMS puts modules where others do. What rpm installed can't be told from the rest without rpm.
    return DKMS if _built_by_dkms(release, root) else OTHER


def _packaged(release: str, root: str) -> FrozenSet[str]:
    """Return the files of the role's package for a kernel, below the folder of all modules, by dpkg's list."""
    try:
        listed = read_text(os.path.join(root, f"var/lib/dpkg/info/{PREFIX}{release}.list"))
    except NotFound:
        return frozenset()
    return frozenset(file.partition("/lib/modules/")[2] for file in listed.splitlines())


def _built_by_dkms(release: str, root: str) -> bool:
    """Say whether DKMS has built iwlmei for a kernel: it links ``NAME/kernel-RELEASE-ARCH`` to what it has built."""
    store = os.path.join(root, "var/lib/dkms")
    for name in names_in(store):
        for link in names_in(os.path.join(store, name)):
            if link.startswith(f"kernel-{release}-"):
                built = names_in(os.path.join(store, name, link, "module"))
                if any(file.startswith(f"{IWLMEI}.ko") for file in built):
                    return True
    return False


def _signed(release: str, path: Optional[str], root: str) -> Optional[bool]:
    """Say whether a module's file ends with a signature, see ``_source``. A compressed file would have to be unpacked.

    Whether the kernel trusts the key is not known.
    """
    if path is None or not path.endswith(".ko"):
        return None
    file = os.path.join(root, _MODULES, release, path)
    try:
        with open(file, "rb") as handle:
            handle.seek(0, os.SEEK_END)
            handle.seek(max(0, handle.tell() - len(_SIGNED)))
            return handle.read() == _SIGNED
    except FileNotFoundError:  # it is built in
        return None
    except OSError as error:
        raise os_error(error, file) from error
