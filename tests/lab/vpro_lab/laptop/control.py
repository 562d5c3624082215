# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A laptop: its machine, its radios, its supplicant."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import textwrap
import time
from contextlib import suppress
from pathlib import Path
from typing import Callable, Optional, Sequence

from ..errors import LabError
from ..progress import Progress
from . import qemu
from .guest import PATIENCE, PAYLOAD, Guest, ssh_config
from .image import Image, ensure_image, ensure_payload
from .radios import ENGINE_UP, RADIOS_DOWN, RADIOS_UP
from .store import need_room

#: The laptop's radio, and its MAC address (the first that mac80211_hwsim gives). CSME uses the same address.
INTERFACE = "wlan0"
MAC = "02:00:00:00:00:00"
_SITE = "/usr/lib/python3/dist-packages/lab_zip_cache"
# Only what runs over ssh, as Ansible does: services of the laptop have a Python as it is.
_COMPILED_ONCE = f"""
cp {PAYLOAD}/zip_cache.py {_SITE}.py
echo "import os; 'SSH_CONNECTION' in os.environ and __import__('lab_zip_cache')" > {_SITE}.pth
"""
_COMPILED_ANEW = f"rm -rf {_SITE}.py {_SITE}.pth /run/lab-zip-cache"


#: For how long a laptop that boots is waited for until it is asked again, in seconds of the host's time.
_AGAIN_SECONDS = 20.0
#: What a kernel says at its end; one that is stuck comes to that as well (``softlockup_panic``).
_PANIC = b"Kernel panic"
#: What a laptop may write to its disk, in bytes: packages and journals take some 200 MB.
_GROWS_BYTES = 500_000_000
#: How much of its console a laptop that does not start leaves in the error: a kernel's last words are some 30 lines.
_CONSOLE_LINES = 60


class Laptop:
    """One virtual laptop. Made by :func:`start` or :func:`attach`."""

    def __init__(
        self, name: str, folder: Path, image: Image, config: Path, machine: Optional[qemu.Machine] = None
    ) -> None:
        self.name = name
        self.folder = folder
        self.image = image
        self.config = config
        self._machine = machine
        #: Whether the air is known to be empty. Setting it up empties it first where it is not.
        self._quiet = False
        #: Whether the air is set up as :meth:`radios` does by itself, and nobody has used it.
        self.fresh_air = False
        #: Whether its CSME is the engine, below the real iwlmei, and no stand-in.
        self.engine = False
        self.guest = self._reach()

    # -- the machine ---------------------------------------------------------------------------------------------

    def _reach(self, patience: float = PATIENCE) -> Guest:
        return Guest(qemu.socket_of(self.folder, "agent"), self._runs, patience)

    def _runs(self) -> bool:
        """Whether its machine runs. One whose kernel has panicked never does anything again."""
        console = self.folder / "console.log"
        return qemu.read_pid(self.folder) is not None and _PANIC not in console.read_bytes()

    @property
    def alive(self) -> bool:
        """Whether the laptop runs and answers."""
        return self._runs() and self.guest.answers

    def processor_seconds(self) -> float:
        """Return the processor time that its machine has taken so far, in seconds."""
        return self._machine.processor_seconds() if self._machine else 0.0

    def reboot(self) -> None:
        """Boot the laptop anew, its disk as it is. Radios, namespaces and everything below ``/run`` go.

        Raises:
            LabError: it did not come up again.
        """
        asked = "cat /proc/sys/kernel/random/boot_id"
        before = self.guest.check(asked)
        self.guest.run("systemctl --no-block reboot")
        hang_up(self.folder)
        self.fresh_air, self._quiet = False, True
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self.guest.close()
            time.sleep(0.5)
            # What was asked of the one that goes is never answered, so it is asked again and again.
            with suppress(LabError):
                self.guest = self._reach(_AGAIN_SECONDS)
                done = self.guest.call("run", _AGAIN_SECONDS, command=asked)
                if done["out"] != before:
                    return
        raise LabError(f"the laptop did not come up again within {PATIENCE:.0f} s of the host's time")

    def save(self, name: str) -> None:
        """Save how the laptop stands within its disk, to go on from. Nobody may speak to it meanwhile, or later.

        Raises:
            LabError: it could not be saved.
        """
        hang_up(self.folder)
        # Their other ends will not be there.
        self.wait_until("the end of all connections", lambda: not self.guest.check("ss -Htn state established").strip())
        self.guest.check("sync")
        self.guest.close()
        qemu.save(self.folder, name)

    def down(self, *, remove: bool = False) -> None:
        """End the machine and remove what it left outside its folder; with *remove*, that as well: it is large."""
        self.guest.close()
        end(self.folder)
        if self._machine is not None:
            self._machine.process.wait()
        if remove:
            shutil.rmtree(self.folder, ignore_errors=True)

    def wait_until(self, what: str, condition: Callable[[], bool], seconds: float = 10.0, pause: float = 0.2) -> None:
        """Wait until *condition()* is true.

        Args:
            what: for people.
            condition: what is looked at.
            seconds: how long it may take, in the laptop's time.
            pause: between two looks, in seconds of the host's time: while nothing happens there, the laptop's is that.

        Raises:
            LabError: it did not become true within *seconds*; the message names *what*.
        """
        deadline = self.guest.monotonic() + seconds
        while not condition():
            if self.guest.monotonic() > deadline:
                raise LabError(f"{what}: not within {seconds:.0f} s of the laptop's time")
            time.sleep(pause)

    def compile_archives(self, *, keep: bool) -> None:
        """Say whether Python keeps what it compiles of Ansible's archives: a task costs a third less then.

        See ``zip_cache.py``.
        """
        self.guest.check(_COMPILED_ONCE if keep else _COMPILED_ANEW)

    def hang_up(self) -> None:
        """Break every ssh connection that tests and Ansible share, as a lost network would. The agent's stays."""
        hang_up(self.folder)

    # -- radios ---------------------------------------------------------------------------------------------------

    def radios(self, count: int = 3, *, standin: bool = True, second: str = "") -> None:
        """Set the air up anew: everything of an earlier scenario goes, *count* fresh radios come.

        The first radio stays with the laptop (``wlan0``), the second goes to the access point's namespace (``ap0``),
        the third to CSME's (``csme0``, with the laptop's MAC address); further ones stay with the laptop.

        Args:
            count: number of radios, at least 3.
            standin: whether a CSME may own ``wlan0``: the stand-in, or the engine.
            second: another interface of the laptop's, over which to load a second stand-in.

        Raises:
            LabError: the engine can't have a second radio.
        """
        if self.engine and second:
            raise LabError("one radio alone is the engine's")
        as_it_is, self.fresh_air = self.fresh_air, False
        if as_it_is and (count, standin, second) == (3, True, ""):
            return
        if not self._quiet:
            self.no_radios()
        self._quiet = False
        if self.engine and standin:
            self.guest.check(ENGINE_UP.format(count=count, mac=MAC))
            return
        load = f"insmod {PAYLOAD}/csme_standin.ko netdev={INTERFACE}\n" if standin else ""
        load += f"insmod {PAYLOAD}/csme_standin2.ko netdev={second}\n" if second else ""
        self.guest.check(RADIOS_UP.format(count=count, mac=MAC, standin=load))

    def no_radios(self) -> None:
        """Take all radios away, and everything of an earlier scenario with them."""
        self.fresh_air = False
        for name in (
            "recorder",
            "session-client",
            "session-server",
            "csme-address",
            "csme-supplicant",
            "hostapd",
            "dnsmasq",
            "tcpdump",
        ):
            self.guest.stop(name)
        self.guest.check(RADIOS_DOWN)
        self.guest.stop("csme-engine")
        self._quiet = True

    def occupied(self) -> None:
        """Take note that somebody else set the air up."""
        self._quiet = False

    # -- the supplicant ---------------------------------------------------------------------------------------------

    @property
    def manager(self) -> str:
        """Who runs its wireless interfaces, see :data:`vpro_lab.laptop.image.MANAGERS`."""
        return self.image.manager

    @property
    def service(self) -> str:
        """The service of who runs its first wireless interface."""
        return "NetworkManager.service" if self.manager == "networkmanager" else f"wpa_supplicant@{INTERFACE}.service"

    def supplicant(self, networks: str, *, start: bool = True, group: str = "netdev") -> None:
        """Write the configuration of the laptop's own wpa_supplicant and (re)start the distribution's service.

        Args:
            networks: ``network={...}`` blocks.
            start: False leaves the service stopped.
            group: who may use its control socket beside root.
        """
        text = f"ctrl_interface=DIR=/run/wpa_supplicant GROUP={group}\ncountry=US\n" + textwrap.dedent(networks)
        self.guest.run("install -d -m 0755 /etc/wpa_supplicant")
        self.guest.write(f"/etc/wpa_supplicant/wpa_supplicant-{INTERFACE}.conf", text, mode=0o600)
        self.guest.check(f"systemctl stop wpa_supplicant@{INTERFACE}.service")
        if start:
            self.guest.check(f"systemctl start wpa_supplicant@{INTERFACE}.service")
            self.wait_supplicant()

    def wait_supplicant(self) -> None:
        """Wait until who runs the radio answers."""
        if self.manager == "networkmanager":
            asked = "nmcli -g RUNNING general"
            self.wait_until("NetworkManager", lambda: "running" in self.guest.run(asked).out, 30)
            return
        self.guest.check(
            f"for i in $(seq 100); do wpa_cli -i {INTERFACE} ping 2>/dev/null | grep -q PONG && exit 0; sleep 0.1; "
            "done; exit 1"
        )

    def wpa(self, command: str) -> str:
        """Ask the supplicant by hand; return what ``wpa_cli`` printed."""
        return self.guest.check(f"wpa_cli -i {INTERFACE} {command}").strip()

    def pins(self) -> str:
        """Return what is left of a pin: networks with bssid or scan_freq, disabled ones, journals. Nothing is none."""
        left = []
        # Below NetworkManager there is no supplicant for an interface that is blocked.
        for line in self.guest.run(f"wpa_cli -i {INTERFACE} list_networks").out.splitlines()[1:]:
            number, ssid, bssid, flags = [*line.split("\t"), ""][:4]
            scan_freq = self.wpa(f"get_network {number} scan_freq")
            if bssid != "any" or scan_freq not in ("FAIL", "") or "[DISABLED]" in flags:
                left.append(f"{ssid}: bssid {bssid} scan_freq {scan_freq} {flags}")
        # The notes of the modules for profiles are none of a pin.
        left += self.guest.run("ls /run/vpro-fleet/*.journal 2>/dev/null | grep -v /profiles-").out.split()
        return "\n".join(left)

    # -- files and journal ------------------------------------------------------------------------------------------

    def send(self, files: Sequence[Path], to: str) -> None:
        """Copy files of this machine to a path of the laptop."""
        subprocess.run(["scp", "-q", "-F", str(self.config), *map(str, files), f"laptop:{to}"], check=True)

    def mark(self) -> str:
        """Return this moment's place in the journal: what is old goes, so nothing is counted from the boot on."""
        told = self.guest.check("journalctl --sync; journalctl --lines 0 --show-cursor")
        return told.rpartition("-- cursor: ")[2].strip()

    def said(self, since: str, unit: str) -> str:
        """Return what units of a name (or a pattern of names) said since a moment that :meth:`mark` returned."""
        after = f"journalctl --after-cursor {shlex.quote(since)} -u {shlex.quote(unit)} -o cat"
        return self.guest.check(f"journalctl --sync; {after}")

    # -- records ----------------------------------------------------------------------------------------------------

    def record(self) -> None:
        """Start recording what supplicant and kernel do (see :mod:`vpro_lab.air.timeline`)."""
        self.guest.run("rm -f /run/lab-recorder.log")
        self.guest.spawn("recorder", ["python3", "-u", f"{PAYLOAD}/recorder.py", INTERFACE], "/run/lab-recorder.log")
        # Below NetworkManager there is no supplicant to attach to before the block lifts.
        begun = '"ready"' if self.manager == "networkmanager" else '"attached"'
        self.guest.wait_for("/run/lab-recorder.log", begun)

    def recorded(self) -> list[dict[str, object]]:
        """Stop recording; return the records."""
        self.guest.stop("recorder")
        return [json.loads(line) for line in self.guest.read("/run/lab-recorder.log").splitlines()]


def hardware(suite: str, manager: str, shift: int, progress: Progress) -> qemu.Hardware:
    """Return what a laptop is made of, building what the cache has not.

    Raises:
        LabError: the image, or the disk with the lab's files, could not be built.
    """
    image = ensure_image(suite, progress, manager)
    return qemu.Hardware(image, ensure_payload(image, progress), shift)


def start(
    name: str,
    folder: Path,
    made_of: qemu.Hardware,
    *,
    disk: Optional[Path] = None,
    snapshot: Optional[str] = None,
    dies_with_parent: bool = True,
) -> Laptop:
    """Start a laptop and return it when its agent answers.

    Args:
        name: what to call it.
        folder: where its state goes; made anew.
        made_of: see :func:`hardware`.
        disk: what to take a copy of and write to; None begins with the image's.
        snapshot: what of that disk to go on from; None boots.
        dies_with_parent: end it when this process ends in whatever way (tests); False keeps it (people).

    Raises:
        LabError: the machine did not come up.
    """
    end(folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    own = folder / "disk.qcow2"
    need_room(folder, (disk.stat().st_size if disk else 0) + _GROWS_BYTES, f"the disk of {name}")
    try:
        if disk is None:
            qemu.new_disk(made_of.image, own)
        else:
            shutil.copyfile(disk, own)
        machine = qemu.start(made_of, folder, own, dies_with_parent=dies_with_parent, snapshot=snapshot)
        config = ssh_config(folder, machine.ssh_port, made_of.image.key)
        told = {
            "name": name,
            "suite": made_of.image.suite,
            "manager": made_of.image.manager,
            "accelerator": machine.accelerator,
            "shift": made_of.shift,
        }
        (folder / "laptop.json").write_text(json.dumps(told), encoding="utf-8")
        return Laptop(name, folder, made_of.image, config, machine)
    except BaseException as error:
        end(folder)
        if isinstance(error, LabError):
            console = (folder / "console.log").read_text(errors="replace").splitlines()[-_CONSOLE_LINES:]
            raise LabError("\n".join([f"{name} did not start: {error}; the end of its console:", *console])) from None
        raise


def attach(name: str, folder: Path, progress: Progress) -> Laptop:
    """Return the laptop that was started in *folder* by another process.

    Raises:
        LabError: none runs there.
    """
    if qemu.read_pid(folder) is None:
        raise LabError(f"no laptop {name!r} is up")
    known = json.loads((folder / "laptop.json").read_text(encoding="utf-8"))
    return Laptop(name, folder, ensure_image(known["suite"], progress, known["manager"]), folder / "ssh_config")


def end(folder: Path) -> None:
    """End the machine whose state is in *folder*, if one runs, and its ssh connections."""
    pid = qemu.read_pid(folder)
    hang_up(folder)
    if pid is not None:
        qemu.stop(pid)
        (folder / "qemu.pid").unlink(missing_ok=True)
    for kind in ("agent", "monitor"):
        qemu.socket_of(folder, kind).unlink(missing_ok=True)


def hang_up(folder: Path) -> None:
    """End the multiplexed ssh connection of the laptop whose state is in *folder*, if there is one."""
    control = qemu.socket_of(folder, "ssh")
    if control.exists():
        subprocess.run(
            ["ssh", "-o", f"ControlPath={control}", "-O", "exit", "laptop"], capture_output=True, check=False
        )


__all__ = ["INTERFACE", "MAC", "Laptop", "attach", "end", "hardware", "start"]
