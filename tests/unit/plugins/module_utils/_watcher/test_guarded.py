# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One radio that is guarded, over a supplicant's control socket; and what is left when the guard is killed."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover import deferred, effects, undo
from ansible_collections.vpro.fleet.plugins.module_utils._handover.guard import GuardPolicy
from ansible_collections.vpro.fleet.plugins.module_utils._handover.messages import (
    AddressArrived,
    RoamingAllowed,
    RoamingForbidden,
)
from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import Policy
from ansible_collections.vpro.fleet.plugins.module_utils._managers.who import OverIwd
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import control
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.backend import WpaSupplicant
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.listener import Listener
from ansible_collections.vpro.fleet.plugins.module_utils._network.events import (
    Connected,
    Disconnected,
    Event,
    ManagerGone,
    ProfileTouched,
    ScanStarted,
)
from ansible_collections.vpro.fleet.plugins.module_utils._radio import csme
from ansible_collections.vpro.fleet.plugins.module_utils._radio.connection import CsmeConnection
from ansible_collections.vpro.fleet.plugins.module_utils._radio.rfkill import RfkillEvent
from ansible_collections.vpro.fleet.plugins.module_utils._radio.rtnetlink import Address
from ansible_collections.vpro.fleet.plugins.module_utils._radio.values import Radio, Switch
from ansible_collections.vpro.fleet.plugins.module_utils._system import dhcp, run_folder
from ansible_collections.vpro.fleet.plugins.module_utils._system.dhcp import Client
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    AccessDenied,
    FleetError,
    NotFound,
    TransportFailed,
)
from ansible_collections.vpro.fleet.plugins.module_utils._watcher import attachment, guarded, view
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.bring_up_note import hold_note
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.guarded import Watched
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.places import Places
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_supplicant import FakeNetwork, FakeSupplicant

NOT_OWNER = frozenset({"not_owner"})
BSSID = "02:00:00:00:01:00"
NETWORK = CsmeConnection(b"corp", BSSID, 6, None, (2437,), "psk", "ccmp", None, None)
BLOCKED = Switch(7, "wlan", "phy0", False, True, NOT_OWNER, "phy0")
FREE = Switch(7, "wlan", "phy0", False, False, frozenset(), "phy0")


def radio(switch: Switch = BLOCKED) -> Radio:
    return Radio("phy0", "wlan0", 3, "02:00:00:00:00:00", "iwlwifi", "csme", switch, True, True, True, None, None)


def network(ssid: str) -> FakeNetwork:
    variables = {"ssid": f'"{ssid}"', "key_mgmt": "WPA-PSK", "psk": '"a passphrase"'}
    return FakeNetwork(variables, disabled=False)


#: What the supplicant answers to who listens to it. All else it answers by itself.
QUIET = {"ATTACH": "OK\n", "DETACH": "OK\n", "PING": "PONG\n"}.get


class Book:
    """A log that a test can read."""

    level = "debug"

    def __init__(self) -> None:
        self.lines: List[Tuple[str, str]] = []
        self.fields: List[Dict[str, Any]] = []

    def write(self, level: str, message: str, **fields: object) -> None:
        self.lines.append((level, message))
        self.fields.append(fields)

    @property
    def text(self) -> str:
        return "\n".join(message for _level, message in self.lines)


class Laptop:
    """A laptop whose CSME owns the radio, and a supplicant that has a profile for its network."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder / "run")
        self.notes = str(folder)
        self.path = str(folder / "wlan0")
        self.supplicant = FakeSupplicant(folder / "wlan0")
        self.supplicant.start()
        self.supplicant.state = "INTERFACE_DISABLED"
        self.supplicant.networks = {number: network(name) for number, name in enumerate(("home", "corp", "hotel"))}
        self.supplicant.hook = QUIET
        self.connection: Optional[CsmeConnection] = NETWORK
        self.requests = 0
        self.addresses: Tuple[Address, ...] = ()
        self.client: Optional[Client] = None
        self.log = Book()
        self.before = copy.deepcopy(self.supplicant.networks)
        self.now = 100.0
        self.made: List[Watched] = []

    def watched(self, switch: Switch = BLOCKED, policy: Optional[GuardPolicy] = None) -> Watched:
        watched = Watched(
            radio(switch),
            None,  # type: ignore[arg-type]
            policy or GuardPolicy(),
            self.log,  # type: ignore[arg-type]
            places=Places(self.folder, self.notes),
            clock=lambda: self.now,
        )
        self.made.append(watched)
        return watched

    def request(self, nl: object, ifindex: int) -> None:
        assert ifindex == 3
        self.requests += 1

    @property
    def as_before(self) -> bool:
        """Whether the supplicant's networks are what they were, and no journal is left."""
        return self.supplicant.networks == self.before and run_folder.journals(self.folder) == []


@pytest.fixture
def laptop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Laptop]:
    made = Laptop(tmp_path)
    backend = WpaSupplicant("wlan0", made.path)
    monkeypatch.setattr(f"{attachment.__name__}.backend_from_within", lambda interface, ifindex: backend)
    monkeypatch.setattr(f"{view.__name__}.csme.connection", lambda nl, ifindex: made.connection)
    monkeypatch.setattr(f"{guarded.__name__}.csme.request_ownership", made.request)
    monkeypatch.setattr(f"{effects.__name__}.rtnetlink.addresses", lambda ifindex: made.addresses)
    monkeypatch.setattr(f"{effects.__name__}.dhcp.find_client", lambda interface, ifindex: made.client)
    monkeypatch.setattr(f"{deferred.__name__}._RETRY_SECONDS", 0.0)
    yield made
    for watched in made.made:
        watched.stop()
    made.supplicant.stop()


def rfkill(hard: bool, soft: bool = False, index: int = 7) -> RfkillEvent:
    return RfkillEvent(index, "wlan", "change", soft, hard, NOT_OWNER if hard else frozenset())


def hand_over(watched: Watched) -> None:
    """What follows a request: the grant, and a connection."""
    watched.heard_rfkill(rfkill(False))
    for source in watched.attachment.sources:
        if isinstance(source, Listener):  # it hears of the scan itself, and does what is due
            source._follow(ScanStarted())
    for event in (ScanStarted(), Connected(BSSID), AddressArrived()):
        watched.feed(event)


def test_a_handover_from_the_block_to_the_end_of_the_session(laptop: Laptop) -> None:
    watched = laptop.watched()
    assert watched.attach()
    assert not watched.attach(), "once is enough"
    watched.look()
    assert (watched.state, laptop.requests) == ("handover", 1)
    laptop.now += 0.3
    hand_over(watched)
    assert watched.state == "staying"
    assert watched.last is not None
    assert (watched.last.outcome, watched.last.session_kept) == ("protected", True)
    assert (watched.last.request_to_connected_ms, watched.last.request_to_address_ms) == (300, 300)
    assert laptop.supplicant.network(b"corp").variables["bssid"] == BSSID
    watched.feed(RoamingForbidden())
    watched.feed(RoamingAllowed())
    assert (watched.state, watched.due, laptop.as_before) == ("watching", None, True)
    watched.stop()
    assert "('corp', psk, channel 6)" in laptop.log.text


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> List[str]:
    """The interfaces for which the DHCP client was asked anew."""
    names: List[str] = []

    def ask(client: Client, interface: str) -> None:
        names.append(f"{client.value} {interface}")

    monkeypatch.setattr(f"{guarded.__name__}.ask_through_pipe", ask)
    return names


@pytest.mark.parametrize("switch", [BLOCKED, FREE], ids=["in a handover", "in everyday use"])
def test_an_address_that_does_not_come_is_asked_for(laptop: Laptop, asked: List[str], switch: Switch) -> None:
    laptop.client = Client.NETWORKD
    watched = laptop.watched(switch)
    watched.attach()
    watched.look()
    watched.heard_rfkill(rfkill(False))
    watched.feed(Connected(BSSID))
    assert watched.due == laptop.now + 0.1
    laptop.now += 0.05
    watched.expire()
    assert asked == []
    laptop.now += 0.05
    watched.expire()
    assert asked == ["networkd wlan0"]
    assert "no address came yet; networkd is asked anew" in laptop.log.text
    watched.feed(AddressArrived())
    if switch == BLOCKED:
        assert watched.last is not None
        assert watched.last.outcome == "protected"
    laptop.now += 3.0
    watched.expire()
    assert asked == ["networkd wlan0"]


def test_an_address_of_before_counts_if_it_is_still_there_a_moment_later(laptop: Laptop, asked: List[str]) -> None:
    laptop.client = Client.NETWORKD
    laptop.addresses = (Address("192.0.2.7", 24, "inet", 0),)
    watched = laptop.watched()
    watched.attach()
    watched.look()
    watched.heard_rfkill(rfkill(False))
    watched.feed(Connected(BSSID))
    assert watched.state == "handover"
    laptop.now += 0.1
    watched.expire()
    assert (watched.state, asked) == ("staying", [])
    assert watched.last is not None
    assert watched.last.request_to_address_ms == 100


def test_an_address_after_the_deadline_says_nothing_of_the_session(laptop: Laptop) -> None:
    watched = laptop.watched()
    watched.attach()
    watched.look()
    watched.heard_rfkill(rfkill(False))
    watched.feed(Connected(BSSID))
    laptop.now += 3.1  # nobody looked at the clock since: the address is heard of first
    watched.feed(AddressArrived())
    assert watched.last is not None
    assert (watched.last.outcome, watched.last.session_kept) == ("connected", None)
    assert watched.last.request_to_address_ms == 3100
    assert "within CSME's deadline" in laptop.log.text


@pytest.mark.parametrize("end", ["disconnected", "ended", "let go", "blocked"])
def test_nobody_is_asked_once_the_connection_is_over(laptop: Laptop, asked: List[str], end: str) -> None:
    laptop.client = Client.NETWORKD
    watched = laptop.watched(FREE)
    watched.attach()
    watched.feed(Connected(BSSID))
    ends: Dict[str, Callable[[], None]] = {
        "disconnected": lambda: watched.feed(Disconnected()),
        "ended": watched.supplicant_gone,
        "let go": lambda: watched.manager_gone("it has it no more"),
        "blocked": lambda: watched.heard_rfkill(rfkill(False, soft=True)),
    }
    ends[end]()
    laptop.now += 0.2
    watched.expire()
    assert asked == []


def test_a_unit_that_is_not_there_is_a_warning(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    laptop.client = Client.NETWORKD
    monkeypatch.setattr(f"{dhcp.__name__}._PIPE", f"{laptop.notes}/nowhere-{{}}")
    watched = laptop.watched(FREE)
    watched.attach()
    watched.feed(Connected(BSSID))
    laptop.now += 0.1
    watched.expire()
    told = [message for level, message in laptop.log.lines if level == "warning"]
    assert any("who runs DHCP was not asked anew: the unit that asks" in message for message in told)


def test_without_a_supplicant_or_a_profile_it_says_which(laptop: Laptop) -> None:
    watched = laptop.watched()
    watched.look()
    assert (watched.state, watched.reason, watched.view.wanted) == ("left", "no_credentials", NETWORK)
    assert "neither wpa_supplicant nor NetworkManager is there" in laptop.log.text
    del laptop.supplicant.networks[1]
    assert watched.attach()
    watched.look()
    watched.look()
    assert laptop.log.text.count("no enabled profile") == 1, "said once"
    laptop.supplicant.networks[1] = replace(network("corp"), disabled=True)
    watched.look()
    assert "the profile of wpa_supplicant for its network is disabled. Enable it ('corp', psk" in laptop.log.text
    # News of profiles is looked at when it has come to rest.
    laptop.supplicant.networks[1] = network("corp")
    watched.profiles_changed()
    laptop.now += 1.0
    watched.expire()
    assert laptop.requests == 0
    laptop.now += 1.5
    watched.expire()
    assert laptop.requests == 1
    watched.stop()
    assert laptop.as_before


def test_a_radio_to_be_taken_without_credentials_waits_for_a_late_supplicant(laptop: Laptop) -> None:
    watched = laptop.watched(policy=GuardPolicy(handover=Policy(stay=True, require_credentials=False)))
    watched.look()
    assert (laptop.requests, watched.due is not None) == (0, True)
    laptop.now += 40.0
    watched.expire()
    assert laptop.requests == 1


def test_another_handover_is_waited_for(laptop: Laptop) -> None:
    other = run_folder.Lock("phy0", laptop.folder)
    assert other.acquire()
    watched = laptop.watched()
    watched.attach()
    watched.look()
    assert (laptop.requests, watched.due is not None) == (0, True)
    other.release()
    laptop.now += 1.0
    watched.expire()
    assert laptop.requests == 1
    assert not other.acquire(), "the guard has it while it works"
    watched.stop()
    assert other.acquire()


def test_a_supplicant_that_ends_is_forgotten_at_once(laptop: Laptop) -> None:
    watched = laptop.watched()
    watched.attach()
    watched.look()
    # It does not answer any more: nothing may wait for it.
    laptop.supplicant.hook = lambda request: ""
    asked = len(laptop.supplicant.requests)
    watched.supplicant_gone()
    assert run_folder.journals(laptop.folder) == []
    assert [r for r in laptop.supplicant.requests[asked:] if r != "DETACH"] == []
    assert (watched.attachment.sources, watched.attachment.manager) == ((), None)
    assert watched.state == "retrying"


def test_the_switch_is_listened_to(laptop: Laptop) -> None:
    watched = laptop.watched(FREE)
    watched.attach()
    watched.look()
    watched.heard_rfkill(rfkill(False))
    watched.heard_rfkill(rfkill(True, index=8))
    assert laptop.requests == 0
    watched.heard_rfkill(rfkill(True))
    assert laptop.requests == 1
    watched.heard_rfkill(rfkill(True, soft=True))
    assert (watched.state, laptop.as_before) == ("watching", True)
    assert watched.last is not None
    assert watched.last.outcome == "airplane_mode"
    watched.heard_rfkill(rfkill(True))
    assert laptop.requests == 2
    watched.gone()
    assert laptop.as_before


def test_a_bring_up_that_is_held_back_is_told(laptop: Laptop) -> None:
    watched = laptop.watched(FREE)
    watched.look()
    watched.view.look_for_bring_up()
    assert watched.state == "watching"
    with hold_note("wlan0", laptop.notes):
        watched.view.look_for_bring_up()
        watched.view.look_for_bring_up()
        watched.look()
        assert (watched.state, watched.reason, watched.view.wanted) == ("held", "no_credentials", NETWORK)
        assert laptop.log.text.count("held back, so that a session of CSME's lives") == 1
        assert "('corp', psk, channel 6)" in laptop.log.text
        # CSME takes the radio: that is another state, and there is nothing to bring up.
        watched.heard_rfkill(rfkill(True))
        assert watched.state != "held"
    watched.view.look_for_bring_up()
    assert "held back no more" in laptop.log.text
    watched.heard_rfkill(rfkill(False))
    assert (watched.state, watched.reason) == ("watching", None)


def test_roaming_is_held_without_a_handover(laptop: Laptop) -> None:
    watched = laptop.watched(FREE)
    watched.attach()
    laptop.supplicant.connect(b"corp")
    status = f"wpa_state=COMPLETED\nbssid={BSSID}\nssid=corp\nid=1\n"
    laptop.supplicant.hook = {"STATUS": status, "DETACH": "OK\n"}.get
    watched.feed(RoamingForbidden())
    assert watched.state == "staying"
    assert laptop.supplicant.changes == ["SET_NETWORK 1 bssid"], "the link stays, and so do the others"
    watched.feed(RoamingAllowed())
    assert (laptop.as_before, laptop.supplicant.drops) == (True, 0)
    watched.stop()


def test_a_driver_that_fails_ends_it_unpinned_and_it_is_tried_again(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(nl: object, ifindex: int) -> None:
        raise TransportFailed("the driver is gone")

    monkeypatch.setattr(f"{guarded.__name__}.csme.request_ownership", fails)
    watched = laptop.watched()
    watched.attach()
    watched.look()
    assert (watched.state, laptop.as_before) == ("watching", True)
    assert "the driver is gone" in laptop.log.text
    assert watched.due is not None
    # Once more, from a timer: it is tried again all the same, with no event to bring that about.
    laptop.now += 60
    watched.expire()
    assert laptop.log.text.count("the driver is gone") == 2
    assert watched.due is not None
    assert watched.due > laptop.now


def test_a_pin_that_can_not_be_undone_is_tried_again(laptop: Laptop) -> None:
    watched = laptop.watched()
    watched.attach()
    watched.look()
    hand_over(watched)
    refuse = {"SET_NETWORK 1 bssid any": "FAIL\n"}
    laptop.supplicant.hook = lambda request: refuse.get(request, {"DETACH": "OK\n"}.get(request))
    watched.feed(RoamingAllowed())
    assert run_folder.journals(laptop.folder) == ["phy0"]
    assert watched.due is not None
    refuse.clear()
    laptop.now += 10.0
    watched.expire()
    assert laptop.as_before
    assert watched.state == "watching"


class LateWidening:
    """A handover to a network by SAE whose frequencies were not given back in time, and which then is over."""

    def __init__(self, laptop: Laptop, *, over: bool = True) -> None:
        self.laptop = laptop
        self.network = laptop.supplicant.network(b"corp")
        self.network.variables["key_mgmt"] = "SAE"
        laptop.before = copy.deepcopy(laptop.supplicant.networks)
        laptop.connection = replace(NETWORK, auth="sae")
        self.watched = laptop.watched()
        self.watched.attach()
        self.watched.look()
        self.connect()
        self.watched.heard_rfkill(rfkill(False))
        for event in (Connected(BSSID), AddressArrived()):
            self.watched.feed(event)
        if over:
            self.watched.feed(RoamingAllowed())

    def connect(self) -> None:
        self.laptop.supplicant.connect(b"corp")
        status = f"wpa_state=COMPLETED\nbssid={BSSID}\nssid=corp\nid=1\nkey_mgmt=SAE\n"
        self.laptop.supplicant.hook = lambda request: status if request == "STATUS" else QUIET(request)

    def lose(self) -> None:
        self.laptop.supplicant.state = "DISCONNECTED"
        self.laptop.supplicant.current = None
        self.laptop.supplicant.hook = QUIET

    def refuse(self) -> None:
        """Have no link, and a supplicant that takes no other value."""
        self.lose()
        self.laptop.supplicant.hook = lambda request: "FAIL\n" if request.startswith("SET_NETWORK") else QUIET(request)

    def heard(self, event: Event) -> None:
        self.watched._heard_one(event)


@pytest.fixture
def late(laptop: Laptop) -> LateWidening:
    return LateWidening(laptop)


NARROW = "looks for others on the channels of CSME's connection alone"


def test_a_link_by_sae_is_not_dropped_by_frequencies_that_come_too_late(laptop: Laptop, late: LateWidening) -> None:
    assert (late.watched.state, laptop.supplicant.drops) == ("watching", 0)
    assert late.network.variables["scan_freq"] == "2437"
    assert "bssid" not in late.network.variables
    assert not any(network.disabled for network in laptop.supplicant.networks.values())
    assert run_folder.journals(laptop.folder) == ["rest-phy0"]
    assert laptop.log.text.count(NARROW) == 1
    # Others can work on the radio, and it is none of what they undo.
    other = run_folder.Lock("phy0", laptop.folder)
    assert other.acquire()
    backend = WpaSupplicant("wlan0", laptop.path)
    assert undo.undo_journal("phy0", backend, laptop.folder) is False
    other.release()
    # The link is looked at now and then, and lives on.
    due = late.watched.due
    assert due is not None
    assert due == laptop.now + 30.0
    laptop.now = due
    late.watched.expire()
    assert late.watched.due == laptop.now + 30.0
    assert (late.network.variables["scan_freq"], laptop.supplicant.drops) == ("2437", 0)
    assert laptop.log.text.count(NARROW) == 1
    # Its end is heard.
    late.lose()
    late.heard(Disconnected())
    assert laptop.as_before
    assert other.acquire()
    assert "could not be undone" not in laptop.log.text


@pytest.mark.parametrize("soft", [False, True], ids=["free", "airplane mode"])
def test_the_end_of_a_link_is_not_heard_or_another_has_the_lock(laptop: Laptop, late: LateWidening, soft: bool) -> None:
    other = run_folder.Lock("phy0", laptop.folder)
    assert other.acquire()
    late.lose()
    late.watched.heard_rfkill(rfkill(False, soft=soft))
    late.heard(Disconnected())
    assert late.network.variables["scan_freq"] == "2437"
    other.release()
    laptop.now += 30.0
    late.watched.expire()
    assert laptop.as_before
    assert late.watched.due is None
    assert other.acquire()


def test_csme_takes_the_radio_while_frequencies_wait(laptop: Laptop, late: LateWidening) -> None:
    late.watched.heard_rfkill(rfkill(True))
    assert (late.watched.state, laptop.requests) == ("handover", 2)
    assert (late.network.variables["scan_freq"], late.network.variables["bssid"]) == ("2437", BSSID)
    late.lose()
    late.heard(Disconnected())
    assert (late.network.variables["scan_freq"], late.network.variables["bssid"]) == ("2437", BSSID)
    hand_over(late.watched)
    late.watched.feed(RoamingAllowed())
    assert laptop.as_before


def test_roaming_is_forbidden_while_frequencies_wait(laptop: Laptop, late: LateWidening) -> None:
    late.watched.feed(RoamingForbidden())
    assert (late.watched.state, late.network.variables["bssid"]) == ("staying", BSSID)
    late.watched.feed(RoamingAllowed())
    assert (late.network.variables["scan_freq"], "bssid" in late.network.variables) == ("2437", False)
    assert laptop.supplicant.drops == 0
    late.lose()
    late.heard(Disconnected())
    assert laptop.as_before


@pytest.mark.parametrize("end", ["stop", "gone"])
def test_nobody_is_left_to_wait_for_the_end_of_the_link(laptop: Laptop, late: LateWidening, end: str) -> None:
    other = run_folder.Lock("phy0", laptop.folder)
    assert other.acquire()
    getattr(late.watched, end)()
    assert laptop.as_before


def test_a_watcher_that_is_stopped_in_a_handover_leaves_nothing_to_wait_for(laptop: Laptop) -> None:
    late = LateWidening(laptop, over=False)
    assert late.watched.state == "staying"
    late.watched.stop()
    assert laptop.as_before
    assert NARROW not in laptop.log.text


def test_what_can_not_be_undone_at_the_end_is_told_and_stays_for_the_next(laptop: Laptop, late: LateWidening) -> None:
    late.refuse()
    late.watched.stop()
    assert "The journal keeps them for the next start" in laptop.log.text
    laptop.supplicant.hook = QUIET
    # One that is being worked on when the next starts is undone when it looks at the radio.
    late.watched = laptop.watched(FREE)
    late.watched.attach()
    late.watched.look()
    assert laptop.as_before


def test_what_can_not_be_undone_is_told_once_and_stops_no_handover(laptop: Laptop, late: LateWidening) -> None:
    late.refuse()
    late.heard(Disconnected())
    laptop.now += 30.0
    late.watched.expire()
    assert laptop.log.text.count("did not get its usual channels back") == 1
    other = run_folder.Lock("phy0", laptop.folder)
    assert other.acquire(), "nobody works on it"
    other.release()
    assert late.watched.due == laptop.now + 30.0
    # CSME takes the radio, and is on another channel.
    laptop.connection = replace(NETWORK, auth="sae", frequencies=(5180,))
    laptop.supplicant.hook = lambda request: "FAIL\n" if request == "SET_NETWORK 1 scan_freq " else QUIET(request)
    late.watched.heard_rfkill(rfkill(True))
    assert (late.watched.state, laptop.requests) == ("handover", 2)
    laptop.supplicant.hook = QUIET
    hand_over(late.watched)
    late.watched.feed(RoamingAllowed())
    laptop.now += 30.0
    late.watched.expire()
    assert laptop.as_before, "how it was before the first pin is not forgotten"


def test_a_new_life_gives_the_frequencies_back_and_leaves_the_rest_alone(laptop: Laptop, late: LateWidening) -> None:
    late.network.disabled = True  # somebody's doing
    late.watched.detach()  # killed
    backend = WpaSupplicant("wlan0", laptop.path)
    assert undo.undo_journals(lambda manager, interface: backend, laptop.folder) == ["phy0"]
    assert late.network.disabled
    late.network.disabled = False
    assert laptop.as_before


def test_the_supplicant_ends_while_frequencies_wait(laptop: Laptop, late: LateWidening) -> None:
    late.watched.supplicant_gone()
    laptop.supplicant.networks = copy.deepcopy(laptop.before)  # its next life
    late.lose()
    late.watched.attach()
    late.watched.look()
    assert laptop.as_before
    laptop.now += 30.0
    late.watched.expire()
    assert late.watched.due is None, "there is nothing to look at any more"


@pytest.mark.parametrize("error", [AccessDenied("not for this user"), OverIwd("through iwd"), NotFound("none")])
def test_a_supplicant_that_can_not_be_used_is_told_once(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refused(interface: str, ifindex: int) -> WpaSupplicant:
        raise error

    monkeypatch.setattr(f"{attachment.__name__}.backend_from_within", refused)
    watched = laptop.watched()
    assert not watched.attach()
    assert not watched.attach()
    assert laptop.log.text.count("can't be used") == isinstance(error, (AccessDenied, OverIwd))


# -- NetworkManager ---------------------------------------------------------------------------------------------------


class Manager(WpaSupplicant):
    """A backend that calls itself NetworkManager, over the same supplicant; its events are what a test says."""

    manager = "networkmanager"

    def listen(self, warn: Callable[[str], None]) -> Sequence[Any]:
        self.warn = warn
        self.heard = Heard()
        return (self.heard,)


class Heard:
    """A source of events."""

    def __init__(self) -> None:
        self.events: List[Event] = []
        self.error: Optional[FleetError] = None
        self.closed = False

    #: It has no timer.
    due: Optional[float] = None

    def expire(self) -> None:
        pass

    def fileno(self) -> int:
        return -1

    def read(self) -> List[Event]:
        if self.error is not None:
            raise self.error
        events, self.events = self.events, []
        return events

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def manager(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> Manager:
    made = Manager("wlan0", laptop.path)
    monkeypatch.setattr(f"{attachment.__name__}.backend_from_within", lambda interface, ifindex: made)
    return made


def test_it_listens_to_networkmanager(laptop: Laptop, manager: Manager) -> None:
    watched = laptop.watched()
    assert watched.attach()
    assert watched.attachment.manager == "networkmanager"
    watched.look()
    watched.heard_rfkill(rfkill(False))
    manager.warn("something was refused")
    manager.heard.events = [
        ScanStarted(),
        Connected(BSSID),
    ]
    watched.heard_supplicant(manager.heard)
    watched.feed(AddressArrived())
    assert watched.state == "staying"
    assert "listening to NetworkManager" in laptop.log.text
    assert "something was refused" in laptop.log.text


@pytest.mark.parametrize("broken", [False, True], ids=["it ends", "the bus breaks"])
def test_when_networkmanager_ends_what_is_pinned_is_undone(laptop: Laptop, manager: Manager, broken: bool) -> None:
    watched = laptop.watched()
    watched.attach()
    watched.look()
    assert not laptop.as_before
    heard = manager.heard
    if broken:
        heard.error = TransportFailed("it hung up")
    else:
        heard.events = [ManagerGone(), Connected(BSSID)]
    watched.heard_supplicant(heard)
    assert laptop.as_before
    assert (watched.attachment.manager, heard.closed) == (None, True)
    # It looks again, and finds whoever came.
    laptop.now += 60.0
    watched.expire()
    assert watched.attach()
    # What an old source says means nothing.
    watched.heard_supplicant(heard)
    assert watched.attachment.manager == "networkmanager"


def test_a_timer_from_before_networkmanager_ended_does_not_end_a_later_hold(laptop: Laptop, manager: Manager) -> None:
    watched = laptop.watched()
    watched.attach()
    watched.look()
    hand_over(watched)
    # The link is lost as well: two timers run.
    manager.heard.events = [Disconnected(), ManagerGone()]
    watched.heard_supplicant(manager.heard)
    assert watched.attach()
    status = f"wpa_state=COMPLETED\nbssid={BSSID}\nssid=corp\nid=1\n"
    laptop.supplicant.hook = {"STATUS": status, "DETACH": "OK\n"}.get
    watched.feed(RoamingForbidden())
    assert watched.state == "staying"
    for _second in range(30):
        laptop.now += 1.0
        watched.expire()
        assert watched.state == "staying"


def test_profiles_that_can_not_be_read_are_told_once_and_asked_for_ever_less_often(
    laptop: Laptop, manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    trouble: List[FleetError] = [AccessDenied("not for this user")]
    looks: List[float] = []
    profiles = manager.profiles

    def ask(ssid: Optional[bytes] = None) -> Any:
        looks.append(laptop.now)
        if trouble:
            raise trouble[0]
        return profiles(ssid)

    monkeypatch.setattr(manager, "profiles", ask)
    watched = laptop.watched()
    watched.attach()
    begun = laptop.now

    def until(seconds: float) -> List[float]:
        """Let the time pass; return when it was looked, in seconds after the begin."""
        looks.clear()
        while watched.due is not None and watched.due <= begun + seconds:
            laptop.now = watched.due
            watched.expire()
        laptop.now = begun + seconds
        return [at - begun for at in looks]

    watched.look()
    assert until(100.0) == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 61.5, 91.5]
    assert laptop.log.text.count("its profiles can't be read: not for this user") == 1
    # Something is heard on the bus.
    watched.heard_supplicant(manager.heard)
    assert until(104.0) == [100.5, 101.0, 102.0, 104.0]
    # What is not the same is told.
    trouble[0] = TransportFailed("it hung up")
    until(130.0)
    assert laptop.log.text.count("can't be read") == 2
    # A block that comes is looked at in the same moment.
    watched.heard_rfkill(rfkill(False))
    trouble.clear()
    watched.heard_rfkill(rfkill(True))
    assert (laptop.requests, watched.state) == (1, "handover")
    # It is told again when it comes again.
    watched.heard_rfkill(rfkill(False))
    trouble.append(TransportFailed("it hung up"))
    watched.heard_rfkill(rfkill(True))
    until(140.0)
    assert laptop.log.text.count("can't be read: it hung up") == 2


def test_a_profile_that_a_handover_itself_touched_is_no_news(laptop: Laptop, manager: Manager) -> None:
    """NetworkManager says that it updated a profile when it only dropped its secrets."""
    watched = laptop.watched(policy=GuardPolicy(retry_seconds=()))
    watched.attach()
    watched.look()
    watched.heard_rfkill(rfkill(False))
    watched.heard_rfkill(rfkill(True))
    assert (watched.state, watched.reason, laptop.requests) == ("left", "taken_back", 1)

    def touch() -> None:
        manager.heard.events = [ProfileTouched()]
        watched.heard_supplicant(manager.heard)
        laptop.now += 3.0
        watched.expire()

    touch()
    assert laptop.requests == 1
    laptop.now += 10.0
    touch()
    assert laptop.requests == 2, "somebody changed it"


def test_networkmanager_that_is_about_to_come_is_looked_for_a_while(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(interface: str, ifindex: int) -> WpaSupplicant:
        raise NotFound("none")

    monkeypatch.setattr(f"{attachment.__name__}.backend_from_within", nobody)
    watched = laptop.watched(FREE)
    watched.attach()
    assert watched.due is None, "where it never ran there is nothing to wait for"
    monkeypatch.setattr(f"{attachment.__name__}.networkmanager_was_here", lambda: True)
    begun = laptop.now
    watched.attach()
    looks = 0
    while watched.due is not None:
        assert not watched.attachment.due_to_attach
        laptop.now = watched.due
        assert watched.attachment.due_to_attach
        watched.attach(anew=False)
        looks += 1
    assert (looks, laptop.now - begun) == (6, 31.5)


# -- killed -----------------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """SIGKILL: nothing of the process runs any more."""


class Life:
    """Counts everything that a guard does to the outside, and ends it before the one that is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fatal: int) -> None:
        self.done = 0
        self.fatal = fatal
        self._wrap(monkeypatch, control.ControlSocket, "_exchange")
        for name in ("write_journal", "clear_journal"):
            self._wrap(monkeypatch, effects, name)
        self._wrap(monkeypatch, csme, "request_ownership")

    def _wrap(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        whole = getattr(owner, name)

        def counted(*arguments: Any) -> Any:
            if 0 <= self.fatal <= self.done:
                raise Killed
            self.done += 1
            return whole(*arguments)

        monkeypatch.setattr(owner, name, counted)


def live(laptop: Laptop) -> None:
    """A whole story: handover, hold, end of the session."""
    watched = laptop.watched()
    try:
        watched.attach()
        watched.look()
        hand_over(watched)
        watched.feed(RoamingForbidden())
        watched.feed(RoamingAllowed())
    except Killed:
        pass
    # The kernel closes what a dead process had open.
    watched._lock.release()
    for source in watched.attachment.sources:
        if isinstance(source, Listener):
            source._monitor._drop()
        else:
            source.close()
    laptop.made.remove(watched)


# A process that is killed does not close its sockets itself.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_killed_before_any_action_and_started_again_it_undoes_what_was_left(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        life = Life(patch, -1)
        live(laptop)
    assert laptop.as_before
    assert life.done > 20
    left = 0
    for fatal in range(life.done):
        with monkeypatch.context() as patch:
            Life(patch, fatal)
            live(laptop)
        left += not laptop.as_before
        undo.undo_journals(lambda manager, interface: WpaSupplicant(interface, laptop.path), laptop.folder)
        assert laptop.as_before, f"killed before action {fatal}"
        # And once more is no harm.
        assert undo.undo_journals(lambda manager, interface: None, laptop.folder) == []
    assert left > 5, "the pin is there for a while"
