# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""wpa_supplicant's networks behind a real control socket. Test files import from here by this file's full name.

It answers as release 2.10 was seen, or read, to answer: what counts as a change, what a change does to the link, what
it refuses, and what it does not tell.
"""

from __future__ import annotations

import os
import re
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.conf import ConfBlock, parse
from ansible_collections.vpro.fleet.plugins.module_utils._network import values
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import DecodeFailed

SECRETS = {"psk", "sae_password", "password", "private_key_passwd", "wep_key0"}
DEFAULTS = {
    "key_mgmt": "WPA-PSK WPA-EAP",
    "scan_ssid": "0",
    "priority": "0",
    "ieee80211w": "3",
    "mode": "0",
    "proto": "WPA RSN",
    "pairwise": "CCMP TKIP",
    "group": "CCMP TKIP",
    "mac_addr": "-1",
}
TEXTS = {"ssid", "identity", "anonymous_identity", "phase2", "ca_cert", "domain_suffix_match", "client_cert"} | {
    *("private_key", "id_str", "bgscan", "altsubject_match", "phase1"),
    *(SECRETS - {"psk", "wep_key0"}),
}
NUMBERS = {"scan_ssid", "priority", "ieee80211w", "mode", "disabled", "mac_addr"}
WORDS = {"key_mgmt", "eap", "proto", "pairwise", "group", "scan_freq", "freq_list", "bssid_ignore", "bssid_accept"} | {
    "wep_key0"
}


@dataclass
class FakeNetwork:
    variables: Dict[str, str] = field(default_factory=dict)
    disabled: bool = True
    temp_disabled: bool = False

    @property
    def ssid(self) -> bytes:
        return values.decode_value(self.variables["ssid"]) if "ssid" in self.variables else b""

    def secret(self, name: str) -> Optional[bytes]:
        """What a secret is, however it was given."""
        value = self.variables.get(name)
        return None if value is None else values.decode_value(value)


class FakeSupplicant:
    """A supplicant of one interface.

    Args:
        path: where its socket goes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.networks: Dict[int, FakeNetwork] = {}
        #: What it tells of the settings above the networks (``GET mac_addr`` of release 2.10); others are FAIL.
        self.settings: Dict[str, str] = {"mac_addr": "0", "ap_scan": "1", "pmf": "1", "preassoc_mac_addr": "0"}
        self.state = "SCANNING"
        self.current: Optional[int] = None
        #: How often the link was dropped, by whatever.
        self.drops = 0
        self.requests: List[str] = []
        #: Called with each request; its answer, if it is not None, is given instead.
        self.hook: Callable[[str], Optional[str]] = lambda _request: None
        self._next = 0
        self._thread: Optional[threading.Thread] = None
        self._listener: Any = None

    # -- its life -----------------------------------------------------------------------------------------------------

    def start(self, conf: Optional[Path] = None) -> FakeSupplicant:
        """Read a configuration and begin to answer."""
        self.networks, self.current, self._next = {}, None, 0
        self.state = "SCANNING"
        if conf is not None and conf.exists():
            text = conf.read_bytes().decode("utf-8", "surrogateescape")
            for part in parse(text):
                if isinstance(part, ConfBlock):
                    network = FakeNetwork(disabled=False)
                    for name, value in part.variables.items():
                        assert self._assign(network, name, value) is not None, f"it would not start with {name}"
                    network.disabled = network.variables.pop("disabled", "0") != "0"
                    self._append(network)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.path))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """End; the socket goes."""
        if self._thread is not None:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stopper:
                stopper.sendto(b"\0stop", str(self.path))
            self._thread.join()
            self._thread = None
            self._socket.close()
            os.unlink(self.path)

    def connect(self, ssid: bytes) -> None:
        """Be connected to a network."""
        self.current = next(number for number, network in self.networks.items() if network.ssid == ssid)
        self.state = "COMPLETED"

    def say(self, name: str) -> None:
        """Tell an event to who attached last."""
        self._socket.sendto(f"<3>{name} ".encode(), self._listener)

    # -- what a test looks at -----------------------------------------------------------------------------------------

    def network(self, ssid: bytes) -> FakeNetwork:
        """The only network with an SSID."""
        (found,) = (network for network in self.networks.values() if network.ssid == ssid)
        return found

    @property
    def ssids(self) -> List[bytes]:
        return [network.ssid for network in self.networks.values()]

    @property
    def changes(self) -> List[str]:
        """The requests that change something, without values."""
        verbs = ("SET_NETWORK", "ADD_NETWORK", "REMOVE_NETWORK", "ENABLE_NETWORK", "DISABLE_NETWORK")
        return [" ".join(request.split(" ", 3)[:3]) for request in self.requests if request.startswith(verbs)]

    # -- the control interface ----------------------------------------------------------------------------------------

    def _append(self, network: FakeNetwork) -> int:
        number = self._next
        self._next += 1
        self.networks[number] = network
        return number

    def _serve(self) -> None:
        while True:
            data, client = self._socket.recvfrom(8193)
            if data == b"\0stop":
                return
            request = data.decode()
            self.requests.append(request)
            if request == "ATTACH":
                self._listener = client
            reply = self.hook(request)
            if reply is None:
                reply = self._answer(request)
            if reply:
                with suppress(ConnectionRefusedError, FileNotFoundError):  # who asked may have given up
                    self._socket.sendto(reply.encode("utf-8", "surrogateescape"), client)

    def _answer(self, request: str) -> str:
        assert request.isprintable(), "a control character would begin another line"
        verb, rest = split(request)
        if verb in ("ATTACH", "DETACH", "SCAN"):
            return "OK\n"
        if verb == "PING":
            return "PONG\n"
        if verb == "GET":
            return self.settings.get(rest, "FAIL\n")
        if verb == "GET_CAPABILITY":
            return "Mode[G] Channels:\n 6 = 2437 MHz\n"
        if verb == "STATUS":
            return f"wpa_state={self.state}\naddress=02:00:00:00:00:00\n"
        if verb == "LIST_NETWORKS":
            return self._list(int(rest.partition("=")[2] or -1))
        if verb == "ADD_NETWORK":
            return f"{self._append(FakeNetwork())}\n"
        number, rest = split(rest)
        network = self.networks.get(int(number))
        if network is None:
            return "FAIL\n"
        if verb == "GET_NETWORK":
            return self._get(network, rest)
        if verb == "SET_NETWORK":
            name, value = split(rest)
            return self._set(int(number), network, name, value)
        if verb == "REMOVE_NETWORK":
            del self.networks[int(number)]
            self._drop_if(int(number))
        elif verb == "DISABLE_NETWORK":
            network.disabled = True
            self._drop_if(int(number))
        else:
            assert verb == "ENABLE_NETWORK", request
            if rest != "no-connect":
                assert self.state != "INTERFACE_DISABLED", "this may associate through a blocked interface"
                network.temp_disabled = False
            network.disabled = False
        return "OK\n"

    def _list(self, last: int) -> str:
        text = "network id / ssid / bssid / flags\n"
        for number, network in self.networks.items():
            if number > last:
                ssid = "".join(chr(b) if 48 <= b <= 122 and b != 92 else f"\\x{b:02x}" for b in network.ssid)
                flags = "[CURRENT]" * (number == self.current)
                flags += "[DISABLED]" * network.disabled + "[TEMP-DISABLED]" * network.temp_disabled
                line = f"{number}\t{ssid}\t{network.variables.get('bssid', 'any')}\t{flags}\n"
                if len(text) + len(line) > 4095:
                    break
                text += line
        return text

    def _get(self, network: FakeNetwork, name: str) -> str:
        if name == "disabled":
            return network.variables.get("disabled", "1" if network.disabled else "0")
        value = network.variables.get(name, DEFAULTS.get(name))
        if value is None:
            return "FAIL\n"
        if name in SECRETS:
            return "*"
        if name in TEXTS:
            raw = values.decode_value(value)
            printable = all(32 <= byte < 127 for byte in raw)
            return f'"{raw.decode("ascii")}"' if printable else raw.hex()
        return value

    def _set(self, number: int, network: FakeNetwork, name: str, value: str) -> str:
        changed = self._assign(network, name, value)
        if changed is None:
            return "FAIL\n"
        kinds = network.variables.get("key_mgmt", "")
        if changed and name not in ("bssid", "priority") and ("SAE" in kinds or "EAP" in kinds):
            self._drop_if(number)  # the PMKSA cache of the network is flushed
        return "OK\n"

    def _drop_if(self, number: int) -> None:
        if self.current == number:
            self.current = None
            self.state = "DISCONNECTED"
            self.drops += 1

    @staticmethod
    def _assign(network: FakeNetwork, name: str, value: str) -> Optional[bool]:
        """Set a variable: None if it is refused, otherwise whether that counts as a change."""
        before = network.variables.get(name)
        if name == "psk":
            if re.fullmatch(r'"[ -~]{8,63}"', value) is None and re.fullmatch("[0-9a-f]{64}", value) is None:
                return None
            network.variables[name] = value
            return before != value or not value.startswith('"')
        if name == "bssid":
            network.variables.pop(name, None)
            if value not in ("", "any"):
                network.variables[name] = value
            return True
        if name == "scan_freq" and not value.strip():
            network.variables.pop(name, None)  # read back, it is not set: FAIL
            return before is not None
        if name in TEXTS and value == "NULL":
            network.variables.pop(name, None)
            return before is not None
        if name in NUMBERS and re.fullmatch("-?[0-9]+", value) is None:
            return None
        try:
            if name in TEXTS and before is not None and name != "password":
                same = values.decode_value(before) == values.decode_value(value)
            else:
                same = before == value and name != "password"
            if name in TEXTS:
                values.decode_value(value)
        except DecodeFailed:
            return None
        if name not in TEXTS | NUMBERS | WORDS:
            return None
        network.variables[name] = value
        return not same


def split(text: str) -> Tuple[str, str]:
    """A word and what follows it."""
    word, _separator, rest = text.partition(" ")
    return word, rest


def printf_encode(data: bytes) -> str:
    """Do what hostap's printf_encode() does: the other side of decode_printf()."""
    letters = {0x22: '\\"', 0x5C: "\\\\", 0x1B: "\\e", 0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t"}
    return "".join(letters.get(b) or (chr(b) if 32 <= b <= 126 else f"\\x{b:02x}") for b in data)


def named(networks: Any, ssid: str) -> Dict[str, Any]:
    """What a result says of one network."""
    (found,) = (network for network in networks if network["ssid"] == ssid)
    return dict(found)
