# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each thing that would keep a handover from succeeding is made true on a laptop, and the facts name it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Dict, FrozenSet, List, Tuple

import pytest

from vpro_lab.air.ap import DEFAULT_SSID, AccessPoint
from vpro_lab.air.csme import Csme
from vpro_lab.air.security import network_block
from vpro_lab.laptop.control import INTERFACE, MAC, Laptop
from vpro_lab.laptop.guest import PAYLOAD
from vpro_lab.laptop.udev import address, give_address
from vpro_lab.play.collected import collected_after
from vpro_lab.play.playbook import facts_after, run_module

# About wpa_supplicant, or about neither: once is enough.
pytestmark = [pytest.mark.manager("wpa_supplicant"), pytest.mark.standin]

CONTROL = "/sys/kernel/debug/csme_standin/control"
UNIT = "/etc/systemd/system/amt-wifi-watcher.service"
RUNTIME = "/run/amt-wifi-watcher"
SERVICE = f"wpa_supplicant@{INTERFACE}.service"
CONF = f"/etc/wpa_supplicant/wpa_supplicant-{INTERFACE}.conf"
STAYS = frozenset({"watcher_not_running"})
DIFFERS = "mac_address_differs"


@dataclass(frozen=True)
class Case:
    """One step: what is done to the laptop as the step before left it, and which blockers the facts have then."""

    script: str
    codes: FrozenSet[str]


def case(script: str, *codes: str) -> Case:
    """A step after which *codes* stand beside the watcher's."""
    return Case(script, STAYS | frozenset(codes))


def csme(command: str) -> str:
    """Give the stand-in a command."""
    return f"printf '%s' '{command}' > {CONTROL}\n"


def connection(ssid: bytes, auth: int, channel: int = 6) -> str:
    return csme(f"connection ssid={ssid.hex()} bssid=02:aa:bb:cc:dd:ee channel={channel} auth={auth} cipher=4")


def insmod(name: str, parameters: str = "") -> str:
    return f"insmod {PAYLOAD}/{name}.ko {parameters}\n"


#: The networks as the file has them, and what stands above them.
RELOAD = f"wpa_cli -i {INTERFACE} reconfigure\n"


def network(change: str) -> str:
    """Change the network of the file, as it stands there, in the running supplicant."""
    return f"{RELOAD}wpa_cli -i {INTERFACE} set_network 0 {change}"


_WAIT_SUPPLICANT = f"for i in $(seq 100); do wpa_cli -i {INTERFACE} ping >/dev/null 2>&1 && break; sleep 0.1; done\n"

RADIO = {
    "a profile that fits": Case(f"rm -f {UNIT}", frozenset({"watcher_not_installed"})),
    # A state whose process lives: what a watcher leaves while it runs. test_role_watcher.py has a real one.
    "all is ready": Case(
        f'touch {UNIT}\nmkdir -p {RUNTIME}\nprintf \'{{"pid": 1, "version": "1", "state": "watching"}}\' '
        f"> {RUNTIME}/state.json",
        frozenset(),
    ),
    "a watcher that does not run": case(f"rm -r {RUNTIME}"),
    "airplane mode": case("rfkill block wlan", "airplane_mode"),
    "the switch": case("rfkill unblock wlan\n" + csme("reason signal on"), "switch_off"),
    "a profile that is disabled": case(
        csme("reason signal off") + f"wpa_cli -i {INTERFACE} disable_network 0", "profile_disabled"
    ),
    "a profile with another MAC address": case(network("mac_addr 1"), "mac_address_differs"),
    "another MAC address above the networks": case(
        f"{RELOAD}wpa_cli -i {INTERFACE} set mac_addr 1", "mac_address_differs"
    ),
    "a profile that is not for CSME's channel": case(network("freq_list 5220"), "profile_unfit"),
    "a profile that excludes CSME's access point": case(
        network("bssid_ignore 02:aa:bb:cc:dd:ee") + "\n" + connection(b"corp", 7), "profile_unfit"
    ),
    "a profile for another access point": case(network("bssid_accept 02:00:00:00:09:01"), "profile_unfit"),
    "a profile without CSME's cipher": case(network("pairwise TKIP"), "profile_unfit"),
    "a profile that only has a stronger cipher for group traffic": case(network("group GCMP"), "profile_unfit"),
    "a profile of the protocol before WPA2": case(network("proto WPA"), "profile_unfit"),
    "a supplicant that chooses no network": case(f"{RELOAD}wpa_cli -i {INTERFACE} ap_scan 0", "profile_unfit"),
    "an interface with another MAC address": case(
        f"{RELOAD}ip link set {INTERFACE} down; ip link set {INTERFACE} address 02:00:00:00:09:09",
        "mac_address_differs",
    ),
    "a profile of another key management": case(
        f"ip link set {INTERFACE} address $(cat /sys/class/net/{INTERFACE}/phy80211/macaddress)\n"
        f"{RELOAD}{connection(b'corp', 9)}",
        "profile_unfit",
    ),
    "a channel that does not exist": case(connection(b"corp", 7, channel=255), "csme_unreadable"),
    "no profile": case(connection(b"another", 7), "no_profile"),
    "a supplicant that hangs": case(
        connection(b"corp", 7) + f"systemctl kill -s STOP {SERVICE}", "supplicant_unresponsive"
    ),
    "a supplicant without a socket": case(
        f"systemctl kill -s CONT {SERVICE}\nsed -i /ctrl_interface/d {CONF}\nsystemctl restart {SERVICE}\nsleep 1",
        "supplicant_no_control",
    ),
    "no supplicant": case(f"systemctl stop {SERVICE}", "no_supplicant"),
    "no station interface": case(f"ip link set {INTERFACE} down\niw dev {INTERFACE} set type monitor", "no_interface"),
    "a kernel that gives no reasons": case(
        f"iw dev {INTERFACE} set type managed\nsystemctl start {SERVICE}\n" + csme("no_reasons"),
        "kernel_too_old",
        "supplicant_no_control",
    ),
}

_MODULES = "/lib/modules/$(uname -r)"
#: Where the kernel shows the type information of loaded modules.
_TYPES = "/sys/kernel/btf"


def _names(*names: str) -> str:
    """Give iwlmvm type information with these names."""
    return f"printf '\\0{''.join(name + chr(92) + '0' for name in names)}' > {_TYPES}/iwlmvm\n"


DRIVERS = {
    "no iwlmei": case(insmod("iwlwifi") + insmod("iwlmvm"), "iwlmei_missing"),
    "iwlmei not loaded": case(
        f"mkdir -p {_MODULES}/updates\ncp {PAYLOAD}/iwlmei.ko {_MODULES}/updates/\ndepmod -a", "iwlmei_not_loaded"
    ),
    "iwlmei not bound": case("modprobe iwlmei bound=0", "iwlmei_not_bound"),
    "CSME does not answer": case("rmmod iwlmei\nmodprobe iwlmei sap_connected=0", "sap_not_connected"),
    "all there": case("rmmod iwlmei\nmodprobe iwlmei"),
    # The stand-in is built without type information, so its names are laid where the kernel would show them.
    "a driver that asks": case(
        f"mount -t tmpfs none {_TYPES}\n{_names('iwl_mvm_mei_rfkill', 'csme_taking_ownership')}"
    ),
    "a driver that does not ask": case(_names("iwl_mvm_mei_rfkill")),
    # Where there is nothing to watch, a watcher is not missed.
    "the other op mode": Case(
        f"umount {_TYPES}\nrmmod csme_standin iwlmvm\n" + insmod("iwlmld"),
        frozenset({"op_mode_unsupported", "no_radio"}),
    ),
    "no commands and no iwlmei": Case(
        f"rmmod iwlmld iwlmei\nrm {_MODULES}/updates/iwlmei.ko\ndepmod -a", frozenset({"iwlmei_missing", "no_radio"})
    ),
}


def codes(facts: Dict[str, Any]) -> FrozenSet[str]:
    """Return the codes of the blockers, which all have a message."""
    assert all(blocker["message"] for blocker in facts["readiness"]["blockers"])
    assert facts["readiness"]["ready"] is (not facts["readiness"]["blockers"])
    return frozenset(blocker["code"] for blocker in facts["readiness"]["blockers"])


def differences(
    cases: Dict[str, Case], facts: List[Dict[str, Any]]
) -> Dict[str, Tuple[FrozenSet[str], FrozenSet[str]]]:
    """Return what was found and what was expected, for each case in which the two differ."""
    found = zip(cases, map(codes, facts), (wanted.codes for wanted in cases.values()), strict=True)
    return {name: (seen, wanted) for name, seen, wanted in found if seen != wanted}


@pytest.fixture
def ready(laptop: Laptop) -> Laptop:
    """A laptop that lacks nothing but the watcher."""
    owner = Csme(laptop.guest)
    owner.connection(ssid=b"corp")
    owner.own()
    laptop.supplicant(network_block("wpa2-psk", b"corp"))
    return laptop


def test_each_blocker_of_radio_and_supplicant(ready: Laptop) -> None:
    facts = collected_after(ready, [step.script for step in RADIO.values()])
    assert differences(RADIO, facts) == {}


def test_each_blocker_of_the_drivers(ready: Laptop) -> None:
    ready.guest.check(f"touch {UNIT}")
    try:
        facts = dict(zip(DRIVERS, collected_after(ready, [step.script for step in DRIVERS.values()]), strict=True))
    finally:
        ready.guest.run(f"umount {_TYPES} 2>/dev/null")
    assert differences(DRIVERS, list(facts.values())) == {}
    whole = facts["all there"]
    assert whole["kernel"]["iwlmei"] == {
        **dict.fromkeys(("available", "loaded", "bound", "sap_connected"), True),
        # It is in no package and not signed, and the lab starts kernels without a boot loader.
        "source": "other",
        "signed": False,
        "for_kernels": [ready.image.kernel_release],
        "next_kernel": None,
    }
    assert whole["kernel"]["secure_boot"] is False
    assert whole["kernel"]["op_mode"] == "iwlmvm"
    assert next(r["driver"] for r in whole["radios"] if r["interface"] == INTERFACE) == "iwlwifi"
    release = tuple(map(int, whole["kernel"]["release"].split(".")[:2]))
    # The stand-in was not built together with the kernel. So it may be newer than an old kernel's version says.
    assert whole["kernel"]["generation"] == ("driver_managed" if release >= (6, 4) else None)
    assert facts["a driver that asks"]["kernel"]["generation"] == "driver_managed"
    assert facts["a driver that does not ask"]["kernel"]["generation"] == "userspace_managed"
    assert facts["the other op mode"]["kernel"]["generation"] == "unsupported"


@pytest.mark.parametrize("scans", ["0", "1"])
def test_a_link_file_is_named_whatever_address_the_interface_has(laptop: Laptop, ap: AccessPoint, scans: str) -> None:
    file = give_address(laptop, "MACAddressPolicy=random")
    laptop.radios()
    laptop.supplicant(f"preassoc_mac_addr={scans}\n" + network_block("wpa2-psk", DEFAULT_SSID))
    laptop.wait_until("its scan", lambda: "wpa_state=SCANNING" in laptop.wpa("status"), 20)
    facts = collected_after(laptop, ["sleep 1"])
    scanning = address(laptop, INTERFACE)
    ap.start("wpa2-psk", mac=MAC)
    laptop.wait_until("the connection", lambda: "wpa_state=COMPLETED" in laptop.wpa("status"), 60)
    facts += collected_after(laptop, ["true"])
    connected = address(laptop, INTERFACE)
    assert connected != MAC, "wpa_supplicant joins with the address that udevd gave"
    assert (scanning != connected) == (scans == "1")
    for each in facts:
        (told,) = [blocker["message"] for blocker in each["readiness"]["blockers"] if blocker["code"] == DIFFERS]
        assert f"{file}: MACAddressPolicy=random" in told
        assert f"Set MACAddressPolicy=persistent in [Link] of {file} instead" in told


def test_a_supplicant_that_hangs_costs_a_second_at_most(ready: Laptop) -> None:
    def seconds() -> float:
        began = ready.guest.monotonic()
        run_module(ready, "amt_wifi_facts")
        return ready.guest.monotonic() - began

    usual = min(seconds() for _time in range(2))
    ready.guest.check(f"systemctl kill -s STOP {SERVICE}")
    # The bound is one second in all. Between the laptop and its host goes some of the host's time, which may be slow.
    assert min(seconds() for _time in range(2)) - usual < 2.0


#: Where a test puts an interpreter of its own; programs can't be run from /run.
INTERPRETER = "/usr/local/bin/lab-python"
#: An interpreter that is Python in a container: a network, a process tree and a /sys of its own, and no /run.
_IN_CONTAINER = """#!/bin/sh
exec unshare --net --pid --fork --mount --mount-proc sh -c '
umount -l /sys/kernel/debug /sys 2>/dev/null; mount -t tmpfs none /run; exec python3 "$@"' sh "$@"
"""
#: An interpreter that sees no package of the distribution's, so no pyroute2.
_WITHOUT_PACKAGES = '#!/bin/sh\nexec python3 -S "$@"\n'


@pytest.mark.parametrize(
    ("interpreter", "code"),
    [
        pytest.param(_IN_CONTAINER, "no_radio", id="in a container"),
        pytest.param(_WITHOUT_PACKAGES, "library_missing", id="without pyroute2"),
    ],
)
def test_without_what_it_needs_it_says_so(ready: Laptop, interpreter: str, code: str) -> None:
    ready.guest.write(INTERPRETER, interpreter, mode=0o755)
    facts = facts_after(ready, ["true"], ansible_python_interpreter=INTERPRETER)[0]
    assert (facts["supported"], facts["radios"]) == (False, [])
    assert facts["reason"]
    assert code in codes(facts), json.dumps(facts["readiness"])
