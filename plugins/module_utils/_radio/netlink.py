# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small netlink socket, which uses pyroute2's codec but not pyroute2's own sockets.

pyroute2 is loaded at first use, so this file can be imported where pyroute2 is not installed.

Source of the numbers: linux/include/uapi/linux/netlink.h and genetlink.h.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import select
import socket
import struct
import time
from dataclasses import dataclass
from typing import Any, ClassVar, Iterator, List, Mapping, Optional, Sequence, Tuple

from .._system.errors import AccessDenied, DecodeFailed, FleetError, NotFound, TimedOut, TransportFailed
from .._system.patience import KERNEL, Patience
from .netlink_codec import HEADER, Attributes, Message, decode, elements, encode, message_class, required, split, text

NETLINK_ROUTE = 0
NETLINK_GENERIC = 16

NLM_F_REQUEST = 0x01
NLM_F_ACK = 0x04
NLM_F_DUMP_INTR = 0x10
NLM_F_DUMP = 0x300
NLM_F_CAPPED = 0x100
NLM_F_ACK_TLVS = 0x200

NLMSG_NOOP = 1
NLMSG_ERROR = 2
NLMSG_DONE = 3
NLMSG_OVERRUN = 4

SOL_NETLINK = 270  # linux/include/linux/socket.h
NETLINK_ADD_MEMBERSHIP = 1
NETLINK_CAP_ACK = 10
NETLINK_EXT_ACK = 11
NETLINK_GET_STRICT_CHK = 12

GENL_ID_CTRL = 16
CTRL_CMD_GETFAMILY = 3

#: Bytes. In a dump, the kernel fills at most 32 KiB of a reader's buffer (netlink_recvmsg() in af_netlink.c).
RECEIVE_BUFFER = 65536
#: How many times a dump is tried. It is tried again when the kernel says that its list changed meanwhile.
DUMP_ATTEMPTS = 3

_ERROR = struct.Struct("=i")


class EventsLost(FleetError):
    """The kernel dropped events because the reader was too slow. The socket stays usable."""

    code: ClassVar[str] = "events_lost"


@dataclass(frozen=True)
class MalformedEvent:
    """An event that could not be decoded."""

    reason: str


@dataclass(frozen=True)
class Family:
    """A generic netlink family: its message type, and the numbers of its multicast groups by name."""

    number: int
    groups: Mapping[str, int]


# -- the socket -------------------------------------------------------------------------------------------------------


def _open(protocol: int) -> socket.socket:
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)


class NetlinkSocket:
    """A netlink socket. One socket is either for requests and their answers, or for events.

    Args:
        protocol: ``NETLINK_GENERIC`` or ``NETLINK_ROUTE``.
        name: the name of the socket in error messages.
        patience: how long each request waits for its answer.

    Raises:
        TransportFailed: the kernel lacks the protocol, or is out of resources.
    """

    def __init__(self, protocol: int, name: str, patience: Patience = KERNEL) -> None:
        self.name = name
        self._patience = patience
        self._sequence = 0
        self._buffer = memoryview(bytearray(RECEIVE_BUFFER))
        try:
            self._socket = _open(protocol)
        except OSError as error:
            raise self._failed("open", error) from error
        self._socket.setblocking(False)
        self._socket.bind((0, 0))  # the kernel chooses the port, so this can't fail
        for option in (NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK):
            with contextlib.suppress(OSError):  # an older kernel gives shorter error texts and unfiltered dumps
                self._socket.setsockopt(SOL_NETLINK, option, 1)
        self._poll = select.poll()
        self._poll.register(self._socket.fileno(), select.POLLIN)

    def __enter__(self) -> NetlinkSocket:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket. It may be closed twice."""
        self._socket.close()

    def fileno(self) -> int:
        """Return the descriptor. It is readable when there is something to ``receive()``."""
        return self._socket.fileno()

    def join(self, group: int) -> None:
        """Subscribe to the multicast group of that number.

        Raises:
            AccessDenied, NotFound, TransportFailed: the kernel refused.
        """
        try:
            self._socket.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
        except OSError as error:
            raise kernel_error(error.errno or 0, f"Subscribing to group {group}", self.name) from error

    def receive(self) -> Optional[List[Message]]:
        """Return the messages of the next datagram, or None when there is none. This never blocks.

        Raises:
            EventsLost: the kernel dropped datagrams. Those that it kept can still be received.
            DecodeFailed: the datagram is malformed. The next one can still be received.
            TransportFailed: the socket failed.
        """
        try:
            size, _ancillary, flags, address = self._socket.recvmsg_into([self._buffer])
        except (BlockingIOError, InterruptedError):
            return None
        except OSError as error:
            if error.errno == errno.ENOBUFS:
                raise EventsLost("The kernel dropped events that were not read in time", where=self.name) from error
            raise self._failed("read", error) from error
        if address[0] != 0:
            return []  # another process sent it: the kernel's port is 0
        if flags & socket.MSG_TRUNC:
            raise DecodeFailed(f"A datagram is longer than {RECEIVE_BUFFER} bytes", where=self.name)
        return split(bytes(self._buffer[:size]), self.name)

    def request(
        self,
        what: str,
        kind: Any,
        message_type: int,
        fields: Mapping[str, int],
        attributes: Sequence[Tuple[str, Any]] = (),
        *,
        dump: bool = False,
    ) -> Tuple[bytes, ...]:
        """Send a request and return the answering messages, each with its header.

        Args:
            what: the request in words, such as "Listing the radios". Error messages begin with it.
            kind: the message class of the request.
            message_type: ``nlmsg_type``.
            fields: values of the message's fixed fields, by name.
            attributes: names and values of the message's attributes.
            dump: whether to ask for a list.

        Raises:
            AccessDenied, NotFound, TransportFailed: the kernel refused. ``TransportFailed`` has the kernel's ``errno``.
            TimedOut, DecodeFailed: no answer came, or a malformed one. The socket stays usable.
        """
        end = self._patience.due()
        header = {"type": message_type, "flags": NLM_F_REQUEST | (NLM_F_DUMP if dump else NLM_F_ACK)}
        for _attempt in range(DUMP_ATTEMPTS):
            self._drain()
            self._sequence += 1
            header["sequence_number"] = self._sequence
            self._send(encode(kind, header, fields, attributes))
            replies = self._replies(what, end)
            if not dump or not any(reply.flags & NLM_F_DUMP_INTR for reply in replies):
                return tuple(reply.data for reply in replies[:-1])
        raise TransportFailed(f"{what}: the list kept changing while it was read", where=self.name, errno=errno.EAGAIN)

    def _replies(self, what: str, end: float) -> List[Message]:
        """Return the answering messages, including the one that ends the answer."""
        replies: List[Message] = []
        while True:
            for message in self._wait(what, end):
                if message.sequence != self._sequence:
                    continue  # the late answer to an earlier request that timed out
                if message.kind == NLMSG_OVERRUN:
                    raise TransportFailed(f"{what}: the kernel lost data", where=self.name, errno=errno.ENOBUFS)
                if message.kind != NLMSG_NOOP:
                    replies.append(message)
                if message.kind in (NLMSG_ERROR, NLMSG_DONE):
                    number, detail = _outcome(message, self.name)
                    if number:
                        raise kernel_error(number, what, self.name, detail)
                    return replies

    def _wait(self, what: str, end: float) -> List[Message]:
        while True:
            left = end - time.monotonic()
            # A signal does not end poll(): Python resumes it with the time that is left (PEP 475).
            if left <= 0 or not self._poll.poll(math.ceil(left * 1000)):
                raise TimedOut(f"{what}: the kernel did not answer in time", where=self.name)
            try:
                messages = self.receive()
            except EventsLost:
                raise TransportFailed(f"{what}: the answer was lost", where=self.name, errno=errno.ENOBUFS) from None
            if messages:
                return messages

    def _drain(self) -> None:
        """Throw away what an earlier request left unread. This also ends a dump that was given up."""
        while True:
            try:
                if self.receive() is None:
                    return
            except (EventsLost, DecodeFailed):
                continue

    def _send(self, data: bytes) -> None:
        try:
            self._socket.sendto(data, (0, 0))
        except OSError as error:
            raise self._failed("write to", error) from error

    def _failed(self, verb: str, error: OSError) -> TransportFailed:
        return TransportFailed(
            f"Cannot {verb} the netlink socket: {error.strerror}", where=self.name, errno=error.errno or 0
        )


def _outcome(message: Message, where: str) -> Tuple[int, str]:
    """Return the errno (0 means success) and the kernel's explanation from an NLMSG_ERROR or NLMSG_DONE."""
    data = message.data
    if len(data) < HEADER.size + _ERROR.size:
        if message.kind == NLMSG_DONE:
            return 0, ""
        raise DecodeFailed("An error message is cut short", where=where)
    number = abs(_ERROR.unpack_from(data, HEADER.size)[0])
    if not number or not message.flags & NLM_F_ACK_TLVS:
        return number, ""
    offset = HEADER.size + _ERROR.size
    if message.kind == NLMSG_ERROR:  # a copy of the request comes first: its header, or the whole request
        asked = HEADER.size
        if not message.flags & NLM_F_CAPPED and len(data) >= offset + HEADER.size:
            asked = HEADER.unpack_from(data, offset)[0]
        offset += asked + 3 & ~3
    explanation = message_class("nla", ((1, "NLMSGERR_ATTR_MSG", "cdata"),))
    try:
        return number, text(decode(explanation, data[offset:], where).get("NLMSGERR_ATTR_MSG", b""))
    except DecodeFailed:
        return number, ""  # the error itself matters more than its explanation


def kernel_error(number: int, what: str, where: str, detail: str = "") -> FleetError:
    """Return the exception for the errno *number* with which the kernel answered the request *what*."""
    reason = f"{os.strerror(number)} ({detail})" if detail else os.strerror(number)
    said = f"{what}: {reason}"
    if number in (errno.EPERM, errno.EACCES):
        as_root = "Root lacks CAP_NET_ADMIN here. Run this outside of a container, or give the service the capability"
        remedy = as_root if os.geteuid() == 0 else "Run as root (CAP_NET_ADMIN is needed)"
        return AccessDenied(said, where=where, remedy=remedy)
    if number in (errno.ENODEV, errno.ENOENT):
        return NotFound(said, where=where)
    return TransportFailed(said, where=where, errno=number)


# -- generic netlink --------------------------------------------------------------------------------------------------

_CTRL: Attributes = (
    (1, "CTRL_ATTR_FAMILY_ID", "uint16"),
    (2, "CTRL_ATTR_FAMILY_NAME", "cdata"),
    (7, "CTRL_ATTR_MCAST_GROUPS", "cdata"),
)
_CTRL_GROUP: Attributes = ((1, "CTRL_ATTR_MCAST_GRP_NAME", "cdata"), (2, "CTRL_ATTR_MCAST_GRP_ID", "uint32"))


def family(sock: NetlinkSocket, name: str) -> Family:
    """Look up a generic netlink family by name.

    Args:
        sock: a socket of ``NETLINK_GENERIC``.
        name: the family's name.

    Raises:
        NotFound: the kernel has no such family.
        TransportFailed, TimedOut, DecodeFailed: see ``NetlinkSocket.request()``.
    """
    kind = message_class("genlmsg", _CTRL)
    wanted = [("CTRL_ATTR_FAMILY_NAME", name.encode() + b"\0")]
    what = f"Looking up the netlink family {name}"
    try:
        replies = sock.request(what, kind, GENL_ID_CTRL, {"cmd": CTRL_CMD_GETFAMILY, "version": 1}, wanted)
    except NotFound as error:
        raise NotFound(
            f"The kernel has no netlink family {name}",
            where=sock.name,
            remedy="Load the kernel module that provides it (cfg80211 for nl80211).",
        ) from error
    if not replies:
        raise DecodeFailed(f"{what}: the answer is empty", where=sock.name)
    values = decode(kind, replies[0], what)
    return Family(
        number=required(values, "CTRL_ATTR_FAMILY_ID", what),
        groups=dict(_groups(values.get("CTRL_ATTR_MCAST_GROUPS", b""), what)),
    )


def _groups(data: bytes, where: str) -> Iterator[Tuple[str, int]]:
    for element in elements(data, where):
        group = decode(message_class("nla", _CTRL_GROUP), element, where)
        yield (
            text(required(group, "CTRL_ATTR_MCAST_GRP_NAME", where)),
            required(group, "CTRL_ATTR_MCAST_GRP_ID", where),
        )
