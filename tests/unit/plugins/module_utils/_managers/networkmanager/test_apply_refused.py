# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused of a declaration, before or in the middle: nothing is left of it then."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Iterator

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager import apply
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.names import NM_DEVICE, NM_SETTINGS
from ansible_collections.vpro.fleet.plugins.module_utils._network.declared import Declaration, InvalidProfiles
from ansible_collections.vpro.fleet.plugins.module_utils._system import dbus, patience
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import NotFound, Refused
from ansible_collections.vpro.fleet.plugins.module_utils._system.patience import Patience
from ansible_collections.vpro.fleet.plugins.module_utils._tasks.profiles import provision, request_for
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.networkmanager.fake_provisioning import (
    CANARY,
    OTHER,
    PSK,
    Laptop,
    laptop_of,
    peap,
    psk,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.clock import Clock
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_bus import FakeBus
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_networkmanager import DEVICE, SETTINGS


@pytest.fixture
def laptop(tmp_path: Path, fake_bus: FakeBus, monkeypatch: pytest.MonkeyPatch) -> Iterator[Laptop]:
    yield from laptop_of(tmp_path, fake_bus, monkeypatch)


# --- all or nothing ---


@pytest.mark.parametrize(
    ("refused", "after"),
    [("Update2", 0), ("Update2", 1), ("AddConnection2", 0), ("AddConnection2", 1), ("Delete", 0), ("Delete", 1)],
)
def test_what_was_done_is_taken_back_when_the_rest_is_refused(laptop: Laptop, refused: str, after: int) -> None:
    laptop.put(b"a", security={**PSK, "psk": ("s", OTHER)})
    laptop.put(b"b", connection={"autoconnect-priority": ("i", 4)})
    laptop.put(b"c", security=PSK)
    laptop.put(b"d", security={**PSK, "psk": ("s", OTHER)})

    def state() -> Any:
        # Nothing makes a difference but what is stored: what was removed and is back has another path.
        stored = laptop.manager.profiles.values()
        return sorted(
            (
                {name: {key: value for key, value in keys.items() if key != "timestamp"} for name, keys in each.items()}
                for each in stored
            ),
            key=lambda each: each["connection"]["uuid"],
        )

    before = state()
    laptop.manager.refuses[refused] = after
    laptop.manager.refusal = f"is no good: {CANARY}"
    laptop.manager.once = True
    with pytest.raises(Refused, match="Nothing was changed") as caught:
        laptop.declare(psk(b"a"), psk(b"b"), psk(b"e"), peap(b"f"), prune=True)
    assert caught.value.reason == "supplicant_refused"
    assert "is no good: (secret)" in str(caught.value)
    assert state() == before
    laptop.declare(psk(b"a"), psk(b"b"), psk(b"e"), peap(b"f"), prune=True)
    assert sorted(laptop.ssids()) == [b"a", b"b", b"e", b"f"]


def test_what_cannot_be_taken_back_is_told(laptop: Laptop) -> None:
    laptop.put(b"a", security={**PSK, "psk": ("s", OTHER)})
    laptop.manager.refuses.update({"Update2": 1, "AddConnection2": 0})
    with pytest.raises(Refused, match="1 of the changes could not be taken back"):
        laptop.declare(psk(b"a"), psk(b"b"))


def test_one_that_answers_no_more_is_not_asked_again_and_again(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, patience, dbus)
    monkeypatch.setattr(apply, "_ANSWER", Patience(60.0))
    laptop.bus.when_silent = lambda: clock.passes(60.0)
    for ssid in (b"a", b"b", b"c"):
        laptop.put(ssid, security={**PSK, "psk": ("s", OTHER)})
    laptop.manager.refuses["AddConnection2"] = 0
    adding = laptop.bus.methods[SETTINGS, f"{NM_SETTINGS}.AddConnection2"]

    def hang(*arguments: Any) -> Any:
        laptop.bus.silent.append("Update2")
        return adding(*arguments)

    laptop.bus.methods[SETTINGS, f"{NM_SETTINGS}.AddConnection2"] = hang
    with pytest.raises(Refused, match="3 of the changes could not be taken back"):
        laptop.declare(psk(b"a"), psk(b"b"), psk(b"c"), psk(b"d"))
    assert laptop.manager.writes == [*["Update2"] * 3, "AddConnection2", "Update2"]


def test_one_who_is_told_to_end_takes_back_what_was_done(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    laptop.put(b"old", security=PSK)
    do = apply._Connections.do

    def ended(self: Any, step: Any, secrets: Any) -> None:
        if step.new is None:
            raise SystemExit("ended by signal 15")
        do(self, step, secrets)

    monkeypatch.setattr(apply._Connections, "do", ended)
    with pytest.raises(SystemExit):
        laptop.declare(psk(b"new"), prune=True)
    assert laptop.ssids() == [b"old"]


# --- refused before anything was done ---


def test_without_the_library_it_is_told(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jeepney", None)
    for check_mode in (False, True):
        with pytest.raises(Refused, match="python3-jeepney") as caught:
            laptop.declare(psk(), check_mode=check_mode)
        assert caught.value.reason == "library_missing"


def test_no_wireless_interface(laptop: Laptop) -> None:
    (laptop.machine.path / "sys/class/net/wlan0/phy80211").unlink()
    with pytest.raises(Refused, match="wlan0 is not a wireless interface") as caught:
        laptop.declare(psk())
    assert caught.value.reason == "not_wireless"


def test_what_networkmanager_cannot_have_is_refused_before_anything(laptop: Laptop) -> None:
    with pytest.raises(InvalidProfiles, match="-999 to 999"):
        laptop.declare(psk(priority=1000))
    request = request_for("wlan0", "/etc/x.conf", Declaration((psk(),)))
    with pytest.raises(InvalidProfiles, match="path"):
        provision(request, False, laptop.places)
    assert laptop.bus.calls == []


def test_an_interface_that_it_leaves_alone_after_all(laptop: Laptop) -> None:
    laptop.bus.properties[DEVICE, NM_DEVICE]["Managed"] = ("b", False)
    with pytest.raises(Refused, match="does not manage wlan0") as caught:
        laptop.declare(psk())
    assert caught.value.reason == NotFound.code
