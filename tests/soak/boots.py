# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Boot a laptop again and again while CSME holds its radio for a session, and count the sessions that live.

PSK, SAE with PMF and EAP-TLS in turn; CSME's station leaves the air with and without a word in turn. After the boots
come full resets, which take a fifth of the time: radio, CSME, session and access point begin anew, and watcher and
supplicant are started again, without the rest of a boot. The exit status is 0 only if every session lived.
"""

from __future__ import annotations

from itertools import product
from typing import Any, Dict, List

from vpro_lab.air.boot import boot_into
from vpro_lab.air.scene import Scene, surround
from vpro_lab.errors import LabError
from vpro_lab.figures import machine, spread, write_report
from vpro_lab.laptop.control import Laptop
from vpro_lab.measuring import parser, report_of, run, running
from vpro_lab.paths import BUILD
from vpro_lab.play.deployed import (
    GENERATIONS,
    NETWORKS,
    SERVICE,
    hold_of,
    is_connected,
    story,
    watcher_state,
)
from vpro_lab.progress import Progress

REPORT = BUILD / "soak" / "boots"


def reset_into(laptop: Laptop, **arguments: Any) -> Scene:
    """Build a scene, and start watcher and supplicant in it, as :func:`vpro_lab.air.boot.boot_into` does."""
    # A hold that ends starts the supplicant, so that goes second.
    laptop.guest.check(f"systemctl stop {hold_of(laptop)}; systemctl stop {laptop.service}")
    scene = surround(laptop, **arguments)
    laptop.guest.check(f"systemctl restart {SERVICE}; systemctl --no-block start {laptop.service}")
    return scene


def one(laptop: Laptop, how: str, ssid: bytes, leave: str, suite: str) -> Dict[str, Any]:
    """Boot or reset once; return what became of the session.

    Times in ms, from the request where they are of the handover.
    """
    begin = boot_into if how == "boot" else reset_into
    scene = begin(laptop, security=NETWORKS[ssid], ssid=ssid, leave=leave, generation=GENERATIONS[suite])
    found: Dict[str, Any] = {"how": how, "ssid": ssid.decode(), "leave": leave}
    try:
        laptop.wait_until("the host's connection", lambda: is_connected(laptop), 60)
    except LabError as error:
        return {**found, "kept": False, "why": str(error), "story": story(laptop)}
    kept = scene.session.survives()
    request = next(line.t for line in scene.csme.log() if line.event == "request")
    carrier = next((line.t for line in scene.csme.log() if line.event == "carrier_on" and line.t > request), None)
    session = scene.session.record()
    found.update(
        kept=kept and session.opened < request,
        carrier_ms=None if carrier is None else (carrier - request) * 1000,
        silence_ms=session.largest_silence(request - 1.0) * 1000,
        lost=session.why,
        quiet_ms=session.quiet * 1000,
        watcher=watcher_state(laptop)["last_handover"],
    )
    return found if found["kept"] else {**found, "story": story(laptop)}


def main() -> int:
    """Soak and report; return the exit status."""
    options_of = parser(__doc__)
    options_of.add_argument("--boots", type=int, default=20, help="default: %(default)s")
    options_of.add_argument("--resets", type=int, default=30, help="default: %(default)s")
    options = options_of.parse_args()
    progress = Progress()
    boots: List[Dict[str, Any]] = []
    report = report_of(REPORT, options)
    with running(options, progress, deployed=True) as laptop:
        rounds = ["boot"] * options.boots + ["reset"] * options.resets
        for number, how in enumerate(rounds):
            ssid = list(NETWORKS)[number % len(NETWORKS)]
            leave = ("deauth", "silent")[number // len(NETWORKS) % 2]
            with progress.step(f"{how} ({number + 1} of {len(rounds)}): {ssid.decode()}, CSME leaves: {leave}"):
                boots.append(one(laptop, how, ssid, leave, options.suite))
            progress.say(
                f"  {'kept' if boots[-1]['kept'] else 'LOST'}, silence {boots[-1].get('silence_ms', 0):.0f} ms"
            )
            # At once: a soak that is stopped has its figures.
            told = {
                "machine": machine(options.shift),
                "suite": options.suite,
                "manager": options.manager,
            }
            write_report(report, {**told, "boots": boots})
    for how, ssid, leave in product(("boot", "reset"), NETWORKS, ("deauth", "silent")):
        mine = [each for each in boots if (each["how"], each["ssid"], each["leave"]) == (how, ssid.decode(), leave)]
        if mine:
            silence, carrier = (spread([each.get(name) for each in mine]) for name in ("silence_ms", "carrier_ms"))
            print(
                f"{how}, {ssid.decode()}, {leave}: kept {sum(each['kept'] for each in mine)} of {len(mine)}; "
                f"request to carrier {carrier.get('median', 0):.0f} ms (to {carrier.get('max', 0):.0f}), "
                f"silence {silence.get('median', 0):.0f} ms (to {silence.get('max', 0):.0f})"
            )
    print(f"figures: {report.relative_to(BUILD.parent)}")
    return 0 if all(each["kept"] for each in boots) else 1


if __name__ == "__main__":
    run(main, "soak")
