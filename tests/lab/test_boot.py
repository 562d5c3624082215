# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A laptop with both roles applied boots while CSME holds its radio for a session, on both kernel generations."""

from __future__ import annotations

import json
from typing import Any, Callable

import pytest

from vpro_lab.air.boot import boot_into
from vpro_lab.air.scene import Scene, surround
from vpro_lab.air.security import PASSPHRASE
from vpro_lab.laptop.control import INTERFACE, Laptop
from vpro_lab.laptop.networkmanager import state as networkmanager_state
from vpro_lab.play.deployed import (
    GENERATIONS,
    NETWORKS,
    SERVICE,
    SUPPLICANT,
    VARIABLES,
    hold_of,
    is_connected,
    is_unpinned,
    story,
)
from vpro_lab.play.playbook import run_module, run_tasks
from vpro_lab.play.watching import state

NM = "org.freedesktop.NetworkManager"
#: What has NetworkManager leave the interface alone.
ALONE = "/etc/NetworkManager/conf.d/lab-alone.conf"
MISSING = {"interface": INTERFACE, "ssid": "corp-new", "security": "psk", "passphrase": PASSPHRASE}


@pytest.fixture
def booted(deployed: Callable[[str], Laptop]) -> Callable[..., Scene]:
    """Boots the laptop of a suite into a scene."""

    def build(suite: str, *, boot: bool = True, **arguments: Any) -> Scene:
        laptop = deployed(suite)
        arguments.setdefault("generation", GENERATIONS[suite])
        if boot:
            return boot_into(laptop, **arguments)
        # A hold that ends starts the supplicant, so that goes second.
        laptop.guest.check(f"systemctl stop {hold_of(laptop)}; systemctl stop {laptop.service}")
        return surround(laptop, **arguments)

    return build


@pytest.mark.parametrize(
    ("suite", "ssid"),
    [
        ("bookworm", b"corp-sae"),
        pytest.param("bookworm", b"corp-tls", marks=pytest.mark.release),
        pytest.param("trixie", b"corp-psk", marks=pytest.mark.with_networkmanager),
    ],
)
def test_a_session_lives_through_a_boot(booted: Callable[..., Scene], suite: str, ssid: bytes) -> None:
    scene = booted(suite, security=NETWORKS[ssid], ssid=ssid)
    scene.laptop.wait_until("the host's connection", lambda: is_connected(scene.laptop), 60)
    assert scene.session.survives(), story(scene.laptop)
    assert scene.csme.state()["owner"] == "host"
    # A session that was lost and opened anew would not be this one.
    assert scene.session.record().opened < next(line.t for line in scene.csme.log() if line.event == "request")
    # CSME's word arrives, and the host is kept where it is; then it is free.
    scene.csme.protects(session=True)
    scene.laptop.wait_until("the stay", lambda: state(scene.laptop)["state"] == "staying", 30)
    assert scene.laptop.pins() != ""
    scene.csme.protects(session=False)
    scene.laptop.wait_until("the pin's end", lambda: is_unpinned(scene.laptop, NETWORKS[ssid]), 30, 0.5)
    assert scene.session.survives(), "un-pinning dropped the link"


@pytest.mark.parametrize("suite", [pytest.param("bookworm", marks=pytest.mark.release), "trixie"])
def test_without_credentials_the_radio_stays_with_csme(booted: Callable[..., Scene], suite: str) -> None:
    scene = booted(suite, ssid=b"corp-new")
    laptop = scene.laptop
    kept = {"bookworm": "left", "trixie": "held"}[suite]
    laptop.wait_until("the decision", lambda: state(laptop)["state"] == kept, 60)
    assert scene.session.survives(), story(laptop)
    assert (scene.csme.state()["requests"], scene.csme.state()["owner"]) == ("0", "csme")
    # State, command, log and facts say which profile is wanted.
    radio = state(laptop)["radios"][0]
    assert (radio["reason"], radio["wanted"]["ssid"], radio["wanted"]["auth"]) == ("no_credentials", "corp-new", "psk")
    assert "add a profile for 'corp-new' (psk)" in laptop.guest.check(f"{SERVICE} status")
    assert "'corp-new'" in laptop.guest.check(f"journalctl -b -o cat -u {SERVICE}")
    facts = run_module(laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
    blockers = {blocker["code"]: blocker["message"] for blocker in facts["readiness"]["blockers"]}
    assert list(blockers) == ["no_profile"], blockers
    assert "'corp-new'" in blockers["no_profile"]
    # Somebody adds it, and the same session is carried on.
    assert run_module(laptop, "amt_wifi_profile", MISSING)["changed"] is True
    try:
        laptop.wait_until("the host's connection", lambda: is_connected(laptop), 40)
        assert scene.session.survives(), story(laptop)
    finally:
        run_module(laptop, "amt_wifi_profile", {"interface": INTERFACE, "ssid": "corp-new", "state": "absent"})


@pytest.mark.manager("networkmanager")
def test_an_interface_that_networkmanager_is_to_leave_alone_is_not_given_to_it(
    deployed: Callable[[str], Laptop], booted: Callable[..., Scene]
) -> None:
    guest = deployed("trixie").guest
    guest.write(ALONE, f"[device-{INTERFACE}]\nmatch-device=interface-name:{INTERFACE}\nmanaged=0\n")
    try:
        # It has a profile that fits.
        scene = booted("trixie", security=NETWORKS[b"corp-psk"], ssid=b"corp-psk")
        guest = scene.laptop.guest
        asked = f"busctl get-property {NM} /org/freedesktop/NetworkManager {NM} Startup"
        scene.laptop.wait_until(
            "the end of NetworkManager's start", lambda: guest.run(asked).out.strip() == "b false", 60
        )
        assert networkmanager_state(scene.laptop) == "unmanaged", story(scene.laptop)
        begun = guest.check(f"systemctl show -P ExecMainStartTimestampMonotonic {hold_of(scene.laptop)}").strip()
        assert begun == "0", story(scene.laptop)
        assert (scene.csme.state()["requests"], scene.csme.state()["owner"]) == ("0", "csme")
        assert scene.session.survives()
    finally:
        guest.check(f"rm -f {ALONE}")


@pytest.fixture
def supplicant_starts(booted: Callable[..., Scene]) -> Callable[..., Scene]:
    """Starts the supplicant of a driver-managed laptop for a new radio: what a boot comes down to."""

    def start(before: str = "true", **arguments: Any) -> Scene:
        scene = booted("trixie", boot=False, **arguments)
        scene.laptop.guest.check(before)
        scene.laptop.guest.check(f"systemctl --no-block start {scene.laptop.service}")
        return scene

    return start


def is_up(laptop: Laptop) -> bool:
    """Say whether the supplicant runs, and has brought its interface up."""
    flags = f"/sys/class/net/{INTERFACE}/flags"
    return laptop.guest.run(f"systemctl is-active -q {laptop.service} && grep -q 1003 {flags}").rc == 0


def set_config(**settings: Any) -> str:
    """Return what gives the watcher another configuration."""
    return f"echo '{json.dumps(settings)}' > /etc/{SERVICE}/config.json; systemctl reload {SERVICE}"


@pytest.mark.parametrize(
    "before",
    [
        f"systemctl stop {SERVICE}",
        set_config(hold_bring_up_seconds=0),
        set_config(no_credentials="take"),
        # Whatever is wrong with the command.
        f"mv /usr/sbin/{SERVICE} /usr/sbin/{SERVICE}.hidden",
    ],
    ids=["no watcher", "not wanted", "taken anyway", "no command"],
)
def test_nothing_is_held_back(supplicant_starts: Callable[..., Scene], before: str) -> None:
    scene = supplicant_starts(before, ssid=b"corp-new", session=False)
    try:
        scene.laptop.wait_until("the bring-up", lambda: is_up(scene.laptop), 15)
        assert scene.csme.state()["owner"] == "host"
    finally:
        undo = f"mv /usr/sbin/{SERVICE}.hidden /usr/sbin/{SERVICE} 2>/dev/null; rm -f /etc/{SERVICE}/config.json"
        scene.laptop.guest.check(f"{undo}; systemctl restart {SERVICE}")


@pytest.mark.manager("wpa_supplicant")
def test_the_role_says_that_a_supplicant_is_held_back(supplicant_starts: Callable[..., Scene]) -> None:
    scene = supplicant_starts(ssid=b"corp-new")
    scene.laptop.wait_until("the hold", lambda: state(scene.laptop)["state"] == "held", 15)
    task = {"name": "the role", "ansible.builtin.include_role": {"name": "vpro.fleet.supplicant"}}
    said = " ".join(run_tasks(scene.laptop, [task], "-e", json.dumps(VARIABLES)).ok().output.split())
    assert f"{SUPPLICANT} is not started yet, so that CSME's session is not lost" in said
    assert scene.session.survives()


def test_it_is_held_back_for_a_bounded_time(supplicant_starts: Callable[..., Scene]) -> None:
    scene = supplicant_starts(set_config(hold_bring_up_seconds=12), ssid=b"corp-new")
    laptop = scene.laptop
    try:
        laptop.wait_until("the hold", lambda: state(laptop)["state"] == "held", 15)
        assert scene.session.survives()
        laptop.wait_until("the bring-up", lambda: is_up(laptop), 20)
        laptop.wait_until("the watcher's knowledge", lambda: state(laptop)["state"] != "held", 10)
    finally:
        laptop.guest.check(f"rm -f /etc/{SERVICE}/config.json; systemctl reload {SERVICE}")


@pytest.mark.parametrize(
    "end",
    [
        f"systemctl stop {SERVICE}; sleep 8; systemctl start {SERVICE}",
        "systemctl kill -s KILL {hold}",
        f"ip link set {INTERFACE} up",
    ],
    ids=["the watcher stops", "the hold is killed", "somebody brings it up"],
)
def test_what_ends_a_hold(supplicant_starts: Callable[..., Scene], end: str) -> None:
    scene = supplicant_starts(ssid=b"corp-new", session=False)
    laptop = scene.laptop
    laptop.wait_until("the hold", lambda: state(laptop)["state"] == "held", 15)
    laptop.guest.check(end.format(hold=hold_of(laptop)))
    # Which is the request. It may be over by now: without a profile, CSME takes the radio back.
    laptop.wait_until("the bring-up", lambda: scene.csme.state()["requests"] != "0", 15)
    laptop.wait_until("the watcher's knowledge", lambda: state(laptop)["state"] != "held", 10)


@pytest.mark.manager("wpa_supplicant")
def test_nobody_can_tell_the_owner_of_an_interface_that_is_down_where_the_driver_asks(
    booted: Callable[..., Scene],
) -> None:
    scene = booted("trixie", boot=False, session=False)
    laptop, csme = scene.laptop, scene.csme
    laptop.guest.check(f"systemctl stop {SERVICE}")
    try:
        csme.waits(0)
        facts = run_module(laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
        assert next(r["owner"] for r in facts["radios"] if r["interface"] == INTERFACE) == "unknown"
        assert run_module(laptop, "amt_wifi_ownership")["error"]["code"] == "owner_unknown"
        # Bringing it up is the request.
        laptop.guest.check(f"ip link set {INTERFACE} up")
        kept = run_module(laptop, "amt_wifi_ownership")
        assert (kept["changed"], kept["owner"]) == (False, "host")
    finally:
        laptop.guest.check(f"systemctl start {SERVICE}")
