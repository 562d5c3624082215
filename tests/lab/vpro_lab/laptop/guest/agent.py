# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's hand inside the laptop: runs commands and background processes for the host, over a virtual serial port.

Usage: agent.py PORT, or agent.py --replay FILE

Requests and answers are JSON objects, one a line. A request has ``id`` and ``op``; its answer has the same ``id`` and
either ``result`` or ``error``. Each request runs in a thread of its own, so a long one does not hold up the next. The
agent is a service of the laptop: it is in its snapshots, and outlives whoever speaks to it.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import typing

_output_lock = threading.Lock()
_processes: dict[str, subprocess.Popen[bytes]] = {}


def run(
    command: str, namespace: str | None = None, timeout: float = 60.0, stdin: str | None = None
) -> dict[str, object]:
    """Run a shell command to its end; return its exit status and both outputs."""
    done = subprocess.run(
        [*_prefix(namespace), "/bin/sh", "-c", command],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        timeout=timeout,
        text=True,
        errors="backslashreplace",
        check=False,
    )
    return {"rc": done.returncode, "out": done.stdout, "err": done.stderr}


def spawn(name: str, argv: list[str], log: str, namespace: str | None = None) -> int:
    """Start a background process under *name* with its output in the file *log*; return its process id."""
    stop(name)
    with open(log, "ab") as handle:
        process = subprocess.Popen(
            [*_prefix(namespace), *argv],
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _processes[name] = process
    return process.pid


def stop(name: str, signal_name: str = "SIGTERM", grace: float = 3.0) -> int | None:
    """End the process *name*: a signal, then SIGKILL after *grace* seconds. Return its exit status, None if unknown."""
    process = _processes.pop(name, None)
    if process is None:
        return None
    if process.poll() is None:
        os.killpg(process.pid, getattr(signal, signal_name))  # with what it started: each has a session of its own
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def alive(name: str) -> bool:
    """Tell whether the process *name* runs."""
    process = _processes.get(name)
    return process is not None and process.poll() is None


def read(path: str, offset: int = 0) -> dict[str, object]:
    """Return the text of a file from a byte offset on, and the offset of its end."""
    # Not blocking, unbuffered: the stand-in's log is a stream that can't be sought in and never ends.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    data = b""
    with os.fdopen(descriptor, "rb", buffering=0) as handle:
        if offset:
            handle.seek(offset)
        while True:
            part = handle.read(65536)
            if not part:
                break
            data += part
    return {"text": data.decode(errors="backslashreplace"), "end": offset + len(data)}


def write(path: str, text: str, mode: int | None = None) -> None:
    """Write a text to a file, at once (control files take one command a write).

    ``@pid(NAME)`` in the text becomes the process id of the background process *NAME*.
    """
    text = re.sub(r"@pid\(([\w-]+)\)", lambda found: str(_processes[found[1]].pid), text)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    descriptor = os.open(path, flags, 0o644 if mode is None else mode)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def wait_for(path: str, text: str, timeout: float = 10.0) -> bool:
    """Wait until *text* stands in a file; return whether it came in time."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            found = str(read(path)["text"])
        except FileNotFoundError:
            found = ""
        if text in found:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)


def ask(path: str, text: str) -> str:
    """Send a program one line over its Unix socket; return the line that it answers."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.sendall(text.encode() + b"\n")
        return connection.makefile().readline()


def farewell() -> None:
    """End all background processes: whoever started them goes away."""
    for name in list(_processes):
        stop(name, grace=0.5)


def wake(now: float) -> None:
    """Set the clock, as a laptop does that wakes up: that of a snapshot stands still while nobody goes on from it.

    Args:
        now: seconds since 1970.
    """
    time.clock_settime(time.CLOCK_REALTIME, now)


def monotonic() -> float:
    """Return CLOCK_MONOTONIC in seconds: the clock of every log in the laptop."""
    return time.monotonic()


def _prefix(namespace: str | None) -> list[str]:
    return ["ip", "netns", "exec", namespace] if namespace else []


OPERATIONS: dict[str, typing.Callable[..., object]] = {
    f.__name__: f for f in (run, spawn, stop, alive, read, write, wait_for, ask, farewell, wake, monotonic)
}


def _answer(port: int, request: dict[str, typing.Any]) -> None:
    answer: dict[str, object] = {"id": request.get("id")}
    try:
        answer["result"] = OPERATIONS[request.pop("op")](**{k: v for k, v in request.items() if k != "id"})
    except Exception as error:  # every failure belongs to the one who asked
        answer["error"] = f"{type(error).__name__}: {error}"
    line = memoryview(json.dumps(answer).encode() + b"\n")
    with _output_lock:
        while line:
            line = line[os.write(port, line) :]


def replay(path: str) -> None:
    """Do what a file says, one request a line as over the channel; tell systemd; keep the processes until it ends them.

    Raises:
        SystemExit: a step failed.
    """
    with open(path) as handle:
        requests = [json.loads(line) for line in handle]
    for request in requests:
        result = OPERATIONS[request["op"]](**{k: v for k, v in request.items() if k not in ("op", "check")})
        failed = result is False or (request.get("check") and result["rc"] != 0)  # type: ignore[index]
        if failed:
            sys.exit(f"{request}: {result}")
    subprocess.run(["systemd-notify", "--ready"], check=True)
    signal.pause()


def serve(path: str) -> None:
    """Answer what comes in through a serial port, for ever.

    Args:
        path: the port's.
    """
    port = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    pending = b""
    while True:
        data = os.read(port, 65536)
        if not data:  # nobody is at the other end
            pending = b""
            time.sleep(0.2)
            continue
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            try:
                request = json.loads(line)
            except ValueError:  # the rest of what somebody wrote who went away
                continue
            threading.Thread(target=_answer, args=(port, request), daemon=True).start()


def main() -> None:
    """Do what the arguments say."""
    if sys.argv[1] == "--replay":
        replay(sys.argv[2])
    else:
        serve(sys.argv[1])


if __name__ == "__main__":
    main()
