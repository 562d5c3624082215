# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure the watcher: how soon it asks for a radio that CSME holds, what it takes of memory, and how it is locked in.

Nothing in the time comes from the watcher: the CSME stand-in logs the block and the request.
"""

from __future__ import annotations

import re
from typing import Dict, List

from vpro_lab.air.scene import Scene, surround
from vpro_lab.figures import machine, spread, write_report
from vpro_lab.laptop.control import INTERFACE, Laptop
from vpro_lab.measuring import parser, report_of, run, running
from vpro_lab.paths import BUILD
from vpro_lab.play.deployed import SERVICE, watcher_state
from vpro_lab.progress import Progress

REPORT = BUILD / "bench" / "watcher"
#: How long to count what wakes it, in seconds.
_IDLE_SECONDS = 60


def memory(laptop: Laptop, pid: str) -> Dict[str, int]:
    """Return what a process takes of memory, in kB."""
    text = laptop.guest.check(f"cat /proc/{pid}/smaps_rollup")
    found = dict(re.findall(r"^(Rss|Pss|AnonHugePages): +(\d+) kB", text, re.MULTILINE))
    return {name: int(value) for name, value in found.items()}


def main_pid(laptop: Laptop) -> str:
    """Return the watcher's process id."""
    return laptop.guest.check(f"systemctl show -P MainPID {SERVICE}").strip()


def free(scene: Scene) -> None:
    """Wait for the handover's success, and end the stay that follows it."""
    scene.laptop.wait_until("the handover", lambda: watcher_state(scene.laptop)["state"] == "staying", 60)
    scene.csme.roaming(forbidden=False)
    scene.laptop.wait_until("its end", lambda: watcher_state(scene.laptop)["state"] == "watching", 60)


def round_ms(scene: Scene) -> Dict[str, float]:
    """Let CSME take the radio once; return the times from block to request, and of a question to the supplicant, in ms.

    The question, by wpa_supplicant's own program, tells how fast the machine is at this moment.
    """
    ask = f"a=$(date +%s%N); wpa_cli -i {INTERFACE} ping >/dev/null; echo $(($(date +%s%N) - a))"
    asked = int(scene.laptop.guest.check(ask)) / 1e6
    scene.csme.clear_log()
    scene.csme.take()
    free(scene)
    at = {line.event: line.t for line in reversed(scene.csme.log())}
    return {"block_to_request": (at["request"] - at["block"]) * 1000, "wpa_cli": asked}


def main() -> int:
    """Measure and report; return the exit status."""
    options_of = parser(__doc__)
    options_of.add_argument("--rounds", type=int, default=20, help="default: %(default)s")
    options = options_of.parse_args()
    progress = Progress()
    rounds: List[Dict[str, float]] = []
    with running(options, progress, deployed=True) as laptop:
        scene = surround(laptop, ssid=b"corp-psk", session=False)
        laptop.guest.check(f"systemctl restart {SERVICE}; systemctl start {laptop.service}")
        fresh = memory(laptop, main_pid(laptop))
        laptop.guest.spawn("python", ["python3", "-I", "-c", "import time; time.sleep(3600)"], "/run/lab-python.log")
        free(scene)
        for number in range(1, options.rounds + 1):
            with progress.step(f"round {number} of {options.rounds}"):
                rounds.append(round_ms(scene))
        pid = main_pid(laptop)
        used = memory(laptop, pid)
        bare = memory(laptop, laptop.guest.check("pgrep -f 'import [t]ime; time.sleep' | tail -n 1").strip())
        with progress.step(f"{_IDLE_SECONDS} s in which nothing happens"):
            count = f"awk '/^voluntary/ {{print $2}}' /proc/{pid}/status"
            wakes = int(
                laptop.guest.check(f"a=$({count}); sleep {_IDLE_SECONDS}; echo $(($({count}) - a))", timeout=120)
            )
        exposure = laptop.guest.check(f"systemd-analyze security --no-pager {SERVICE}")
    security = re.search(r"Overall exposure level for \S+: ([0-9.]+)", exposure)
    result = {
        "machine": machine(options.shift),
        "suite": options.suite,
        "manager": options.manager,
        "block_to_request_ms": spread([each["block_to_request"] for each in rounds]),
        "wpa_cli_ms": spread([each["wpa_cli"] for each in rounds]),
        "times_wpa_cli": spread([each["block_to_request"] / each["wpa_cli"] for each in rounds]),
        "memory_kb": {"fresh": fresh, "after the rounds": used, "a bare python3": bare},
        "times_a_bare_python3": {"fresh": fresh["Rss"] / bare["Rss"], "after the rounds": used["Rss"] / bare["Rss"]},
        "wakes_per_minute": wakes * 60 / _IDLE_SECONDS,
        "security_exposure": None if security is None else float(security.group(1)),
        "rounds": rounds,
    }
    report = report_of(REPORT, options)
    write_report(report, result)
    for name in ("block_to_request_ms", "wpa_cli_ms", "times_wpa_cli"):
        figures = result[name]
        print(f"{name:<22} median {figures['median']:.1f}   {figures['min']:.1f} .. {figures['max']:.1f}")
    for name, each in result["memory_kb"].items():
        print(
            f"{name:<22} {each['Rss']} kB resident, {each['Pss']} kB its own share, "
            f"{each['AnonHugePages']} kB in huge pages"
        )
    print(f"wake-ups a minute      {result['wakes_per_minute']:.0f}")
    print(f"security exposure      {result['security_exposure']}")
    print(f"figures: {report.relative_to(BUILD.parent)}")
    return 0


if __name__ == "__main__":
    run(main, "bench")
