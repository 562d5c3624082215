# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Setting airplane mode, which is the soft block of the radios."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .._radio import sysfs
from .._radio.rfkill import set_soft, set_soft_all, switches
from .._radio.values import Switch
from .._system.errors import Refused

#: The reasons of a hard block, in words for people.
_REASONS = {
    "signal": "its hardware switch is off",
    "not_owner": "CSME owns it",
}


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
        return ("wlan", "bluetooth") if self.bluetooth else ("wlan",)


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
    before = _meant(request, switches())
    wrong = [switch for switch in before if switch.soft != request.enabled]
    if wrong and not check_mode:
        if request.interface is None:
            for kind in sorted({switch.type for switch in wrong}):
                set_soft_all(kind, request.enabled)
        else:
            for switch in wrong:
                set_soft(switch.index, request.enabled)
    after = before if check_mode else _meant(request, switches())
    stayed = [] if check_mode else [switch.name for switch in after if switch.soft != request.enabled]
    if stayed:
        state = "on" if request.enabled else "off"
        raise Refused(
            "not_followed",
            f"airplane mode is not {state} for {', '.join(stayed)}, although the kernel accepted the change",
            remedy="Look for another program that sets it (a desktop, or a program for a key), and try again",
        )
    return _result(request, before, after, bool(wrong), check_mode)


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
    request: AirplaneRequest, before: Sequence[Switch], after: Sequence[Switch], changed: bool, check_mode: bool
) -> Dict[str, Any]:
    return {
        "changed": changed,
        "enabled": request.enabled,
        "switches": [_facts(switch, request.enabled if check_mode else switch.soft) for switch in after],
        "diff": {
            "before": {switch.name: {"soft": switch.soft} for switch in before},
            "after": {switch.name: {"soft": request.enabled} for switch in before},
        },
        "warnings": [] if request.enabled else _standing(after),
    }


def _facts(switch: Switch, soft: bool) -> Dict[str, Any]:
    return {
        "index": switch.index,
        "name": switch.name,
        "type": switch.type,
        "phy": switch.phy,
        "soft": soft,
        "hard": switch.hard,
        "reasons": None if switch.reasons is None else sorted(switch.reasons),
    }


def _standing(after: Sequence[Switch]) -> List[str]:
    """Return a warning for each hard block: it stays although the soft block is gone."""
    told = []
    for switch in after:
        if switch.hard:
            reasons = sorted(switch.reasons or ())
            why = " and ".join(_REASONS.get(reason, reason) for reason in reasons) or "the kernel gives no reason"
            told.append(f"{switch.name} stays blocked, although airplane mode is off: {why}")
    return told
