# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures what gathering the facts costs, end to end, beside ``ansible.builtin.ping`` on the same laptop.

``make bench`` writes the figures to ``build/bench/facts.json`` and prints them. Both are run in turn, so that what else
the machine does touches both alike. The laptop's own processor time is measured as well. It is in the laptop's time,
so it is the same on a busy machine. Nothing here fails for being slow: a figure is a figure.
"""

from __future__ import annotations

import subprocess
import time
from typing import Any, Dict, List, Tuple

from vpro_lab.air.scene import stage
from vpro_lab.errors import LabError
from vpro_lab.figures import machine, spread, write_report
from vpro_lab.laptop.control import Laptop
from vpro_lab.measuring import parser, run, running
from vpro_lab.paths import BUILD
from vpro_lab.play.playbook import command, environment, inventory
from vpro_lab.progress import Progress

REPORT = BUILD / "bench" / "facts.json"
BASELINE = "ansible.builtin.ping"
MODULES = (BASELINE, "vpro.fleet.amt_wifi_facts", "ansible.builtin.setup")


def seconds(laptop: Laptop, module: str) -> Tuple[float, float]:
    """Return how long the command ``ansible`` takes to run a module on the laptop, from its start to its end.

    Returns:
        The seconds of this machine, and those that the laptop's processor was busy, by the laptop's clock.

    Raises:
        LabError: the module failed.
    """
    argv = [command("ansible"), "-i", str(inventory(laptop)), "-m", module, "all"]
    busy, began = _busy(laptop), time.monotonic()
    done = subprocess.run(argv, env=environment(laptop.folder), capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"{module} failed:\n{done.stdout}{done.stderr}")
    return time.monotonic() - began, _busy(laptop) - busy


def _busy(laptop: Laptop) -> float:
    """Return for how many seconds the laptop's processor has run tasks: see the kernel's sched-stats.rst."""
    lines = laptop.guest.read("/proc/schedstat").splitlines()
    return sum(int(line.split()[7]) for line in lines if line.startswith("cpu")) / 1e9


def measure(laptop: Laptop, rounds: int, progress: Progress) -> Dict[str, List[Tuple[float, float]]]:
    """Return the times of *rounds* runs of each module, as ``seconds``; a first round is not counted."""
    times: Dict[str, List[Tuple[float, float]]] = {module: [] for module in MODULES}
    for number in range(rounds + 1):
        with progress.step(f"round {number} of {rounds}"):
            for module in MODULES:
                times[module].append(seconds(laptop, module))
    return {module: series[1:] for module, series in times.items()}


def main() -> int:
    """Measure and report; return the exit status."""
    options_of = parser(__doc__)
    options_of.add_argument("--rounds", type=int, default=10, help="of all modules (default: %(default)s)")
    options = options_of.parse_args()
    progress = Progress()
    with running(options, progress) as laptop:
        # The usual case: CSME holds the radio, the supplicant has some profiles.
        stage(laptop, session=False)
        times = measure(laptop, options.rounds, progress)
    result: Dict[str, Any] = {"machine": machine(options.shift), "suite": options.suite, "rounds": options.rounds}
    for which, name in enumerate(("end_to_end", "laptop_busy")):
        runs = {module: [each[which] for each in series] for module, series in times.items()}
        ratios = {module: [t / p for t, p in zip(runs[module], runs[BASELINE], strict=True)] for module in MODULES}
        result[name] = {
            "seconds": {module: spread(series) for module, series in runs.items()},
            "ratio_to_ping": {module: spread(series) for module, series in ratios.items()},
            "runs": runs,
        }
        print(name.replace("_", " "))
        for module in MODULES:
            took, ratio = spread(runs[module]), spread(ratios[module])
            print(
                f"  {module:<28} median {took['median']:.2f} s   {took['min']:.2f} .. {took['max']:.2f}   "
                f"{ratio['median']:.2f} x ping ({ratio['min']:.2f} .. {ratio['max']:.2f})"
            )
    write_report(REPORT, result)
    print(f"figures: {REPORT.relative_to(BUILD.parent)}")
    return 0


if __name__ == "__main__":
    run(main, "bench")
