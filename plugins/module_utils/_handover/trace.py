# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happened when in a handover: its steps, and its report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Optional, Tuple

from .._network.events import Connected, Disconnected, ManagerGone, ScanStarted, SupplicantGone
from .messages import AddressArrived, BlockBack, BlockGone, InterfaceGone, Pinned, SoftBlocked, SwitchedOff
from .policy import Outcome


@dataclass(frozen=True)
class Step:
    """One thing that was done or seen: its name, and when, in ms after the first ownership request."""

    name: str
    at_ms: int


@dataclass(frozen=True)
class Report:
    """How a handover went. Times in ms after the first ownership request; None for what did not happen."""

    outcome: Outcome
    steps: Tuple[Step, ...]
    requests: int
    request_to_connected_ms: Optional[int]
    request_to_address_ms: Optional[int]
    warnings: Tuple[str, ...]
    #: Who owns the radio at the end: ``host`` or ``csme``.
    owner: str = "host"


#: What a report calls the events that it tells.
STEP_NAMES: Dict[type, str] = {
    Pinned: "pinned",
    BlockGone: "granted",
    BlockBack: "taken_back",
    ScanStarted: "scan",
    Connected: "connected",
    Disconnected: "disconnected",
    AddressArrived: "address",
    SoftBlocked: "airplane_mode",
    SwitchedOff: "switch_off",
    SupplicantGone: "supplicant_gone",
    ManagerGone: "manager_gone",
    InterfaceGone: "interface_gone",
}
