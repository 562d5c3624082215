# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rest of a pin on a guarded radio: it is given back when its link ends, and the log says that it stands."""

from __future__ import annotations

from .._handover.deferred import Rest, journal_of
from .._handover.effects import Hands
from .._handover.undo import undo_journal
from .._handover.words import NARROW, STUCK
from .._system.errors import FleetError
from .._system.places import Places
from .._system.run_folder import Lock
from .account import Account


class Remainder:
    """Ends the rest of the last pin.

    Args:
        rest: the rest.
        hands: the hands, which know the manager of the interface.
        lock: the radio's lock.
        account: logs what happens.
    """

    def __init__(self, rest: Rest, hands: Hands, lock: Lock, account: Account) -> None:
        self._rest = rest
        self._hands = hands
        self._lock = lock
        self._account = account
        #: Whether the log says that there is a rest.
        self._told = False

    @property
    def stands(self) -> bool:
        """Whether there is a rest."""
        return self._rest.stands

    def end_if_over(self, *, blocked: bool) -> None:
        """Undo the rest if its link has ended. If that fails, the next call tries again.

        Args:
            blocked: whether the radio is blocked. Then it has no link, even if the supplicant still reports one.
        """
        supplicant = self._hands.supplicant
        if not self._rest.stands or supplicant is None:
            return
        try:
            if self._lock.acquire():
                self._rest.end(supplicant, now=blocked)
        except FleetError as error:
            self._account.write_once("rest", "warning", f"{STUCK}: {error}")

    def undo_what_was_left(self, phy: str, places: Places) -> None:
        """Undo the pin, and the rest of one, of a process that held the lock before and was killed.

        Args:
            phy: the radio's name.
            places: where the files are.

        Raises:
            FleetError: see ``undo_journal``.
        """
        undo_journal(phy, self._hands.supplicant, places)
        if not self._rest.stands and self._hands.supplicant is not None:
            undo_journal(journal_of(phy), self._hands.supplicant, places)

    def end_now(self) -> None:
        """Undo the rest, because nothing will wait for the end of the link."""
        if self._hands.supplicant is not None:
            try:
                self._rest.end(self._hands.supplicant, now=True)
            except FleetError as error:
                self._hands.warnings.append(f"{STUCK}: {error}. The journal keeps them for the next start")
        self._account.flush()

    def tell(self) -> None:
        """Log once that there is a rest."""
        if self._rest.stands == self._told:
            return
        self._told = self._rest.stands
        self._account.forget("rest")
        if self._told:
            self._account.write("info", NARROW)
