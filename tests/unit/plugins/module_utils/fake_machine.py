# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A laptop made of files, and a wpa_supplicant of one's own. Test files import from here by this file's full name."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places

BSSID = "02:00:00:00:01:00"
OTHER_BSSID = "02:00:00:00:02:00"
#: The management engine's client for wireless.
WIRELESS_CLIENT = "13280904-7792-4fcb-a1aa-5e70cbb1e865"


class Machine:
    """The files below a directory that stands for ``/``. A fresh one is a laptop without wireless."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.root = str(path)
        self.places = Places(self.root)
        self.release = "6.1.0-18-amd64"
        self.write("proc/sys/kernel/osrelease", self.release + "\n")
        self.process(1, "systemd")
        self.process(500, "self-itself")
        (path / "proc/self").symlink_to("500")
        for folder in ("sys/module", "sys/bus", "sys/class/net", "sys/class/rfkill", "run"):
            (path / folder).mkdir(parents=True)
        self.write(f"lib/modules/{self.release}/modules.dep", "kernel/net/wireless/cfg80211.ko: kernel/x.ko\n")

    def write(self, path: str, text: str) -> Path:
        """Write a file and return its path."""
        file = self.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def process(self, pid: int, name: str, namespace: Optional[str] = "net:[1]") -> None:
        """Start a process; None hides its network namespace."""
        self.write(f"proc/{pid}/comm", name + "\n")
        if namespace is not None:
            (self.path / f"proc/{pid}/ns").mkdir()
            (self.path / f"proc/{pid}/ns/net").symlink_to(namespace)

    def interface(self, name: str = "wlan0", index: int = 3) -> None:
        """Make a wireless interface."""
        self.write(f"sys/class/net/{name}/ifindex", f"{index}\n")
        (self.path / f"sys/class/net/{name}/phy80211").mkdir()

    def addresses(self, now: str, permanent: Optional[str] = None, name: str = "wlan0") -> None:
        """Give a wireless interface and its radio MAC addresses."""
        self.write(f"sys/class/net/{name}/address", f"{now}\n")
        self.write(f"sys/class/net/{name}/phy80211/macaddress", f"{permanent or now}\n")

    def link_file(self, path: str, setting: str, index: int = 3) -> Path:
        """Apply a ``.link`` file with a setting to an interface, as udevd does; return its path."""
        self.write(f"run/udev/data/n{index}", f"E:ID_NET_LINK_FILE=/{path}\n")
        return self.write(path, f"[Match]\nOriginalName=*\n[Link]\n{setting}\n")

    def module(self, name: str, file: bool = True, loaded: bool = True) -> None:
        """Install a kernel module, and load it."""
        if file:
            path = f"kernel/drivers/net/wireless/intel/iwlwifi/{name}.ko"
            self.write(f"lib/modules/{self.release}/{path}", "")
            with open(self.path / f"lib/modules/{self.release}/modules.dep", "a", encoding="ascii") as dep:
                dep.write(f"{path}: kernel/drivers/misc/mei/mei.ko\n")
        if loaded:
            self.write(f"sys/module/{name}/initstate", "live\n")

    def types(self, *names: str) -> None:
        """Give iwlmvm type information (BTF) with these names, as its string section has them (bpf/btf.rst)."""
        path = self.path / "sys/kernel/btf/iwlmvm"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\x9f\xeb\x01\0\x18\0\0\0\0" + b"".join(name.encode() + b"\0" for name in names))

    def mei(self, driver: Optional[str] = "iwlmei", status: Optional[str] = "1\n") -> None:
        """Give the management engine its client for wireless, a driver, and that driver's status in debugfs."""
        client = self.path / f"sys/bus/mei/devices/0000:00:16.0-{WIRELESS_CLIENT}"
        client.mkdir(parents=True)
        (client.parent / "0000:00:16.0-12f80028-b4b7-4b2d-aca8-46e0ff65814c").mkdir()
        if driver is not None:
            target = self.path / "sys/bus/mei/drivers" / driver
            target.mkdir(parents=True)
            (client / "driver").symlink_to(target)
        if status is not None:
            self.write("sys/kernel/debug/iwlmei/status", status)

    def networkmanager(self, managed: Optional[str], index: int = 3) -> None:
        """Start NetworkManager and let it record what it has of an interface (``true``, ``false``; None: neither)."""
        self.process(600, "NetworkManager")
        line = "" if managed is None else f"managed={managed}\n"
        self.write(f"run/NetworkManager/devices/{index}", f"[device]\n{line}perm-hw-addr-fake=x\n")

    def socket_path(self, interface: str = "wlan0") -> Path:
        """Return where the control socket of an interface is."""
        folder = self.path / "run/wpa_supplicant"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / interface


class Supplicant:
    """wpa_supplicant as far as the facts ask it, answering as release 2.10 was seen to answer.

    Args:
        path: where its socket goes.
        answer: None is silent; another answers what it returns, or leaves it to the default with None.
    """

    def __init__(self, path: Path, answer: Callable[[str], Optional[str]] = lambda _command: None) -> None:
        self.networks: List[Dict[str, Any]] = []
        self.asked: List[str] = []
        self._answer = answer
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def network(self, ssid: str, key_mgmt: str = "WPA-PSK", bssid: str = "any", flags: str = "", **values: str) -> None:
        """Configure a network; *values* are what GET_NETWORK answers."""
        self.networks.append({"ssid": ssid, "bssid": bssid, "flags": flags, "key_mgmt": key_mgmt, **values})

    def __enter__(self) -> Supplicant:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._socket.sendto(b"\0end", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            data, client = self._socket.recvfrom(8192)
            command = data.decode()
            if command == "\0end":
                return
            self.asked.append(command)
            reply = self._answer(command)
            with suppress(OSError):  # whoever asked did not wait for the answer
                self._socket.sendto((self._reply(command) if reply is None else reply).encode("latin-1"), client)

    def _reply(self, command: str) -> str:
        words = command.split(" ")
        if command == "GET version":
            return "2.10"
        if command == "LIST_NETWORKS":
            lines = [f"{i}\t{n['ssid']}\t{n['bssid']}\t{n['flags']}" for i, n in enumerate(self.networks)]
            return "\n".join(["network id / ssid / bssid / flags", *lines, ""])
        if words[0] == "GET_NETWORK":
            return str(self.networks[int(words[1])].get(words[2], "FAIL\n"))
        return "UNKNOWN COMMAND\n"
