# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Setting airplane mode, which is the soft block of the radios."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .._radio import sysfs
from .._radio.rfkill import set_soft, set_soft_all, switches
from .._radio.switched_off import soft_blocked
from .._radio.values import NOT_OWNER, SIGNAL, WLAN, Switch
from .._system.errors import Refused

#: The reasons of a hard block, in words for people.
_REASONS = {
    SIGNAL: "its hardware switch is off",
    NOT_OWNER: "CSME owns it",
}
#: Seconds for which a radio may stay off after a switch of the platform was lifted, and between two looks at it. The
#: firmware lets go of the radio's pin, and the radio's driver hears of that by an interrupt. No published bound is
#: known for the firmware's part.
_PIN_SECONDS = 3.0
_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class AirplaneRequest:
    """A task's request.

    Attributes:
        enabled: whether airplane mode shall be on.
        interface: the interface whose radio is set. When it is None, all radios of ``types`` are set.
        bluetooth: whether to set Bluetooth radios as well.
    """

    enabled: bool
    interface: Optional[str] = None
    bluetooth: bool = False

    @property
    def types(self) -> Tuple[str, ...]:
        """The types of the switches to set when no interface is named."""
        return (WLAN, "bluetooth") if self.bluetooth else (WLAN,)


def ensure(request: AirplaneRequest, check_mode: bool) -> Dict[str, Any]:
    """Bring the soft blocks to the requested state, and return the module's result.

    Args:
        request: the task's request.
        check_mode: find out what would change, and change nothing.

    Raises:
        Refused: there is no such radio (``no_radio``), *request* contradicts itself (``bad_options``), or a switch did
            not change (``not_followed``).
        FleetError: rfkill could not be read or written.
    """
    if request.interface is not None and request.bluetooth:
        raise Refused(
            "bad_options",
            f"the task names the interface {request.interface}, which selects only its radio, and also Bluetooth",
            remedy="Use two tasks: one with interface, and one with bluetooth",
        )
    known = switches()
    before = _meant(request, known)
    wrong = [switch for switch in before if switch.soft != request.enabled]
    if wrong and not check_mode:
        if request.interface is None:
            for kind in sorted({switch.type for switch in wrong}):
                set_soft_all(kind, request.enabled)
        else:
            for switch in wrong:
                set_soft(switch.index, request.enabled)
    lifted = () if request.enabled else tuple(switch for switch in wrong if switch.of_platform)
    if check_mode:
        after = tuple(replace(switch, soft=request.enabled) for switch in before)
    else:
        known, after = _settled(request, lifted)
    stayed = [] if check_mode else [switch.name for switch in after if switch.soft != request.enabled]
    if stayed:
        state = "on" if request.enabled else "off"
        raise Refused(
            "not_followed",
            f"airplane mode is not {state} for {', '.join(stayed)}, although the kernel accepted the change",
            remedy="Look for another program that sets it (a desktop, or a program for a key), and try again",
        )
    result = _result(request, before, after, bool(wrong))
    if not request.enabled:
        # In check mode, a block that may go together with the platform's switch is not known to stay.
        named = [switch for switch in after if not (check_mode and lifted and _may_go(switch))]
        result["warnings"] = _standing(named, _others(known, after), lifted)
    return result


def _settled(request: AirplaneRequest, lifted: Sequence[Switch]) -> Tuple[Tuple[Switch, ...], Tuple[Switch, ...]]:
    """Return all switches and those that are meant, when the radios have followed the platform's switches.

    Args:
        request: the task's request.
        lifted: the switches of the platform whose soft block was just lifted.
    """
    end = time.monotonic() + _PIN_SECONDS
    while True:
        known = switches()
        after = _meant(request, known)
        if not lifted or not any(_may_go(switch) for switch in after) or time.monotonic() >= end:
            return known, after
        time.sleep(_LOOK_SECONDS)


def _may_go(switch: Switch) -> bool:
    """Say whether the hard block of a radio may be the work of a switch of the platform."""
    return switch.by_pin and not switch.of_platform


def _others(known: Sequence[Switch], meant: Sequence[Switch]) -> Tuple[Switch, ...]:
    """Return the platform's switches that the task leaves alone, because it names an interface."""
    mine = {switch.index for switch in meant}
    return tuple(switch for switch in known if switch.of_platform and switch.index not in mine)


def _meant(request: AirplaneRequest, known: Sequence[Switch]) -> Tuple[Switch, ...]:
    if request.interface is None:
        found = tuple(switch for switch in known if switch.type in request.types)
        if not found:
            raise Refused(
                "no_radio",
                f"this machine has no switch of type {' or '.join(request.types)}",
                remedy="Load the radio's driver, or run this only on machines that have one",
            )
        return found
    phy = sysfs.phy_of(request.interface)
    found = tuple(switch for switch in known if phy is not None and switch.phy == phy)
    if not found:
        raise Refused("no_radio", f"{request.interface} is not an interface of a radio with a switch", remedy=_NAME_ONE)
    return found


_NAME_ONE = "Name a WLAN interface, or leave interface out to set all radios"


def _result(
    request: AirplaneRequest, before: Sequence[Switch], after: Sequence[Switch], changed: bool
) -> Dict[str, Any]:
    return {
        "changed": changed,
        "enabled": request.enabled,
        "switches": [_facts(switch) for switch in after],
        "diff": {
            "before": {switch.name: {"soft": switch.soft} for switch in before},
            "after": {switch.name: {"soft": request.enabled} for switch in before},
        },
        "warnings": [],
    }


def _facts(switch: Switch) -> Dict[str, Any]:
    return {
        "index": switch.index,
        "name": switch.name,
        "type": switch.type,
        "phy": switch.phy,
        "soft": switch.soft,
        "hard": switch.hard,
        "reasons": None if switch.reasons is None else sorted(switch.reasons),
    }


def _standing(after: Sequence[Switch], others: Sequence[Switch], lifted: Sequence[Switch]) -> List[str]:
    """Return a warning for each hard block: it stays although the soft block is gone.

    Args:
        after: the switches whose soft block is gone.
        others: the switches of the platform that the task leaves alone.
        lifted: the switches of the platform whose soft block this task lifted.
    """
    told = []
    for switch in after:
        if not switch.hard:
            continue
        reasons = sorted(switch.reasons or ())
        gone, cause, remedy = "airplane mode is off", {**_REASONS}, ""
        if _may_go(switch) and soft_blocked(others):
            cause[SIGNAL] = f"{soft_blocked(others)}, a switch of the laptop's platform, is soft-blocked"
            reasons = reasons or [SIGNAL]
            remedy = ". Lift that block: run the task without interface, or rfkill unblock wlan"
        elif _may_go(switch) and lifted:
            names = " and ".join(each.name for each in lifted)
            gone = f"airplane mode is off and the soft block of {names}, a switch of the laptop's platform, was lifted"
            remedy = ". Turn its switch or key on" if SIGNAL in reasons else ""
        why = " and ".join(cause.get(reason, reason) for reason in reasons) or "the kernel gives no reason"
        told.append(f"{switch.name} stays blocked, although {gone}: {why}{remedy}")
    return told
