# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way into a laptop: ssh for people and Ansible, and the agent for fast calls from the host's Python."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import subprocess
import tempfile
import threading
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence

from .errors import LabError

#: The agent's place in the laptop: the payload disk's mount point.
PAYLOAD = "/opt/lab"


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
    # A control socket's path is limited to 104 bytes or so: the folder may be deep, so it lives in /tmp-like TMPDIR.
    control = control_socket(folder)
    path.write_text(
        "Host laptop\n"
        f"  HostName 127.0.0.1\n  Port {port}\n  User root\n  IdentityFile {key}\n  IdentitiesOnly yes\n"
        "  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n  LogLevel ERROR\n"
        "  ConnectTimeout 60\n  ServerAliveInterval 15\n  GSSAPIAuthentication no\n"
        f"  ControlMaster auto\n  ControlPersist 300\n  ControlPath {control}\n",
        encoding="utf-8",
    )
    return path


def control_socket(folder: Path) -> Path:
    """Return the path of the multiplexing socket of the laptop whose state is in *folder*."""
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"vpro-lab-{os.getuid()}-{name}"


class Guest:
    """One channel to the agent of a running laptop. Thread-safe.

    Args:
        config: the laptop's ssh configuration.

    Raises:
        LabError: the laptop can't be reached, or the agent does not start.
    """

    def __init__(self, config: Path) -> None:
        self.config = config
        self._ids = itertools.count(1)
        self._waiting: Dict[int, Future[Any]] = {}
        self._lock = threading.Lock()
        ready: Future[Any] = Future()
        self._waiting[0] = ready
        # Not multiplexed: the agent's channel must not end with the control master of some other command.
        self._process = subprocess.Popen(
            [*self.ssh(), "-S", "none", "laptop", f"exec python3 -u {PAYLOAD}/agent.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        try:
            ready.result(60)
        except FutureTimeout:
            self.close()
            raise LabError("the laptop's agent did not start within 60 s") from None

    @property
    def open(self) -> bool:
        """Whether the channel stands. It ends 45 s after the laptop's last answer (``ServerAliveInterval``, thrice)."""
        return self._process.poll() is None

    def ssh(self) -> List[str]:
        """Return the ssh command up to, and without, the host's name."""
        return ["ssh", "-F", str(self.config)]

    def call(self, op: str, patience: float = 90.0, **arguments: Any) -> Any:
        """Have the agent do *op*; return its result.

        Raises:
            LabError: the operation failed, took longer than *patience* seconds, or the channel is gone.
        """
        number = next(self._ids)
        future: Future[Any] = Future()
        with self._lock:
            self._waiting[number] = future
            assert self._process.stdin is not None
            try:
                self._process.stdin.write(json.dumps({"id": number, "op": op, **arguments}) + "\n")
                self._process.stdin.flush()
            except (OSError, ValueError):
                raise LabError("the channel to the laptop is closed") from None
        try:
            return future.result(patience)
        except FutureTimeout:
            raise LabError(f"the laptop did not answer {op} within {patience:.0f} s") from None

    def run(
        self, command: str, *, namespace: Optional[str] = None, timeout: float = 60.0, stdin: Optional[str] = None
    ) -> Done:
        """Run a shell command in the laptop, in a network namespace if one is named."""
        done = self.call("run", timeout + 10, command=command, namespace=namespace, timeout=timeout, stdin=stdin)
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
        if not self.call("wait_for", timeout + 10, path=path, text=text, timeout=timeout):
            tail = self.run(f"tail -n 20 {path}").out
            raise LabError(f"{text!r} did not appear in {path} within {timeout:.0f} s; its end:\n{tail}")

    def monotonic(self) -> float:
        """Return the laptop's CLOCK_MONOTONIC in seconds."""
        value: float = self.call("monotonic")
        return value

    def close(self) -> None:
        """Close the channel; the agent ends its background processes."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            with suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join(5)
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answer = json.loads(line)
            with self._lock:
                future = self._waiting.pop(answer["id"], None)
            if future is None:
                continue
            if "error" in answer:
                future.set_exception(LabError(f"in the laptop: {answer['error']}"))
            else:
                future.set_result(answer["result"])
        assert self._process.stderr is not None
        said = self._process.stderr.read().strip()
        with self._lock:
            left, self._waiting = list(self._waiting.values()), {}
        for future in left:
            future.set_exception(LabError(f"the channel to the laptop closed: {said or 'no reason given'}"))


def wait_for_ssh(config: Path, alive: Callable[[], bool], seconds: float) -> None:
    """Wait until the laptop takes ssh connections.

    Args:
        config: the laptop's ssh configuration.
        alive: tells whether the machine still runs.
        seconds: how long to wait.

    Raises:
        LabError: the machine ended, or did not come up in time.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not alive():
            raise LabError("the virtual machine ended while it booted")
        # QEMU accepts at once and answers when the guest does; ConnectTimeout bounds the wait for the banner too.
        done = subprocess.run(
            ["ssh", "-F", str(config), "-S", "none", "-o", "ConnectTimeout=8", "laptop", "true"],
            capture_output=True,
            check=False,
        )
        if done.returncode == 0:
            return
        time.sleep(0.2)
    raise LabError(f"no ssh within {seconds:.0f} s")
