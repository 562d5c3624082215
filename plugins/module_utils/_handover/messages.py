# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The events, timers and actions of a handover's state machine."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Hashable, Optional, Tuple, Union

from .._network.events import LinkEvent
from .._network.limits import Obstacle
from .._network.profile import Profile
from .._radio.connection import CsmeConnection, Reported
from .._system.dataless import Dataless


@dataclass(frozen=True)
class Blocked:
    """CSME holds the radio.

    Attributes:
        connection: the connection that CSME reports, or None when it has none.
        profile: the profile that can carry the connection on, or None when there is none, or a part of the connection
            could not be read.
    """

    connection: Optional[Reported]
    profile: Optional[Profile]


@dataclass(frozen=True)
class Seen:
    """The answer to ReadConnection: CSME's connection as it is now.

    Attributes:
        connection: as for ``Blocked``.
        profile: as for ``Blocked``.
        obstacle: why the profile for the connection can't carry it on. It is None when no profile is for it, or one
            can.
    """

    connection: Optional[Reported]
    profile: Optional[Profile]
    obstacle: Optional[Obstacle] = None


class Unread(Dataless):
    """The answer to ReadConnection: CSME's connection can't be read now."""


class Pinned(Dataless):
    """The supplicant has the pin."""


class PinFailed(Dataless):
    """The pin could not be set. No part of it is left."""


class Unheard(Dataless):
    """The answer to RequestOwnership: the driver waited for CSME in vain, which denied the radio or did not answer.

    CSME may still give it away later.
    """


class BlockGone(Dataless):
    """The hard block with the reason "not owner" went away: the host owns the radio."""


class BlockBack(Dataless):
    """The hard block with the reason "not owner" is set, or is set again."""


class SoftBlocked(Dataless):
    """Airplane mode came on."""


class SwitchedOff(Dataless):
    """The radio's switch went off: there is a hard block that is not CSME's (``Block.off``)."""


@dataclass(frozen=True)
class AddressArrived:
    """The connected interface has an IPv4 address that is not link-local.

    Attributes:
        same_host: whether the host has CSME's MAC address, so that it is the same host for the network. It is not
            looked up outside of a handover.
    """

    same_host: bool = True


class RoamingForbidden(Dataless):
    """CSME has a session and forbids roaming, so the host must stay at its access point."""


class RoamingAllowed(Dataless):
    """CSME's session is over, so the host may roam."""


class WordGone(Dataless):
    """What CSME has said of roaming does not count any more, because iwlmei was bound anew or the laptop slept."""


class InterfaceGone(Dataless):
    """The interface or its radio went away."""


class Timer(Enum):
    """The timers of a handover. A timer that is set while it runs begins again."""

    ANSWER = "answer"
    PAUSE = "pause"
    DEADLINE = "deadline"
    GRACE = "grace"
    LAST_REQUEST = "last request"
    CONFIRM = "confirm"
    LOST = "lost"


@dataclass(frozen=True)
class Expired:
    """A timer ran out. It is a handover's (``Timer``), or the guard's own (``guard.RETRY``)."""

    timer: Hashable


Event = Union[
    LinkEvent,
    Blocked,
    Seen,
    Unread,
    Pinned,
    PinFailed,
    Unheard,
    BlockGone,
    BlockBack,
    SoftBlocked,
    SwitchedOff,
    AddressArrived,
    RoamingForbidden,
    WordGone,
    RoamingAllowed,
    InterfaceGone,
    Expired,
]


@dataclass(frozen=True)
class ReadConnection:
    """Read CSME's connection anew, because CSME may have roamed. The answer is Seen or Unread.

    Attributes:
        connection: the connection that was read last.
        profile: the profile for it, as it was before its pin.
    """

    connection: Optional[CsmeConnection]
    profile: Optional[Profile]


@dataclass(frozen=True)
class SetPin:
    """Write the pin to the journal, then set it in the supplicant. The answer is Pinned or PinFailed."""

    profile: Profile
    bssid: str
    frequencies: Tuple[int, ...]


@dataclass(frozen=True)
class Stay:
    """Write the pin to the journal, then keep the supplicant at the access point that it is connected to.

    Nothing else in the profile changes, and the link stays. If this fails, the answer is PinFailed.
    """

    profile: Profile
    bssid: str


class Unpin(Dataless):
    """Undo the pin without dropping the link, then clear the journal."""


class Forget(Dataless):
    """Remove the journal, because the supplicant has ended and its pin with it. The supplicant must not be asked."""


class RequestOwnership(Dataless):
    """Ask CSME for the radio. If CSME gives it away, the answer is BlockGone.

    If the driver waits in vain, the answer is Unheard. If the driver asks nobody, there is no answer.
    """


@dataclass(frozen=True)
class SetTimer:
    """Start *timer*. It runs out after *seconds*."""

    timer: Hashable
    seconds: float


@dataclass(frozen=True)
class CancelTimer:
    """Stop *timer*."""

    timer: Hashable


Action = Union[
    ReadConnection,
    SetPin,
    Stay,
    Unpin,
    Forget,
    RequestOwnership,
    SetTimer,
    CancelTimer,
]
