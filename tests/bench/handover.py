# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures the handover: with the collection, and as stock Linux does it, in the same run on the same laptop.

``make bench`` writes the figures to ``build/bench/handover-SUITE-MANAGER-1ns.json`` and prints them. Nothing here fails
for being slow: a figure is a figure. Each handover starts from a full reset of the laptop's air and a new session.
"""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

from vpro_lab.figures import machine, spread, write_report
from vpro_lab.handover import hand_over
from vpro_lab.laptop import Laptop
from vpro_lab.measuring import parser, report_of, run, running
from vpro_lab.paths import BUILD
from vpro_lab.progress import Progress
from vpro_lab.security import SECURITY

REPORT = BUILD / "bench" / "handover"
#: Logs and captures of the laptop after a session that the collection lost.
LOST = BUILD / "bench" / "lost"


def measure(laptop: Laptop, pin: bool, count: int, security: str, progress: Progress) -> List[Dict[str, Any]]:
    """Return the reports of *count* handovers, without their echoes."""
    reports = []
    for number in range(1, count + 1):
        name = "with the collection" if pin else "as stock Linux"
        with progress.step(f"handover {number} of {count} {name}, {security}"):
            report = hand_over(laptop, pin=pin, security=security).report()
        del report["echoes"]
        reports.append(report)
        connected = report["timeline_ms"].get("connected")
        progress.say(f"  session {report['session']}, silence {report['largest_silence_ms']} ms, connected {connected}")
        if pin and report["session"] != "kept":
            kept = LOST / str(number)
            laptop.keep_artifacts(kept)
            progress.say(f"  what explains it: {kept.relative_to(BUILD.parent)}")
    return reports


def summary(reports: Sequence[Dict[str, Any]]) -> Dict[str, Any]:
    """Return the figures of a series: how many sessions were kept; median, smallest and largest of each time (ms)."""
    return {
        "handovers": len(reports),
        "sessions_kept": sum(report["session"] == "kept" for report in reports),
        "request_to_connected_ms": spread([r["timeline_ms"].get("connected") for r in reports]),
        "request_to_address_ms": spread([r["timeline_ms"].get("address") for r in reports]),
        "largest_silence_ms": spread([r["largest_silence_ms"] for r in reports]),
    }


def show(title: str, figures: Dict[str, Any]) -> None:
    """Print one series."""
    print(f"{title}: session kept in {figures['sessions_kept']} of {figures['handovers']}")
    for name in ("request_to_connected_ms", "request_to_address_ms", "largest_silence_ms"):
        spread = figures[name]
        if spread["count"]:
            print(f"  {name:<26} median {spread['median']:.0f}   {spread['min']:.0f} .. {spread['max']:.0f}")


def main() -> int:
    """Measure and report; return the exit status."""
    options_of = parser(__doc__)
    options_of.add_argument("--handovers", type=int, default=20, help="with the collection (default: %(default)s)")
    options_of.add_argument("--stock", type=int, default=5, help="as stock Linux does it (default: %(default)s)")
    options_of.add_argument("--security", choices=sorted(SECURITY), default="wpa2-psk")
    options = options_of.parse_args()
    progress = Progress()
    with running(options, progress) as laptop:
        pinned = measure(laptop, True, options.handovers, options.security, progress)
        stock = measure(laptop, False, options.stock, options.security, progress)
    result = {
        "machine": machine(options.shift),
        "suite": options.suite,
        "manager": options.manager,
        "security": options.security,
        "collection": summary(pinned),
        "stock": summary(stock),
        "runs": {"collection": pinned, "stock": stock},
    }
    report = report_of(REPORT, options)
    write_report(report, result)
    show("with the collection", result["collection"])
    show("as stock Linux does it", result["stock"])
    print(f"figures: {report.relative_to(BUILD.parent)}")
    return 0


if __name__ == "__main__":
    run(main, "bench")
