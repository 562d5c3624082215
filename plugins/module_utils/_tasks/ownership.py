# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking a radio for the host: what stands in the way, and the handover when nothing does."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .._handover.policy import SUCCESSES, Outcome, Policy
from .._handover.run import Handover
from .._handover.trace import Report
from .._handover.undo import undo_journal
from .._handover.words import BOOK
from .._managers.who import backend_of
from .._network.backend import NAMES, Backend
from .._network.limits import Obstacle
from .._network.pin import Pin
from .._network.profile import Profile, find_obstacle, find_profile
from .._radio import connection
from .._radio.nl80211 import Nl80211
from .._radio.radio import Unreadable, read_radios
from .._radio.values import Radio
from .._system.detached import run_detached
from .._system.errors import (
    AccessDenied,
    FleetError,
    LibraryMissing,
    NotFound,
    Refused,
    SupplicantRefused,
    TimedOut,
    TransportFailed,
)
from .._system.run_folder import lock, read_journal

#: The least time that a task may be given, in seconds: one request and all that can come of it, and as much again for
#: reading the machine and for undoing the pin of a supplicant that is slow to answer.
MINIMUM_SECONDS = 2 * Policy().attempt_seconds
#: The most, in seconds: a day. More is a mistake, and beyond what the system's timers take it is an error.
MAXIMUM_SECONDS = 86400.0
#: What is kept back for undoing the pin at the end, in seconds: one answer of the supplicant's at its slowest.
_UNDO_SECONDS = 2.0
#: How much longer than the work itself its report is waited for, in seconds.
_REPORT_SECONDS = 2.0
#: Pause between two looks at a radio that another handover works on, in seconds.
_BUSY_PAUSE = 0.2


@dataclass(frozen=True)
class OwnershipRequest:
    """What a task asks for.

    Attributes:
        interface: the interface whose radio is meant; None takes the only one that CSME can own.
        policy: what to do where there is a choice.
    """

    interface: Optional[str]
    policy: Policy


def ensure_host_owns(request: OwnershipRequest, check_mode: bool) -> Dict[str, Any]:
    """Make the host own a radio, and return the module's result.

    Args:
        request: what is asked for.
        check_mode: find out what would happen, and change nothing.

    Raises:
        Refused: something stands in the way, or CSME did not give the radio away. The reason is a stable code.
        FleetError: a transport failed.
    """
    deadline = time.monotonic() + _check_timeout(request.policy)
    radio = _select(request.interface)
    if check_mode:
        return _prepare_and_take(radio, request.policy, deadline, check_mode=True)
    # All that can touch the radio happens out of reach of a connection that breaks.
    try:
        patience = max(0.0, deadline - time.monotonic()) + _REPORT_SECONDS
        answer = run_detached(lambda: _guarded(radio, request.policy, deadline), patience)
    except TransportFailed:
        # The process was killed, and its lock went with it. What it left is undone here, unless this one is killed too.
        with lock(radio.phy, _UNDO_SECONDS):
            _undo(radio)
        raise
    error = answer.get("error")
    if error is not None:
        failure = Refused(error["code"], error["what"], where=error["where"], remedy=error["remedy"])
        failure.details = answer.get("details", {})
        raise failure
    result: Dict[str, Any] = answer["result"]
    return result


def _check_timeout(policy: Policy) -> float:
    """Return the time allowed in seconds.

    Raises:
        Refused: it is too short for one handover, or no time that a task can have (``bad_timeout``).
    """
    seconds = policy.timeout_seconds
    if not MINIMUM_SECONDS <= seconds <= MAXIMUM_SECONDS:  # not a number is not between them either
        raise Refused(
            "bad_timeout",
            f"a timeout of {seconds:g} s is not between {MINIMUM_SECONDS:g} and {MAXIMUM_SECONDS:g} s",
            remedy="Give a number of seconds between the two; 30 suits most",
        )
    return seconds


def _guarded(radio: Radio, policy: Policy, deadline: float) -> Dict[str, Any]:
    """Do the work under the radio's lock; return its result or its error as JSON types."""
    try:
        while True:
            try:
                with lock(radio.phy, 0.0):
                    # What was read before the lock was held may be old: another handover may just have ended.
                    radio = _select(radio.interface)
                    return {"result": _prepare_and_take(radio, policy, deadline, check_mode=False)}
            except TimedOut:
                # Somebody works on it: another task, or the watcher, which keeps the lock while the host stays at
                # its access point. Once the host owns the radio there is nothing left to ask for.
                radio = _select(radio.interface)
                if radio.owner == "host" and radio.switch is not None and not radio.switch.soft:
                    return {"result": {**_result(radio, changed=False, owner="host"), "warnings": []}}
                if time.monotonic() >= deadline - policy.attempt_seconds - _UNDO_SECONDS:
                    raise  # what is left is not enough for a request
            time.sleep(_BUSY_PAUSE)
    except FleetError as error:
        return {"error": error.as_dict(), "details": error.details}


def _select(interface: Optional[str]) -> Radio:
    with Nl80211() as nl:
        radios, unreadable = read_radios(nl)
    radio = select_radio(radios, interface)
    _must_be_readable(radio, unreadable)
    return radio


def select_radio(radios: Sequence[Radio], interface: Optional[str]) -> Radio:
    """Return the radio that is meant.

    Args:
        radios: all radios of the machine.
        interface: the interface's name, or None for the only radio that CSME can own.

    Raises:
        Refused: there is none (``no_radio``), or there are several (``several_radios``).
    """
    able = [radio for radio in radios if radio.can_request and radio.interface is not None]
    names = ", ".join(str(radio.interface) for radio in able)
    if interface is not None:
        chosen = next((radio for radio in able if radio.interface == interface), None)
        if chosen is None:
            known = any(radio.interface == interface for radio in radios)
            what = "is not a radio that CSME can own" if known else "does not exist or is not a station interface"
            remedy = f"CSME can own the radio of {names}" if able else _HARDWARE
            raise Refused("no_radio", f"{interface} {what}", remedy=remedy)
        return chosen
    if not able:
        raise Refused("no_radio", "this machine has no radio that CSME can own", remedy=_HARDWARE)
    if len(able) > 1:
        raise Refused("several_radios", f"CSME can own several radios: {names}", remedy="Name one as interface")
    return able[0]


_HARDWARE = "It takes a vPro radio under iwlwifi (iwlmvm) with the kernel module iwlmei"


def _must_be_readable(radio: Radio, unreadable: Sequence[Unreadable]) -> None:
    """Refuse to work on a radio whose CSME connection is not known: it might carry a session."""
    why = next((u.why for u in unreadable if u.what == f"radios.{radio.phy}.csme"), None)
    if why is not None:
        raise Refused(
            "csme_unreadable",
            f"CSME's connection on {radio.interface} can't be read: {why}",
            remedy="Without it a session can't be carried on; become root if the kernel denied access",
        )


def check_radio(radio: Radio) -> None:
    """Refuse to ask for a radio that could not be used or judged.

    Raises:
        Refused: ``kernel_too_old``, ``airplane_mode``, ``switch_off``, ``owner_unknown`` or ``csme_unreadable``.
    """
    switch = radio.switch
    if switch is None or switch.reasons is None:
        raise Refused(
            "kernel_too_old",
            f"the kernel gives no reason for a block of {radio.interface}",
            remedy="Linux 5.17 or later is needed to know that CSME owns a radio",
        )
    if switch.soft:
        raise _refusal(Outcome.AIRPLANE_MODE, radio)
    if switch.off:
        raise _refusal(Outcome.SWITCH_OFF, radio)
    if radio.owner == "unknown":
        raise Refused(
            "owner_unknown",
            f"{radio.interface} is down, and on this kernel CSME may own its radio without a block",
            remedy="Start wpa_supplicant for it: the driver asks CSME when the interface is brought up",
        )
    if radio.owner == "csme" and not radio.can_tell:
        raise Refused(
            "csme_unreadable",
            f"the driver of {radio.interface} can ask for the radio but can't tell what CSME does with it",
            remedy="Without that a session can't be carried on; use a driver with both vendor commands",
        )


def _prepare_and_take(radio: Radio, policy: Policy, deadline: float, *, check_mode: bool) -> Dict[str, Any]:
    supplicant, absent = _supplicant(radio)
    warnings: List[str] = []
    undone = _is_left(radio, supplicant) if check_mode else _undo(radio)
    if undone and not check_mode:
        warnings.append(f"a pin that an earlier handover left on {radio.interface} was undone")
    blocked = radio.switch is not None and (radio.switch.soft or radio.switch.hard)
    if blocked or radio.owner != "host":
        check_radio(radio)
    if radio.owner == "host":
        return {**_result(radio, changed=undone, owner="host", pin_left=undone), "warnings": warnings}
    profile, obstacle = _profile(radio, supplicant)
    if radio.csme is not None and profile is None and policy.require_credentials:
        raise _no_credentials(radio, absent, obstacle)
    if check_mode:
        return _result(radio, changed=True, owner="csme", profile=profile, pin_left=undone)
    # All that came before was part of the time allowed.
    policy = replace(policy, timeout_seconds=deadline - time.monotonic() - _UNDO_SECONDS)
    report = Handover(radio, profile, supplicant, policy).run()
    warnings.extend(report.warnings)
    if report.outcome not in SUCCESSES:
        failure = _refusal(report.outcome, radio, NAMES[supplicant.manager] if supplicant else None)
        failure.details = {
            **_told(report),
            "csme": connection.connection_facts(radio.csme),
            "owner": report.owner,
            "changed": report.owner == "host",
            "warnings": warnings,
        }
        raise failure
    done = _result(radio, changed=True, owner="host", profile=profile, pin_left=undone)
    return {**done, **_told(report), "warnings": warnings}


def _is_left(radio: Radio, supplicant: Optional[Backend]) -> bool:
    """Say whether the pin of an earlier handover still stands, so that it would be undone."""
    entry = read_journal(radio.phy)
    if entry is None or supplicant is None:
        return False
    pin = Pin.from_dict(entry.get("pin"))
    return pin.manager == supplicant.manager and supplicant.stands(pin)


def _undo(radio: Radio) -> bool:
    """Undo the pin that the journal of a radio tells of. Say whether there was one.

    Raises:
        FleetError: the supplicant is there, and refuses or does not answer. The journal stays.
    """
    try:
        supplicant: Optional[Backend] = backend_of(radio.interface or "", radio.ifindex)
    except NotFound:
        supplicant = None
    return undo_journal(radio.phy, supplicant)


def _supplicant(radio: Radio) -> Tuple[Optional[Backend], str]:
    """Return who runs a radio, or None and why there is nobody to go through."""
    try:
        supplicant = backend_of(radio.interface or "", radio.ifindex)
        supplicant.status()
        return supplicant, ""
    except (NotFound, AccessDenied, TimedOut, TransportFailed, LibraryMissing, SupplicantRefused) as error:
        return None, str(error)


def _profile(radio: Radio, supplicant: Optional[Backend]) -> Tuple[Optional[Profile], Optional[Obstacle]]:
    """Return the profile that can carry CSME's connection on, or None and what keeps the nearest from it."""
    if supplicant is None or radio.csme is None:
        return None, None
    profiles = supplicant.profiles(radio.csme.ssid)
    profile = find_profile(profiles, radio.csme)
    return profile, None if profile else find_obstacle(profiles, radio.csme)


def _no_credentials(radio: Radio, absent: str, obstacle: Optional[Obstacle]) -> Refused:
    network = connection.connection_facts(radio.csme) or {}
    what = (
        f"CSME's session on {radio.interface} runs over the network {network['ssid']!r} ({network['auth']}), "
        "and the host could not carry it on: "
    )
    remedy = "Add a profile for that network"
    if obstacle is not None:
        what += f"its profile {obstacle.what}"
        remedy = obstacle.remedy
    else:
        what += absent or "no enabled profile of the supplicant fits"
    failure = Refused(
        Outcome.NO_CREDENTIALS.value, what, remedy=f"{remedy}, or set require_credentials: false to end the session"
    )
    failure.details = {"csme": network, "owner": "csme"}
    return failure


def _refusal(outcome: Outcome, radio: Radio, who: Optional[str] = None) -> Refused:
    words = BOOK[outcome]
    return Refused(outcome.value, f"{words.of(who)} ({radio.interface})", remedy=words.remedy)


def _told(report: Report) -> Dict[str, Any]:
    connected = report.request_to_connected_ms
    address = report.request_to_address_ms
    return {
        "outcome": report.outcome.value,
        "steps": [asdict(step) for step in report.steps],
        "requests": report.requests,
        "elapsed_ms": max((step.at_ms for step in report.steps), default=0),
        "request_to_connected_ms": connected,
        "request_to_address_ms": address,
    }


def _result(
    radio: Radio, *, changed: bool, owner: str, profile: Optional[Profile] = None, pin_left: bool = False
) -> Dict[str, Any]:
    """Return what every success reports."""
    before, after = {"owner": radio.owner}, {"owner": "host"}
    if pin_left:
        before["pin"], after["pin"] = "left by an earlier handover", "none"
    return {
        "changed": changed,
        "interface": radio.interface,
        "phy": radio.phy,
        "owner": owner,
        "csme": connection.connection_facts(radio.csme),
        "profile_id": None if profile is None else profile.id,
        "diff": {"before": before, "after": after},
    }
