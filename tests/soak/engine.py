# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Let what is between CSME and the driver fail while CSME's session lives through the host, over the real iwlmei.

Each round has to end within a minute with a laptop that is connected, un-pinned and watched. The exit status is 0 only
if every round did.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any, Dict, List

from vpro_lab.air.scene import Scene
from vpro_lab.errors import LabError
from vpro_lab.figures import machine, spread, write_report
from vpro_lab.laptop.control import Laptop
from vpro_lab.laptop.radios import FIRMWARE
from vpro_lab.laptop.reload import RELOAD
from vpro_lab.measuring import parser, report_of, run
from vpro_lab.paths import BUILD
from vpro_lab.play.deployed import SERVICE, is_connected, story, watcher_state
from vpro_lab.play.snapshots import Kind, in_scene, restored
from vpro_lab.progress import Progress

REPORT = BUILD / "soak" / "engine"
#: A round has to have ended by then, in seconds of the laptop's time.
_LIMIT = 60.0
#: The latest moment of a fault, in seconds after the handover has succeeded.
_LATEST = 2.0
#: How long a fault has its effect before the laptop is looked at: CSME's deadline is over then, too.
_EFFECT = 5.0

_CLIENT = "$(basename /sys/bus/mei/devices/*13280904*)"
_BIND = "/sys/bus/mei/drivers/iwlmei"


def _told(command: str) -> str:
    """Return the shell's line that has the firmware do something."""
    return f"python3 {FIRMWARE} --ask '{command}' >/dev/null"


#: What fails, as the laptop's shell does it.
FAULTS: Dict[str, str] = {
    "the firmware crashes": _told('{"do": "reset"}'),
    "AMT is switched off": _told('{"do": "amt", "on": false}'),
    "AMT is switched off and on": f"""{_told('{"do": "amt", "on": false}')}; {_told('{"do": "amt", "on": true}')}""",
    "iwlmei is unbound and bound": f"echo {_CLIENT} >{_BIND}/unbind; sleep 1; echo {_CLIENT} >{_BIND}/bind",
    "CSME takes its radio": _told('{"do": "take"}'),
    "the radio's driver is reloaded": RELOAD,
}


def quiet(laptop: Laptop) -> bool:
    """Say whether the laptop is connected, un-pinned and watched."""
    return is_connected(laptop) and laptop.pins() == "" and watcher_state(laptop)["state"] == "watching"


def handed_over(scene: Scene) -> None:
    """Let CSME open a session and take the radio, and wait until the watcher has it for the host.

    Raises:
        LabError: it has not.
    """
    scene.csme.protects(session=True)
    scene.csme.take()
    scene.laptop.wait_until("the handover", lambda: watcher_state(scene.laptop)["state"] == "staying", _LIMIT)


def one(scene: Scene, name: str, moment: float) -> Dict[str, Any]:
    """Make one fault; return how the round ended, with the time after the fault's effect in s."""
    laptop, found = scene.laptop, {"fault": name, "moment": moment, "ended": None}
    try:
        handed_over(scene)
        laptop.guest.check(f"sleep {moment:.3f}; {FAULTS[name]}; sleep {_EFFECT}")
        # Nobody has to say that roaming is allowed again where CSME can't say anything.
        begun = laptop.guest.monotonic()
        scene.csme.protects(session=False)
        laptop.wait_until("the end", lambda: quiet(laptop), _LIMIT)
        found["ended"] = laptop.guest.monotonic() - begun
        laptop.guest.check(_told('{"do": "amt", "on": true}'))
    except LabError as error:
        found["error"] = str(error)
    return found


def scene_of(kind: Kind, folder: Path, progress: Progress) -> Scene:
    """Return a laptop in the usual scene, with a watcher that has handed over, and no session any more."""
    scene = in_scene(kind, lambda which: restored("laptop", folder, which, progress))
    scene.laptop.wait_until("the first handover", lambda: watcher_state(scene.laptop)["state"] == "staying", _LIMIT)
    scene.csme.roaming(forbidden=False)
    scene.laptop.wait_until("its end", lambda: quiet(scene.laptop), _LIMIT)
    return scene


def main() -> int:
    """Soak and report; return the exit status."""
    options_of = parser(__doc__)
    options_of.add_argument("--rounds", type=int, default=20, help="of each fault (default: %(default)s)")
    options_of.add_argument("--only", choices=list(FAULTS), action="append", help="these faults (default: all)")
    options_of.add_argument("--seed", type=int, default=0, help="of the random moments (default: %(default)s)")
    options = options_of.parse_args()
    chance, progress = random.Random(options.seed), Progress()
    names = [name for _round in range(options.rounds) for name in options.only or FAULTS]
    rounds: List[Dict[str, Any]] = []
    report = report_of(REPORT, options)
    kind = Kind(options.suite, options.manager, deployed=True, shift=options.shift, engine=True)
    with tempfile.TemporaryDirectory(prefix="vpro-soak-") as state:
        scene = scene_of(kind, Path(state) / "0", progress)
        try:
            for number, name in enumerate(names, 1):
                moment = chance.uniform(0, _LATEST)
                with progress.step(f"round {number} of {len(names)}: {name}, after {moment:.3f} s"):
                    found = one(scene, name, moment)
                rounds.append(found)
                if found["ended"] is None:
                    progress.say(f"  STRANDED: {found}; its story is in {report.relative_to(BUILD.parent)}")
                    found["story"] = scene.laptop.guest.run(f"cat /run/{SERVICE}/state.json").out + story(scene.laptop)
                    scene.laptop.down(remove=True)
                    scene = scene_of(kind, Path(state) / str(number), progress)
                # At once: a soak that is stopped has its figures.
                told = {"machine": machine(options.shift), "suite": options.suite, "manager": options.manager}
                write_report(report, {**told, "seed": options.seed, "rounds": rounds})
        finally:
            scene.laptop.down()
    for name in FAULTS:
        mine = [each for each in rounds if each["fault"] == name]
        if mine:
            ended = [each["ended"] for each in mine if each["ended"] is not None]
            figures = spread(ended)
            print(
                f"{name:<32} {len(ended)} of {len(mine)} not stranded; "
                f"ended after {figures.get('median', 0):.1f} s (to {figures.get('max', 0):.1f})"
            )
    print(f"figures: {report.relative_to(BUILD.parent)}")
    return 0 if all(each["ended"] is not None for each in rounds) else 1


if __name__ == "__main__":
    run(main, "soak")
