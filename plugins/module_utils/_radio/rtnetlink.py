# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""rtnetlink: the IP addresses of an interface, events when an address is added or removed, and bringing it up.

Source of the numbers: linux/include/uapi/linux/rtnetlink.h, if_addr.h and if.h.
"""

from __future__ import annotations

import socket
import struct
import sys
from dataclasses import dataclass
from typing import Any, Callable, Dict, Generic, Optional, Tuple, TypeVar, Union

from .._system.errors import DecodeFailed, NotFound
from . import netlink, netlink_codec
from .netlink import MalformedEvent, NetlinkSocket

RTM_NEWLINK = 16
RTM_NEWADDR = 20
RTM_DELADDR = 21
RTM_GETADDR = 22

RTNLGRP_LINK = 1
RTNLGRP_IPV4_IFADDR = 5
RTNLGRP_IPV6_IFADDR = 9

IFA_F_OPTIMISTIC = 0x04
IFA_F_DADFAILED = 0x08
IFA_F_TENTATIVE = 0x40

#: The flag of an interface that is up (IFF_UP, linux/if.h).
IFF_UP = 0x1

#: struct ifinfomsg
_LINK_FIELDS = (("family", "B"), ("pad", "B"), ("type", "H"), ("index", "i"), ("flags", "I"), ("change", "I"))
#: The index and the flags of struct ifinfomsg, behind struct nlmsghdr (16 bytes), family, padding and type.
_LINK = struct.Struct("=16x4xiI")
#: struct ifaddrmsg
_FIELDS = (("family", "B"), ("prefixlen", "B"), ("flags", "B"), ("scope", "B"), ("index", "I"))
_ADDRESS: netlink_codec.Attributes = (
    (1, "IFA_ADDRESS", "cdata"),
    (2, "IFA_LOCAL", "cdata"),
    (8, "IFA_FLAGS", "uint32"),
)
#: address family -> (its name, number of bytes in an address)
_FAMILIES = {int(socket.AF_INET): ("inet", 4), int(socket.AF_INET6): ("inet6", 16)}

_Event = TypeVar("_Event")
_Open = TypeVar("_Open", bound="_Events[Any]")


@dataclass(frozen=True)
class Address:
    """An address of an interface.

    ``family`` is ``inet`` or ``inet6``. ``scope`` is 0 for global, 253 for link, or 254 for host.
    """

    address: str
    prefix: int
    family: str
    scope: int


@dataclass(frozen=True)
class AddressEvent:
    """An address was added, changed or removed. ``added`` is True also when it was changed."""

    added: bool
    ifindex: int
    address: Address


def addresses(ifindex: int) -> Tuple[Address, ...]:
    """Return the addresses that the interface can use now. There are none for an interface that does not exist.

    IPv6 addresses that can't be used are left out: the kernel is still checking for duplicates, or has found one.

    Args:
        ifindex: the index of the interface.

    Raises:
        LibraryMissing: pyroute2 is not installed.
        TransportFailed, TimedOut, DecodeFailed: see ``NetlinkSocket.request()``.
    """
    kind = _kind()
    with NetlinkSocket(netlink.NETLINK_ROUTE, "rtnetlink") as sock:
        try:
            what = f"Listing the addresses of interface {ifindex}"
            replies = sock.request(what, kind, RTM_GETADDR, {"index": ifindex}, dump=True)
        except NotFound:
            return ()
    # Kernels before 4.20 list the addresses of all interfaces.
    decoded = [decode_address(data) for data in replies]
    return tuple(event.address for event in decoded if event is not None and event.ifindex == ifindex)


def bring_up(ifindex: int) -> None:
    """Bring an interface up.

    Args:
        ifindex: the index of the interface.

    Raises:
        LibraryMissing: pyroute2 is not installed.
        NotFound: there is no such interface.
        AccessDenied: this user has not the capability CAP_NET_ADMIN.
        TransportFailed, TimedOut, DecodeFailed: see ``NetlinkSocket.request()``. A radio that is blocked does not come
            up (``errno`` is ERFKILL).
    """
    kind = netlink_codec.message_class("nlmsg", (), _LINK_FIELDS)
    with NetlinkSocket(netlink.NETLINK_ROUTE, "rtnetlink") as sock:
        fields = {"index": ifindex, "flags": IFF_UP, "change": IFF_UP}
        sock.request(f"Bringing interface {ifindex} up", kind, RTM_NEWLINK, fields)


class _Events(Generic[_Event]):
    """Events of some of rtnetlink's groups.

    Args:
        decode: decodes a message. It returns None for one that is no such event.
        groups: the numbers of the groups.

    Raises:
        TransportFailed: the kernel refused.
    """

    def __init__(self, decode: Callable[[bytes], Optional[_Event]], *groups: int) -> None:
        self._decode = decode
        self._socket = NetlinkSocket(netlink.NETLINK_ROUTE, "rtnetlink events")
        try:
            for group in groups:
                self._socket.join(group)
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self: _Open) -> _Open:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket. It may be closed twice."""
        self._socket.close()

    def fileno(self) -> int:
        """Return the descriptor. It stays readable until ``read()`` has returned everything."""
        return self._socket.fileno()

    def read(self) -> Tuple[Union[_Event, MalformedEvent], ...]:
        """Return the events of the next datagram. There is mostly one, and there may be none. This never blocks.

        Raises:
            EventsLost: the kernel dropped events. The caller can read on, but must read again what they are about.
            TransportFailed: the socket failed. The caller must open another one.
        """
        try:
            messages = self._socket.receive()
            events = [self._decode(message.data) for message in messages or ()]
        except DecodeFailed as error:
            return (MalformedEvent(str(error)),)
        return tuple(event for event in events if event is not None)


class AddressEvents(_Events[AddressEvent]):
    """Events when an IPv4 or IPv6 address of any interface is added or removed.

    Raises:
        LibraryMissing: pyroute2 is not installed.
        TransportFailed: the kernel refused.
    """

    def __init__(self) -> None:
        _kind()
        super().__init__(decode_address, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR)


@dataclass(frozen=True)
class LinkEvent:
    """An interface was changed. ``up`` says whether it is up now (IFF_UP)."""

    ifindex: int
    up: bool


class LinkEvents(_Events[LinkEvent]):
    """Events when any interface is changed.

    Raises:
        TransportFailed: the kernel refused.
    """

    def __init__(self) -> None:
        super().__init__(decode_link, RTNLGRP_LINK)


def decode_link(data: bytes) -> Optional[LinkEvent]:
    """Decode an RTM_NEWLINK message. Return None for another message.

    Only the fixed header is read, because the attributes are many, and each event of a handover would cost a
    millisecond.

    Raises:
        DecodeFailed: the message is too short.
    """
    if int.from_bytes(data[4:6], sys.byteorder) != RTM_NEWLINK:
        return None
    if len(data) < _LINK.size:
        raise DecodeFailed(f"A link message has {len(data)} bytes", where="link message")
    ifindex, flags = _LINK.unpack_from(data)
    return LinkEvent(ifindex, bool(flags & IFF_UP))


def decode_address(data: bytes) -> Optional[AddressEvent]:
    """Decode an RTM_NEWADDR or RTM_DELADDR message.

    Returns:
        The event. It is None for another message or address family, and for a new address that can't be used yet.

    Raises:
        DecodeFailed: the message is malformed.
    """
    where = "address message"
    message_type = int.from_bytes(data[4:6], sys.byteorder)
    if message_type not in (RTM_NEWADDR, RTM_DELADDR):
        return None
    values = netlink_codec.decode(_kind(), data, where)
    if values["family"] not in _FAMILIES:
        return None
    added = message_type == RTM_NEWADDR
    flags = values.get("IFA_FLAGS", values["flags"])  # the attribute has 32 bits, and the field has only 8
    checking = flags & IFA_F_TENTATIVE and not flags & IFA_F_OPTIMISTIC
    if added and (checking or flags & IFA_F_DADFAILED):
        return None
    return AddressEvent(added=added, ifindex=values["index"], address=_address(values, where))


def _address(values: Dict[str, Any], where: str) -> Address:
    name, size = _FAMILIES[values["family"]]
    # On a point-to-point link, IFA_ADDRESS is the address of the peer. IPv6 has IFA_LOCAL only on such a link.
    packed = values["IFA_LOCAL"] if "IFA_LOCAL" in values else netlink_codec.required(values, "IFA_ADDRESS", where)
    if len(packed) != size or values["prefixlen"] > 8 * size:
        raise DecodeFailed(f"An {name} address has {len(packed)} bytes, prefix {values['prefixlen']}", where=where)
    return Address(
        address=socket.inet_ntop(values["family"], packed),
        prefix=values["prefixlen"],
        family=name,
        scope=values["scope"],
    )


def _kind() -> Any:
    return netlink_codec.message_class("nlmsg", _ADDRESS, _FIELDS)
