# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Encoding and decoding the messages of wpa_supplicant's control interface: commands, answers and events."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Dict, Mapping, Optional, Tuple

from ..._network.backend import SupplicantStatus
from ..._network.values import BSSID_FORM, SSID_MAX, CommandUnsafe, decode_printf
from ..._system.errors import DecodeFailed

#: CTRL_IFACE_MAX_LEN: the longest command that the supplicant reads.
_COMMAND_MAX = 8192


@dataclass(frozen=True)
class Network:
    """One line of LIST_NETWORKS.

    ``temp_disabled`` means that wpa_supplicant does not try it for some seconds after failures. It is still enabled.
    """

    id: int
    ssid: bytes
    bssid: Optional[str]
    current: bool
    disabled: bool
    temp_disabled: bool


@dataclass(frozen=True)
class Status:
    """The reply to STATUS. The fields about the connection are None while there is no connection."""

    #: COMPLETED, SCANNING, INTERFACE_DISABLED, ...
    state: str
    bssid: Optional[str] = None
    ssid: Optional[bytes] = None
    network_id: Optional[int] = None
    #: MHz.
    frequency: Optional[int] = None
    key_mgmt: Optional[str] = None
    #: The interface's MAC address.
    address: Optional[str] = None

    @property
    def connected(self) -> bool:
        """Whether the link is up and its keys are in place."""
        return self.state == "COMPLETED"

    @property
    def common(self) -> SupplicantStatus:
        """The part that every manager of an interface can tell."""
        return SupplicantStatus(self.connected, self.bssid, self.ssid, self.network_id)


@dataclass(frozen=True)
class SupplicantEvent:
    """One unsolicited message. ``name`` is empty if the message is free text (``Trying to associate with ...``)."""

    name: str
    #: wpa_supplicant's message level: 0 excessive ... 2 debug, 3 info, 4 warning, 5 error.
    level: int
    #: The message's ``key=value`` parts, as text. If a key comes several times, the first one counts.
    fields: Mapping[str, str] = field(default_factory=dict)
    #: The message without its level and name.
    text: str = ""
    network_id: Optional[int] = None
    bssid: Optional[str] = None
    ssid: Optional[bytes] = None
    #: The reason code of a disconnection (IEEE 802.11-2020 table 9-49), or None when there is none, or it is a word.
    reason: Optional[int] = None


_VARIABLE = re.compile(r"[a-z][a-z0-9_]*\Z")


def encode_command(command: str) -> bytes:
    """Return a command's bytes. A control character is refused, because it could begin a new line in a configuration.

    Raises:
        CommandUnsafe: the command is empty or too long, or has a control character in it, or is not valid text.
    """
    if not command or any(ord(character) < 0x20 or ord(character) == 0x7F for character in command):
        raise CommandUnsafe("a command is empty or has a control character in it", where=gist(command))
    try:
        data = command.encode("utf-8")
    except UnicodeEncodeError:
        raise CommandUnsafe("a command has something in it that is not text", where=gist(command)) from None
    if len(data) > _COMMAND_MAX:
        raise CommandUnsafe(f"a command has {len(data)} bytes, but at most {_COMMAND_MAX} fit", where=gist(command))
    return data


def gist(command: str) -> str:
    """Return the parts of a command that may be shown: its name, network and variable, but never the value."""
    words = re.split(r"[^0-9A-Za-z_-]", command, maxsplit=3)
    return " ".join(words[:3] if words[0] in ("SET_NETWORK", "GET_NETWORK") else words[:1])[:60]


#: What hostap's ``printf_encode`` can make. Anything else is a damaged message, such as one that was cut.
_ENCODED = re.compile(r'(?:[^\\]|\\(?:[\\"nrte]|x[0-9A-Fa-f]{2}))*\Z', re.DOTALL)


def _decode_ssid(text: str) -> bytes:
    if _ENCODED.match(text) is None:
        raise DecodeFailed("an SSID has an unknown escape in it", where=ascii(text[:80]))
    ssid = decode_printf(text)
    if len(ssid) > SSID_MAX:
        raise DecodeFailed(f"an SSID has at most {SSID_MAX} bytes, this one has {len(ssid)}")
    return ssid


def _decode_number(text: str, what: str) -> int:
    if re.fullmatch(r"-?[0-9]{1,10}", text) is None:
        raise DecodeFailed(f"{what} is not a number", where=ascii(text[:80]))
    return int(text)


def _decode_bssid(text: str, what: str) -> Optional[str]:
    """Return a BSSID in lower case. It is None for ``any``, and for the all-zero address, which means no BSSID."""
    if text in ("any", "00:00:00:00:00:00"):
        return None
    if BSSID_FORM.match(text) is None:
        raise DecodeFailed(f"{what} is not a BSSID", where=ascii(text[:80]))
    return text.lower()


def decode_status(text: str) -> Status:
    """Decode the reply to STATUS.

    Raises:
        DecodeFailed: the reply has no ``wpa_state``, or a value of the wrong form.
    """
    values: Dict[str, str] = {}
    for line in text.split("\n"):
        key, separator, value = line.partition("=")
        if separator:
            # The first of several counts, because a later value, id_str, is free text of the administrator.
            values.setdefault(key, value)
    if not values.get("wpa_state"):
        raise DecodeFailed("the reply to STATUS has no wpa_state", where=ascii(text[:80]))
    return Status(
        state=values["wpa_state"],
        bssid=_decode_bssid(values["bssid"], "bssid") if "bssid" in values else None,
        ssid=_decode_ssid(values["ssid"]) if "ssid" in values else None,
        network_id=_decode_number(values["id"], "id") if "id" in values else None,
        frequency=_decode_number(values["freq"], "freq") if "freq" in values else None,
        key_mgmt=values.get("key_mgmt"),
        address=values.get("address"),
    )


def decode_networks(text: str) -> Tuple[Network, ...]:
    """Decode the reply to LIST_NETWORKS: a heading, and lines of ``id, ssid, bssid, flags``, separated by tabs.

    Raises:
        DecodeFailed: the heading is missing, or a line does not have that form.
    """
    heading, *lines = text.split("\n")
    if heading != "network id / ssid / bssid / flags":
        raise DecodeFailed("the reply to LIST_NETWORKS has an unknown heading", where=ascii(heading[:80]))
    return tuple(_decode_network(line) for line in lines if line)


def _decode_network(line: str) -> Network:
    columns = line.split("\t")  # a tab within an SSID is escaped
    if len(columns) != 4:
        raise DecodeFailed(f"a line of LIST_NETWORKS has {len(columns)} columns, not 4", where=ascii(line[:80]))
    flags = set(re.findall(r"\[([^\]]*)\]", columns[3]))
    return Network(
        id=_decode_number(columns[0], "a network's id"),
        ssid=_decode_ssid(columns[1]),
        bssid=_decode_bssid(columns[2], "a network's bssid"),
        current="CURRENT" in flags,
        disabled="DISABLED" in flags,
        temp_disabled="TEMP-DISABLED" in flags,
    )


_EVENT = re.compile(r"<([0-9]{1,3})>(?:([A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+)(?=[ :]|\Z):? ?)?(.*)\Z", re.DOTALL)
_FIELD = re.compile(r"""(?:^|(?<=[\s\[]))([A-Za-z_][A-Za-z0-9_]*)=("(?:[^"\\]|\\.)*"|'[^']*'|[^\s\]]*)""", re.DOTALL)
_CONNECTED_TO = re.compile(r"- [Cc]onnection to ((?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}) ")


def decode_event(data: bytes) -> Optional[SupplicantEvent]:
    """Decode one datagram. Return None if it is a reply, and not an event.

    This never fails. A message of unknown form is kept in ``text``.
    """
    match = _EVENT.match(data.decode("utf-8", "backslashreplace"))
    if match is None:
        return None
    level, name, text = match.group(1), match.group(2) or "", match.group(3).rstrip("\n")
    fields: Dict[str, str] = {}
    for key, value in _FIELD.findall(text):
        fields.setdefault(key, value[1:-1] if value[:1] in ('"', "'") and len(value) > 1 else value)
    connected_to = _CONNECTED_TO.match(text) if name == "CTRL-EVENT-CONNECTED" else None
    bssid = connected_to.group(1) if connected_to else fields.get("bssid", "")
    return SupplicantEvent(
        name=name,
        level=int(level),
        fields=MappingProxyType(fields),
        text=text,
        network_id=_event_number(fields, "id"),
        bssid=bssid.lower() if BSSID_FORM.match(bssid) else None,
        ssid=_event_ssid(fields),
        reason=_event_number(fields, "reason"),
    )


def _event_number(fields: Mapping[str, str], key: str) -> Optional[int]:
    text = fields.get(key, "")
    return int(text) if re.fullmatch(r"[0-9]{1,10}", text) else None


def _event_ssid(fields: Mapping[str, str]) -> Optional[bytes]:
    try:
        return _decode_ssid(fields["ssid"]) if "ssid" in fields else None
    except DecodeFailed:
        return None


def checked_variable(name: str) -> str:
    if _VARIABLE.match(name) is None:
        raise CommandUnsafe(f"{name!r} can't be a variable of a network")
    return name
