# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rest of a pin on a guarded radio: it is given back when its link ends, and the log says that it stands."""

from __future__ import annotations

from .._handover.deferred import DeferredUndo, journal_of
from .._handover.effects import Effects
from .._handover.undo import undo_journal
from .._handover.words import NARROW, STUCK
from .._system.errors import FleetError
from .._system.places import Places
from .._system.run_folder import Lock
from .account import Account


class Remainder:
    """Ends the rest of the last pin.

    Args:
        deferred: the rest.
        effects: carries out actions, and knows the manager of the interface.
        lock: the radio's lock.
        account: logs what happens.
    """

    def __init__(self, deferred: DeferredUndo, effects: Effects, lock: Lock, account: Account) -> None:
        self._deferred = deferred
        self._effects = effects
        self._lock = lock
        self._account = account
        #: Whether the log says that there is a rest.
        self._told = False

    @property
    def stands(self) -> bool:
        """Whether there is a rest."""
        return self._deferred.stands

    def end_if_over(self, *, blocked: bool) -> None:
        """Undo the rest if its link has ended. If that fails, the next call tries again.

        Args:
            blocked: whether the radio is blocked. Then it has no link, even if the supplicant still reports one.
        """
        backend = self._effects.backend
        if not self._deferred.stands or backend is None:
            return
        try:
            if self._lock.acquire():
                self._deferred.end(backend, now=blocked)
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
        undo_journal(phy, self._effects.backend, places)
        if not self._deferred.stands and self._effects.backend is not None:
            undo_journal(journal_of(phy), self._effects.backend, places)

    def end_now(self) -> None:
        """Undo the rest, because nothing will wait for the end of the link."""
        if self._effects.backend is not None:
            try:
                self._deferred.end(self._effects.backend, now=True)
            except FleetError as error:
                self._effects.warnings.append(f"{STUCK}: {error}. The journal keeps them for the next start")
        self._account.flush()

    def tell(self) -> None:
        """Log once that there is a rest."""
        if self._deferred.stands == self._told:
            return
        self._told = self._deferred.stands
        self._account.forget("rest")
        if self._told:
            self._account.write("info", NARROW)
