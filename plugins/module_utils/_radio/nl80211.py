# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""nl80211: radios, wireless interfaces, the access point, vendor commands and events.

The message classes hold only the attributes that are used: what pyroute2 need not decode costs
little, and a radio with its channels is more than a hundred messages.

Numbers and names: linux/include/uapi/linux/nl80211.h.
"""

from __future__ import annotations

from typing import Any, Iterable, List, Optional, Tuple

from .._system.errors import DecodeFailed, NotFound
from . import netlink, netlink_codec
from .netlink import DEFAULT_TIMEOUT, MalformedEvent, NetlinkSocket
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
        """Close the socket; closing twice does no harm."""
        self._socket.close()

    def wiphys(self) -> Tuple[Wiphy, ...]:
        """Return all radios, by index."""
        return merge_wiphys(
            self._request("Listing the radios", WIPHY, CMD_GET_WIPHY, [("SPLIT_WIPHY_DUMP", True)], dump=True)
        )

    def interfaces(self) -> Tuple[Interface, ...]:
        """Return all wireless network interfaces, in the kernel's order."""
        replies = self._request("Listing the wireless interfaces", INTERFACE, CMD_GET_INTERFACE, [], dump=True)
        return tuple(found for found in map(decode_interface, replies) if found is not None)

    def station(self, ifindex: int) -> Optional[Station]:
        """Return the access point of the station interface *ifindex*, None while it is not associated."""
        replies = self._request(
            f"Reading the link of interface {ifindex}", STATION, CMD_GET_STATION, [("IFINDEX", ifindex)], dump=True
        )
        return next((found for found in map(decode_station, replies) if found is not None), None)

    def ssid(self, ifindex: int) -> Optional[bytes]:
        """Return the SSID that the station interface *ifindex* is associated with, None without an association.

        It comes from the kernel's table of access points: the interface itself knows it only where the kernel, not
        the supplicant, authenticates and associates.
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
        timeout: float = DEFAULT_TIMEOUT,
    ) -> Optional[bytes]:
        """Run a vendor command (needs CAP_NET_ADMIN).

        Args:
            data: the command's VENDOR_DATA; none is sent when it is empty.
            timeout: seconds to wait for the answer, after the driver has carried the command out.

        Returns:
            The answer's VENDOR_DATA, or None when the kernel acknowledged without an answer.
        """
        what = f"Vendor command {vendor_id:#08x}/{subcmd:#04x} on interface {ifindex}"
        attributes: List[Tuple[str, Any]] = [
            ("IFINDEX", ifindex),
            ("VENDOR_ID", vendor_id),
            ("VENDOR_SUBCMD", subcmd),
        ]
        if data:
            attributes.append(("VENDOR_DATA", data))
        replies = self._request(what, VENDOR, CMD_VENDOR, attributes, timeout=timeout)
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
        timeout: float = DEFAULT_TIMEOUT,
    ) -> Tuple[bytes, ...]:
        kind = netlink_codec.message_class("genlmsg", layout)
        fields = {"cmd": command, "version": 1}
        return self._socket.request(what, kind, self._family, fields, attributes, dump=dump, timeout=timeout)


class Nl80211Events:
    """Events of nl80211.

    Args:
        groups: names of multicast groups: ``vendor``, ``mlme``, ``scan``, ``config``.

    Raises:
        LibraryMissing: pyroute2 is not installed.
        NotFound: the kernel has no nl80211, or not such a group.
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
        """Close the socket; closing twice does no harm."""
        self._socket.close()

    def fileno(self) -> int:
        """Return the descriptor; it stays readable until ``read()`` has returned everything."""
        return self._socket.fileno()

    def read(self) -> Tuple[Event, ...]:
        """Return the next events, mostly one, or none. Never blocks.

        Raises:
            EventsLost: the kernel dropped events; read on, but look at the state of things afresh.
            TransportFailed: the socket failed; open another.
        """
        try:
            messages = self._socket.receive()
        except DecodeFailed as error:
            return (MalformedEvent(str(error)),)
        return tuple(decode_event(message.data) for message in messages or () if message.kind == self._family)


# -- decoders, bytes to values ----------------------------------------------------------------------------------------
