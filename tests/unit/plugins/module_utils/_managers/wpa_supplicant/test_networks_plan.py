# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be done to wpa_supplicant's networks, so that they are as wanted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.networks_plan import (
    Assignment,
    Desired,
    Plan,
    Running,
    plan,
    without_pin,
)
from ansible_collections.vpro.fleet.plugins.module_utils._network.pin import Pin
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.wpa_supplicant.fake_networks import (
    EAP,
    PASSPHRASE,
    SAE,
    desired,
    wanted,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import BSSID, OTHER_BSSID

KEY = "ab" * 32


def running(number: int = 0, more: Optional[Dict[str, Optional[str]]] = None, **how: Any) -> Running:
    """Return a network that has what is wanted; of secrets, that they are set."""
    secrets = ("psk", "sae_password", "password", "private_key_passwd")
    variables = {
        name: "*" if name in secrets else value for name, value in wanted(**(more or {})).items() if value is not None
    }
    return replace(Running(number, b"home", False, False, variables), **how)


# --- a pin that counts as undone ---

PIN = Pin("wlan0", 1, b"home".hex(), BSSID, (2437,), OTHER_BSSID, (), ((2, b"home".hex()), (3, b"x".hex())))


def test_a_pin_counts_as_undone() -> None:
    pinned = running(1, {"bssid": BSSID, "disabled": "1"})
    (alone,) = without_pin([pinned], PIN, [(1, b"home".hex())])
    assert alone == replace(pinned, variables={**pinned.variables, "bssid": OTHER_BSSID, "disabled": "0"})
    (free,) = without_pin([pinned], replace(PIN, previous_bssid=None), ())
    assert free.variables == {name: v for name, v in pinned.variables.items() if name != "bssid"}
    (changed,) = without_pin([running(1, {"bssid": "02:00:00:00:03:00"})], PIN, ())
    assert changed.variables["bssid"] == "02:00:00:00:03:00", "somebody set another"
    (aside,) = without_pin([running(2, {"disabled": "1", "bssid": BSSID})], PIN, [(2, b"home".hex())])
    assert (aside.variables["disabled"], aside.variables["bssid"]) == ("0", BSSID)


def test_what_a_pin_did_not_touch_stays() -> None:
    others = (
        running(1, {"bssid": BSSID, "disabled": "1"}, ssid=b"other"),
        running(3, {"disabled": "1"}),
        running(4, {"bssid": BSSID, "disabled": "1"}),
    )
    assert without_pin(others, PIN, [(2, b"home".hex()), (3, b"x".hex())]) == others


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
        (6, "key_mgmt", "WPA-PSK WPA-PSK-SHA256"),
        (6, "bssid", "any"),
        (6, "priority", "2"),
    ]
    assert todo.retry == (6,)
    assert (todo.enable, todo.disable) == ((), ())
    assert todo.before[0][1]["priority"] == "1"
    assert todo.after[0][1] == {
        **{"ssid": "home", "key_mgmt": "WPA-PSK WPA-PSK-SHA256", "psk": "(set)"},
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
        (running(0, {"proto": "WPA"}, current=True), desired()),
        (running(0, {"freq_list": "5180"}), desired()),
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
    have = running(0, {"key_mgmt": "FT-PSK WPA-PSK", "priority": "1"})
    assert ask([have], desired()).after[0][1]["key_mgmt"] == "FT-PSK WPA-PSK"


def test_a_key_management_of_which_a_part_stays_is_changed_in_place() -> None:
    for had, becomes in (("WPA-PSK WPA-EAP", "WPA-PSK"), ("FT-PSK", "WPA-PSK FT-PSK"), ("WPA-PSK-SHA256", None)):
        todo = ask([running(0, {"key_mgmt": had}, current=True)], desired())
        value = becomes or f"WPA-PSK {had}"
        assert todo.assign == (Assignment(0, "key_mgmt", value),)
        assert todo.after[0][1]["key_mgmt"] == value
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
