# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which processes run, and waiting for the end of one."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Optional, Type

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system import process
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import AccessDenied, NotFound, TransportFailed
from ansible_collections.vpro.fleet.plugins.module_utils._system.process import ProcessEnd, is_alive
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import Machine

NAMES = frozenset({"wpa_supplicant", "NetworkManager", "iwd"})


def test_the_end_is_told_once_it_came() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    end = ProcessEnd(process.pid)
    try:
        assert tuple(end.read()) == ()
        process.communicate(b"\n")
        assert tuple(end.read()) == (end,)
    finally:
        end.close()
    end.close()
    assert end.fileno() == -1


@pytest.mark.parametrize(
    ("pid", "refusal", "alive"),
    [
        (700, None, True),
        # /proc hides it from this user.
        (701, PermissionError, True),
        (702, ProcessLookupError, False),
        (10**400, OverflowError, False),
        *((number, None, False) for number in (0, -1)),
    ],
)
def test_who_is_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pid: int, refusal: Optional[Type[Exception]], alive: bool
) -> None:
    machine = Machine(tmp_path)
    machine.process(700, "python3")
    assert is_alive(pid, machine.root) == (pid == 700), "another machine's processes can't be asked for"

    def kill(asked: int, signal: int) -> None:
        assert (asked, signal) == (pid, 0)
        if refusal is not None:
            raise refusal

    monkeypatch.setattr(os, "kill", kill)
    monkeypatch.setattr("os.path.isdir", lambda path: path == "/proc/700")
    assert is_alive(pid) == alive


def test_this_process_is_alive() -> None:
    assert is_alive(os.getpid())
    assert not is_alive(4194304 + 1)  # beyond the largest id that the kernel gives


def test_a_process_that_has_ended_already() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    with pytest.raises(NotFound, match=f"process {process.pid} has ended"):
        ProcessEnd(process.pid)


def test_a_kernel_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int) -> int:
        raise OSError(errno.EMFILE, "as the kernel would")

    monkeypatch.setattr(os, "pidfd_open", refuse)
    with pytest.raises(TransportFailed, match="process 7 can't be watched: Too many open files") as caught:
        ProcessEnd(7)
    assert caught.value.errno == errno.EMFILE


def test_a_refusal_without_a_number_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int) -> int:
        raise OSError("odd")

    monkeypatch.setattr(os, "pidfd_open", refuse)
    with pytest.raises(TransportFailed, match="process 7 can't be watched") as caught:
        ProcessEnd(7)
    assert caught.value.errno == 0


def test_what_runs(machine: Machine) -> None:
    assert process.running(NAMES, machine.root) == frozenset()
    machine.process(700, "iwd")
    machine.process(701, "wpa_supplicant")
    machine.process(702, "iwdx")
    machine.write("proc/not-a-process/comm", "NetworkManager")
    (machine.path / "proc/703").mkdir()  # it ended meanwhile
    assert process.running(NAMES, machine.root) == {"iwd", "wpa_supplicant"}


@pytest.mark.parametrize(("namespace", "counts"), [("net:[1]", True), ("net:[2]", False), (None, True)])
def test_another_network_namespace_has_other_interfaces(
    machine: Machine, namespace: Optional[str], counts: bool
) -> None:
    machine.process(700, "iwd", namespace)
    assert ("iwd" in process.running(NAMES, machine.root)) == counts


def test_processes_that_are_hidden(machine: Machine) -> None:
    machine.process(700, "iwd")
    (machine.path / "proc/1/comm").unlink()
    with pytest.raises(AccessDenied, match="other users' processes are hidden") as caught:
        process.running(NAMES, machine.root)
    assert (caught.value.where, caught.value.remedy) == (str(machine.path / "proc"), "Run this as root")


def test_no_procfs(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        process.running(NAMES, str(tmp_path))


def test_this_machine_has_a_first_process() -> None:
    assert process.running(frozenset({Path("/proc/1/comm").read_text().strip()})) != frozenset()
