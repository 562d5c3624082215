# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkManager leaves an interface alone only where it has to, and has it in the end whatever happens."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Dict, Iterator, List, Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import Outcome
from ansible_collections.vpro.fleet.plugins.module_utils._network.limits import Limits
from ansible_collections.vpro.fleet.plugins.module_utils._network.profile import Profile
from ansible_collections.vpro.fleet.plugins.module_utils._radio.connection import CsmeConnection
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import FleetError, NotFound, TimedOut
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
from ansible_collections.vpro.fleet.plugins.module_utils._watcher import bring_up_networkmanager
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.bring_up import ConnectionOf
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.bring_up_networkmanager import (
    bring_up,
    hold_before_start,
)
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.bring_up_note import hold_note, is_held
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._handover.fake_story import PART
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_bring_up import CORP, Laptop
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_guarded import radio
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_bus import FakeBus

CONF = "run/NetworkManager/conf.d/amt-wifi-watcher-wlan0.conf"
FITS = Profile(7, b"corp", frozenset({"WPA-PSK"}), True, None, (), False, credentials=frozenset({"psk"}))
UNIT = "amt-wifi-watcher-hold-networkmanager@wlan0.service"


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    return Laptop(tmp_path)


# -- before it starts -------------------------------------------------------------------------------------------------


def before(laptop: Laptop, starts: bool = True, connection_of: Optional[ConnectionOf] = None) -> Tuple[str, ...]:
    def start(unit: str) -> bool:
        laptop.lines.append(unit)
        return starts

    asked = connection_of or laptop.connection_of
    return hold_before_start(asked, start, places=laptop.places)


def test_it_is_told_to_leave_the_interface_alone(laptop: Laptop) -> None:
    assert before(laptop) == ("wlan0",)
    assert laptop.lines == [UNIT]
    assert (laptop.path / CONF).read_text() == (
        "[device-amt-wifi-watcher-wlan0]\nmatch-device=interface-name:wlan0\nmanaged=0\n"
    )


@pytest.mark.parametrize("reason", ["old kernel", "no connection", "no config", "bad config", "driver fails"])
def test_where_nothing_has_to_wait_it_is_told_nothing(laptop: Laptop, reason: str) -> None:
    if reason == "old kernel":
        laptop.kernel("6.1.0")
    elif reason == "no connection":
        laptop.connection = None
    elif reason == "no config":
        laptop.config.write_text('{"hold_bring_up_seconds": 0}')
    elif reason == "bad config":
        laptop.config.write_text("{")

    def fails(_ifindex: int) -> Optional[CsmeConnection]:
        raise TimedOut("no answer")

    assert before(laptop, connection_of=fails if reason == "driver fails" else None) == ()
    assert not (laptop.path / CONF).exists()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("etc/NetworkManager/conf.d/x.conf", "[device-wlan0]\nmatch-device=interface-name:wlan0\nmanaged=0\n"),
        ("etc/NetworkManager/conf.d/x.conf", "[keyfile]\nunmanaged-devices=interface-name:wlan0\n"),
        ("run/udev/data/n3", "E:NM_UNMANAGED=1\n"),
        ("etc/systemd/system/multi-user.target.wants/wpa_supplicant@wlan0.service", ""),
    ],
)
def test_one_that_it_is_not_meant_to_have_is_not_touched(laptop: Laptop, path: str, text: str) -> None:
    laptop.write(path, text)
    assert before(laptop) == ()
    assert laptop.lines == []
    assert not (laptop.path / CONF).exists()


def test_one_whose_supplicant_is_held_back_already_is_not_touched(laptop: Laptop) -> None:
    with hold_note("wlan0", laptop.places):
        assert before(laptop) == ()
    # Its own hold goes on when NetworkManager restarts.
    assert before(laptop) == ("wlan0",)
    with hold_note("wlan0", laptop.places):
        assert before(laptop) == ("wlan0",)


def test_who_would_give_it_back_has_to_run(laptop: Laptop) -> None:
    assert before(laptop, starts=False) == ()
    assert not (laptop.path / CONF).exists()


def test_a_folder_that_can_not_be_written_holds_nothing(laptop: Laptop) -> None:
    (laptop.path / "run/NetworkManager").write_text("no folder")
    assert before(laptop) == ()
    assert laptop.lines == []


# -- once it runs -----------------------------------------------------------------------------------------------------


class Backend:
    """NetworkManager, as this asks it."""

    def __init__(self) -> None:
        self.appears_at = 0.0
        self.busy_until = 0.0
        self.found: Tuple[Profile, ...] = (FITS,)
        self.managed = 0
        self.clock: Any = None

    def __call__(self, interface: str, *, unmanaged: bool) -> Backend:
        assert (interface, unmanaged) == ("wlan0", True)
        return self

    def has_device(self) -> None:
        if self.clock() < self.appears_at:
            raise NotFound("it does not run")

    def is_starting(self) -> bool:
        return bool(self.clock() < self.busy_until)

    def profiles(self, ssid: Optional[bytes] = None) -> Tuple[Profile, ...]:
        return self.found

    def manage(self) -> None:
        self.managed += 1


class Scene:
    """A laptop whose NetworkManager was told to wait, and what becomes of that."""

    def __init__(self, laptop: Laptop) -> None:
        self.laptop = laptop
        self.backend = Backend()
        self.backend.clock = lambda: laptop.now
        self.handovers: List[Dict[str, Any]] = []
        self.error: Optional[FleetError] = None
        before(laptop)
        laptop.lines.clear()

    def run(self) -> str:
        """Return what was told."""
        bring_up(
            "wlan0",
            self.laptop.lines.append,
            self.laptop.connection_of,
            places=self.laptop.places,
            clock=lambda: self.laptop.now,
            sleep=self.sleep,
        )
        assert not (self.laptop.path / CONF).exists()
        return "\n".join(self.laptop.lines)

    def sleep(self, seconds: float) -> None:
        self.laptop.now += seconds
        assert self.laptop.now < 1000, "it waits for good"
        if self.laptop.now > 5:
            self.laptop.later()

    def handover(self, taken: Any, profile: Profile, backend: Backend, policy: Any, places: Places) -> Any:
        self.handovers.append({"csme": taken.csme, "owner": taken.owner, "profile": profile})

        def run(request: Any) -> Any:
            if self.error is not None:
                raise self.error
            request()
            return SimpleNamespace(outcome=Outcome.PROTECTED, request_to_connected_ms=700)

        return SimpleNamespace(run=run)


@pytest.fixture
def scene(laptop: Laptop, monkeypatch: pytest.MonkeyPatch, fake_bus: FakeBus) -> Scene:
    made = Scene(laptop)
    module = bring_up_networkmanager.__name__

    @contextmanager
    def lock(radio: str, timeout: float, places: Places) -> Iterator[None]:
        assert radio == "phy0"
        yield

    @contextmanager
    def netlink() -> Iterator[None]:
        yield

    monkeypatch.setattr(f"{module}.NetworkManagerBackend", made.backend)
    monkeypatch.setattr(f"{module}.Handover", made.handover)
    monkeypatch.setattr(f"{module}.Nl80211", netlink)
    monkeypatch.setattr(f"{module}.read_radios", lambda nl: ((radio(),), ()))
    monkeypatch.setattr(f"{module}.lock", lock)
    monkeypatch.setattr(f"{module}.undo_journal", lambda phy, backend, places: False)
    return made


def test_with_a_profile_it_is_given_the_interface_and_joins_at_once(scene: Scene) -> None:
    scene.backend.appears_at, scene.backend.busy_until = 3.0, 8.0
    told = scene.run()
    assert "protected, connected after 700 ms" in told
    assert scene.handovers == [{"csme": CORP, "owner": "csme", "profile": FITS}]
    assert scene.backend.managed >= 1
    assert scene.laptop.now == pytest.approx(8.0, abs=0.3)


def test_with_a_part_of_a_connection_no_handover_is_made(scene: Scene) -> None:
    scene.laptop.connection = PART
    told = scene.run()
    assert "no handover is made, because a part of CSME's connection can't be read ('corp', psk, unknown" in told
    assert (scene.handovers, scene.backend.managed) == ([], 1)


def test_one_that_stays_busy_has_it_all_the_same(scene: Scene) -> None:
    scene.backend.busy_until = 500.0
    scene.run()
    assert scene.laptop.now < 20


def test_without_a_profile_it_waits_until_there_is_one(scene: Scene) -> None:
    scene.backend.found = ()

    def add() -> None:
        assert is_held("wlan0", scene.laptop.places)
        scene.backend.found = (FITS,)

    scene.laptop.later = add
    assert "no enabled profile can join CSME's network" in scene.run()
    assert len(scene.handovers) == 1


@pytest.mark.parametrize("found", [(), (replace(FITS, limits=Limits(channels=frozenset({5180}))),)])
def test_without_a_profile_it_waits_no_longer_than_it_may(scene: Scene, found: Tuple[Profile, ...]) -> None:
    scene.backend.found = found
    assert "120 s are over" in scene.run()
    assert (scene.handovers, scene.backend.managed) == ([], 1)


@pytest.mark.parametrize("what", ["up already", "no connection any more", "the handover fails", "the radio is gone"])
def test_whatever_happens_it_has_the_interface(scene: Scene, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if what == "up already":
        scene.laptop.flags("0x1003")
    elif what == "no connection any more":
        scene.laptop.connection = None
    elif what == "the handover fails":
        scene.error = TimedOut("the bus does not answer")
    else:
        monkeypatch.setattr(f"{bring_up_networkmanager.__name__}.read_radios", lambda nl: ((), ()))
    scene.run()
    assert scene.backend.managed == 1


def test_one_that_never_comes_is_told(scene: Scene) -> None:
    scene.backend.appears_at = 900.0
    with pytest.raises(NotFound):
        scene.run()
    assert scene.laptop.now < 70
