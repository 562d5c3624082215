# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What whoever runs an interface says of it, in words that are no manager's own.

Each wing of ``_managers`` translates what it hears into these, once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Union

from .._system.bare import Bare


class ScanStarted(Bare):
    """The supplicant's scan runs, over the frequencies that it was given."""


@dataclass(frozen=True)
class Connected:
    """The supplicant completed a connection to *bssid*."""

    bssid: str


class Disconnected(Bare):
    """The supplicant lost its connection."""


class SupplicantGone(Bare):
    """The supplicant ended or restarted. What it was told is gone with it."""


@dataclass(frozen=True)
class ManagerGone:
    """Who told the supplicant what to do does so no more. Its profiles are unknown now, and a pin may still stand.

    Carries why, for people; nothing where the manager said so itself.
    """

    why: str = ""


class ProfilesChanged(Bare):
    """A profile came, went or was changed."""


class ProfileTouched(Bare):
    """A profile was changed, or only used: the manager does not tell which."""


#: What a handover hears of a connection.
LinkEvent = Union[ScanStarted, Connected, Disconnected, SupplicantGone, ManagerGone]
#: What is said of profiles. A handover that is under way does not care.
ProfileEvent = Union[ProfilesChanged, ProfileTouched]
Event = Union[LinkEvent, ProfileEvent]


def link_event(event: Event) -> Optional[LinkEvent]:
    """Return an event if it is one of a connection; None for one of profiles."""
    return None if isinstance(event, (ProfilesChanged, ProfileTouched)) else event
