# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking a radio for the host: the checks before a handover, and the handover."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .._handover.policy import OWNER_UNKNOWN, SUCCESSES, Outcome, Policy
from .._handover.run import Handover
from .._handover.trace import Report
from .._handover.undo import undo_journal
from .._handover.words import network_name, nobody_joins, why_not_carried_on, words_of
from .._managers.who import backend_of
from .._network.backend import NAMES, Backend
from .._network.limits import Obstacle
from .._network.pin import Pin
from .._network.profile import Profile, find_profile_or_obstacle
from .._radio import connection
from .._radio.nl80211 import Nl80211
from .._radio.radio import Unreadable, read_radios
from .._radio.rfkill import platform_switches
from .._radio.switched_off import INTERFACE_DOWN, NO_REASON
from .._radio.values import NEEDED_RADIO, Radio
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

#: The shortest timeout of a task, in seconds. It is long enough for one request with all its consequences. It has the
#: same time again for reading the machine, and for undoing the pin when the supplicant answers slowly.
MINIMUM_SECONDS = 2 * Policy().attempt_seconds
#: The longest timeout of a task, in seconds: a day. A longer one is a mistake, and the system's timers do not accept
#: much longer ones.
MAXIMUM_SECONDS = 86400.0
#: Seconds of the timeout that are reserved for undoing the pin at the end. A supplicant's slowest answer takes so long.
_UNDO_SECONDS = 2.0
#: Seconds to wait for the report after the work had to end.
_REPORT_SECONDS = 2.0
#: Seconds between two looks at a radio while another handover works on it.
_BUSY_PAUSE = 0.2


@dataclass(frozen=True)
class OwnershipRequest:
    """A task's request.

    Attributes:
        interface: the interface whose radio the host shall own. None selects the only radio that CSME can own.
        policy: how to make the handover.
    """

    interface: Optional[str]
    policy: Policy


def ensure_host_owns(request: OwnershipRequest, check_mode: bool) -> Dict[str, Any]:
    """Make the host own a radio, and return the module's result.

    Args:
        request: the task's request.
        check_mode: find out what would happen, and change nothing.

    Raises:
        Refused: something prevents a handover, or the handover failed. The reason is a stable code.
        FleetError: a transport failed.
    """
    deadline = time.monotonic() + _check_timeout(request.policy)
    radio = _select(request.interface)
    if check_mode:
        return _prepare_and_take(radio, request.policy, deadline, check_mode=True)
    # All work on the radio runs detached, so that it goes on when the connection to the controller breaks.
    try:
        patience = max(0.0, deadline - time.monotonic()) + _REPORT_SECONDS
        answer = run_detached(lambda: _guarded(radio, request.policy, deadline), patience)
    except TransportFailed:
        # The process was killed, which released its lock. This process undoes the pin that it may have left.
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
    """Return the timeout in seconds.

    Raises:
        Refused: the timeout is too short for one handover, too long, or not a number (``bad_timeout``).
    """
    seconds = policy.timeout_seconds
    if not MINIMUM_SECONDS <= seconds <= MAXIMUM_SECONDS:  # this refuses NaN as well
        raise Refused(
            "bad_timeout",
            f"a timeout of {seconds:g} s is not between {MINIMUM_SECONDS:g} and {MAXIMUM_SECONDS:g} s",
            remedy="Set timeout to a number of seconds between these. In most cases, 30 is right",
        )
    return seconds


def _guarded(radio: Radio, policy: Policy, deadline: float) -> Dict[str, Any]:
    """Do the work under the radio's lock. Return the result or the error as JSON types."""
    try:
        while True:
            try:
                with lock(radio.phy, 0.0):
                    # Another handover may have ended since the radio was read, so it is read again under the lock.
                    radio = _select(radio.interface)
                    return {"result": _prepare_and_take(radio, policy, deadline, check_mode=False)}
            except TimedOut:
                # Another task works on the radio, or the watcher, which holds the lock during a stay as well. If the
                # host owns the radio by now, there is nothing left to do.
                radio = _select(radio.interface)
                if radio.owner == "host" and radio.switch is not None and not radio.switch.soft:
                    return {"result": {**_result(radio, changed=False, owner="host"), "warnings": []}}
                if time.monotonic() >= deadline - policy.attempt_seconds - _UNDO_SECONDS:
                    raise  # the time that is left is too short for a request
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
    """Return the radio that a task is about.

    Args:
        radios: all radios of the machine.
        interface: the interface's name, or None for the only radio that CSME can own.

    Raises:
        Refused: there is no such radio (``no_radio``), or there are several (``several_radios``).
    """
    able = [radio for radio in radios if radio.can_request and radio.interface is not None]
    names = ", ".join(str(radio.interface) for radio in able)
    if interface is not None:
        chosen = next((radio for radio in able if radio.interface == interface), None)
        if chosen is None:
            known = any(radio.interface == interface for radio in radios)
            what = "is not a radio that CSME can own" if known else "does not exist or is not a station interface"
            remedy = f"CSME can own the radio of {names}" if able else NEEDED_RADIO
            raise Refused("no_radio", f"{interface} {what}", remedy=remedy)
        return chosen
    if not able:
        raise Refused("no_radio", "this machine has no radio that CSME can own", remedy=NEEDED_RADIO)
    if len(able) > 1:
        raise Refused("several_radios", f"CSME can own several radios: {names}", remedy="Name one as interface")
    return able[0]


def _must_be_readable(radio: Radio, unreadable: Sequence[Unreadable]) -> None:
    """Refuse to work on a radio whose CSME connection can't be read, because it might carry a session."""
    why = next((u.why for u in unreadable if u.what == f"radios.{radio.phy}.csme"), None)
    if why is not None:
        raise _unreadable(radio, why)


def _unreadable(radio: Radio, why: str) -> Refused:
    what, remedy = f"CSME's connection on {radio.interface} can't be read: {why}", ""
    if radio.part is not None:
        what = f"a part of CSME's connection on {radio.interface} can't be read: {why}"
        remedy = (
            ". Please report this. To take the radio all the same and end the session, set require_credentials: false"
        )
    failure = Refused(
        Outcome.CSME_UNREADABLE.value, what, remedy=f"Without it, the host can't carry a session on{remedy}"
    )
    failure.details = {"csme": connection.connection_facts(radio.reported), "owner": radio.owner}
    return failure


def check_radio(radio: Radio) -> None:
    """Refuse to ask for a radio that the host could not use, or whose state can't be told.

    Raises:
        Refused: ``kernel_too_old``, ``airplane_mode``, ``switch_off``, ``owner_unknown`` or ``csme_unreadable``.
    """
    switch = radio.switch
    if switch is None or switch.reasons is None:
        raise Refused("kernel_too_old", f"{radio.interface}: {NO_REASON.what}", remedy=NO_REASON.remedy)
    if switch.soft:
        raise _refusal(Outcome.AIRPLANE_MODE, radio)
    if switch.off:
        raise _refusal(Outcome.SWITCH_OFF, radio)
    if radio.owner == "unknown":
        raise Refused(OWNER_UNKNOWN, f"{radio.interface}: {INTERFACE_DOWN.what}", remedy=INTERFACE_DOWN.remedy)
    if radio.owner == "csme" and not radio.can_tell:
        raise Refused(
            "csme_unreadable",
            f"the driver of {radio.interface} can ask for the radio, but can't tell what CSME does with it",
            remedy="Without that, the host can't carry a session on. Use a driver with both vendor commands",
        )


def _prepare_and_take(radio: Radio, policy: Policy, deadline: float, *, check_mode: bool) -> Dict[str, Any]:
    backend, absent = _backend(radio)
    warnings: List[str] = []
    undone = _is_left(radio, backend) if check_mode else _undo(radio)
    if undone and not check_mode:
        warnings.append(f"a pin that an earlier handover left on {radio.interface} was undone")
    blocked = radio.switch is not None and (radio.switch.soft or radio.switch.hard)
    if blocked or radio.owner != "host":
        check_radio(radio)
    if radio.owner == "host":
        return {**_result(radio, changed=undone, owner="host", pin_left=undone), "warnings": warnings}
    if radio.part is not None and policy.require_credentials:
        raise _unreadable(radio, radio.part.why)
    profile, obstacle = _profile(radio, backend)
    if radio.csme is not None and profile is None and policy.require_credentials:
        raise _no_credentials(radio, absent, obstacle)
    if check_mode:
        return _result(radio, changed=True, owner="csme", profile=profile, pin_left=undone)
    # The handover gets what is left of the timeout.
    policy = replace(policy, timeout_seconds=deadline - time.monotonic() - _UNDO_SECONDS)
    report = Handover(radio, profile, backend, policy).run()
    warnings.extend(report.warnings)
    if report.outcome not in SUCCESSES:
        # A switch of the platform may have been blocked meanwhile.
        now = replace(radio, switch=None, platform=platform_switches())
        owner = _owner_now(radio, report)
        if owner == "unknown":
            warnings.append(f"{radio.interface}: {INTERFACE_DOWN.what}. {INTERFACE_DOWN.remedy}")
        failure = _refusal(report.outcome, now, NAMES[backend.manager] if backend else None)
        failure.details = {
            **_told(report),
            "csme": connection.connection_facts(radio.reported),
            "owner": owner,
            "changed": owner != "csme",
            "warnings": warnings,
        }
        raise failure
    done = _result(radio, changed=True, owner="host", profile=profile, pin_left=undone)
    return {**done, **_told(report), "warnings": warnings}


def _owner_now(radio: Radio, report: Report) -> str:
    """Return who owns a radio after a handover that failed: ``host``, ``csme`` or ``unknown``.

    CSME takes back a radio whose interface is down without a block. So a grant that came last does not show the owner.
    """
    if report.owner == "host":
        with suppress(FleetError):
            return _select(radio.interface).owner
    return report.owner


def _is_left(radio: Radio, backend: Optional[Backend]) -> bool:
    """Say whether a pin of an earlier handover is still set, so that it would be undone."""
    entry = read_journal(radio.phy)
    if entry is None or backend is None:
        return False
    pin = Pin.from_dict(entry.get("pin"))
    return pin.manager == backend.manager and backend.stands(pin)


def _undo(radio: Radio) -> bool:
    """Undo the pin that the journal of a radio records. Say whether there was one.

    Raises:
        FleetError: the supplicant runs, but refuses or does not answer. The journal stays.
    """
    try:
        backend: Optional[Backend] = backend_of(radio.interface or "", radio.ifindex)
    except NotFound:
        backend = None
    return undo_journal(radio.phy, backend)


def _backend(radio: Radio) -> Tuple[Optional[Backend], Optional[FleetError]]:
    """Return the manager of a radio's interface, or None and the error that says why there is none to be used."""
    try:
        backend = backend_of(radio.interface or "", radio.ifindex)
        backend.status()
        return backend, None
    except (NotFound, AccessDenied, TimedOut, TransportFailed, LibraryMissing, SupplicantRefused) as error:
        return None, error


def _profile(radio: Radio, backend: Optional[Backend]) -> Tuple[Optional[Profile], Optional[Obstacle]]:
    """Return the profile that can carry CSME's connection on, or None and why the best profile can't."""
    if backend is None or radio.csme is None:
        return None, None
    return find_profile_or_obstacle(backend.profiles(radio.csme.ssid), radio.csme)


def _no_credentials(radio: Radio, absent: Optional[FleetError], obstacle: Optional[Obstacle]) -> Refused:
    network = connection.connection_facts(radio.reported) or {}
    why, remedy = why_not_carried_on(network_name(radio.csme), obstacle)
    if absent is not None:
        why = f"{nobody_joins(network_name(radio.csme))}: {absent.what}"
        remedy = absent.remedy or "Let one of them run the interface"
    failure = Refused(
        Outcome.NO_CREDENTIALS.value,
        f"the host could not carry CSME's session on {radio.interface} on: {why}",
        remedy=f"{remedy}, or set require_credentials: false to end the session",
    )
    failure.details = {"csme": network, "owner": "csme"}
    return failure


def _refusal(outcome: Outcome, radio: Radio, who: Optional[str] = None) -> Refused:
    words = words_of(outcome, radio.switch, lambda: radio.platform)
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
    """Return the values that every success has in its result."""
    before, after = {"owner": radio.owner}, {"owner": "host"}
    if pin_left:
        before["pin"], after["pin"] = "left by an earlier handover", "none"
    return {
        "changed": changed,
        "interface": radio.interface,
        "phy": radio.phy,
        "owner": owner,
        "csme": connection.connection_facts(radio.reported),
        "profile_id": None if profile is None else profile.id,
        "diff": {"before": before, "after": after},
    }
