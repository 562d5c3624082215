# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking a radio: what stands in the way, told by stable codes."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Callable, Dict, FrozenSet, Iterator, List, Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import SUCCESSES, Outcome, Policy
from ansible_collections.vpro.fleet.plugins.module_utils._handover.trace import Report, Step
from ansible_collections.vpro.fleet.plugins.module_utils._network.limits import Limits, Obstacle
from ansible_collections.vpro.fleet.plugins.module_utils._network.pin import Pin
from ansible_collections.vpro.fleet.plugins.module_utils._network.profile import Profile
from ansible_collections.vpro.fleet.plugins.module_utils._radio.connection import CsmeConnection
from ansible_collections.vpro.fleet.plugins.module_utils._radio.radio import Unreadable
from ansible_collections.vpro.fleet.plugins.module_utils._radio.values import Radio, Switch
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    AccessDenied,
    FleetError,
    NotFound,
    Refused,
    TimedOut,
    TransportFailed,
)
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import ownership
from ansible_collections.vpro.fleet.plugins.module_utils._tasks.ownership import (
    MINIMUM_SECONDS,
    OwnershipRequest,
    ensure_host_owns,
    select_radio,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._handover.fake_story import PART

NETWORK = CsmeConnection(b"corp", "02:00:00:00:01:00", 6, None, (2437,), "psk", "ccmp", None, None)
PROFILE = Profile(5, b"corp", frozenset({"WPA-PSK"}), True, None, (), False, credentials=frozenset({"psk"}))


def radio(
    name: str = "wlan0",
    reasons: Optional[FrozenSet[str]] = frozenset({"not_owner"}),
    *,
    owner: str = "csme",
    soft: bool = False,
    able: bool = True,
    csme: Optional[CsmeConnection] = NETWORK,
) -> Radio:
    switch = Switch(7, "wlan", "phy0", soft, bool(reasons), reasons, "phy0")
    return Radio("phy0", name, 3, "02:00:00:00:00:00", "iwlwifi", owner, switch, able, able, able, csme, None)


FREE = radio(reasons=frozenset(), owner="host", csme=None)


class Machine:
    """A laptop as the module sees it."""

    def __init__(self) -> None:
        self.radios: Tuple[Radio, ...] = (radio(),)
        self.unreadable: Tuple[Unreadable, ...] = ()
        self.profiles: Tuple[Profile, ...] = (PROFILE,)
        self.absent: Optional[FleetError] = None
        self.outcome = Outcome.PROTECTED
        #: The radios after a handover, if they are others.
        self.after: Optional[Tuple[Radio, ...]] = None
        self.runs: List[Tuple[Optional[Profile], Policy]] = []
        self.left_pin = False
        self.journal: Optional[Dict[str, Any]] = None
        self.locked: List[str] = []
        #: What another handover does with the radio each time that the lock is found to be held; none: it is free.
        self.busy: List[Callable[[], None]] = []
        #: Called when the supplicant is asked for its profiles.
        self.asked: Callable[[], None] = lambda: None

    def report(self) -> Report:
        steps = (Step("pinned", -1), Step("requested", 0), Step("connected", 200))
        owner = "host" if self.outcome is Outcome.NOT_CONNECTED else "csme"
        return Report(self.outcome, None, 200, None, None, steps, 1, ("a warning",), owner)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()

    class Kernel:
        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_exc: object) -> None:
            pass

    class Supplicant:
        manager = "wpa_supplicant"

        def status(self) -> None:
            pass

        def profiles(self, _ssid: Optional[bytes] = None) -> Tuple[Profile, ...]:
            made.asked()
            return made.profiles

        def stands(self, pin: Pin) -> bool:
            return pin.stands(made.profiles)

    class Handover:
        def __init__(self, radio: Radio, profile: Optional[Profile], supplicant: Any, policy: Policy) -> None:
            made.runs.append((profile, policy))

        def run(self) -> Report:
            made.radios = made.radios if made.after is None else made.after
            return made.report()

    def backend_of(interface: str, ifindex: int) -> Supplicant:
        if made.absent is not None:
            raise made.absent  # pylint: disable=raising-bad-type
        return Supplicant()

    @contextmanager
    def lock(phy: str, timeout: float) -> Iterator[None]:
        if made.busy:
            made.busy.pop(0)()
            raise TimedOut("another handover works on it")
        made.locked.append(phy)
        yield

    module = ownership.__name__
    monkeypatch.setattr(f"{module}.Nl80211", Kernel)
    monkeypatch.setattr(f"{module}.read_radios", lambda nl: (made.radios, made.unreadable))
    monkeypatch.setattr(f"{module}.backend_of", backend_of)
    monkeypatch.setattr(f"{module}.Handover", Handover)
    monkeypatch.setattr(f"{module}.lock", lock)
    monkeypatch.setattr(f"{module}._BUSY_PAUSE", 0.0)
    monkeypatch.setattr(f"{module}.read_journal", lambda phy: made.journal)
    monkeypatch.setattr(f"{module}.undo_journal", lambda phy, supplicant: made.left_pin and bool(made.locked))
    # The process of its own is tested in test_detached.py.
    monkeypatch.setattr(f"{module}.run_detached", lambda work, timeout: work())
    return made


def ask(check_mode: bool = False, interface: Optional[str] = None, **policy: Any) -> Dict[str, Any]:
    return ensure_host_owns(OwnershipRequest(interface, Policy(**policy)), check_mode)


def refusal(**options: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        ask(**options)
    assert caught.value.as_dict()["code"] == caught.value.reason
    assert caught.value.remedy, "a refusal tells what to do"
    return caught.value


def test_a_handover(machine: Machine) -> None:
    result = ask()
    assert (result["changed"], result["owner"], result["outcome"]) == (True, "host", "protected")
    assert result["profile_id"] == 5
    assert result["steps"][1] == {"name": "requested", "at_ms": 0}
    assert (result["elapsed_ms"], result["request_to_connected_ms"]) == (200, 200)
    assert result["diff"] == {"before": {"owner": "csme"}, "after": {"owner": "host"}}
    assert result["warnings"] == ["a warning"]
    assert machine.locked == ["phy0"]


def test_the_host_owns_it_already(machine: Machine) -> None:
    machine.radios = (FREE,)
    result = ask()
    assert (result["changed"], result["owner"]) == (False, "host")
    assert result["diff"]["before"] == result["diff"]["after"]
    assert machine.runs == []


def test_check_mode_changes_nothing(machine: Machine) -> None:
    result = ask(check_mode=True)
    assert (result["changed"], result["owner"]) == (True, "csme")
    assert (machine.runs, machine.locked) == ([], [])


def test_check_mode_refuses_what_a_run_would_refuse(machine: Machine) -> None:
    machine.profiles = ()
    assert refusal(check_mode=True).reason == "no_credentials"


def test_a_pin_left_behind_is_told(machine: Machine) -> None:
    machine.radios, machine.left_pin = (FREE,), True
    result = ask()
    assert "was undone" in result["warnings"][0]
    assert result["changed"] is True


@pytest.mark.parametrize(
    ("radios", "interface", "reason"),
    [
        ((), None, "no_radio"),
        ((radio(able=False),), None, "no_radio"),
        ((radio(),), "wlan7", "no_radio"),
        ((radio(), radio("wlan1", able=False)), "wlan1", "no_radio"),
        ((radio(), radio("wlan1")), None, "several_radios"),
    ],
)
def test_which_radio_is_meant(radios: Tuple[Radio, ...], interface: Optional[str], reason: str) -> None:
    with pytest.raises(Refused) as caught:
        select_radio(radios, interface)
    assert caught.value.reason == reason


def test_one_of_several_can_be_named() -> None:
    assert select_radio((radio(), radio("wlan1")), "wlan1").interface == "wlan1"
    assert select_radio((radio("wlan1", able=False), radio()), None).interface == "wlan0"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (radio(reasons=None, owner="unknown"), "kernel_too_old"),
        (replace(radio(), switch=None, owner="unknown"), "kernel_too_old"),
        (radio(soft=True), "airplane_mode"),
        (radio(reasons=frozenset({"signal", "not_owner"})), "switch_off"),
        (radio(reasons=frozenset({"signal"}), owner="host"), "switch_off"),
        (radio(reasons=frozenset({"bit2"}), owner="host"), "switch_off"),
        (radio(reasons=frozenset(), owner="host", soft=True), "airplane_mode"),
    ],
)
def test_radios_that_can_not_be_used(machine: Machine, given: Radio, reason: str) -> None:
    machine.radios = (given,)
    assert refusal().reason == reason
    assert machine.runs == []


DELL = Switch(9, "wlan", "dell-wifi", True, False, frozenset(), None)


def test_a_platforms_switch_that_blocks_the_radio_is_named(machine: Machine) -> None:
    machine.radios = (replace(radio(reasons=frozenset({"signal"}), owner="host"), platform=(DELL,)),)
    refused = refusal()
    assert (refused.reason, "dell-wifi" in str(refused)) == ("switch_off", True)
    assert "rfkill unblock wlan" in refused.remedy


def test_a_platforms_switch_that_is_blocked_during_the_handover_is_named(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{ownership.__name__}.platform_switches", lambda: (DELL,))
    machine.outcome = Outcome.SWITCH_OFF
    refused = refusal()
    assert (refused.reason, "dell-wifi" in str(refused)) == ("switch_off", True)


def test_a_connection_that_can_not_be_read_is_not_risked(machine: Machine) -> None:
    machine.radios = (radio(csme=None),)
    machine.unreadable = (Unreadable("radios.phy0.csme", "malformed"),)
    assert refusal().reason == "csme_unreadable"
    # The same for a part of it, except for somebody who wants to end the session.
    machine.radios = (replace(radio(csme=None), part=PART),)
    machine.unreadable = (Unreadable("radios.phy0.csme.channel", "There is no channel 255"),)
    refused = refusal()
    assert (refused.reason, refused.details["csme"]["ssid"]) == ("csme_unreadable", "corp")
    assert "a part of CSME's connection on wlan0 can't be read: There is no channel 255" in str(refused)
    assert "set require_credentials: false" in refused.remedy
    assert machine.runs == []


@pytest.mark.parametrize("absent", [None, NotFound("no supplicant")])
def test_no_credentials(machine: Machine, absent: Optional[FleetError]) -> None:
    machine.profiles, machine.absent = (), absent
    refused = refusal()
    assert refused.reason == "no_credentials"
    assert "corp" in refused.what
    assert absent is None or str(absent) in refused.what
    assert refused.details["csme"]["ssid"] == "corp"
    assert machine.runs == []
    # Told to end the session, it asks all the same.
    assert ask(require_credentials=False)["changed"] is True


def test_a_profile_that_is_of_no_use_is_named_with_what_to_do(machine: Machine) -> None:
    machine.profiles = (replace(PROFILE, enabled=False, obstacle=Obstacle("is somebody's own", "Share it")),)
    refused = refusal()
    assert refused.reason == "no_credentials"
    assert refused.what.endswith("the profile for CSME's network ('corp', psk, channel 6) is somebody's own")
    assert refused.remedy.startswith("Share it, or set require_credentials: false")


def test_a_profile_for_other_channels_than_csmes_is_none(machine: Machine) -> None:
    machine.profiles = (replace(PROFILE, limits=Limits(channels=frozenset({5180}))),)
    assert "restricted to another band or channel than CSME's" in refusal().what


def test_an_idle_csme_needs_no_supplicant(machine: Machine) -> None:
    machine.radios, machine.absent, machine.outcome = (radio(csme=None),), NotFound("no supplicant"), Outcome.OWNED
    assert ask()["outcome"] == "owned"
    assert machine.runs[0][0] is None


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome not in SUCCESSES])
def test_every_failed_outcome_is_a_refusal_with_its_steps(machine: Machine, outcome: Outcome) -> None:
    machine.outcome = outcome
    with pytest.raises(Refused) as caught:
        ask()
    assert caught.value.reason == outcome.value
    if outcome is not Outcome.NO_CREDENTIALS:  # that one is met before a handover begins
        assert caught.value.details["steps"][0]["name"] == "pinned"
        assert caught.value.details["warnings"] == ["a warning"]


@pytest.mark.parametrize("seconds", [0, -1, MINIMUM_SECONDS - 0.1, 1e10, float("nan"), float("inf")])
def test_a_timeout_that_is_none(machine: Machine, seconds: float) -> None:
    assert refusal(timeout_seconds=seconds).reason == "bad_timeout"


def test_the_shortest_timeout_is_enough_for_a_request(machine: Machine) -> None:
    ask(timeout_seconds=MINIMUM_SECONDS)
    policy = machine.runs[0][1]
    assert policy.attempt_seconds <= policy.timeout_seconds < MINIMUM_SECONDS


def test_what_reading_costs_is_part_of_the_timeout(machine: Machine) -> None:
    machine.asked = lambda: time.sleep(0.3)
    ask(timeout_seconds=20.0)
    assert machine.runs[0][1].timeout_seconds <= 20.0 - 0.3


def test_anradio_busy_is_waited_for_until_the_host_owns_the_radio(machine: Machine) -> None:
    def ends() -> None:
        machine.radios = (FREE,)

    # It takes the radio, and then keeps the lock, like a watcher that keeps the host at its access point.
    machine.busy = [lambda: None, ends, lambda: None]
    result = ask()
    assert (result["changed"], result["owner"]) == (False, "host")
    assert (machine.runs, machine.locked) == ([], [])


def test_anradio_busy_that_fails_is_followed_by_ours(machine: Machine) -> None:
    machine.busy = [lambda: None, lambda: None]
    assert ask()["changed"] is True
    assert machine.locked == ["phy0"]


def test_anradio_busy_that_does_not_end_is_told(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.busy = [lambda: None] * 3
    clock = iter([0.0, 1.0, 2.0, 3.0, 100.0, 100.0])
    monkeypatch.setattr(f"{ownership.__name__}.time.monotonic", lambda: next(clock))
    monkeypatch.setattr(f"{ownership.__name__}.time.sleep", lambda seconds: None)
    with pytest.raises(Refused) as caught:
        ask()
    assert caught.value.reason == "timed_out"


def test_check_mode_tells_of_a_pin_that_would_be_undone(machine: Machine) -> None:
    machine.radios = (FREE,)
    pin = Pin("wlan0", 5, b"corp".hex(), "02:00:00:00:01:00", (2437,), None, (), ())
    machine.journal = {"pin": pin.as_dict()}
    assert ask(check_mode=True)["changed"] is False, "the supplicant has it no more"
    machine.profiles = (replace(PROFILE, bssid=pin.bssid, scan_freq=pin.frequencies),)
    told = ask(check_mode=True)
    assert told["changed"] is True
    assert told["diff"]["before"]["pin"] != told["diff"]["after"]["pin"]


def test_what_a_killed_process_left_is_undone(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(work: Any, timeout: float) -> Dict[str, Any]:
        raise TransportFailed("ended without a result")

    undone: List[str] = []
    monkeypatch.setattr(f"{ownership.__name__}.run_detached", killed)
    monkeypatch.setattr(f"{ownership.__name__}.undo_journal", lambda phy, supplicant: undone.append(phy))
    with pytest.raises(TransportFailed):
        ask()
    assert (undone, machine.locked) == (["phy0"], ["phy0"])


def test_a_supplicant_that_refuses_keeps_the_journal(machine: Machine) -> None:
    machine.absent = AccessDenied("no right", remedy="Become root")
    assert refusal().reason == "access_denied"


def test_a_driver_that_can_not_tell_is_not_asked(machine: Machine) -> None:
    machine.radios = (replace(radio(csme=None), can_tell=False),)
    assert refusal().reason == "csme_unreadable"


@pytest.mark.parametrize(("owner", "changed"), [("host", True), ("unknown", True), ("csme", False)])
def test_who_owns_it_after_a_grant_is_read_again(machine: Machine, owner: str, changed: bool) -> None:
    """CSME takes back a radio whose interface is down, and may set no block."""
    machine.outcome, machine.after = Outcome.NOT_CONNECTED, (replace(radio(), owner=owner),)
    refused = refusal()
    assert (refused.details["owner"], refused.details["changed"]) == (owner, changed)
    told = any("CSME may own its radio without a block" in warning for warning in refused.details["warnings"])
    assert told is (owner == "unknown")


def test_a_radio_that_is_gone_after_a_grant_was_the_hosts(machine: Machine) -> None:
    machine.outcome, machine.after = Outcome.NOT_CONNECTED, ()
    assert refusal().details["owner"] == "host"
