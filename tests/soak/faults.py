# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Let CSME take the radio again and again, with a fault at a random moment, and see that no laptop is stranded.

Each round has to end within 30 s un-pinned, and connected or free to roam: the host has the radio and nothing keeps it
from joining any network, or CSME kept it. The exit status is 0 only if every round did.
"""

from __future__ import annotations

import random
import time
from typing import Any, Dict, List

from vpro_lab.air.scene import Scene, surround
from vpro_lab.errors import LabError
from vpro_lab.figures import machine, spread, write_report
from vpro_lab.laptop.control import INTERFACE, MAC, Laptop
from vpro_lab.measuring import parser, report_of, run, running
from vpro_lab.paths import BUILD
from vpro_lab.play.deployed import SERVICE, is_connected, story
from vpro_lab.progress import Progress

REPORT = BUILD / "soak" / "faults"
_SSID = b"corp-psk"
#: The rounds have to have ended by then, in seconds after the fault.
_LIMIT = 30.0
#: The latest moment of a fault, in seconds after CSME took the radio: a handover is over by then.
_LATEST = 2.0

_CONTROL = "/sys/kernel/debug/csme_standin/control"
#: What goes wrong, as the laptop's shell does it.
FAULTS: Dict[str, str] = {
    "watcher killed": f"systemctl kill -s KILL {SERVICE}",
    # Debian's service is not started again by itself; whoever restarts it, it comes back.
    "supplicant killed": "systemctl kill -s KILL {service}; sleep 0.2; systemctl restart {service}",
    "supplicant restarted": "systemctl restart {service}",
    "access point gone": "pkill -x hostapd",
    "denied": f"echo answer deny > {_CONTROL}; echo take > {_CONTROL}",
    "silent": f"echo answer silent > {_CONTROL}; echo take > {_CONTROL}",
    "taken back": f"echo take > {_CONTROL}",
    "roaming forbidden, its end lost": f"echo roaming forbidden > {_CONTROL}; sleep 1; pkill -x hostapd",
    # The laptop's radio alone: the access point and CSME are in the same machine.
    "airplane mode": (
        f"i=$(cat /sys/class/net/{INTERFACE}/phy80211/rfkill*/index); rfkill block $i; sleep 1; rfkill unblock $i"
    ),
    "interface removed": (
        f"p=$(cat /sys/class/net/{INTERFACE}/phy80211/name); iw dev {INTERFACE} del; sleep 1; "
        f"iw phy $p interface add {INTERFACE} type managed; systemctl restart {{service}}"
    ),
}


#: What the laptop says of itself, in one go: a look that takes long would miss a pause between two requests.
_LOOK = f"""
systemctl is-active -q {SERVICE} $service || exit 1
grep -o '^owner=.*' {_CONTROL}
python3 -c 'import json; print("state=" + json.load(open("/run/{SERVICE}/state.json"))["state"])' || exit 1
ls /run/vpro-fleet/*.journal 2>/dev/null
# Only a pin of wpa_supplicant's own backend disables networks; what a killed NetworkManager left there is, too.
wpa_cli -i {INTERFACE} list_networks | tail -n +2 | awk -F'\t' -v service="$service" \
    '$3 != "any" || ($4 ~ /DISABLED/ && service ~ /^wpa_supplicant/) {{ print "pinned " $0 }}'
for id in $(wpa_cli -i {INTERFACE} list_networks | tail -n +2 | cut -f 1); do
    wpa_cli -i {INTERFACE} get_network $id scan_freq | grep -v -e '^FAIL' -e '^$' && echo pinned scan_freq $id
done
exit 0
"""


def ended(scene: Scene) -> bool:
    """Say whether nothing is pinned, and nobody is about to pin what the host could use.

    While CSME keeps the radio, the watcher asks again, with longer and longer pauses and no pin in them.
    """
    look = scene.laptop.guest.run(f"service={scene.laptop.service}{_LOOK}")
    if look.rc:  # a service that is just starting
        return False
    owner, state, *pins = look.out.splitlines()
    quiet = ("state=watching", "state=left") + (("state=retrying",) if owner == "owner=csme" else ())
    return state in quiet and not pins


def settled(scene: Scene) -> bool:
    """Say whether it has ended, and stays so."""
    if not ended(scene):
        return False
    time.sleep(1)
    return ended(scene)


def stage(laptop: Laptop) -> Scene:
    """Set the scene up: the host has the radio and is connected, CSME's profile is the host's."""
    laptop.guest.check(f"rfkill unblock all; systemctl stop {laptop.service}")
    scene = surround(laptop, ssid=_SSID, session=False)
    laptop.guest.check(f"systemctl restart {SERVICE}; systemctl start {laptop.service}")
    laptop.wait_until("the first connection", lambda: is_connected(laptop), 60)
    scene.csme.roaming(forbidden=False)
    laptop.wait_until("its end", lambda: settled(scene), 60)
    return scene


def one(scene: Scene, name: str, moment: float) -> Dict[str, Any]:
    """Make one fault; return how the round ended. Times in s."""
    guest = scene.laptop.guest
    fault = FAULTS[name].format(service=scene.laptop.service)
    guest.check(f"echo take > {_CONTROL}; sleep {moment:.3f}; {fault}", timeout=60)
    begun = time.monotonic()
    found: Dict[str, Any] = {"fault": name, "moment": moment, "ended": None}
    try:
        scene.laptop.wait_until("the end", lambda: settled(scene), _LIMIT)
    except LabError:
        return found
    found.update(
        ended=time.monotonic() - begun, owner=scene.csme.state()["owner"], connected=is_connected(scene.laptop)
    )
    return found


def back(scene: Scene) -> bool:
    """Bring everything back for the next round without a new scene; say whether the host is connected again.

    It is part of the proof: what a fault left is overcome as soon as its cause is.
    """
    guest = scene.laptop.guest
    guest.check(f"rfkill unblock all; echo answer grant > {_CONTROL}")
    if not guest.call("alive", name="hostapd"):
        guest.stop("hostapd")
        guest.stop("dnsmasq")
        scene.ap.start("wpa2-psk", ssid=_SSID, mac=MAC)
    if scene.csme.state()["owner"] == "csme":
        # CSME's connection is there again: something changed, which the watcher is told of by the next block.
        guest.check(f"echo release > {_CONTROL}")
    try:
        scene.laptop.wait_until("the connection", lambda: is_connected(scene.laptop), 60)
        scene.csme.roaming(forbidden=False)
        scene.laptop.wait_until("its end", lambda: settled(scene), 60)
    except LabError:
        return False
    return True


def main() -> int:
    """Soak and report; return the exit status."""
    options_of = parser(__doc__)
    options_of.add_argument("--faults", type=int, default=200, help="default: %(default)s")
    options_of.add_argument("--only", choices=list(FAULTS), action="append", help="these faults (default: all)")
    options_of.add_argument("--seed", type=int, default=0, help="of the random moments (default: %(default)s)")
    options = options_of.parse_args()
    chance = random.Random(options.seed)
    progress = Progress()
    rounds: List[Dict[str, Any]] = []
    report = report_of(REPORT.with_name(f"{REPORT.name}-{options.seed}"), options)
    with running(options, progress, deployed=True) as laptop:
        scene = stage(laptop)
        for number in range(options.faults):
            name, moment = chance.choice(options.only or list(FAULTS)), chance.uniform(0, _LATEST)
            with progress.step(f"round {number + 1} of {options.faults}: {name}, after {moment:.3f} s"):
                found = one(scene, name, moment)
                found["back"] = found["ended"] is not None and back(scene)
            rounds.append(found)
            if not found["back"]:
                progress.say(f"  STRANDED: {found}; its story is in {report.relative_to(BUILD.parent)}")
                found["story"] = laptop.guest.run(f"cat /run/{SERVICE}/state.json; wpa_cli list_networks").out
                found["story"] += story(laptop)
                scene = stage(laptop)
            # At once: a soak that is stopped has its figures.
            told = {
                "machine": machine(options.shift),
                "suite": options.suite,
                "manager": options.manager,
                "seed": options.seed,
            }
            write_report(report, {**told, "rounds": rounds})
    for name in FAULTS:
        mine = [each for each in rounds if each["fault"] == name]
        if mine:
            figures = spread([each["ended"] for each in mine])
            print(
                f"{name:<32} {sum(each['back'] for each in mine)} of {len(mine)} not stranded; "
                f"ended after {figures.get('median', 0):.1f} s (to {figures.get('max', 0):.1f})"
            )
    print(f"figures: {report.relative_to(BUILD.parent)}")
    return 0 if all(each["back"] for each in rounds) else 1


if __name__ == "__main__":
    run(main, "soak")
