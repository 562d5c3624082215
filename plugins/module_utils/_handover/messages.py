# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the machine of a handover hears, and what it has done: events, timers and actions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Hashable, Optional, Tuple, Union

from .._network.events import LinkEvent
from .._network.profile import Profile
from .._radio.connection import CsmeConnection
from .._system.bare import Bare


@dataclass(frozen=True)
class Blocked:
    """CSME holds the radio. Carries the connection that it reports, and the profile that could carry that on."""

    connection: Optional[CsmeConnection]
    profile: Optional[Profile]


class Pinned(Bare):
    """The supplicant has the pin."""


class PinFailed(Bare):
    """The supplicant does not have the pin, and nothing of it is left."""


class BlockGone(Bare):
    """The hard block with the reason "not owner" went away: the host owns the radio."""


class BlockBack(Bare):
    """The hard block with the reason "not owner" is there (again)."""


class SoftBlocked(Bare):
    """Airplane mode came on."""


class SwitchedOff(Bare):
    """The radio's switch went off: hard block with the reason "signal"."""


class AddressArrived(Bare):
    """The connected interface has an address that counts: see ``_handover/addressing.py``."""


class RoamingForbidden(Bare):
    """CSME's session lives, so the host must stay with its access point."""


class RoamingAllowed(Bare):
    """CSME's session is over: the host may roam."""


class InterfaceGone(Bare):
    """The interface or its radio went away."""


class Timer(Enum):
    """The timers a handover runs. Setting one that runs starts it anew."""

    ANSWER = "answer"
    PAUSE = "pause"
    DEADLINE = "deadline"
    GRACE = "grace"
    LAST_REQUEST = "last request"
    CONFIRM = "confirm"
    LOST = "lost"


@dataclass(frozen=True)
class Expired:
    """A timer ran out. It is one of a handover, or one that the guard of a radio keeps beside them."""

    timer: Hashable


Event = Union[
    LinkEvent,
    Blocked,
    Pinned,
    PinFailed,
    BlockGone,
    BlockBack,
    SoftBlocked,
    SwitchedOff,
    AddressArrived,
    RoamingForbidden,
    RoamingAllowed,
    InterfaceGone,
    Expired,
]


@dataclass(frozen=True)
class SetPin:
    """Write the pin to the journal, then give it to the supplicant. Answered by Pinned or PinFailed."""

    profile: Profile
    bssid: str
    frequencies: Tuple[int, ...]


@dataclass(frozen=True)
class Stay:
    """Write the pin to the journal, then keep the supplicant at the access point that it is connected to.

    Nothing else of the profile changes, and the link stays. Answered by PinFailed, or nothing.
    """

    profile: Profile
    bssid: str


class Unpin(Bare):
    """Undo the pin without dropping the link, then clear the journal."""


class Forget(Bare):
    """Clear the journal: the pin is gone with the supplicant, which must not be waited for."""


class RequestOwnership(Bare):
    """Ask CSME for the radio. The answer is BlockGone, or nothing."""


@dataclass(frozen=True)
class SetTimer:
    """Let *timer* expire after *seconds*."""

    timer: Hashable
    seconds: float


@dataclass(frozen=True)
class CancelTimer:
    """Forget *timer*."""

    timer: Hashable


Action = Union[
    SetPin,
    Stay,
    Unpin,
    Forget,
    RequestOwnership,
    SetTimer,
    CancelTimer,
]
