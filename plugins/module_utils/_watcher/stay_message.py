# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a watcher that is stopped in the middle of a stay leaves to the next one: that CSME forbids roaming.

CSME says that only when its session changes, and the driver can't be asked. So a watcher that is started again, as the
role does for a new version, would never hear it, and the host could leave the access point in the middle of a session.

The message is in the folder of locks and journals, which only root and the watcher's user can use. A boot empties that
folder. A watcher that is killed leaves no message: whatever it kept must become free.
"""

from __future__ import annotations

import time
from typing import Callable, Optional

from .._radio.values import Radio
from .._system.errors import FleetError
from .._system.run_folder import FOLDER, leave_message, take_message
from .account import Account

#: The message counts for so many seconds. A restart takes 1 to 10 s on a slow laptop, and the unit's stop 15 s at most.
#: What CSME says meanwhile is lost, so the time is short.
SECONDS = 60.0


def boot_seconds() -> float:
    """Return the seconds since the boot, those in suspend included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def leave_stay(
    radio: Radio, bssid: str, account: Account, folder: str = FOLDER, clock: Callable[[], float] = boot_seconds
) -> None:
    """Leave the message that CSME forbids the host to leave its access point. If that fails, the log says so.

    Args:
        radio: the radio. It has an interface.
        bssid: the access point.
        account: logs a failure.
        folder: the folder of the message.
        clock: returns the seconds since the boot.
    """
    try:
        # A driver that is loaded again makes a new interface of the same name.
        leave_message(_name(radio), {"ifindex": radio.ifindex, "bssid": bssid, "at": clock()}, folder)
    except FleetError as error:
        account.write("warning", f"the next watcher can't be told that CSME forbids roaming: {error}", code=error.code)


def take_stay(
    radio: Radio, account: Account, folder: str = FOLDER, clock: Callable[[], float] = boot_seconds
) -> Optional[str]:
    """Return the access point that CSME forbade the host to leave, and remove the message.

    The arguments are those of ``leave_stay``.

    Returns:
        None when there is no message, or it is damaged, too old, or about another interface, or can't be removed.
    """
    try:
        told = take_message(_name(radio), folder)
    except FleetError as error:
        account.write("warning", f"what the last watcher left can't be read: {error}", code=error.code)
        return None
    if told is None or told.get("ifindex") != radio.ifindex:
        return None
    bssid, at = told.get("bssid"), told.get("at")
    if not isinstance(bssid, str) or not isinstance(at, float) or not 0.0 <= clock() - at <= SECONDS:
        return None
    return bssid


def _name(radio: Radio) -> str:
    return f"stay-{radio.interface}"
