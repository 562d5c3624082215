# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Receiving the events that wpa_supplicant sends."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import List, Tuple

from ..._system.errors import FleetError, SupplicantRefused, TransportFailed
from ..._system.patience import PATIENCE, Patience
from .codec import SupplicantEvent, decode_event, gist
from .control import EVENT_MAX, ControlSocket

#: The most events that one call reads, so that a flood does not block the event loop. select() reports the rest again.
_EVENTS_READ_MAX = 256
#: How long to wait for the answer to DETACH. Without the wait, the supplicant would log that its reply was lost.
_DETACH = Patience(answer=0.1)


class WpaMonitor(ControlSocket):
    """The events of one wpa_supplicant. The constructor attaches to it.

    ``read()`` must be called once before the first select(). A supplicant that is gone sends no event, so ``alive()``
    has to be asked from time to time. When it says no, another monitor is needed.

    The arguments and errors are those of ``WpaCtrl``. SupplicantRefused is raised when the supplicant refuses ATTACH.
    """

    def __init__(self, path: str, patience: Patience = PATIENCE) -> None:
        super().__init__(path, patience)
        self._early: List[SupplicantEvent] = []
        try:
            reply = self._exchange("ATTACH", self._early)
            if reply != "OK\n":
                raise SupplicantRefused(f"wpa_supplicant answered ATTACH with {gist(reply)}", where=path)
            self._open().setblocking(False)
        except FleetError:
            self._drop()
            raise
        # A monitor that is set up, and now listens, needs no end.
        self._patience = replace(self._patience, end=None)

    def fileno(self) -> int:
        """Return the descriptor for select(), or -1 after close()."""
        return -1 if self._socket is None else self._socket.fileno()

    def read(self) -> Tuple[SupplicantEvent, ...]:
        """Return the events that have arrived, without waiting. There may be none.

        Raises:
            NotFound, TransportFailed: the connection has ended.
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
            if event is not None:  # the answers to alive() arrive here too, and are not events
                events.append(event)
        return tuple(events)

    def pid(self) -> int:
        """Return the process id of the supplicant. The kernel adds it to an answer.

        Raises:
            NotFound, TimedOut, TransportFailed: the supplicant did not answer. The connection has ended.
        """
        try:
            return self._process_id(self._early)
        finally:
            if self._socket is not None:
                self._socket.setblocking(False)

    def alive(self) -> bool:
        """Say whether the supplicant still has its end of the connection open, without waiting.

        If not, it ended, restarted, or opened a new socket, and no further event will come. If it has, it may still
        hang.
        """
        try:
            self._open().send(b"PING")
        except BlockingIOError:  # its queue is full, so it exists, and is busy
            return True
        except (OSError, TransportFailed):
            return False
        return True

    def close(self) -> None:
        """Detach from the supplicant, and close. It may be closed twice, and the supplicant may be gone."""
        if self._socket is None:
            return
        self._patience = _DETACH
        with suppress(FleetError):
            self._exchange("DETACH", [])
        self._drop()
