# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import json
import os
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Set, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import backend, control
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.backend import WpaSupplicant
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.listener import Ending
from ansible_collections.vpro.fleet.plugins.module_utils._network.events import SupplicantGone
from ansible_collections.vpro.fleet.plugins.module_utils._network.pin import Pin
from ansible_collections.vpro.fleet.plugins.module_utils._network.profile import (
    Obstacle,
    Profile,
    find_obstacle,
    find_profile,
)
from ansible_collections.vpro.fleet.plugins.module_utils._network.values import CommandUnsafe
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    AccessDenied,
    DecodeFailed,
    FleetError,
    NotFound,
    SupplicantRefused,
    TimedOut,
)

BSSID = "02:00:00:00:01:00"
OTHER_BSSID = "02:00:00:00:02:00"


@dataclass
class FakeNetwork:
    ssid: bytes
    variables: Dict[str, str] = field(default_factory=dict)
    disabled: bool = False
    temp_disabled: bool = False


class FakeSupplicant:
    """wpa_supplicant's control interface as far as pinning goes, answering as release 2.10 was seen to answer.

    Args:
        path: where its socket goes.
    """

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.networks: Dict[int, FakeNetwork] = {}
        self.state = "INTERFACE_DISABLED"
        self.current: Optional[int] = None
        #: What STATUS says of the link, beside the state.
        self.link: Dict[str, str] = {}
        self.link_dropped = False
        #: Commands that change something, in order.
        self.changes: List[str] = []
        #: What a listener said.
        self.asked: List[str] = []
        self.capability = "UNKNOWN COMMAND\n"
        #: Called with each such command: None to let it be done, another answer for refusing it, "" for silence.
        self.hook: Callable[[str], Optional[str]] = lambda _change: None
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        if self._thread.is_alive():
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stopper:
                stopper.sendto(b"stop", self.path)
            self._thread.join()
            self._socket.close()

    def snapshot(self) -> Dict[int, FakeNetwork]:
        return copy.deepcopy(self.networks)

    def _serve(self) -> None:
        while True:
            request, client = self._socket.recvfrom(8193)
            if request == b"stop":
                return
            reply = self._answer(request.decode())
            if reply != "":
                with suppress(OSError):  # who asked may have given up
                    self._socket.sendto(reply.encode(), client)

    def _answer(self, request: str) -> str:
        verb, _space, rest = request.partition(" ")
        if verb == "STATUS":
            link = "".join(f"{name}={value}\n" for name, value in self.link.items())
            return f"wpa_state={self.state}\n{link}address=12:4a:85:8b:28:7e\n"
        if verb == "LIST_NETWORKS":
            return "network id / ssid / bssid / flags\n" + "".join(map(self._line, sorted(self.networks)))
        if request == "GET_CAPABILITY freq":
            return self.capability
        if verb == "SCAN":
            self.changes.append(request)
            return "OK\n"
        if verb in ("ATTACH", "DETACH", "PING"):
            self.asked.append(request)
            return "PONG\n" if verb == "PING" else "OK\n"
        number, _space, rest = rest.partition(" ")
        if verb != "GET_NETWORK":
            self.changes.append(request)
            override = self.hook(request)
            if override is not None:
                return override
        network = self.networks.get(int(number))
        if network is None:
            return "FAIL\n"
        if verb == "GET_NETWORK":
            return network.variables.get(rest, "FAIL\n")
        if verb == "SET_NETWORK":
            name, _space, value = rest.partition(" ")
            assert name in ("bssid", "scan_freq"), "any other variable flushes the network's keys"
            network.variables[name] = value
            if value in ("", "any"):
                del network.variables[name]
        elif verb == "DISABLE_NETWORK":
            network.disabled = True
            self.link_dropped |= self.current == int(number)
        elif verb == "ENABLE_NETWORK":
            if rest != "no-connect":
                assert self.state != "INTERFACE_DISABLED", "this may associate through a blocked interface"
                network.temp_disabled = False
            network.disabled = False
        else:
            raise AssertionError(request)
        return "OK\n"

    def _line(self, number: int) -> str:
        network = self.networks[number]
        ssid = "".join(chr(b) if 48 <= b <= 122 and b != 92 else f"\\x{b:02x}" for b in network.ssid)
        flags = "[CURRENT]" * (number == self.current) + "[DISABLED]" * network.disabled
        flags += "[TEMP-DISABLED]" * network.temp_disabled
        return f"{number}\t{ssid}\t{network.variables.get('bssid', 'any')}\t{flags}\n"


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeSupplicant]:
    """A supplicant under a hard block: home (twice), guest, off, and one with an SSID of odd bytes."""
    server = FakeSupplicant(tmp_path / "wlan0")
    psk = {"key_mgmt": "WPA-PSK", "psk": "*", "priority": "0"}
    server.networks = {
        0: FakeNetwork(b"guest", {"key_mgmt": "NONE", "priority": "0"}),
        1: FakeNetwork(b"home", {**psk, "scan_freq": "2412 2437"}),
        2: FakeNetwork(b"off", dict(psk), disabled=True),
        3: FakeNetwork(b"home", {**psk, "priority": "5"}),
        5: FakeNetwork(b'\n"\xff', {**psk, "bssid": OTHER_BSSID}, temp_disabled=True),
    }
    yield server
    server.stop()


@pytest.fixture
def supplicant(fake: FakeSupplicant) -> WpaSupplicant:
    return WpaSupplicant("wlan0", fake.path, timeout=60)


def profile_of(supplicant: WpaSupplicant, number: int) -> Profile:
    return next(profile for profile in supplicant.profiles() if profile.id == number)


# --- status and profiles ---


def test_status(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    assert supplicant.interface == "wlan0"
    assert supplicant.status().state == "INTERFACE_DISABLED"


def test_profiles(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    fake.current = 1
    profiles = supplicant.profiles()
    assert [profile.id for profile in profiles] == [0, 1, 2, 3, 5]
    assert profiles[1] == Profile(
        id=1,
        ssid=b"home",
        key_mgmt=frozenset({"WPA-PSK"}),
        enabled=True,
        bssid=None,
        scan_freq=(2412, 2437),
        current=True,
        priority=0,
        credentials=frozenset({"psk"}),
    )
    assert [profile.enabled for profile in profiles] == [True, True, False, True, True]
    assert (profiles[3].priority, profiles[4].ssid, profiles[4].bssid) == (5, b'\n"\xff', OTHER_BSSID)
    assert fake.changes == []


@pytest.mark.parametrize(
    ("variables", "credentials"),
    [
        ({"key_mgmt": "NONE"}, set()),
        ({"key_mgmt": "NONE", "wep_key2": "*"}, {"wep_key"}),
        ({"key_mgmt": "WPA-PSK WPA-EAP", "psk": "*"}, {"psk"}),
        ({"key_mgmt": "SAE", "sae_password": "*"}, {"sae_password"}),
        ({"key_mgmt": "WPA-EAP", "identity": '"u"', "eap": "PEAP"}, {"identity", "eap"}),
        ({"key_mgmt": "WPA-EAP", "identity": '""'}, set()),
        ({"key_mgmt": "WPA-PSK SAE", "psk": "*", "sae_password": "*"}, {"psk", "sae_password"}),
        # Those of another key management do not count.
        ({"key_mgmt": "NONE", "psk": "*", "sae_password": "*", "identity": '"u"'}, set()),
        ({"key_mgmt": "WPA-PSK", "psk": "*", "sae_password": "*", "wep_key0": "*"}, {"psk"}),
    ],
)
def test_credentials_are_named_and_never_read(
    fake: FakeSupplicant, supplicant: WpaSupplicant, variables: Dict[str, str], credentials: Set[str]
) -> None:
    fake.networks = {0: FakeNetwork(b"x", variables)}
    assert profile_of(supplicant, 0).credentials == credentials


def test_a_priority_that_is_no_number_is_the_usual_one(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    fake.networks[0].variables["priority"] = "high"
    assert profile_of(supplicant, 0).priority == 0


def test_profiles_of_one_network_alone(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    assert [profile.id for profile in supplicant.profiles(b"home")] == [1, 3]
    assert supplicant.profiles(b"nowhere") == ()


def test_a_supplicant_is_not_waited_for_longer_than_told(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as silent:
        silent.bind(str(tmp_path / "wlan0"))
        patient = WpaSupplicant("wlan0", str(tmp_path / "wlan0"), timeout=0.05)
        with pytest.raises(TimedOut, match=r"STATUS within 0\.05 s"):
            patient.status()
        with pytest.raises(TimedOut, match=r"ATTACH within 0\.05 s"):
            patient.listen(pytest.fail)


def test_a_network_that_goes_away_while_being_asked_about_is_left_out(
    fake: FakeSupplicant, supplicant: WpaSupplicant
) -> None:
    del fake.networks[3].variables["key_mgmt"]  # wpa_supplicant answers FAIL for a network that it does not have
    assert [profile.id for profile in supplicant.profiles()] == [0, 1, 2, 5]


@pytest.mark.parametrize("value", ["2412 x", "-1", "2412,2437", "x" * 100])
def test_a_scan_freq_that_is_no_list(fake: FakeSupplicant, supplicant: WpaSupplicant, value: str) -> None:
    fake.networks[0].variables["scan_freq"] = value
    with pytest.raises(DecodeFailed, match="scan_freq is no list of frequencies") as caught:
        supplicant.profiles()
    assert caught.value.where == ascii(value.split())[:80]


# --- find_profile ---


def make(number: int = 0, key_mgmt: str = "WPA-PSK", credentials: str = "psk", **changes: Any) -> Profile:
    base = Profile(
        id=number,
        ssid=b"home",
        key_mgmt=frozenset(key_mgmt.split()),
        enabled=True,
        bssid=None,
        scan_freq=(),
        current=False,
        credentials=frozenset(credentials.split()),
    )
    return replace(base, **changes)


@pytest.mark.parametrize(
    ("key_mgmt", "credentials", "joins"),
    [
        ("NONE", "", {"open"}),
        ("NONE", "wep_key", set()),
        ("OWE", "", set()),
        ("IEEE8021X", "identity", set()),
        ("WPA-PSK", "psk", {"psk"}),
        ("WPA-PSK-SHA256", "psk", {"psk"}),
        ("FT-PSK", "psk", {"psk"}),
        ("WPA-PSK", "", set()),
        ("SAE", "psk", {"sae"}),
        ("SAE", "sae_password", {"sae"}),
        ("FT-SAE", "sae_password", {"sae"}),
        ("SAE-EXT-KEY", "sae_password", {"sae"}),
        ("SAE", "", set()),
        ("WPA-PSK SAE", "psk", {"psk", "sae"}),
        ("WPA-PSK SAE", "sae_password", {"sae"}),
        ("WPA-PSK WPA-EAP", "psk", {"psk"}),
        ("WPA-PSK WPA-EAP", "identity", set()),
        ("WPA-PSK WPA-EAP", "sae_password identity", set()),
        ("WPA-PSK WPA-EAP", "psk identity", {"psk", "eap"}),
        ("WPA-EAP", "identity", {"eap"}),
        ("WPA-EAP", "eap", {"eap"}),
        ("WPA-EAP", "", set()),
        ("WPA-EAP-SHA256", "identity eap", {"eap"}),
        ("FT-EAP", "identity eap", {"eap"}),
        ("WPA-EAP-SUITE-B-192", "identity eap", {"eap"}),
        ("DPP", "", set()),
        ("", "psk", set()),
    ],
)
def test_which_authentication_fits_which_profile(key_mgmt: str, credentials: str, joins: Set[str]) -> None:
    profile = make(key_mgmt=key_mgmt, credentials=credentials)
    for auth in ("open", "psk", "sae", "eap", "unknown(3)", ""):
        assert profile.can_join(auth) == (auth in joins), auth
        assert (find_profile([profile], b"home", auth) is profile) == (auth in joins), auth


@pytest.mark.parametrize("ssid", [b"Home", b"home\0", b"home ", b"", "home\u200b".encode()])
def test_the_ssid_is_compared_byte_by_byte(ssid: bytes) -> None:
    assert find_profile([make()], ssid, "psk") is None


def test_of_several_the_priority_then_the_lowest_id() -> None:
    profiles = [
        make(9, priority=2),
        make(4, priority=2),
        make(1, priority=1),
        make(0, priority=9, enabled=False),
        make(2, priority=9, ssid=b"x"),
    ]
    for order in (profiles, profiles[::-1]):
        found = find_profile(order, b"home", "psk")
        assert found is not None
        assert found.id == 4
    assert find_profile([], b"home", "psk") is None


def test_of_equal_ones_the_interfaces_own_comes_first() -> None:
    free, own = make(0), make(1, own=True)
    assert find_profile([free, own], b"home", "psk") is own
    preferred = make(2, priority=1)
    assert find_profile([free, own, preferred], b"home", "psk") is preferred


def test_one_that_is_bound_to_another_access_point_is_none() -> None:
    bound = make(0, priority=9, bssid=BSSID, bound=True)
    pinned = make(1, bssid=BSSID)  # by its configuration: a pin changes that
    elsewhere = "02:00:00:00:09:00"
    assert find_profile([bound, pinned], b"home", "psk", BSSID) is bound
    assert find_profile([bound, pinned], b"home", "psk", elsewhere) is pinned
    assert find_profile([bound], b"home", "psk", elsewhere) is None
    assert find_profile([bound], b"home", "psk") is bound


def test_one_that_is_for_other_channels_is_none() -> None:
    narrow, free = make(0, priority=9, channels=frozenset({2412, 2437})), make(1)
    assert find_profile([narrow, free], b"home", "psk", BSSID, (2437,)) is narrow
    assert find_profile([narrow, free], b"home", "psk", BSSID, (5180,)) is free
    assert find_profile([narrow], b"home", "psk", BSSID, (5180,)) is None
    # A number that may be the one or the other.
    assert find_profile([narrow], b"home", "psk", BSSID, (2412, 5955)) is narrow
    assert find_profile([narrow], b"home", "psk") is narrow


def test_of_what_is_in_the_way_the_least_is_told() -> None:
    disabled, unfit = make(0, enabled=False), make(1, key_mgmt="SAE")
    for order in ([disabled, unfit], [unfit, disabled]):
        assert find_obstacle(order, b"home", "psk") == Obstacle("is disabled", "Enable it", disabled=True)
    own = make(2, enabled=False, obstacle=Obstacle("is somebody's", "Share it"))
    assert find_obstacle([own, unfit], b"home", "psk") == own.obstacle
    # Not what it has nothing to do with.
    told = find_obstacle([own], b"home", "eap")
    assert told == Obstacle(
        "can't join it: it has WPA-PSK, or lacks a credential", "Give it a key management and credentials that fit"
    )
    assert find_obstacle([disabled, own], b"other", "psk") is None


def test_what_is_in_the_way_may_be_the_access_point_or_the_channel() -> None:
    bound, narrow = make(0, bssid=BSSID, bound=True), make(1, channels=frozenset({2412}))
    remedy = "Take that out of the profile"
    assert find_obstacle([bound], b"home", "psk", OTHER_BSSID) == Obstacle(
        f"is for another access point than CSME's ({OTHER_BSSID}) alone", remedy
    )
    assert find_obstacle([narrow], b"home", "psk", OTHER_BSSID, (5180,)) == Obstacle(
        "is for another band or channel than CSME's alone", remedy
    )
    # What has nothing in its way is no nearer than what has little.
    assert find_obstacle([make(2), make(3, enabled=False)], b"home", None) == Obstacle(
        "is disabled", "Enable it", disabled=True
    )


# --- pin ---


def test_pin_narrows_one_network_and_remembers_the_rest(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID.upper(), [2437, 5975])
    assert pin == Pin(
        interface="wlan0",
        network_id=1,
        ssid_hex=b"home".hex(),
        bssid=BSSID,
        frequencies=(2437, 5975),
        previous_bssid=None,
        previous_scan_freq=(2412, 2437),
        disabled=((0, b"guest".hex()), (3, b"home".hex()), (5, b'\n"\xff'.hex())),
    )
    assert fake.changes == [
        f"SET_NETWORK 1 bssid {BSSID}",
        "SET_NETWORK 1 scan_freq 2437 5975",
        "DISABLE_NETWORK 0",
        "DISABLE_NETWORK 3",
        "DISABLE_NETWORK 5",
    ]
    assert pin.holds(supplicant.profiles())


def test_pinning_the_current_network_keeps_the_link(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    fake.state, fake.current = "COMPLETED", 3
    fake.networks[3].temp_disabled = True
    supplicant.unpin(supplicant.pin(profile_of(supplicant, 3), BSSID, [2437]))
    assert not fake.link_dropped


def test_a_network_that_was_set_aside_after_failures_is_taken_back_into_use(
    fake: FakeSupplicant, supplicant: WpaSupplicant
) -> None:
    fake.state = "DISCONNECTED"
    supplicant.pin(profile_of(supplicant, 5), BSSID, [2437])
    assert fake.changes[-2:] == ["DISABLE_NETWORK 5", "ENABLE_NETWORK 5"]
    assert not fake.networks[5].temp_disabled


def test_the_journal_is_written_before_the_first_change(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    recorded: List[Pin] = []

    def record(pin: Pin) -> None:
        assert fake.changes == []
        recorded.append(pin)

    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437], record)
    assert recorded == [pin]


def test_no_journal_no_pin(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    def fail(_pin: Pin) -> None:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        supplicant.pin(profile_of(supplicant, 1), BSSID, [2437], fail)
    assert fake.changes == []


@pytest.mark.parametrize(
    ("bssid", "frequencies"), [(BSSID, []), (BSSID, [0]), ("x\nSAVE_CONFIG", [2437]), ("", [2437])]
)
def test_nonsense_changes_nothing(
    fake: FakeSupplicant, supplicant: WpaSupplicant, bssid: str, frequencies: List[int]
) -> None:
    with pytest.raises(CommandUnsafe) as caught:
        supplicant.pin(profile_of(supplicant, 1), bssid, frequencies)
    assert fake.changes == []
    if not frequencies:
        assert str(caught.value) == "a pin needs at least one frequency to scan (wlan0)"


def test_a_profile_that_is_out_of_date_changes_nothing(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    profile = profile_of(supplicant, 1)
    fake.networks[1].disabled = True
    with pytest.raises(NotFound, match="network 1 is gone, changed or disabled meanwhile") as caught:
        supplicant.pin(profile, BSSID, [2437])
    assert caught.value.where == fake.path
    fake.networks[1] = FakeNetwork(b"other")
    with pytest.raises(NotFound):
        supplicant.pin(profile, BSSID, [2437])
    del fake.networks[1]
    with pytest.raises(NotFound):
        supplicant.pin(profile, BSSID, [2437])
    assert fake.changes == []


@pytest.mark.parametrize("step", range(5))
def test_a_refused_step_undoes_the_ones_before(fake: FakeSupplicant, supplicant: WpaSupplicant, step: int) -> None:
    before = fake.snapshot()
    profile = profile_of(supplicant, 1)
    fake.hook = lambda _change: "FAIL\n" if len(fake.changes) == step + 1 else None
    with pytest.raises(SupplicantRefused):
        supplicant.pin(profile, BSSID, [2437])
    assert fake.networks == before


@pytest.mark.parametrize("step", range(5))
def test_a_crash_at_any_step_is_undone_from_the_journal(fake: FakeSupplicant, tmp_path: Path, step: int) -> None:
    """From some step on nothing answers any more, the undoing included; later another process finds the journal."""
    before = fake.snapshot()
    supplicant = WpaSupplicant("wlan0", fake.path, timeout=0.5)
    profile = profile_of(supplicant, 1)
    journal = tmp_path / "journal"

    def record(pin: Pin) -> None:
        journal.write_text(json.dumps(pin.as_dict()))

    fake.hook = lambda _change: "" if len(fake.changes) > step else None
    with pytest.raises(TimedOut):
        supplicant.pin(profile, BSSID, [2437], record)
    assert (fake.networks == before) == (step == 0)

    fake.hook = lambda _change: None
    supplicant.unpin(Pin.from_dict(json.loads(journal.read_text())))
    assert fake.networks == before


@pytest.mark.parametrize(
    ("capability", "frequencies"),
    [
        ("Mode[G] Channels:\n 1 = 2412 MHz\n 2 = 2417 MHz\nMode[A] Channels:\n 36 = 5180 MHz\n", (2412,)),
        ("Mode[G] Channels:\n 1 = 2412 MHz\nMode[A] Channels:\n 1 = 5955 MHz (NO_IR)\n", (2412, 5955)),
        ("Mode[A] Channels:\n 36 = 5180 MHz\n", (2412, 5955)),  # better all than none
        ("FAIL\n", (2412, 5955)),
    ],
)
def test_a_frequency_that_the_radio_does_not_have_is_not_scanned(
    fake: FakeSupplicant, supplicant: WpaSupplicant, capability: str, frequencies: Tuple[int, ...]
) -> None:
    """The kernel refuses the whole scan for one such frequency."""
    fake.capability = capability
    assert supplicant.pin(profile_of(supplicant, 1), BSSID, [2412, 5955]).frequencies == frequencies


@pytest.mark.parametrize(
    "changes", [{"id": 2}, {"ssid": b"homes"}, {"bssid": OTHER_BSSID}, {"bssid": None}, {"scan_freq": ()}]
)
def test_a_pin_that_is_not_there_as_it_was_made_does_not_hold(changes: Dict[str, Any]) -> None:
    pin = Pin("wlan0", 1, b"home".hex(), BSSID, (2437,), None, (), ())
    profile = make(1, bssid=BSSID, scan_freq=(2437,))
    assert pin.holds([make(7), profile])
    assert not pin.holds([make(7), replace(profile, **changes)])


# --- hold ---


def test_hold_keeps_to_one_access_point_and_touches_nothing_else(
    fake: FakeSupplicant, supplicant: WpaSupplicant
) -> None:
    recorded: List[Pin] = []

    def record(pin: Pin) -> None:
        assert fake.changes == []
        recorded.append(pin)

    pin = supplicant.hold(profile_of(supplicant, 1), BSSID.upper(), record)
    assert pin == Pin(
        interface="wlan0",
        network_id=1,
        ssid_hex=b"home".hex(),
        bssid=BSSID,
        frequencies=(2412, 2437),
        previous_bssid=None,
        previous_scan_freq=(2412, 2437),
        disabled=(),
    )
    assert recorded == [pin]
    assert fake.changes == [f"SET_NETWORK 1 bssid {BSSID}"]
    assert supplicant.holds(pin)
    assert supplicant.unpin(pin) is True
    assert fake.changes[1:] == ["SET_NETWORK 1 bssid any"]
    assert not supplicant.holds(pin)


def test_hold_gives_a_network_its_own_access_point_back(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    fake.networks[5].disabled = True  # of the connected network it does not matter
    pin = supplicant.hold(profile_of(supplicant, 5), BSSID)
    assert (pin.previous_bssid, pin.frequencies) == (OTHER_BSSID, ())
    supplicant.unpin(pin)
    assert profile_of(supplicant, 5).bssid == OTHER_BSSID


def test_a_network_that_is_gone_or_changed_is_not_held(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    profile = profile_of(supplicant, 1)
    fake.networks[1].ssid = b"other"
    for _time in range(2):
        with pytest.raises(NotFound, match="network 1 is gone or changed meanwhile") as caught:
            supplicant.hold(profile, BSSID)
        assert caught.value.where == fake.path
        fake.networks.pop(1, None)
    assert fake.changes == []


# --- listen ---


def test_listening_is_to_the_supplicant_and_to_the_end_of_its_process(
    fake: FakeSupplicant, supplicant: WpaSupplicant
) -> None:
    monitor, ending = supplicant.listen(pytest.fail)
    try:
        assert fake.asked == ["ATTACH", "PING"]
        assert (monitor.read(), ending.read()) == ((), ())
        assert min(monitor.fileno(), ending.fileno()) >= 0
    finally:
        monitor.close()
        ending.close()


def test_a_supplicant_that_is_killed_ends_as_one_that_says_so() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    ending = Ending(process.pid)
    process.kill()
    process.communicate()
    assert ending.read() == (SupplicantGone(),)
    ending.close()


def test_who_can_not_be_listened_to_is_let_go_of(
    fake: FakeSupplicant, supplicant: WpaSupplicant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(pid: int) -> None:
        raise NotFound(f"process {pid} has ended")

    monkeypatch.setattr(f"{backend.__name__}.listener.Ending", ended)
    with pytest.raises(NotFound, match=f"process {os.getpid()} has ended"):
        supplicant.listen(pytest.fail)
    assert fake.asked == ["ATTACH", "PING", "DETACH"]


# --- widen ---


def test_widen_gives_the_frequencies_back_and_keeps_the_access_point(
    fake: FakeSupplicant, supplicant: WpaSupplicant
) -> None:
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437])
    del fake.changes[:]
    # Too late, or too early: un-pinning will see to it.
    for fake.state in ("AUTHENTICATING", "ASSOCIATED", "COMPLETED", "INTERFACE_DISABLED"):
        assert supplicant.widen(pin) is False
    fake.state = "SCANNING"
    assert supplicant.widen(pin) is True
    assert len(fake.changes) == 1
    profile = profile_of(supplicant, 1)
    assert (profile.bssid, profile.scan_freq) == (BSSID, pin.previous_scan_freq)
    assert supplicant.widen(pin) is True, "it is the moment, and nothing is left to do"
    assert len(fake.changes) == 1
    # What is left of the pin is undone without touching the frequencies, which would drop a link by SAE or EAP.
    del fake.changes[:]
    assert supplicant.unpin(pin) is True
    assert not any("scan_freq" in change for change in fake.changes)


def test_widen_leaves_a_network_alone_that_is_not_the_pinned_one(
    fake: FakeSupplicant, supplicant: WpaSupplicant
) -> None:
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437])
    fake.state = "SCANNING"
    del fake.changes[:]
    supplicant.widen(replace(pin, ssid_hex="00"))
    assert fake.changes == []
    supplicant.widen(pin)
    assert len(fake.changes) == 1


def test_looking_again_is_at_the_channels_of_the_pin(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437, 5180])
    fake.state = "SCANNING"
    supplicant.widen(pin)
    del fake.changes[:]
    supplicant.look_again(pin)
    assert fake.changes == ["SCAN freq=2437,5180"]


# --- unpin ---


@pytest.mark.parametrize("number", [0, 1, 3, 5])
@pytest.mark.parametrize("state", ["INTERFACE_DISABLED", "DISCONNECTED", "SCANNING", "ASSOCIATING", "COMPLETED"])
def test_unpin_restores_everything_and_a_second_one_does_nothing(
    fake: FakeSupplicant, supplicant: WpaSupplicant, number: int, state: str
) -> None:
    fake.networks[5].temp_disabled = False
    before = fake.snapshot()
    fake.state = state
    if state in ("ASSOCIATING", "COMPLETED"):
        fake.current = number
    pin = supplicant.pin(profile_of(supplicant, number), BSSID, [2437])
    assert fake.networks != before
    assert supplicant.unpin(pin) is True
    assert fake.networks == before
    assert not pin.holds(supplicant.profiles())
    assert not fake.link_dropped
    del fake.changes[:]
    assert supplicant.unpin(pin) is False
    assert fake.changes == []


def test_unpin_of_a_network_with_an_access_point_of_its_own(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    fake.networks[5].temp_disabled = False
    pin = supplicant.pin(profile_of(supplicant, 5), BSSID, [2437])
    assert pin.previous_bssid == OTHER_BSSID
    supplicant.unpin(pin)
    assert profile_of(supplicant, 5).bssid == OTHER_BSSID


@pytest.mark.parametrize(
    ("state", "enabling"),
    [
        ("INTERFACE_DISABLED", ["ENABLE_NETWORK 0 no-connect", "ENABLE_NETWORK 3 no-connect"]),
        ("COMPLETED", ["ENABLE_NETWORK 0 no-connect", "ENABLE_NETWORK 3 no-connect"]),
        ("SCANNING", ["ENABLE_NETWORK 0 no-connect", "ENABLE_NETWORK 3"]),
    ],
)
def test_only_the_last_network_starts_a_search_and_only_where_one_goes_on(
    fake: FakeSupplicant, supplicant: WpaSupplicant, state: str, enabling: List[str]
) -> None:
    del fake.networks[5]
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437])
    del fake.changes[:]
    fake.state = state
    supplicant.unpin(pin)
    assert fake.changes == ["SET_NETWORK 1 bssid any", "SET_NETWORK 1 scan_freq 2412 2437", *enabling]


def test_a_supplicant_that_restarted_has_nothing_to_undo(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    before = fake.snapshot()
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437])
    fake.networks = before
    del fake.changes[:]
    assert not pin.holds(supplicant.profiles())
    assert supplicant.unpin(pin) is False
    assert fake.changes == []


def test_ids_that_now_belong_to_others_are_left_alone(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437])
    pinned = {"bssid": BSSID, "scan_freq": "2437"}
    fake.networks = {number: FakeNetwork(b"new", dict(pinned), disabled=True) for number in (0, 1, 3, 5)}
    del fake.changes[:]
    assert supplicant.unpin(pin) is False
    assert fake.changes == []


def test_what_somebody_else_changed_meanwhile_stays(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437])
    fake.networks[1].variables.update(bssid=OTHER_BSSID, scan_freq="5180")
    supplicant.unpin(pin)
    assert fake.networks[1].variables["bssid"] == OTHER_BSSID
    assert fake.networks[1].variables["scan_freq"] == "5180"
    assert not any(fake.networks[number].disabled for number in (0, 1, 3, 5))


def test_a_pinned_network_that_was_removed_does_not_keep_the_others_out(
    fake: FakeSupplicant, supplicant: WpaSupplicant
) -> None:
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437])
    del fake.networks[1], fake.networks[3]
    assert supplicant.unpin(pin) is True
    assert [network.disabled for network in fake.networks.values()] == [False, True, False]


def test_a_crash_that_left_the_pinned_network_disabled_is_mended(
    fake: FakeSupplicant, supplicant: WpaSupplicant
) -> None:
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437])
    fake.networks[1].disabled = True
    supplicant.unpin(pin)
    assert not fake.networks[1].disabled


def test_a_network_that_goes_away_during_unpin_is_no_error(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437])

    def vanish(change: str) -> Optional[str]:
        if change.startswith("ENABLE_NETWORK 0"):
            del fake.networks[0]
        return None

    fake.hook = vanish
    assert supplicant.unpin(pin) is True
    assert not fake.networks[3].disabled


def test_a_refusal_is_told_after_everything_else_was_undone(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437])
    fake.hook = lambda change: "FAIL\n" if change.startswith("ENABLE_NETWORK 0") else None
    with pytest.raises(SupplicantRefused, match="ENABLE_NETWORK"):
        supplicant.unpin(pin)
    assert [fake.networks[number].disabled for number in (0, 1, 3, 5)] == [True, False, False, False]
    fake.hook = lambda _change: None
    supplicant.unpin(pin)
    assert not fake.networks[0].disabled


@pytest.mark.parametrize("step", range(5))
def test_an_unpin_that_breaks_off_is_finished_by_the_next(
    fake: FakeSupplicant, supplicant: WpaSupplicant, step: int
) -> None:
    before = fake.snapshot()
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437])
    del fake.changes[:]
    fake.hook = lambda _change: "" if len(fake.changes) > step else None
    with pytest.raises(TimedOut):
        WpaSupplicant("wlan0", fake.path, timeout=0.05).unpin(pin)
    fake.hook = lambda _change: None
    supplicant.unpin(pin)
    assert fake.networks == before


def test_a_pin_of_another_interface(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437])
    with pytest.raises(NotFound, match="this pin belongs to wlan1") as caught:
        supplicant.unpin(replace(pin, interface="wlan1"))
    assert caught.value.where == "wlan0"


def test_no_supplicant_no_pin_to_undo(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437])
    fake.stop()
    with pytest.raises(NotFound):
        supplicant.unpin(pin)


# --- loosen ---

#: What STATUS says of the link of network 1.
MINE = {"bssid": BSSID, "ssid": "home", "id": "1"}
BY_SAE = {**MINE, "key_mgmt": "SAE"}


def pinned_with_a_link(
    fake: FakeSupplicant, supplicant: WpaSupplicant, state: str = "COMPLETED", link: Optional[Dict[str, str]] = None
) -> Pin:
    """Network 1, whose frequencies were not given back before there was a link (by SAE), or what *state* says."""
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [5180])
    fake.state, fake.link = state, BY_SAE if link is None else link
    return pin


@pytest.mark.parametrize(
    ("state", "link"),
    [
        ("COMPLETED", BY_SAE),
        ("COMPLETED", {**MINE, "key_mgmt": "WPA2/IEEE 802.1X/EAP"}),
        ("4WAY_HANDSHAKE", {**MINE, "key_mgmt": "FT-SAE"}),
        ("COMPLETED", MINE),
    ],
    ids=["sae", "eap", "keys on their way", "it does not tell by what"],
)
def test_a_link_that_the_frequencies_would_drop_keeps_them_to_its_end(
    fake: FakeSupplicant, supplicant: WpaSupplicant, state: str, link: Dict[str, str]
) -> None:
    fake.networks[5].temp_disabled = False
    before = fake.snapshot()
    pin = pinned_with_a_link(fake, supplicant, state, link)
    assert supplicant.loosen(pin) is False
    assert fake.networks[1].variables.pop("scan_freq") == "5180"
    assert before[1].variables.pop("scan_freq") == "2412 2437"
    assert fake.networks == before, "all the rest is as it was"
    fake.networks[1].variables["scan_freq"] = "5180"
    # What somebody does meanwhile stays.
    fake.networks[1].disabled = fake.networks[3].disabled = True
    fake.networks[1].variables["bssid"] = BSSID
    del fake.changes[:]
    assert supplicant.end_rest(pin) is False
    assert fake.changes == []
    fake.state, fake.link = "DISCONNECTED", {}
    assert supplicant.end_rest(pin) is True
    assert fake.changes == ["SET_NETWORK 1 scan_freq 2412 2437"]
    assert supplicant.end_rest(pin) is True
    assert len(fake.changes) == 1


@pytest.mark.parametrize(
    ("state", "link"),
    [
        ("COMPLETED", {**MINE, "key_mgmt": "WPA2-PSK"}),
        ("COMPLETED", {**MINE, "key_mgmt": "FT-PSK"}),
        ("COMPLETED", {**MINE, "key_mgmt": "NONE"}),
        ("COMPLETED", {**BY_SAE, "id": "3"}),
        ("AUTHENTICATING", {}),
        ("ASSOCIATED", BY_SAE),
        ("DISCONNECTED", {}),
        ("SCANNING", {}),
        ("INTERFACE_DISABLED", {}),
    ],
    ids=["psk", "psk, fast", "open", "another network's", "a beginning", "no key", "none", "a search", "no interface"],
)
def test_no_other_link_keeps_them(
    fake: FakeSupplicant, supplicant: WpaSupplicant, state: str, link: Dict[str, str]
) -> None:
    fake.networks[5].temp_disabled = False
    before = fake.snapshot()
    pin = pinned_with_a_link(fake, supplicant, state, link)
    assert supplicant.loosen(pin) is True
    assert fake.networks == before


def test_the_state_is_asked_for_right_before_the_frequencies_change(
    fake: FakeSupplicant, supplicant: WpaSupplicant
) -> None:
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [5180])

    def connects(change: str) -> Optional[str]:
        if change.startswith("ENABLE_NETWORK 3"):
            fake.state, fake.link = "COMPLETED", BY_SAE
        return None

    fake.hook = connects
    assert supplicant.loosen(pin) is False


def test_frequencies_that_were_given_back_in_time_do_not_wait(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [5180])
    fake.state = "SCANNING"
    assert supplicant.widen(pin)
    fake.state, fake.link = "COMPLETED", BY_SAE
    assert supplicant.loosen(pin) is True


def test_a_network_that_is_gone_has_no_frequencies_to_wait_for(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    pin = pinned_with_a_link(fake, supplicant)
    assert supplicant.loosen(pin) is False
    fake.networks[1] = FakeNetwork(b"other", {"scan_freq": "5180"})
    assert supplicant.end_rest(pin) is True
    assert fake.networks[1].variables == {"scan_freq": "5180"}


def test_what_waits_can_be_undone_at_once(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    pin = pinned_with_a_link(fake, supplicant)
    assert supplicant.loosen(pin) is False
    del fake.changes[:]
    assert supplicant.end_rest(pin, now=True) is True
    assert fake.changes == ["SET_NETWORK 1 scan_freq 2412 2437"]


def test_a_hold_is_nothing_to_frequencies_that_wait(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    pin = pinned_with_a_link(fake, supplicant)
    assert supplicant.loosen(pin) is False
    held = supplicant.hold(profile_of(supplicant, 1), BSSID)
    assert supplicant.loosen(held) is True
    assert (profile_of(supplicant, 1).bssid, profile_of(supplicant, 1).scan_freq) == (None, (5180,))
    fake.state = "DISCONNECTED"
    assert supplicant.end_rest(pin) is True
    assert profile_of(supplicant, 1).scan_freq == pin.previous_scan_freq


def test_the_rest_of_another_interfaces_pin(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    pin = replace(supplicant.pin(profile_of(supplicant, 1), BSSID, [5180]), interface="wlan1")
    for undo in (supplicant.loosen, supplicant.end_rest):
        with pytest.raises(NotFound, match="this pin belongs to wlan1"):
            undo(pin)


# --- the journal's document ---

PINS = st.builds(
    Pin,
    interface=st.text(),
    network_id=st.integers(0, 2**31),
    ssid_hex=st.binary(max_size=32).map(bytes.hex),
    bssid=st.just(BSSID),
    frequencies=st.lists(st.integers(1, 7125)).map(tuple),
    previous_bssid=st.none() | st.just(OTHER_BSSID),
    previous_scan_freq=st.lists(st.integers(1, 7125)).map(tuple),
    disabled=st.lists(st.tuples(st.integers(0, 2**31), st.binary(max_size=32).map(bytes.hex))).map(tuple),
    manager=st.sampled_from(["wpa_supplicant", "networkmanager"]),
)


@given(PINS)
def test_a_pin_survives_json(pin: Pin) -> None:
    assert Pin.from_dict(json.loads(json.dumps(pin.as_dict()))) == pin
    assert Pin.from_dict(pin.as_dict()) == pin


DOCUMENT: Dict[str, Any] = {
    "interface": "wlan0",
    "network_id": 1,
    "ssid_hex": "00",
    "bssid": BSSID,
    "frequencies": [2437],
    "previous_bssid": None,
    "previous_scan_freq": [],
    "disabled": [[0, "00"]],
}


@pytest.mark.parametrize(
    "changes",
    [
        {"interface": 3},
        {"network_id": "1"},
        {"network_id": True},
        {"network_id": 1.0},
        {"ssid_hex": None},
        {"bssid": "02:00:00:00:01:00\nSAVE_CONFIG"},
        {"bssid": None},
        {"previous_bssid": ""},
        {"frequencies": 2437},
        {"frequencies": ["2437"]},
        {"frequencies": [0]},
        {"previous_scan_freq": None},
        {"disabled": [[0]]},
        {"disabled": [0]},
        {"disabled": [["0", "00"]]},
    ],
)
def test_a_damaged_journal_is_refused(changes: Dict[str, Any]) -> None:
    assert Pin.from_dict(DOCUMENT).manager == "wpa_supplicant", "as journals of old have it"
    with pytest.raises(DecodeFailed, match="no record of a pin"):
        Pin.from_dict({**DOCUMENT, **changes})


def test_a_value_of_the_wrong_kind_is_named() -> None:
    with pytest.raises(DecodeFailed, match=r"this is no record of a pin: 'x{79} is not of type int"):
        Pin.from_dict({**DOCUMENT, "network_id": "x" * 100})


@pytest.mark.parametrize("key", sorted(DOCUMENT))
def test_a_journal_with_a_part_missing_names_it(key: str) -> None:
    with pytest.raises(DecodeFailed, match=f"no record of a pin: no '{key}'"):
        Pin.from_dict({name: value for name, value in DOCUMENT.items() if name != key})


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_any_other_document_is_refused(document: object) -> None:
    with pytest.raises(FleetError):
        Pin.from_dict(document)


# --- the control socket ---


def test_the_control_socket_of_an_interface(fake: FakeSupplicant, tmp_path: Path) -> None:
    directories = (str(tmp_path / "absent"), str(tmp_path))
    assert control.control_socket("wlan0", directories) == fake.path


@pytest.mark.parametrize("interface", ["wlan1", "", ".", "..", "../wlan0", "sub/../wlan0", "file", "a\0b"])
def test_no_control_socket(fake: FakeSupplicant, tmp_path: Path, interface: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "sub").mkdir()
    directories = (str(tmp_path / "absent"), str(tmp_path / "sub"), str(tmp_path))
    with pytest.raises(NotFound, match="Start wpa_supplicant") as caught:
        control.control_socket(interface, directories)
    assert caught.value.what == f"no wpa_supplicant offers a control socket for {interface!r}"
    assert caught.value.where == ", ".join(directories)


def test_a_control_directory_for_others(fake: FakeSupplicant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.stat

    def refuse(path: str) -> os.stat_result:
        if path.startswith("/closed"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "stat", refuse)
    with pytest.raises(AccessDenied, match="GROUP") as caught:
        control.control_socket("wlan0", ("/closed", "/closed/too", str(tmp_path / "absent")))
    assert caught.value.where == "/closed"
    assert caught.value.what == "the supplicant's control directory is not for this user"
    assert control.control_socket("wlan0", ("/closed", str(tmp_path))) == fake.path
