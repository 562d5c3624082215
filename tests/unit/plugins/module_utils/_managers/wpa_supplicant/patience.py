# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for a supplicant that does not answer: briefly, and for any other as long as a busy machine needs."""

from __future__ import annotations

from typing import Any, Callable, List

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.control import ControlSocket
from ansible_collections.vpro.fleet.plugins.module_utils._system.patience import Patience


def wait_briefly(monkeypatch: pytest.MonkeyPatch, silent: Callable[[str], bool]) -> None:
    """Have each connection wait 0.05 s for an answer to the commands that get none, and a minute for all others.

    Args:
        monkeypatch: pytest's.
        silent: says whether a command gets no answer. It is asked once for each command, in order.
    """
    answer = ControlSocket._answer

    def patiently(ctrl: ControlSocket, command: str, stray: List[Any]) -> Any:
        ctrl._patience = Patience(0.05 if silent(command) else 60.0)
        return answer(ctrl, command, stray)

    monkeypatch.setattr(ControlSocket, "_answer", patiently)
