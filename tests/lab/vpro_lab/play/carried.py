# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A session that the host carries on over the real iwlmei, and what becomes of the laptop at its end."""

from __future__ import annotations

from typing import Tuple

from ..air.ap import DEFAULT_SSID
from ..air.engine import Engine, installed
from ..air.security import network_block
from ..air.session import Session
from ..laptop.control import Laptop
from .deployed import SERVICE, is_connected
from .watching import state


def take_back(laptop: Laptop, engine: Engine) -> None:
    """Let CSME hold the radio again, with its block: on a driver-managed kernel, the supplicant's start took it."""
    if engine.driver_managed:
        laptop.wait_until("the host's connection", lambda: is_connected(laptop))
        engine.do("take")
        # The watcher may have it back at once.
        laptop.wait_until("CSME's ownership", lambda: [each["owner"] for each in engine.noted("owner")][:1] == ["ME"])


def handed_over(laptop: Laptop) -> Tuple[Engine, Session]:
    """Let the watcher hand over; return CSME and its session, which goes on."""
    engine = installed(laptop)
    session = engine.surround()
    laptop.supplicant(network_block("wpa2-psk", DEFAULT_SSID), group=SERVICE)
    take_back(laptop, engine)
    laptop.wait_until("the handover", lambda: _stays(laptop), 60)
    return engine, session


def wait_for_end(laptop: Laptop, engine: Engine, seconds: float = 60) -> None:
    """End CSME's session, and wait until the host is connected and free, and the watcher has nothing to do."""
    laptop.wait_until("the host's connection", lambda: is_connected(laptop), seconds)
    # Nobody says that roaming is forbidden any more, so it is allowed.
    engine.do("connection", link_protection=False)
    laptop.wait_until("the pin's end", lambda: laptop.pins() == "", seconds)
    laptop.wait_until("a watcher with nothing to do", lambda: state(laptop)["state"] == "watching", seconds)
    assert is_connected(laptop)


def _stays(laptop: Laptop) -> bool:
    told = state(laptop)
    return told["state"] == "staying" and told["last_handover"] is not None
