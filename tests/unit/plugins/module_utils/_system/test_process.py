# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for the end of a process: with real ones."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import NotFound, TransportFailed
from ansible_collections.vpro.fleet.plugins.module_utils._system.process import ProcessEnd


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
