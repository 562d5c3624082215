# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""wpa_supplicant's control interface: a socket for commands, text in and typed values out. ``monitor.py`` hears events.

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
import socket
import stat
import time
from types import TracebackType
from typing import Iterable, List, Optional, Sequence, Tuple, Type, TypeVar

from ..._network.backend import SupplicantStatus
from ..._network.values import encode_frequencies
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
from ..._system.systemd import instance
from .codec import (
    Network,
    SupplicantEvent,
    checked_variable,
    decode_event,
    decode_networks,
    decode_status,
    encode_command,
    gist,
)

#: The supplicant's reply buffer.
_REPLY_MAX = 4096
#: The longest line of LIST_NETWORKS: a ten-digit id, 32 bytes of SSID as ``\xNN``, a BSSID, all flags, separators.
_NETWORK_LINE_MAX = 256
#: Events have no fixed limit (a certificate in hex fills several KiB); this is the most that one read takes.
EVENT_MAX = 65536
#: Seconds for an answer. The supplicant itself waits for the kernel's RTNL lock, which asking CSME holds for 0.5 s.
DEFAULT_TIMEOUT = 2.0
#: What to do about a control socket, or the directory of one, that refuses.
NOT_FOR_THIS_USER = (
    "Run this as root, or as a member of wpa_supplicant's ctrl_interface GROUP. For the watcher, the role "
    "vpro.fleet.supplicant sets that"
)
_Connection = TypeVar("_Connection", bound="ControlSocket")


class ControlSocket:
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
        data = encode_command(command)
        peer = self._open()
        deadline = time.monotonic() + self._timeout
        try:
            self._wait_until(peer, deadline)
            peer.send(data)
            while True:
                self._wait_until(peer, deadline)
                reply = peer.recv(EVENT_MAX)
                event = decode_event(reply)
                if event is None:
                    break
                stray.append(event)
        except socket.timeout as error:
            self._drop()
            raise TimedOut(
                f"wpa_supplicant did not answer {gist(command)} within {self._timeout:g} s",
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


class WpaCtrl(ControlSocket):
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
        return SupplicantRefused(f"wpa_supplicant answered {gist(command)} with {gist(reply)}", where=self.path)

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
        reply = self.request(f"GET_NETWORK {int(network_id)} {checked_variable(variable)}")
        return None if reply in ("FAIL\n", "UNKNOWN COMMAND\n", "") else reply

    def set(self, network_id: int, variable: str, value: str) -> None:
        """Set a network's variable to a value that an encoder made.

        Raises:
            SupplicantRefused: there is no such network, or the value does not do.
        """
        self.command(f"SET_NETWORK {int(network_id)} {checked_variable(variable)} {value}")

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


def supplicant_is_enabled(interface: str, root: str = "/") -> bool:
    """Say whether systemd starts a wpa_supplicant for an interface at boot, by a service of that one's own."""
    service = f"wpa_supplicant@{instance(interface)}.service"
    for folder in ("etc/systemd/system", "run/systemd/system"):
        at = os.path.join(root, folder)
        for wanting in names_in(at):
            if wanting.endswith((".wants", ".requires")) and os.path.lexists(os.path.join(at, wanting, service)):
                return True
    return False


#: Where distributions keep the control sockets.
CONTROL_DIRECTORIES: Tuple[str, ...] = ("/run/wpa_supplicant", "/var/run/wpa_supplicant")


def control_socket(interface: str, directories: Sequence[str] = CONTROL_DIRECTORIES) -> str:
    """Return the path of the control socket for an interface.

    Raises:
        NotFound: no wpa_supplicant offers one (it does not run, or only over D-Bus).
        AccessDenied: a directory is closed to this user, so nobody knows.
    """
    denied = ""
    if interface and interface not in (".", "..") and "/" not in interface:
        for directory in directories:
            path = os.path.join(directory, interface)
            try:
                if stat.S_ISSOCK(os.stat(path).st_mode):
                    return path
            except PermissionError:
                denied = denied or directory
            except (OSError, ValueError):
                continue
    if denied:
        raise AccessDenied(
            "the supplicant's control directory is not for this user",
            where=denied,
            remedy=NOT_FOR_THIS_USER,
        )
    raise NotFound(
        f"no wpa_supplicant offers a control socket for {interface!r}",
        where=", ".join(directories),
        remedy="Start wpa_supplicant for this interface, with ctrl_interface in its configuration",
    )
