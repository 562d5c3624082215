# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A build host for the role ``driver``: a copy of the root that a laptop's image was made from."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, List, Mapping

from ..laptop.control import Laptop, hardware, start
from ..laptop.drivers import download, kernel_version, source_package
from ..laptop.image import EXCLUDED, Image
from ..laptop.qemu import default_shift
from ..laptop.store import ensured, hash_of, publish, work_folder
from ..paths import cache
from ..progress import Progress
from .playbook import Play, inventory, run_playbook

#: Its name in the inventory.
NAME = "buildhost"
_FOLDER = "var/cache/vpro-iwlmei"
_CONNECTIONS = Path(__file__).parent / "connection"
#: Of the kernel's package: what the lab's images leave out, and each stock laptop has.
_INTEL = "kernel/drivers/net/wireless/intel"
_STOCK = f"lib/modules/*/{_INTEL}/iwlwifi"


class BuildHost:
    """A build host.

    Args:
        laptop: the laptop whose image it is like.
        folder: where it is made. It takes 1 GB.
    """

    def __init__(self, laptop: Laptop, folder: Path) -> None:
        self._laptop = laptop
        self.root = folder / "root"
        #: Where the controller keeps the packages.
        self.packages = folder / "packages"
        self._inventory = folder / "inventory.json"
        image = laptop.image
        subprocess.run(["cp", "-a", "--reflink=auto", str(image.root), str(self.root)], check=True)
        (self.root / _FOLDER).mkdir(parents=True)
        version = kernel_version(image)
        shutil.copy(_package(image, source_package(version), version), self.root / _FOLDER)

    def run(self, playbook: Path, *arguments: str, **variables: Any) -> Play:
        """Run a playbook with the build host and the laptop in its inventory.

        Args:
            playbook: the file.
            arguments: further arguments of ``ansible-playbook``.
            variables: the variables of all hosts.
        """
        hosts: Dict[str, Any] = json.loads(inventory(self._laptop).read_text(encoding="utf-8"))["all"]["hosts"]
        way: Mapping[str, str] = {
            "ansible_connection": "lab_root",
            "lab_root": str(self.root),
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        groups = {"build": {"hosts": {NAME: way}}, "laptops": {"hosts": hosts}}
        mine = {"driver_packages": str(self.packages), **variables}
        self._inventory.write_text(json.dumps({"all": {"children": groups, "vars": mine}}), encoding="utf-8")
        settings = {"ANSIBLE_CONNECTION_PLUGINS": str(_CONNECTIONS)}
        return run_playbook(self._laptop, playbook, *arguments, hosts=self._inventory, settings=settings)


def make_stock(laptop: Laptop, folder: Path) -> None:
    """Give a laptop the drivers that its kernel's package has, and the lab's image leaves out; they are loaded.

    Args:
        laptop: which.
        folder: where the package is unpacked.
    """
    release = laptop.image.kernel_release
    package = _package(laptop.image, f"linux-image-{release}", kernel_version(laptop.image))
    subprocess.run(["dpkg-deb", "--extract", str(package), str(folder)], check=True)
    found: List[Path] = [*folder.glob(_STOCK), *folder.glob(f"usr/{_STOCK}")]
    archive = folder / "stock.tar"
    subprocess.run(["tar", "-C", str(found[0].parent), "-cf", str(archive), "iwlwifi"], check=True)
    laptop.send([archive], "/root/stock.tar")
    place = f"/lib/modules/{release}/{_INTEL}"
    laptop.guest.check(f"mkdir -p {place}; tar -C {place} -xf /root/stock.tar; rm /root/stock.tar; depmod")
    laptop.guest.check("modprobe iwlmvm")


def add_kernel(laptop: Laptop, release: str, version: str, folder: Path) -> None:
    """Install another kernel of the distribution, as an update does, without what the lab's images leave out.

    Args:
        laptop: which.
        release: of the kernel, see :func:`vpro_lab.laptop.drivers.archived_kernels`.
        version: of its package.
        folder: made anew; where the package is unpacked.
    """
    package = _package(laptop.image, f"linux-image-{release}", version)
    subprocess.run(["dpkg-deb", "--raw-extract", str(package), str(folder)], check=True)
    for pattern in EXCLUDED:
        for path in folder.glob(pattern.lstrip("/")):
            if path.match(f"*/{_INTEL}"):
                others = [each for each in path.iterdir() if each.name != "iwlwifi"]
            else:
                others = [path]
            for each in others:
                shutil.rmtree(each) if each.is_dir() else each.unlink()
    small = folder.with_suffix(".deb")
    packing = ["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", str(folder), str(small)]
    subprocess.run(packing, check=True, stdout=subprocess.DEVNULL)
    laptop.send([small], "/root/kernel.deb")
    whole = "--path-include='/lib/modules/*' --path-include='/usr/lib/modules/*'"
    laptop.guest.check(f"dpkg {whole} --install /root/kernel.deb && rm /root/kernel.deb")


@dataclass(frozen=True)
class _Other(Image):
    """An image whose laptops boot a kernel that came later: its files are in *boots*."""

    boots: Path

    @property
    def kernel(self) -> Path:
        return self.boots / "vmlinuz"

    @property
    def initramfs(self) -> Path:
        return self.boots / "initrd.img"

    @property
    def kernel_release(self) -> str:
        return (self.boots / "kernel-release").read_text().strip()


def boot_other(laptop: Laptop, release: str, folder: Path) -> Laptop:
    """End a laptop, and boot its disk with another kernel that it has.

    Args:
        laptop: which.
        release: of the kernel.
        folder: where the new one's state goes; made anew.

    Returns:
        The laptop that has booted. Whoever asked for it ends it.

    Raises:
        LabError: it did not come up.
    """
    boots = folder / "boots"
    boots.mkdir(parents=True)
    (boots / "kernel-release").write_text(f"{release}\n", encoding="utf-8")
    for name in ("vmlinuz", "initrd.img"):
        from_it = f"laptop:/boot/{name}-{release}"
        subprocess.run(["scp", "-q", "-F", str(laptop.config), from_it, str(boots / name)], check=True)
    laptop.guest.check("sync")
    laptop.down()
    image = laptop.image
    made_of = hardware(image.suite, image.manager, default_shift(), Progress(quiet=True))
    made_of = replace(made_of, image=_Other(image.suite, image.manager, image.folder, boots))
    return start(laptop.name, folder / "laptop", made_of, disk=laptop.folder / "disk.qcow2")


def modules_of(laptop: Laptop) -> List[str]:
    """Return all that is below the folder of a laptop's kernel modules, a line each, with the digests of files."""
    told = laptop.guest.check(
        "cd /lib/modules; find . -type f -exec sha256sum {} + | sort -k 2; find . ! -type f -printf '%y %p %l\n' | sort"
    )
    return told.splitlines()


def packages_of(laptop: Laptop) -> str:
    """Return what a laptop's dpkg has of the role's packages."""
    told = laptop.guest.run("dpkg-query -W -f '${Package} ${db:Status-Status}\n' 'vpro-iwlmei-*'").out
    return "".join(line for line in told.splitlines() if not line.endswith(" not-installed"))


def _package(image: Image, name: str, version: str) -> Path:
    """Return a package of an image's kernel, downloaded once."""
    target = cache() / f"source-package-{name}-{hash_of(name, version)}"

    def make() -> None:
        with work_folder() as work:
            publish([download(image, name, version, work)], target)

    return next(ensured(target, make).iterdir())
