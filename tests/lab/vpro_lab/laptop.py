# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A laptop: its machine, its radios, its supplicant."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import textwrap
import time
from contextlib import suppress
from pathlib import Path
from typing import Callable, Optional, Sequence

from . import qemu
from .errors import LabError
from .guest import PAYLOAD, Guest, control_socket, ssh_config, wait_for_ssh
from .image import Image, ensure_image, ensure_modules
from .paths import PACKAGE
from .progress import Progress

#: The laptop's radio, and its MAC address (the first that mac80211_hwsim gives). CSME uses the same address.
INTERFACE = "wlan0"
MAC = "02:00:00:00:00:00"
#: Seconds for a boot; a two-core machine without hardware virtualisation needs about 20 for one laptop, and minutes
#: when others boot and work at the same time.
BOOT_SECONDS = 300.0

_RADIOS_UP = """
set -e
modprobe mac80211_hwsim radios={count}
for n in ap csme; do ip netns add $n; ip -n $n link set lo up; done
iw reg set US
give() {{
    iw phy "$(cat /sys/class/net/$1/phy80211/name)" set netns name "$2"
    ip -n "$2" link set "$1" name "$3"
}}
cat /sys/class/net/wlan2/phy80211/name > /run/csme-phy
give wlan1 ap ap0
give wlan2 csme csme0
ip -n csme link set csme0 address {mac}
ip netns exec csme sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
{standin}
"""
_RADIOS_DOWN = """
systemctl stop lab-early.service 2>/dev/null
systemctl stop wpa_supplicant@wlan0.service 2>/dev/null
# The one below NetworkManager goes on, with its sockets.
systemctl is-active -q wpa_supplicant.service || rm -f /run/wpa_supplicant/*
rm -f /run/vpro-fleet/*
for m in csme_standin csme_standin2 iwlwifi iwlmei iwlmvm iwlmld; do [ ! -d /sys/module/$m ] || rmmod $m; done
for n in ap csme; do ip netns del $n 2>/dev/null; done
ip link del sap0 2>/dev/null
[ ! -d /sys/module/mac80211_hwsim ] || modprobe -r mac80211_hwsim
exit 0
"""
# The service ends by itself seconds after the last change, and writes then. Tests may be quick, and systemd starts a
# unit five times in ten seconds at most, unless it is made to forget that.
_SWITCHES_FORGOTTEN = """
systemctl stop systemd-rfkill.socket systemd-rfkill.service
rfkill unblock all
rm -f /var/lib/systemd/rfkill/*
systemctl reset-failed systemd-rfkill.socket systemd-rfkill.service 2>/dev/null
systemctl start systemd-rfkill.socket
"""
# Only what runs over ssh, as Ansible does: services of the laptop have a Python as it is.
_ARCHIVES_COMPILED_ONCE = f"""
set -e
cd /usr/lib/python3/dist-packages
cp {PAYLOAD}/zip_cache.py lab_zip_cache.py
echo "import os; 'SSH_CONNECTION' in os.environ and __import__('lab_zip_cache')" > lab_zip_cache.pth
"""


class Laptop:
    """One virtual laptop. Made by :func:`boot` or :func:`attach`."""

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
        self.guest = Guest(config)

    # -- the machine ---------------------------------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        """Whether the virtual machine runs and answers: one whose kernel is stuck runs on for ever."""
        return qemu.read_pid(self.folder) is not None and self.guest.open

    def reboot(self) -> None:
        """Boot the laptop anew, its disk as it is. Radios, namespaces and everything below ``/run`` go.

        Raises:
            LabError: it did not come up again.
        """
        before = self.guest.check("cat /proc/sys/kernel/random/boot_id")
        with suppress(LabError):  # a laptop that is quick takes the channel away before the answer
            self.guest.run("systemctl reboot")
        self.guest.close()
        hang_up(self.folder)
        self._quiet = True

        def is_up() -> bool:
            argv = ["ssh", "-F", str(self.config), "-S", "none", "-o", "ConnectTimeout=8", "laptop"]
            done = subprocess.run(
                [*argv, "cat /proc/sys/kernel/random/boot_id"], capture_output=True, text=True, check=False
            )
            return done.returncode == 0 and done.stdout != before

        wait_until("the laptop after its reboot", is_up, BOOT_SECONDS, pause=0.5)
        self.guest = Guest(self.config)

    def down(self) -> None:
        """End the machine and remove what it left outside its folder."""
        self.guest.close()
        end(self.folder)
        if self._machine is not None:
            self._machine.process.wait()

    def compile_archives_once(self) -> None:
        """Have Python keep what it compiles of Ansible's archives: a task costs a third less, see ``zip_cache.py``."""
        self.guest.check(_ARCHIVES_COMPILED_ONCE)

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
            standin: load the CSME stand-in over ``wlan0``.
            second: another interface of the laptop's, over which to load a second stand-in.
        """
        if not self._quiet:
            self.no_radios()
        self._quiet = False
        load = f"insmod {PAYLOAD}/csme_standin.ko netdev={INTERFACE}\n" if standin else ""
        load += f"insmod {PAYLOAD}/csme_standin2.ko netdev={second}\n" if second else ""
        self.guest.check(_RADIOS_UP.format(count=count, mac=MAC, standin=load))

    def no_radios(self) -> None:
        """Take all radios away, and everything of an earlier scenario with them."""
        for name in (
            "recorder",
            "session-client",
            "session-server",
            "csme-supplicant",
            "hostapd",
            "dnsmasq",
            "tcpdump",
        ):
            self.guest.stop(name)
        self.guest.check(_RADIOS_DOWN)
        self._quiet = True

    def occupied(self) -> None:
        """Take note that somebody else set the air up."""
        self._quiet = False

    def forget_switches(self) -> None:
        """Lift every soft block, and have neither kernel nor systemd remember one: both apply it to a new radio."""
        self.guest.check(_SWITCHES_FORGOTTEN)

    # -- the supplicant ---------------------------------------------------------------------------------------------

    @property
    def manager(self) -> str:
        """Who runs its wireless interfaces, see :data:`vpro_lab.image.MANAGERS`."""
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
            wait_until("NetworkManager", lambda: "running" in self.guest.run("nmcli -g RUNNING general").out, 30)
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
        left += self.guest.run("ls /run/vpro-fleet/*.journal 2>/dev/null").out.split()
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
        """Start recording what supplicant and kernel do (see :mod:`vpro_lab.timeline`)."""
        self.guest.run("rm -f /run/lab-recorder.log")
        self.guest.spawn("recorder", ["python3", "-u", f"{PAYLOAD}/recorder.py", INTERFACE], "/run/lab-recorder.log")
        # Below NetworkManager there is no supplicant to attach to before the block lifts.
        begun = '"ready"' if self.manager == "networkmanager" else '"attached"'
        self.guest.wait_for("/run/lab-recorder.log", begun)

    def recorded(self) -> list[dict[str, object]]:
        """Stop recording; return the records."""
        self.guest.stop("recorder")
        return [json.loads(line) for line in self.guest.read("/run/lab-recorder.log").splitlines()]

    def keep_artifacts(self, folder: Path) -> None:
        """Copy everything that explains a failure to *folder*: journal, dmesg, logs of all processes, captures.

        Of a laptop that does not answer any more it is the console alone, with what its kernel said last.
        """
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.folder / "console.log", folder / "console.log")
        if not self.alive:
            return
        commands = {
            "journal.txt": "journalctl -b -o short-monotonic --no-pager",
            "supplicant.txt": "journalctl -b -u 'wpa_supplicant*' -o short-monotonic --no-pager",
            "dmesg.txt": "dmesg",
            "csme-log.txt": "cat /sys/kernel/debug/csme_standin/log /sys/kernel/debug/csme_standin/control",
            "rfkill.txt": "grep . /sys/class/rfkill/*/* 2>/dev/null",
            "network.txt": "ip -s addr; iw dev; for n in ap csme; do ip -n $n -s addr; ip -n $n route; done",
        }
        for name, command in commands.items():
            done = self.guest.run(command)
            (folder / name).write_text(done.out + done.err, encoding="utf-8")
        for path in self.guest.run("ls /run/lab-*.log /run/lab-*.pcap 2>/dev/null").out.split():
            subprocess.run(
                ["scp", "-q", "-F", str(self.config), f"laptop:{path}", str(folder / Path(path).name)], check=False
            )


def boot(
    name: str,
    folder: Path,
    suite: str,
    progress: Progress,
    *,
    manager: str = "wpa_supplicant",
    dies_with_parent: bool = True,
) -> Laptop:
    """Boot a laptop and return it when its agent answers.

    Args:
        name: what to call it.
        folder: where its state goes; made anew.
        suite: the Debian release.
        progress: where to report.
        manager: who runs its wireless interfaces, see :data:`vpro_lab.image.MANAGERS`.
        dies_with_parent: end it when this process ends in whatever way (tests); False keeps it (people).

    Raises:
        LabError: the image could not be built, or the machine did not come up.
    """
    image = ensure_image(suite, progress, manager)
    modules = ensure_modules(image, progress)
    end(folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    payload = _payload(folder, modules)
    try:
        with progress.step(f"booting {name} ({suite})"):
            machine = qemu.start(image, folder, payload, dies_with_parent=dies_with_parent)
            config = ssh_config(folder, machine.ssh_port, image.key)
            (folder / "laptop.json").write_text(
                json.dumps({"name": name, "suite": suite, "manager": manager, "accelerator": machine.accelerator}),
                encoding="utf-8",
            )
            wait_for_ssh(config, lambda: qemu.is_qemu(machine.pid), BOOT_SECONDS)
            return Laptop(name, folder, image, config, machine)
    except BaseException as error:
        end(folder)
        if isinstance(error, LabError):
            raise LabError(f"{name} did not boot: {error}; its console: {folder / 'console.log'}") from None
        raise


def attach(name: str, folder: Path, progress: Progress) -> Laptop:
    """Return the laptop that was booted into *folder* by another process.

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


def hang_up(folder: Path) -> None:
    """End the multiplexed ssh connection of the laptop whose state is in *folder*, if there is one."""
    control = control_socket(folder)
    if control.exists():
        subprocess.run(
            ["ssh", "-o", f"ControlPath={control}", "-O", "exit", "laptop"], capture_output=True, check=False
        )


def _payload(folder: Path, modules: Path) -> Path:
    """Make the read-only disk with the lab's own files and return its path."""
    files = folder / "payload"
    shutil.copytree(PACKAGE / "guest", files, ignore=shutil.ignore_patterns("__pycache__"))
    for module in modules.iterdir():
        shutil.copy(module, files)
    disk = folder / "payload.img"
    with open(disk, "wb") as handle:
        handle.truncate(16 * 1024 * 1024)
    done = subprocess.run(
        ["mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-L", "vpro-lab", "-d", str(files), str(disk)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise LabError(f"mkfs.ext4 of the payload disk failed: {done.stderr}")
    return disk


def wait_until(what: str, condition: Callable[[], bool], seconds: float = 10.0, pause: float = 0.1) -> None:
    """Wait until *condition()* is true.

    Raises:
        LabError: it did not become true within *seconds*; the message names *what*. A process that leaves the processor
            to others (nice(2)), and its laptops with it, has four times as long.
    """
    seconds *= 4 if os.nice(0) > 0 else 1
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise LabError(f"{what}: not within {seconds:.0f} s")
        time.sleep(pause)


__all__ = ["INTERFACE", "MAC", "Laptop", "attach", "boot", "end", "wait_until"]
