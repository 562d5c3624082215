# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A clock that only a test moves, so that a busy machine is not taken for somebody who answers slowly.

Test files import from here by this file's full name.
"""

from __future__ import annotations

from types import ModuleType, SimpleNamespace

import pytest


class Clock:
    """What ``time.monotonic`` says in some modules.

    A question is still waited for in the machine's own time, so a test gives it more than a busy machine needs.

    Args:
        monkeypatch: pytest's.
        modules: those that ask this clock.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *modules: ModuleType) -> None:
        self.now = 1000.0
        for module in modules:
            monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: self.now))

    def passes(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
