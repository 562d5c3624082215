# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Building the package with iwlwifi, iwlmvm and iwlmei for one kernel, on a build host.

Nothing is left half-written: all work happens in a folder that goes at the end, and the package is moved into its place
when it is whole.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple
from urllib.parse import unquote

from .._radio.kernels import PREFIX
from .._system.errors import NotFound, Refused, TransportFailed
from .._system.files import os_error
from .._system.program import Finished, run
from .driver_recipe import (
    FOLDER,
    MODULES,
    Recipe,
    Signing,
    checked_release,
    filled,
    read_recipe,
    source_names,
    version_of,
)

#: The kind of package that is built.
_KIND = "deb"
#: What of the source is needed, as tar(1) matches it.
_SOURCES = "*/drivers/net/wireless/intel/iwlwifi/*"
#: What a build takes at most on the disk, in bytes: the source's package and its unpacked archive, and the objects of
#: the compiler (seen: 0.6 GB with Linux 6.12).
_ROOM = 1_000_000_000
#: Seconds for one program at most. The compiler takes 3 to 4 minutes of one processor.
_QUICK_SECONDS = 120
_SLOW_SECONDS = 3600
#: How many characters of a failed program's output are shown. They are the last ones.
_SHOWN = 2000
_COMPILER = re.compile(rb"GCC: \([^)]*\) [0-9.]+")


@dataclass(frozen=True)
class Built:
    """A package.

    Attributes:
        package: the path of its file.
        name: its name.
        version: its version.
        changed: whether it was, or would be, built now.
        provenance: what it was built from. It is None if the package would only be built.
    """

    package: str
    name: str
    version: str
    changed: bool
    provenance: Optional[Dict[str, Any]]


def build(release: str, folder: str, recipe_folder: str, signing: Optional[Signing], *, check: bool = False) -> Built:
    """Build the package for a kernel, unless it is there.

    Args:
        release: the kernel's release. Its headers have to be installed.
        folder: where packages are kept, and the packages with the kernels' sources.
        recipe_folder: the recipe.
        signing: what to sign with, if anything.
        check: whether nothing is to be changed.

    Raises:
        Refused: the release is none, or there is no room.
        NotFound: headers, source, key or a program is missing.
        TransportFailed, TimedOut: a program failed.
    """
    name = PREFIX + checked_release(release)
    recipe = read_recipe(recipe_folder, _KIND)
    source_version = _headers_version(release)
    certificate = _certificate(signing)
    version = version_of(source_version, recipe, certificate)
    architecture = _told(["dpkg", "--print-architecture"], "the architecture is not known")
    target = os.path.join(folder, f"{name}_{version}_{architecture}.{_KIND}")
    note = f"{target}.json"
    if os.path.exists(target) and os.path.exists(note):
        with open(note, encoding="utf-8") as handle:
            return Built(target, name, version, False, json.load(handle))
    if check:
        return Built(target, name, version, True, None)
    _need_room(folder)
    with _work_folder(folder) as work:
        package, source = _source_package(release, source_version, folder, work)
        provenance: Dict[str, Any] = {
            "package": name,
            "version": version,
            "kernel": release,
            "source": source,
            "source_version": source_version,
            "source_sha256": _sha256(package),
            "recipe_sha256": recipe.digest,
            "signed": signing is not None,
        }
        modules = _compiled(release, _unpacked(package, work), recipe, signing, work)
        provenance["compiler"] = _compiler(modules[0])
        provenance["modules"] = {os.path.basename(path): _sha256(path) for path in modules}
        values = {
            "PACKAGE": name,
            "VERSION": version,
            "ARCHITECTURE": architecture,
            "RELEASE": release,
            "SOURCE": source,
            "SOURCE_VERSION": source_version,
        }
        packed = _packed(values, modules, recipe, provenance, work)
        # The note comes first, so that a package always has one.
        os.replace(_written(os.path.join(work, "note"), _as_json(provenance)), note)
        os.replace(packed, target)
    return Built(target, name, version, True, provenance)


def _headers_version(release: str) -> str:
    build_folder = f"/lib/modules/{release}/build"
    package = f"linux-headers-{release}"
    done = run(["dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Version}", package], _QUICK_SECONDS)
    status, _space, version = done.out.decode().partition(" ")
    if done.status or status != "installed" or not os.path.isdir(build_folder):
        remedy = f"Install {package}. If the archive has it no more, update the laptops' kernel first"
        raise NotFound(f"the headers of Linux {release} are not installed", where=build_folder, remedy=remedy)
    return version.strip()


def _certificate(signing: Optional[Signing]) -> Optional[bytes]:
    if signing is None:
        return None
    try:
        with open(signing.key, "rb"):
            pass
        with open(signing.certificate, "rb") as handle:
            return handle.read()
    except OSError as error:
        raise os_error(error, str(error.filename)) from error


def _need_room(folder: str) -> None:
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise os_error(error, folder) from error
    if free < _ROOM:
        what = f"a build takes {_ROOM // 1_000_000} MB at most, and the disk has {free // 1_000_000} MB left"
        raise Refused("no_room", what, where=folder, remedy="Make room, or use another folder")


@contextmanager
def _work_folder(folder: str) -> Iterator[str]:
    try:
        with tempfile.TemporaryDirectory(prefix=".build-", dir=folder) as work:
            yield work
    except OSError as error:
        number = error.errno or 0
        what = f"the package can't be written: {os.strerror(number)}"
        raise TransportFailed(what, where=folder, remedy="Nothing was left behind", errno=number) from error


def _source_package(release: str, version: str, folder: str, work: str) -> Tuple[str, str]:
    """Return the package with the kernel's source, and its name: one that is in the folder, or the archive's."""
    names = source_names(release)
    for name in names:
        for path in glob.glob(os.path.join(glob.escape(folder), f"{name}_*.{_KIND}")):
            if unquote(os.path.basename(path)).split("_")[1] == version:
                return path, name
    told: List[str] = []
    for name in names:
        argv = ["env", f"--chdir={work}", "apt-get", "-o", "APT::Sandbox::User=root", "-q", "download"]
        done = run([*argv, f"{name}={version}"], _SLOW_SECONDS)
        found = glob.glob(os.path.join(glob.escape(work), f"{name}_*.{_KIND}"))
        if done.status == 0 and found:
            return found[0], name
        told.append(_end_of(done))
    raise NotFound(
        f"the archive does not give {names[0]} in the version {version}, of which the kernel {release} is: {told[0]}",
        where=folder,
        remedy=f"Run apt-get update. If the archive has only newer ones, update the laptops' kernel and the headers "
        f"here, or put the package of that version into {folder}",
    )


def _unpacked(package: str, work: str) -> str:
    """Return the folder with what is needed of the source."""
    extracted = os.path.join(work, "package")
    _told(["dpkg-deb", "--extract", package, extracted], "the source's package can't be unpacked", _SLOW_SECONDS)
    archives = glob.glob(os.path.join(extracted, "usr/src/**/linux-source-*.tar.*"), recursive=True)
    if not archives:
        raise NotFound("the source's package has no archive of the source", where=package)
    source = os.path.join(work, "source")
    os.mkdir(source)
    argv = ["tar", "--directory", source, "--strip-components=1", "--extract", "--file", archives[0], "--wildcards"]
    _told([*argv, _SOURCES], "the kernel's source can't be unpacked", _SLOW_SECONDS)
    shutil.rmtree(extracted)
    return source


def _compiled(release: str, source: str, recipe: Recipe, signing: Optional[Signing], work: str) -> List[str]:
    """Return the paths of the modules."""
    made = os.path.join(work, "made")
    signed = [] if signing is None else [signing.key, signing.certificate]
    headers = f"/lib/modules/{release}/build"
    argv = ["env", f"TMPDIR={work}", "LC_ALL=C", "sh", recipe.script, source, headers, made, *signed]
    _told(argv, f"the drivers for Linux {release} can't be built", _SLOW_SECONDS)
    modules = [os.path.join(made, f"{name}.ko") for name in MODULES]
    for module in modules:
        built_for = _told(["modinfo", "-F", "vermagic", module], "the module can't be read").split(" ")[0]
        if built_for != release:
            raise TransportFailed(f"the headers of Linux {release} make modules for {built_for}", where=headers)
    return modules


def _packed(
    values: Dict[str, str], modules: Sequence[str], recipe: Recipe, provenance: Dict[str, Any], work: str
) -> str:
    """Return the path of the package."""
    tree = os.path.join(work, "tree")
    place = os.path.join(tree, f"usr/lib/modules/{values['RELEASE']}/{FOLDER}")
    # Not below /usr/share/doc: laptops may leave that out (dpkg's path-exclude).
    told = os.path.join(tree, f"usr/share/{values['PACKAGE']}")
    for folder in (os.path.join(tree, "DEBIAN"), place, told):
        os.makedirs(folder)
    for module in modules:
        os.chmod(shutil.copy(module, place), 0o644)
    _written(os.path.join(told, "provenance.json"), _as_json(provenance))
    # Whatever umask this user has.
    for path, _folders, _files in os.walk(tree):
        os.chmod(path, 0o755)
    # In KiB (Debian policy 5.6.20).
    size = sum(os.path.getsize(module) for module in modules) // 1024 + 1
    for name, template in recipe.templates.items():
        script = template.startswith("#!")
        text = filled(template, {**values, "SIZE": str(size)})
        if not script:  # dpkg takes no comments there
            text = "".join(f"{line}\n" for line in text.splitlines() if not line.startswith("#"))
        os.chmod(_written(os.path.join(tree, "DEBIAN", name), text), 0o755 if script else 0o644)
    packed = os.path.join(work, f"packed.{_KIND}")
    _told(["dpkg-deb", "--root-owner-group", "--build", tree, packed], "the package can't be made", _SLOW_SECONDS)
    return packed


def _compiler(module: str) -> str:
    """Return what the compiler left of itself in a module (the section .comment)."""
    with open(module, "rb") as handle:
        match = _COMPILER.search(handle.read())
    return match[0].decode() if match else "unknown"


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _as_json(document: Dict[str, Any]) -> str:
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def _written(path: str, text: str) -> str:
    with open(path, "w", encoding="utf-8") as handle:
        handle.write(text)
    os.chmod(path, 0o644)
    return path


def _end_of(done: Finished) -> str:
    return (done.out + done.err).decode(errors="replace").strip()[-_SHOWN:]


def _told(argv: Sequence[str], failed: str, seconds: float = _QUICK_SECONDS) -> str:
    """Run a program, and return what it printed.

    Raises:
        FleetError: it failed; *failed* says what that means.
    """
    done = run(argv, seconds)
    if done.status:
        raise TransportFailed(f"{failed}: {_end_of(done)}", remedy="Nothing was left behind")
    return done.out.decode(errors="replace").strip()
