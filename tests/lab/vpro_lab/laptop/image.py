# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab laptop's disk image: a Debian root, its kernel, and the kernel modules that stand in for CSME.

Everything is cached below :func:`vpro_lab.paths.cache` under a hash of what it was made from, so a changed recipe
makes a new image and an unchanged one costs nothing. The image and the modules have a hash each: a change to a
module's source does not rebuild the image.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import List, Mapping, Optional, Tuple

from ..errors import LabError
from ..paths import KERNEL_MODULES, PACKAGE, cache
from ..progress import Progress
from .store import ensured, hash_of, need_room, prune, publish, work_folder

#: Debian releases that the lab knows.
SUITES = ("bookworm", "trixie")
#: What the laptop carries: the distribution's own supplicant, access point, Python and pyroute2; gcc and headers are
#: for the kernel module, which is built inside this root.
PACKAGES = tuple(
    """
    dbus dhcpcd-base dnsmasq gcc hostapd iproute2 iw kmod linux-headers-amd64 linux-image-amd64 lz4 make
    openssh-server openssl procps python3 python3-pyroute2 rfkill systemd systemd-sysv tcpdump udev wireless-regdb
    wpasupplicant
    """.split()  # noqa: SIM905 - a list that long reads better as words
)
#: What else it carries, by who runs its wireless interfaces.
MANAGERS: Mapping[str, Tuple[str, ...]] = {
    "wpa_supplicant": (),
    "networkmanager": ("iwd", "network-manager", "polkitd", "python3-jeepney"),
}
#: Who does unless told otherwise.
DEFAULT_MANAGER = os.environ.get("MANAGER", next(iter(MANAGERS)))
#: Files that the laptop never reads; they make the image half the size.
EXCLUDED = (
    "/usr/share/man/*",
    "/usr/share/doc/*",
    "/usr/share/locale/*",
    *(
        f"{lib}/modules/*/kernel/drivers/{part}/*"
        for lib in ("/lib", "/usr/lib")
        for part in (
            *("gpu", "media", "infiniband", "scsi", "iio", "staging", "isdn", "hid", "ata", "md", "mtd", "usb"),
            *("net/ethernet", "net/usb", "net/wireless/[!v]*[!l]"),
        )
    ),
    *(f"{lib}/modules/*/kernel/sound/*" for lib in ("/lib", "/usr/lib")),
)
#: Disk size of the laptop. The file is sparse.
DISK_SIZE = "3G"
#: What an image takes while it is built, in bytes: the root, its archive, and the disk (seen: 2.1 GB).
_BUILD_BYTES = 2_500_000_000


@dataclass(frozen=True)
class Image:
    """A built image: paths of its parts, all below the cache."""

    suite: str
    manager: str
    folder: Path

    @property
    def disk(self) -> Path:
        return self.folder / "disk.img"

    @property
    def kernel(self) -> Path:
        return self.folder / "vmlinuz"

    @property
    def initramfs(self) -> Path:
        return self.folder / "initrd.img"

    @property
    def key(self) -> Path:
        """The private ssh key that opens the laptop. It guards nothing but a throw-away machine on loopback."""
        return self.folder / "id_ed25519"

    @property
    def root(self) -> Path:
        """The unpacked root, in which the kernel module is built."""
        return self.folder / "root"

    @property
    def kernel_release(self) -> str:
        return (self.folder / "kernel-release").read_text().strip()


def recipe_hash(suite: str, manager: str = "wpa_supplicant") -> str:
    """Return the hash of everything that the image of *suite* with *manager* is made from."""
    customize = (PACKAGE / "laptop" / "image" / "customize.sh").read_text()
    return hash_of(suite, manager, *PACKAGES, *MANAGERS[manager], *EXCLUDED, DISK_SIZE, customize)


def ensure_image(suite: str, progress: Progress, manager: str = "wpa_supplicant") -> Image:
    """Return the image of *suite* with *manager*, building it when the cache has none of this recipe.

    Raises:
        LabError: suite or manager is unknown, or a step of the build failed; the message names the log.
    """
    if suite not in SUITES:
        raise LabError(f"unknown suite {suite!r}: the lab knows {', '.join(SUITES)}")
    if manager not in MANAGERS:
        raise LabError(f"unknown manager {manager!r}: the lab knows {', '.join(MANAGERS)}")
    image = Image(suite, manager, cache() / f"image-{suite}-{manager}-{recipe_hash(suite, manager)}")

    def make() -> None:
        _build(image, progress)
        prune()

    ensured(image.folder, make)
    return image


def ensure_modules(image: Image, progress: Progress) -> Path:
    """Return the folder with the lab's kernel modules for *image*, building them when their sources changed.

    Raises:
        LabError: the compiler refused; the message carries its output.
    """
    sources = sorted(
        p for p in KERNEL_MODULES.iterdir() if p.suffix in {".c", ".h"} or p.name in {"Kbuild", "Makefile"}
    )
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    target = cache() / f"modules-{image.folder.name}-{digest.hexdigest()[:16]}"

    def make() -> None:
        with progress.step("building the CSME stand-in"):
            work = image.root / "tmp" / "csme_standin"
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir(parents=True)
            for source in sources:
                shutil.copy(source, work)
            build = f"/lib/modules/{image.kernel_release}/build"
            done = run(
                [*enter_root(), "chroot", str(image.root), "make", "-C", build, "M=/tmp/csme_standin", "modules"]
            )
            if done.returncode:
                raise LabError(f"the kernel modules do not build:\n{done.stdout}")
            publish(sorted(work.glob("*.ko")), target)

    return ensured(target, make)


def ensure_payload(image: Image, progress: Progress) -> Path:
    """Return the read-only disk with the lab's own files for *image*, making it when they changed.

    It is made once: what a snapshot has read of it stands in the snapshot's memory.

    Raises:
        LabError: the modules do not build, or the disk could not be made.
    """
    modules = ensure_modules(image, progress)
    programs = sorted((PACKAGE / "laptop" / "guest").glob("*.py"))
    digest = hashlib.sha256(modules.name.encode())
    for program in programs:
        digest.update(program.name.encode() + b"\0" + program.read_bytes() + b"\0")
    target = cache() / f"payload-{digest.hexdigest()[:16]}"

    def make() -> None:
        with work_folder() as work:
            files, disk = work / "files", work / "payload.img"
            files.mkdir()
            for file in (*programs, *modules.iterdir()):
                shutil.copy(file, files)
            with open(disk, "wb") as handle:
                handle.truncate(16 * 1024 * 1024)
            done = run(["mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-L", "vpro-lab", "-d", str(files), str(disk)])
            if done.returncode:
                raise LabError(f"mkfs.ext4 of the payload disk failed: {done.stdout}")
            publish([disk], target)

    return ensured(target, make) / "payload.img"


def debian_mirror() -> Optional[str]:
    """Return the URI of the Debian archive that this machine's apt uses, or None when it uses none.

    ``$VPRO_LAB_MIRROR`` overrides it. None lets mmdebstrap take its own default (an Ubuntu host, for example).
    """
    chosen = os.environ.get("VPRO_LAB_MIRROR")
    if chosen:
        return chosen
    listing = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)", "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    for line in listing.splitlines():
        origin, label, component, uri = line.split("|", 3)
        if (origin, label, component) == ("Debian", "Debian", "main"):
            return uri
    return None


def _build(image: Image, progress: Progress) -> None:
    """Build *image* in a temporary folder beside its place and move it there when it is whole."""
    image.folder.parent.mkdir(parents=True, exist_ok=True)
    need_room(image.folder.parent, _BUILD_BYTES, f"the image of {image.suite} with {image.manager}")
    with work_folder() as folder:
        _build_in(folder / "image", image, progress)


def _build_in(work: Path, image: Image, progress: Progress) -> None:
    work.mkdir(mode=0o755)
    log = work / "build.log"
    try:
        key = work / "id_ed25519"
        _step(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "vpro-lab", "-f", str(key)], log)
        tar = work / "root.tar"
        with progress.step(f"image of {image.suite} with {image.manager}: bootstrapping the root", log):
            _step(_mmdebstrap(image, tar), log, SSH_PUBLIC_KEY=f"{key}.pub", MANAGER=image.manager)
        root = work / "root"
        root.mkdir()
        with progress.step(f"image of {image.suite} with {image.manager}: making the disk"):
            script = (
                'tar -C "$1" -xf "$2" --exclude=./dev/* && truncate -s "$4" "$3" && '
                'mkfs.ext4 -q -F -E lazy_itable_init=0 -O ^has_journal -d "$1" "$3"'
            )
            fake = [] if os.geteuid() == 0 else ["fakeroot"]
            _step([*fake, "sh", "-c", script, "sh", str(root), str(tar), str(work / "disk.img"), DISK_SIZE], log)
        tar.unlink()
        kernel = next(root.glob("boot/vmlinuz-*"))
        shutil.copy(kernel, work / "vmlinuz")
        shutil.copy(next(root.glob("boot/initrd.img-*")), work / "initrd.img")
        (work / "kernel-release").write_text(kernel.name[len("vmlinuz-") :] + "\n")
        work.rename(image.folder)
    except BaseException as error:
        kept = image.folder.parent / f"failed-{image.folder.name}.log"
        if log.exists():
            shutil.copy(log, kept)
        if isinstance(error, LabError):
            raise LabError(f"{error}\nthe whole log: {kept}") from None
        raise


def _mmdebstrap(image: Image, tar: Path) -> List[str]:
    mirror = debian_mirror()
    return [
        "mmdebstrap",
        "--variant=apt",
        "--components=main",
        f"--include={','.join(PACKAGES + MANAGERS[image.manager])}",
        *(f"--dpkgopt=path-exclude={path}" for path in EXCLUDED),
        *(f"--aptopt={option}" for option in _apt_transport_options()),
        "--aptopt=APT::Install-Recommends false",
        "--aptopt=Acquire::Languages none",
        "--customize-hook=sh " + str(PACKAGE / "laptop" / "image" / "customize.sh") + ' "$1"',
        image.suite,
        str(tar),
        *([mirror] if mirror else []),
    ]


def _apt_transport_options() -> List[str]:
    """Return the host's apt options on how to reach a mirror (proxies, certificates); mmdebstrap does not read them."""
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False).stdout
    wanted = ("Acquire::http::", "Acquire::https::")
    return [line.rstrip(";") for line in dump.splitlines() if line.startswith(wanted) and '""' not in line]


def enter_root() -> List[str]:
    """Return the command prefix that lets an ordinary user chroot: a user namespace of its own."""
    return [] if os.geteuid() == 0 else ["unshare", "--map-root-user"]


def run(argv: List[str], folder: Optional[Path] = None) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, in *folder* if one is given; what it prints is in ``stdout``."""
    return subprocess.run(argv, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def _step(argv: List[str], log: Path, **environment: str) -> None:
    with open(log, "ab") as handle:
        done = subprocess.run(
            argv, stdout=handle, stderr=handle, stdin=subprocess.DEVNULL, env={**os.environ, **environment}, check=False
        )
    if done.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise LabError(f"{argv[0]} failed with exit status {done.returncode}:\n{tail}")
