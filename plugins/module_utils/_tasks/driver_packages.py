# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The packages of drivers on a laptop: which are installed, and how one comes and goes without leaving half of it."""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from dataclasses import dataclass
from typing import Dict, Optional, Sequence, Tuple

from .._radio.kernels import PREFIX
from .._system.errors import FleetError, NotFound, Refused, TransportFailed
from .._system.program import run
from .driver_recipe import FOLDER, MODULES
from .secure_boot import Signer, signer_of

#: Seconds for one program at most. update-initramfs takes a minute or two on a slow laptop.
_SECONDS = 1200
#: What depmod and the package manager write beside the package's own files, in bytes.
_EXTRA = 20_000_000
_SHOWN = 1500
_FIELDS = "${Package} ${Version} ${Installed-Size}\n"


@dataclass(frozen=True)
class Package:
    """The file of a package.

    Attributes:
        path: where it is.
        release: the kernel's release that it is for.
        version: its version.
        size: the bytes that its files take.
        signers: who signed its modules, one for each module. None stands for a module that nobody signed.
    """

    path: str
    release: str
    version: str
    size: int
    signers: Tuple[Optional[Signer], ...]


def read(path: str) -> Package:
    """Return what is in the file of a package.

    Raises:
        Refused: it is none of these packages.
        NotFound, TimedOut, TransportFailed: it can't be read.
    """
    done = run(["dpkg-deb", "--show", f"--showformat={_FIELDS}", path], _SECONDS)
    fields = done.out.decode(errors="replace").split()
    if done.status or len(fields) != 3 or not fields[0].startswith(PREFIX):
        what = "this is no package that the role vpro.fleet.driver has built"
        raise Refused("no_driver_package", what, where=path, remedy="Build it again")
    name, version, kilobytes = fields
    release = name[len(PREFIX) :]
    with tempfile.TemporaryDirectory(prefix="vpro-iwlmei-") as folder:
        _run(["dpkg-deb", "--extract", path, folder], "the package can't be read")
        files = [os.path.join(folder, f"usr/lib/modules/{release}/{FOLDER}/{module}.ko") for module in MODULES]
        if not all(map(os.path.isfile, files)):
            raise Refused("no_driver_package", "the package has not all modules", where=path, remedy="Build it again")
        signers = tuple(signer_of(file) for file in files)
    return Package(path, release, version, int(kilobytes) * 1024, signers)


def installed() -> Dict[str, str]:
    """Return the versions of the packages that are installed, by the kernels that they are for.

    One of which only a part is installed has no version.

    Raises:
        NotFound, TimedOut, TransportFailed: there is no dpkg, or it failed.
    """
    shown = "${db:Status-Status} ${Package} ${Version}\n"
    done = run(["dpkg-query", "--show", f"--showformat={shown}", f"{PREFIX}*"], _SECONDS)
    found = {}
    for line in done.out.decode(errors="replace").splitlines():
        status, name, version = [*line.split(), "", ""][:3]
        if status not in ("not-installed", "config-files"):
            found[name[len(PREFIX) :]] = version if status == "installed" else ""
    return found


def install(package: Package, before: Optional[str], root: str = "/") -> None:
    """Install a package. If that fails, what was there before is there again, or else the kernel's own drivers.

    Args:
        package: what to install.
        before: the version that was installed before, or None.
        root: the directory that stands for ``/``.

    Raises:
        Refused: there is no room. Nothing was changed.
        TransportFailed: it failed.
    """
    _need_room(package, root)
    try:
        _run(["dpkg", "--install", package.path], f"the drivers for Linux {package.release} could not be installed")
    except FleetError as error:
        remedy = "The laptop has the drivers that it had before"
        try:
            # dpkg puts back what it has replaced, unless it had come to the package's script.
            if installed().get(package.release) != before:
                remove(package.release)
                remedy = "The kernel's own drivers are in place"
            elif before is None:  # dpkg remembers that somebody wanted it
                run(["dpkg", "--purge", PREFIX + package.release], _SECONDS)
        except FleetError as left:
            remedy = f"Removing what is there of it failed as well: {left.what}"
        raise TransportFailed(error.what, remedy=remedy) from error


def remove(release: str) -> None:
    """Remove the package for a kernel, if there is any. The kernel's own drivers are in place then.

    Raises:
        TransportFailed: it failed.
    """
    if release in installed():
        failed = f"the drivers for Linux {release} could not be removed"
        _run(["dpkg", "--purge", PREFIX + release], failed)


def _need_room(package: Package, root: str) -> None:
    boot = os.path.join(root, "boot")
    initramfs = os.path.join(boot, f"initrd.img-{package.release}")
    image = os.path.getsize(initramfs) if os.path.exists(initramfs) else 0
    needs = {boot: image, os.path.join(root, "lib/modules"): package.size + _EXTRA}
    if os.stat(boot).st_dev == os.stat(os.path.join(root, "lib/modules")).st_dev:
        needs = {boot: sum(needs.values())}
    for folder, need in needs.items():
        free = shutil.disk_usage(folder).free
        if free < need:
            what = f"the drivers for Linux {package.release} take {need // 1_000_000} MB while they are installed, and "
            what += f"the disk has {free // 1_000_000} MB left"
            raise Refused("no_room", what, where=folder, remedy="Make room. Nothing was changed")


def _run(argv: Sequence[str], failed: str) -> None:
    done = run(["env", "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive", *argv], _SECONDS)
    if done.status:
        told = (done.out + done.err).decode(errors="replace").strip()[-_SHOWN:]
        raise TransportFailed(f"{failed}: {told}")


def kernels(root: str = "/") -> Tuple[str, ...]:
    """Return the releases of the kernels that are installed, sorted by name.

    Args:
        root: the directory that stands for ``/``.

    Raises:
        NotFound: there is none that a package manager has installed.
    """
    prefix = os.path.join(root, "boot/vmlinuz-")
    found = [path[len(prefix) :] for path in sorted(glob.glob(f"{glob.escape(prefix)}*"))]
    there = tuple(name for name in found if os.path.isdir(os.path.join(root, "lib/modules", name, "kernel")))
    if not there:
        raise NotFound("there is no kernel with modules", where=f"{prefix}*")
    return there
