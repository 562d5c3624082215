# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to nl80211, the kernel's interface for wireless devices, and its events.

They concern radios, wireless interfaces, the access point, and vendor commands.

The message classes have only the attributes that are used. That saves time: a radio with its channels is more than a
hundred messages, and pyroute2 skips an attribute much faster than it decodes one.

Source of the numbers and names: linux/include/uapi/linux/nl80211.h.
"""

from __future__ import annotations

from typing import Any, Iterable, List, Optional, Tuple

from .._system.errors import DecodeFailed, NotFound
from . import netlink, netlink_codec
from .netlink import MalformedEvent, NetlinkSocket
from .netlink_codec import required
from .nl80211_messages import (
    CMD_GET_INTERFACE,
    CMD_GET_SCAN,
    CMD_GET_STATION,
    CMD_GET_WIPHY,
    CMD_VENDOR,
    INTERFACE,
    SCAN,
    STATION,
    VENDOR,
    WIPHY,
    Event,
    Interface,
    Station,
    Wiphy,
    decode_associated_ssid,
    decode_event,
    decode_interface,
    decode_message,
    decode_station,
    merge_wiphys,
)

FAMILY = "nl80211"


class Nl80211:
    """Requests to nl80211.

    Every method may raise ``AccessDenied``, ``NotFound`` (no such interface), ``TransportFailed``
    with the kernel's ``errno``, ``TimedOut`` or ``DecodeFailed``.

    Raises:
        LibraryMissing: pyroute2 is not installed.
        NotFound: the kernel has no nl80211, that is, no wireless at all.
    """

    def __init__(self) -> None:
        self._socket = NetlinkSocket(netlink.NETLINK_GENERIC, FAMILY)
        try:
            self._family = netlink.family(self._socket, FAMILY).number
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Nl80211:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket. It may be closed twice."""
        self._socket.close()

    def wiphys(self) -> Tuple[Wiphy, ...]:
        """Return all radios, ordered by index."""
        return merge_wiphys(
            self._request("Listing the radios", WIPHY, CMD_GET_WIPHY, [("SPLIT_WIPHY_DUMP", True)], dump=True)
        )

    def interfaces(self) -> Tuple[Interface, ...]:
        """Return all wireless network interfaces, in the kernel's order."""
        replies = self._request("Listing the wireless interfaces", INTERFACE, CMD_GET_INTERFACE, [], dump=True)
        return tuple(found for found in map(decode_interface, replies) if found is not None)

    def station(self, ifindex: int) -> Optional[Station]:
        """Return the access point of the station interface *ifindex*, or None while it is not associated."""
        replies = self._request(
            f"Reading the link of interface {ifindex}", STATION, CMD_GET_STATION, [("IFINDEX", ifindex)], dump=True
        )
        return next((found for found in map(decode_station, replies) if found is not None), None)

    def ssid(self, ifindex: int) -> Optional[bytes]:
        """Return the SSID that the station interface *ifindex* is associated with, or None without an association.

        The SSID comes from the kernel's table of access points. The interface itself has it only where the kernel
        authenticates and associates, instead of the supplicant.
        """
        what = f"Reading the access points of interface {ifindex}"
        replies = self._request(what, SCAN, CMD_GET_SCAN, [("IFINDEX", ifindex)], dump=True)
        return next((found for found in map(decode_associated_ssid, replies) if found is not None), None)

    def vendor(
        self,
        ifindex: int,
        vendor_id: int,
        subcmd: int,
        data: bytes = b"",
    ) -> Optional[bytes]:
        """Run a vendor command (this needs CAP_NET_ADMIN).

        Args:
            ifindex: the index of the interface.
            vendor_id: the vendor's OUI.
            subcmd: the vendor's number of the command.
            data: the command's VENDOR_DATA. When it is empty, the attribute is not sent.

        Returns:
            The answer's VENDOR_DATA, or None when the kernel only acknowledged the command.
        """
        what = f"Vendor command {vendor_id:#08x}/{subcmd:#04x} on interface {ifindex}"
        attributes: List[Tuple[str, Any]] = [
            ("IFINDEX", ifindex),
            ("VENDOR_ID", vendor_id),
            ("VENDOR_SUBCMD", subcmd),
        ]
        if data:
            attributes.append(("VENDOR_DATA", data))
        replies = self._request(what, VENDOR, CMD_VENDOR, attributes)
        if not replies:
            return None
        answer: bytes = required(decode_message(VENDOR, replies[0], what), "VENDOR_DATA", what)
        return answer

    def _request(
        self,
        what: str,
        layout: netlink_codec.Attributes,
        command: int,
        attributes: List[Tuple[str, Any]],
        *,
        dump: bool = False,
    ) -> Tuple[bytes, ...]:
        kind = netlink_codec.message_class("genlmsg", layout)
        fields = {"cmd": command, "version": 1}
        return self._socket.request(what, kind, self._family, fields, attributes, dump=dump)


class Nl80211Events:
    """Events of nl80211.

    Args:
        groups: the names of multicast groups, such as ``vendor``, ``mlme``, ``scan`` or ``config``.

    Raises:
        LibraryMissing: pyroute2 is not installed.
        NotFound: the kernel has no nl80211, or no such group.
        TransportFailed, AccessDenied, TimedOut, DecodeFailed: see ``NetlinkSocket``.
    """

    def __init__(self, groups: Iterable[str]) -> None:
        self._socket = NetlinkSocket(netlink.NETLINK_GENERIC, f"{FAMILY} events")
        try:
            family = netlink.family(self._socket, FAMILY)
            for group in groups:
                if group not in family.groups:
                    raise NotFound(f"The kernel has no event group {group}", where=FAMILY)
                self._socket.join(family.groups[group])
        except BaseException:
            self._socket.close()
            raise
        self._family = family.number

    def __enter__(self) -> Nl80211Events:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket. It may be closed twice."""
        self._socket.close()

    def fileno(self) -> int:
        """Return the descriptor. It stays readable until ``read()`` has returned everything."""
        return self._socket.fileno()

    def read(self) -> Tuple[Event, ...]:
        """Return the events of the next datagram. There is mostly one, and there may be none. This never blocks.

        Raises:
            EventsLost: the kernel dropped events. The caller can read on, but must ask for the present state again.
            TransportFailed: the socket failed. The caller must open another one.
        """
        try:
            messages = self._socket.receive()
        except DecodeFailed as error:
            return (MalformedEvent(str(error)),)
        return tuple(decode_event(message.data) for message in messages or () if message.kind == self._family)
