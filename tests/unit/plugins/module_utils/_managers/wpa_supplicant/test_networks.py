# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a supplicant is asked and told, one by one. test_provision.py has what comes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.codec import Network
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.networks import (
    commit,
    discard,
    prepare,
    read_networks,
)
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.networks_plan import (
    Assignment,
    Desired,
    Plan,
    Running,
    plan,
    without_pin,
)
from ansible_collections.vpro.fleet.plugins.module_utils._network.backend import SupplicantStatus
from ansible_collections.vpro.fleet.plugins.module_utils._network.pin import Pin
from ansible_collections.vpro.fleet.plugins.module_utils._network.values import CommandUnsafe
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import DecodeFailed, SupplicantRefused, TimedOut

BSSID = "02:00:00:00:01:00"
OTHER_BSSID = "02:00:00:00:02:00"
PASSPHRASE = '"correct horse"'
KEY = "ab" * 32


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

    def status(self) -> SupplicantStatus:
        self.asked.append("STATUS")
        return SupplicantStatus(self.state)

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


def wanted(**changes: Optional[str]) -> Dict[str, Optional[str]]:
    usual: Dict[str, Optional[str]] = {
        "ssid": b"home".hex(),
        "bssid": None,
        "key_mgmt": "WPA-PSK",
        "psk": PASSPHRASE,
        "sae_password": None,
        "priority": "0",
        "disabled": "0",
    }
    return {**usual, **changes}


SAE: Dict[str, Optional[str]] = {"key_mgmt": "SAE", "psk": None, "sae_password": PASSPHRASE}
EAP: Dict[str, Optional[str]] = {"key_mgmt": "WPA-EAP", "psk": None, "eap": "PEAP", "password": PASSPHRASE}


def desired(more: Optional[Dict[str, Optional[str]]] = None, ssid: bytes = b"home", **how: Any) -> Desired:
    return Desired(ssid, wanted(ssid=ssid.hex(), **(more or {})), **how)


def running(number: int = 0, more: Optional[Dict[str, Optional[str]]] = None, **how: Any) -> Running:
    """Return a network that has what is wanted; of secrets, that they are set."""
    secrets = ("psk", "sae_password", "password", "private_key_passwd")
    variables = {
        name: "*" if name in secrets else value for name, value in wanted(**(more or {})).items() if value is not None
    }
    return replace(Running(number, b"home", False, False, variables), **how)


# --- reading ---


def test_what_is_declared_or_may_go_is_asked_about_and_nothing_else(talk: Any) -> None:
    talk.listed = [
        Network(0, b"home", BSSID, True, False, True),
        Network(1, b"other", None, False, False, False),
        Network(2, b"gone", None, False, True, False),
    ]
    talk.variables = {"0 key_mgmt": "WPA-PSK", "0 psk": "*", "0 priority": "3", "0 mode": "0"}
    found = read_networks(talk, {b"home": wanted()}, frozenset({b"gone"}))
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
            },
        ),
        Running(2, b"gone", False, False, {"ssid": b"gone".hex(), "disabled": "1"}),
    )
    assert [network.disabled for network in found] == [False, True]
    assert talk.asked == [
        *("0 mode", "0 key_mgmt", "0 psk", "0 sae_password", "0 priority"),
        *("2 mode", "2 disabled"),
    ]
    assert [network.id for network in read_networks(talk, {}, None)] == [0, 1, 2], "all may go"
    assert [network.id for network in read_networks(talk, {}, frozenset())] == []


@pytest.mark.parametrize("variable", [{"0 mode": "2"}, {"0 disabled": "2"}])
def test_an_access_point_or_a_remembered_group_is_none_of_them(talk: Any, variable: Dict[str, str]) -> None:
    talk.listed = [Network(0, b"home", None, False, True, False)]
    talk.variables = variable
    assert read_networks(talk, {b"home": wanted()}, None) == ()


PIN = Pin("wlan0", 1, b"home".hex(), BSSID, (2437,), OTHER_BSSID, (), ((2, b"home".hex()), (3, b"x".hex())))


def test_a_pin_counts_as_undone() -> None:
    pinned = running(1, {"bssid": BSSID, "disabled": "1"})
    (alone,) = without_pin([pinned], PIN)
    assert alone == replace(pinned, variables={**pinned.variables, "bssid": OTHER_BSSID, "disabled": "0"})
    (free,) = without_pin([pinned], replace(PIN, previous_bssid=None))
    assert free.variables == {name: v for name, v in alone.variables.items() if name != "bssid"}
    (changed,) = without_pin([running(1, {"bssid": "02:00:00:00:03:00"})], PIN)
    assert changed.variables["bssid"] == "02:00:00:00:03:00", "somebody set another"
    (aside,) = without_pin([running(2, {"disabled": "1", "bssid": BSSID})], PIN)
    assert (aside.variables["disabled"], aside.variables["bssid"]) == ("0", BSSID)


def test_what_a_pin_did_not_touch_stays() -> None:
    others = (
        running(1, {"bssid": BSSID, "disabled": "1"}, ssid=b"other"),
        running(3, {"disabled": "1"}),
        running(4, {"bssid": BSSID, "disabled": "1"}),
    )
    assert without_pin(others, PIN) == others


# --- planning ---


def ask(networks: Any, *wishes: Desired, connected: bool = True) -> Plan:
    return plan(list(networks), wishes, connected=connected)


def test_what_is_as_it_should_be_stays_but_for_a_secret_that_is_sent_again() -> None:
    todo = ask([running()], desired())
    assert todo == Plan(refresh=(Assignment(0, "psk", PASSPHRASE),))
    assert not todo.changes
    assert todo.refresh[0].value == PASSPHRASE
    assert ask([running(current=True)], desired()) == Plan(), "a handshake may be under way"


@pytest.mark.parametrize(
    ("more", "name", "sent"),
    [
        ({}, "psk", True),
        ({"psk": KEY}, "psk", False),
        (SAE, "sae_password", True),
        (EAP, "password", False),
        ({**EAP, "private_key_passwd": PASSPHRASE}, "private_key_passwd", True),
    ],
)
def test_a_secret_that_the_supplicant_compares_itself_is_sent_again(
    more: Dict[str, Optional[str]], name: str, sent: bool
) -> None:
    todo = ask([running(5, more)], desired(more))
    value = wanted(**more)[name] or ""
    assert todo == Plan(refresh=(Assignment(5, name, value),) if sent else ())


def test_a_network_that_is_missing_is_made_and_one_too_many_goes() -> None:
    new, extra = desired(), running(3, ssid=b"other", more={"ssid": b"other".hex()})
    todo = ask([extra], new)
    assert (todo.build, todo.remove) == ((new,), (3,))
    assert todo.changes
    assert [ssid for ssid, _shown in todo.before] == [b"other"]
    assert todo.after == (
        (b"home", {"ssid": "home", "key_mgmt": "WPA-PSK", "psk": "(set)", "priority": "0", "disabled": "0"}),
    )


@pytest.mark.parametrize(
    ("networks", "removed", "built"),
    [
        ([running(2), running(4, current=True)], (2,), False),
        ([running(2, {"key_mgmt": "NONE"}), running(4)], (2,), False),
        ([running(2, {"key_mgmt": None}), running(4)], (2,), False),
        ([running(4), running(2)], (4,), False),
        ([running(1, {"key_mgmt": "NONE"}, current=True), running(2)], (2, 1), True),
    ],
)
def test_of_several_with_one_name_one_is_kept(networks: List[Running], removed: Any, built: bool) -> None:
    todo = ask(networks, desired())
    assert (todo.remove, todo.build) == (removed, (desired(),) if built else ())


def test_each_network_gets_its_secret_again() -> None:
    todo = ask([running(1), running(2, ssid=b"b")], desired(), Desired(b"b", wanted()))
    assert [(each.network_id, each.name) for each in todo.refresh] == [(1, "psk"), (2, "psk")]


def test_only_what_differs_is_set_and_what_may_be_refused_comes_first() -> None:
    have = running(6, {"priority": "1", "bssid": BSSID, "key_mgmt": "WPA-PSK-SHA256 WPA-EAP"})
    wish = desired({"priority": "2", "key_mgmt": "WPA-PSK"})
    todo = ask([have], wish, connected=False)
    assert [(each.network_id, each.name, each.value) for each in todo.assign] == [
        (6, "key_mgmt", "WPA-PSK"),
        (6, "bssid", "any"),
        (6, "priority", "2"),
    ]
    assert todo.retry == (6,)
    assert (todo.enable, todo.disable) == ((), ())
    assert todo.before[0][1]["priority"] == "1"
    assert todo.after[0][1] == {
        **{"ssid": "home", "key_mgmt": "WPA-PSK", "psk": "(set)"},
        **{"priority": "2", "disabled": "0"},
    }


def test_what_is_not_wanted_is_taken_back() -> None:
    more: Dict[str, Optional[str]] = {**EAP, "identity": None}
    todo = ask([running(0, {**more, "identity": '"me"'})], desired(more))
    assert [(each.name, each.value) for each in todo.assign] == [("identity", "NULL")]


def test_a_secret_that_is_new_is_set_and_told_as_changed() -> None:
    todo = ask([running()], desired(stale=frozenset({"psk"})))
    assert [(each.name, each.value) for each in todo.assign] == [("psk", PASSPHRASE)]
    assert todo.after[0][1]["psk"] == "(changed)"
    assert todo.refresh == ()
    # One that was not there is not changed, but set.
    todo = ask([running(0, {"psk": None})], desired())
    assert todo.after[0][1]["psk"] == "(set)"


@pytest.mark.parametrize(("was", "will"), [("1", "0"), ("0", "1")])
def test_a_network_is_enabled_and_disabled(was: str, will: str) -> None:
    todo = ask([running(2, {"disabled": was})], desired({"disabled": will}))
    assert (todo.enable, todo.disable) == (((2,), ()) if will == "0" else ((), (2,)))
    assert (todo.assign, todo.retry) == ((), ())
    assert (todo.before[0][1]["disabled"], todo.after[0][1]["disabled"]) == (was, will)
    assert todo.changes


def test_what_changed_is_tried_again_by_priority_unless_it_is_in_use_or_disabled() -> None:
    networks = [
        running(1, {"bssid": BSSID}),
        running(2, {"bssid": BSSID}, ssid=b"b"),
        running(3, {"bssid": BSSID}, ssid=b"c", current=True),
        running(4, {"bssid": BSSID, "disabled": "1"}, ssid=b"d"),
    ]
    wishes = (
        desired(),
        Desired(b"b", wanted(priority="5")),
        Desired(b"c", wanted()),
        Desired(b"d", wanted(disabled="1")),
    )
    assert ask(networks, *wishes).retry == (2, 1)


@pytest.mark.parametrize(
    ("have", "wish"),
    [
        (running(current=True), desired(rebuild=True)),
        (running(0, {"key_mgmt": "NONE"}, current=True), desired()),
        (running(0, {"key_mgmt": None}, current=True), desired()),
        (running(current=True), desired({**SAE, "key_mgmt": "WPA-PSK SAE"})),  # a key that can't be taken back
        (running(0, EAP, current=True), desired({**EAP, "eap": None})),
        (running(), desired(proven=False)),
    ],
)
def test_what_can_not_be_changed_is_made_anew(have: Running, wish: Desired) -> None:
    todo = ask([have], wish)
    assert (todo.remove, todo.build, todo.assign, todo.refresh) == ((0,), (wish,), (), ())
    shown = todo.after[0][1]
    assert "(set)" not in shown.values(), "its secrets are changed, as far as can be told"


def test_what_nobody_vouches_for_is_shown_as_it_is_where_it_stays() -> None:
    more: Dict[str, Optional[str]] = {**EAP, "identity": '"new"'}
    todo = ask([running(0, {**EAP, "identity": '"old"'}, current=True)], desired(more, proven=False))
    assert [each.name for each in todo.assign] == ["identity"]
    assert (todo.after[0][1]["identity"], todo.after[0][1]["password"]) == ("new", "(set)")
    # How it is written makes no difference, and is shown as the supplicant has it.
    have = running(0, {"key_mgmt": "WPA-PSK-SHA256", "priority": "1"})
    assert ask([have], desired()).after[0][1]["key_mgmt"] == "WPA-PSK-SHA256"


def test_a_key_management_of_which_a_part_stays_is_changed_in_place() -> None:
    todo = ask([running(0, {"key_mgmt": "WPA-PSK WPA-EAP"}, current=True)], desired())
    assert [each.name for each in todo.assign] == ["key_mgmt"]
    assert todo.build == ()


@pytest.mark.parametrize(
    ("more", "stale", "unsure"),
    [
        ({}, (), False),  # compared by the supplicant itself
        ({"psk": KEY}, (), False),  # not by PMKSA cache
        (SAE, (), False),
        ({**SAE, "key_mgmt": "WPA-PSK SAE", "psk": KEY}, (), True),
        (EAP, (), True),
        (EAP, ("password",), False),  # the task brings another one
    ],
)
def test_a_secret_of_the_link_that_nobody_vouches_for(more: Dict[str, Optional[str]], stale: Any, unsure: bool) -> None:
    have, wish = running(0, more, current=True), desired(more, proven=False, stale=frozenset(stale))
    todo = ask([have], wish)
    secrets = {"psk", "sae_password", "password"} & {name for name, value in wish.wanted.items() if value}
    assert todo.unsure == ((b"home",) if unsure else ())
    sent = {each.name for each in todo.assign}
    assert sent < secrets if unsure else sent == secrets
    assert todo.refresh == ()
    assert ask([have], wish, connected=False).build == (wish,), "without a link it is made anew"


def test_a_secret_of_the_link_that_is_not_set_yet_is_set() -> None:
    todo = ask([running(0, {**EAP, "password": None}, current=True)], desired(EAP, proven=False))
    assert [each.name for each in todo.assign] == ["password"]
    assert todo.unsure == ()


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
        ("7 \n", DecodeFailed, "the reply to ADD_NETWORK is no number"),
        ("x\n", DecodeFailed, "the reply to ADD_NETWORK is no number"),
        ("\u0663\n", DecodeFailed, "the reply to ADD_NETWORK is no number"),
        ("", DecodeFailed, "the reply to ADD_NETWORK is no number"),
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
