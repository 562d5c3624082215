# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How one guarded radio stands when it is looked at: what CSME does with it, and which profile could carry that on."""

from __future__ import annotations

from typing import Callable, Optional

from .._handover.guard import Busy, Free, GuardEvent, Unanswered
from .._handover.messages import Blocked
from .._handover.words import HELD, network_name
from .._network.limits import Obstacle
from .._network.profile import find_obstacle, find_profile
from .._radio import csme
from .._radio.connection import CsmeConnection
from .._radio.nl80211 import Nl80211
from .._radio.values import Radio
from .._system.errors import FleetError
from .account import Account
from .attachment import Attachment
from .bring_up_note import is_held

#: How long a radio that is to be taken without credentials waits for a supplicant that is not there yet, in seconds:
#: as long as a slow boot may take to start it after the watcher.
_SUPPLICANT_SECONDS = 30.0


class View:
    """How one radio stands, as it was seen last.

    Args:
        radio: the radio; it has an interface.
        nl: to ask the driver.
        attachment: who runs the interface.
        account: where to tell of what can't be seen.
        notes: where the note of a bring-up that is held back would be.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        radio: Radio,
        nl: Nl80211,
        attachment: Attachment,
        account: Account,
        notes: str,
        clock: Callable[[], float],
    ) -> None:
        self._radio = radio
        self._nl = nl
        self._attachment = attachment
        self._account = account
        self._notes = notes
        self._clock = clock
        #: CSME's connection while it keeps the radio; None when it has none, or the host owns the radio.
        self.wanted: Optional[CsmeConnection] = None
        #: What keeps the profile for it from carrying it on; None: there is none, or one that can.
        self.obstacle: Optional[Obstacle] = None
        #: Whether a supplicant's bring-up of the interface is held back, for want of a profile.
        self.held = False

    def look_for_bring_up(self) -> None:
        """See whether somebody holds back the supplicant's bring-up, or does so no more."""
        held = is_held(self._radio.interface or "", self._notes)
        if held == self.held:
            return
        self.held = held
        if not held:
            self._account.write("info", "its bring-up is held back no more")
            return
        try:
            self.wanted = self._connection()
        except FleetError as error:
            self._account.write("warning", str(error), code=error.code)
        self._account.write("warning", f"{HELD}{network_name(self.wanted)}")

    def of_csme(self, *, required: bool) -> GuardEvent:
        """Return what CSME does with its radio, and the profile that could carry that on.

        Args:
            required: CSME keeps its radio where no profile can.

        Raises:
            FleetError: the driver does not tell.
        """
        connection = self._connection()
        self.wanted, self.obstacle = connection, None
        if connection is None:
            return Blocked(None, None)
        if self._attachment.backend is None:
            waited = self._clock() - self._attachment.since
            return Blocked(connection, None) if required or waited > _SUPPLICANT_SECONDS else Busy()
        try:
            profiles = self._attachment.backend.profiles(connection.ssid)
        except FleetError as error:
            self._account.write_once("profiles", "warning", f"its profiles can't be read: {error}")
            return Unanswered()
        self._account.forget("profiles")
        profile = find_profile(profiles, connection)
        self.obstacle = find_obstacle(profiles, connection) if profile is None else None
        return Blocked(connection, profile)

    def of_host(self) -> Free:
        """Return the host's own connection and its profile.

        It is empty where the host has none, or where nobody can tell.
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

    def _connection(self) -> Optional[CsmeConnection]:
        return csme.connection(self._nl, self._radio.ifindex or -1)
