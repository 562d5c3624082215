# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bringing a laptop's wireless networks to the declared state in NetworkManager, which stores them itself.

Each profile is written by one call, and NetworkManager writes its file completely or not at all. Either all profiles
are written or none: if a later one is refused, the earlier changes are undone. An active connection is not touched,
unless its profile is removed.

Source of the interfaces and numbers: NetworkManager's ``org.freedesktop.NetworkManager.Settings*.xml`` and
``nm-dbus-interface.h`` (1.42, 1.52).
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import replace
from typing import Any, Callable, Dict, FrozenSet, List, Optional, Sequence, Tuple

from ..._network.declared import ProfilesRequest
from ..._network.eap import Exists, not_known
from ..._network.limits import JoinedConnection
from ..._network.profile import Profile
from ..._network.report import by_name, networks
from ..._network.verdict import FILE, RUNTIME, UnusableNetworks, documents, doubts, judge
from ..._network.verdict import warnings as warnings_of
from ..._system.dbus import SystemBus
from ..._system.dbus_values import plain
from ..._system.errors import DecodeFailed, FleetError, NotFound, Refused, SupplicantRefused, TimedOut, TransportFailed
from ..._system.files import is_there
from ..._system.patience import Patience
from .client import NetworkManager
from .connection import read_connection
from .names import NM, NM_PATH, NM_SETTINGS
from .plan import NmPlan, PlanStep, Stored, concerned, plan_connections
from .profiles import is_anothers, profile_of
from .records import networkmanager_waits
from .settings import (
    CONNECTION,
    EAP,
    SECURITY,
    WIRELESS,
    Settings,
    keeps_secrets,
    secrets_are_the_systems,
    settings_of,
    with_secrets,
)

_SETTINGS_PATH = f"{NM_PATH}/Settings"
_CONNECTION = f"{NM_SETTINGS}.Connection"
#: NM_SETTINGS_ADD_CONNECTION2_FLAG_TO_DISK and NM_SETTINGS_UPDATE2_FLAG_TO_DISK; ..._IN_MEMORY.
_TO_DISK, _IN_MEMORY = 0x1, 0x2
#: NM_SETTINGS_UPDATE2_FLAG_NO_REAPPLY: an active connection does not get the change.
_NO_REAPPLY = 0x40
#: NM_SETTINGS_CONNECTION_FLAG_UNSAVED: the profile's file is in /run (_connection_changed_update in nm-settings.c). So
#: the profile is only in memory, or differs from the one on the disk.
_UNSAVED = 0x1
#: Files in /run with this beginning count as saved. netplan makes them of its own files, which are on the disk. It does
#: that at each boot, and where NetworkManager stores profiles with netplan (Ubuntu), also when a profile is written.
#: (The name is in netplan's netplan_get_id_from_nm_filepath.)
_NETPLANS = "/run/NetworkManager/system-connections/netplan-"
#: NM_SETTINGS_CONNECTION_FLAG_NM_GENERATED and _EXTERNAL: NetworkManager made the profile of an existing setup.
_GENERATED = 0x2 | 0x8
#: How long to wait for each answer. NetworkManager writes to the disk, and may ask users' agents.
_ANSWER = Patience(answer=15.0)


def bring(
    request: ProfilesRequest,
    radio: Optional[str],
    check_mode: bool,
    csme: Optional[JoinedConnection] = None,
) -> Dict[str, Any]:
    """Bring NetworkManager's profiles for an interface to the declared state, and return the module's result.

    Args:
        request: the task's request.
        radio: the name of the interface's radio (``phy0``), or None if the interface is not wireless.
        check_mode: find out what would happen, and change nothing.
        csme: CSME's connection, or None if there is none, or it is not known.

    Raises:
        UnusableNetworks: a declared network can't carry CSME's connection on, and the request demands that it can.
        Refused: the interface is not wireless.
        SupplicantRefused: NetworkManager does not accept a profile. Nothing is changed then. The text contains no
            secret.
        NotFound: NetworkManager does not manage the interface, or does not run.
        TimedOut: an answer did not come in time.
        LibraryMissing, AccessDenied, TransportFailed, DecodeFailed: NetworkManager can't be reached.
    """
    interface, declared = request.interface, request.declared
    if radio is None:
        raise Refused("not_wireless", f"{interface} is not a wireless interface")
    with SystemBus(_ANSWER) as bus:
        connections = _Connections(bus, interface)
        stored = connections.stored()
        read = {each.connection.path: connections.with_secrets(each) for each in concerned(stored, declared)}
        known = [read.get(each.connection.path, each) for each in stored]
        plan = plan_connections(known, declared, interface, lambda: str(uuid.uuid4()))
        profiles = connections.judged(plan.outcome, not_known if check_mode else is_there)
        verdicts = judge(declared.profiles, profiles, csme, FILE, RUNTIME)
        if verdicts and request.require_usable:
            raise UnusableNetworks(verdicts)
        if plan.steps and not check_mode:
            _carry_out(connections, plan)
            profiles = connections.judged_again(plan, profiles)
            verdicts = judge(declared.profiles, profiles, csme, FILE, RUNTIME)
    # NetworkManager uses the profiles that it stores, so the results for file and runtime are the same.
    changed, shown = bool(plan.steps), (plan.before, plan.after)
    result: Dict[str, Any] = {
        "changed": changed,
        "interface": interface,
        "file": {"changed": changed, "path": None},
        "runtime": {"changed": changed, "applied": True, "reason": None},
        "networks": networks(declared, {"file": shown, "runtime": shown}),
        "diff": {side: {"connections": by_name(each)} for side, each in zip(("before", "after"), shown)},
        "obstacles": documents(verdicts),
        "warnings": [*plan.warnings, *warnings_of(verdicts), *doubts(declared.profiles, profiles, csme)],
    }
    if verdicts and request.require_usable:
        raise UnusableNetworks(verdicts, result)
    return result


def _carry_out(connections: _Connections, plan: NmPlan) -> None:
    """Do all steps of a plan or none. If one fails, or this process has to end, take back the steps that were begun."""
    begun: List[Callable[[], None]] = []
    secrets = frozenset(secret for step in plan.steps for secret in step.secrets)
    try:
        for step in plan.steps:
            # This is noted first, because a call that gets no answer may have been carried out.
            begun.append(connections.taking_back(step))
            connections.do(step, secrets)
    except BaseException as error:
        failed = _take_back(begun)
        if isinstance(error, FleetError):
            error.what += f". {failed} of the changes could not be taken back" if failed else ". Nothing was changed"
        raise


def _take_back(begun: Sequence[Callable[[], None]]) -> int:
    """Take back the steps that were begun, the last one first. Return how many could not be taken back."""
    failed = 0
    for position, take_back in reversed(tuple(enumerate(begun))):
        try:
            take_back()
        except (TimedOut, TransportFailed):
            return failed + position + 1  # NetworkManager would not answer for the other steps either
        except FleetError:
            failed += 1
    return failed


class _Connections:
    """NetworkManager's profiles that an interface could use.

    Args:
        bus: the system's bus.
        interface: the interface's name.

    Raises:
        NotFound: NetworkManager does not manage the interface.
        AccessDenied, TimedOut, TransportFailed, DecodeFailed, SupplicantRefused: see ``SystemBus.call``. Every method
            raises these, too.
    """

    def __init__(self, bus: SystemBus, interface: str) -> None:
        self._bus = bus
        self._interface = interface
        self._networkmanager = NetworkManager(bus)
        self._device = self._networkmanager.device(interface, unmanaged=networkmanager_waits(interface))

    def stored(self) -> List[Stored]:
        """Return the profiles, without secrets, in the order in which NetworkManager gives them.

        These are left out: connections of other kinds, profiles that are bound to another interface or device in any
        way, profiles for some users only, and profiles that NetworkManager itself made of an existing setup.
        """
        active = self._networkmanager.active(self._device.path)
        elsewhere = self._networkmanager.used_elsewhere(self._device.path)
        found = []
        for path, answer in self._networkmanager.settings(variants=True):
            each = self._stored(path, settings_of(answer), active)
            if each is not None:
                found.append(replace(each, elsewhere=elsewhere.get(path, ())))
        return found

    def _stored(self, path: str, settings: Settings, active: Optional[str]) -> Optional[Stored]:
        if WIRELESS not in settings:
            return None
        try:
            connection = read_connection(path, plain(settings, "a{sa{sv}}"))
        except DecodeFailed:
            return None
        if connection is None or connection.owned or is_anothers(connection, self._interface, self._device.mac):
            return None
        flags = int(self._bus.get(NM, path, _CONNECTION, "Flags"))
        if flags & _GENERATED:
            return None
        saved = not flags & _UNSAVED or self._is_netplans(path)
        return Stored(connection, settings, saved=saved, active=path == active)

    def _is_netplans(self, path: str) -> bool:
        return str(self._bus.get(NM, path, _CONNECTION, "Filename")).startswith(_NETPLANS)

    def with_secrets(self, stored: Stored) -> Stored:
        """Return a profile with the secrets that the system has. No user's agent is asked."""
        name = EAP if EAP in stored.settings else SECURITY
        if name not in stored.settings or not secrets_are_the_systems(stored.settings):
            return stored
        # If they can't be had, the profile's secrets count as different from the declared ones.
        with suppress(NotFound, Refused, SupplicantRefused, TimedOut):
            path = stored.connection.path
            secrets: Settings = self._bus.call(NM, path, _CONNECTION, "GetSecrets", "s", (name,), variants=True)[0]
            return replace(stored, settings=with_secrets(stored.settings, secrets))
        return stored

    def judged(self, outcome: Sequence[Settings], exists: Exists) -> Tuple[Profile, ...]:
        """Convert settings to profiles of the interface. They set the MAC address, so no default of it matters.

        Args:
            outcome: the settings.
            exists: says whether a file that a profile names exists.
        """
        interface, mac = self._interface, self._device.mac
        read = (read_connection(f"/{number}", plain(each, "a{sa{sv}}")) for number, each in enumerate(outcome))
        return tuple(profile_of(each, interface, mac, exists=exists) for each in read if each is not None)

    def judged_again(self, plan: NmPlan, foreseen: Sequence[Profile]) -> Tuple[Profile, ...]:
        """Return the profiles of declared networks after a plan was carried out. Those that changed are read again.

        If they can't be read, they count as *foreseen*, because NetworkManager accepted them.
        """
        written = {step.uuid for step in plan.steps if step.new is not None}
        with suppress(FleetError):
            now = [each for each in self.stored() if each.settings[CONNECTION]["uuid"][1] in written]
            found = tuple(profile_of(each.connection, self._interface, self._device.mac) for each in now)
            seen = {profile.ssid for profile in found}
            return (*found, *(profile for profile in foreseen if profile.ssid not in seen))
        return tuple(foreseen)

    def do(self, step: PlanStep, secrets: FrozenSet[str]) -> None:
        """Carry out one step.

        Args:
            step: the step.
            secrets: secrets that are removed from the text of an error.

        Raises:
            SupplicantRefused: NetworkManager refuses the step.
        """
        try:
            if step.old is None:
                self._add(step.new or {})
            elif step.new is None:
                self._delete(step.old.connection.path)
            else:
                self._update(step.old.connection.path, step.new, _TO_DISK, clear=step.clear)
        except SupplicantRefused as error:
            said = error.what
            for secret in secrets:
                said = said.replace(secret, "(secret)")
            raise SupplicantRefused(
                f"NetworkManager does not accept the profile of network '{step.name}': {said}",
                where=error.where,
            ) from None

    def taking_back(self, step: PlanStep) -> Callable[[], None]:
        """Return a function that takes a step back, whether or not the step was done. It raises what ``do`` raises."""
        old = step.old
        if old is None:
            return lambda: self._remove(step.uuid)
        if step.new is None:
            return lambda: None if self._path(step.uuid) else self._add(old.settings, _flags(old))
        clear = keeps_secrets({name: dict(keys) for name, keys in old.settings.items()}, step.new)
        return lambda: self._update(old.connection.path, old.settings, _flags(old), clear=clear)

    # -- calls --------------------------------------------------------------------------------------------------------

    def _delete(self, path: str) -> None:
        with suppress(NotFound):  # somebody else removed it
            self._bus.call(NM, path, _CONNECTION, "Delete")

    def _add(self, settings: Settings, flags: int = _TO_DISK) -> None:
        self._bus.call(NM, _SETTINGS_PATH, NM_SETTINGS, "AddConnection2", "a{sa{sv}}ua{sv}", (settings, flags, {}))

    def _update(self, path: str, settings: Settings, flags: int, *, clear: bool) -> None:
        arguments: Tuple[Any, ...] = (settings, flags | _NO_REAPPLY, {})
        self._bus.call(NM, path, _CONNECTION, "Update2", "a{sa{sv}}ua{sv}", arguments)
        if clear:
            self._bus.call(NM, path, _CONNECTION, "ClearSecrets")

    def _path(self, identity: str) -> Optional[str]:
        """Return the path of the profile with this UUID, or None if there is none."""
        with suppress(NotFound, SupplicantRefused):
            return str(self._bus.call(NM, _SETTINGS_PATH, NM_SETTINGS, "GetConnectionByUuid", "s", (identity,))[0])
        return None

    def _remove(self, identity: str) -> None:
        path = self._path(identity)
        if path is not None:
            self._delete(path)


def _flags(stored: Stored) -> int:
    return _TO_DISK if stored.saved else _IN_MEMORY
