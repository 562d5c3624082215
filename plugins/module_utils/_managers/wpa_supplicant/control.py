# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""wpa_supplicant's control interface: one socket for commands, one for events; text in, typed values out.

Source of every format and limit: hostap's ``wpa_supplicant/ctrl_iface.c``, ``ctrl_iface_unix.c`` and
``src/utils/common.c``, releases 2.10 to 2026.

The client's address is one that the kernel picks (an autobound abstract name). Whoever the client is, the supplicant
can answer to it: no file that it would need permission for, no ``/tmp`` that a hardened unit keeps to itself, and
nothing left over after a ``kill -9``. Abstract names end at a network namespace; so does an interface, and with it
the supplicant that runs it. Nobody else can send to the socket: it connects first, and a connected socket hears only
its peer.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType, TracebackType
from typing import Dict, Iterable, List, Mapping, Optional, Tuple, Type, TypeVar

from ..._system.errors import (
    AccessDenied,
    DecodeFailed,
    FleetError,
    NotFound,
    SupplicantRefused,
    TimedOut,
    TransportFailed,
)

#: CTRL_IFACE_MAX_LEN: the longest command that the supplicant reads.
_COMMAND_MAX = 8192
#: The supplicant's reply buffer.
_REPLY_MAX = 4096
#: The longest line of LIST_NETWORKS: a ten-digit id, 32 bytes of SSID as ``\xNN``, a BSSID, all flags, separators.
_NETWORK_LINE_MAX = 256
#: Events have no fixed limit (a certificate in hex fills several KiB); this is the most that one read takes.
_EVENT_MAX = 65536
#: Events taken in one go, so that a flood cannot keep an event loop in here; select() fires again.
_EVENTS_READ_MAX = 256
#: Octets in an SSID, IEEE 802.11-2020 9.4.2.2.
_SSID_MAX = 32
#: Seconds for an answer. The supplicant itself waits for the kernel's RTNL lock, which asking CSME holds for 0.5 s.
DEFAULT_TIMEOUT = 2.0
#: What to do about a control socket, or the directory of one, that refuses.
NOT_FOR_THIS_USER = (
    "Run this as root, or as a member of wpa_supplicant's ctrl_interface GROUP. For the watcher, the role "
    "vpro.fleet.supplicant sets that"
)
#: Seconds that closing a monitor waits for the answer to DETACH, so that the supplicant does not log a lost reply.
_DETACH_TIMEOUT = 0.1

#: struct ucred of unix(7): process, user, group.
_UCRED = struct.Struct("=iII")

_Connection = TypeVar("_Connection", bound="_Socket")


class CommandUnsafe(FleetError):
    """A command was not sent: something in it could have become another command or configuration line."""

    code = "command_unsafe"


# --- values ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SupplicantStatus:
    """What a supplicant is doing. Of the connection everything is None while there is none."""

    #: wpa_supplicant's state: COMPLETED, SCANNING, INTERFACE_DISABLED, ...
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
        """Say whether the link is up and its keys are in place."""
        return self.state == "COMPLETED"


@dataclass(frozen=True)
class Network:
    """One line of LIST_NETWORKS. ``temp_disabled``: set aside for some seconds after failures, but still enabled."""

    id: int
    ssid: bytes
    bssid: Optional[str]
    current: bool
    disabled: bool
    temp_disabled: bool


@dataclass(frozen=True)
class SupplicantEvent:
    """One unsolicited message. ``name`` is empty when it is free text (``Trying to associate with ...``)."""

    name: str
    #: wpa_supplicant's message level: 0 excessive ... 2 debug, 3 info, 4 warning, 5 error.
    level: int
    #: The message's ``key=value`` parts, as they stand; of several with one key, the first.
    fields: Mapping[str, str] = field(default_factory=dict)
    #: The message without its level and name.
    text: str = ""
    network_id: Optional[int] = None
    bssid: Optional[str] = None
    ssid: Optional[bytes] = None
    #: The reason code of a disconnection, IEEE 802.11-2020 table 9-49; None when it is none or a word.
    reason: Optional[int] = None


# --- encoders: the only ways for a value to get into a command ------------------------------------------------------

_BSSID = re.compile(r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}\Z")
_VARIABLE = re.compile(r"[a-z][a-z0-9_]*\Z")


def encode_ssid(ssid: bytes) -> str:
    """Return an SSID as the bare hex that SET_NETWORK takes for any bytes.

    Raises:
        CommandUnsafe: it has more than 32 bytes.
    """
    if len(ssid) > _SSID_MAX:
        raise CommandUnsafe(f"an SSID has at most {_SSID_MAX} bytes, this one has {len(ssid)}")
    return ssid.hex()


def encode_bssid(bssid: Optional[str]) -> str:
    """Return a BSSID in lower case; ``any`` for None.

    Raises:
        CommandUnsafe: it is no MAC address.
    """
    if bssid is None:
        return "any"
    if _BSSID.match(bssid) is None:
        raise CommandUnsafe(f"{bssid!r} is no BSSID")
    return bssid.lower()


def encode_frequencies(frequencies: Iterable[int]) -> str:
    """Return frequencies in MHz as ``scan_freq`` takes them; the empty string, which clears it, for none.

    Raises:
        CommandUnsafe: one of them is not positive (a 0 would end wpa_supplicant's list there).
    """
    numbers = [int(frequency) for frequency in frequencies]
    if any(number <= 0 for number in numbers):
        raise CommandUnsafe(f"a frequency is a positive number of MHz, not {min(numbers)}")
    return " ".join(str(number) for number in numbers)


def _encode_command(command: str) -> bytes:
    """Return a command's bytes; a control character in it would begin a new line of somebody's configuration."""
    if not command or any(ord(character) < 0x20 or ord(character) == 0x7F for character in command):
        raise CommandUnsafe("a command is empty or has a control character in it", where=_gist(command))
    try:
        data = command.encode("utf-8")
    except UnicodeEncodeError:
        raise CommandUnsafe("a command has something in it that is no text", where=_gist(command)) from None
    if len(data) > _COMMAND_MAX:
        raise CommandUnsafe(f"a command has {len(data)} bytes, at most {_COMMAND_MAX} fit", where=_gist(command))
    return data


def _gist(command: str) -> str:
    """Return as much of a command as may be shown: its name, network and variable, never the value."""
    words = re.split(r"[^0-9A-Za-z_-]", command, maxsplit=3)
    return " ".join(words[:3] if words[0] in ("SET_NETWORK", "GET_NETWORK") else words[:1])[:60]


# --- decoders -------------------------------------------------------------------------------------------------------

_ESCAPES = {"\\": 0x5C, '"': 0x22, "n": 0x0A, "r": 0x0D, "t": 0x09, "e": 0x1B}
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|(.))?", re.DOTALL)


def decode_printf(text: str) -> bytes:
    r"""Undo wpa_supplicant's ``printf_encode``: ``\n \r \t \e \\ \" \xNN``.

    Raises:
        DecodeFailed: a backslash is followed by anything else.
    """
    decoded = bytearray()
    position = 0
    for match in _ESCAPE.finditer(text):
        decoded += _raw(text[position : match.start()])
        hexadecimal, letter = match.groups()
        if hexadecimal is not None:
            decoded.append(int(hexadecimal, 16))
        elif letter in _ESCAPES:
            decoded.append(_ESCAPES[letter])
        else:
            raise DecodeFailed(f"unknown escape at character {match.start()}", where=ascii(text[:80]))
        position = match.end()
    return bytes(decoded + _raw(text[position:]))


def _raw(text: str) -> bytes:
    """Return the bytes that came over the socket as this text."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise DecodeFailed("text that cannot have come from a supplicant", where=ascii(text[:80])) from None


def decode_value(text: str) -> bytes:
    r"""Decode a string value of GET_NETWORK: ``"raw"`` (no escapes, up to the last quote), ``P"escaped"``, bare hex.

    Raises:
        DecodeFailed: it is none of them.
    """
    if len(text) >= 2 and text.startswith('"') and text.endswith('"'):
        return _raw(text[1:-1])
    if len(text) >= 3 and text.startswith('P"') and text.endswith('"'):
        return decode_printf(text[2:-1])
    if re.fullmatch(r"(?:[0-9A-Fa-f]{2})*", text):
        return bytes.fromhex(text)
    raise DecodeFailed("a value is neither quoted text nor hex", where=ascii(text[:80]))


def _decode_ssid(text: str) -> bytes:
    ssid = decode_printf(text)
    if len(ssid) > _SSID_MAX:
        raise DecodeFailed(f"an SSID has at most {_SSID_MAX} bytes, this one has {len(ssid)}")
    return ssid


def _decode_number(text: str, what: str) -> int:
    if re.fullmatch(r"-?[0-9]{1,10}", text) is None:
        raise DecodeFailed(f"{what} is no number", where=ascii(text[:80]))
    return int(text)


def _decode_bssid(text: str, what: str) -> Optional[str]:
    """Return a BSSID in lower case; None for ``any`` and for the all-zero address, which means none."""
    if text in ("any", "00:00:00:00:00:00"):
        return None
    if _BSSID.match(text) is None:
        raise DecodeFailed(f"{what} is no BSSID", where=ascii(text[:80]))
    return text.lower()


def decode_status(text: str) -> SupplicantStatus:
    """Decode the reply to STATUS.

    Raises:
        DecodeFailed: it has no ``wpa_state``, or a value of the wrong form.
    """
    values: Dict[str, str] = {}
    for line in text.split("\n"):
        key, separator, value = line.partition("=")
        if separator:
            # The first of several counts: id_str, further down, is free text of the administrator's.
            values.setdefault(key, value)
    if not values.get("wpa_state"):
        raise DecodeFailed("the reply to STATUS has no wpa_state", where=ascii(text[:80]))
    return SupplicantStatus(
        state=values["wpa_state"],
        bssid=_decode_bssid(values["bssid"], "bssid") if "bssid" in values else None,
        ssid=_decode_ssid(values["ssid"]) if "ssid" in values else None,
        network_id=_decode_number(values["id"], "id") if "id" in values else None,
        frequency=_decode_number(values["freq"], "freq") if "freq" in values else None,
        key_mgmt=values.get("key_mgmt"),
        address=values.get("address"),
    )


def decode_networks(text: str) -> Tuple[Network, ...]:
    """Decode the reply to LIST_NETWORKS: a heading, then ``id, ssid, bssid, flags``, tab separated.

    Raises:
        DecodeFailed: the heading is missing, or a line is not of that form.
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
    """Decode one datagram; None when it is no event (a reply). Never fails: what does not parse stays in ``text``."""
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
        bssid=bssid.lower() if _BSSID.match(bssid) else None,
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


# --- sockets --------------------------------------------------------------------------------------------------------


class _Socket:
    """A datagram socket connected to one control socket, with an address that the supplicant can answer to."""

    def __init__(self, path: str, timeout: float = DEFAULT_TIMEOUT) -> None:
        self.path = path
        self._timeout = timeout
        self._socket: Optional[socket.socket] = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        try:
            self._socket.connect(path)
            self._socket.bind("")  # an empty name makes Linux pick an abstract one: unix(7), "Autobind feature"
        except OSError as error:
            self._drop()
            raise self._failed(error) from error

    def _open(self) -> socket.socket:
        if self._socket is None:
            raise TransportFailed("this connection to the supplicant is over; open another", where=self.path)
        return self._socket

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        self._drop()

    def __enter__(self: _Connection) -> _Connection:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def _exchange(self, command: str, stray: List[SupplicantEvent]) -> str:
        """Send a command and return its reply; events that come first go into *stray*.

        Replies carry no number, so after a failure nothing tells a late reply from the next one's: the connection
        ends with it.
        """
        data = _encode_command(command)
        peer = self._open()
        deadline = time.monotonic() + self._timeout
        try:
            self._wait_until(peer, deadline)
            peer.send(data)
            while True:
                self._wait_until(peer, deadline)
                reply = peer.recv(_EVENT_MAX)
                event = decode_event(reply)
                if event is None:
                    break
                stray.append(event)
        except socket.timeout as error:
            self._drop()
            raise TimedOut(
                f"wpa_supplicant did not answer {_gist(command)} within {self._timeout:g} s",
                where=self.path,
                remedy="Look for a hanging wpa_supplicant, and restart it",
            ) from error
        except OSError as error:
            self._drop()
            raise self._failed(error) from error
        return reply.decode("utf-8", "surrogateescape")

    @staticmethod
    def _wait_until(peer: socket.socket, deadline: float) -> None:
        remaining = deadline - time.monotonic()
        if remaining <= 0:  # settimeout(0) would mean "do not wait", and fail otherwise
            raise socket.timeout
        peer.settimeout(remaining)

    def _failed(self, error: OSError) -> FleetError:
        number = error.errno or 0
        if number in (errno.EACCES, errno.EPERM):
            return AccessDenied(
                "the supplicant's control socket is not for this user",
                where=self.path,
                remedy=NOT_FOR_THIS_USER,
            )
        if number in (errno.ENOENT, errno.ENOTDIR, errno.ECONNREFUSED, errno.ECONNRESET, errno.ENOTCONN):
            return NotFound(
                "no wpa_supplicant listens here",
                where=self.path,
                remedy="Start wpa_supplicant for this interface, with ctrl_interface in its configuration",
            )
        return TransportFailed(
            f"the supplicant's control socket failed: {os.strerror(number) if number else error}",
            where=self.path,
            errno=number,
        )


class WpaCtrl(_Socket):
    """A conversation with one wpa_supplicant about one interface, over its control socket *path*.

    It ends with the first TimedOut, NotFound or TransportFailed, and does not come back by itself: a supplicant that
    restarted gives its networks' ids out anew, and a half-done sequence must not go on there.

    Args:
        path: the control socket, ``/run/wpa_supplicant/wlan0``.
        timeout: seconds for each answer.

    Raises:
        NotFound: nothing listens there. AccessDenied: this user may not. TransportFailed: anything else.
    """

    def request(self, command: str) -> str:
        """Send a command and return the reply as it is. Events that arrive in between are skipped.

        Raises:
            CommandUnsafe: the command was not sent.
            TimedOut, NotFound, AccessDenied, TransportFailed: no reply; this connection is over.
        """
        return self._exchange(command, [])

    def command(self, command: str) -> None:
        """Send a command that is answered by OK.

        Raises:
            SupplicantRefused: it was answered by anything else. The message does not repeat the command's values.
        """
        reply = self.request(command)
        if reply != "OK\n":
            raise self._refused(command, reply)

    def _refused(self, command: str, reply: str) -> SupplicantRefused:
        return SupplicantRefused(f"wpa_supplicant answered {_gist(command)} with {_gist(reply)}", where=self.path)

    def status(self) -> SupplicantStatus:
        """Return what the supplicant is doing."""
        return decode_status(self.request("STATUS"))

    def networks(self) -> Tuple[Network, ...]:
        """Return every configured network, by ascending id, however many replies it takes."""
        found: List[Network] = []
        command = "LIST_NETWORKS"
        while True:
            reply = self.request(command)
            page = decode_networks(reply)
            if page and found and page[0].id <= found[-1].id:
                raise DecodeFailed("LIST_NETWORKS repeats itself", where=self.path)
            found += page
            # A reply ends before the first line that does not fit: only a nearly full one may have a sequel.
            if not page or len(reply) < _REPLY_MAX - _NETWORK_LINE_MAX:
                return tuple(found)
            command = f"LIST_NETWORKS LAST_ID={page[-1].id}"

    def get(self, network_id: int, variable: str) -> Optional[str]:
        """Return a network's variable as wpa_supplicant writes it (``*`` for a secret).

        None when it is not set, or unknown, or there is no such network: wpa_supplicant does not tell which.
        """
        reply = self.request(f"GET_NETWORK {int(network_id)} {_variable(variable)}")
        return None if reply in ("FAIL\n", "UNKNOWN COMMAND\n", "") else reply

    def set(self, network_id: int, variable: str, value: str) -> None:
        """Set a network's variable to a value that an encoder made.

        Raises:
            SupplicantRefused: there is no such network, or the value does not do.
        """
        self.command(f"SET_NETWORK {int(network_id)} {_variable(variable)} {value}")

    def scan(self, frequencies: Iterable[int]) -> bool:
        """Have frequencies in MHz scanned now, and what is found there joined if a network fits.

        Returns:
            Whether it was begun; False while another scan runs.

        Raises:
            SupplicantRefused: it can't scan now.
        """
        command = f"SCAN freq={encode_frequencies(frequencies).replace(' ', ',')}"
        reply = self.request(command)
        if reply not in ("OK\n", "FAIL-BUSY\n"):
            raise self._refused(command, reply)
        return reply == "OK\n"


def _variable(name: str) -> str:
    if _VARIABLE.match(name) is None:
        raise CommandUnsafe(f"{name!r} is no variable of a network")
    return name


class WpaMonitor(_Socket):
    """The events of one wpa_supplicant, attached on construction; call ``read()`` once before the first select().

    A supplicant that is gone says nothing: ask ``alive()`` now and then, and open another monitor once it says no.

    Args and Raises: as for WpaCtrl; SupplicantRefused when attaching is refused.
    """

    def __init__(self, path: str, timeout: float = DEFAULT_TIMEOUT) -> None:
        super().__init__(path, timeout)
        self._early: List[SupplicantEvent] = []
        try:
            reply = self._exchange("ATTACH", self._early)
            if reply != "OK\n":
                raise SupplicantRefused(f"wpa_supplicant answered ATTACH with {_gist(reply)}", where=path)
            self._open().setblocking(False)
        except FleetError:
            self._drop()
            raise

    def fileno(self) -> int:
        """Return the descriptor for select(); -1 after close()."""
        return -1 if self._socket is None else self._socket.fileno()

    def read(self) -> Tuple[SupplicantEvent, ...]:
        """Return the events that have arrived, without waiting; empty when none has.

        Raises:
            NotFound, TransportFailed: the connection is over.
        """
        peer = self._open()
        events, self._early = self._early, []
        for _count in range(_EVENTS_READ_MAX):
            try:
                event = decode_event(peer.recv(_EVENT_MAX))
            except BlockingIOError:
                break
            except OSError as error:
                self._drop()
                raise self._failed(error) from error
            if event is not None:  # the answers to alive() come here too
                events.append(event)
        return tuple(events)

    def pid(self) -> int:
        """Return the process id of the supplicant, as the kernel stamps it on an answer.

        Raises:
            NotFound, TimedOut, TransportFailed: it did not answer; the connection is over.
        """
        peer = self._open()
        deadline = time.monotonic() + self._timeout
        try:
            # Answers that are sent from now on carry who sent them: unix(7).
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            self._wait_until(peer, deadline)
            peer.send(b"PING")
            while True:
                self._wait_until(peer, deadline)
                reply, ancillary, _flags, _address = peer.recvmsg(_EVENT_MAX, socket.CMSG_SPACE(_UCRED.size))
                event = decode_event(reply)
                if event is None:
                    break
                self._early.append(event)
        except socket.timeout as error:
            self._drop()
            raise TimedOut("wpa_supplicant did not answer PING", where=self.path) from error
        except OSError as error:
            self._drop()
            raise self._failed(error) from error
        finally:
            if self._socket is not None:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
                self._socket.setblocking(False)
        for level, kind, data in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS) and len(data) >= _UCRED.size:
                return int(_UCRED.unpack_from(data)[0])
        raise TransportFailed("the kernel did not say who answers", where=self.path)

    def alive(self) -> bool:
        """Say whether the supplicant still holds its end, without waiting.

        False: it ended, restarted, or opened its socket anew; no further event will come. True is less sure: a
        supplicant that hangs holds its end too.
        """
        try:
            self._open().send(b"PING")
        except BlockingIOError:  # its queue is full: it is there, and busy
            return True
        except (OSError, TransportFailed):
            return False
        return True

    def close(self) -> None:
        """Detach and close; a second call does nothing. A supplicant that is gone does not matter."""
        if self._socket is None:
            return
        self._timeout = _DETACH_TIMEOUT
        with suppress(FleetError):
            self._exchange("DETACH", [])
        self._drop()
