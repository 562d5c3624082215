# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The texts for people about a radio that is switched off."""

from __future__ import annotations

from typing import Optional, Sequence

from .._system.words import Words
from .values import Block, Switch

#: The text where nothing more is known.
BY_HARDWARE = Words("the radio is switched off by hardware", "Turn its switch or key on")
AIRPLANE_MODE = Words("airplane mode is on", "Turn it off (rfkill unblock wlan)")
#: The text about a radio whose block may be CSME's, or not.
NO_REASON = Words(
    "the kernel gives no reason when the radio is blocked, so it is not known whether CSME owns it",
    "Install Linux 5.17 or newer",
)
#: The text about a radio whose interface is down, and whose driver asks CSME for it when the interface comes up.
INTERFACE_DOWN = Words(
    "the interface is down, and with this driver, CSME may own its radio without a block",
    "Start the program that runs the interface, or bring the interface up. The driver asks CSME for the radio then",
)


def soft_blocked(platform: Sequence[Switch]) -> str:
    """Return the names of those of the platform's switches that are soft-blocked. The text is empty if none is."""
    return " and ".join(switch.name for switch in platform if switch.soft)


def switched_off(block: Optional[Block], platform: Sequence[Switch]) -> Words:
    """Return the text about a radio that is blocked, and not only because CSME owns it.

    Args:
        block: the block of the radio's own switch, or None if it is not known any more.
        platform: the WLAN switches of the platform. On some laptops, the soft block of one of these is what blocks the
            radio. The kernel does not say so: it gives the same reason as for a physical switch.
    """
    names = soft_blocked(platform).replace("{", "{{").replace("}", "}}")  # ``what`` is a template
    general = BY_HARDWARE
    if not names or not (block is None or block.by_pin):
        return general
    return Words(
        f"the radio is switched off, and {names}, a switch of the laptop's platform, is soft-blocked",
        f"Lift that block (rfkill unblock wlan). If the radio stays off, {general.remedy[0].lower()}"
        f"{general.remedy[1:]}",
    )
