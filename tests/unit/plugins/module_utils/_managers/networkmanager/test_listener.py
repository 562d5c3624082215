# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hearing NetworkManager and the supplicant, and carrying a pin out, over a bus whose services a test makes up."""

from __future__ import annotations

import select
from typing import List

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.backend import NetworkManagerBackend
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.listener import Listener
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.names import (
    NM,
    NM_DEVICE,
    NM_PATH,
    NM_SETTINGS,
    UNMANAGED,
    WPA,
    WPA_INTERFACE,
    WPA_NETWORK,
    WPA_PATH,
)
from ansible_collections.vpro.fleet.plugins.module_utils._network.events import (
    Connected,
    Disconnected,
    ManagerGone,
    ProfilesChanged,
    ProfileTouched,
    ScanStarted,
    SupplicantGone,
)
from ansible_collections.vpro.fleet.plugins.module_utils._network.pin import Pin
from ansible_collections.vpro.fleet.plugins.module_utils._system.dbus import PROPERTIES, SystemBus
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import NotFound
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.networkmanager.fake_answers import (
    settings,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.networkmanager.fake_laptop import (
    BSS,
    INTERFACE,
    NETWORK,
    Laptop,
    corp,
    heard,
    until,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_bus import BUS, DBusError
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import BSSID
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_networkmanager import DEVICE, SETTINGS


def test_a_handover(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    records: List[Pin] = []
    warnings: List[str] = []
    (listener,) = backend.listen(warnings.append)
    # A channel number that may mean another frequency, which this device does not have.
    pin = backend.pin(corp(backend), BSSID, (2412, 5955), records.append)
    assert records == [pin]
    assert pin == Pin("wlan0", 7, b"corp".hex(), BSSID, (2412,), None, (), (), "networkmanager")
    assert laptop.bus.called("ActivateConnection") == []
    laptop.lift_the_block()
    until(listener, lambda: bool(laptop.bus.called("ActivateConnection")))
    assert laptop.bus.called("Scan") == []
    laptop.begin_anew()
    until(listener, lambda: bool(laptop.bus.called("Scan")))
    laptop.changed(Scanning=("b", True))
    assert heard(listener, 1) == [ScanStarted()]
    laptop.add_network()
    until(listener, lambda: laptop.bssid() == BSSID)
    laptop.changed(Scanning=("b", False), State=("s", "associating"))
    laptop.connect()
    assert heard(listener, 1) == [Connected(BSSID)]
    assert laptop.bus.called("ActivateConnection") == [(f"{SETTINGS}/7", DEVICE, "/")]
    ((asked,),) = laptop.bus.called("Scan")
    assert asked["Channels"] == ("a(uu)", [(2412, 20)])
    assert asked["SSIDs"] == ("aay", [b"corp"])
    assert backend.stands(pin) is True
    assert backend.unpin(pin) is True
    assert (laptop.bssid(), backend.stands(pin)) == ("any", False)
    assert backend.unpin(pin) is False
    assert warnings == []
    # No profile was changed: NetworkManager was told nothing but to bring one up.
    assert {name for path, name, _body in laptop.bus.calls if path.startswith(NM_PATH)} <= {
        *("GetDeviceByIpIface", "ListConnections", "GetSettings", "GetSecrets"),
        *("ActivateConnection", "Get", "GetAll"),
    }
    # New keys are no new connection, and several changes may be told as one.
    laptop.changed(State=("s", "group_handshake"))
    laptop.changed(State=("s", "completed"))
    laptop.changed(State=("s", "authenticating"))
    assert heard(listener, 1) == [Disconnected()]
    listener.close()


def test_at_another_access_point_it_is_moved_and_does_not_count(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    (listener,) = backend.listen(print)
    backend.pin(corp(backend), BSSID, (2437,))
    laptop.lift_the_block()
    laptop.connect("02:00:00:00:09:00")
    assert until(listener, lambda: bool(laptop.bus.called("Reassociate"))) == []
    laptop.changed(State=("s", "scanning"))
    laptop.connect()
    assert heard(listener, 1) == [Connected(BSSID)]
    listener.close()


def test_with_eap_the_pin_comes_when_the_connection_stands(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    laptop.profiles[f"{SETTINGS}/7"] = settings({"key-mgmt": "wpa-eap"}, {"eap": ["peap"], "identity": "me"})
    (listener,) = backend.listen(print)
    pin = backend.pin(corp(backend), BSSID, (2437,))
    laptop.lift_the_block()
    laptop.add_network()
    laptop.changed(Scanning=("b", True))
    heard(listener, 1)
    assert laptop.bssid() == "any"
    laptop.connect()
    assert heard(listener, 1) == [Connected(BSSID)]
    until(listener, lambda: laptop.bssid() == BSSID)
    # Nothing waits for what is begun: the order tells that it did not come before.
    asked = [(path, name) for path, name, _body in laptop.bus.calls]
    assert asked.index((NETWORK, "Set")) > asked.index((BSS, "GetAll"))
    assert backend.unpin(pin) is True
    listener.close()


def test_a_connection_that_is_lost_and_comes_again_is_told_each_time(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    (listener,) = backend.listen(print)
    laptop.lift_the_block()
    for _time in range(2):
        laptop.connect()
        laptop.changed(State=("s", "disconnected"))
        assert heard(listener, 2) == [Connected(BSSID), Disconnected()]
    laptop.changed(State=("s", "scanning"))
    laptop.changed(Scanning=("b", True))
    assert heard(listener, 1) == [ScanStarted()]
    listener.close()


def test_a_network_that_can_not_be_read_is_told_and_ends_nothing(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    warnings: List[str] = []
    (listener,) = backend.listen(warnings.append)
    backend.pin(corp(backend), BSSID, (2437,))
    laptop.lift_the_block()
    laptop.bus.signal(INTERFACE, WPA_INTERFACE, "NetworkAdded", "oa{sv}", (NETWORK, {}))
    until(listener, lambda: bool(warnings))
    laptop.connect()
    assert heard(listener, 1) == [Connected(BSSID)]
    (warning,) = warnings
    assert warning.startswith("a network that NetworkManager added can't be read: ")
    assert NETWORK in warning
    listener.close()


@pytest.mark.parametrize(("profile", "asked"), [("7", []), ("8", [(WPA_NETWORK, "Properties")])])
def test_a_network_is_read_unless_networkmanager_says_that_it_is_the_pins(
    backend: NetworkManagerBackend, laptop: Laptop, profile: str, asked: List[object]
) -> None:
    (listener,) = backend.listen(print)
    backend.pin(corp(backend), BSSID, (2437,))
    laptop.lift_the_block()
    laptop.brings_up(f"{SETTINGS}/{profile}")
    laptop.add_network()
    until(listener, lambda: laptop.bssid() == BSSID)
    assert [body for path, name, body in laptop.bus.calls if (path, name) == (NETWORK, "Get")] == asked
    listener.close()


def test_unpinned_it_does_nothing_by_itself(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    (listener,) = backend.listen(print)
    laptop.lift_the_block()
    laptop.changed(Scanning=("b", True))
    heard(listener, 1)
    laptop.add_network()
    laptop.connect()
    heard(listener, 1)
    assert laptop.bus.called("ActivateConnection") == []
    assert (laptop.bus.called("Scan"), laptop.bssid()) == ([], "any")
    listener.close()


def test_what_networkmanager_refuses_is_told(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    def refuse(*_arguments: object) -> None:
        raise DBusError(f"{NM}.UnknownConnection", "it is gone")

    laptop.bus.methods[NM_PATH, f"{NM}.ActivateConnection"] = refuse
    warnings: List[str] = []
    (listener,) = backend.listen(warnings.append)
    backend.pin(corp(backend), BSSID, (2437,))
    laptop.lift_the_block()
    until(listener, lambda: bool(warnings))
    assert "it is gone" in warnings[0]
    listener.close()


def test_the_supplicants_end_is_heard_and_networkmanagers_is_told(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    warnings: List[str] = []
    (listener,) = backend.listen(warnings.append)
    laptop.bus.owner_changed(NM, "")
    assert heard(listener, 1) == [ManagerGone()]
    assert warnings == []
    backend.pin(corp(backend), BSSID, (2437,))
    laptop.bus.owner_changed(NM, "")
    assert heard(listener, 1) == [ManagerGone()]
    assert "NetworkManager ended" in warnings[0]
    laptop.bus.owner_changed(WPA, "")
    assert heard(listener, 1) == [SupplicantGone()]
    listener.close()


def test_a_networkmanager_that_came_anew_is_asked_for_nothing_of_before(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    (listener,) = backend.listen(print)
    backend.pin(corp(backend), BSSID, (2437,))
    laptop.bus.owner_changed(NM, "")
    laptop.bus.owner_changed(NM, ":1.7")
    # It numbers its objects anew: the device's path and the profile's are another device's and another profile's.
    laptop.lift_the_block()
    laptop.begin_anew()
    laptop.changed(Scanning=("b", True))
    assert heard(listener, 2) == [ManagerGone(), ScanStarted()]
    assert laptop.bus.called("ActivateConnection") == []
    listener.close()


def test_an_interface_that_the_supplicant_loses_is_a_lost_connection(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    laptop.lift_the_block()
    laptop.bus.properties[INTERFACE, WPA_INTERFACE]["State"] = ("s", "completed")
    (listener,) = backend.listen(print)
    laptop.bus.signal(WPA_PATH, WPA, "InterfaceRemoved", "o", (INTERFACE,))
    assert heard(listener, 1) == [Disconnected()]
    listener.close()


def test_what_another_interface_of_the_supplicants_does_is_not_this_ones(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    another = f"{WPA_PATH}/Interfaces/9"
    laptop.lift_the_block()
    laptop.bus.properties[INTERFACE, WPA_INTERFACE]["State"] = ("s", "completed")
    (listener,) = backend.listen(print)
    laptop.bus.signal(WPA_PATH, WPA, "InterfaceAdded", "oa{sv}", (another, {"Ifname": ("s", "wlan9")}))
    laptop.bus.changed(another, WPA_INTERFACE, State=("s", "disconnected"), Scanning=("b", True))
    laptop.bus.signal(WPA_PATH, WPA, "InterfaceRemoved", "o", (another,))
    # What it still says of itself by its own name.
    laptop.bus.signal(WPA_PATH, WPA, "PropertiesChanged", "a{sv}", ({"Interfaces": ("ao", [INTERFACE])},))
    laptop.changed(Scanning=("b", True))
    assert heard(listener, 1) == [ScanStarted()]
    listener.close()


def test_of_the_supplicants_other_interfaces_each_is_asked_about_once(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    (listener,) = backend.listen(print)
    laptop.bus.calls.clear()
    another = f"{WPA_PATH}/Interfaces/9"
    for _time in range(3):
        laptop.bus.changed(another, WPA_INTERFACE, Scanning=("b", True))
    until(listener, lambda: bool(laptop.bus.called("GetInterface")))
    # The interface is found by the first that it says of itself.
    laptop.has_interface = True
    laptop.changed(Scanning=("b", True))
    assert heard(listener, 1) == [ScanStarted()]
    assert len(laptop.bus.called("GetInterface")) == 2
    listener.close()


def test_who_listens_for_long_carries_out_each_pin_anew(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    (listener,) = backend.listen(print)
    for _round in range(2):
        pin = backend.pin(corp(backend), BSSID, (2437,))
        laptop.bus.calls.clear()
        laptop.lift_the_block()
        until(listener, lambda: bool(laptop.bus.called("ActivateConnection")))
        backend.unpin(pin)
    listener.close()


def test_who_listens_hears_of_profiles_and_of_an_interface_that_is_let_go(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    (listener,) = backend.listen(print)
    laptop.bus.signal(SETTINGS, NM_SETTINGS, "PropertiesChanged", "a{sv}", ({"CanModify": ("b", True)},))
    laptop.bus.signal(SETTINGS, NM_SETTINGS, "NewConnection", "o", (f"{SETTINGS}/9",))
    laptop.bus.signal(f"{SETTINGS}/9", f"{NM_SETTINGS}.Connection", "Updated")
    laptop.bus.signal(SETTINGS, NM_SETTINGS, "ConnectionRemoved", "o", (f"{SETTINGS}/9",))
    told = [ProfilesChanged(), ProfileTouched(), ProfilesChanged()]
    assert heard(listener, 3) == told
    laptop.device(UNMANAGED)
    assert heard(listener, 1) == [ManagerGone()]
    listener.close()


def test_of_a_device_that_was_let_go_nothing_is_carried_out_any_more(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    (listener,) = backend.listen(print)
    backend.pin(corp(backend), BSSID, (2437,))
    laptop.device(UNMANAGED)
    laptop.lift_the_block()
    laptop.changed(Scanning=("b", True))
    assert heard(listener, 2) == [ManagerGone(), ScanStarted()]
    assert laptop.bus.called("ActivateConnection") == []
    listener.close()


def test_no_more_is_listened_to_than_what_is_understood(backend: NetworkManagerBackend, laptop: Laptop) -> None:
    """Each access point in reach has signals of its own, and each wakes who listens to it."""
    (listener,) = backend.listen(print)
    asked = [{key: rule[key] for key in rule if key != "type"} for rule in laptop.bus._clients[-1].rules]
    assert sorted(asked, key=str) == sorted(
        [
            {"sender": BUS, "member": "NameOwnerChanged", "arg0": NM},
            {"sender": BUS, "member": "NameOwnerChanged", "arg0": WPA},
            {"sender": NM, "path": DEVICE, "interface": NM_DEVICE, "member": "StateChanged"},
            {"sender": NM, "interface": NM_SETTINGS},
            {"sender": NM, "interface": f"{NM_SETTINGS}.Connection", "member": "Updated"},
            {"sender": WPA, "interface": WPA, "member": "InterfaceRemoved"},
            {"sender": WPA, "interface": PROPERTIES, "member": "PropertiesChanged", "arg0": WPA_INTERFACE},
            {"sender": WPA, "interface": WPA_INTERFACE, "member": "NetworkAdded"},
        ],
        key=str,
    )
    listener.close()


def test_a_listener_is_for_a_device_that_networkmanager_has_unless_told_otherwise(laptop: Laptop) -> None:
    laptop.bus.properties[DEVICE, NM_DEVICE]["Managed"] = ("b", False)
    with pytest.raises(NotFound, match="does not manage wlan0"):
        Listener("wlan0", lambda: None, SystemBus(), print)
    Listener("wlan0", lambda: None, SystemBus(), print, unmanaged=True).close()


def test_what_is_heard_has_the_level_of_the_supplicants_own_news(
    backend: NetworkManagerBackend, laptop: Laptop
) -> None:
    (listener,) = backend.listen(print)
    laptop.device(UNMANAGED)
    assert select.select([listener], [], [], 5)[0]
    assert listener.read() == (ManagerGone(),)
    listener.close()
