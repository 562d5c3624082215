# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The events of an interface. They are the same for every manager.

The listener in each wing of ``_managers`` translates the messages of its manager into these events.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Union

from .._system.dataless import Dataless


class ScanStarted(Dataless):
    """The supplicant's scan has begun, on the frequencies that the supplicant was given."""


@dataclass(frozen=True)
class Connected:
    """The supplicant completed a connection to *bssid*."""

    bssid: str


class Disconnected(Dataless):
    """The supplicant lost its connection."""


class SupplicantGone(Dataless):
    """The supplicant ended or restarted. It lost all settings that were made at run time, such as a pin."""


@dataclass(frozen=True)
class ManagerGone:
    """The manager above the supplicant (NetworkManager) no longer manages the interface.

    Its profiles are unknown now, and a pin may still be set. ``why`` is a text for people. It is empty when the manager
    reported this itself.
    """

    why: str = ""


class ProfilesChanged(Dataless):
    """A profile was added, removed or changed."""


class ProfileTouched(Dataless):
    """A profile was changed or only used. The manager does not tell which of the two."""


#: Events of the connection, which a handover gets.
LinkEvent = Union[ScanStarted, Connected, Disconnected, SupplicantGone, ManagerGone]
#: Events of the profiles. A running handover does not get them.
ProfileEvent = Union[ProfilesChanged, ProfileTouched]
Event = Union[LinkEvent, ProfileEvent]


def link_event(event: Event) -> Optional[LinkEvent]:
    """Return *event* if it is an event of the connection, or None if it is one of the profiles."""
    return None if isinstance(event, (ProfilesChanged, ProfileTouched)) else event
