# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ways into a laptop: ssh for people and Ansible, and the agent for fast calls from the host's Python.

Every wait on this side is in the host's time, and only there to end one that never would: a laptop has a clock of its
own, beside which the host may be slow.
"""

from __future__ import annotations

import itertools
import json
import socket
import threading
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Optional, Sequence

from ..errors import LabError
from .qemu import socket_of

#: The agent's place in the laptop: the payload disk's mount point.
PAYLOAD = "/opt/lab"
#: How long to wait for a laptop, in seconds of the host's time: a boot takes minutes where that has much else to do.
PATIENCE = 1800.0
#: How long a laptop that is not stuck may take for an answer, likewise.
_ALIVE_SECONDS = 120.0


@dataclass(frozen=True)
class Done:
    """A command that ran to its end."""

    command: str
    rc: int
    out: str
    err: str

    def check(self) -> Done:
        """Return itself, or raise :class:`LabError` when the exit status is not 0."""
        if self.rc:
            raise LabError(f"in the laptop, exit status {self.rc}: {self.command}\n{self.out}{self.err}")
        return self


def ssh_config(folder: Path, port: int, key: Path) -> Path:
    """Write the ssh configuration of a laptop below *folder* and return its path. Its host is ``laptop``."""
    path = folder / "ssh_config"
    path.write_text(
        "Host laptop\n"
        f"  HostName 127.0.0.1\n  Port {port}\n  User root\n  IdentityFile {key}\n  IdentitiesOnly yes\n"
        "  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n  LogLevel ERROR\n"
        f"  ConnectTimeout {PATIENCE:.0f}\n  ServerAliveInterval 60\n  ServerAliveCountMax 10\n"
        "  GSSAPIAuthentication no\n"
        f"  ControlMaster auto\n  ControlPersist {PATIENCE:.0f}\n  ControlPath {socket_of(folder, 'ssh')}\n",
        encoding="utf-8",
    )
    return path


class Guest:
    """One channel to the agent of a running laptop. Thread-safe.

    Args:
        path: the agent's socket.
        alive: tells whether the laptop still runs.
        patience: how long to wait for its first answer, in seconds of the host's time.

    Raises:
        LabError: the machine ended, or its agent does not answer.
    """

    def __init__(self, path: Path, alive: Callable[[], bool], patience: float = PATIENCE) -> None:
        self._ids = itertools.count(1)
        self._waiting: Dict[int, Future[Any]] = {}
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._alive = alive
        self._socket = self._connected(path, patience)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        try:
            # Whoever spoke to it before may have left the half of a line.
            self._send(b"\n")
            self.call("wake", patience, now=time.time())
        except LabError:
            self.close()
            raise

    def _connected(self, path: Path, patience: float) -> socket.socket:
        """Return a connection to QEMU, which may have made the socket this moment and not listen yet."""
        deadline = time.monotonic() + patience
        while True:
            made = socket.socket(socket.AF_UNIX)
            try:
                made.connect(str(path))
                return made
            except OSError as error:
                made.close()
                if not self._alive() or time.monotonic() > deadline:
                    raise LabError(f"the laptop's machine can't be reached: {error}") from None
            time.sleep(0.02)

    @property
    def answers(self) -> bool:
        """Whether the laptop answers."""
        try:
            self.call("monotonic", _ALIVE_SECONDS)
        except LabError:
            return False
        return True

    def call(self, op: str, patience: float = PATIENCE, **arguments: Any) -> Any:
        """Have the agent do *op*; return its result.

        Args:
            op: what to do, see ``guest/agent.py``.
            patience: how long to wait for it, in seconds of the host's time.
            arguments: of the operation. A time among them is in the laptop's.

        Raises:
            LabError: the operation failed, took longer than *patience*, or the machine ended.
        """
        number = next(self._ids)
        future: Future[Any] = Future()
        with self._lock:
            self._waiting[number] = future
        self._send(json.dumps({"id": number, "op": op, **arguments}).encode() + b"\n")
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            try:
                return future.result(min(1.0, patience))
            except FutureTimeout:
                if not self._alive():
                    raise LabError(f"the laptop ended; {op} was not done") from None
        raise LabError(f"the laptop did not answer {op} within {patience:.0f} s of the host's time")

    def _send(self, data: bytes) -> None:
        with self._sending:
            try:
                self._socket.sendall(data)
            except OSError:
                raise LabError("the channel to the laptop is closed") from None

    def run(
        self, command: str, *, namespace: Optional[str] = None, timeout: float = 60.0, stdin: Optional[str] = None
    ) -> Done:
        """Run a shell command in the laptop, in a network namespace if one is named."""
        done = self.call("run", command=command, namespace=namespace, timeout=timeout, stdin=stdin)
        return Done(command, done["rc"], done["out"], done["err"])

    def check(self, command: str, *, namespace: Optional[str] = None, timeout: float = 60.0) -> str:
        """Run a command that must succeed; return what it printed."""
        return self.run(command, namespace=namespace, timeout=timeout).check().out

    def spawn(self, name: str, argv: Sequence[str], log: str, namespace: Optional[str] = None) -> int:
        """Start a background process; return its process id."""
        pid: int = self.call("spawn", name=name, argv=list(argv), log=log, namespace=namespace)
        return pid

    def stop(self, name: str, signal_name: str = "SIGTERM") -> None:
        """End a background process."""
        self.call("stop", name=name, signal_name=signal_name)

    def read(self, path: str) -> str:
        """Return the text of a file."""
        text: str = self.call("read", path=path)["text"]
        return text

    def write(self, path: str, text: str, mode: Optional[int] = None) -> None:
        """Write a file in one go."""
        self.call("write", path=path, text=text, mode=mode)

    def wait_for(self, path: str, text: str, timeout: float = 10.0) -> None:
        """Wait until *text* stands in a file.

        Raises:
            LabError: it did not come within *timeout* seconds.
        """
        if not self.call("wait_for", path=path, text=text, timeout=timeout):
            tail = self.run(f"tail -n 20 {path}").out
            raise LabError(f"{text!r} did not appear in {path} within {timeout:.0f} s; its end:\n{tail}")

    def ask(self, path: str, text: str) -> str:
        """Send a program of the laptop's one line over its Unix socket; return the line that it answers."""
        answer: str = self.call("ask", path=path, text=text)
        return answer

    def monotonic(self) -> float:
        """Return the laptop's CLOCK_MONOTONIC in seconds."""
        value: float = self.call("monotonic")
        return value

    def close(self, *, farewell: bool = False) -> None:
        """Close the channel.

        Args:
            farewell: have the agent end its background processes before: the laptop goes on.
        """
        if farewell:
            with suppress(LabError):
                self.call("farewell")
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._listener.join(5)
        self._socket.close()

    def _listen(self) -> None:
        with suppress(OSError), self._socket.makefile("rb") as lines:
            for line in lines:
                answer = json.loads(line)
                with self._lock:
                    future = self._waiting.pop(answer["id"], None)
                if future is None:  # asked by somebody else, who went away
                    continue
                if "error" in answer:
                    future.set_exception(LabError(f"in the laptop: {answer['error']}"))
                else:
                    future.set_result(answer["result"])
        with self._lock:
            left, self._waiting = list(self._waiting.values()), {}
        for future in left:
            future.set_exception(LabError("the channel to the laptop closed"))
