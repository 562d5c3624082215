# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deciding whether an interface that is down has to be brought up, or somebody has set it down. This file does no I/O.

When iwlmei is unbound from the management engine while the host has the radio, iwlmvm closes the radio's interfaces
(``iwl_mei_remove`` in mei/main.c calls ``nic_stolen``, mvm/ops.c). There is no block that could end, so nobody brings
them up again: neither wpa_supplicant nor NetworkManager. A suspend of the laptop unbinds iwlmei, too, and some kernels
lose the interface then.

The end of the binding also lifts a block, without CSME's consent. The manager then tries to bring the interface up. If
CSME denies that once it is bound again, nobody tries again, and no block tells that CSME has the radio.

A manager may also miss that a block lifts. wpa_supplicant 2.10 keeps to the switch that it found at its start
(``wpa_driver_nl80211_drv_init_rfkill`` in drivers/driver_nl80211.c). After a reload of the driver, the radio has
another switch. wpa_supplicant then hears of no block any more, so it leaves the interface down after each of them. It
uses an interface that somebody else brings up. That has to happen within the time that CSME gives the host to connect:
then, CSME takes back a radio whose interface is down, without a block (``iwl_mei_handle_csme_taking_ownership`` in
mei/main.c).

After such a reload, a new interface may also stay down without any block. wpa_supplicant does not try if the old radio
was blocked, and it tries once if not. From Linux 6.4 on, CSME may deny that, and there is no block then.

An administrator may also set an interface down. So only an interface is brought up that went down right after iwlmei's
binding changed or the laptop slept, that is new, or whose block has ended. It must have gone down with that block, or
CSME was asked for the radio in it.
"""

from __future__ import annotations

from typing import Callable, NamedTuple, Optional, Tuple

#: The most seconds between the end of iwlmei's binding and the end of the interface. iwl_mei_remove waits 50 ms for the
#: driver, and then closes the interface. The rest is for a busy laptop, and for one that wakes up.
TOGETHER_SECONDS = 2.0
#: The pauses before the attempts to bring the interface up, in seconds. The last one is repeated. At the first attempt,
#: iwlmei has let go. Later ones are for a firmware that is not loaded yet, or a CSME that does not answer.
PAUSES: Tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 60.0)
#: The seconds that the manager has to bring the interface up after a block, before the watcher does it. wpa_supplicant
#: needs some milliseconds, and then the driver loads its firmware. CSME takes the radio back after 3 s.
MANAGER_SECONDS = 0.5
#: The number of the first pause where the manager tries first, and CSME may deny it. CSME may deny three requests of
#: half a second, and wpa_supplicant tries twice.
_AFTER_MANAGER = 2
#: A difference between two readings of the clocks that is no sleep, in seconds.
_TOLERANCE = 0.1


class Era(NamedTuple):
    """What changes when iwlmei is bound anew, or the laptop sleeps.

    Attributes:
        binding: a number of iwlmei's binding to the management engine, or None when it is not bound.
        slept: how many seconds the laptop has slept since its boot.
    """

    binding: Optional[int]
    slept: float

    def why_new(self, before: Era) -> str:
        """Return what has changed since an earlier era, as a text for people. It is empty when nothing has."""
        if self.slept - before.slept > _TOLERANCE:
            return "the laptop slept"
        if self.binding == before.binding:
            return ""
        return "iwlmei was unbound from CSME" if self.binding is None else "iwlmei was bound to CSME anew"


class Closing:
    """What is known of one interface.

    Args:
        clock: returns the time in seconds, from a clock that never goes back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        #: When the last era began, and why.
        self._since: Optional[float] = None
        self._era = ""
        #: What has happened to the interface, as a text for people.
        self.what = ""
        #: Whether the driver did not close the interface, but its manager could not bring it up.
        self.stayed_down = False
        #: Whether it stayed down after a block that ended without a new era. Its manager may not run yet.
        self.lifted = False
        #: Whether the interface is up. None means that it was not seen yet.
        self._up: Optional[bool] = None
        #: When it went down.
        self._down_at: Optional[float] = None
        #: Whether the radio is blocked, and whether the interface has been down since a block, or has to come up after
        #: it. Then its manager has to bring it up when the block lifts.
        self._shut = self._barred = False
        #: Whether a handover is under way that asked CSME for the radio. A block that ends then is a grant.
        self.asking = False
        #: When the interface has to be brought up, or None.
        self.due: Optional[float] = None
        self._attempts = 0

    def new_era(self, why: str) -> None:
        """Handle that another era has begun.

        Args:
            why: see ``Era.why_new``.
        """
        self._since, self._era = self._clock(), why
        if not self._shut:  # the block may have ended before the new era was noticed
            self._after_block()

    def managed(self) -> None:
        """Handle that the interface, which is new, has a manager. Nobody but the manager has had it in hand."""
        if not self.down:
            return
        self._barred = True
        if not self._shut and self.due is None:
            self._attempts = _AFTER_MANAGER
            self._begin("the new interface did not come up", stayed_down=True)

    def asked(self) -> None:
        """Handle that CSME was asked for the radio. The interface is down, and has to come up after the grant."""
        self.asking = self._barred = True

    def answered(self) -> None:
        """Handle the end of the handover that asked."""
        self.asking = False

    @property
    def down(self) -> bool:
        """Whether the interface was seen to be down."""
        return self._up is False

    def link(self, *, up: bool, shut: bool) -> None:
        """Handle a report of the interface.

        Args:
            up: whether it is up.
            shut: whether the radio is blocked.
        """
        was, was_shut = self._up, self._shut
        self._up, self._shut = up, shut
        if was and not up:
            self._down_at = self._clock()
        if up or shut:
            self.due, self._attempts = None, 0
            # The driver closes the interface because of the block, and the two reports come in either order.
            self._barred = not up and (self._barred or was is None or self._is_recent(self._down_at))
        elif was:
            self.due = None
            if self._is_recent(self._since):
                self._begin(f"the driver closed the interface ({self._era})", stayed_down=False)
            elif was_shut:  # it went down with the block, which was heard later
                self._after_lift()
        elif self._is_recent(self._since) and not self.asking:
            self._after_block()
        elif was_shut and self._barred:
            self._after_lift()

    def _after_block(self) -> None:
        """Leave the interface to its manager first, after a block that a new era has ended."""
        if self._barred and self._attempts < _AFTER_MANAGER:
            self._attempts = _AFTER_MANAGER
            self._begin(f"the interface did not come up after a block ({self._era})", stayed_down=True)

    def _after_lift(self) -> None:
        """Leave the interface to its manager first, after a block that has ended by itself."""
        self._begin("the interface did not come up after a block", stayed_down=True)
        self.lifted, self.due = True, self._clock() + MANAGER_SECONDS

    def _begin(self, what: str, *, stayed_down: bool) -> None:
        self.what, self.stayed_down, self.lifted = what, stayed_down, False
        self.due = self._clock() + PAUSES[self._attempts]

    def _is_recent(self, moment: Optional[float]) -> bool:
        return moment is not None and self._clock() - moment <= TOGETHER_SECONDS

    def leave(self) -> None:
        """Make no attempt any more, until something new happens to the interface."""
        self.due = None

    def is_due(self) -> bool:
        """Say whether the interface has to be brought up now. If so, the next attempt comes after a pause."""
        if self.due is None or self._clock() < self.due:
            return False
        self._attempts += 1
        self.due = self._clock() + PAUSES[min(self._attempts, len(PAUSES) - 1)]
        return True
