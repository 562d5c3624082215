# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The watcher on a laptop that lacks something: it is in nobody's way, says so once, and comes back by itself."""

from __future__ import annotations

from typing import Callable

import pytest

from vpro_lab.air.scene import Scene
from vpro_lab.laptop.control import INTERFACE, Laptop
from vpro_lab.play.deployed import SERVICE
from vpro_lab.play.watching import log, start_supplicant, state, wait_for

Watched = Callable[..., Scene]
#: The libraries that the watcher needs, as Debian's packages have them.
LIBRARY = "/usr/lib/python3/dist-packages/pyroute2"
JEEPNEY = "/usr/lib/python3/dist-packages/jeepney"


def assert_runs_on(laptop: Laptop) -> None:
    """Make sure that the watcher runs, and that systemd never had to start it again."""
    shown = sorted(laptop.guest.check(f"systemctl show -P ActiveState -P NRestarts {SERVICE}").split())
    assert shown == ["0", "active"], log(laptop)


def seconds_of_start(laptop: Laptop) -> float:
    """Return how long systemd waited for the watcher's start, which everything that uses a network waits for."""
    shown = laptop.guest.check(
        f"systemctl show -P InactiveExitTimestampMonotonic -P ActiveEnterTimestampMonotonic {SERVICE}"
    )
    begun, ended = (int(line) for line in shown.split())
    assert ended >= begun > 0, "it is not active"
    return (ended - begun) / 1e6


@pytest.mark.parametrize(
    ("take", "give", "what"),
    [
        pytest.param(f"mv {LIBRARY} {LIBRARY}.hidden", f"mv {LIBRARY}.hidden {LIBRARY}", "pyroute2", id="pyroute2"),
        pytest.param(
            "rm /dev/rfkill", "mknod -m 0664 /dev/rfkill c 10 242", "this kernel has no rfkill", id="rfkill's device"
        ),
    ],
)
def test_a_watcher_that_lacks_something_is_in_nobodys_way_and_comes_back(
    watched: Watched, take: str, give: str, what: str
) -> None:
    scene = watched(session=False, start=False)
    laptop = scene.laptop
    laptop.guest.check(f"systemctl restart {SERVICE}")
    usual = seconds_of_start(laptop)
    laptop.guest.check(take)
    try:
        laptop.guest.check(f"systemctl restart {SERVICE}")
        assert seconds_of_start(laptop) < usual + 3, "the boot does not wait for what is missing"
        laptop.guest.check("sleep 5")
        assert_runs_on(laptop)
        assert log(laptop).count("waits for what is missing") == 1, log(laptop)
        assert state(laptop)["state"] == "lacking"
        asked = laptop.guest.run(f"{SERVICE} status")
        assert asked.rc == 1
        assert what in asked.err
        # What brings an interface up is not kept waiting either.
        assert laptop.guest.run(f"{SERVICE} bring-up {INTERFACE}").rc != 3
    finally:
        laptop.guest.check(give)
    # Nothing is started again: the watcher hears of it.
    wait_for(scene, "left", "retrying", "handover", "staying", "watching")
    assert laptop.guest.check(f"systemctl show -P NRestarts {SERVICE}").strip() == "0"
    start_supplicant(scene)
    wait_for(scene, "staying")


@pytest.mark.release
@pytest.mark.manager("wpa_supplicant")
def test_a_kernel_that_has_no_wireless_yet_is_waited_for(watched: Watched) -> None:
    laptop = watched(session=False, start=False).laptop
    laptop.guest.check(f"systemctl stop {SERVICE}")
    laptop.no_radios()
    laptop.guest.check("modprobe -r cfg80211; echo 'install cfg80211 /bin/false' > /etc/modprobe.d/no-cfg80211.conf")
    try:
        laptop.guest.check(f"systemctl start {SERVICE}; sleep 10")
        assert_runs_on(laptop)
        assert len(log(laptop).splitlines()) < 10, log(laptop)
    finally:
        laptop.guest.check("rm /etc/modprobe.d/no-cfg80211.conf")
    laptop.radios()
    laptop.wait_until("the radio", lambda: state(laptop)["radios"] != [], 60)
    assert laptop.guest.check(f"systemctl show -P NRestarts {SERVICE}").strip() == "0"


@pytest.mark.release
@pytest.mark.manager("networkmanager")
@pytest.mark.parametrize(
    ("take", "give", "what"),
    [
        pytest.param(
            f"mv {JEEPNEY} {JEEPNEY}.hidden; systemctl start NetworkManager",
            f"mv {JEEPNEY}.hidden {JEEPNEY}",
            "python3-jeepney",
            id="jeepney",
        ),
        pytest.param(
            "systemctl mask --runtime --now polkit; systemctl start NetworkManager",
            "systemctl unmask --runtime polkit; systemctl start polkit",
            "polkit",
            id="polkit",
        ),
        pytest.param(
            "systemctl stop dbus.socket dbus.service",
            "systemctl start dbus.socket dbus.service; systemctl restart polkit NetworkManager",
            "is not on the system's bus now",
            id="the bus",
        ),
    ],
)
def test_without_a_way_to_networkmanager_the_radio_stays_with_csme_until_there_is_one(
    watched: Watched, take: str, give: str, what: str
) -> None:
    scene = watched(session=False, start=False)
    laptop = scene.laptop
    laptop.guest.check(f"systemctl stop {SERVICE}; {take}")
    try:
        laptop.guest.check(f"systemctl start {SERVICE}; sleep 45")
        assert_runs_on(laptop)
        told = [line for line in log(laptop).splitlines() if "can't be used" in line]
        assert len(told) == 1, log(laptop)
        assert what in told[0]
        assert scene.csme.state()["requests"] == "0"
    finally:
        laptop.guest.check(give)
    # Nothing reports that a library or polkit came, so the watcher looks after a minute.
    wait_for(scene, "staying", seconds=200)
    assert laptop.guest.check(f"systemctl show -P NRestarts {SERVICE}").strip() == "0"


@pytest.mark.release
@pytest.mark.parametrize(
    ("take", "give"),
    [
        pytest.param(
            "systemctl stop systemd-journald.socket systemd-journald-dev-log.socket systemd-journald-audit.socket "
            "systemd-journald.service",
            "systemctl start systemd-journald.socket systemd-journald-dev-log.socket systemd-journald.service",
            id="the journal",
        ),
        pytest.param(
            "mount --bind /etc /etc; mount -o remount,bind,ro /etc; ! touch /etc/lab 2>/dev/null",
            "umount --lazy /etc",
            id="an etc that can be written",
        ),
    ],
)
def test_a_session_is_kept_without(watched: Watched, take: str, give: str) -> None:
    scene = watched(start=False)
    laptop = scene.laptop
    laptop.guest.check(f"systemctl stop {SERVICE}; {take}")
    try:
        laptop.guest.check(f"systemctl start {SERVICE}")
        start_supplicant(scene)
        wait_for(scene, "staying", seconds=60)
        assert scene.session.survives()
        assert laptop.guest.check(f"systemctl show -P NRestarts {SERVICE}").strip() == "0"
    finally:
        laptop.guest.check(give)


@pytest.mark.parametrize(
    "remove",
    [
        pytest.param(
            "systemctl stop {service}; rm -r /run/vpro-fleet; systemctl start {service}", id="while it is stopped"
        ),
        pytest.param("rm -r /run/vpro-fleet", id="while it runs"),
        pytest.param(
            "rm -r /run/vpro-fleet; install -d -m 0700 /run/vpro-fleet; touch /run/vpro-fleet/phy0.lock",
            id="made anew by root",
            marks=pytest.mark.release,
        ),
    ],
)
def test_a_watcher_whose_folder_is_removed_gets_a_new_one(watched: Watched, remove: str) -> None:
    scene = watched(session=False, start=False)
    laptop = scene.laptop
    life = f"systemctl show -P InvocationID {SERVICE}"
    before = laptop.guest.check(life)
    laptop.guest.check(remove.format(service=SERVICE))
    laptop.wait_until("its next life", lambda: laptop.guest.check(life) != before, 30)
    wait_for(scene, "left", "retrying", "handover", "staying", "watching")
    assert laptop.guest.check("stat -c '%a %U:%G' /run/vpro-fleet").split() == ["700", f"{SERVICE}:{SERVICE}"]
    assert "226/NAMESPACE" not in laptop.guest.check(f"journalctl -b -u {SERVICE}")
    start_supplicant(scene)
    wait_for(scene, "staying")


@pytest.mark.release
def test_a_full_run_is_said_once_and_waited_for(watched: Watched) -> None:
    scene = watched(session=False, start=False)
    laptop = scene.laptop
    laptop.guest.check(f"systemctl stop {SERVICE}; cat /dev/zero > /run/lab-full 2>/dev/null; test -s /run/lab-full")
    try:
        laptop.guest.check(f"systemctl start {SERVICE}")
        start_supplicant(scene)
        laptop.guest.check("sleep 25")
        assert laptop.guest.check(f"systemctl show -P NRestarts {SERVICE}").strip() == "0", log(laptop)
        assert log(laptop).count("No space left on device") <= 8, log(laptop)
        assert int(scene.csme.state()["requests"]) == 0, "without a journal, nothing is pinned"
    finally:
        laptop.guest.check("rm /run/lab-full")
    wait_for(scene, "staying", seconds=150)
