# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bringing an interface up again that the driver closed because iwlmei went away.

When iwlmei is unbound from the management engine while the host has the radio, iwlmvm closes the radio's interfaces
(``iwl_mei_remove`` in mei/main.c calls ``nic_stolen``, mvm/ops.c). There is no block that could end, so nobody brings
them up again: neither wpa_supplicant nor NetworkManager. A suspend of the laptop unbinds iwlmei, too, and some kernels
lose the interface then.

An administrator may also set an interface down. So an interface is brought up only if it was up when iwlmei's binding
was another one, or before the laptop slept.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Callable, NamedTuple, Optional

from .._radio import rtnetlink, sysfs
from .._radio.driver import binding
from .._system.errors import FleetError, NotFound
from .._system.places import PLACES, Places
from .account import Account

#: The shortest sleep that counts, in seconds. A laptop takes longer to wake up.
_SLEEP_SECONDS = 0.1


class Era(NamedTuple):
    """What changes when iwlmei is bound anew, or the laptop sleeps.

    Attributes:
        binding: the inode of iwlmei's binding to the management engine, or None when it is not bound.
        slept: how many seconds the laptop has slept since its boot. It is only exact to some microseconds, because two
            clocks are read one after the other.
    """

    binding: Optional[int]
    slept: float

    def is_same(self, other: Era) -> bool:
        """Say whether nothing has changed between this era and another one."""
        return self.binding == other.binding and not self.slept_since(other)

    def slept_since(self, other: Era) -> bool:
        """Say whether the laptop slept between this era and another one."""
        return abs(self.slept - other.slept) > _SLEEP_SECONDS


def era_of(places: Places = PLACES) -> Era:
    """Return the present era.

    Args:
        places: where the files are.
    """
    # CLOCK_BOOTTIME counts the time of a suspend, and CLOCK_MONOTONIC does not: clock_gettime(2).
    return Era(binding(places.root), time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic())


class Closed:
    """Looks after one interface.

    Args:
        interface: the interface's name.
        ifindex: the interface's index.
        account: logs what happens.
        places: where the files are.
        blocked: says whether the radio is blocked. Then the interface is down because of that, and comes up when the
            block lifts.
        era: returns the present era. None means ``era_of``.
    """

    def __init__(
        self,
        interface: str,
        ifindex: int,
        account: Account,
        places: Places,
        blocked: Callable[[], bool],
        era: Optional[Callable[[], Era]] = None,
    ) -> None:
        self._interface = interface
        self._ifindex = ifindex
        self._account = account
        self._places = places
        self._blocked = blocked
        self._era = era or partial(era_of, places)
        #: The era of the last look.
        self._seen: Optional[Era] = None
        #: The era in which the interface was seen up last. It is None when somebody has set it down since.
        self._up: Optional[Era] = None

    def look(self) -> bool:
        """Bring the interface up if the driver closed it. Say whether another era has begun since the last look."""
        now = self._era()
        before, self._seen = self._seen, now
        try:
            self._look(now)
        except NotFound:  # it is gone
            self._up = None
        except FleetError as error:
            self._account.write_once("closed", "warning", f"the interface can't be brought up again: {error}")
        return before is not None and not before.is_same(now)

    def _look(self, now: Era) -> None:
        if sysfs.is_up(self._interface, self._places.root):
            self._up = now
            self._account.forget("closed")
        elif not self._blocked() and self._up is not None:
            before, self._up = self._up, None
            if not before.is_same(now):
                rtnetlink.bring_up(self._ifindex)
                why = "the laptop slept" if now.slept_since(before) else "iwlmei was bound to CSME anew"
                self._account.write("warning", f"the driver closed the interface ({why}), so it is brought up again")
