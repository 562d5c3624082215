# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rfkill switch of one guarded radio, as the events of rfkill say that it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

from .._handover.policy import KERNEL_TOO_OLD, Outcome
from .._radio.rfkill import RfkillEvent
from .._radio.values import Switch


class FollowedSwitch:
    """The switch of a radio, which is kept up to date by events.

    Args:
        switch: the switch as it was read, or None when the radio has none.
    """

    def __init__(self, switch: Optional[Switch]) -> None:
        self._switch = switch

    @property
    def usable(self) -> bool:
        """Whether nothing but CSME can block the radio now: no airplane mode, no physical switch, a known reason."""
        return self._switch is not None and self._switch.reasons is not None and self.off is None

    @property
    def blocked(self) -> bool:
        """Whether there is a hard block."""
        return self._switch is not None and self._switch.hard

    @property
    def shut(self) -> bool:
        """Whether something blocks the radio, or that is not known. An interface can't come up then."""
        return self.blocked or not self.usable

    @property
    def owned(self) -> bool:
        """Whether CSME owns the radio."""
        return self._switch is not None and self._switch.owner == "csme"

    @property
    def off(self) -> Optional[Outcome]:
        """What keeps host and CSME from the radio: airplane mode or a switch that is off. None means neither."""
        switch = self._switch
        if switch is None or switch.reasons is None:
            return None
        return Outcome.AIRPLANE_MODE if switch.soft else Outcome.SWITCH_OFF if switch.off else None

    @property
    def why_off(self) -> Optional[str]:
        """The code that says why nobody can use the radio, or None.

        It is ``KERNEL_TOO_OLD`` for a hard block that the kernel does not explain: it may be CSME's.
        """
        if self._switch is not None and self._switch.reasons is None:
            soft = Outcome.AIRPLANE_MODE.value if self._switch.soft else None
            return KERNEL_TOO_OLD if self._switch.hard else soft
        return None if self.off is None else self.off.value

    def is_of(self, event: RfkillEvent) -> bool:
        """Say whether an event is about this switch."""
        return self._switch is not None and event.index == self._switch.index

    def follow(self, event: RfkillEvent) -> bool:
        """Take over what an event about this switch says. Say whether that is anything new."""
        before = self._switch
        if before is not None:
            self._switch = replace(before, soft=event.soft, hard=event.hard, reasons=event.reasons)
        return self._switch != before
