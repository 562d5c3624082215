# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The real iwlmei and its kin, built from the source of the very kernel that a laptop has, and what is around them.

Everything is cached like the images: under a hash of what it was made from. Two images with one kernel share it.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence

from ..errors import LabError
from ..paths import KERNEL_MODULES, REPOSITORY, cache
from ..progress import Progress
from .image import Image, enter_root, run
from .store import ensured, hash_of, need_room, publish, work_folder

#: What of the kernel's source is needed, as tar(1) matches it. mac80211_hwsim has moved between 6.1 and 6.12.
_SOURCES = (
    "*/drivers/net/wireless/intel/iwlwifi/*",
    "*/drivers/misc/mei/*.[ch]",
    "*/mac80211_hwsim.[ch]",
    "*/samples/mei/mei-amt-version.c",
)
#: What the package and its archive take while that is unpacked, in bytes.
_UNPACK_BYTES = 500_000_000
#: What the engine's modules are built from, below :data:`vpro_lab.paths.KERNEL_MODULES`.
_ENGINE = ("engine.sh", "csme_engine", "iwlmvm_shim")
#: A package with a kernel of the laptops' kind: 6.1.0-50-amd64 on Debian 12, 6.12.117+deb13-amd64 on Debian 13.
_KERNEL = re.compile(r"linux-image-[0-9]+\.[0-9]+\.[0-9]+(\+deb[0-9]+)?(-[0-9]+)?-amd64")
#: How the drivers are built: as the role builds them for a fleet.
_RECIPE = REPOSITORY / "roles/driver/files/build/build.sh"


def ensure_source(image: Image, progress: Progress) -> Path:
    """Return the folder with what is needed of the source of *image*'s kernel, as its distribution has patched it.

    Raises:
        LabError: the archive has no such package any more, or it can't be unpacked.
    """
    version = kernel_version(image)
    target = cache() / f"source-{version}-{hash_of(*_SOURCES)}"

    def make() -> None:
        need_room(target.parent, _UNPACK_BYTES, f"the source of Linux {version}")
        with progress.step(f"source of Linux {version}"), work_folder() as work:
            _unpacked(download(image, source_package(version), version, work), work).rename(target)

    return ensured(target, make)


def ensure_drivers(image: Image, progress: Progress) -> Path:
    """Return the folder with iwlwifi, iwlmvm and iwlmei for *image*'s kernel, and their ``Module.symvers``.

    Raises:
        LabError: there is no source, or the compiler refused; the message carries its output.
    """
    target = cache() / f"drivers-{kernel_version(image)}-{hash_of(image.kernel_release, _RECIPE.read_text())}"

    def make() -> None:
        source = ensure_source(image, progress)
        with progress.step(f"drivers of Linux {image.kernel_release}: minutes"), _inside(image) as work:
            shutil.copytree(source, work.path / "source")
            shutil.copy(_RECIPE, work.path)
            work.make("build.sh", ("source",), target)

    return ensured(target, make)


def ensure_engine(image: Image, progress: Progress) -> Path:
    """Return the folder with the modules of the engine in software for *image*'s kernel, see ``kmod/engine.sh``.

    Raises:
        LabError: there is no source, or the compiler refused; the message carries its output.
    """
    drivers = ensure_drivers(image, progress)
    files = [file for part in _ENGINE for file in _files(KERNEL_MODULES / part)]
    target = cache() / f"engine-{kernel_version(image)}-{hash_of(drivers.name, *(file.read_text() for file in files))}"

    def make() -> None:
        source = ensure_source(image, progress)
        with progress.step(f"engine for Linux {image.kernel_release}"), _inside(image) as work:
            shutil.copytree(source, work.path / "source")
            shutil.copytree(drivers, work.path / "drivers")
            for file in files:
                copy = work.path / file.relative_to(KERNEL_MODULES)
                copy.parent.mkdir(exist_ok=True)
                shutil.copy(file, copy)
            work.make("engine.sh", ("source", "drivers"), target)

    return ensured(target, make)


def ensure_amt_version(image: Image, progress: Progress) -> Path:
    """Return the kernel's own sample of a program that asks AMT for its versions. It runs on any laptop.

    The image has a compiler for the kernel alone, so this machine's builds it.

    Raises:
        LabError: there is no source, or the compiler refused; the message carries its output.
    """
    target = cache() / f"amt-version-{kernel_version(image)}"

    def make() -> None:
        sample = ensure_source(image, progress) / "samples/mei/mei-amt-version.c"
        with progress.step("mei-amt-version of the kernel's samples"), work_folder() as work:
            made = work / sample.stem
            _must(["cc", "-O2", "-static", "-o", str(made), str(sample)], f"{sample.name} can't be built")
            publish([made], target)

    return ensured(target, make) / "mei-amt-version"


def _files(part: Path) -> List[Path]:
    return sorted(file for file in part.iterdir() if file.suffix != ".md") if part.is_dir() else [part]


def kernel_version(image: Image) -> str:
    """Return the version of the package that *image*'s kernel is from: the release does not tell its patches."""
    package = f"Package: linux-image-{image.kernel_release}\n"
    for entry in (image.root / "var/lib/dpkg/status").read_text(encoding="utf-8").split("\n\n"):
        if entry.startswith(package):
            return next(line.split()[1] for line in entry.splitlines() if line.startswith("Version:"))
    raise LabError(f"{image.folder.name} has no package of its kernel")


def source_package(version: str) -> str:
    """Return the name of the package with the source of a kernel's version: 6.1.176-1 is in linux-source-6.1."""
    return f"linux-source-{'.'.join(version.split('.')[:2])}"


def download(image: Image, package: str, version: str, work: Path) -> Path:
    """Download a package of *image*'s kernel, with this machine's apt, from the archive that *image* was made from.

    Args:
        image: which.
        package: the package's name.
        version: its version.
        work: a folder. The package goes there, and what apt needs meanwhile.

    Raises:
        LabError: the archive can't be reached, or has no such package any more.
    """
    options = _archive(image, work)
    _must(
        ["apt-get", *options, "--quiet", "download", f"{package}={version}"],
        f"no {package} of the kernel of {image.folder.name}: remove the image, the next one has the archive's newest",
        work,
    )
    return next(work.glob(f"{package}_*.deb"))


def archived_kernels(image: Image, work: Path) -> Dict[str, str]:
    """Return the kernels of *image*'s kind that the archive has which *image* was made from.

    Args:
        image: which.
        work: a folder, for what apt needs meanwhile.

    Returns:
        The version of each kernel's package, by the kernel's release.

    Raises:
        LabError: the archive can't be reached.
    """
    options = _archive(image, work)
    names = run(["apt-cache", *options, "pkgnames", "linux-image-"]).stdout.split()
    found = {}
    for name in filter(_KERNEL.fullmatch, names):
        shown = run(["apt-cache", *options, "show", "--no-all-versions", name]).stdout
        version = next(line.split()[1] for line in shown.splitlines() if line.startswith("Version:"))
        found[name[len("linux-image-") :]] = version
    return found


def _archive(image: Image, work: Path) -> List[str]:
    """Return the options by which apt knows of the archive that *image* was made from, after an update."""
    settings = {
        "Dir::Etc::SourceList": image.root / "etc/apt/sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::Etc::TrustedParts": image.root / "etc/apt/trusted.gpg.d",
        "Dir::Etc::Preferences": "/dev/null",
        "Dir::Etc::PreferencesParts": "/dev/null",
        "Dir::State": work / "state",
        "Dir::Cache": work / "cache",
        "Acquire::Languages": "none",
        "APT::Architecture": "amd64",
        # It may read what only this user may.
        "APT::Sandbox::User": "",
    }
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (work / folder).mkdir(parents=True, exist_ok=True)
    _must(["apt-get", *options, "--quiet", "--error-on=any", "update"], "the archive can't be reached")
    return options


def _unpacked(package: Path, work: Path) -> Path:
    _must(["dpkg-deb", "--extract", str(package), str(work / "package")], "the source's package can't be unpacked")
    archive = next((work / "package/usr/src").glob("linux-source-*.tar.xz"))
    _must(
        ["tar", "--directory", str(work), "--extract", "--xz", "--file", str(archive), "--wildcards", *_SOURCES],
        "the kernel's source can't be unpacked",
    )
    return work / archive.name.split(".tar")[0]


def _must(argv: List[str], failed: str, folder: Optional[Path] = None) -> None:
    done = run(argv, folder)
    if done.returncode:
        raise LabError(f"{failed}:\n{done.stdout}")


class _Work:
    """A folder inside an image's root, where its compiler and its headers are.

    Args:
        image: which.
        path: of the folder, on this machine.
    """

    def __init__(self, image: Image, path: Path) -> None:
        self._image = image
        self.path = path

    def make(self, script: str, folders: Sequence[str], target: Path) -> None:
        """Have a script build with folders that are in here, and publish what it makes.

        Its arguments are the first folder, the kernel's headers, the other folders, and where its output goes.
        """
        inside = f"/{self.path.relative_to(self._image.root)}"
        first, *others = (f"{inside}/{folder}" for folder in folders)
        headers = f"/lib/modules/{self._image.kernel_release}/build"
        argv = [f"{inside}/{script}", first, headers, *others, f"{inside}/made"]
        _must([*enter_root(), "chroot", str(self._image.root), *argv], f"{script} failed")
        publish(sorted((self.path / "made").iterdir()), target)


@contextmanager
def _inside(image: Image) -> Iterator[_Work]:
    with tempfile.TemporaryDirectory(dir=image.root / "tmp") as name:
        yield _Work(image, Path(name))
