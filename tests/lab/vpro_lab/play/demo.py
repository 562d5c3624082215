# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``make demo``: two laptops alike, one as stock Linux hands over, one with the collection."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, Optional, Sequence, Tuple

from ..figures import write_report
from ..laptop.artifacts import keep_artifacts
from ..laptop.control import hardware
from ..laptop.drivers import ensure_engine
from ..laptop.engine import running_iwlmei
from ..laptop.qemu import come_first, default_shift
from ..paths import BUILD
from ..progress import Progress
from .handover import Run, hand_over, hand_over_by_roles
from .picture import draw
from .playbook import run_module
from .snapshots import Kind, ensure_snapshot, restored

FOLDER = BUILD / "demo"
TITLES = ("stock Linux (request, no pin)", "vpro.fleet (the watcher)")
_STEPS = (
    *("granted", "scan", "scan results", "authenticating", "authenticated", "associated", "keys", "connected"),
    *("address", "taken back"),
)


def demo(suite: str, manager: str, progress: Progress) -> int:
    """Run the demo; return the exit status: 0 only if the collection kept the session.

    What stock Linux did is told as it was: it may be in time by luck.
    """
    come_first()
    shift = default_shift()
    image = hardware(suite, manager, shift, progress).image
    with ThreadPoolExecutor() as building:
        # The drivers are compiled while laptops boot and get the roles.
        drivers = building.submit(ensure_engine, image, progress)
        ensure_snapshot(Kind(suite, manager, True, shift), progress)
        drivers.result()
    kinds = [Kind(suite, manager, deployed, shift, engine=True) for deployed in (False, True)]
    for kind in kinds:
        ensure_snapshot(kind, progress)
    # At once: they do not disturb each other, as each has a clock of its own.
    with (
        tempfile.TemporaryDirectory(prefix="vpro-demo-") as state,
        progress.step("CSME takes two laptops' radios, an operator opens a session with each, and the hosts ask"),
        ThreadPoolExecutor() as both,
    ):
        names = ("stock", "collection")
        ways = [both.submit(_one, Path(state) / name, kind, progress) for name, kind in zip(names, kinds, strict=True)]
        runs = [way.result()[0] for way in ways]
        _run, driver, amt = ways[1].result()
    reports = [run.report() for run in runs]
    became, promises = by_itself(reports[0]), kept_promises(reports[1])
    write_report(
        FOLDER / "report.json",
        {
            "suite": suite,
            "manager": manager,
            "ns_per_instruction": 2**shift,
            "iwlmei": driver,
            "amt": amt,
            "stock": reports[0],
            "collection": reports[1],
            "promises": promises,
        },
    )
    draw(reports, TITLES, FOLDER / "session.svg")
    print(table(reports))
    print(f"· iwlmei is the real one, of Linux {driver['version']}; CSME is a program: docs/lab.md")
    print(f"· AMT {amt['firmware']} by its firmware, which is a program, too: {amt['control_mode']} control mode")
    print(f"· times are those of the laptop's own clock: {speed(shift)}")
    print(f"· {became}")
    for promise, held in promises.items():
        print(f"{'✓' if held else '✗'} {promise}")
    print(f"report: {_short(FOLDER / 'report.json')}   picture: {_short(FOLDER / 'session.svg')}")
    return 0 if all(promises.values()) else 1


def _one(folder: Path, kind: Kind, progress: Progress) -> Tuple[Run, Dict[str, Optional[str]], Dict[str, Any]]:
    """Have one laptop hand its radio over: with the roles if it has them, else as stock Linux does it.

    Returns:
        What became of it, which iwlmei ran, and what AMT is on that laptop.
    """
    laptop = restored(folder.name, folder, kind, progress)
    try:
        run = hand_over_by_roles(laptop) if kind.deployed else hand_over(laptop, pin=False)
        facts: Dict[str, Any] = run_module(laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
        return run, running_iwlmei(laptop), facts["amt"]
    except BaseException:
        keep_artifacts(laptop, FOLDER / "artifacts" / folder.name)
        progress.say(f"what the laptop saw is in {_short(FOLDER / 'artifacts' / folder.name)}")
        raise
    finally:
        laptop.down()


def speed(shift: int) -> str:
    """Return how fast a laptop is, for people."""
    return f"a machine of {1000 / 2**shift:.0f} million instructions a second, whatever this one does"


def kept_promises(collection: Dict[str, Any]) -> Dict[str, bool]:
    """Return what the collection promises, and whether its run kept that."""
    return {
        "the collection kept the session": collection["session"] == "kept",
        "the host got its address within CSME's 3 s": collection["timeline_ms"].get("address", 1e9) < 3000,
    }


def by_itself(stock: Dict[str, Any]) -> str:
    """Return what became of the session with stock Linux, in a sentence."""
    if stock["session"] == "lost":
        return "stock Linux lost the session"
    for step, how in (("taken back", "CSME took the radio back, and carried it on"), ("connected", "it was connected")):
        at = stock["timeline_ms"].get(step)
        if at is not None:
            return f"stock Linux was lucky: the session lives, since {how} after {at:.0f} ms"
    return "stock Linux was lucky: the session lives"


def table(reports: Sequence[Dict[str, Any]]) -> str:
    """Return both timelines side by side, in ms after the ownership request."""
    width = max(len(title) for title in TITLES) + 2
    lines = ["", f"{'ms after the ownership request':<32}" + "".join(f"{title:>{width}}" for title in TITLES)]
    for step in _STEPS:
        cells = [report["timeline_ms"].get(step) for report in reports]
        if any(cell is not None for cell in cells):
            shown = ("-" if cell is None else f"{cell:.0f}" for cell in cells)
            lines.append(f"  {step:<30}" + "".join(f"{cell:>{width}}" for cell in shown))
    silences = (f"{report['largest_silence_ms']:.0f} ms" for report in reports)
    lines.append(f"{'largest silence of the session':<32}" + "".join(f"{cell:>{width}}" for cell in silences))
    lines.append(f"{'session':<32}" + "".join(f"{report['session'].upper():>{width}}" for report in reports))
    return "\n".join([*lines, ""])


def _short(path: Path) -> str:
    return str(path.relative_to(BUILD.parent))
