# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a manager left of a pin on a guarded radio. It is undone when the link ends, and the log tells of it once."""

from __future__ import annotations

from .._handover.effects import Effects
from .._handover.undo import undo_journal
from .._handover.words import STUCK
from .._system.errors import FleetError
from .._system.places import Places
from .._system.run_folder import Lock
from .account import Account


class Remainder:
    """Has the manager undo what it left of the last pin (``Backend.settle``).

    Args:
        effects: knows the manager of the interface, and what it left.
        lock: the radio's lock.
        account: logs what happens.
    """

    def __init__(self, effects: Effects, lock: Lock, account: Account) -> None:
        self._effects = effects
        self._lock = lock
        self._account = account
        #: Whether the log says that something is left.
        self._told = False

    @property
    def stands(self) -> bool:
        """Whether something is left."""
        return bool(self._effects.left)

    def end_if_over(self, *, blocked: bool) -> None:
        """Undo what is left if its link has ended. If that fails, the next call tries again.

        Args:
            blocked: whether the radio is blocked. Then it has no link, even if the supplicant still reports one.
        """
        if not self.stands or self._effects.backend is None:
            return
        try:
            if self._lock.acquire():
                self._settle(now=blocked)
        except FleetError as error:
            self._account.write_once("rest", "warning", f"{STUCK}: {error}")

    def undo_what_was_left(self, phy: str, places: Places) -> None:
        """Undo the pin, and what was left of one, of a process that held the lock before and was killed.

        Args:
            phy: the radio's name.
            places: where the files are.

        Raises:
            FleetError: see ``undo_journal``.
        """
        undo_journal(phy, self._effects.backend, places)
        if not self.stands:
            self._settle(now=True)

    def end_now(self) -> None:
        """Undo what is left, because nothing will wait for the end of the link."""
        try:
            if self.stands:  # what another process left may be in use by a task
                self._settle(now=True)
        except FleetError as error:
            self._effects.warnings.append(f"{STUCK}: {error}. The journal keeps it for the next start")
        self._account.flush()

    def _settle(self, *, now: bool) -> None:
        backend = self._effects.backend
        if backend is not None and backend.settle(now=now):
            self._effects.left = ""

    def tell(self) -> None:
        """Log once that something is left."""
        if self.stands == self._told:
            return
        self._told = self.stands
        self._account.forget("rest")
        if self._told:
            self._account.write("info", self._effects.left)
