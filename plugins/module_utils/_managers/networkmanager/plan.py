# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Planning the changes of NetworkManager's profiles that declared networks need. This does no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, List, Optional, Sequence, Tuple

from ..._network.declared import Declaration
from ..._network.report import Shown
from ..._network.values import ssid_text
from ..._system.printable import quoted
from .connection import Connection
from .settings import (
    CONNECTION,
    MATCH,
    MATCHES,
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

#: Keys that make no difference to an active connection. They only matter when the next profile is chosen.
_FOR_THE_NEXT = frozenset(
    {(CONNECTION, "autoconnect-priority"), (CONNECTION, "interface-name"), *((MATCH, key) for key in MATCHES)}
)


@dataclass(frozen=True)
class Stored:
    """A Wi-Fi profile of NetworkManager that an interface could use, with its secrets."""

    connection: Connection
    settings: Settings = field(repr=False)
    #: Whether the disk has it in this form.
    saved: bool = True
    #: Whether the interface is connected or connecting by it.
    active: bool = False
    #: The other interfaces that are connected or connecting by it.
    elsewhere: Tuple[str, ...] = ()

    @property
    def may_be_anothers(self) -> bool:
        """Whether the profile may be for another device: it has conditions that are not evaluated here.

        If the interface uses the profile, or the profile is bound to the interface or its device, the answer is no.
        """
        own = self.active or self.connection.interface is not None or self.connection.mac is not None
        return bool(self.connection.conditions) and not own


@dataclass(frozen=True)
class PlanStep:
    """One change: a profile is added (``old`` is None), removed (``new`` is None), or updated."""

    ssid: bytes
    old: Optional[Stored] = None
    new: Optional[Settings] = field(default=None, repr=False)
    changed: Tuple[Key, ...] = ()
    #: Whether old secrets have to be cleared, because NetworkManager would keep them.
    clear: bool = False

    @property
    def name(self) -> str:
        """The network's name for people."""
        return ssid_text(self.ssid)

    @property
    def uuid(self) -> str:
        """The profile's UUID."""
        settings = self.new if self.old is None else self.old.settings
        return str((settings or {})[CONNECTION]["uuid"][1])

    @property
    def secrets(self) -> Tuple[str, ...]:
        """Every secret in the old and the new settings."""
        old: Settings = {} if self.old is None else self.old.settings
        return tuple(value for settings in (old, self.new or {}) for value in secret_texts(settings))


@dataclass(frozen=True)
class NmPlan:
    """The changes, in the order in which they have to be made, and warnings about them."""

    steps: Tuple[PlanStep, ...] = ()
    warnings: Tuple[str, ...] = ()
    #: The settings that the profile of each declared network will have, also where no step changes it.
    outcome: Tuple[Settings, ...] = field(default=(), repr=False, compare=False)

    @property
    def before(self) -> Shown:
        """The profiles that are changed or removed, as people see them before."""
        return tuple((step.ssid, describe(step.old.settings)) for step in self.steps if step.old is not None)

    @property
    def after(self) -> Shown:
        """The profiles that are changed or added, as people see them after."""
        return tuple((step.ssid, describe(step.new, step.changed)) for step in self.steps if step.new is not None)


def concerned(stored: Sequence[Stored], declared: Declaration) -> Tuple[Stored, ...]:
    """Return the profiles that may have to change."""
    ssids = {profile.ssid for profile in declared.profiles}
    return tuple(each for each in stored if each.connection.ssid in ssids or declared.removes(each.connection.ssid))


def plan_connections(
    stored: Sequence[Stored], declared: Declaration, interface: str, make_uuid: Callable[[], str]
) -> NmPlan:
    """Return the plan for the declared networks. This is a pure function.

    Updates come first, because NetworkManager may refuse them. Then come new profiles, and last the removals, which are
    the hardest to take back. A profile by which another interface is connected belongs to that interface. It is neither
    used for this interface nor removed, unless the declaration names its network as absent. A profile that
    ``may_be_anothers`` is neither used nor removed in any case.

    Args:
        stored: the profiles that the interface could use. Those that are ``concerned`` have their secrets.
        declared: the networks to have, and those not to have.
        interface: the interface. The profiles of declared networks become its own.
        make_uuid: returns a new UUID.
    """
    updates: List[PlanStep] = []
    additions: List[PlanStep] = []
    removals: List[PlanStep] = []
    warnings: List[str] = []
    outcome: List[Settings] = []
    for profile in declared.profiles:
        same = [each for each in stored if each.connection.ssid == profile.ssid]
        mine = [each for each in same if each.active or not (each.elsewhere or each.may_be_anothers)]
        want = wanted(profile, interface)
        kept = _kept(mine, want)
        removals += [PlanStep(profile.ssid, each) for each in mine if each is not kept]
        warnings += [_told_of(each, _STAYS if each.elsewhere else _UNKNOWN) for each in same if each not in mine]
        if kept is None:
            outcome.append(new_settings(want, ssid_text(profile.ssid), make_uuid()))
            additions.append(PlanStep(profile.ssid, None, outcome[-1]))
            continue
        changed = differing(want, kept.settings)
        outcome.append(merged(kept.settings, want))
        if changed or not kept.saved:
            new, clear = outcome[-1], keeps_secrets(want, kept.settings)
            updates.append(PlanStep(profile.ssid, kept, new, changed, clear))
        if kept.active and not frozenset(changed) <= _FOR_THE_NEXT:
            warnings.append(_LATER.format(quoted(profile.ssid)))
    ssids = {profile.ssid for profile in declared.profiles}
    for each in stored:
        ssid = each.connection.ssid
        if ssid in ssids or not declared.removes(ssid):
            continue
        if each.may_be_anothers:
            warnings.append(_told_of(each, _UNKNOWN))
            continue
        if each.elsewhere and ssid not in declared.absent:
            warnings.append(_told_of(each, _STAYS))
            continue
        if each.elsewhere:
            warnings.append(_told_of(each, _ENDS))
        removals.append(PlanStep(ssid, each))
    return NmPlan((*updates, *additions, *removals), tuple(warnings), tuple(outcome))


_LATER = "network {} carries the link, which is not touched. The changes apply from the next connection on"
_STAYS = (
    "profile {!r} for network {} stays, because it carries the link of {}. Give that interface its own profile. Then "
    "the next run removes this one"
)
_UNKNOWN = (
    "profile {!r} for network {} stays, because it may be for another device: its {} is not checked. If it is for this "
    "interface, set its connection.interface-name. Then the next run brings it to the declaration"
)
_ENDS = "profile {!r} for network {} is removed, which ends the connection of {}"


def _told_of(stored: Stored, text: str) -> str:
    """Return a text about a profile by which other interfaces are connected, or that may be for another device."""
    connection = stored.connection
    why = connection.conditions if text == _UNKNOWN else stored.elsewhere
    return text.format(connection.name, quoted(connection.ssid), " and ".join(why))


def _kept(same: Sequence[Stored], want: Wanted) -> Optional[Stored]:
    """Return which of several profiles stays: the one in use, or one of the declared kind, or else the first."""
    active = (each for each in same if each.active)
    fitting = (each for each in same if same_kind(want, each.settings))
    return next(active, None) or next(fitting, None) or (same[0] if same else None)
