# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every reason why a handover would not succeed, one by one, and together."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Dict, FrozenSet, List, Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._facts.known import Blocker, Known
from ansible_collections.vpro.fleet.plugins.module_utils._facts.readiness import blockers
from ansible_collections.vpro.fleet.plugins.module_utils._network.limits import (
    Limits,
    Obstacle,
)
from ansible_collections.vpro.fleet.plugins.module_utils._network.managed import Managed
from ansible_collections.vpro.fleet.plugins.module_utils._network.profile import Profile
from ansible_collections.vpro.fleet.plugins.module_utils._radio.connection import CsmeConnection, PartialConnection
from ansible_collections.vpro.fleet.plugins.module_utils._radio.values import Iwlmei, Platform, Radio, Release, Switch
from ansible_collections.vpro.fleet.plugins.module_utils._system.reading import Unreadable
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.report import WatcherReport
from ansible_collections.vpro.fleet.tests.schema import TREE, schema
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._facts.codes import WARNINGS
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import BSSID

ON = CsmeConnection(b"corp\xff", BSSID, 6, None, (2437,), "psk", "ccmp", None, None)
FREE = Switch(0, "wlan", "phy0", False, False, frozenset(), "phy0")
OWNED = replace(FREE, hard=True, reasons=frozenset({"not_owner"}))
RADIO = Radio("phy0", "wlan0", 3, "02:00:00:00:00:00", "iwlwifi", "csme", OWNED, True, True, True, ON, None)
PART = PartialConnection(ON.ssid, BSSID, None, (), "psk", None, (("channel", "There is no channel 255"),))
PLAIN = replace(RADIO, owner="host", switch=FREE, can_tell=False, can_request=False, roaming_event=False, csme=None)
FITS = Profile(0, b"corp\xff", frozenset({"WPA-PSK"}), True, None, (), False, 0, frozenset({"psk"}))
#: One that its backend has something against, and one that changes the MAC address.
AGENTS = replace(FITS, enabled=False, credentials=frozenset(), obstacle=Obstacle("leaves it to an agent", "Store it"))
MASKED = replace(FITS, obstacle=Obstacle("gives it another", "Set mac_addr=0", code="mac_address_differs"))
SUPPLICANT = Managed("wlan0", "wpa_supplicant", "2.10", (FITS,))
READY = Known(
    platform=Platform(Release("6.1.0", (6, 1)), Iwlmei(True, True, True, True), "iwlmvm"),
    radios=(RADIO,),
    managed={"wlan0": SUPPLICANT},
    watcher=WatcherReport(True, True),
    unreadable=(),
)


def mei(
    available: Optional[bool], loaded: Optional[bool], bound: Optional[bool], sap_connected: Optional[bool]
) -> Platform:
    return replace(READY.platform, iwlmei=Iwlmei(available, loaded, bound, sap_connected))


def radio(**changes: Any) -> Dict[str, Any]:
    return {"radios": (replace(RADIO, **changes),)}


def supplicant(manager: Optional[str], **changes: Any) -> Dict[str, Any]:
    return {"managed": {"wlan0": Managed("wlan0", manager, **changes)}}


def profiles(*found: Profile) -> Dict[str, Any]:
    return supplicant("wpa_supplicant", profiles=found)


def unread(what: str, code: str = "", why: str = "the reason why") -> Dict[str, Any]:
    return {"unreadable": (Unreadable(what, why, code),)}


def switch(soft: bool = False, hard: bool = True, reasons: Optional[FrozenSet[str]] = OWNED.reasons) -> Dict[str, Any]:
    return radio(switch=replace(OWNED, soft=soft, hard=hard, reasons=reasons))


def codes(changes: Dict[str, Any]) -> List[str]:
    return [blocker.code for blocker in blockers(replace(READY, **changes))]


OLD = replace(READY.platform, release=Release("5.10.0", (5, 10)), iwlmei=Iwlmei(False, False, False, None))
MLD = replace(OLD, release=Release("6.12.0", (6, 12)), op_mode="iwlmld")

#: What is wrong, and the codes that say so, each case a single change to a laptop that is ready.
CASES: Dict[str, Tuple[Dict[str, Any], List[str]]] = {
    "nothing": ({}, []),
    "a channel unknown": (radio(csme=None, part=PART), ["csme_unreadable"]),
    "CSME owns it without a connection": ({**radio(csme=None), **profiles()}, []),
    "the host owns it": ({**radio(owner="host", switch=FREE, csme=None), **profiles()}, []),
    # the machine
    "no pyroute2": ({"radios": (), **unread("radios", "library_missing")}, ["library_missing"]),
    "no wireless in the kernel": ({"radios": (), **unread("radios", "not_found")}, ["no_radio"]),
    "radios that can't be listed": ({"radios": (), **unread("radios", "transport_failed")}, ["unknown"]),
    "no radio": ({"radios": ()}, ["no_radio"]),
    "no radio of CSME's": ({"radios": (PLAIN,)}, ["no_radio"]),
    "a radio that only tells": (radio(can_request=False), ["no_radio"]),
    "a radio that only gives": (radio(can_tell=False), ["no_radio"]),
    "another vendor's on an old kernel": (
        {"radios": (replace(PLAIN, driver="ath11k_pci"),), "platform": OLD},
        ["no_radio"],
    ),
    "op mode": ({"radios": (PLAIN,), "platform": MLD}, ["op_mode_unsupported", "no_radio"]),
    "old kernel": ({"radios": (PLAIN,), "platform": OLD}, ["kernel_too_old", "no_radio"]),
    "kernel without iwlmei": (
        {"radios": (PLAIN,), "platform": mei(False, False, False, None)},
        ["iwlmei_missing", "no_radio"],
    ),
    "release unknown": ({"radios": (PLAIN,), "platform": replace(OLD, release=None)}, ["iwlmei_missing", "no_radio"]),
    # iwlmei
    "iwlmei missing": ({"platform": mei(False, False, False, None)}, ["iwlmei_missing"]),
    "iwlmei not loaded": ({"platform": mei(True, False, False, None)}, ["iwlmei_not_loaded"]),
    "iwlmei not loaded, no lists": ({"platform": mei(None, False, False, None)}, ["iwlmei_not_loaded"]),
    "iwlmei not bound": ({"platform": mei(True, True, False, None)}, ["iwlmei_not_bound"]),
    "SAP not connected": ({"platform": mei(True, True, True, False)}, ["sap_not_connected"]),
    "loaded unknown": ({"platform": mei(True, None, True, True)}, ["unknown"]),
    "bound unknown": ({"platform": mei(True, True, None, None)}, ["unknown"]),
    "SAP unknown": ({"platform": mei(True, True, True, None)}, ["unknown"]),
    "available unknown": ({"platform": mei(None, True, True, True)}, []),
    "another driver has no iwlmei": ({**radio(driver="mac80211_hwsim"), "platform": OLD}, []),
    "no driver is no Intel": ({**radio(driver=None), "platform": OLD}, []),
    "driver unknown": ({**radio(driver=None), **unread("radios.phy0.driver")}, ["unknown"]),
    # the radio
    "no interface": (radio(interface=None, ifindex=None), ["no_interface"]),
    "no reasons": (radio(owner="unknown", csme=None, switch=replace(FREE, reasons=None)), ["kernel_too_old"]),
    "no switch": (radio(owner="unknown", csme=None, switch=None), ["unknown"]),
    "no switch, old kernel": ({**radio(switch=None, driver="backport"), "platform": OLD}, ["kernel_too_old"]),
    "no switch, no release": (
        {**radio(switch=None), "platform": replace(READY.platform, release=None)},
        ["unknown"],
    ),
    "rfkill is garbage": ({**radio(switch=None), **unread("rfkill", "decode_failed")}, ["unknown"]),
    "airplane mode": (switch(soft=True), ["airplane_mode"]),
    "airplane mode alone": (switch(soft=True, hard=False, reasons=frozenset()), ["airplane_mode"]),
    "switch off": (switch(reasons=frozenset({"signal"})), ["switch_off"]),
    "switch off, CSME too": (switch(reasons=frozenset({"signal", "not_owner"})), ["switch_off"]),
    "blocked for no reason": (switch(reasons=frozenset()), ["switch_off"]),
    "blocked for a new reason": (switch(reasons=frozenset({"bit2"})), ["switch_off"]),
    "both": (switch(soft=True, reasons=frozenset({"signal"})), ["airplane_mode", "switch_off"]),
    "connection unreadable": ({**radio(csme=None), **unread("radios.phy0.csme", "access_denied")}, ["unknown"]),
    "link unreadable": (unread("radios.phy0.link"), []),
    # the supplicant
    "nobody": (supplicant("none"), ["no_supplicant"]),
    "held back": (
        {**supplicant("none"), "watcher": WatcherReport(True, True, held={"wlan0": "'corp' (psk)"})},
        ["no_profile"],
    ),
    "another is held back": (
        {**supplicant("none"), "watcher": WatcherReport(True, True, held={"w1": "'corp' (psk)"})},
        ["no_supplicant"],
    ),
    "NetworkManager": (supplicant("networkmanager", profiles=(FITS,)), []),
    "NetworkManager without a profile": (supplicant("networkmanager", profiles=()), ["no_profile"]),
    "NetworkManager, and the watcher uses it": (
        {
            **supplicant("networkmanager", profiles=(FITS,)),
            "watcher": WatcherReport(True, True, managers={"wlan0": "networkmanager"}),
        },
        [],
    ),
    "NetworkManager, and the watcher can't use it": (
        {
            **supplicant("networkmanager", profiles=(FITS,)),
            "watcher": WatcherReport(True, True, managers={"wlan0": None}),
        },
        ["networkmanager_unusable"],
    ),
    "wpa_supplicant, and the watcher uses it": (
        {"watcher": WatcherReport(True, True, managers={"wlan0": "wpa_supplicant"})},
        [],
    ),
    "wpa_supplicant, and the watcher can't use it": (
        {"watcher": WatcherReport(True, True, managers={"wlan0": None})},
        ["supplicant_unusable"],
    ),
    "wpa_supplicant, and the watcher watches another": (
        {"watcher": WatcherReport(True, True, managers={"w1": None})},
        [],
    ),
    "wpa_supplicant, and a watcher that left a word and runs no more": (
        {"watcher": WatcherReport(True, False, managers={"wlan0": None})},
        ["watcher_not_running"],
    ),
    "dead, and so the watcher can't use it": (
        {
            **supplicant("wpa_supplicant", trouble="timed_out"),
            "watcher": WatcherReport(True, True, managers={"wlan0": None}),
        },
        ["supplicant_unresponsive"],
    ),
    "NetworkManager, and no jeepney": (
        {**supplicant("networkmanager", trouble="library_missing"), **unread("supplicant.wlan0", "library_missing")},
        ["library_missing"],
    ),
    "iwd": (supplicant("iwd"), ["iwd_unsupported"]),
    "no control socket": (supplicant("wpa_supplicant", trouble="not_found"), ["supplicant_no_control"]),
    "dead": (supplicant("wpa_supplicant", trouble="timed_out"), ["supplicant_unresponsive"]),
    "closed": (supplicant("wpa_supplicant", trouble="access_denied"), ["unknown"]),
    "rubbish": (supplicant("wpa_supplicant", trouble="decode_failed"), ["unknown"]),
    "who, nobody knows": (supplicant(None), ["unknown"]),
    "not asked": ({"managed": {}}, ["unknown"]),
    "processes hidden": ({**supplicant(None), **unread("supplicant.manager")}, ["unknown"]),
    # the profile
    "no profile": (profiles(), ["no_profile"]),
    "profile of another network": (profiles(replace(FITS, ssid=b"corp")), ["no_profile"]),
    "profile disabled": (profiles(replace(FITS, enabled=False)), ["profile_disabled"]),
    "key management": (profiles(replace(FITS, key_mgmt=frozenset({"SAE"}))), ["profile_unfit"]),
    "no credential": (profiles(replace(FITS, credentials=frozenset())), ["profile_unfit"]),
    "for another access point": (
        profiles(replace(FITS, limits=Limits(only_bssids=("02:00:00:00:09:00",)))),
        ["profile_unfit"],
    ),
    "with an agent": (profiles(AGENTS), ["profile_unfit"]),
    "with an agent, and of another kind": (profiles(replace(AGENTS, key_mgmt=frozenset({"X"}))), ["profile_unfit"]),
    "one with an agent, one disabled": (profiles(AGENTS, replace(FITS, id=1, enabled=False)), ["profile_disabled"]),
    "one of another kind, one with an agent": (
        profiles(replace(FITS, key_mgmt=frozenset({"SAE"})), replace(AGENTS, id=1)),
        ["profile_unfit"],
    ),
    "for another channel": (profiles(replace(FITS, limits=Limits(channels=frozenset({2412})))), ["profile_unfit"]),
    "for CSME's channel": (profiles(replace(FITS, limits=Limits(channels=frozenset({2437})))), []),
    "another MAC address": (profiles(MASKED), ["mac_address_differs"]),
    "another MAC address, whatever CSME is on": ({**profiles(MASKED), **radio(csme=None)}, ["mac_address_differs"]),
    "another MAC address in one of two": ({**profiles(MASKED, replace(FITS, id=1)), **radio(csme=None)}, []),
    "unfit and disabled": (profiles(replace(FITS, enabled=False, credentials=frozenset())), ["profile_unfit"]),
    "one unfit, one disabled": (
        profiles(replace(FITS, key_mgmt=frozenset({"SAE"})), replace(FITS, id=1, enabled=False)),
        ["profile_disabled"],
    ),
    "one unfit, one fits": (profiles(replace(FITS, key_mgmt=frozenset({"SAE"})), replace(FITS, id=1)), []),
    "auth without a name": (radio(csme=replace(ON, auth="unknown(3)")), ["profile_unfit"]),
    # the watcher
    "watcher not installed": ({"watcher": WatcherReport(False, False)}, ["watcher_not_installed"]),
    "watcher not running": ({"watcher": WatcherReport(True, False)}, ["watcher_not_running"]),
    "watcher waits": ({"watcher": WatcherReport(True, False, lacks="no rfkill")}, ["watcher_not_running"]),
    "watcher by hand": ({"watcher": WatcherReport(False, True)}, []),
    "left after take-backs": ({"watcher": WatcherReport(True, True, left={"wlan0": "taken_back"})}, ["left_to_csme"]),
    "watcher's state unreadable": ({"watcher": WatcherReport(True, None), **unread("watcher")}, ["unknown"]),
}


@pytest.mark.parametrize("name", CASES)
def test_each(name: str) -> None:
    changes, expected = CASES[name]
    assert codes(changes) == expected


def test_all_at_once() -> None:
    changes = {
        **switch(soft=True, reasons=frozenset({"signal", "not_owner"})),
        **profiles(),
        "platform": mei(True, False, False, None),
        "watcher": WatcherReport(True, False),
    }
    assert codes(changes) == ["iwlmei_not_loaded", "airplane_mode", "switch_off", "no_profile", "watcher_not_running"]


def test_what_is_known_is_said_although_the_radios_are_not() -> None:
    changes = {"radios": (), "watcher": WatcherReport(False, False), **unread("radios", "library_missing")}
    assert codes(changes) == ["library_missing", "watcher_not_installed"]


def test_a_machine_without_a_radio_is_not_bothered_with_the_rest() -> None:
    assert codes({"radios": (PLAIN,), "managed": {}, "watcher": WatcherReport(False, False)}) == ["no_radio"]


def test_each_of_several_radios_has_to_be_ready() -> None:
    other = replace(RADIO, phy="phy1", interface="wlan1", driver="mac80211_hwsim")
    both = {"radios": (RADIO, other)}
    assert codes({**both, "managed": {"wlan0": SUPPLICANT, "wlan1": Managed("wlan1", "iwd")}}) == ["iwd_unsupported"]
    assert codes({**both, "managed": {"wlan0": SUPPLICANT, "wlan1": replace(SUPPLICANT, interface="wlan1")}}) == []
    nobody = {"wlan0": Managed("wlan0", "none"), "wlan1": Managed("wlan1", "none")}
    found = blockers(replace(READY, radios=(RADIO, other), managed=nobody))
    assert [(blocker.code, "wlan1" in blocker.message) for blocker in found] == [
        ("no_supplicant", False),
        ("no_supplicant", True),
    ]


def test_a_radio_that_is_not_csmes_does_not_matter() -> None:
    off = replace(PLAIN, phy="phy1", interface="wlan1", switch=replace(FREE, soft=True))
    assert codes({"radios": (RADIO, off)}) == []


def test_one_reason_is_told_once() -> None:
    lost = {**radio(switch=None), **unread("rfkill", why="it is garbage")}
    twice = {**lost, "radios": (*lost["radios"], replace(lost["radios"][0], phy="phy1"))}
    assert blockers(replace(READY, **twice)) == (Blocker("unknown", "rfkill is not known: it is garbage"),)


@pytest.mark.parametrize("name", CASES)
def test_messages_say_what_to_do(name: str) -> None:
    for blocker in blockers(replace(READY, **CASES[name][0])):
        assert re.match(r"\S.*\S\Z", blocker.message), blocker
        assert not blocker.message.endswith("."), "messages are put together with others"
        if blocker.code == "unknown" or "the reason why" in blocker.message:
            # Named as in the facts, with the reader's own reason and remedy.
            assert " not known: " in blocker.message or blocker.message == "the reason why"
        else:
            assert ". " in blocker.message, "what it is, and what to do"


def test_what_is_unknown_is_named_as_in_the_facts() -> None:
    found = blockers(replace(READY, platform=mei(True, True, True, None), **unread("kernel.iwlmei.sap_connected")))
    assert found == (Blocker("unknown", "kernel.iwlmei.sap_connected is not known: the reason why"),)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("loaded unknown", "kernel.iwlmei.loaded is not known: make /sys readable"),
        ("bound unknown", "kernel.iwlmei.bound is not known: make /sys readable"),
        ("SAP unknown", "kernel.iwlmei.sap_connected is not known: run as root, with debugfs mounted"),
        ("driver unknown", "radios.phy0.driver is not known: the reason why"),
        (
            "no switch",
            "radios.phy0.rfkill is not known: the kernel shows no rfkill switch of this radio. Make "
            "/sys/class/rfkill readable",
        ),
        ("rfkill is garbage", "rfkill is not known: the reason why"),
        ("connection unreadable", "radios.phy0.csme is not known: the reason why"),
        (
            "who, nobody knows",
            "supplicant.wlan0 is not known: the program that manages the interface could not be found out. Run this as "
            "root",
        ),
        ("processes hidden", "supplicant.manager is not known: the reason why"),
        ("closed", "supplicant.wlan0 is not known: run as root"),
        ("watcher's state unreadable", "watcher is not known: the reason why"),
    ],
)
def test_what_is_unknown_has_a_name_and_a_remedy(name: str, message: str) -> None:
    assert blockers(replace(READY, **CASES[name][0])) == (Blocker("unknown", message),)


def test_a_watcher_that_nobody_can_see_has_a_remedy() -> None:
    (blocker,) = blockers(replace(READY, watcher=WatcherReport(True, None)))
    assert blocker == Blocker("unknown", "watcher is not known: make /run/amt-wifi-watcher readable")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no radio", "there is no radio. "),
        ("no radio of CSME's", "no radio of this machine offers"),
        ("no profile", "wlan0 has no profile for 'corp\\xff' (psk), which CSME is on"),
        ("profile disabled", "the profile of wlan0 for 'corp\\xff' (psk), which CSME is on, is disabled"),
        ("key management", "it has key management SAE, or lacks a credential"),
        ("with an agent", "which CSME is on, leaves it to an agent. Store it"),
        ("with an agent, and of another kind", "it has key management X, or lacks a credential"),
        ("one of another kind, one with an agent", "leaves it to an agent. Store it"),
        ("for another access point", "is restricted to another access point than CSME's (02:00:00:00:01:00)"),
        ("for another channel", "is restricted to another band or channel than CSME's. Remove that"),
        ("no reasons", "wlan0: the kernel gives no reason"),
        ("dead", "wpa_supplicant does not answer for wlan0"),
        ("iwd", "iwd manages wlan0, which is not supported yet. Use wpa_supplicant instead, or NetworkManager"),
    ],
)
def test_a_message_says_what_it_is_about(name: str, words: str) -> None:
    assert words in blockers(replace(READY, **CASES[name][0]))[-1].message


def test_networkmanager_that_does_not_answer_is_named() -> None:
    (blocker,) = blockers(replace(READY, **supplicant("networkmanager", trouble="timed_out")))
    assert blocker.code == "supplicant_unresponsive"
    assert blocker.message.startswith("NetworkManager does not answer for wlan0")


def test_a_radio_without_an_interface_is_named_by_itself() -> None:
    changes = radio(interface=None, ifindex=None, switch=replace(OWNED, soft=True))
    assert "phy0: " in blockers(replace(READY, **changes))[-1].message


def test_no_network_can_garble_a_message() -> None:
    evil = replace(ON, ssid=b"a'b\n\x1b[31m\xff")
    (blocker,) = blockers(replace(READY, radios=(replace(RADIO, csme=evil),)))
    assert blocker.code == "no_profile"
    assert not {"\n", "\x1b"} & set(blocker.message)


# -- the codes are stable, and known everywhere -----------------------------------------------------------------------


def seen() -> FrozenSet[str]:
    return frozenset(code for _changes, expected in CASES.values() for code in expected)


def test_the_schema_has_every_code() -> None:
    assert schema("amt_wifi_facts")["$defs"]["blocker"]["properties"]["code"]["enum"] == sorted(seen())


def test_the_documentation_has_every_code() -> None:
    text = (TREE / "docs" / "readiness.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| `([a-z_]+)` \|[^|]+\|[^|]+\|$", text, re.MULTILINE)
    assert sorted(explained) == sorted(seen() | WARNINGS)
