# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happened when in a handover, joined from the stand-in's log and the recorder, relative to the request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from .csme import LogLine

#: The steps of a connection, in order, by what the supplicant says when it takes them (wpa_supplicant's messages).
_SUPPLICANT_STEPS = (
    ("scan", "CTRL-EVENT-SCAN-STARTED"),
    ("scan results", "CTRL-EVENT-SCAN-RESULTS"),
    ("authenticating", "Trying to authenticate with"),
    ("authenticated", "Trying to associate with"),
    ("associated", "Associated with"),
    ("keys", "WPA: Key negotiation completed"),
    ("connected", "CTRL-EVENT-CONNECTED"),
)
#: What the stand-in's log adds to the story.
_STANDIN_STEPS = {"unblock": "granted", "takeback": "taken back"}


@dataclass(frozen=True)
class Step:
    """One step: its name, and when it came, in ms after the first ownership request."""

    name: str
    at_ms: float


@dataclass(frozen=True)
class Timeline:
    """A handover's steps in the order in which they came. ``request`` is CLOCK_MONOTONIC of the request in s."""

    request: float
    steps: Tuple[Step, ...]

    def first(self, name: str) -> Optional[float]:
        """Return when the first step of that name came, in ms; None when it never did."""
        return next((step.at_ms for step in self.steps if step.name == name), None)

    def firsts(self) -> Dict[str, float]:
        """Return the first of each step, in order."""
        found: Dict[str, float] = {}
        for step in self.steps:
            found.setdefault(step.name, step.at_ms)
        return found


def timeline(log: Sequence[LogLine], recorded: Iterable[Mapping[str, object]]) -> Timeline:
    """Join what the stand-in and the recorder saw.

    Args:
        log: the stand-in's log; it must hold a request.
        recorded: the recorder's records.

    Raises:
        ValueError: nobody asked for ownership.
    """
    request = next((line.t for line in log if line.event == "request"), None)
    if request is None:
        raise ValueError("nobody asked for ownership")
    steps: List[Step] = [
        Step(_STANDIN_STEPS[line.event], (line.t - request) * 1000)
        for line in log
        if line.event in _STANDIN_STEPS and line.t >= request
    ]
    for record in recorded:
        name = _name(str(record["source"]), str(record["text"]))
        at = float(str(record["t"]))
        if name is not None and at >= request:
            steps.append(Step(name, (at - request) * 1000))
    return Timeline(request, tuple(sorted(steps, key=lambda step: step.at_ms)))


def _name(source: str, text: str) -> Optional[str]:
    if source == "supplicant":
        return next((name for name, mark in _SUPPLICANT_STEPS if mark in text), None)
    if source == "kernel" and " inet " in text and not text.startswith("Deleted"):
        return "address"
    return None
