# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run gates one after the other, and end with a table of their results. A gate is a target of the Makefile.

No gate waits for one that is called ``NAME:beside``. Such gates run beside the others: in their order, two at a time,
and with the processor time that the others leave. Their output goes to ``build/gates/NAME.log``. It is shown when all
gates have ended. The output of failed gates comes last, with the lines that say what failed. After a gate that failed,
the next one runs all the same. The exit status is 0 only when every gate passed.
"""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

WIDTH = 80
BESIDE = "beside"
#: How many gates run beside the others at a time. With one, two processors were idle for a sixth of the time, because a
#: test on a laptop often waits.
LANES = 2
LOGS = Path("build") / "gates"
#: The nice value of a gate beside the others (nice(2)). If both want all of a processor, the kernel gives this gate a
#: sixtieth of what the others get. So it does not delay the gates that take longest.
NICE = 19
#: The beginning of the lines in which pytest and ansible-test say what failed.
FAILURE = re.compile(r"(?:FAILED|ERROR:?|FATAL:) ")
#: How much of a gate's failures is repeated at most: the number of lines, and the characters of each.
FAILURES_MAX, FAILURE_MAX = 30, 200


@dataclass(frozen=True)
class Outcome:
    """How one gate ended."""

    gate: str
    #: Exit status of make; ``None`` when the gate did not come to its end.
    status: int | None
    seconds: float
    #: Processor time of all that it started, in seconds.
    processor: float = 0.0

    @property
    def result(self) -> str:
        """The outcome in a word."""
        if self.status is None:
            return "not done"
        return "passed" if self.status == 0 else "FAILED"


class Beside:
    """Gates that run beside the others."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[tuple[Future[Outcome], str, Path]] = queue.SimpleQueue()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._ended = False
        for _lane in range(LANES):
            threading.Thread(target=self._work, daemon=True).start()

    def add(self, gate: str, position: str) -> Future[Outcome]:
        """Let a gate run when it is its turn."""
        log = LOGS / f"{gate}.log"
        print(f"\n{gate} ({position}) runs beside the others: {log}", flush=True)
        future: Future[Outcome] = Future()
        self._waiting.put((future, gate, log))
        return future

    def _work(self) -> None:
        while True:
            future, gate, log = self._waiting.get()
            try:
                future.set_result(self._run(gate, log))
            except BaseException as error:
                future.set_exception(error)

    def _run(self, gate: str, log: Path) -> Outcome:
        began = time.monotonic()
        status, processor = None, 0.0
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "wb") as output:
            if not self._ended:
                running = start(gate, output)
                self._running.add(running)
                if self._ended:
                    self.end()
                status, processor = wait(running)
                self._running.remove(running)
        return Outcome(gate, None if self._ended else status, time.monotonic() - began, processor)

    def end(self) -> None:
        """End what runs, and begin nothing more."""
        self._ended = True
        for running in tuple(self._running):
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGINT)


def step_back() -> None:
    """Leave processor time to others. This also works where sessions share it evenly (autogroup, sched(7))."""
    os.nice(NICE)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(f"{NICE}", encoding="ascii")


def start(gate: str, output: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
    """Start a gate. If it has its own *output*, it runs beside the others."""
    # The flags of the make that started this are removed, so that a gate is the same however the run was started.
    env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    command = [os.environ.get("MAKE", "make"), "--no-print-directory", "--keep-going", gate]
    if output is None:
        return subprocess.Popen(command, env=env)
    return subprocess.Popen(
        command,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=step_back,
    )


def wait(process: subprocess.Popen[bytes]) -> tuple[int, float]:
    """Wait for the end of a gate; return its exit status, and the processor time of all that it started, in seconds."""
    _pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_utime + usage.ru_stime


def run_gate(gate: str, position: str) -> Outcome:
    """Run one gate with its output shown as it comes."""
    print(title(gate, position), flush=True)
    began = time.monotonic()
    status, processor = wait(start(gate))
    return Outcome(gate, status, time.monotonic() - began, processor)


def title(gate: str, note: str) -> str:
    """Return the line above a gate's output."""
    return f"\n{f' {gate} ({note}) ':=^{WIDTH}}"


def read_log(gate: str) -> str:
    """Return what a gate beside the others has said."""
    return (LOGS / f"{gate}.log").read_text(encoding="utf-8", errors="replace")


def failures(output: str) -> list[str]:
    """Return the lines of a gate's output that say what failed, shortened."""
    return [line[:FAILURE_MAX] for line in output.splitlines() if FAILURE.match(line)][:FAILURES_MAX]


def table(outcomes: list[Outcome], seconds: float) -> str:
    """Return the closing table of what took *seconds* in all."""
    width = max(len(outcome.gate) for outcome in outcomes)
    lines = [f"{' summary ':=^{WIDTH}}", f"{'':<{width}}  {'':<9}{'time':>8}{'processor':>13}"]
    for each in outcomes:
        times = f"{each.seconds:8.1f} s{each.processor:11.1f} s"
        lines.append(f"{each.gate:<{width}}  {each.result:<9}{times}")
    passed = sum(outcome.status == 0 for outcome in outcomes)
    lines.append(f"{passed} of {len(outcomes)} gates passed in {seconds:.0f} s")
    return "\n".join(lines)


def main(gates: list[str]) -> int:
    """Run *gates* and return the exit status."""
    if not gates:
        print("usage: gates.py GATE...", file=sys.stderr)
        return 2
    # Both signals raise KeyboardInterrupt. Then this program ends the gates beside the others, which have sessions of
    # their own. A shell lets a program in the background ignore SIGINT, and the gates would inherit that.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    began = time.monotonic()
    outcomes: dict[str, Outcome] = {}
    waiting: dict[str, Future[Outcome]] = {}
    beside = Beside()
    named = [gate.split(":") for gate in gates]
    names = [name for name, *_how in named]
    try:
        for number, (name, *how) in enumerate(named, start=1):
            position = f"{number} of {len(gates)}"
            if BESIDE in how:
                waiting[name] = beside.add(name, position)
            else:
                outcomes[name] = run_gate(name, position)
        for name, future in waiting.items():
            if not future.done():
                print(f"\n{name} still runs: {LOGS / name}.log", flush=True)
            outcomes[name] = future.result()
        # The failures come last, because people look for them at the end.
        for name in sorted(waiting, key=lambda name: outcomes[name].status != 0):
            print(title(name, "ran beside the others"), flush=True)
            sys.stdout.write(read_log(name))
        for name in waiting:
            if outcomes[name].status != 0:
                print("\n".join([title(name, "what failed"), *failures(read_log(name))]), flush=True)
    except KeyboardInterrupt:
        beside.end()
        outcomes.update({name: future.result() for name, future in waiting.items() if name not in outcomes})
    ended = [outcomes.get(name, Outcome(name, None, 0.0)) for name in names]
    print(f"\n{table(ended, time.monotonic() - began)}", flush=True)
    return 0 if all(outcome.status == 0 for outcome in ended) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
