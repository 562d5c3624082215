# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The resident loop, above its transports: which radios it watches, what it passes on, and what it tells."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Callable, List, Optional, Sequence, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._network.events import SupplicantGone
from ansible_collections.vpro.fleet.plugins.module_utils._network.profile import Profile
from ansible_collections.vpro.fleet.plugins.module_utils._radio import csme
from ansible_collections.vpro.fleet.plugins.module_utils._radio.netlink import EventsLost
from ansible_collections.vpro.fleet.plugins.module_utils._radio.nl80211_messages import ConfigEvent, VendorEvent
from ansible_collections.vpro.fleet.plugins.module_utils._radio.rfkill import RfkillEvent
from ansible_collections.vpro.fleet.plugins.module_utils._radio.rtnetlink import Address, AddressEvent
from ansible_collections.vpro.fleet.plugins.module_utils._system import run_folder, systemd
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import NotFound, TransportFailed
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import command
from ansible_collections.vpro.fleet.plugins.module_utils._watcher import attachment, guarded, loop, state, state_file
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.config import Config
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.telling import Telling, status_of
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_loop import (
    NETWORK,
    NOT_OWNER,
    Events,
    Machine,
    document,
    names,
    radio,
)


def vendor(forbidden: int, **changed: Any) -> VendorEvent:
    data = struct.pack("=HHB3x", 5, csme.ATTR_ROAMING_FORBIDDEN, forbidden)
    return replace(VendorEvent(csme.INTEL_OUI, csme.ROAMING_FORBIDDEN_EVENT, 0, 3, None, data), **changed)


def test_the_radios_that_csme_can_own_are_watched(machine: Machine) -> None:
    machine.radios = (radio(0), radio(1, able=False), radio(2))
    assert names(machine.watcher()) == ["wlan0", "wlan2"]
    assert names(machine.watcher(Config(interfaces=("wlan2", "wlan9")))) == ["wlan2"]
    machine.radios = ()
    watcher = machine.watcher()
    assert document(watcher)["state"] == "no_radio"
    assert (
        status_of(watcher._radios.values()) == "Watches no radio: CSME can own none, or the configuration names others"
    )


def test_what_the_last_watcher_left_is_taken_when_a_radio_comes(machine: Machine) -> None:
    places = Places(str(machine.folder))
    run_folder.leave_message("stay-wlan0", {"ifindex": 3, "bssid": "02:00:00:00:01:00", "at": 0.0}, places)
    machine.watcher()
    assert run_folder.take_message("stay-wlan0", places) is None


def test_radios_come_and_go(machine: Machine) -> None:
    watcher = machine.watcher()
    machine.radios = (radio(0), radio(1))
    watcher._scan()
    assert names(watcher) == ["wlan0", "wlan1"]
    first = watcher._radios["wlan0"]
    assert not first.closed.is_new, "it was there before the watcher"
    # The driver was loaded anew: the same name, another radio.
    machine.radios = (replace(radio(0), phy="phy9"),)
    watcher._scan()
    assert names(watcher) == ["wlan0"]
    assert watcher._radios["wlan0"] is not first
    assert watcher._radios["wlan0"].closed.is_new
    machine.trouble = TransportFailed("for a moment")
    watcher._scan()
    assert names(watcher) == ["wlan0"], "what can't be read for a moment is not gone"
    machine.trouble = NotFound("no nl80211")
    watcher._scan()
    assert names(watcher) == []


def test_a_switch_that_comes_or_goes_is_looked_after(machine: Machine) -> None:
    watcher = machine.watcher()
    events = watcher._events
    machine.radios = ()
    watcher._rfkill.heard = [RfkillEvent(7, "wlan", "del", False, False, None)]  # type: ignore[attr-defined]
    watcher._heard_rfkill()
    assert names(watcher) == []
    assert watcher._events is events, "nl80211 is the same"
    # All of nl80211 came anew: the sockets of before hear nothing.

    def old_family() -> Tuple[()]:
        raise NotFound("old family")

    watcher._nl.interfaces = old_family  # type: ignore[union-attr,method-assign]
    machine.radios = (radio(4),)
    watcher._rfkill.heard = [RfkillEvent(11, "wlan", "add", False, False, None)]  # type: ignore[attr-defined]
    watcher._heard_rfkill()
    assert names(watcher) == ["wlan4"]
    assert watcher._events is not events
    # Bluetooth is none of its business.
    watcher._rfkill.heard = [RfkillEvent(20, "bluetooth", "add", False, False, None)]  # type: ignore[attr-defined]
    machine.radios = ()
    watcher._heard_rfkill()
    assert names(watcher) == ["wlan4"]


@pytest.mark.parametrize("read", ["with them", "later"])
def test_a_new_radio_takes_nothing_for_news_that_is_older_than_itself(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, read: str
) -> None:
    """A driver that is reloaded gives its new radio a switch without a block, and then blocks it."""
    watcher = machine.watcher()
    heard: List[RfkillEvent] = []
    monkeypatch.setattr(guarded.Watched, "heard_rfkill", lambda watched, event: heard.append(event))
    gone = RfkillEvent(7, "wlan", "del", False, False, None)
    stale = [
        RfkillEvent(8, "wlan", "add", False, False, frozenset()),
        RfkillEvent(8, "wlan", "change", False, True, NOT_OWNER),
    ]
    machine.radios, machine.connection = (radio(1, blocked=True),), NETWORK
    batches = [[gone, *stale], []] if read == "with them" else [[gone], stale]
    monkeypatch.setattr(watcher._rfkill, "read", lambda: tuple(batches.pop(0)) if batches else ())
    watcher._heard_rfkill()
    assert names(watcher) == ["wlan1"]
    assert batches == []
    # The radio of before hears all of it, and minds its own switch alone.
    heard.clear()
    watcher._rfkill.read = lambda: (RfkillEvent(8, "wlan", "change", False, False, NOT_OWNER),)  # type: ignore[method-assign]
    watcher._heard_rfkill()
    assert [event.hard for event in heard] == [False]


def test_a_radio_whose_driver_learns_of_csme_later_is_found_by_its_block(machine: Machine) -> None:
    machine.radios = (radio(0, able=False),)
    watcher = machine.watcher()
    machine.radios, machine.connection = (radio(0, blocked=True),), NETWORK
    watcher._rfkill.heard = [RfkillEvent(7, "wlan", "change", False, True, NOT_OWNER)]  # type: ignore[attr-defined]
    watcher._heard_rfkill()
    assert names(watcher) == ["wlan0"]


def test_the_end_of_a_block_is_a_reason_to_look_at_the_interface(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.radios = (radio(0),)
    watcher = machine.watcher()
    read: List[bool] = []
    closed = watcher._radios["wlan0"].closed
    monkeypatch.setattr(closed, "read", lambda: read.append(True))
    watcher._rfkill.heard = [RfkillEvent(7, "wlan", "change", False, False, NOT_OWNER)]  # type: ignore[attr-defined]
    watcher._heard_rfkill()
    assert read == [True]


def test_csmes_word_on_roaming_reaches_its_radio(machine: Machine) -> None:
    machine.radios = (radio(0), radio(1))
    watcher = machine.watcher()
    assert watcher._events is not None
    events = watcher._events
    events.heard = [  # type: ignore[attr-defined]
        vendor(1),
        vendor(1, ifindex=4, data=b"\x01"),
        vendor(1, vendor_id=1, ifindex=4),
        vendor(1, subcmd=1, ifindex=4),
    ]
    watcher._heard_events()
    forbidden = {name: watched._machine.state.forbidden for name, watched in watcher._radios.items()}
    assert forbidden == {"wlan0": True, "wlan1": False}
    assert "malformed" in machine.log.text
    events.heard = [vendor(0)]  # type: ignore[attr-defined]
    watcher._heard_events()
    assert not watcher._radios["wlan0"]._machine.state.forbidden


@pytest.mark.parametrize(("of_links", "looks"), [(98, False), (99, True)])
def test_another_era_is_noticed_first_but_in_a_handover_only_if_an_interface_changed(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, of_links: int, looks: bool
) -> None:
    """CSME says once that roaming is forbidden, and may have said it in the new era. A laptop may sleep at any time."""
    machine.radios = (radio(0),)
    watcher = machine.watcher()
    watched = watcher._radios["wlan0"]
    happened: List[str] = []
    links = SimpleNamespace(look=lambda: happened.append("look"), fileno=lambda: of_links)
    watcher._links = links  # type: ignore[assignment]
    watcher._handlers[99] = lambda: happened.append("heard")
    monkeypatch.setattr(watcher, "_epoll", SimpleNamespace(poll=lambda _timeout: [(99, 1)]))
    watcher._wait(None)
    assert happened == ["look", "heard"]
    monkeypatch.setattr(type(watched), "state", "handover")
    watcher._wait(None)
    assert happened[2:] == ["look", "heard"][not looks :]


def test_after_an_overrun_everything_is_read_anew(machine: Machine) -> None:
    watcher = machine.watcher()
    machine.radios = (radio(0), radio(1))
    assert watcher._events is not None
    watcher._events.heard = [EventsLost("overrun")]  # type: ignore[attr-defined]
    watcher._heard_events()
    assert names(watcher) == ["wlan0", "wlan1"]


def test_listing_radios_waits_for_a_handover(machine: Machine) -> None:
    watcher = machine.watcher()
    assert watcher._events is not None
    watcher._events.heard = [ConfigEvent(7, "new_interface", 0, None)]  # type: ignore[attr-defined]
    watcher._heard_events()
    assert not watcher._scan_wanted, "a device without a network interface"
    watcher._events.heard = [ConfigEvent(7, "new_interface", 0, 9)]  # type: ignore[attr-defined]
    watcher._heard_events()
    assert watcher._scan_wanted


def test_a_bad_configuration_is_refused_and_the_old_one_stays(machine: Machine) -> None:
    machine.radios = (radio(0), radio(1))
    watcher = machine.watcher()
    machine.config.write_text('{"idle": "maybe"}')
    watcher._reload()
    assert "idle" in machine.log.text
    assert names(watcher) == ["wlan0", "wlan1"]
    machine.config.write_text('{"interfaces": ["wlan1"], "idle": "leave", "log_level": "warning"}')
    watcher._reload()
    assert names(watcher) == ["wlan1"]
    assert watcher._radios["wlan1"].policy.take_idle is False
    assert machine.log.level == "warning"


def test_a_reload_carries_a_handover_through_and_asks_for_no_radio_that_is_not_wanted(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.radios = (radio(0), radio(1), radio(2))
    watcher = machine.watcher()
    fed: List[str] = []
    monkeypatch.setattr(guarded.Watched, "feed", lambda watched, event: fed.append(f"{watched.interface} {event!r}"))
    monkeypatch.setattr(watcher._epoll, "poll", lambda timeout: [], raising=False)
    machine.config.write_text('{"interfaces": ["wlan1"]}')
    with monkeypatch.context() as handover:
        handover.setattr(guarded.Watched, "state", property(lambda watched: "handover"))
        watcher._reload()
        watcher._wait(None)
        assert names(watcher) == ["wlan0", "wlan1", "wlan2"]
        assert fed == ["wlan1 Changed()"]
    watcher._wait(None)
    assert names(watcher) == ["wlan1"]
    assert fed[1:] == ["wlan0 InterfaceGone()", "wlan2 InterfaceGone()"]


def test_the_state_that_is_told(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = machine.folder / "state.json"
    monkeypatch.setattr(state, "STATE_PATH", str(path))
    assert command.main(["status"]) == 1
    assert "does not run" in capsys.readouterr().err
    machine.radios, machine.connection = (radio(0, blocked=True), radio(1)), NETWORK
    watcher = machine.watcher()
    watcher._telling = Telling("1.2.3", watcher._log, lambda told: state_file.write_state(told, str(path)))
    told = document(watcher)
    assert (told["state"], told["last_handover"]) == ("left", None)
    assert told["radios"][0]["wanted"] == {"ssid": "corp\\xff", "ssid_hex": NETWORK.ssid.hex(), "auth": "psk"}
    watcher._telling.report(watcher._radios.values())
    assert json.loads(path.read_text()) == told
    assert command.main(["status"]) == 0
    shown = capsys.readouterr().out
    assert "wlan0 (phy0): CSME keeps the radio" in shown
    assert "a profile for 'corp\\xff' (psk)" in shown
    # Unchanged, it is not written again.
    path.unlink()
    watcher._telling.report(watcher._radios.values())
    assert not path.exists()


def test_a_bad_configuration_at_the_start_is_told_and_the_defaults_hold(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started: List[Config] = []

    class Started:
        def __init__(self, version: str, config: Config, path: str, log: object) -> None:
            started.append(config)

        def run(self) -> None:
            pass

    monkeypatch.setattr(loop, "Watcher", Started)
    monkeypatch.setattr(f"{systemd.__name__}._JOURNAL", "/none")
    machine.config.write_text('{"idle": "maybe"}')
    command.watch("1", str(machine.config))
    assert started == [Config()]
    assert "idle" in capsys.readouterr().err
    machine.config.write_text('{"idle": "leave"}')
    command.watch("1", str(machine.config))
    assert started[1].idle == "leave"


def test_a_kernel_that_has_no_wireless_yet(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(groups: object) -> Events:
        raise NotFound("no nl80211")

    with monkeypatch.context() as patch:
        patch.setattr(loop, "Nl80211Events", none)
        watcher = machine.watcher()
    assert names(watcher) == []
    assert "the kernel does not have nl80211 yet" in machine.log.text
    watcher._rfkill.heard = [RfkillEvent(7, "wlan", "add", False, False, frozenset())]  # type: ignore[attr-defined]
    watcher._heard_rfkill()
    assert names(watcher) == ["wlan0"]


def test_addresses_reach_their_radio(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.radios = (radio(0), radio(1))
    watcher = machine.watcher()
    fed: List[str] = []
    read: List[str] = []
    monkeypatch.setattr(guarded.Watched, "feed", lambda self, event: fed.append(f"{self.interface} {event}"))
    monkeypatch.setattr(guarded.Watched, "read_address", lambda self: read.append(self.interface))
    routable = AddressEvent(True, 4, Address("192.0.2.7", 24, "inet", 0))
    watcher._addresses.heard = [  # type: ignore[attr-defined]
        replace(routable, ifindex=9),
        replace(routable, added=False),
        replace(routable, address=Address("fe80::1", 64, "inet6", 253)),
        routable,
    ]
    watcher._heard_addresses()
    assert fed == ["wlan1 AddressArrived(same_host=True)"]
    assert read == []
    watcher._addresses.heard = [EventsLost("overrun")]  # type: ignore[attr-defined]
    watcher._heard_addresses()
    assert read == ["wlan0", "wlan1"]


class Supplicant:
    """A backend whose events are what a test says."""

    manager = "wpa_supplicant"

    def __init__(self) -> None:
        self.source = Events()
        #: How often it was asked for its profiles.
        self.asked = 0

    def listen(self, warn: Callable[[str], None]) -> Sequence[Events]:
        return (self.source,)

    def profiles(self, ssid: Optional[bytes] = None) -> Tuple[Profile, ...]:
        self.asked += 1
        return ()

    def ask_for_address(self) -> bool:
        return False

    def settle(self, *, now: bool = False) -> bool:
        return True


def test_at_its_start_it_asks_for_the_profiles_once(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a profile that fits, a handover is under way after that, and another look would only delay it."""
    machine.radios, machine.connection = (radio(blocked=True),), NETWORK
    backend = Supplicant()
    monkeypatch.setattr(attachment, "backend_from_within", lambda _interface, _ifindex, _places: backend)
    machine.watcher()
    assert backend.asked == 1


def test_a_supplicant_that_ends_is_looked_for_anew(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    backends = [Supplicant(), Supplicant()]
    waiting = list(backends)

    def next_backend(interface: str, ifindex: int, places: Places) -> Supplicant:
        if not waiting:
            raise NotFound("none")
        return waiting.pop(0)

    monkeypatch.setattr(attachment, "backend_from_within", next_backend)
    watcher = machine.watcher()
    watched = watcher._radios["wlan0"]
    assert document(watcher)["radios"][0]["supplicant"] is True
    first, second = (backend.source for backend in backends)
    assert watched.attachment.sources == (first,)
    managed: List[bool] = []
    monkeypatch.setattr(watched.closed, "managed", lambda: managed.append(True))
    first.heard = [SupplicantGone()]
    watcher._handlers[first.fileno()]()
    assert managed == [True]
    assert watched.attachment.sources == (second,)
    assert first.closed
    second.heard = [TransportFailed("it hung up")]
    watcher._handlers[second.fileno()]()
    assert not watched.attachment.sources
    assert second.fileno() not in watcher._handlers
    assert document(watcher)["radios"][0]["supplicant"] is False
