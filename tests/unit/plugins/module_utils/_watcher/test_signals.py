# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The signals that the service hears."""

from __future__ import annotations

import os
import signal

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._watcher.signals import ENDING, signals_heard, wake_descriptor


def test_a_signal_is_heard_and_does_nothing_else() -> None:
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGIO)
    handlers = {number: signal.getsignal(number) for number in numbers}
    descriptor = wake_descriptor()
    try:
        for number in numbers:
            os.kill(os.getpid(), number)
        assert signals_heard(descriptor) == frozenset(numbers)
        assert frozenset(numbers) & ENDING == {signal.SIGTERM, signal.SIGINT}
        with pytest.raises(BlockingIOError):
            signals_heard(descriptor)
    finally:
        os.close(signal.set_wakeup_fd(-1))
        os.close(descriptor)
        for number, handler in handlers.items():
            signal.signal(number, handler)
