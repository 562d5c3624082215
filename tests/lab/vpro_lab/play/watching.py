# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The watcher of a laptop with both roles, as a test sees it: its state, what it says, and what it leaves behind."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

from ..air.scene import Scene
from ..laptop.control import Laptop
from .deployed import SERVICE, watcher_state

#: Called with every state that is read here; the tests put the check of its schema here.
STATE_CHECKS: List[Callable[[Dict[str, Any]], object]] = []


def state(laptop: Laptop) -> Dict[str, Any]:
    """Return the watcher's state, which has to be as the schema says."""
    document = watcher_state(laptop)
    for check in STATE_CHECKS:
        check(document)
    return document


def wait_for(scene: Scene, *states: str, seconds: float = 30) -> None:
    """Wait until the watcher says that it is in one of *states*. One that starts says nothing yet."""
    there = f"test -e /run/{SERVICE}/state.json"
    scene.laptop.wait_until(
        f"the watcher's {states}",
        lambda: scene.laptop.guest.run(there).rc == 0 and state(scene.laptop)["state"] in states,
        seconds,
    )


def log(laptop: Laptop) -> str:
    """Return what the watcher said since it was started last."""
    return laptop.guest.check(
        f"journalctl --sync; journalctl -b -o cat _SYSTEMD_INVOCATION_ID=$(systemctl show -P InvocationID {SERVICE})"
    )


def free(scene: Scene, seconds: float = 30) -> None:
    """Wait until nothing of a pin is left."""
    scene.laptop.wait_until("the pin's end", lambda: scene.laptop.pins() == "", seconds, 0.5)


def drops(laptop: Laptop) -> int:
    """Return how often the laptop's supplicant lost its link since the boot."""
    return laptop.guest.check("journalctl -b -u 'wpa_supplicant*' -o cat").count("CTRL-EVENT-DISCONNECTED")


def start_supplicant(scene: Scene) -> None:
    """Start the laptop's supplicant, as a boot does after the watcher."""
    scene.laptop.guest.check(f"systemctl start {scene.laptop.service}")
