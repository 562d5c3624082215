# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What NetworkManager's profiles have to become for the declared networks to be among them. Nothing is asked here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, List, Optional, Sequence, Tuple

from ..._network.declared import Declaration
from ..._network.report import Shown
from ..._network.values import ssid_text
from .connection import Connection
from .settings import (
    CONNECTION,
    Key,
    Settings,
    Wanted,
    describe,
    differing,
    keeps_secrets,
    merged,
    new_settings,
    same_kind,
    secret_texts,
    wanted,
)

#: What makes no difference to a connection that stands: which profile is taken next, and by which interface.
_FOR_THE_NEXT = frozenset({(CONNECTION, "autoconnect-priority"), (CONNECTION, "interface-name")})


@dataclass(frozen=True)
class Stored:
    """A Wi-Fi profile of NetworkManager's that an interface could use, with its secrets."""

    connection: Connection
    settings: Settings = field(repr=False)
    #: It is on the disk as it is.
    saved: bool = True
    #: The interface is connected, or about to be, by it.
    active: bool = False
    #: Other interfaces that are.
    elsewhere: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """One thing to do: a profile that is added (``old`` is None), removed (``new`` is None), or updated."""

    ssid: bytes
    old: Optional[Stored] = None
    new: Optional[Settings] = field(default=None, repr=False)
    changed: Tuple[Key, ...] = ()
    #: NetworkManager would keep secrets that are not wanted any more.
    clear: bool = False

    @property
    def name(self) -> str:
        """The network, for people."""
        return ssid_text(self.ssid)

    @property
    def uuid(self) -> str:
        """The profile's."""
        settings = self.new if self.old is None else self.old.settings
        return str((settings or {})[CONNECTION]["uuid"][1])

    @property
    def secrets(self) -> Tuple[str, ...]:
        """Every secret that is in it."""
        old: Settings = {} if self.old is None else self.old.settings
        return tuple(value for settings in (old, self.new or {}) for value in secret_texts(settings))


@dataclass(frozen=True)
class NmPlan:
    """What is to be done, in this order, and what is to be said of it."""

    steps: Tuple[Step, ...] = ()
    warnings: Tuple[str, ...] = ()

    @property
    def before(self) -> Shown:
        """What is to be seen of what is changed or removed."""
        return tuple((step.ssid, describe(step.old.settings)) for step in self.steps if step.old is not None)

    @property
    def after(self) -> Shown:
        """What is to be seen of what is changed or added."""
        return tuple((step.ssid, describe(step.new, step.changed)) for step in self.steps if step.new is not None)


def concerned(stored: Sequence[Stored], declared: Declaration) -> Tuple[Stored, ...]:
    """Return the profiles that may have to change."""
    ssids = {profile.ssid for profile in declared.profiles}
    return tuple(each for each in stored if each.connection.ssid in ssids or declared.removes(each.connection.ssid))


def plan_connections(
    stored: Sequence[Stored], declared: Declaration, interface: str, make_uuid: Callable[[], str]
) -> NmPlan:
    """Return what is to be done. Pure.

    What exists is changed first, then what is new is added, and at last what is to go is removed: of these the first
    can be refused, and the last is the hardest to take back. What another interface is connected by is its own: it is
    neither taken for this one nor removed, unless its network was named as one not to have.

    Args:
        stored: the profiles that the interface could use, with the secrets of those that are ``concerned``.
        declared: the networks to have, and those not to have.
        interface: the interface; declared networks become its own.
        make_uuid: returns a new one.
    """
    updates: List[Step] = []
    additions: List[Step] = []
    removals: List[Step] = []
    warnings: List[str] = []
    for profile in declared.profiles:
        same = [each for each in stored if each.connection.ssid == profile.ssid]
        mine = [each for each in same if each.active or not each.elsewhere]
        want = wanted(profile, interface)
        kept = _kept(mine, want)
        removals += [Step(profile.ssid, each) for each in mine if each is not kept]
        warnings += [_told_of(each, _STAYS) for each in same if each not in mine]
        if kept is None:
            additions.append(Step(profile.ssid, None, new_settings(want, ssid_text(profile.ssid), make_uuid())))
            continue
        changed = differing(want, kept.settings)
        if changed or not kept.saved:
            new, clear = merged(kept.settings, want), keeps_secrets(want, kept.settings)
            updates.append(Step(profile.ssid, kept, new, changed, clear))
        if kept.active and not frozenset(changed) <= _FOR_THE_NEXT:
            warnings.append(_LATER.format(ssid_text(profile.ssid)))
    ssids = {profile.ssid for profile in declared.profiles}
    for each in stored:
        ssid = each.connection.ssid
        if ssid in ssids or not declared.removes(ssid):
            continue
        if each.elsewhere and ssid not in declared.absent:
            warnings.append(_told_of(each, _STAYS))
            continue
        if each.elsewhere:
            warnings.append(_told_of(each, _ENDS))
        removals.append(Step(ssid, each))
    return NmPlan((*updates, *additions, *removals), tuple(warnings))


_LATER = (
    "network '{}' carries the link, which goes on as it is: what was changed of it applies from its next connection on"
)
_STAYS = (
    "profile {!r} for network '{}' stays, because of the link of {}. Give that interface a profile of its own, and "
    "this one goes the next time"
)
_ENDS = "profile {!r} for network '{}' goes, and with it the connection of {}"


def _told_of(stored: Stored, text: str) -> str:
    """Return a text about a profile that other interfaces are connected by."""
    connection = stored.connection
    return text.format(connection.name, ssid_text(connection.ssid), " and ".join(stored.elsewhere))


def _kept(same: Sequence[Stored], want: Wanted) -> Optional[Stored]:
    """Return the one of several profiles that stays: the one in use, or one of the right kind."""
    active = (each for each in same if each.active)
    fitting = (each for each in same if same_kind(want, each.settings))
    return next(active, None) or next(fitting, None) or (same[0] if same else None)
