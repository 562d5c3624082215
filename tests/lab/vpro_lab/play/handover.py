# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One handover from beginning to end, made by the real playbook and watched by the lab."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Callable, Dict, Optional

from ..air.scene import Observation, Scene, observe, settle, stage, surround
from ..errors import LabError
from ..laptop.control import Laptop
from ..paths import REPOSITORY
from .deployed import NETWORKS, SERVICE, apply, watcher_state
from .playbook import run_module, run_playbook

#: The playbook of the demo and the benchmark: what an administrator would write.
PLAYBOOK = REPOSITORY / "docs" / "examples" / "take_ownership.yml"
#: How long to watch after the ownership request, in seconds: past CSME's deadline and the operator's timeout.
WATCH_SECONDS = 5.0


@dataclass(frozen=True)
class Run:
    """One handover: what the module said of it, and what the lab saw."""

    pinned: bool
    module: Dict[str, Any]
    seen: Observation

    def report(self) -> Dict[str, Any]:
        """Return the run as JSON types. Times in ms after the ownership request, the silence in ms."""
        session = self.seen.session
        assert session is not None
        request = self.seen.timeline.request
        return {
            "pin": self.pinned,
            "session": "kept" if session.kept else "lost",
            "session_lost_ms": None if session.lost_at is None else round((session.lost_at - request) * 1000, 1),
            "session_lost_why": session.why,
            "largest_silence_ms": round(self.seen.largest_silence * 1000, 1),
            "timeline_ms": {name: round(at, 1) for name, at in self.seen.timeline.firsts().items()},
            "echoes": [
                {"sent_ms": round((e.sent - request) * 1000, 1), "back_ms": round((e.back - request) * 1000, 1)}
                for e in session.echoes
                if e.back >= request - 2.0
            ],
            "module": self.module,
        }


def hand_over(laptop: Laptop, *, pin: bool, scene: Optional[Scene] = None, **staging: Any) -> Run:
    """Stage a scene on *laptop*, run the playbook, and return what became of it.

    Args:
        laptop: a booted laptop.
        pin: True lets the collection do its work; False asks for ownership as stock Linux would.
        scene: a scene that was staged already; None stages one.
        staging: arguments of :func:`vpro_lab.air.scene.stage`.

    Raises:
        LabError: nobody asked for ownership, or the task gave no result.
    """
    scene = scene or stage(laptop, **staging)
    scene.csme.clear_log()
    laptop.record()
    play = run_playbook(laptop, PLAYBOOK, "-e", json.dumps({"pin": pin}))
    scene.check_request(play.output)
    settle(scene, WATCH_SECONDS)
    return Run(pin, play.tasks.get("Take the radio from CSME", {}), observe(scene))


def hand_over_by_roles(laptop: Laptop, ssid: bytes = b"corp-psk") -> Run:
    """Stage a scene on a laptop to which the roles were applied, apply them again with no watcher at work, and return
    what became of it: the role starts the watcher, and that hands the radio over.

    Args:
        laptop: see :func:`vpro_lab.play.deployed.deploy`.
        ssid: which of :data:`vpro_lab.play.deployed.NETWORKS` CSME is on.

    Raises:
        LabError: a role failed, or nobody asked for ownership.
    """
    laptop.guest.check(f"systemctl stop {SERVICE} {laptop.service}")
    scene = surround(laptop, security=NETWORKS[ssid], ssid=ssid)
    return _by_watcher(scene, lambda: apply(laptop).output)


def hand_over_by_watcher(scene: Scene) -> Run:
    """Start the watcher in a scene on a laptop to which the roles were applied, and return what became of it.

    Args:
        scene: one whose supplicant was not started.

    Raises:
        LabError: nobody asked for ownership.
    """
    guest = scene.laptop.guest
    guest.check(f"systemctl stop {SERVICE}")
    return _by_watcher(scene, lambda: guest.check(f"systemctl start {SERVICE}"))


def _by_watcher(scene: Scene, start: Callable[[], str]) -> Run:
    """Start the supplicant, then the watcher; return what became of the handover."""
    laptop = scene.laptop
    laptop.guest.check(f"systemctl start {laptop.service}")
    laptop.wait_supplicant()
    scene.csme.clear_log()
    laptop.record()
    output = start()
    with suppress(LabError):  # that nobody asks is told with what was printed
        laptop.wait_until("the request", scene.was_asked, 60)
    scene.check_request(output)
    settle(scene, WATCH_SECONDS)
    return Run(True, watcher_state(laptop)["last_handover"] or {}, observe(scene))


def own(scene: Scene, *flags: str, **options: Any) -> Dict[str, Any]:
    """Run the module that takes the radio on the scene's laptop; return its result, failed or not.

    Args:
        scene: the scene.
        flags: further arguments of ``ansible-playbook``.
        options: of the module.
    """
    return run_module(scene.laptop, "amt_wifi_ownership", options, *flags)


def kill_both(laptop: Laptop) -> str:
    """Kill the process that works on the radio, and the module that waits for it and would clean up; return which."""
    return laptop.guest.check(
        "w=$(lslocks -n -o PID,PATH | awk '/vpro-fleet/ {print $1}'); ps -eo pid,ppid,args | grep [p]ython3; echo $w; "
        "kill -9 $(awk '{print $4}' /proc/$w/stat) $w"
    )
