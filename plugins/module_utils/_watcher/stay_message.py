# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a watcher that is stopped in the middle of a stay leaves to the next one: the access point.

CSME says that it forbids roaming only when its session changes, and the driver can't be asked. So a watcher that is
started again, as the role does for a new version, would never hear it, and the host could leave the access point in the
middle of a session. In the first seconds of a stay, CSME may not have said it yet. Then the next watcher keeps the
host there until the time for that report is over.

The message is in the folder of locks and journals, which only root and the watcher's user can use. A boot empties that
folder. A watcher that is killed leaves no message: whatever it kept must become free.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Callable, Dict, Optional

from .._handover.guard import GuardEvent, Resumed
from .._handover.messages import RoamingForbidden
from .._radio.values import Radio
from .._system.errors import FleetError
from .._system.places import PLACES, Places
from .._system.run_folder import leave_message, take_message
from .account import Account

#: The message counts for so many seconds. A restart takes 1 to 10 s on a slow laptop, and the unit's stop 15 s at most.
#: What CSME says meanwhile is lost, so the time is short.
SECONDS = 60.0


def boot_seconds() -> float:
    """Return the seconds since the boot, those in suspend included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True)
class Kept:
    """A stay at an access point.

    Attributes:
        bssid: the access point.
        confirm_seconds: the rest of the time for CSME's report that roaming is forbidden. None means that it has come.
    """

    bssid: str
    confirm_seconds: Optional[float] = None

    @property
    def event(self) -> GuardEvent:
        """The event that makes the guard of the next watcher go on with the stay."""
        return RoamingForbidden() if self.confirm_seconds is None else Resumed(self.confirm_seconds)

    @property
    def words(self) -> str:
        """What the next watcher logs."""
        if self.confirm_seconds is None:
            return "CSME forbade roaming before the watcher was started again"
        return (
            "the watcher was started again soon after a handover, so the host stays at its access point for "
            f"{self.confirm_seconds:.1f} s, in case CSME forbids roaming"
        )


def leave_stay(
    radio: Radio, stay: Kept, account: Account, places: Places = PLACES, clock: Callable[[], float] = boot_seconds
) -> None:
    """Leave the message that the host is kept at its access point. If that fails, the log says so.

    Args:
        radio: the radio. It has an interface.
        stay: the stay.
        account: logs a failure.
        places: where the files are.
        clock: returns the seconds since the boot.
    """
    # A driver that is loaded again makes a new interface of the same name.
    entry: Dict[str, Any] = {"ifindex": radio.ifindex, "bssid": stay.bssid}
    if stay.confirm_seconds is None:
        entry["at"] = clock()
    else:  # an older watcher, which would take this for CSME's word, wants to know "at"
        entry["until"] = clock() + stay.confirm_seconds
    try:
        leave_message(_name(radio), entry, places)
    except FleetError as error:
        account.write("warning", f"the next watcher can't be told that the host stays: {error}", code=error.code)


def take_stay(
    radio: Radio, account: Account, places: Places = PLACES, clock: Callable[[], float] = boot_seconds
) -> Optional[Kept]:
    """Return the stay in which the last watcher was stopped, and remove the message.

    The arguments are those of ``leave_stay``.

    Returns:
        None when there is no message, or it is damaged, too old, or about another interface, or can't be removed.
    """
    try:
        told = take_message(_name(radio), places)
    except FleetError as error:
        account.write("warning", f"what the last watcher left can't be read: {error}", code=error.code)
        return None
    if told is None or told.get("ifindex") != radio.ifindex or not isinstance(told.get("bssid"), str):
        return None
    at, until, now = told.get("at"), told.get("until"), clock()
    if isinstance(at, float) and 0.0 <= now - at <= SECONDS:
        return Kept(told["bssid"])
    if isinstance(until, float) and 0.0 < until - now <= SECONDS:
        return Kept(told["bssid"], until - now)
    return None


def _name(radio: Radio) -> str:
    return f"stay-{radio.interface}"
