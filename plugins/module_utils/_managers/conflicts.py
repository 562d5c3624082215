# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Conflicts about a wireless interface: every program, except its own wpa_supplicant, that runs it or would run it."""

from __future__ import annotations

import fnmatch
import getopt
import glob
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

from .._network.backend import NETWORKMANAGER
from .._radio import sysfs
from .._system import systemd
from .._system.errors import FleetError, NotFound
from .._system.files import list_folder, read_text
from .._system.places import PLACES, Places
from .who import has_socket, who_runs
from .wpa_supplicant.control import control_directories
from .wpa_supplicant.loading import PROGRAMS


@dataclass(frozen=True)
class Process:
    """A process of this network namespace."""

    name: str
    arguments: Tuple[str, ...]
    #: The systemd unit that it belongs to, or an empty text.
    unit: str
    pid: int


@dataclass(frozen=True)
class Conflict:
    """A program that runs the interface or would run it, where that is configured, and what to do about it."""

    what: str
    where: str
    remedy: str

    def as_dict(self) -> Dict[str, str]:
        """Return the conflict as the module returns it."""
        return {"what": self.what, "where": self.where, "remedy": self.remedy}


class InterfaceSources:
    """One interface, and the programs and files that concern it. *places* says where the files are."""

    def __init__(self, name: str, path: str, places: Places = PLACES) -> None:
        self.name = name
        self.path = path
        self.places = places
        self.service = f"wpa_supplicant@{systemd.instance(name)}.service"
        self._processes = list(_read_processes(places))

    @property
    def index(self) -> Optional[int]:
        """The interface's index, or None if it does not exist."""
        with suppress(NotFound):
            return sysfs.index_of(self.name, self.places.root)
        return None

    @property
    def program(self) -> Optional[str]:
        """The path of wpa_supplicant, or None if it is not installed."""
        return self._first(PROGRAMS)

    @property
    def template(self) -> Optional[str]:
        """The path of the service's template, or None if there is none."""
        return self._first([f"{folder}/wpa_supplicant@.service" for folder in systemd.UNIT_FOLDERS])

    @property
    def running(self) -> bool:
        """Whether the wpa_supplicant of the service runs."""
        return any(process.unit == self.service for process in self._supplicants())

    def conflicts(self) -> List[Conflict]:
        """Return everything that conflicts with the service's wpa_supplicant."""
        found = [*self._networkmanager(), *self._managers(), *self._dhcpcd(), *self._ifupdown(), *self._netplan()]
        return found + list(self._others(found))

    def _first(self, names: Sequence[str]) -> Optional[str]:
        return next(("/" + name for name in names if os.path.exists(self.places.at(name))), None)

    def _at(self, path: str) -> str:
        return self.places.at(path)

    def _named(self, name: str) -> List[Process]:
        return [process for process in self._processes if process.name == name]

    def _supplicants(self) -> List[Process]:
        return [each for each in self._named("wpa_supplicant") if self.name in _options(each.arguments, "-i")]

    def _networkmanager(self) -> Iterator[Conflict]:
        index = self.index
        if index is None:
            return
        asked = has_socket(self.name, control_directories(self.places))
        verdict = who_runs(self.name, index, lambda name: bool(self._named(name)), asked, self.places)
        if verdict.manager != NETWORKMANAGER and not verdict.through_networkmanager:
            return
        # NetworkManager does not take the interface from a supplicant that already runs.
        if verdict.sure or not self.running:
            yield Conflict(
                f"NetworkManager manages {self.name}"
                if verdict.sure
                else f"NetworkManager runs, and may take {self.name}",
                f"/run/NetworkManager/devices/{index}",
                f"Make it unmanaged: write '[keyfile]' and 'unmanaged-devices=interface-name:{self.name}' to "
                "/etc/NetworkManager/conf.d/90-vpro-fleet.conf, and run 'systemctl reload NetworkManager'",
            )

    def _managers(self) -> Iterator[Conflict]:
        for process in self._named("iwd"):
            taken = _options(process.arguments, "-i", "--interfaces")
            left = _options(process.arguments, "-I", "--nointerfaces")
            if (not taken or _matches(self.name, taken)) and not _matches(self.name, left):
                yield Conflict(
                    f"iwd takes {self.name}",
                    process.unit or f"process {process.pid}",
                    f"Run 'systemctl disable --now iwd', or start it with --nointerfaces {self.name}",
                )
        for process in self._named("connmand"):
            if not _matches(self.name, _options(process.arguments, "-I", "--nodevice")):
                yield Conflict(
                    f"ConnMan takes {self.name}",
                    process.unit or f"process {process.pid}",
                    f"Run 'systemctl disable --now connman', or start it with --nodevice {self.name}",
                )

    def _dhcpcd(self) -> Iterator[Conflict]:
        if not self._named("dhcpcd"):
            return
        folders = [f"{at}/{name}" for at in ("usr/lib", "lib", "usr/libexec") for name in _HOOKS]
        hooks = [hook for folder in folders for hook in glob.glob(self.places.at(folder, "*wpa_supplicant*"))]
        if hooks and not _dhcpcd_leaves(_text(self._at("/etc/dhcpcd.conf")), self.name):
            yield Conflict(
                f"dhcpcd starts a wpa_supplicant of its own for {self.name}",
                "/" + os.path.relpath(hooks[0], self.places.root),
                "Write 'nohook wpa_supplicant' to /etc/dhcpcd.conf before its first 'interface' line, and run "
                "'systemctl restart dhcpcd' (it still gives the interface its address)",
            )

    def _ifupdown(self) -> Iterator[Conflict]:
        files = [self._at("/etc/network/interfaces"), *sorted(glob.glob(self._at("/etc/network/interfaces.d/*")))]
        for path in files:
            if _ifupdown_takes(_text(path), self.name):
                yield Conflict(
                    f"ifupdown starts a wpa_supplicant of its own for {self.name}",
                    "/" + os.path.relpath(path, self.places.root),
                    f"Remove the lines that begin with 'wpa-' from 'iface {self.name}' there, declare the network in "
                    "supplicant_profiles, and restart the laptop",
                )

    def _netplan(self) -> Iterator[Conflict]:
        unit = f"/run/systemd/system/netplan-wpa-{self.name}.service"
        if os.path.exists(self._at(unit)):
            yield Conflict(
                f"netplan starts a wpa_supplicant of its own for {self.name}",
                unit,
                f"Remove {self.name} from 'wifis' in /etc/netplan, declare the network in supplicant_profiles, let "
                "/etc/systemd/network give the interface its address, and run 'netplan apply'",
            )

    def _others(self, known: Sequence[Conflict]) -> Iterator[Conflict]:
        told = {os.path.basename(conflict.where) for conflict in known}
        for process in self._supplicants():
            where = process.unit or f"process {process.pid}"
            if process.unit in told:
                continue
            if process.unit != self.service:
                yield Conflict(
                    f"another wpa_supplicant runs {self.name}",
                    where,
                    f"Run 'systemctl disable --now {process.unit}'"
                    if process.unit.endswith(".service")
                    else "Find out what starts it, and end it",
                )
                continue
            files = [os.path.realpath(self._at(path)) for path in _options(process.arguments, "-c")]
            if os.path.realpath(self._at(self.path)) not in files:
                yield Conflict(
                    f"{self.service} reads another file than {self.path}",
                    " ".join(_options(process.arguments, "-c")) or where,
                    f"Look at 'systemctl cat {self.service}', and let it read that file",
                )


_HOOKS = ("dhcpcd/dhcpcd-hooks", "dhcpcd-hooks")


def _read_processes(places: Places) -> Iterator[Process]:
    """Yield the processes that matter in this network namespace. Others can't use the interface."""
    proc = places.at("proc")
    here = _namespace(os.path.join(proc, "self"))
    for pid in [name for name in list_folder(proc) if name.isdecimal()]:
        folder = os.path.join(proc, pid)
        with suppress(FleetError):  # it ended meanwhile
            name = read_text(os.path.join(folder, "comm")).strip()
            if name in _CONCERNED and _namespace(folder) in (here, None):
                arguments = read_text(os.path.join(folder, "cmdline")).rstrip("\0").split("\0")
                unit = _unit(_text(os.path.join(folder, "cgroup")))
                yield Process(name, tuple(arguments), unit, int(pid))


_CONCERNED = frozenset({"NetworkManager", "iwd", "connmand", "dhcpcd", "wpa_supplicant"})


def _namespace(process: str) -> Optional[str]:
    try:
        return os.readlink(os.path.join(process, "ns/net"))
    except OSError:
        return None


def _unit(cgroup: str) -> str:
    """Return the unit that a process belongs to, from its ``cgroup`` in procfs (version 1 or 2)."""
    for line in cgroup.splitlines():
        fields = line.split(":", 2)
        if len(fields) == 3 and fields[1] in ("", "name=systemd"):
            units = [part for part in fields[2].split("/") if part.endswith((".service", ".scope"))]
            if units:
                return units[-1]
    return ""


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read()
    except OSError:
        return ""


#: wpa_supplicant's options, as in its call of getopt(). The few options of iwd and ConnMan are parsed without getopt.
_SUPPLICANT_OPTIONS = "b:Bc:C:D:de:f:g:G:hH:i:I:KLMm:No:O:p:P:qsTtuvW"


def _options(arguments: Sequence[str], short: str, long: str = "") -> List[str]:
    """Return the values that a program was given for an option. A list is split at its commas."""
    if not long:
        with suppress(getopt.GetoptError):
            given, _rest = getopt.gnu_getopt(list(arguments[1:]), _SUPPLICANT_OPTIONS)
            return [value for name, value in given if name == short]
    values: List[str] = []
    for position, text in enumerate(arguments):
        if text in (short, long) and position + 1 < len(arguments):
            values.append(arguments[position + 1])
        elif long and text.startswith(f"{long}="):
            values.append(text.partition("=")[2])
        elif text.startswith(short) and len(text) > 2:
            values.append(text[2:])
    return [each for value in values for each in value.split(",")]


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _dhcpcd_leaves(text: str, interface: str) -> bool:
    """Say whether dhcpcd's configuration keeps dhcpcd, or its hook, away from an interface (dhcpcd.conf(5))."""
    applies = True  # lines before the first block apply to every interface
    for line in text.splitlines():
        word, *rest = re.split(r"[\s,]+", line.partition("#")[0].strip())
        if word in ("interface", "ssid", "profile", "arping"):
            applies = word == "interface" and interface in rest
        hook = word == "nohook" and applies and any(each.endswith("wpa_supplicant") for each in rest)
        denied = word == "denyinterfaces" and _matches(interface, rest)
        if hook or denied or (word == "allowinterfaces" and not _matches(interface, rest)):
            return True
    return False


def _ifupdown_takes(text: str, interface: str) -> bool:
    """Say whether ifupdown's configuration has options for wpa_supplicant on an interface (interfaces(5))."""
    inside = False
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] in ("iface", "mapping", "auto", "source", "source-directory") or words[0].startswith("allow-"):
            inside = words[0] == "iface" and words[1:2] == [interface]
        elif inside and words[0].startswith("wpa-"):
            return True
    return False
