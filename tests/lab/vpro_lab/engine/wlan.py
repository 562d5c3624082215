# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine's wireless client: the SAP connection with iwlmei, its shared area and its doorbells.

What CSME does with it is the affair of a :class:`Side`, see :mod:`.ownership`.
"""

from __future__ import annotations

import itertools
import struct
from typing import Callable, Iterable, Optional, Protocol

from . import sap, shared
from .bus import Connection
from .hbm import Properties, Status
from .sap import MeMessage, Notification

#: The longest message of the MEI connection, in bytes: more than the host's longest, which has 88.
_MESSAGE_MAX = 512


class Side(Protocol):
    """CSME's side of SAP."""

    def started(self) -> None:
        """Begin: the host has started SAP."""

    def stopped(self) -> None:
        """End: the connection or the memory has gone."""

    def notified(self, kind: int, payload: bytes) -> None:
        """Take a notification of the host's."""

    def received(self, frame: bytes) -> None:
        """Take a frame from the air that a filter let through."""

    def transmitted(self, frame: bytes) -> None:
        """Take note of a frame that the host has sent: iwlmei tells of DHCP alone."""


#: Takes note of a message: who sent it ("host" or "csme"), its type by number and name, and its payload.
Record = Callable[[str, int, str, bytes], None]


class Wlan:
    """The client.

    Args:
        side: what CSME does.
        memory: opens the host's memory: its number and its size in bytes.
        record: see :data:`Record`.
        version: the newest SAP version of this firmware, 3 or 4. It speaks the older one as well: Linux 6.1 knows 3
            alone.
    """

    def __init__(
        self, side: Side, memory: Callable[[int, int], shared.Memory], record: Record, version: int = 4
    ) -> None:
        self.side = side
        #: Whether it leaves the host's attempts to start SAP without an answer.
        self.mute = False
        self.version = version
        self._memory = memory
        self._record = record
        self._connection: Optional[Connection] = None
        self._area: Optional[shared.SharedArea] = None
        self._started = False
        self._sequence = itertools.count(1)
        #: It does not look at what the host says until SAP starts again.
        self.deaf = False

    # -- what the bus wants -----------------------------------------------------------------------------------------

    @property
    def properties(self) -> Properties:
        """See :class:`.bus.Client`."""
        return Properties(sap.UUID_WLAN, self.version, 1, _MESSAGE_MAX)

    def mapped(self, buffer: int, size: int) -> Status:
        """See :class:`.bus.Client`. Its size tells the version that the host wants; a newer one is refused."""
        version = shared.version_of(size)
        if version is None or version > self.version:
            return Status.INVALID_PARAMETER
        # Memory of a connection that a reset has ended: the host has given it up.
        self.unmapped(buffer)
        self._area = shared.SharedArea(self._memory(buffer, size), version)
        return Status.SUCCESS

    def unmapped(self, buffer: int) -> None:
        """See :class:`.bus.Client`."""
        self._stop()
        area, self._area = self._area, None
        if area is not None:
            area.close()

    def connected(self, connection: Connection) -> Status:
        """See :class:`.bus.Client`."""
        self._connection = connection
        return Status.SUCCESS

    def disconnected(self, connection: Connection) -> None:
        """See :class:`.bus.Client`."""
        self._stop()
        self._connection = None

    def received(self, connection: Connection, data: bytes) -> None:
        """See :class:`.bus.Client`."""
        kind, _sequence, _length = sap.ME_HEADER.unpack(data[: sap.ME_HEADER.size].ljust(sap.ME_HEADER.size, b"\0"))
        self._record("host", kind, sap.me_name_of(kind), data[sap.ME_HEADER.size :])
        if kind == MeMessage.START:
            self._start(data[sap.ME_HEADER.size :])
        elif kind == MeMessage.CHECK_SHARED_AREA:
            self._look()

    # -- what CSME's side wants -------------------------------------------------------------------------------------

    @property
    def started(self) -> bool:
        """Whether SAP is up."""
        return self._started

    def notify(self, kind: int, payload: bytes = b"") -> None:
        """Send the host a notification, and ring. It is lost while SAP is down, or when there is no room."""
        if self._put(kind, payload):
            self.ring()

    def notify_all(self, notifications: Iterable[tuple[int, bytes]]) -> None:
        """Send the host notifications, and ring once."""
        sent = [self._put(kind, payload) for kind, payload in notifications]
        if any(sent):
            self.ring()

    def transmit(self, frames: Iterable[bytes]) -> int:
        """Have the host send Ethernet frames to the air, and ring once; return how many there was room for."""
        count = 0
        for frame in frames:
            header = sap.HEADER.pack(Notification.DATA_PACKET, len(frame), next(self._sequence))
            if not self._started or self._area is None or not self._area.data.write(header + frame):
                break
            count += 1
        if count:
            self.ring()
        return count

    def ring(self) -> None:
        """Have the host look at the shared area."""
        if self._connection is not None:
            self._connection.send(sap.check_shared_area(next(self._sequence)))

    # -- the inside -------------------------------------------------------------------------------------------------

    def _start(self, start: bytes) -> None:
        if self.mute or self._area is None or self._connection is None or not self._area.initialized():
            return
        *_unused, versions = sap.ME_START.unpack(start[: sap.ME_START.size].ljust(sap.ME_START.size, b"\0"))
        if self._area.version not in versions:
            return
        # A host that starts again has begun anew.
        self._stop()
        self._started, self.deaf = True, False
        answer = sap.start_ok(self._area.version, next(self._sequence))
        self._record("csme", MeMessage.START_OK, MeMessage.START_OK.name, answer[sap.ME_HEADER.size :])
        self._connection.send(answer)
        self.side.started()

    def _stop(self) -> None:
        if self._started:
            self._started = False
            self.side.stopped()

    def _look(self) -> None:
        """Read what the host has put into the shared area: notifications before data."""
        if not self._started or self._area is None or self.deaf:
            return
        for kind, payload in self._area.host_notifications.read():
            self._record("host", kind, sap.name_of(kind), payload)
            self.side.notified(kind, payload)
        # What was notified may have ended it.
        if not self._started or self._area is None:
            return
        for kind, payload in self._area.host_data.read():
            self._frame(kind, payload)

    def _frame(self, kind: int, payload: bytes) -> None:
        self._record("host", kind, sap.name_of(kind), payload)
        if kind == Notification.DATA_PACKET:
            self.side.received(payload)
        elif kind == Notification.CB_DATA_PACKET and len(payload) >= sap.CB_DATA.size:
            _filter, length = sap.CB_DATA.unpack_from(payload)
            self.side.transmitted(payload[sap.CB_DATA.size : sap.CB_DATA.size + length])

    def _put(self, kind: int, payload: bytes) -> bool:
        if not self._started or self._area is None:
            return False
        header = sap.HEADER.pack(kind, len(payload), next(self._sequence))
        if not self._area.notifications.write(header + payload):
            return False
        self._record("csme", kind, sap.name_of(kind), payload)
        return True

    @property
    def heard(self) -> bool:
        """Whether the host has read all notifications, or can't."""
        return self._area is None or self._area.notifications.empty

    def raw(self, data: bytes) -> bool:
        """Put bytes as they are into the queue of notifications, and ring: what no firmware should do."""
        if not self._started or self._area is None or not self._area.notifications.write(data):
            return False
        self.ring()
        return True


def number(payload: bytes) -> int:
    """Return the number that a payload is; what is missing of it is 0."""
    value: int = struct.unpack("<I", payload[:4].ljust(4, b"\0"))[0]
    return value
