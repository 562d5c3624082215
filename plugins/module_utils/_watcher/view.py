# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The last reading of one guarded radio: CSME's connection, and the profile that could carry it on."""

from __future__ import annotations

from typing import Callable, Optional

from .._handover.guard import Awaited, Free, GuardEvent, Unanswered, Untold
from .._handover.messages import Blocked, Seen
from .._handover.words import HELD, network_name, why_not_carried_on
from .._network.limits import Obstacle
from .._network.profile import find_profile_or_obstacle
from .._radio import csme
from .._radio.connection import PartialConnection, Reported
from .._radio.nl80211 import Nl80211
from .._radio.values import Radio
from .._system.errors import FleetError
from .._system.places import Places
from .account import Account
from .attachment import Attachment
from .bring_up_note import is_held

#: Seconds to wait for a manager that has not started yet, before a radio is taken without credentials. In a slow boot,
#: it may start so much later than the watcher.
_SUPPLICANT_SECONDS = 30.0


class View:
    """Reads the state of one radio, and keeps what was read last.

    Args:
        radio: the radio. It has an interface.
        nl: the connection to the driver.
        attachment: the interface's manager.
        account: logs what can't be read.
        places: where the files are.
        clock: returns the time in seconds, from a clock that never goes back.
    """

    def __init__(
        self,
        radio: Radio,
        nl: Nl80211,
        attachment: Attachment,
        account: Account,
        places: Places,
        clock: Callable[[], float],
    ) -> None:
        self._radio = radio
        self._nl = nl
        self._attachment = attachment
        self._account = account
        self._places = places
        self._clock = clock
        #: CSME's connection while CSME keeps the radio. It is None when there is none, or the host owns the radio.
        self.wanted: Optional[Reported] = None
        #: Why the profile for that connection can't carry it on. It is None when no profile is for it, or one can.
        self.obstacle: Optional[Obstacle] = None
        #: Whether the interface is held back because a profile is missing.
        self.held = False

    def look_for_bring_up(self) -> None:
        """Find out whether the interface is held back, and log a change."""
        held = is_held(self._radio.interface or "", self._places)
        if held == self.held:
            return
        self.held = held
        if not held:
            self._account.write("info", "its bring-up is not held back any more")
            return
        try:
            self.wanted = self._connection()
        except FleetError as error:
            self._account.write("warning", str(error), code=error.code)
        self._account.write("warning", f"{HELD}: {'. '.join(why_not_carried_on(network_name(self.wanted), None))}")

    @property
    def managed(self) -> bool:
        """Whether the interface has a manager."""
        return self._attachment.backend is not None

    def of_csme(self, *, required: bool) -> GuardEvent:
        """Return CSME's connection, and the profile that could carry it on, as an answer to ``guard.Look``.

        Args:
            required: whether CSME keeps its radio when no profile can carry its connection on.
        """
        self.wanted, self.obstacle = None, None
        try:
            connection = self.wanted = self._connection()
        except FleetError as error:
            self._account.write_once("csme", "error", f"CSME's connection can't be read: {error}")
            return Untold()
        self._account.forget("csme")
        if connection is None or isinstance(connection, PartialConnection):
            return Blocked(connection, None)
        if self._attachment.backend is None:
            waited = self._clock() - self._attachment.since
            return Blocked(connection, None) if required or waited > _SUPPLICANT_SECONDS else Awaited()
        try:
            profiles = self._attachment.backend.profiles(connection.ssid)
        except FleetError as error:
            self._account.write_once("profiles", "warning", f"its profiles can't be read: {error}")
            return Unanswered()
        self._account.forget("profiles")
        profile, self.obstacle = find_profile_or_obstacle(profiles, connection)
        return Blocked(connection, profile)

    def saw(self, seen: Seen, *, blocked: bool) -> None:
        """Keep what was read of CSME's connection in the middle of a handover.

        Args:
            seen: what was read.
            blocked: whether CSME still has the radio. If not, and it has no connection any more, the last one counts.
        """
        if blocked or seen.connection is not None:
            self.wanted, self.obstacle = seen.connection, seen.obstacle

    def of_host(self) -> Free:
        """Return the profile and the access point of the host's connection, as an answer to ``guard.Look``.

        Both are None when the host has no connection, or its manager could not be asked.
        """
        supplicant = self._attachment.backend
        if supplicant is None:
            return Free()
        try:
            status = supplicant.status()
            if not status.connected or status.ssid is None:
                return Free()
            profiles = supplicant.profiles(status.ssid)
        except FleetError:
            return Free()
        profile = next((each for each in profiles if each.id == status.network_id), None)
        return Free(profile, status.bssid)

    def _connection(self) -> Optional[Reported]:
        return csme.connection(self._nl, self._radio.ifindex or -1)
