# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a supplicant is asked and told, one by one. The tests of ``_tasks/profiles.py`` have what comes of it."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.codec import Network, Status
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.networks import (
    commit,
    discard,
    prepare,
    read_networks,
)
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.networks_plan import (
    Assignment,
    Plan,
    Running,
)
from ansible_collections.vpro.fleet.plugins.module_utils._network.values import CommandUnsafe
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import DecodeFailed, SupplicantRefused, TimedOut
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.wpa_supplicant.fake_networks import (
    EAP,
    PASSPHRASE,
    desired,
    wanted,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import BSSID


class Talk:
    """A conversation with a supplicant that answers what a test says, and takes down what it was told."""

    path = "/run/wpa_supplicant/wlan0"

    def __init__(self) -> None:
        self.listed: List[Network] = []
        self.variables: Dict[str, str] = {}
        self.state = "COMPLETED"
        self.next = 7
        #: Commands that are not taken, and what is raised then.
        self.refused: Dict[str, Exception] = {}
        self.told: List[str] = []
        self.asked: List[str] = []

    def networks(self) -> List[Network]:
        return self.listed

    def get(self, network_id: int, variable: str) -> Optional[str]:
        self.asked.append(f"{network_id} {variable}")
        return self.variables.get(f"{network_id} {variable}")

    def status(self) -> Status:
        self.asked.append("STATUS")
        return Status(self.state)

    def request(self, command: str) -> str:
        self.told.append(command)
        if command in self.refused:
            raise self.refused[command]
        self.next += 1
        return f"{self.next - 1}\n"

    def command(self, command: str) -> None:
        self.request(command)

    def set(self, network_id: int, variable: str, value: str) -> None:
        self.command(f"SET_NETWORK {network_id} {variable} {value}")


@pytest.fixture
def talk() -> Any:
    return Talk()


# --- reading ---


def test_what_is_declared_or_may_go_is_asked_about_and_nothing_else(talk: Any) -> None:
    talk.listed = [
        Network(0, b"home", BSSID, True, False, True),
        Network(1, b"other", None, False, False, False),
        Network(2, b"gone", None, False, True, False),
    ]
    talk.variables = {"0 key_mgmt": "WPA-PSK", "0 psk": "*", "0 priority": "3", "0 mode": "0"}
    talk.variables.update({"0 pairwise": "CCMP TKIP", "0 freq_list": "5180", "0 proto": "WPA"})
    found = read_networks(talk, {b"home": wanted()}, frozenset({b"gone"}), {"mac_addr": "1"})
    assert found == (
        Running(
            0,
            b"home",
            True,
            True,
            {
                "key_mgmt": "WPA-PSK",
                "psk": "*",
                "priority": "3",
                "ssid": b"home".hex(),
                "disabled": "0",
                "bssid": BSSID,
                "mac_addr": "1",
                "freq_list": "5180",
                "proto": "WPA",
            },
        ),
        Running(2, b"gone", False, False, {"ssid": b"gone".hex(), "disabled": "1"}),
    )
    assert [network.disabled for network in found] == [False, True]
    assert talk.asked == [
        *("0 mode", "0 key_mgmt", "0 psk", "0 sae_password", "0 priority"),
        *("0 freq_list", "0 bssid_ignore", "0 bssid_accept", "0 proto", "0 pairwise", "0 group", "0 auth_alg"),
        *("2 mode", "2 disabled"),
    ]
    assert [network.id for network in read_networks(talk, {}, None, {})] == [0, 1, 2], "all may go"
    assert [network.id for network in read_networks(talk, {}, frozenset(), {})] == []


@pytest.mark.parametrize("variable", [{"0 mode": "2"}, {"0 disabled": "2"}])
def test_an_access_point_or_a_remembered_group_is_none_of_them(talk: Any, variable: Dict[str, str]) -> None:
    talk.listed = [Network(0, b"home", None, False, True, False)]
    talk.variables = variable
    assert read_networks(talk, {b"home": wanted()}, None, {}) == ()


# --- applying ---


def test_new_networks_are_made_disabled_and_complete(talk: Any) -> None:
    wish = desired({**EAP, "identity": '"me"'}, extras={"phase1": '"x"', "bgscan": '"y"'})
    talk.refused['SET_NETWORK 7 phase1 "x"'] = SupplicantRefused("FAIL")
    assert prepare(talk, Plan(build=(wish, desired(ssid=b"b")))) == (7, 15)
    assert talk.told == [
        "ADD_NETWORK",
        f"SET_NETWORK 7 ssid {b'home'.hex()}",
        "SET_NETWORK 7 key_mgmt WPA-EAP",
        "SET_NETWORK 7 eap PEAP",
        "SET_NETWORK 7 priority 0",
        f"SET_NETWORK 7 password {PASSPHRASE}",
        'SET_NETWORK 7 identity "me"',
        'SET_NETWORK 7 phase1 "x"',
        'SET_NETWORK 7 bgscan "y"',
        "ADD_NETWORK",
        f"SET_NETWORK 15 ssid {b'b'.hex()}",
        "SET_NETWORK 15 key_mgmt WPA-PSK",
        f"SET_NETWORK 15 psk {PASSPHRASE}",
        "SET_NETWORK 15 priority 0",
    ]


def test_what_may_be_refused_is_tried_on_a_network_of_its_own(talk: Any) -> None:
    todo = Plan(
        assign=(
            Assignment(0, "key_mgmt", "SAE"),
            Assignment(0, "psk", PASSPHRASE),
            Assignment(1, "key_mgmt", "SAE"),
            Assignment(1, "eap", "PEAP"),
        )
    )
    assert prepare(talk, todo) == ()
    assert talk.told == [
        "ADD_NETWORK",
        "SET_NETWORK 7 key_mgmt SAE",
        "SET_NETWORK 7 eap PEAP",
        "REMOVE_NETWORK 7",
    ]
    assert prepare(talk, Plan(assign=(Assignment(0, "psk", PASSPHRASE),))) == ()
    assert len(talk.told) == 4


def test_what_is_refused_leaves_no_network_behind(talk: Any) -> None:
    talk.refused["SET_NETWORK 7 key_mgmt SAE"] = SupplicantRefused("FAIL")
    with pytest.raises(SupplicantRefused):
        prepare(talk, Plan(assign=(Assignment(0, "key_mgmt", "SAE"),), build=(desired(),)))
    assert talk.told[-1] == "REMOVE_NETWORK 7"
    del talk.told[:]
    talk.next = 7
    with pytest.raises(SupplicantRefused):
        prepare(talk, Plan(build=(desired({"key_mgmt": "SAE"}),)))
    assert talk.told[-1] == "REMOVE_NETWORK 7"


def test_an_extra_that_is_no_command_is_left_out(talk: Any) -> None:
    talk.refused["SET_NETWORK 7 phase1 x"] = CommandUnsafe("no")
    assert prepare(talk, Plan(build=(desired(extras={"phase1": "x"}),))) == (7,)


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        ("FAIL\n", SupplicantRefused, "wpa_supplicant answered ADD_NETWORK with FAIL"),
        ("7 \n", DecodeFailed, "the reply to ADD_NETWORK is not a number"),
        ("x\n", DecodeFailed, "the reply to ADD_NETWORK is not a number"),
        ("\u0663\n", DecodeFailed, "the reply to ADD_NETWORK is not a number"),
        ("", DecodeFailed, "the reply to ADD_NETWORK is not a number"),
    ],
)
def test_a_network_that_can_not_be_added(talk: Any, reply: str, error: Any, words: str) -> None:
    talk.request = lambda _command: reply
    with pytest.raises(error, match=words) as caught:
        prepare(talk, Plan(build=(desired(),)))
    assert caught.value.where == talk.path


def test_discarding_goes_on_after_a_refusal_and_ends_without_an_answer(talk: Any) -> None:
    talk.refused = {"REMOVE_NETWORK 1": SupplicantRefused("FAIL"), "REMOVE_NETWORK 2": TimedOut("no answer")}
    discard(talk, (1, 2, 3))
    assert talk.told == ["REMOVE_NETWORK 1", "REMOVE_NETWORK 2"]


CHANGES = Plan(
    build=(desired(), desired({"disabled": "1"}, ssid=b"b")),
    assign=(Assignment(1, "bssid", "any"),),
    refresh=(Assignment(2, "psk", PASSPHRASE),),
    enable=(3,),
    disable=(4,),
    remove=(5, 6),
)


@pytest.mark.parametrize(
    ("state", "last"), [("SCANNING", ""), ("DISCONNECTED", ""), ("INACTIVE", ""), ("COMPLETED", " no-connect")]
)
def test_what_exists_is_changed_before_anything_is_enabled(talk: Any, state: str, last: str) -> None:
    talk.state = state
    talk.refused["REMOVE_NETWORK 5"] = SupplicantRefused("it is gone already")
    commit(talk, CHANGES, (7, 8))
    assert talk.told == [
        "SET_NETWORK 1 bssid any",
        f"SET_NETWORK 2 psk {PASSPHRASE}",
        "DISABLE_NETWORK 4",
        "REMOVE_NETWORK 5",
        "REMOVE_NETWORK 6",
        "ENABLE_NETWORK 3 no-connect",
        f"ENABLE_NETWORK 7{last}",
    ]


@pytest.mark.parametrize(("state", "tried"), [("SCANNING", True), ("INTERFACE_DISABLED", False)])
def test_what_changed_is_tried_again_where_a_search_goes_on(talk: Any, state: str, tried: bool) -> None:
    talk.state = state
    commit(talk, Plan(enable=(3,), retry=(2, 1)), ())
    again = ["DISABLE_NETWORK 2", "ENABLE_NETWORK 2", "DISABLE_NETWORK 1", "ENABLE_NETWORK 1"]
    assert talk.told == ["ENABLE_NETWORK 3 no-connect", *(again if tried else ())]
    del talk.told[:]
    commit(talk, Plan(retry=(2,)), ())
    assert talk.told == (again[:2] if tried else [])


def test_where_nothing_is_enabled_nobody_asks_what_the_supplicant_does(talk: Any) -> None:
    commit(talk, Plan(remove=(5,)), ())
    assert talk.asked == []
