# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hearing what wpa_supplicant says by itself."""

from __future__ import annotations

import socket
import struct
import time
from contextlib import suppress
from typing import List, Tuple

from ..._system.errors import FleetError, SupplicantRefused, TimedOut, TransportFailed
from .codec import SupplicantEvent, decode_event, gist
from .control import DEFAULT_TIMEOUT, EVENT_MAX, ControlSocket

#: Events taken in one go, so that a flood cannot keep an event loop in here; select() fires again.
_EVENTS_READ_MAX = 256
#: Seconds that closing a monitor waits for the answer to DETACH, so that the supplicant does not log a lost reply.
_DETACH_TIMEOUT = 0.1
#: struct ucred of unix(7): process, user, group.
_UCRED = struct.Struct("=iII")


class WpaMonitor(ControlSocket):
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
                raise SupplicantRefused(f"wpa_supplicant answered ATTACH with {gist(reply)}", where=path)
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
                event = decode_event(peer.recv(EVENT_MAX))
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
                reply, ancillary, _flags, _address = peer.recvmsg(EVENT_MAX, socket.CMSG_SPACE(_UCRED.size))
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
