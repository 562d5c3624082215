# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The messages of nl80211, and their decoding into values."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Dict, FrozenSet, Iterable, List, Optional, Set, Tuple, Union

from .._system.errors import DecodeFailed, FleetError
from . import netlink_codec
from .netlink import MalformedEvent
from .netlink_codec import required

CMD_GET_WIPHY = 1
CMD_GET_INTERFACE = 5
CMD_GET_STATION = 17
CMD_GET_SCAN = 32
CMD_VENDOR = 103
#: Events of the multicast group ``config``.
CONFIG_COMMANDS = {
    2: "set_wiphy",
    3: "new_wiphy",
    4: "del_wiphy",
    6: "set_interface",
    7: "new_interface",
    8: "del_interface",
}
#: Events of the multicast group ``scan``.
SCAN_COMMANDS = {
    33: "trigger",
    34: "results",
    35: "aborted",
    75: "start_sched_scan",
    77: "sched_scan_results",
    78: "sched_scan_stopped",
}
#: Events of the multicast group ``mlme``. That group has more events, which get the name ``unknown(N)``.
MLME_COMMANDS = {
    19: "new_station",
    20: "del_station",
    37: "authenticate",
    38: "associate",
    39: "deauthenticate",
    40: "disassociate",
    41: "michael_mic_failure",
    46: "connect",
    47: "roam",
    48: "disconnect",
    64: "notify_cqm",
    70: "unprot_deauthenticate",
    71: "unprot_disassociate",
    88: "ch_switch_notify",
    110: "ch_switch_started_notify",
    125: "port_authorized",
}
#: NL80211_STA_FLAG_TDLS_PEER, as a bit of struct nl80211_sta_flag_update.
_TDLS_PEER = 1 << 6
WIPHY: netlink_codec.Attributes = (
    (1, "WIPHY", "uint32"),
    (2, "WIPHY_NAME", "cdata"),
    (174, "SPLIT_WIPHY_DUMP", "flag"),
    (197, "VENDOR_DATA", "cdata"),
    (198, "VENDOR_EVENTS", "cdata"),
)
INTERFACE: netlink_codec.Attributes = (
    (1, "WIPHY", "uint32"),
    (3, "IFINDEX", "uint32"),
    (4, "IFNAME", "cdata"),
    (5, "IFTYPE", "uint32"),
    (6, "MAC", "l2addr"),
    (38, "WIPHY_FREQ", "uint32"),
    (52, "SSID", "cdata"),
)
STATION: netlink_codec.Attributes = (
    (3, "IFINDEX", "uint32"),
    (6, "MAC", "l2addr"),
    (21, "STA_INFO", "cdata"),
)
_STA_INFO: netlink_codec.Attributes = (
    (7, "SIGNAL", "uint8"),
    (17, "STA_FLAGS", "cdata"),
)
SCAN: netlink_codec.Attributes = (
    (3, "IFINDEX", "uint32"),
    (47, "BSS", "cdata"),
)
_BSS: netlink_codec.Attributes = (
    (6, "INFORMATION_ELEMENTS", "cdata"),
    (9, "STATUS", "uint32"),
)
#: enum nl80211_bss_status: NL80211_BSS_STATUS_ASSOCIATED.
_ASSOCIATED = 1
#: IEEE 802.11, 9.4.2.1: the element ID of the SSID.
_ELEMENT_SSID = 0
#: VENDOR_DATA is left as bytes here. Each vendor defines its own content.
VENDOR: netlink_codec.Attributes = (
    (3, "IFINDEX", "uint32"),
    (195, "VENDOR_ID", "uint32"),
    (196, "VENDOR_SUBCMD", "uint32"),
    (197, "VENDOR_DATA", "cdata"),
)
_EVENT: netlink_codec.Attributes = (
    (1, "WIPHY", "uint32"),
    (3, "IFINDEX", "uint32"),
    (6, "MAC", "l2addr"),
    (72, "STATUS_CODE", "uint16"),
    (153, "WDEV", "uint64"),
    (195, "VENDOR_ID", "uint32"),
    (196, "VENDOR_SUBCMD", "uint32"),
    (197, "VENDOR_DATA", "cdata"),
)
_PAIR = struct.Struct("=II")  # struct nl80211_vendor_cmd_info, struct nl80211_sta_flag_update
#: The place of the first attribute in a generic netlink message, if that is a u32: it comes after nlmsghdr (16 bytes)
#: and genlmsghdr (4 bytes), and has 8 bytes.
_FIRST = slice(20, 28)
#: The low bytes of the attribute types VENDOR_DATA and VENDOR_EVENTS.
_VENDOR_TYPES = (bytes([197]), bytes([198]))


@dataclass(frozen=True)
class VendorCommand:
    """A vendor command or vendor event that a radio has. ``vendor_id`` is an OUI."""

    vendor_id: int
    subcmd: int


@dataclass(frozen=True)
class Wiphy:
    """A radio."""

    index: int
    name: str
    vendor_commands: FrozenSet[VendorCommand]
    vendor_events: Tuple[VendorCommand, ...]


@dataclass(frozen=True)
class Interface:
    """A wireless interface that is a network device.

    ``wiphy`` is the index of its radio. ``iftype`` is a number of enum nl80211_iftype (2 is a station). ``ssid`` and
    ``frequency`` (MHz) are None while the interface is not connected.
    """

    index: int
    name: str
    wiphy: int
    mac: str
    iftype: int
    ssid: Optional[bytes]
    frequency: Optional[int]


@dataclass(frozen=True)
class Station:
    """The access point that a station interface is associated with."""

    bssid: str
    signal_dbm: Optional[int]


@dataclass(frozen=True)
class VendorEvent:
    """A vendor's event. ``data`` is not decoded yet, since each vendor has its own format."""

    vendor_id: int
    subcmd: int
    wiphy: Optional[int]
    ifindex: Optional[int]
    wdev: Optional[int]
    data: bytes


@dataclass(frozen=True)
class MlmeEvent:
    """An event of connecting or disconnecting. ``status`` is an IEEE 802.11 status code (0 means success)."""

    command: int
    name: str
    wiphy: Optional[int]
    ifindex: Optional[int]
    bssid: Optional[str]
    status: Optional[int]


@dataclass(frozen=True)
class ScanEvent:
    """A scan began (``trigger``), ended (``results``) or was given up (``aborted``)."""

    command: int
    name: str
    wiphy: Optional[int]
    ifindex: Optional[int]


@dataclass(frozen=True)
class ConfigEvent:
    """A radio or an interface was added, changed or removed."""

    command: int
    name: str
    wiphy: Optional[int]
    ifindex: Optional[int]


Event = Union[VendorEvent, MlmeEvent, ScanEvent, ConfigEvent, MalformedEvent]


def merge_wiphys(messages: Iterable[bytes]) -> Tuple[Wiphy, ...]:
    """Merge the parts of a split GET_WIPHY dump.

    Raises:
        DecodeFailed: a part is malformed.
    """
    where = "GET_WIPHY"
    names: Dict[int, str] = {}
    commands: Dict[int, Set[VendorCommand]] = {}
    events: Dict[int, List[VendorCommand]] = {}
    seen: Set[bytes] = set()
    for data in messages:
        # Most parts describe one channel each. Two checks tell that a part can be skipped: it begins with the WIPHY
        # attribute of a radio whose name is known, and it has no byte that could be the type of a vendor attribute.
        if data[_FIRST] in seen and _VENDOR_TYPES[0] not in data and _VENDOR_TYPES[1] not in data:
            continue
        values = decode_message(WIPHY, data, where)
        index = required(values, "WIPHY", where)
        seen.add(struct.pack("=HHI", 8, 1, index))
        names[index] = netlink_codec.text(required(values, "WIPHY_NAME", where))
        commands.setdefault(index, set()).update(_vendor_commands(values.get("VENDOR_DATA", b""), where))
        events.setdefault(index, []).extend(_vendor_commands(values.get("VENDOR_EVENTS", b""), where))
    return tuple(
        Wiphy(index, names[index], frozenset(commands[index]), tuple(events[index])) for index in sorted(names)
    )


def decode_interface(data: bytes) -> Optional[Interface]:
    """Decode a part of a GET_INTERFACE dump. Return None for a device without a network interface (P2P).

    Raises:
        DecodeFailed: the part is malformed.
    """
    where = "GET_INTERFACE"
    values = decode_message(INTERFACE, data, where)
    if "IFINDEX" not in values:
        return None
    return Interface(
        index=values["IFINDEX"],
        name=netlink_codec.text(required(values, "IFNAME", where)),
        wiphy=required(values, "WIPHY", where),
        mac=required(values, "MAC", where),
        iftype=required(values, "IFTYPE", where),
        ssid=values.get("SSID"),
        frequency=values.get("WIPHY_FREQ"),
    )


def decode_station(data: bytes) -> Optional[Station]:
    """Decode a part of a GET_STATION dump. Return None for a TDLS peer, which is not the access point.

    Raises:
        DecodeFailed: the part is malformed.
    """
    where = "GET_STATION"
    values = decode_message(STATION, data, where)
    info = netlink_codec.decode(netlink_codec.message_class("nla", _STA_INFO), values.get("STA_INFO", b""), where)
    _mask, flags = _pair(info.get("STA_FLAGS", bytes(_PAIR.size)), where)
    if flags & _TDLS_PEER:
        return None
    signal = info.get("SIGNAL")
    if signal is not None and signal > 127:
        signal -= 256  # the kernel sends the signed number as an unsigned byte
    return Station(bssid=required(values, "MAC", where), signal_dbm=signal)


def decode_associated_ssid(data: bytes) -> Optional[bytes]:
    """Return the SSID from a part of a GET_SCAN dump if the part describes the associated access point, else None.

    Raises:
        DecodeFailed: the part is malformed.
    """
    where = "GET_SCAN"
    bss = netlink_codec.decode(
        netlink_codec.message_class("nla", _BSS), decode_message(SCAN, data, where).get("BSS", b""), where
    )
    if bss.get("STATUS") != _ASSOCIATED:
        return None
    elements: bytes = bss.get("INFORMATION_ELEMENTS", b"")
    while elements:
        # IEEE 802.11, 9.4.2.1: an element has one byte of ID, one byte of length, and as many bytes of content.
        size = 2 + elements[1] if len(elements) > 1 else len(elements) + 1
        if size > len(elements):
            raise DecodeFailed("an information element of the associated access point is cut off", where=where)
        if elements[0] == _ELEMENT_SSID:
            return elements[2:size]
        elements = elements[size:]
    return None


def decode_event(data: bytes) -> Event:
    """Decode one event message. A malformed one becomes a ``MalformedEvent``, so this never raises."""
    where = "event"
    try:
        values = decode_message(_EVENT, data, where)
        command = values["cmd"]
        wiphy, ifindex = values.get("WIPHY"), values.get("IFINDEX")
        if command == CMD_VENDOR:
            return VendorEvent(
                vendor_id=required(values, "VENDOR_ID", where),
                subcmd=required(values, "VENDOR_SUBCMD", where),
                wiphy=wiphy,
                ifindex=ifindex,
                wdev=values.get("WDEV"),
                data=values.get("VENDOR_DATA", b""),
            )
    except FleetError as error:
        return MalformedEvent(str(error))
    if command in SCAN_COMMANDS:
        return ScanEvent(command, SCAN_COMMANDS[command], wiphy, ifindex)
    if command in CONFIG_COMMANDS:
        return ConfigEvent(command, CONFIG_COMMANDS[command], wiphy, ifindex)
    name = MLME_COMMANDS.get(command, f"unknown({command})")
    return MlmeEvent(command, name, wiphy, ifindex, values.get("MAC"), values.get("STATUS_CODE"))


def decode_message(layout: netlink_codec.Attributes, data: bytes, where: str) -> Dict[str, Any]:
    return netlink_codec.decode(netlink_codec.message_class("genlmsg", layout), data, where)


def _vendor_commands(data: bytes, where: str) -> Iterable[VendorCommand]:
    return [VendorCommand(*_pair(element, where)) for element in netlink_codec.elements(data, where)]


def _pair(data: bytes, where: str) -> Tuple[int, int]:
    if len(data) != _PAIR.size:
        raise DecodeFailed(f"A pair of numbers has {len(data)} bytes, not {_PAIR.size}", where=where)
    first, second = _PAIR.unpack(data)
    return first, second
