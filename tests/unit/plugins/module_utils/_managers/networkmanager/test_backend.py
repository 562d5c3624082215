# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkManager as a backend, over a bus whose services a test makes up."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager import profiles
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.backend import NetworkManagerBackend
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.names import (
    ACTIVATED,
    NM,
    NM_DEVICE,
    NM_PATH,
    NM_SETTINGS,
    UNAVAILABLE,
    UNMANAGED,
    WPA,
    WPA_INTERFACE,
    WPA_PATH,
)
from ansible_collections.vpro.fleet.plugins.module_utils._network.backend import SupplicantStatus
from ansible_collections.vpro.fleet.plugins.module_utils._network.events import Connected
from ansible_collections.vpro.fleet.plugins.module_utils._network.limits import Target
from ansible_collections.vpro.fleet.plugins.module_utils._network.pin import Pin
from ansible_collections.vpro.fleet.plugins.module_utils._network.profile import find_profile
from ansible_collections.vpro.fleet.plugins.module_utils._network.values import CommandUnsafe
from ansible_collections.vpro.fleet.plugins.module_utils._radio.own_address import OtherAddress
from ansible_collections.vpro.fleet.plugins.module_utils._system import dbus, patience
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    AccessDenied,
    FleetError,
    NotFound,
    SupplicantRefused,
    TimedOut,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system.patience import Patience
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.networkmanager.fake_answers import (
    PSK,
    settings,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.networkmanager.fake_laptop import (
    INTERFACE,
    Laptop,
    corp,
    heard,
    nothing_is_carried_out,
    wrapped,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.clock import Clock
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_bus import DBusError
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import BSSID
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_networkmanager import DEVICE, SETTINGS


def test_what_it_tells(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    assert backend.version() == "1.42.4"
    assert [profile.ssid for profile in backend.profiles()] == [b"corp", b"home"]
    assert backend.status() == SupplicantStatus()
    laptop.lift_the_block()
    assert backend.status() == SupplicantStatus()
    # The interface goes between two questions.
    del laptop.bus.properties[INTERFACE, WPA_INTERFACE]["State"]
    assert backend.status() == SupplicantStatus()
    laptop.connect()
    assert backend.status() == SupplicantStatus(True, bssid=BSSID, ssid=b"corp", network_id=7)
    with pytest.raises(FleetError):
        NetworkManagerBackend("wlan9").status()


def test_a_profile_that_this_user_may_not_read_is_left_out(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    def refuse() -> None:
        raise DBusError(f"{NM_SETTINGS}.PermissionDenied", "uid 997 has no permission to perform this operation")

    laptop.bus.methods[f"{SETTINGS}/7", f"{NM_SETTINGS}.Connection.GetSettings"] = refuse
    assert [profile.ssid for profile in backend.profiles()] == [b"home"]
    # Where nothing may be listed at all, that is told.
    laptop.bus.methods[SETTINGS, f"{NM_SETTINGS}.ListConnections"] = refuse
    with pytest.raises(AccessDenied):
        backend.profiles()


@pytest.mark.parametrize(
    "limits",
    [
        {"mac-address": bytes.fromhex("020000000900")},
        {"band": "a"},
        {"band": "bg", "channel": 11},
        {"bssid": bytes.fromhex("020000000900")},
    ],
)
def test_one_that_is_for_something_else_is_not_chosen_before_one_that_fits(
    backend: NetworkManagerBackend, laptop: Laptop, limits: Dict[str, Any]
) -> None:
    laptop.profiles[f"{SETTINGS}/7"] = settings(PSK, wireless=limits)
    laptop.profiles[f"{SETTINGS}/8"] = settings(PSK)
    profile = find_profile(backend.profiles(), Target(b"corp", "psk", BSSID, (2437,)))
    assert profile is not None
    assert profile.id == 8
    assert backend.pin(profile, BSSID, (2437,)).network_id == 8


@pytest.mark.parametrize(("state", "seen"), [(ACTIVATED, True), (UNAVAILABLE, False)])
def test_a_connection_shows_the_address_that_its_profile_leaves(
    backend: NetworkManagerBackend, laptop: Laptop, monkeypatch: pytest.MonkeyPatch, state: int, seen: bool
) -> None:
    other = OtherAddress("wlan0 has another MAC address", "Mend it")
    monkeypatch.setattr(profiles, "present_address", lambda _interface: other)
    monkeypatch.setattr(profiles, "first_address", lambda _interface: None)
    laptop.lift_the_block()
    laptop.connect()
    laptop.bus.properties[DEVICE, NM_DEVICE]["State"] = ("u", state)
    obstacle = corp(backend).obstacle
    assert (obstacle is not None and other.what in obstacle.what) == seen


def test_which_profiles_are_for_the_device_is_told_with_them(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    elsewhere = {"mac-address": bytes.fromhex("020000000900")}
    laptop.profiles[f"{SETTINGS}/7"] = settings(PSK, wireless=elsewhere)
    assert not corp(backend).enabled
    # NetworkManager does not have the device: nobody can tell.
    assert corp(NetworkManagerBackend("wlan9")).enabled
    del laptop.bus.methods[NM_PATH, f"{NM}.GetDeviceByIpIface"]
    assert corp(backend).enabled


def test_hold_keeps_a_connection_and_unpin_lets_it_go(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    with pytest.raises(FleetError):
        backend.stay(corp(backend), BSSID)
    laptop.lift_the_block()
    laptop.add_network('"home"')
    with pytest.raises(NotFound, match="the network is gone or changed meanwhile"):
        backend.stay(corp(backend), BSSID)
    laptop.add_network()
    records: List[Pin] = []
    pin = backend.stay(corp(backend), BSSID, records.append)
    assert (laptop.bssid(), records) == (BSSID, [pin])
    assert pin == Pin("wlan0", 7, b"corp".hex(), BSSID, (), None, (), (), "networkmanager")
    assert backend.unpin(Pin.from_dict(pin.as_dict())) is True
    assert laptop.bssid() == "any"


def test_an_access_point_that_the_network_was_kept_to_comes_back(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    laptop.lift_the_block()
    laptop.add_network(bssid="02:00:00:00:09:00")
    pin = backend.stay(corp(backend), BSSID)
    assert (laptop.bssid(), backend.stands(pin)) == (BSSID, True)
    assert backend.unpin(pin) is True
    assert laptop.bssid() == "02:00:00:00:09:00"


def test_what_is_missing_is_told_with_the_interface(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    def where(work: Callable[[], object]) -> str:
        with pytest.raises(FleetError) as caught:
            work()
        return caught.value.where

    profile = corp(backend)
    laptop.lift_the_block()
    laptop.add_network('"home"')
    assert where(lambda: backend.stay(profile, BSSID)) == "wlan0"
    assert where(lambda: backend.pin(profile, BSSID, ())) == "wlan0"
    assert where(lambda: backend.unpin(Pin("wlan1", 7, "aa", BSSID, (), None, (), ()))) == "wlan0"
    del laptop.profiles[f"{SETTINGS}/7"]
    assert where(lambda: backend.pin(profile, BSSID, (2437,))) == "wlan0"
    laptop.profiles[f"{SETTINGS}/7"] = settings(PSK, wireless={"band": "a"})
    with pytest.raises(NotFound, match="'Corp' is restricted to another band") as caught:
        backend.pin(profile, BSSID, (2437,))
    assert (caught.value.where, bool(caught.value.remedy)) == ("wlan0", True)


def test_an_interface_that_is_left_alone_until_it_is_taken_into_use(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    patient = NetworkManagerBackend("wlan0", unmanaged=True)
    laptop.bus.properties[NM_PATH, NM]["Startup"] = ("b", True)
    assert patient.is_starting() is True
    laptop.bus.properties[NM_PATH, NM]["Startup"] = ("b", False)
    assert patient.is_starting() is False
    laptop.bus.properties[DEVICE, NM_DEVICE].update(Managed=("b", False), State=("u", UNMANAGED))
    patient.has_device()
    with pytest.raises(NotFound, match="does not manage wlan0"):
        backend.has_device()
    with pytest.raises(SupplicantRefused, match="no such device"):
        NetworkManagerBackend("wlan9", unmanaged=True).has_device()
    (listener,) = patient.listen(print)
    patient.pin(corp(patient), BSSID, (2437,))
    laptop.lift_the_block()
    laptop.add_network(bssid=BSSID)
    laptop.connect()
    assert [profile.bssid for profile in patient.profiles_in_effect()] == [BSSID, None]
    # Its address is known all the same.
    laptop.profiles[f"{SETTINGS}/7"] = settings(PSK, wireless={"mac-address": bytes.fromhex("020000000900")})
    assert not corp(patient).enabled
    backend.manage()
    assert laptop.bus.properties[DEVICE, NM_DEVICE]["Managed"] == ("b", True)
    listener.close()


@pytest.mark.parametrize(("bound", "ahead"), [(0.3, None), (0.3, 60.0), (60.0, 0.3), (None, 0.3)])
def test_the_nearer_of_two_ends_counts(laptop: Laptop, bound: Optional[float], ahead: Optional[float]) -> None:
    laptop.bus.silent.append("Get")
    begun = time.monotonic()
    deadline = None if ahead is None else begun + ahead
    with pytest.raises(TimedOut):
        NetworkManagerBackend("wlan0", Patience(60.0, bound, deadline)).version()
    assert 0.2 < time.monotonic() - begun < 30.0


def test_facts_show_the_pin_of_the_profile_in_use(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    def shown() -> Dict[int, Optional[str]]:
        return {profile.id: profile.bssid for profile in backend.profiles_in_effect()}

    free = {7: None, 8: None}
    laptop.profiles[f"{SETTINGS}/8"] = settings(PSK)  # for the same network, and not in use
    assert shown() == free, "the supplicant does not have the interface yet"
    laptop.lift_the_block()
    laptop.add_network(bssid=BSSID)
    assert shown() == free, "no profile is in use yet"
    laptop.add_network()
    laptop.connect()
    assert shown() == free
    pin = backend.stay(backend.profiles(b"corp")[0], BSSID)
    assert shown() == {7: BSSID, 8: None}
    assert not any(profile.limits.only_bssids for profile in backend.profiles_in_effect()), "it may be pinned elsewhere"
    backend.unpin(pin)
    assert shown() == free


def test_facts_start_no_supplicant_and_do_without_one_that_does_not_tell(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    laptop.lift_the_block()
    laptop.add_network(bssid=BSSID)
    laptop.connect()
    profiles = backend.profiles()
    laptop.bus.calls.clear()
    laptop.bus.absent.append(WPA)
    assert backend.profiles_in_effect() == profiles
    assert laptop.bus.called("GetInterface") == []
    laptop.bus.absent.clear()

    def refuse(_name: str) -> None:
        raise DBusError("org.freedesktop.DBus.Error.AccessDenied", "no")

    laptop.bus.methods[WPA_PATH, f"{WPA}.GetInterface"] = refuse
    assert backend.profiles_in_effect() == profiles


def test_a_pin_that_somebody_changed_is_let_be(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    pin = backend.pin(corp(backend), BSSID, (2437,))
    laptop.lift_the_block()
    laptop.add_network(bssid="02:00:00:00:09:00")
    assert backend.unpin(pin) is False
    assert laptop.bssid() == "02:00:00:00:09:00"


def test_pins_that_are_refused(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    profile = corp(backend)
    with pytest.raises(CommandUnsafe):
        backend.pin(profile, "nonsense", (2437,))
    with pytest.raises(CommandUnsafe, match="a pin needs at least one frequency"):
        backend.pin(profile, BSSID, ())
    for limits, match in (
        ({"bssid": bytes.fromhex("020000000900")}, "another access point than CSME's"),
        ({"mac-address": bytes.fromhex("020000000900")}, "only for the device 02:00:00:00:09:00"),
        ({"band": "a"}, "another band or channel than CSME's"),
        ({"band": "bg", "channel": 11}, "another band or channel than CSME's"),
    ):
        laptop.profiles[f"{SETTINGS}/7"] = settings(PSK, wireless=limits)
        with pytest.raises(NotFound, match=match):
            backend.pin(profile, BSSID, (2437,))
    laptop.profiles[f"{SETTINGS}/7"] = settings(PSK, wireless={"ssid": b"another"})
    with pytest.raises(NotFound, match="changed meanwhile"):
        backend.pin(profile, BSSID, (2437,))
    with pytest.raises(NotFound, match="belongs to wlan1"):
        backend.unpin(Pin("wlan1", 7, "aa", BSSID, (), None, (), ()))
    assert nothing_is_carried_out(backend, laptop)


def test_a_profile_for_this_interface_alone_can_be_pinned(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    laptop.profiles[f"{SETTINGS}/7"] = settings(PSK, general={"interface-name": "wlan0"})
    assert corp(backend).enabled
    assert backend.pin(corp(backend), BSSID, (2437,)).network_id == 7
    laptop.profiles[f"{SETTINGS}/7"] = settings(PSK, general={"interface-name": "wlan1"})
    with pytest.raises(NotFound, match="is only for the interface wlan1"):
        backend.pin(backend.profiles(b"corp")[0], BSSID, (2437,))


def test_a_device_that_networkmanager_leaves_alone_is_not_its(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    profile = corp(backend)
    for unmanaged in ({"Managed": ("b", False)}, {"State": ("u", 10)}):
        laptop.bus.properties[DEVICE, NM_DEVICE].update(unmanaged)
        with pytest.raises(NotFound, match="does not manage wlan0"):
            backend.status()
        with pytest.raises(NotFound, match="does not manage wlan0"):
            backend.pin(profile, BSSID, (2437,))
        with pytest.raises(NotFound, match="does not manage wlan0"):
            backend.listen(print)
        laptop.bus.properties[DEVICE, NM_DEVICE].update({"Managed": ("b", True), "State": ("u", UNAVAILABLE)})


def test_an_access_point_that_the_profile_is_for_stays_after_the_pin(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    laptop.profiles[f"{SETTINGS}/7"] = settings(PSK, wireless={"bssid": bytes.fromhex(BSSID.replace(":", ""))})
    profile = corp(backend)
    assert profile.limits.only_bssids == (profile.bssid,)
    pin = backend.pin(profile, BSSID, (2437,))
    laptop.lift_the_block()
    laptop.add_network(bssid=BSSID)
    assert (backend.stands(pin), backend.unpin(pin), laptop.bssid()) == (False, False, BSSID)


def test_a_record_that_fails_stops_the_pin(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    def full(_pin: Pin) -> None:
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        backend.pin(corp(backend), BSSID, (2437,), full)
    assert nothing_is_carried_out(backend, laptop)


def test_one_that_goes_on_answering_has_its_time_all_the_same(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, patience, dbus)

    takes = [4.0]

    def slowly() -> Tuple[str, Tuple[Any, ...]]:
        clock.passes(takes[0])
        return "a{sa{sv}}", (wrapped(settings(PSK)),)

    for number in range(100):
        laptop.profiles[f"{SETTINGS}/{100 + number}"] = settings(PSK)
        laptop.bus.methods[f"{SETTINGS}/{100 + number}", f"{NM_SETTINGS}.Connection.GetSettings"] = slowly
    backend = NetworkManagerBackend("wlan0", Patience(60.0, call=60.0))
    begun = clock.now
    with pytest.raises(TimedOut):
        backend.profiles()
    assert 60.0 <= clock.now - begun < 400.0
    # What it was asked before it answers at once from now on. The next call has a time of its own, and who listens has
    # no end.
    takes[0] = 0.0
    (listener,) = backend.listen(print)
    clock.passes(61.0)
    laptop.lift_the_block()
    laptop.connect()
    assert heard(listener, 1) == [Connected(BSSID)]
    listener.close()
