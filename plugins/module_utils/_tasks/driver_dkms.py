# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The drivers in DKMS: what it has built, what it needs for that, and how a source comes to it and goes again.

DKMS keeps a module's sources in ``/usr/src/NAME-VERSION``, and what it has built in ``/var/lib/dkms/NAME/VERSION``. A
link ``kernel-RELEASE-ARCH`` beside that leads to what is installed for a kernel (dkms(8)).
"""

from __future__ import annotations

import glob
import os
import shutil
from typing import Collection, Dict, List, Mapping, Optional, Sequence

from .._radio.next_kernel import order
from .._system.errors import NotFound, Refused, TransportFailed
from .._system.files import names_in, read_text
from .._system.program import run
from .driver_recipe import DKMS_FOLDER, MODULES, NAME, Recipe, source_names

#: The kind of the recipe's templates.
KIND = "dkms"
_STORE = f"var/lib/dkms/{NAME}"
_SOURCES = "usr/src"
#: DKMS takes a module of the kernel's that has no version for the same as its own that has none, and leaves the
#: kernel's in place. This list tells it not to compare (force_installation, /usr/sbin/dkms).
_FORCE = "usr/share/dkms/modules_to_force_install"
#: Where the packages with sources may be kept, as the recipe's script looks for them.
_KEPT = "var/cache/vpro-iwlmei"
#: The certificates of DKMS' own key: Debian's, and Ubuntu's (prepare_signing, /usr/sbin/dkms).
_CERTIFICATES = ("var/lib/dkms/mok.pub", "var/lib/shim-signed/mok/MOK.der")
#: What a build takes at most on the disk, in bytes (seen: 0.4 GB with Linux 6.1, and 0.6 GB with Linux 6.12).
_ROOM = 1_000_000_000
#: Seconds for one program at most.
_QUICK_SECONDS = 120
_SLOW_SECONDS = 3600
_SHOWN = 2000


def version_of(recipe: Recipe) -> str:
    """Return the version under which DKMS gets a recipe. It is another one when anything in the recipe is."""
    return f"1.{recipe.digest[:8]}"


def installed(root: str = "/") -> Dict[str, str]:
    """Return the versions that are installed, by the kernels that they are for.

    Args:
        root: the directory that stands for ``/``.
    """
    found = {}
    for name in names_in(os.path.join(root, _STORE)):
        link = os.path.join(root, _STORE, name)
        if name.startswith("kernel-") and os.path.islink(link):
            version, release = [*os.readlink(link).split("/"), ""][:2]
            found[release] = version
    return found


def versions(root: str = "/") -> List[str]:
    """Return all versions that DKMS has, or that have a source.

    Args:
        root: the directory that stands for ``/``.
    """
    prefix = f"{NAME}-1."  # the packages of kernels have no sources there
    sources = {name[len(NAME) + 1 :] for name in names_in(os.path.join(root, _SOURCES)) if name.startswith(prefix)}
    return sorted(sources | {name for name in names_in(os.path.join(root, _STORE)) if name.startswith("1.")})


def certificate(root: str = "/") -> Optional[str]:
    """Return the path of the certificate of DKMS' own key, or None if there is none yet.

    Args:
        root: the directory that stands for ``/``.
    """
    paths = (os.path.join(root, name) for name in _CERTIFICATES)
    return next((path for path in paths if os.path.exists(path)), None)


def needs(kernels: Collection[str], followed: Collection[str]) -> List[str]:
    """Return what is missing and apt has, as apt takes it: DKMS, headers of each kernel, and the sources.

    All but DKMS are named in the version of the kernel that is there. Newer ones would bring a newer kernel.

    Args:
        kernels: the releases of the kernels.
        followed: the packages that bring new kernels. Those that bring their headers are needed, too.

    Raises:
        NotFound, TimedOut, TransportFailed: there is no dpkg or apt, or it could not be run.
    """
    newest = sorted(kernels, key=order, reverse=True)
    wanted = {f"linux-headers-{release}": _kernel_version(release) for release in newest}
    for name in followed:
        wanted[name.replace("linux-image", "linux-headers", 1)] = _version(name)
    for release in newest:
        version = _kernel_version(release)
        names = source_names(release)
        if version and not any(name in wanted or _version(name) for name in names):
            wanted.update({name: version for name in names if _is_known(f"{name}={version}")})
    missing = sorted(f"{name}={version}" for name, version in wanted.items() if version and not _version(name))
    return list(filter(_is_known, missing if is_there() else [*missing, "dkms"]))


def is_there() -> bool:
    """Say whether the laptop has DKMS."""
    return shutil.which("dkms") is not None


def hindered(kernels: Collection[str], root: str = "/") -> Dict[str, Refused]:
    """Return the kernels for which nothing can be built, each with the reason.

    Args:
        kernels: the releases of the kernels.
        root: the directory that stands for ``/``.

    Raises:
        NotFound, TimedOut, TransportFailed: there is no dpkg or apt, or it could not be run.
    """
    found = {}
    for release in kernels:
        package = f"linux-headers-{release}"
        version = _version(package)
        if not version:
            what = f"the headers of Linux {release} are not installed ({package})"
            remedy = "Run apt-get update. If the archive has them no more, update the laptop's kernel"
            found[release] = Refused("headers_missing", what, remedy=remedy)
        elif not _has_source(release, version, root):
            names = " or ".join(dict.fromkeys(source_names(release)))
            what = f"the source of Linux {release} is neither installed nor in the archive ({names} {version})"
            remedy = "Run apt-get update. If the archive has only newer ones, update the laptop's kernel, or put the "
            remedy += f"package of that version into /{_KEPT}"
            found[release] = Refused("source_missing", what, remedy=remedy)
    return found


def need_room(root: str = "/") -> None:
    """Fail if the disk has no room for a build.

    Raises:
        Refused: it has none.
    """
    folder = os.path.join(root, "var/lib")
    free = shutil.disk_usage(folder).free
    if free < _ROOM:
        what = f"a build takes {_ROOM // 1_000_000} MB at most, and the disk has {free // 1_000_000} MB left"
        raise Refused("no_room", what, where=folder, remedy="Make room. Nothing was changed")


def place(recipe: Recipe, texts: Mapping[str, str], root: str = "/") -> None:
    """Give DKMS the source, unless it has it.

    Args:
        recipe: the recipe.
        texts: the files of the source that the recipe makes for DKMS, by name.
        root: the directory that stands for ``/``.

    Raises:
        NotFound, AccessDenied, TransportFailed: it failed. Nothing is left of it.
    """
    version = version_of(recipe)
    target = os.path.join(root, _SOURCES, f"{NAME}-{version}")
    try:
        os.makedirs(target, mode=0o755, exist_ok=True)
        for name, text in {**texts, os.path.basename(recipe.script): f"{read_text(recipe.script)}\n"}.items():
            path = os.path.join(target, name)
            with open(path, "w", encoding="utf-8") as handle:
                handle.write(text)
            os.chmod(path, 0o644)
        os.chmod(target, 0o755)
        folder = os.path.join(root, _FORCE)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, NAME), "w", encoding="utf-8") as handle:
            handle.write(f"{NAME}_version-override\n")
    except OSError as error:
        number = error.errno or 0
        what = f"DKMS can't be given the source: {os.strerror(number)}"
        raise TransportFailed(what, where=target, errno=number) from error
    if version not in names_in(os.path.join(root, _STORE)):
        _dkms(["add", "-m", NAME, "-v", version], "DKMS did not take the source")


def build(release: str, version: str) -> None:
    """Have DKMS build for a kernel. Nothing is installed.

    Raises:
        NotFound, TimedOut, TransportFailed: it failed.
    """
    _dkms(["build", *_which(release, version)], f"DKMS can't build the drivers for Linux {release}")


def built(release: str, version: str, module: str, root: str = "/") -> str:
    """Return the path of a module that DKMS has built.

    Raises:
        NotFound: it has not.
    """
    store = os.path.join(root, _STORE, version, release)
    found = glob.glob(os.path.join(glob.escape(store), f"*/module/{module}.ko*"))
    if not found:
        raise NotFound(f"DKMS has not built {module} for Linux {release}", where=store)
    return found[0]


def install(release: str, version: str, root: str = "/") -> None:
    """Have DKMS install what it has built for a kernel.

    Raises:
        NotFound, TimedOut, TransportFailed: it failed.
    """
    _dkms(["install", *_which(release, version)], f"DKMS can't install the drivers for Linux {release}")
    folder = os.path.join(root, "lib/modules", release, DKMS_FOLDER)
    there = {name.split(".")[0] for name in names_in(folder)}
    lacking = [module for module in MODULES if module not in there]
    if lacking:  # it calls that a success
        raise TransportFailed(f"DKMS has not installed {', '.join(lacking)} for Linux {release}", where=folder)
    _renew_initramfs(release, root)


def remove(version: str, root: str = "/") -> None:
    """Have DKMS remove a version from all kernels, and its source. Each kernel has its own drivers then.

    Raises:
        NotFound, TimedOut, TransportFailed: it failed.
    """
    releases = [release for release, there in installed(root).items() if there == version]
    if version in names_in(os.path.join(root, _STORE)):
        argv = ["remove", "-m", NAME, "-v", version, "--all"]
        _dkms(argv, f"DKMS can't remove the drivers' version {version}")
    shutil.rmtree(os.path.join(root, _SOURCES, f"{NAME}-{version}"), ignore_errors=True)
    for release in releases:
        _renew_initramfs(release, root)


def forget(root: str = "/") -> None:
    """Remove what is left beside the versions."""
    path = os.path.join(root, _FORCE, NAME)
    if os.path.exists(path):
        os.unlink(path)
        if not names_in(os.path.dirname(path)):
            os.rmdir(os.path.dirname(path))


def _which(release: str, version: str) -> List[str]:
    return ["-m", NAME, "-v", version, "-k", release]


def _version(package: str) -> str:
    """Return the version of an installed package, or nothing if it is not installed."""
    shown = "${db:Status-Status} ${Version}"
    done = run(["dpkg-query", "--show", f"--showformat={shown}", package], _QUICK_SECONDS)
    status, _space, version = done.out.decode(errors="replace").partition(" ")
    return version.strip() if done.status == 0 and status == "installed" else ""


def _kernel_version(release: str) -> str:
    """Return the version of a kernel's packages, or nothing if it has none."""
    return _version(f"linux-image-{release}") or _version(f"linux-headers-{release}")


def _is_known(package: str) -> bool:
    """Say whether apt knows a package, in a version if that is given (NAME=VERSION).

    apt takes a name that it does not know for a pattern: linux-source-6.8 finds Ubuntu's linux-source-6.8.0.
    """
    done = run(["apt-cache", "show", package], _QUICK_SECONDS)
    return done.status == 0 and f"Package: {package.partition('=')[0]}".encode() in done.out.splitlines()


def _has_source(release: str, version: str, root: str) -> bool:
    for name in source_names(release):
        kept = glob.glob(os.path.join(glob.escape(os.path.join(root, _KEPT)), f"{name}_*.deb"))
        if any(os.path.basename(path).split("_")[1].replace("%3a", ":") == version for path in kept):
            return True
        if _version(name) == version or _is_known(f"{name}={version}"):
            return True
    return False


def _renew_initramfs(release: str, root: str) -> None:
    """Make the initramfs of a kernel again, if there is one that has the driver."""
    image = os.path.join(root, f"boot/initrd.img-{release}")
    if not os.path.exists(image):
        return
    listed = run(["lsinitramfs", image], _QUICK_SECONDS)
    if b"/iwlwifi.ko" in listed.out:
        _told(["update-initramfs", "-u", "-k", release], f"the initramfs of Linux {release} could not be made")


def _dkms(arguments: Sequence[str], failed: str) -> None:
    try:
        _told(["dkms", *arguments], failed)
    except NotFound:
        raise NotFound("this laptop has no program dkms", remedy="Install the package dkms") from None


def _told(argv: Sequence[str], failed: str) -> None:
    done = run(["env", "LC_ALL=C", *argv], _SLOW_SECONDS)
    if done.status == 127:  # env(1): there is no such program
        raise NotFound(f"there is no program {argv[0]}")
    if done.status:
        told = (done.out + done.err).decode(errors="replace").strip()[-_SHOWN:]
        raise TransportFailed(f"{failed}: {told}")
