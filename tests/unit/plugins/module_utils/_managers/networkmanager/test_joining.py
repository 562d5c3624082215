# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Joining through NetworkManager: the order that was seen, and what may come instead."""

from __future__ import annotations

from typing import List, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.joining import (
    _REFUSALS,
    _SCANS,
    SCAN_SECONDS,
    AbortScan,
    Action,
    Activate,
    DeviceState,
    Heard,
    InterfaceState,
    Joined,
    Joining,
    KeepTo,
    NetworkAdded,
    NothingFound,
    NothingToEnd,
    Reassociate,
    Scan,
    Scanning,
    ScanRefused,
    SeeWhatCame,
    SetTimer,
    TooLong,
    step,
)
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.names import (
    DISCONNECTED,
    PREPARE,
    UNAVAILABLE,
)

START = Joining(b"corp")
NETWORK = "/networks/0"
#: The profile comes up; and it is looked for the network.
ACTIVATED: Tuple[Heard, ...] = (DeviceState(DISCONNECTED), DeviceState(PREPARE))
LOOKED: Tuple[Heard, ...] = (*ACTIVATED, InterfaceState("inactive"), Scanning(True), Scanning(False))


def follow(*heard: Heard, joining: Joining = START) -> Tuple[Joining, List[Action]]:
    done: List[Action] = []
    for each in heard:
        joining, actions = step(joining, each)
        done += [action for action in actions if not isinstance(action, SetTimer)]
    return joining, done


def test_as_networkmanager_1_42_was_seen_to_do() -> None:
    _end, done = follow(
        InterfaceState("disconnected"),
        Scanning(True),  # NetworkManager's own look at every channel
        InterfaceState("inactive"),
        DeviceState(DISCONNECTED),
        DeviceState(PREPARE),
        InterfaceState("interface_disabled"),  # it changes the MAC address
        InterfaceState("inactive"),
        Scanning(True),  # ours
        DeviceState(60),  # it needs the secrets
        DeviceState(PREPARE),
        NetworkAdded(NETWORK, b"corp"),
        Scanning(False),
        InterfaceState("authenticating"),
        InterfaceState("completed"),
    )
    assert done == [Activate(), Scan(), KeepTo(NETWORK), SeeWhatCame()]


def test_where_the_mac_address_stays_its_look_is_ended_and_ours_follows() -> None:
    joining, done = follow(Scanning(True), *ACTIVATED, NetworkAdded(NETWORK, b"corp"))
    assert done == [Activate(), KeepTo(NETWORK), AbortScan()]
    _end, done = follow(Scanning(False), Scanning(True), Scanning(False), joining=joining)
    assert done == [Scan(), SeeWhatCame()]


def test_nothing_is_looked_for_before_the_activation_has_begun() -> None:
    # What is seen earlier has NetworkManager bring the profile up by itself, and ours would end that.
    _end, done = follow(DeviceState(DISCONNECTED), Scanning(True), Scanning(False), InterfaceState("inactive"))
    assert done == [Activate()]


def test_a_look_at_every_channel_that_begins_later_is_ended() -> None:
    joining, done = follow(*LOOKED)
    assert done == [Activate(), Scan()]
    joining, done = follow(Scanning(True), joining=joining)
    assert done == [AbortScan()]
    _end, done = follow(Scanning(False), Scanning(True), Scanning(False), joining=joining)
    assert done == [Scan()]


def test_one_that_begins_as_ours_ends_is_told_of_with_it_and_is_ended() -> None:
    joining, done = follow(*ACTIVATED, InterfaceState("inactive"), Scanning(True), Scanning(True))
    assert done == [Activate(), Scan(), AbortScan()]
    assert follow(Scanning(False), joining=joining)[1] == [Scan()]


def test_a_look_that_finds_nothing_is_followed_by_another_at_once() -> None:
    joining, done = follow(*LOOKED, NetworkAdded(NETWORK, b"corp"), Scanning(True), Scanning(False))
    assert done == [Activate(), Scan(), KeepTo(NETWORK), AbortScan(), Scan()]
    joining, done = follow(Scanning(True), Scanning(False), joining=joining)
    assert done == [SeeWhatCame()]
    joining, done = follow(NothingFound(), joining=joining)
    assert done == [Scan()]
    # That one is under way already, or somebody else's is.
    assert follow(NothingFound(), joining=joining)[1] == []
    assert follow(Scanning(True), NothingFound(), joining=joining)[1] == []
    found, done = follow(Scanning(True), Scanning(False), InterfaceState("authenticating"), joining=joining)
    assert done == [SeeWhatCame()]
    assert follow(InterfaceState("completed"), NothingFound(), joining=found)[1] == []


def test_nobody_asks_what_a_look_found_that_had_nothing_to_join() -> None:
    joining, done = follow(*LOOKED)
    assert done == [Activate(), Scan()]
    assert follow(NothingFound(), joining=joining)[1] == []


def test_nobody_asks_what_the_look_of_another_found() -> None:
    joining, _done = follow(*LOOKED, NetworkAdded(NETWORK, b"corp"), InterfaceState("completed"))
    assert follow(Scanning(True), Scanning(False), joining=joining)[1] == [AbortScan()]
    # Ours was under way when the connection stood.
    joining, _done = follow(*ACTIVATED, InterfaceState("inactive"), NetworkAdded(NETWORK, b"corp"), Scanning(True))
    assert follow(InterfaceState("completed"), Scanning(False), joining=joining)[1] == []


def test_other_networks_are_let_be() -> None:
    assert follow(NetworkAdded(NETWORK, b"other"))[1] == []


def test_before_networkmanager_has_the_device_nothing_is_done() -> None:
    heard: List[Heard] = [InterfaceState("inactive"), Scanning(True), Scanning(False), DeviceState(PREPARE)]
    assert follow(*heard)[1] == []


def test_a_radio_that_is_blocked_again_begins_anew() -> None:
    joining, _done = follow(*LOOKED)
    _end, done = follow(DeviceState(UNAVAILABLE), *LOOKED, joining=joining)
    assert done == [Activate(), Scan()]


def test_a_radio_that_was_blocked_joins_the_same_network() -> None:
    joining, _done = follow(*LOOKED, DeviceState(UNAVAILABLE))
    assert follow(NetworkAdded(NETWORK, b"corp"), joining=joining)[1] == [KeepTo(NETWORK)]


def test_an_interface_that_goes_down_forgets_the_scan_that_ran() -> None:
    ours, _done = follow(*ACTIVATED, InterfaceState("inactive"), InterfaceState("interface_disabled"))
    assert follow(Scanning(True), joining=ours)[1] == [AbortScan()], "that one is not ours"
    theirs, done = follow(*LOOKED, Scanning(True), InterfaceState("interface_disabled"))
    assert done[-1] == AbortScan()
    assert follow(Scanning(False), joining=theirs)[1] == []
    assert follow(NothingToEnd(), joining=theirs)[1] == []


def test_a_connection_that_is_lost_is_looked_for_anew() -> None:
    _end, done = follow(*LOOKED, InterfaceState("completed"), InterfaceState("inactive"))
    assert done == [Activate(), Scan(), Scan()]


def test_a_look_that_is_under_way_is_not_begun_again_for_another_network() -> None:
    _end, done = follow(
        Scanning(True), *ACTIVATED, NetworkAdded(NETWORK, b"corp"), NetworkAdded("/networks/1", b"corp")
    )
    assert done == [Activate(), KeepTo(NETWORK), AbortScan(), KeepTo("/networks/1")]


def test_a_scan_that_is_refused_makes_way_for_ours() -> None:
    # NetworkManager's own began, and its news is still on the way.
    _end, done = follow(
        *ACTIVATED, InterfaceState("inactive"), ScanRefused(), Scanning(True), Scanning(False), Scanning(True)
    )
    assert done == [Activate(), Scan(), AbortScan(), AbortScan(), Scan()]
    assert follow(ScanRefused())[1] == [], "nothing was asked for"


def test_a_scan_that_is_only_about_to_begin_is_ended_when_it_has() -> None:
    # The network was selected first: ours is refused, and there is nothing to end yet. What begins is not always told.
    joining, done = follow(
        *ACTIVATED, InterfaceState("inactive"), ScanRefused(), NothingToEnd(), ScanRefused(), NothingToEnd()
    )
    assert done == [Activate(), Scan(), AbortScan(), Scan(), AbortScan(), Scan()]
    joining, done = follow(ScanRefused(), Scanning(False), joining=joining)
    assert done == [AbortScan(), Scan()]
    assert follow(Scanning(True), Scanning(False), joining=joining)[1] == [], "that one is ours"


def test_a_scan_that_had_just_ended_is_not_taken_for_ours() -> None:
    joining, done = follow(*LOOKED, Scanning(True), NothingToEnd(), Scanning(False))
    assert done == [Activate(), Scan(), AbortScan(), Scan()]
    assert follow(Scanning(True), Scanning(False), joining=joining)[1] == [], "that one is ours"
    assert follow(NothingToEnd(), joining=joining)[1] == []


def test_at_another_access_point_it_is_moved_once() -> None:
    joining, _done = follow(*ACTIVATED, NetworkAdded(NETWORK, b"corp"))
    assert follow(Joined(True), Joined(True), joining=joining)[1] == [Reassociate()]


def test_with_eap_the_network_is_kept_when_the_connection_stands() -> None:
    start = Joining(b"corp", eap=True)
    joining, done = follow(*ACTIVATED, NetworkAdded(NETWORK, b"corp"), joining=start)
    assert done == [Activate(), Scan()]
    assert follow(Joined(False), Joined(False), joining=joining)[1] == [KeepTo(NETWORK)]
    assert follow(Joined(True), joining=joining)[1] == [KeepTo(NETWORK), Reassociate()]
    blocked, _done = follow(DeviceState(UNAVAILABLE), joining=joining)
    assert blocked.eap


def test_a_network_that_is_added_anew_is_kept_anew() -> None:
    _end, done = follow(NetworkAdded(NETWORK, b"corp"), NetworkAdded("/networks/1", b"corp"), Joined(False))
    assert done == [KeepTo(NETWORK), KeepTo("/networks/1")]


def test_however_long_a_scan_takes_to_begin_it_is_ended_when_it_has() -> None:
    joining, done = follow(*ACTIVATED, InterfaceState("inactive"))
    for _time in range(100):
        joining, _done = follow(ScanRefused(), NothingToEnd(), joining=joining)
    joining, done = follow(ScanRefused(), Scanning(True), Scanning(False), joining=joining)
    assert done == [AbortScan(), AbortScan(), Scan()]
    # But not for ever.
    joining, _done = follow(*ACTIVATED, InterfaceState("inactive"))
    asked = []
    for _time in range(1000):
        joining, done = follow(ScanRefused(), NothingToEnd(), joining=joining)
        asked += done
    assert asked.count(Scan()) == _REFUSALS
    # A scan that began sets the count back.
    assert follow(Scanning(True), Scanning(False), joining=joining)[1] == [AbortScan(), Scan()]


@pytest.mark.parametrize(
    "again",
    [(Scanning(True), Scanning(False)), (InterfaceState("inactive"),), (DeviceState(UNAVAILABLE), *LOOKED)],
)
def test_somebody_who_looks_again_and_again_is_let_be_in_the_end(again: Tuple[Heard, ...]) -> None:
    joining, _done = follow(*LOOKED)
    asked = []
    for _time in range(4 * _SCANS):
        joining, done = follow(*again, joining=joining)
        asked += done
    assert asked.count(AbortScan()) <= 2 * _SCANS
    assert 1 + asked.count(Scan()) == _SCANS


# -- scans that are in the way ----------------------------------------------------------------------------------------


def all_of(*heard: Heard, joining: Joining = START) -> Tuple[Joining, List[Action]]:
    """As ``follow``, with what is done about the timer."""
    done: List[Action] = []
    for each in heard:
        joining, actions = step(joining, each)
        done += actions
    return joining, done


def test_a_scan_that_takes_too_long_is_ended_and_given_more_time_each_time() -> None:
    # It is taken for ours: it was asked for, and no network is there that could be joined yet.
    joining, _done = follow(*ACTIVATED, InterfaceState("inactive"))
    asked: List[Action] = []
    for _time in range(4):
        joining, done = all_of(Scanning(True), TooLong(), joining=joining)
        asked += [each for each in done if isinstance(each, (SetTimer, AbortScan))]
        joining, _done = all_of(Scanning(False), InterfaceState("inactive"), joining=joining)
    first, second, third = SCAN_SECONDS
    assert asked == [
        *(SetTimer(first), AbortScan()),
        *(SetTimer(second), AbortScan()),
        *(SetTimer(third), AbortScan()),
    ], "a radio that takes longer for one channel is let come to its end"
    # One that comes to its end in time is nobody's business any more.
    assert SetTimer(None) in all_of(Scanning(True), Scanning(False), joining=joining)[1]


def test_a_scan_of_a_host_that_has_just_been_connected_is_ended() -> None:
    connected, _done = follow(*LOOKED, NetworkAdded(NETWORK, b"corp"), InterfaceState("completed"), Joined(False))
    joining, done = all_of(Scanning(True), joining=connected)
    assert done == [AbortScan()]
    # Somebody who scans for ever is let do so.
    ended = 1
    while done:
        joining, done = all_of(Scanning(False), Scanning(True), joining=joining)
        done = [each for each in done if each == AbortScan()]
        ended += len(done)
    assert ended == 2 * len(SCAN_SECONDS)


def test_a_scan_that_began_before_the_connection_is_ended_when_its_time_is_up() -> None:
    scanning, _done = follow(*LOOKED, NetworkAdded(NETWORK, b"corp"), Scanning(True))
    connected, _done = follow(InterfaceState("completed"), Joined(False), joining=scanning)
    assert all_of(TooLong(), joining=connected)[1] == [AbortScan()]


def test_under_a_block_no_timer_runs() -> None:
    assert SetTimer(None) in all_of(*ACTIVATED, Scanning(True), DeviceState(UNAVAILABLE))[1]


def test_at_another_access_point_the_scan_that_leads_away_is_let_be() -> None:
    """The supplicant tells of the scan before it tells that it has left."""
    connected, done = follow(*LOOKED, NetworkAdded(NETWORK, b"corp"), InterfaceState("completed"), Joined(True))
    assert Reassociate() in done
    leaving, done = all_of(Scanning(True), joining=connected)
    assert done == [SetTimer(SCAN_SECONDS[0])]
    there, _done = follow(Scanning(False), InterfaceState("completed"), Joined(False), joining=leaving)
    assert all_of(Scanning(True), joining=there)[1] == [AbortScan()]
