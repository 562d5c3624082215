# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel's huge pages are refused by a process that asks for it, and by no other."""

from __future__ import annotations

import ctypes
import os

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._watcher import memory


def huge_pages() -> str:
    """Return what the kernel says of this process."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(line.split()[1] for line in status if line.startswith("THP_enabled:"))


def test_a_process_refuses_huge_pages() -> None:
    before = huge_pages()
    child = os.fork()
    if child == 0:
        memory.use_small_pages()
        os._exit(int(huge_pages()))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert huge_pages() == before


def test_where_the_c_library_has_no_prctl_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    memory.use_small_pages()


def test_the_kernel_is_asked_by_its_own_number_and_may_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Library:
        def __init__(self, name: object) -> None:
            asked.append(name)

        def prctl(self, *numbers: int) -> int:
            asked.append(numbers)
            raise OSError

    monkeypatch.setattr(ctypes, "CDLL", Library)
    memory.use_small_pages()
    # linux/prctl.h; what it does not use has to be 0.
    assert asked == [None, (41, 1, 0, 0, 0)]
