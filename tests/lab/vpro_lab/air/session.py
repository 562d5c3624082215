# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The management session: an operator's TCP connection to CSME, through the access point, with a 3 s user timeout."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Optional, Tuple

from ..laptop.guest import PAYLOAD, Guest
from .ap import LAPTOP_ADDRESS
from .ap import NAMESPACE as AP_NAMESPACE
from .csme import NAMESPACE as CSME_NAMESPACE
from .csme import SESSION_PORT

#: The operator's console gives up when nothing was acknowledged for so long (the mail that began it all: 3 s).
USER_TIMEOUT_MS = 3000
#: Pause between two messages of the operator. A KVM session is busier; this resolves the silences well enough.
INTERVAL_MS = 50

#: A session without an echo for longer than this is not alive, in seconds: also on a laptop that is slow.
ALIVE_SECONDS = 1.5

_LOG = "/run/lab-session.log"


@dataclass(frozen=True)
class Echo:
    """One message that came back: when it was sent and when it returned (CLOCK_MONOTONIC, s)."""

    sent: float
    back: float


@dataclass(frozen=True)
class SessionRecord:
    """What became of a session.

    Attributes:
        opened: when the connection stood (CLOCK_MONOTONIC, s).
        echoes: the messages that came back, in order.
        lost_at: when the operator's end gave up; None while the session lives.
        why: the system's reason for that.
        read_at: when this was read.
    """

    opened: float
    echoes: Tuple[Echo, ...]
    lost_at: Optional[float]
    why: Optional[str]
    read_at: float

    @property
    def kept(self) -> bool:
        """Whether the session lives: not given up, and not silent either when it was looked at."""
        return self.lost_at is None and bool(self.echoes) and self.quiet < ALIVE_SECONDS

    @property
    def quiet(self) -> float:
        """How long nothing had come back when it was looked at, in seconds."""
        return self.read_at - (self.echoes[-1].back if self.echoes else self.opened)

    def largest_silence(self, since: float, until: Optional[float] = None) -> float:
        """Return the longest time in seconds without an echo between *since* and *until*.

        Without *until*, up to the moment at which the session was lost or looked at.
        """
        end = until if until is not None else (self.lost_at or self.read_at)
        times = [since, *(e.back for e in self.echoes if since <= e.back <= end), end]
        return max(b - a for a, b in pairwise(times))


class Session:
    """An operator's session with the CSME of one laptop."""

    def __init__(self, guest: Guest) -> None:
        self._guest = guest
        self.is_open = False

    def open(self) -> None:
        """Open the session and wait for its first echo."""
        self._guest.run(f"rm -f {_LOG} /run/lab-session-server.log")
        server = ["python3", f"{PAYLOAD}/echo_server.py", LAPTOP_ADDRESS, str(SESSION_PORT)]
        self._guest.spawn("session-server", server, "/run/lab-session-server.log", CSME_NAMESPACE)
        self._guest.wait_for("/run/lab-session-server.log", "listening", 20)
        client = ["python3", f"{PAYLOAD}/echo_client.py", LAPTOP_ADDRESS, str(SESSION_PORT)]
        client += [str(INTERVAL_MS), str(USER_TIMEOUT_MS)]
        self._guest.spawn("session-client", client, _LOG, AP_NAMESPACE)
        self._guest.wait_for(_LOG, '"seq": 5', 20)
        self.is_open = True

    def record(self) -> SessionRecord:
        """Return what became of the session so far."""
        opened = 0.0
        echoes = []
        lost_at = why = None
        text = self._guest.read(_LOG)
        read_at = self._guest.monotonic()
        for line in text.splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue  # the last line may be half written
            if "open" in record:
                opened = record["open"]
            elif "lost" in record:
                lost_at, why = record["lost"], record["why"]
            else:
                echoes.append(Echo(record["sent"], record["back"]))
        return SessionRecord(opened, tuple(echoes), lost_at, why, read_at)

    def survives(self) -> bool:
        """Say whether the session lives on for as long as the operator's patience, and a little longer."""
        patience = USER_TIMEOUT_MS / 1000 + 1
        self._guest.check(f"sleep {patience}")
        # One that is silent just now is given up soon, or goes on.
        decided = self._guest.monotonic() + patience
        while not (record := self.record()).kept and record.lost_at is None and record.read_at < decided:
            time.sleep(0.2)
        return record.kept

    def close(self) -> None:
        """End the session from both ends."""
        self._guest.stop("session-client")
        self._guest.stop("session-server")
        self.is_open = False
