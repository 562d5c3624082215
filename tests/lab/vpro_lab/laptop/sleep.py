# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A laptop that suspends and wakes up."""

from __future__ import annotations

import time

from ..errors import LabError
from . import qemu
from .control import Laptop

#: Seconds of the host's time that a laptop may take to suspend.
_PATIENCE = 60.0
_WOKEN = "PM: suspend exit"


def sleep(laptop: Laptop, seconds: float = 1.0) -> None:
    """Suspend a laptop to its memory (S3), and wake it after some seconds of the host's time.

    All of the laptop stands still meanwhile, with everything that the lab has around it. The clock of its programs
    (CLOCK_MONOTONIC) does as well.

    Raises:
        LabError: it did not suspend, or did not wake up.
    """
    # The agent has answered before it is frozen.
    laptop.guest.spawn("sleep", ["sh", "-c", "sleep 0.3; dmesg -C; echo mem >/sys/power/state"], "/run/sleep.out")
    deadline = time.monotonic() + _PATIENCE
    while not qemu.is_asleep(laptop.folder):
        if time.monotonic() > deadline:
            raise LabError(f"{laptop.name} does not suspend: {laptop.guest.read('/run/sleep.out')}")
        time.sleep(0.1)
    time.sleep(seconds)
    qemu.wake(laptop.folder)
    laptop.wait_until("the end of the sleep", lambda: _WOKEN in laptop.guest.check("dmesg"), 60)


def rehearse_sleep(laptop: Laptop, meanwhile: str = "true") -> None:
    """Have all drivers of a laptop suspend, and resume after a second (``pm_test``), with nothing needed to wake it.

    What is no program of the laptop goes on. The kernel counts that second with the processor, which takes an emulated
    one 30 s; by itself it would be five.

    Args:
        laptop: which.
        meanwhile: a command of the laptop's, which is frozen, and runs as soon as it is not.
    """
    laptop.guest.check(
        "echo 1 > /sys/module/suspend/parameters/pm_test_delay; echo devices > /sys/power/pm_test; "
        f"(sleep 0.2; {meanwhile}) & echo freeze > /sys/power/state; echo none > /sys/power/pm_test; wait",
        timeout=60,
    )
    assert _WOKEN in laptop.guest.check("dmesg")
