# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures the handover: with the collection, and as stock Linux does it, in the same run on equal laptops.

``make bench`` writes the figures to ``build/bench/handover-SUITE-MANAGER-1ns-SECURITY-LEAVE.json`` and prints them.
After ``LEAVE`` the name has what was not as usual: ``-watcher``, ``-dhcpcd``, ``-beside4`` (four busy loops beside it).
Nothing here fails for being slow: a figure is a figure. Each handover has a laptop of its own with a new session, and
as many are at work at a time as there are processors.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence

from vpro_lab.air.security import SECURITY
from vpro_lab.figures import machine, spread, write_report
from vpro_lab.laptop.artifacts import keep_artifacts
from vpro_lab.laptop.control import Laptop, hardware
from vpro_lab.laptop.dhcp import use_dhcpcd
from vpro_lab.measuring import parser, report_of, run
from vpro_lab.paths import BUILD
from vpro_lab.play.handover import hand_over, hand_over_by_watcher
from vpro_lab.play.snapshots import Kind, in_scene, restored
from vpro_lab.progress import Progress

REPORT = BUILD / "bench" / "handover"
#: Logs and captures of the laptop after a session that the collection lost.
LOST = BUILD / "bench" / "lost"


def measure_one(options: argparse.Namespace, pin: bool, number: int, progress: Progress) -> Dict[str, Any]:
    """Return the report of a handover on a laptop of its own, without its echoes."""
    name = f"{'collection' if pin else 'stock'} {number}"
    by_watcher = pin and options.by == "watcher"
    with tempfile.TemporaryDirectory(prefix="vpro-bench-") as state, ExitStack() as up:

        def restore(kind: Kind) -> Laptop:
            laptop = restored(name, Path(state) / "laptop", kind, progress)
            up.callback(laptop.down)
            laptop.compile_archives(keep=False)
            return laptop

        kind = Kind(options.suite, options.manager, by_watcher, options.shift)
        scene = in_scene(kind, restore, security=options.security, leave=options.leave, start=not by_watcher)
        if options.client == "dhcpcd":
            use_dhcpcd(scene.laptop)
        run = hand_over_by_watcher(scene) if by_watcher else hand_over(scene.laptop, pin=pin, scene=scene)
        report = run.report()
        if pin and report["session"] != "kept":
            kept = LOST / str(number)
            keep_artifacts(scene.laptop, kept)
            progress.say(f"  what explains it: {kept.relative_to(BUILD.parent)}")
    del report["echoes"]
    times = report["timeline_ms"]
    progress.say(
        f"  {name}: session {report['session']}, silence {report['largest_silence_ms']} ms, "
        f"connected {times.get('connected')}, address {times.get('address')}"
    )
    return report


def at_once(options: argparse.Namespace) -> int:
    """Return how many laptops run at a time: one under KVM, where their clock is that of this machine."""
    made_of = hardware(options.suite, options.manager, options.shift, Progress(quiet=True))
    return 1 if made_of.accelerator == "kvm" else os.cpu_count() or 1


def measure(options: argparse.Namespace, pin: bool, count: int, progress: Progress) -> List[Dict[str, Any]]:
    """Return the reports of *count* handovers."""
    what = f"{count} handovers {'with the collection' if pin else 'as stock Linux does it'}, {options.security}"
    with progress.step(what), ThreadPoolExecutor(at_once(options)) as laptops:
        return list(laptops.map(lambda number: measure_one(options, pin, number, progress), range(1, count + 1)))


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Have this machine do other work: *count* loops that never rest, for as long as the block runs."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _number in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


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
    if not figures["handovers"]:
        return
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
    options_of.add_argument(
        "--leave", choices=("deauth", "silent"), default="deauth", help="how CSME's station leaves the air"
    )
    options_of.add_argument("--by", choices=("task", "watcher"), default="task", help="who hands over (default: task)")
    options_of.add_argument("--client", choices=("usual", "dhcpcd"), default="usual", help="who runs DHCP")
    options_of.add_argument("--beside", type=int, default=0, help="busy loops beside it, to load this machine")
    options = options_of.parse_args()
    if options.client == "dhcpcd" and options.manager == "networkmanager":
        options_of.error("NetworkManager runs DHCP by itself: --client dhcpcd goes with --manager wpa_supplicant")
    progress = Progress()
    with busy(options.beside):
        pinned = measure(options, True, options.handovers, progress)
        stock = measure(options, False, options.stock, progress)
    result = {
        "machine": machine(options.shift),
        "laptops_at_once": at_once(options),
        "busy_loops_beside": options.beside,
        "suite": options.suite,
        "manager": options.manager,
        "security": options.security,
        "leave": options.leave,
        "by": options.by,
        "dhcp_client": options.client,
        "collection": summary(pinned),
        "stock": summary(stock),
        "runs": {"collection": pinned, "stock": stock},
    }
    plain = report_of(REPORT, options)
    parts = [plain.stem, options.security, options.leave]
    parts += [each for each in (options.by, options.client) if each not in ("task", "usual")]
    parts += [f"beside{options.beside}"] if options.beside else []
    report = plain.with_name(f"{'-'.join(parts)}.json")
    write_report(report, result)
    show("with the collection", result["collection"])
    show("as stock Linux does it", result["stock"])
    print(f"figures: {report.relative_to(BUILD.parent)}")
    return 0


if __name__ == "__main__":
    run(main, "bench")
