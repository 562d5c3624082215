# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bringing an interface up that the driver closed, or its manager could not bring up. ``closing.py`` decides that."""

from __future__ import annotations

from contextlib import suppress
from typing import Callable, Optional

from .._handover.messages import Blocked
from .._handover.words import network_name, why_not_carried_on
from .._radio import rtnetlink, sysfs
from .._radio.driver import asks_by_itself
from .._radio.values import Radio
from .._system.errors import FleetError
from .._system.places import Places
from .account import Account
from .closing import Closing
from .view import View


class Closed:
    """Looks after one interface.

    Args:
        radio: the radio. It has an interface.
        view: reads CSME's connection and the profiles.
        account: logs what happens.
        shut: says whether the radio is blocked.
        places: where the files are.
        clock: returns the time in seconds, from a clock that never goes back.
    """

    def __init__(
        self,
        radio: Radio,
        view: View,
        account: Account,
        shut: Callable[[], bool],
        places: Places,
        clock: Callable[[], float],
    ) -> None:
        self._interface = radio.interface or ""
        self._ifindex = radio.ifindex or -1
        self._view = view
        self._account = account
        self._shut = shut
        self._places = places
        self._closing = Closing(clock)
        #: Whether the radio came while the watcher ran. Its interface begins down then.
        self.is_new = False
        #: Whether the driver may ask CSME when the interface comes up. It is None until somebody wants to know.
        self._asks: Optional[bool] = None
        self.read()

    @property
    def due(self) -> Optional[float]:
        """The time, by the clock, at which ``expire`` must be called. None means never."""
        return self._closing.due

    @property
    def owner_unknown(self) -> bool:
        """Whether CSME may own the radio without a block: the interface is down, and its driver asks CSME for it."""
        if not self._closing.down or self._shut():
            return False
        if self._asks is None:
            self._asks = asks_by_itself(self._places.root) is not False
        return self._asks

    def managed(self) -> None:
        """Handle that the interface has a manager now. See ``Closing.managed``."""
        self.read()
        with suppress(FleetError):
            # An interface that had a connection was set down by somebody.
            if self.is_new and not sysfs.carrier_ups(self._interface, self._places.root):
                self._closing.managed()

    def asked(self) -> None:
        """Handle that CSME was asked for the radio. See ``Closing.asked``."""
        self._closing.asked()

    def handed_over(self) -> None:
        """Handle the end of a handover. See ``Closing.answered``."""
        self._closing.answered()

    def new_era(self, why: str) -> None:
        """Handle that iwlmei's binding changed, or the laptop slept. See ``Closing.new_era``."""
        self._closing.new_era(why)

    def heard(self, ifindex: int, *, up: bool) -> None:
        """Handle a report of an interface. Reports of others are ignored.

        Args:
            ifindex: the index of the interface.
            up: whether it is up.
        """
        if ifindex != self._ifindex:
            return
        if up:
            # The report may be older than a request to CSME, in which the watcher heard nothing. What counts is now.
            self.read()
        else:
            self._closing.link(up=False, shut=self._shut())

    def read(self) -> None:
        """Read whether the interface is up, because no event has told that, or events were lost."""
        try:
            self._closing.link(up=sysfs.is_up(self._interface, self._places.root), shut=self._shut())
        except FleetError:  # an interface that can't be read is gone, or will be
            return

    def expire(self) -> None:
        """Bring the interface up if that is due."""
        if not self._closing.is_due():
            return
        self.read()
        if self._closing.due is None:
            return
        if self._closing.lifted and (self._view.held or not self._view.managed):
            self._closing.leave()  # whoever runs it has not started yet, and brings it up then
            return
        what, why_not = self._closing.what, self._why_not()
        if why_not:
            self._account.write_once("closed", "warning", f"{what}. {why_not}")
            return
        try:
            rtnetlink.bring_up(self._ifindex)
        except FleetError as error:
            self._account.write_once("closed", "warning", f"{what}, and it can't be brought up: {error}")
            return
        self._account.forget("closed")
        self._account.write("warning", f"{what}, so it is brought up")
        self.read()

    def _why_not(self) -> str:
        """Return why the interface must not be brought up, as a text for people. It is empty if it may be.

        Where the driver asks CSME by itself, the bring-up is the request for the radio. It could end a session that no
        profile can carry on. A handover has looked for that profile.
        """
        if self._closing.stayed_down and not self._view.managed:
            return "It is not brought up, because neither wpa_supplicant nor NetworkManager runs it"
        if self._closing.asking or asks_by_itself(self._places.root) is False:
            return ""
        seen = self._view.of_csme(required=True)
        if not isinstance(seen, Blocked) or seen.connection is None or seen.profile is not None:
            return ""
        reasons = ". ".join(why_not_carried_on(network_name(seen.connection), self._view.obstacle))
        return f"It is not brought up, because that could end a session of CSME: {reasons}"
