# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run gates one after the other, each a target of the Makefile, and end with a table of their results.

A failing gate does not keep the next from running. The exit status is 0 only when every gate passed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass

WIDTH = 80


@dataclass(frozen=True)
class Outcome:
    """How one gate ended."""

    gate: str
    #: Exit status of make; ``None`` when the gate did not come to its end.
    status: int | None
    seconds: float

    @property
    def result(self) -> str:
        """The outcome in a word."""
        if self.status is None:
            return "not done"
        return "passed" if self.status == 0 else "FAILED"


def run_gate(gate: str, position: str) -> Outcome:
    """Run one gate with its output shown as it comes."""
    print(f"\n{f' {gate} ({position}) ':=^{WIDTH}}", flush=True)
    # Without the flags of the make that started this: a gate is the same however the run was begun.
    env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    began = time.monotonic()
    make = os.environ.get("MAKE", "make")
    status = subprocess.run([make, "--no-print-directory", "--keep-going", gate], env=env, check=False).returncode
    return Outcome(gate, status, time.monotonic() - began)


def table(outcomes: list[Outcome]) -> str:
    """Return the closing table."""
    width = max(len(outcome.gate) for outcome in outcomes)
    lines = [f"{' summary ':=^{WIDTH}}"]
    lines += [f"{outcome.gate:<{width}}  {outcome.result:<9}{outcome.seconds:8.1f} s" for outcome in outcomes]
    passed = sum(outcome.status == 0 for outcome in outcomes)
    seconds = sum(outcome.seconds for outcome in outcomes)
    lines.append(f"{passed} of {len(outcomes)} gates passed in {seconds:.0f} s")
    return "\n".join(lines)


def main(gates: list[str]) -> int:
    """Run *gates* and return the exit status."""
    if not gates:
        print("usage: gates.py GATE...", file=sys.stderr)
        return 2
    outcomes: list[Outcome] = []
    try:
        for number, gate in enumerate(gates, start=1):
            outcomes.append(run_gate(gate, f"{number} of {len(gates)}"))
    except KeyboardInterrupt:
        outcomes += [Outcome(gate, None, 0.0) for gate in gates[len(outcomes) :]]
    print(f"\n{table(outcomes)}", flush=True)
    return 0 if all(outcome.status == 0 for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
