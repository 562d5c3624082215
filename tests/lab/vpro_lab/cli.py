# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab for people: ``python -m vpro_lab --help``."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import List, Optional

from .air.scene import stage
from .air.security import SECURITY
from .errors import LabError
from .laptop import qemu
from .laptop.control import attach, end, hardware
from .laptop.image import DEFAULT_MANAGER, MANAGERS, SUITES
from .paths import BUILD
from .play.demo import demo
from .play.playbook import inventory
from .play.snapshots import Kind, ensure_snapshot, restored
from .progress import Progress

STATE = BUILD / "lab"


def main(arguments: Optional[List[str]] = None) -> int:
    """Run one command; return its exit status."""
    options = _parser().parse_args(arguments)
    progress = Progress()
    # A service manager's or a shell's end of this process is a Ctrl-C: everything that was started is ended.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        status: int = options.run(options, progress)
        return status
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted; nothing was left running", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vpro_lab", description="Laptops with a real kernel whose radio CSME holds.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        return sub

    def suite(sub: argparse.ArgumentParser) -> argparse.ArgumentParser:
        sub.add_argument(
            "--suite",
            choices=SUITES,
            default=os.environ.get("SUITE", SUITES[0]),
            help="Debian release (default: $SUITE, else %(default)s)",
        )
        return sub

    def manager(sub: argparse.ArgumentParser) -> argparse.ArgumentParser:
        sub.add_argument(
            "--manager", choices=MANAGERS, default=DEFAULT_MANAGER, help="who runs its radios (default: %(default)s)"
        )
        return sub

    def name(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("name", nargs="?", default="laptop", help="which laptop (default: laptop)")

    sub = command("build", _build, "Build the image, and boot a laptop for its snapshot, unless the cache has them.")
    manager(suite(sub))
    sub.add_argument("--roles", action="store_true", help="the snapshot of a laptop with both roles as well")
    sub = command("up", _up, "Start a laptop and leave it running.")
    name(sub)
    manager(suite(sub))
    sub = command("ssh", _ssh, "Log in to a laptop, or run a command there.")
    name(sub)
    sub.add_argument("command", nargs=argparse.REMAINDER, help="a command, after --")
    sub = command("scenario", _scenario, "Let CSME hold a laptop's radio for a live session, and keep it so.")
    name(sub)
    sub.add_argument("--security", choices=sorted(SECURITY), default="wpa2-psk")
    sub.add_argument("--ssid", default="corp-wifi", help="the network's name")
    sub.add_argument("--channel", type=int, default=6)
    sub.add_argument("--leave", choices=("deauth", "silent"), default="deauth", help="how CSME leaves the air")
    sub.add_argument("--generation", choices=("userspace", "driver"), default="userspace", help="the kernel's")
    sub.add_argument("--no-credentials", action="store_true", help="the laptop has no profile for the network")
    name(command("down", _down, "End a laptop."))
    command("list", _list, "Say which laptops are up.")
    manager(suite(command("demo", _demo, "Hand a radio over twice: as stock Linux does it, and with the collection.")))
    return parser


def _folder(options: argparse.Namespace) -> Path:
    if not options.name.replace("-", "").replace("_", "").isalnum():
        raise LabError(f"{options.name!r} is no name for a laptop: use letters, digits, - and _")
    return STATE / str(options.name)


def _build(options: argparse.Namespace, progress: Progress) -> int:
    made_of = hardware(options.suite, options.manager, qemu.default_shift(), progress)
    print(f"image:       {made_of.image.folder}\naccelerator: {made_of.accelerator}")
    for deployed in (False, True) if options.roles else (False,):
        kind = Kind(options.suite, options.manager, deployed)
        print(f"snapshot:    {ensure_snapshot(kind, progress)}, {kind.text}")
    return 0


def _up(options: argparse.Namespace, progress: Progress) -> int:
    folder = _folder(options)
    pid = qemu.read_pid(folder)
    if pid is not None:
        raise LabError(f"{options.name} is up already (process {pid})")
    kind = Kind(options.suite, options.manager)
    laptop = restored(options.name, folder, kind, progress, dies_with_parent=False)
    inventory(laptop)
    laptop.guest.close()
    print(f"{options.name} is up: ssh -F {laptop.config} laptop")
    return 0


def _ssh(options: argparse.Namespace, progress: Progress) -> int:
    folder = _folder(options)
    attach(options.name, folder, progress).guest.close()
    command = [word for word in options.command if word != "--"]
    return subprocess.run(["ssh", "-F", str(folder / "ssh_config"), "laptop", *command], check=False).returncode


def _scenario(options: argparse.Namespace, progress: Progress) -> int:
    laptop = attach(options.name, _folder(options), progress)
    try:
        with progress.step("CSME takes the radio, the operator opens a session"):
            scene = stage(
                laptop,
                security=options.security,
                ssid=options.ssid.encode(),
                channel=options.channel,
                leave=options.leave,
                credentials=not options.no_credentials,
                generation=options.generation,
            )
            if options.generation == "driver":
                scene.csme.take()
        print("The session lives as long as this command runs. Ctrl-C ends it.")
        while True:
            record = scene.session.record()
            silence = record.largest_silence(record.opened) if record.echoes else 0.0
            state = "lives" if record.kept else f"is lost ({record.why})"
            owner = scene.csme.state()["owner"]
            print(f"\rowner: {owner}   session {state}   largest silence {silence:.2f} s   ", end="", flush=True)
            signal.sigtimedwait([], 1.0)
    except KeyboardInterrupt:
        print(f"\nThe session is over; {options.name} is still up.", end="")
        return 0
    finally:
        print()
        laptop.guest.close(farewell=True)


def _down(options: argparse.Namespace, progress: Progress) -> int:
    folder = _folder(options)
    if qemu.read_pid(folder) is None:
        raise LabError(f"no laptop {options.name!r} is up")
    end(folder)
    (folder / "disk.qcow2").unlink(missing_ok=True)  # the rest is small, and tells what happened
    print(f"{options.name} is down")
    return 0


def _list(_options: argparse.Namespace, _progress: Progress) -> int:
    for folder in sorted(STATE.iterdir()) if STATE.exists() else ():
        pid = qemu.read_pid(folder)
        if pid is not None:
            print(f"{folder.name}\tprocess {pid}")
    return 0


def _demo(options: argparse.Namespace, progress: Progress) -> int:
    return demo(options.suite, options.manager, progress)
