# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands to wpa_supplicant over its control socket, with typed answers. ``monitor.py`` receives its events.

Source of every format and limit: hostap's ``wpa_supplicant/ctrl_iface.c``, ``ctrl_iface_unix.c`` and
``src/utils/common.c``, releases 2.10 to 2026.

The kernel chooses the client's address, which is an abstract name (autobind). So the supplicant can always answer: the
address is not a file that needs permissions, it does not depend on a ``/tmp`` that a hardened unit does not share, and
nothing is left after a ``kill -9``. An abstract name is valid only in its network namespace, but the supplicant of an
interface is always in the same one. No other process can send to the socket, because it is connected, and a connected
socket receives only from its peer.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
import struct
import time
from types import TracebackType
from typing import Iterable, List, Optional, Sequence, Tuple, Type, TypeVar

from ..._network.values import encode_frequencies
from ..._system.denied import remedy_for, user
from ..._system.errors import (
    AccessDenied,
    DecodeFailed,
    FleetError,
    NotFound,
    SupplicantRefused,
    TimedOut,
    TransportFailed,
)
from ..._system.files import names_in
from ..._system.patience import PATIENCE, Patience
from ..._system.places import PLACES, Places
from ..._system.systemd import instance
from .codec import (
    Network,
    Status,
    SupplicantEvent,
    checked_variable,
    decode_event,
    decode_networks,
    decode_status,
    encode_command,
    gist,
)

#: The size of the supplicant's reply buffer, in bytes.
_REPLY_MAX = 4096
#: The longest line of LIST_NETWORKS: a ten-digit id, 32 bytes of SSID as ``\xNN``, a BSSID, all flags, separators.
_NETWORK_LINE_MAX = 256
#: The most bytes that one read takes. Events have no fixed limit (a certificate in hex fills several KiB).
EVENT_MAX = 65536
#: The remedy when this user may not use a control socket or its folder.
NOT_FOR_THIS_USER = (
    "Run this as root, or as a member of wpa_supplicant's ctrl_interface GROUP. For the watcher, the role "
    "vpro.fleet.supplicant sets that"
)
#: struct ucred of unix(7): process, user, group.
_UCRED = struct.Struct("=iII")
_Connection = TypeVar("_Connection", bound="ControlSocket")


class ControlSocket:
    """A datagram socket that is connected to a control socket, with an address for the supplicant's answers."""

    def __init__(self, path: str, patience: Patience = PATIENCE) -> None:
        self.path = path
        self._patience = patience.begun()
        self._socket: Optional[socket.socket] = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        try:
            self._socket.connect(path)
            self._socket.bind("")  # with an empty name, Linux chooses an abstract one: unix(7), "Autobind feature"
        except OSError as error:
            self._drop()
            raise self._failed(error) from error

    def _open(self) -> socket.socket:
        if self._socket is None:
            raise TransportFailed("this connection to the supplicant has ended, and another is needed", where=self.path)
        return self._socket

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def close(self) -> None:
        """Close the connection. It may be closed twice."""
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
        """Send a command and return its reply. Events that come before the reply are added to *stray*.

        Replies have no number. So after a failure, a late reply could be taken for the reply to the next command, and
        the connection is closed.
        """
        return self._answer(command, stray)[0].decode("utf-8", "surrogateescape")

    def _process_id(self, stray: List[SupplicantEvent]) -> int:
        """Return the process id of the supplicant. Events that come before its answer are added to *stray*."""
        try:
            # From now on, the kernel adds the sender to each answer: unix(7).
            self._open().setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            ancillary = self._answer("PING", stray)[1]
        finally:
            if self._socket is not None:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
        for level, kind, data in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS) and len(data) >= _UCRED.size:
                return int(_UCRED.unpack_from(data)[0])
        raise TransportFailed("the kernel did not tell the sender of an answer", where=self.path)

    def _answer(self, command: str, stray: List[SupplicantEvent]) -> Tuple[bytes, List[Tuple[int, int, bytes]]]:
        """Send a command, as ``_exchange``. Return its reply, and what the kernel added to it."""
        data = encode_command(command)
        peer = self._open()
        begun = time.monotonic()
        end = self._patience.due(begun)
        try:
            self._wait_until(peer, end)
            peer.send(data)
            while True:
                self._wait_until(peer, end)
                reply, ancillary, _flags, _address = peer.recvmsg(EVENT_MAX, socket.CMSG_SPACE(_UCRED.size))
                event = decode_event(reply)
                if event is None:
                    return reply, ancillary
                stray.append(event)
        except socket.timeout as error:
            self._drop()
            raise TimedOut(
                f"wpa_supplicant did not answer {gist(command)} within {round(max(end - begun, 0.0), 3):g} s",
                where=self.path,
                remedy="Look for a hanging wpa_supplicant, and restart it",
            ) from error
        except OSError as error:
            self._drop()
            raise self._failed(error) from error

    @staticmethod
    def _wait_until(peer: socket.socket, end: float) -> None:
        remaining = end - time.monotonic()
        if remaining <= 0:  # settimeout(0) would make the socket non-blocking, with another error
            raise socket.timeout
        peer.settimeout(remaining)

    def _failed(self, error: OSError) -> FleetError:
        number = error.errno or 0
        if number in (errno.EACCES, errno.EPERM):
            return AccessDenied(
                f"{user()} may not use the supplicant's control socket",
                where=self.path,
                remedy=remedy_for(error, self.path, NOT_FOR_THIS_USER),
            )
        if number in (errno.ENOENT, errno.ENOTDIR, errno.ECONNREFUSED, errno.ECONNRESET, errno.ENOTCONN):
            return NotFound(
                "no wpa_supplicant listens on this control socket",
                where=self.path,
                remedy="Start wpa_supplicant for this interface, with ctrl_interface in its configuration",
            )
        return TransportFailed(
            f"the supplicant's control socket failed: {os.strerror(number) if number else error}",
            where=self.path,
            errno=number,
        )


class WpaCtrl(ControlSocket):
    """A connection to the wpa_supplicant of one interface, over its control socket.

    It ends with the first TimedOut, NotFound or TransportFailed, and is not opened again by itself. A supplicant that
    restarted gives its networks new ids, so a sequence of commands must not go on there.

    Args:
        path: the path of the control socket, such as ``/run/wpa_supplicant/wlan0``.
        patience: how long to wait for answers. The connection counts as one call.

    Raises:
        NotFound: nothing listens there.
        AccessDenied: this user may not use the control socket.
        TransportFailed: the connection failed for another reason.
    """

    def request(self, command: str) -> str:
        """Send a command and return the reply as it is. Events that arrive in between are skipped.

        Raises:
            CommandUnsafe: the command was not sent.
            TimedOut, NotFound, AccessDenied, TransportFailed: no reply came. This connection has ended.
        """
        return self._exchange(command, [])

    def command(self, command: str) -> None:
        """Send a command that is answered by OK.

        Raises:
            SupplicantRefused: the answer was not OK. The message does not repeat the command's values.
        """
        reply = self.request(command)
        if reply != "OK\n":
            raise self._refused(command, reply)

    def _refused(self, command: str, reply: str) -> SupplicantRefused:
        return SupplicantRefused(f"wpa_supplicant answered {gist(command)} with {gist(reply)}", where=self.path)

    def pid(self) -> int:
        """Return the process id of the supplicant. The kernel adds it to an answer.

        Raises:
            NotFound, TimedOut, TransportFailed: the supplicant did not answer. This connection has ended.
        """
        return self._process_id([])

    def status(self) -> Status:
        """Return what the supplicant is doing."""
        return decode_status(self.request("STATUS"))

    def networks(self) -> Tuple[Network, ...]:
        """Return all configured networks, in the order of their ids. This may take several commands."""
        found: List[Network] = []
        command = "LIST_NETWORKS"
        while True:
            reply = self.request(command)
            page = decode_networks(reply)
            if page and found and page[0].id <= found[-1].id:
                raise DecodeFailed("LIST_NETWORKS repeats itself", where=self.path)
            found += page
            # A reply ends before the first line that does not fit. So only a nearly full reply may be incomplete.
            if not page or len(reply) < _REPLY_MAX - _NETWORK_LINE_MAX:
                return tuple(found)
            command = f"LIST_NETWORKS LAST_ID={page[-1].id}"

    def get(self, network_id: int, variable: str) -> Optional[str]:
        """Return a network's variable as wpa_supplicant writes it (``*`` for a secret).

        It is None when the variable is not set or unknown, or the network does not exist. wpa_supplicant does not tell
        which of these it is.
        """
        reply = self.request(f"GET_NETWORK {int(network_id)} {checked_variable(variable)}")
        return None if reply in ("FAIL\n", "UNKNOWN COMMAND\n", "") else reply

    def setting(self, name: str) -> Optional[str]:
        """Return the value of a setting outside of the networks, or None when the supplicant does not tell it."""
        value = self.request(f"GET {checked_variable(name)}").strip()
        return None if value.startswith(("FAIL", "UNKNOWN COMMAND")) else value

    def set(self, network_id: int, variable: str, value: str) -> None:
        """Set a network's variable to a value that an encoder made.

        Raises:
            SupplicantRefused: there is no such network, or the value is not valid.
        """
        self.command(f"SET_NETWORK {int(network_id)} {checked_variable(variable)} {value}")

    def scan(self, frequencies: Iterable[int]) -> bool:
        """Scan frequencies in MHz now. The supplicant joins an access point that it finds if a network fits.

        Returns:
            Whether the scan was begun. It is not while another scan runs.

        Raises:
            SupplicantRefused: the supplicant can't scan now.
        """
        command = f"SCAN freq={encode_frequencies(frequencies).replace(' ', ',')}"
        reply = self.request(command)
        if reply not in ("OK\n", "FAIL-BUSY\n"):
            raise self._refused(command, reply)
        return reply == "OK\n"


def supplicant_is_enabled(interface: str, places: Places = PLACES) -> bool:
    """Say whether systemd starts the service ``wpa_supplicant@`` for an interface at the boot."""
    service = f"wpa_supplicant@{instance(interface)}.service"
    for folder in ("etc/systemd/system", "run/systemd/system"):
        at = places.at(folder)
        for wanting in names_in(at):
            if wanting.endswith((".wants", ".requires")) and os.path.lexists(os.path.join(at, wanting, service)):
                return True
    return False


#: The folders of control sockets in distributions.
CONTROL_DIRECTORIES: Tuple[str, ...] = ("/run/wpa_supplicant", "/var/run/wpa_supplicant")


def control_directories(places: Places = PLACES) -> Tuple[str, ...]:
    """Return the folders of control sockets on a laptop."""
    return tuple(places.at(directory) for directory in CONTROL_DIRECTORIES)


def control_socket(interface: str, directories: Sequence[str] = CONTROL_DIRECTORIES) -> str:
    """Return the path of the control socket for an interface.

    Raises:
        NotFound: no wpa_supplicant offers one. It does not run, or serves only D-Bus.
        AccessDenied: this user may not read a folder, so it is not known whether there is one.
    """
    denied: Optional[Tuple[str, OSError]] = None
    if interface and interface not in (".", "..") and "/" not in interface:
        for directory in directories:
            path = os.path.join(directory, interface)
            try:
                if stat.S_ISSOCK(os.stat(path).st_mode):
                    return path
            except PermissionError as error:
                denied = denied or (directory, error)
            except (OSError, ValueError):
                continue
    if denied:
        raise AccessDenied(
            f"{user()} may not use the supplicant's control directory",
            where=denied[0],
            remedy=remedy_for(denied[1], denied[0], NOT_FOR_THIS_USER),
        )
    raise NotFound(
        f"no wpa_supplicant offers a control socket for {interface!r}",
        where=", ".join(directories),
        remedy="Start wpa_supplicant for this interface, with ctrl_interface in its configuration",
    )
