# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Laptops that go on from a snapshot: booted once a machine, with or without the roles, and restored ever after.
So is the usual scene around each: an access point, CSME that holds the radio, and a session.

A snapshot is the laptop's memory and what it wrote to its disk, cached under a hash of all that goes into it. What is
restored is like a laptop that wakes up: its services run on, its clock is set, the kernel draws new randomness
(``vmgenid``), and it has the same host keys and machine id as each other one. No radio has a lease: the host had no
connection when it was saved. Without a scene the air is fresh: radios that were just made, and nobody on them. What
Python compiled of Ansible's archives is kept in it; :meth:`vpro_lab.laptop.control.Laptop.compile_archives` forgets
that.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Callable, Iterable, List, Optional

from ..air.scene import Scene, resume, stage
from ..laptop import qemu
from ..laptop.control import Laptop, hardware, start
from ..laptop.engine import install_engine
from ..laptop.image import DEFAULT_MANAGER, SUITES
from ..laptop.store import ensured, prune, publish, work_folder
from ..paths import KERNEL_MODULES, PACKAGE, REPOSITORY, cache
from ..progress import Progress
from .deployed import PLAYBOOK, SERVICE, deploy
from .playbook import run_module

#: What the state is called within the disk.
_STATE = "ready"


@dataclass(frozen=True)
class Kind:
    """Which laptop it is to be.

    Attributes:
        suite: the Debian release.
        manager: who runs its radios, see :data:`vpro_lab.laptop.image.MANAGERS`.
        deployed: whether both roles were applied to it.
        shift: how fast it is, see :class:`vpro_lab.laptop.qemu.Hardware`; None: as fast as laptops are by default.
        engine: whether its CSME is the engine, below the real iwlmei, and no stand-in.
        scene: the security of the usual scene that it is in, see :func:`in_scene`; empty: in none.
    """

    suite: str = SUITES[0]
    manager: str = DEFAULT_MANAGER
    deployed: bool = False
    shift: Optional[int] = None
    engine: bool = False
    scene: str = ""

    @property
    def text(self) -> str:
        """What it is, for people."""
        roles = ", with the roles" if self.deployed else ""
        engine = ", with the engine" if self.engine else ""
        scene = f", in the scene {self.scene}" if self.scene else ""
        return f"a laptop ({self.suite}, {self.manager}{roles}{engine}{scene})"

    @property
    def group(self) -> str:
        """Who may use wpa_supplicant's control socket there beside root."""
        return SERVICE if self.deployed else "netdev"


def restored(name: str, folder: Path, kind: Kind, progress: Progress, *, dies_with_parent: bool = True) -> Laptop:
    """Return a laptop that goes on from the snapshot of its kind, which is made where the cache has none.

    Args:
        name: what to call it.
        folder: where its state goes; made anew.
        kind: which.
        progress: where to report.
        dies_with_parent: end it when this process ends in whatever way (tests); False keeps it (people).

    Raises:
        LabError: it could not be made, or did not come up.
    """
    made_of = _hardware(kind, progress)
    snapshot = ensure_snapshot(kind, progress)
    laptop = start(
        name, folder, made_of, disk=snapshot / "disk.qcow2", snapshot=_STATE, dies_with_parent=dies_with_parent
    )
    laptop.fresh_air = not kind.scene
    laptop.engine = kind.engine
    return laptop


def in_scene(
    kind: Kind,
    restore: Callable[[Kind], Laptop],
    *,
    security: str = "wpa2-psk",
    session: bool = True,
    start: bool = True,
    leave: str = "deauth",
    **unusual: Any,
) -> Scene:
    """Return a laptop in the usual scene, with a capture. Where that scene is saved it is restored, else it is built.

    Args:
        kind: which, without a scene.
        restore: gives the laptop of a kind, see :func:`restored`.
        security: of the access point.
        session: whether the operator opens a session.
        start: whether who runs the radio is started.
        leave: how CSME's station leaves the air at a grant.
        unusual: what else of :func:`vpro_lab.air.scene.stage` is not as usual.
    """
    # Below a NetworkManager that runs meanwhile, a watcher sees how the scene comes.
    runs = start and kind.deployed and kind.manager == "networkmanager"
    if unusual or runs or not (start or kind.deployed):
        arguments = {"capture": True, "leave": leave, "group": kind.group, **unusual}
        return stage(restore(kind), security=security, session=session, start=start, **arguments)
    laptop = restore(replace(kind, scene=security))
    scene = resume(laptop, security)
    if leave != "deauth":
        scene.csme.leaves(leave)
    if not session:
        scene.session.close()
    # Without the roles it runs already, as nothing happens there until somebody does a handover.
    if kind.deployed and start:
        laptop.guest.check(f"systemctl start {laptop.service}")
        laptop.wait_supplicant()
        scene.csme.block()
    return scene


def ensure_snapshot(kind: Kind, progress: Progress) -> Path:
    """Return the folder with the snapshot of a kind of laptop, making it where the cache has none.

    Raises:
        LabError: it could not be made.
    """
    changes = "scene" if kind.scene else "engine" if kind.engine else "deployed" if kind.deployed else "booted"
    target = cache() / f"snapshot-{changes}-{_key(kind, progress)}"

    def make() -> None:
        _make(kind, target, progress)
        prune()

    return ensured(target, make)


def _hardware(kind: Kind, progress: Progress) -> qemu.Hardware:
    shift = qemu.default_shift() if kind.shift is None else kind.shift
    return hardware(kind.suite, kind.manager, shift, progress)


def _make(kind: Kind, target: Path, progress: Progress) -> None:
    with work_folder() as work:
        folder = work / "laptop"
        if kind.scene:
            laptop = restored("laptop", folder, replace(kind, scene=""), progress)
        elif kind.engine:
            laptop = restored("laptop", folder, replace(kind, engine=False), progress)
        elif kind.deployed:
            laptop = restored("laptop", folder, replace(kind, deployed=False), progress)
        else:
            with progress.step(f"booting {kind.text}"):
                laptop = start("laptop", folder, _hardware(kind, progress))
        try:
            if kind.scene:
                with progress.step(f"saving {kind.text}"):
                    stage(laptop, security=kind.scene, group=kind.group, start=not kind.deployed, capture=True)
            elif kind.engine:
                install_engine(laptop, progress)
                laptop.radios()
                laptop.guest.check("udevadm settle")
            else:
                _furnish(laptop, kind, progress)
            laptop.save(_STATE)
        finally:
            laptop.down()
        publish([folder / "disk.qcow2"], target)


def _furnish(laptop: Laptop, kind: Kind, progress: Progress) -> None:
    """Do what is the same for each laptop of a kind, once."""
    if kind.deployed:
        with progress.step(f"applying the roles to {kind.text}"):
            deploy(laptop)
            # The role does not disturb systemd-networkd: it takes its drop-in from the next boot on.
            laptop.guest.check("systemctl restart systemd-networkd")
    laptop.radios()
    laptop.guest.check("udevadm settle")
    # What a task reads and compiles first is there for all that go on from here.
    laptop.compile_archives(keep=True)
    run_module(laptop, "amt_wifi_facts")


def _key(kind: Kind, progress: Progress) -> str:
    """Return the hash of all that goes into a snapshot."""
    digest = hashlib.sha256(_hardware(kind, progress).fingerprint().encode())
    paths: List[Path] = [PACKAGE / "laptop" / "control.py", PACKAGE / "laptop" / "radios.py", Path(__file__)]
    if kind.deployed:
        digest.update(version("ansible-core").encode())
        paths += [
            PACKAGE / "play" / "deployed.py",
            PACKAGE / "play" / "playbook.py",
            PACKAGE / "air" / "ap.py",
            PACKAGE / "air" / "security.py",
            PLAYBOOK,
        ]
        paths += _files("plugins", "roles", "meta")
        paths.append(REPOSITORY / "galaxy.yml")
    if kind.engine:
        digest.update(b"engine")
        paths += [PACKAGE / "laptop" / f"{name}.py" for name in ("drivers", "engine")]
        paths += [*(PACKAGE / "engine").glob("*.py"), *_sources(KERNEL_MODULES)]
    if kind.scene:
        digest.update(kind.scene.encode())
        names = ("ap", "csme", "scene", "security", "session", *(("engine", "firmware") if kind.engine else ()))
        paths += [PACKAGE / "air" / f"{name}.py" for name in names]
        paths.append(PACKAGE / "laptop" / "networkmanager.py")
    for path in sorted(set(paths)):
        digest.update(str(path.relative_to(REPOSITORY)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _sources(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".md")


def _files(*folders: str) -> Iterable[Path]:
    for folder in folders:
        for path in (REPOSITORY / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path
