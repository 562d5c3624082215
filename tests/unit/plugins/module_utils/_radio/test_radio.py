# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Radios joined from their parts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, FrozenSet, List, Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._radio import csme, radio
from ansible_collections.vpro.fleet.plugins.module_utils._radio.connection import CsmeConnection, PartialConnection
from ansible_collections.vpro.fleet.plugins.module_utils._radio.nl80211_messages import (
    Interface,
    Station,
    VendorCommand,
    Wiphy,
)
from ansible_collections.vpro.fleet.plugins.module_utils._radio.radio import (
    Unreadable,
    csmes_connection,
    owner_of,
    read_radios,
    routable,
)
from ansible_collections.vpro.fleet.plugins.module_utils._radio.rtnetlink import Address
from ansible_collections.vpro.fleet.plugins.module_utils._radio.values import Link, Radio, Switch
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import AccessDenied, FleetError, NotFound
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import Machine

BSSID = "02:00:00:00:01:00"
PART = PartialConnection(b"corp", BSSID, None, (), "psk", None, (("channel", "There is no 255"),))
NETWORK = CsmeConnection(b"corp\xff", BSSID, 6, None, (2437,), "psk", "ccmp", None, None)
COMMANDS = frozenset(
    {
        VendorCommand(csme.INTEL_OUI, csme.GET_CSME_CONN_INFO),
        VendorCommand(csme.INTEL_OUI, csme.HOST_GET_OWNERSHIP),
    }
)
EVENTS = (VendorCommand(csme.INTEL_OUI, csme.ROAMING_FORBIDDEN_EVENT),)
INTEL = Wiphy(0, "phy0", COMMANDS, EVENTS)
PLAIN = Wiphy(1, "phy1", frozenset(), ())


def switch(reasons: Optional[FrozenSet[str]], *, hard: bool = False, soft: bool = False, phy: str = "phy0") -> Switch:
    return Switch(7, "wlan", phy, soft, hard, reasons, phy)


NOT_OWNER = switch(frozenset({"not_owner"}), hard=True)
FREE = switch(frozenset())


@pytest.mark.parametrize(
    ("given", "owner"),
    [
        (None, "unknown"),
        (switch(None), "unknown"),
        (switch(None, hard=True), "unknown"),
        (FREE, "host"),
        (switch(frozenset({"signal"}), hard=True), "host"),
        (NOT_OWNER, "csme"),
        (switch(frozenset({"signal", "not_owner"}), hard=True), "csme"),
        (switch(frozenset(), soft=True), "host"),
    ],
)
def test_the_owner_follows_from_the_reason(given: Optional[Switch], owner: str) -> None:
    assert owner_of(given) == owner


class Kernel:
    """What nl80211 says."""

    def __init__(self, wiphys: Tuple[Wiphy, ...], interfaces: Tuple[Interface, ...]) -> None:
        self._wiphys = wiphys
        self._interfaces = interfaces
        self.peer: Optional[Station] = None
        self.csme: Any = NETWORK
        self.asked: List[int] = []

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_exc: object) -> None:
        pass

    def wiphys(self) -> Tuple[Wiphy, ...]:
        return self._wiphys

    def interfaces(self) -> Tuple[Interface, ...]:
        return self._interfaces

    def station(self, ifindex: int) -> Optional[Station]:
        return self.peer if ifindex == 3 else None

    def ssid(self, ifindex: int) -> Optional[bytes]:
        return {3: b"from the scan"}[ifindex]


def interface(index: int, name: str, wiphy: int, iftype: int = 2, ssid: Optional[bytes] = None) -> Interface:
    return Interface(index, name, wiphy, "02:00:00:00:00:00", iftype, ssid, 2437)


@pytest.fixture
def join(monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(kernel: Kernel, *switches: Switch, asks: Optional[bool] = False, up: bool = True) -> Any:
        def connection(nl: Kernel, ifindex: int) -> Optional[CsmeConnection]:
            nl.asked.append(ifindex)
            if isinstance(nl.csme, FleetError):
                raise nl.csme
            return nl.csme  # type: ignore[no-any-return]

        def addresses(index: int) -> Tuple[Address, ...]:
            return (Address(f"192.0.2.{index}", 24, "inet", 0),)

        module = radio.__name__
        monkeypatch.setattr(f"{module}.switches", lambda: switches)
        monkeypatch.setattr(f"{module}._csme.connection", connection)
        monkeypatch.setattr(f"{module}.sysfs.driver_of", {"wlan0": "iwlwifi"}.get)
        monkeypatch.setattr(f"{module}.asks_by_itself", lambda: asks)
        monkeypatch.setattr(f"{module}.sysfs.is_up", lambda name: {"wlan0": up}[name])
        monkeypatch.setattr(
            f"{module}.rtnetlink.addresses", lambda index: (Address(f"192.0.2.{index}", 24, "inet", 0),)
        )
        return read_radios(kernel)  # type: ignore[arg-type]

    return run


@pytest.mark.parametrize(
    ("given", "told", "expected"),
    [
        (NOT_OWNER, NETWORK, NETWORK),
        (NOT_OWNER, PART, PART),
        (NOT_OWNER, None, None),
        (NOT_OWNER, AccessDenied("no"), None),
        (FREE, NETWORK, None),
        (switch(frozenset({"not_owner"}), hard=True, phy="phy1"), NETWORK, None),
        (NotFound("no rfkill"), NETWORK, None),
    ],
)
def test_csmes_connection_on_one_interface(
    monkeypatch: pytest.MonkeyPatch, machine: Machine, given: Any, told: Any, expected: Any
) -> None:
    machine.write("sys/class/net/wlan0/ifindex", "3\n")
    (machine.path / "phy0").mkdir()
    (machine.path / "sys/class/net/wlan0/phy80211").symlink_to(machine.path / "phy0")
    asked: List[Any] = []

    def known(folder: str) -> Tuple[Switch, ...]:
        assert folder == str(machine.path / "sys/class/rfkill")
        if isinstance(given, FleetError):
            raise given
        return (given,)

    def connection(_nl: Kernel, ifindex: int) -> Any:
        asked.append(ifindex)
        if isinstance(told, FleetError):
            raise told
        return told

    monkeypatch.setattr(f"{radio.__name__}.switches", known)
    monkeypatch.setattr(f"{radio.__name__}._csme.connection", connection)
    monkeypatch.setattr(f"{radio.__name__}.Nl80211", lambda: Kernel((), ()))
    assert csmes_connection("wlan0", machine.root) == expected
    assert asked == ([3] if given == NOT_OWNER else [])
    assert csmes_connection("wlan7", machine.root) is None


def test_a_radio_is_joined_by_its_phy(join: Any) -> None:
    kernel = Kernel((PLAIN, INTEL), (interface(4, "wlan1", 1), interface(3, "wlan0", 0)))
    radios, unreadable = join(kernel, switch(frozenset({"signal"}), hard=True, phy="phy1"), NOT_OWNER)
    assert unreadable == ()
    assert [(r.phy, r.interface, r.owner, r.can_request, r.csme) for r in radios] == [
        ("phy0", "wlan0", "csme", True, NETWORK),
        ("phy1", "wlan1", "host", False, None),
    ]
    assert kernel.asked == [3]


@pytest.mark.parametrize(
    ("asks", "up", "switch_", "owner"),
    [
        (False, False, FREE, "host"),
        (True, True, FREE, "host"),
        (True, False, FREE, "unknown"),
        (True, False, NOT_OWNER, "csme"),
        (None, False, FREE, "unknown"),
        (None, True, FREE, "host"),
    ],
)
def test_a_driver_that_asks_by_itself_hides_the_owner_of_an_interface_that_is_down(
    join: Any, asks: Optional[bool], up: bool, switch_: Switch, owner: str
) -> None:
    kernel = Kernel((INTEL,), (interface(3, "wlan0", 0),))
    assert join(kernel, switch_, asks=asks, up=up)[0][0].owner == owner
    # A radio that CSME can't own is the host's, whatever its interface does.
    plain = Kernel((PLAIN,), (interface(4, "wlan1", 1),))
    free = replace(FREE, phy="phy1")
    assert join(plain, free, asks=asks, up=up)[0][0].owner == "host"


def test_everything_that_is_known_of_a_radio_has_its_place(join: Any) -> None:
    kernel = Kernel((INTEL,), (interface(3, "wlan0", 0, ssid=b"corp"),))
    kernel.peer = Station(BSSID, -40)
    (radio,), unreadable = join(kernel, NOT_OWNER)
    assert unreadable == ()
    assert radio == Radio(
        phy="phy0",
        interface="wlan0",
        ifindex=3,
        mac="02:00:00:00:00:00",
        driver="iwlwifi",
        owner="csme",
        switch=NOT_OWNER,
        can_tell=True,
        can_request=True,
        roaming_event=True,
        csme=NETWORK,
        link=Link(b"corp", BSSID, 2437, -40, ("192.0.2.3/24",)),
    )


def test_each_radio_has_the_platforms_switches(join: Any) -> None:
    dell = Switch(5, "wlan", "dell-wifi", True, False, frozenset(), None)
    radios, _unreadable = join(
        Kernel((INTEL, PLAIN), (interface(3, "wlan0", 0),)), FREE, dell, replace(dell, index=6, type="bluetooth")
    )
    assert [(each.phy, each.switch, each.platform) for each in radios] == [
        ("phy0", FREE, (dell,)),
        ("phy1", None, (dell,)),
    ]


def test_a_radio_without_an_interface_has_its_name_and_its_switch(join: Any) -> None:
    (radio,), unreadable = join(Kernel((PLAIN,), ()), replace(FREE, phy="phy1"), switch(None, phy=""))
    assert unreadable == ()
    assert radio == Radio(
        "phy1", None, None, None, None, "host", replace(FREE, phy="phy1"), False, False, False, None, None
    )


def test_a_driver_that_can_not_tell_csmes_connection_is_not_asked(join: Any) -> None:
    deaf = replace(INTEL, vendor_commands=frozenset({VendorCommand(csme.INTEL_OUI, csme.HOST_GET_OWNERSHIP)}))
    kernel = Kernel((deaf,), (interface(3, "wlan0", 0),))
    (radio,), _unreadable = join(kernel, NOT_OWNER)
    assert (radio.owner, radio.can_tell, radio.can_request, radio.csme, kernel.asked) == ("csme", False, True, None, [])


def test_an_interface_of_which_nobody_knows_whether_it_is_up_hides_the_owner(
    join: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(name: str) -> bool:
        raise NotFound(f"there is no {name}")

    kernel = Kernel((INTEL,), (interface(3, "wlan0", 0),))
    join(kernel, FREE, asks=True)
    monkeypatch.setattr(f"{radio.__name__}.sysfs.is_up", gone)
    radios, unreadable = read_radios(kernel, (FREE,))  # type: ignore[arg-type]
    assert radios[0].owner == "unknown"
    assert unreadable == (Unreadable("interface wlan0", "there is no wlan0"),)


def test_a_link_that_can_not_be_read_is_named(join: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(ifindex: int) -> None:
        raise AccessDenied(f"no right to see {ifindex}")

    kernel = Kernel((INTEL,), (interface(3, "wlan0", 0),))
    monkeypatch.setattr(kernel, "station", refuse)
    radios, unreadable = join(kernel, FREE)
    assert radios[0].link is None
    assert unreadable == (Unreadable("radios.phy0.link", "no right to see 3"),)


def test_an_old_connection_is_not_told(join: Any) -> None:
    kernel = Kernel((INTEL,), (interface(3, "wlan0", 0),))
    radios, _unreadable = join(kernel, FREE)
    assert radios[0].csme is None
    assert kernel.asked == []


def test_only_station_interfaces_count(join: Any) -> None:
    kernel = Kernel((INTEL,), (interface(2, "mon0", 0, iftype=6), interface(9, "wlan9", 0), interface(3, "wlan0", 0)))
    assert join(kernel, FREE)[0][0].interface == "wlan0"
    assert join(Kernel((INTEL,), ()), FREE)[0][0].interface is None


@pytest.mark.parametrize(("ssid", "told"), [(b"corp", b"corp"), (b"", b""), (None, b"from the scan")])
def test_the_link(join: Any, ssid: Optional[bytes], told: bytes) -> None:
    kernel = Kernel((INTEL,), (interface(3, "wlan0", 0, ssid=ssid),))
    kernel.peer = Station(BSSID, -40)
    link = join(kernel, FREE)[0][0].link
    assert (link.ssid, link.bssid, link.signal_dbm, link.addresses) == (told, BSSID, -40, ("192.0.2.3/24",))


def test_what_could_be_read_of_a_connection_is_kept_and_the_rest_named(join: Any) -> None:
    kernel = Kernel((INTEL,), (interface(3, "wlan0", 0),))
    kernel.csme = PART
    radios, unreadable = join(kernel, NOT_OWNER)
    assert (radios[0].csme, radios[0].part, radios[0].reported) == (None, PART, PART)
    assert unreadable == (Unreadable("radios.phy0.csme.channel", "There is no 255"),)
    # What a handover does not need is named as well.
    kernel.csme = replace(NETWORK, cipher=None, unread=(("cipher", "It has 1 byte"),))
    radios, unreadable = join(kernel, NOT_OWNER)
    assert (radios[0].csme, radios[0].part) == (kernel.csme, None)
    assert unreadable == (Unreadable("radios.phy0.csme.cipher", "It has 1 byte"),)


def test_what_can_not_be_read_is_named(join: Any) -> None:
    kernel = Kernel((INTEL,), (interface(3, "wlan0", 0),))
    kernel.csme = AccessDenied("no right", remedy="Become root")
    radios, unreadable = join(kernel, NOT_OWNER)
    assert radios[0].csme is None
    assert unreadable == (Unreadable("radios.phy0.csme", "no right. Become root"),)


def test_an_interface_that_sysfs_does_not_show(join: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel((INTEL,), (interface(3, "wlan0", 0),))

    def gone(name: str) -> str:
        raise NotFound(f"there is no {name}")

    join(kernel, FREE)
    monkeypatch.setattr(f"{radio.__name__}.sysfs.driver_of", gone)
    radios, unreadable = read_radios(kernel)  # type: ignore[arg-type]
    assert (radios[0].interface, radios[0].driver) == ("wlan0", None)
    assert unreadable == (Unreadable("radios.phy0.driver", "there is no wlan0"),)


def test_switches_that_the_caller_knows_are_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def read_again() -> None:
        raise AssertionError

    monkeypatch.setattr(f"{radio.__name__}.switches", read_again)
    kernel = Kernel((INTEL,), ())
    assert read_radios(kernel, (NOT_OWNER,))[0][0].owner == "csme"  # type: ignore[arg-type]
    assert read_radios(kernel, ())[0][0].owner == "unknown"  # type: ignore[arg-type]


def test_link_local_addresses_do_not_count() -> None:
    given = (
        Address("fe80::1", 64, "inet6", 253),
        Address("2001:db8::1", 64, "inet6", 0),
        Address("fec0::1", 64, "inet6", 200),
        Address("::1", 128, "inet6", 254),
    )
    assert routable(given) == ("2001:db8::1/64", "fec0::1/64")
