# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bring-up waits only where it would end a session, only for a watcher that runs, and only for so long."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.configured import configured_profiles
from ansible_collections.vpro.fleet.plugins.module_utils._network.limits import Obstacle
from ansible_collections.vpro.fleet.plugins.module_utils._radio.connection import (
    CsmeConnection,
    PartialConnection,
    Reported,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import TransportFailed
from ansible_collections.vpro.fleet.plugins.module_utils._watcher import bring_up
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.bring_up import hold_back, may_bring_up, verdict
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.config import Config
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_bring_up import CORP, PROFILE, Laptop
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import BSSID


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    return Laptop(tmp_path)


def test_it_waits_for_a_bounded_time(laptop: Laptop) -> None:
    assert 119 < laptop.run() < 122
    assert laptop.lines[0] == (
        "wlan0: held back for at most 120 s, because its bring-up could end a session of CSME: no enabled profile can "
        "join CSME's network ('corp', psk, channel 6). Add one with credentials"
    )
    assert laptop.lines[1] == "wlan0: may be brought up: 120 s are over"


def raising(_ifindex: int) -> Optional[CsmeConnection]:
    raise TransportFailed("netlink is out of order")


#: What there is that means that nothing waits; at the start, or while it waits.
ENDS: Dict[str, Callable[[Laptop], Any]] = {
    "an older kernel": lambda laptop: laptop.kernel("6.1.0"),
    "no watcher": lambda laptop: laptop.watcher(4711),
    "up already": lambda laptop: laptop.flags("0x1003"),
    "used before": lambda laptop: laptop.write("sys/class/net/wlan0/carrier_up_count", "1\n"),
    "held back before": lambda laptop: laptop.write("run/amt-wifi-watcher-hold/wlan0.3.released", ""),
    "blocked": lambda laptop: laptop.switch(hard=1),
    "airplane mode": lambda laptop: laptop.switch(soft=1),
    "no connection": lambda laptop: setattr(laptop, "connection", None),
    "a profile": lambda laptop: laptop.conf.write_text(PROFILE),
    "a broken configuration": lambda laptop: laptop.conf.write_text("network={\n"),
    "not wanted": lambda laptop: laptop.config.write_text('{"hold_bring_up_seconds": 0}'),
    "taken anyway": lambda laptop: laptop.config.write_text('{"no_credentials": "take"}'),
    "another interface": lambda laptop: laptop.config.write_text('{"interfaces": ["wlan7"]}'),
    "a bad configuration": lambda laptop: laptop.config.write_text("{"),
    "netlink fails": lambda laptop: setattr(laptop, "connection_of", raising),
}


@pytest.mark.parametrize("end", ENDS)
def test_what_lets_it_go_at_once(laptop: Laptop, end: str) -> None:
    ENDS[end](laptop)
    assert laptop.ask()
    assert laptop.lines == []
    # A hold that is started all the same ends at once.
    assert laptop.run() == 0
    assert len(laptop.lines) == 1


def test_what_has_to_wait_is_left_to_a_service(laptop: Laptop) -> None:
    assert not laptop.ask()
    assert laptop.lines == ["amt-wifi-watcher-hold@wlan0.service"]
    # The mark of an interface that is gone says nothing of the one that came after.
    laptop.write("run/amt-wifi-watcher-hold/wlan0.2.released", "")
    assert not laptop.ask()
    assert laptop.ask(starts=False), "nobody would let it go later"


@pytest.mark.parametrize("end", [*ENDS, "less time"])
def test_what_ends_a_wait(laptop: Laptop, end: str) -> None:
    def shorten(laptop: Laptop) -> Any:
        return laptop.config.write_text('{"hold_bring_up_seconds": 3}')

    # The driver's answers are asked for at each look by the method that was given at first.
    if end == "netlink fails":
        first = laptop.connection_of

        def answer(ifindex: int) -> Optional[Reported]:
            return first(ifindex) if laptop.now <= 5 else raising(ifindex)

        laptop.connection_of = answer  # type: ignore[method-assign]
    else:
        laptop.later = lambda: {**ENDS, "less time": shorten}[end](laptop)
    # What may be missing for a moment only is waited for.
    patience = 5 if end in ("no watcher", "no connection") else 0
    assert 5 + patience <= laptop.run() < 7 + patience
    assert len(laptop.lines) == 2


def test_an_interface_with_another_mac_address_has_to_wait(laptop: Laptop) -> None:
    """Its profile would not carry CSME's session on."""
    laptop.conf.write_text(PROFILE)
    laptop.addresses("02:00:00:00:00:00")
    assert laptop.ask()
    laptop.addresses("02:00:00:00:09:09", "02:00:00:00:00:00")
    assert not laptop.ask()


def test_what_keeps_a_profile_from_being_used_is_told(laptop: Laptop) -> None:
    laptop.conf.write_text(PROFILE.replace("psk=", "disabled=1\n psk="))
    laptop.run()
    assert laptop.lines[0].endswith("the profile for CSME's network ('corp', psk, channel 6) is disabled. Enable it")


def test_a_watcher_that_is_started_anew_goes_on_with_it(laptop: Laptop) -> None:
    laptop.later = lambda: laptop.watcher(4711 if laptop.now % 10 < 4 else 1)
    assert laptop.run() > 100


def test_another_radio_that_is_blocked_means_nothing(laptop: Laptop) -> None:
    laptop.switch(hard=1, name="phy9")
    assert laptop.run() > 100


def test_a_note_that_can_not_be_left_holds_nothing_back(laptop: Laptop) -> None:
    os.rmdir(laptop.places.holds)
    laptop.run()
    assert "the note of the hold can't be written" in laptop.lines[-1]


def test_an_ssid_that_is_no_text_is_escaped(laptop: Laptop) -> None:
    laptop.connection = CsmeConnection(b"a\x1b[2J\n\xff", BSSID, 6, None, (2437,), "psk", "ccmp", None, None)
    laptop.run()
    assert all(line.isprintable() for line in laptop.lines)
    reason, wanted = verdict(
        "wlan0", Config(), laptop.connection_of, lambda: configured_profiles(str(laptop.conf)), laptop.places
    )
    assert (reason, wanted) == ("", laptop.connection)


def test_name_and_security_are_enough_for_the_decision(laptop: Laptop) -> None:
    part = PartialConnection(CORP.ssid, BSSID, None, (), CORP.auth, None, (("channel", "There is no channel 255"),))
    laptop.connection = part
    assert not laptop.ask()
    laptop.run()
    assert any("not readable: There is no channel 255). Add one with credentials" in line for line in laptop.lines)
    # In doubt it is not held back.
    for less in (replace(part, auth=None), replace(part, ssid=None)):
        laptop.connection = less
        assert laptop.ask()
    laptop.connection = part
    ENDS["a profile"](laptop)
    assert laptop.ask()


def test_the_time_is_counted_from_the_beginning(laptop: Laptop) -> None:
    laptop.now = 300.0
    assert laptop.run() == 420.0


def test_what_is_missing_at_the_first_look_already_is_waited_for_a_moment(laptop: Laptop) -> None:
    laptop.now = 10.0
    laptop.later = lambda: laptop.watcher(4711)
    assert laptop.run() == 15.0
    assert laptop.lines[-1] == "wlan0: may be brought up: the watcher does not run"


def test_why_something_can_not_be_read_is_told(laptop: Laptop) -> None:
    laptop.connection_of = raising  # type: ignore[method-assign,assignment]
    laptop.run()
    assert "netlink is out of order" in laptop.lines[-1]


@pytest.mark.parametrize(("release", "waits"), [("6.3.13", False), ("6.4.0", True), ("5.14.0-503.el9.x86_64", True)])
def test_the_kernels_with_which_bringing_up_may_ask_csme(laptop: Laptop, release: str, waits: bool) -> None:
    laptop.kernel(release)
    assert laptop.ask() != waits


def test_the_supplicants_usual_file_is_looked_at(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: List[str] = []

    def configured(path: str, _obstacle: Optional[Obstacle]) -> List[Any]:
        looked.append(path)
        return []

    monkeypatch.setattr(bring_up, "configured_profiles", configured)
    assert not may_bring_up("wlan0", laptop.connection_of, lambda _unit: True, places=laptop.places)
    hold_back(
        "wlan0",
        laptop.lines.append,
        laptop.connection_of,
        places=laptop.places,
        clock=lambda: laptop.now,
        sleep=laptop.sleep,
    )
    assert set(looked) == {laptop.places.at("/etc/wpa_supplicant/wpa_supplicant-wlan0.conf")}


@pytest.mark.parametrize(("status", "started"), [(0, True), (1, False), (5, False)])
def test_systemd_is_asked_to_start_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, started: bool
) -> None:
    program = tmp_path / "systemctl"
    program.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/asked\nexit {status}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert bring_up.start("some.service") == started
    assert (tmp_path / "asked").read_text() == "start some.service\n"


def test_without_systemd_nothing_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert bring_up.start("some.service") is False


def test_a_systemd_that_does_not_answer_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "systemctl"
    program.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(bring_up, "_SYSTEMD_SECONDS", 0.1)
    assert bring_up.start("some.service") is False


def test_the_driver_is_asked_for_csmes_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    class Netlink:
        open = 0

        def __enter__(self) -> object:
            Netlink.open += 1
            return self

        def __exit__(self, *_error: object) -> None:
            Netlink.open -= 1

    def connection(nl: object, ifindex: int) -> CsmeConnection:
        assert isinstance(nl, Netlink)
        assert (Netlink.open, ifindex) == (1, 3)
        return CORP

    monkeypatch.setattr(bring_up, "Nl80211", Netlink)
    monkeypatch.setattr(f"{bring_up.__name__}.csme.connection", connection)
    assert bring_up.connection_of(3) == CORP
    assert Netlink.open == 0
