# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts document: made of typed values, and as its schema says."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any, Dict, Sequence

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._facts import document as facts_document
from ansible_collections.vpro.fleet.plugins.module_utils._facts.known import Blocker, Known
from ansible_collections.vpro.fleet.plugins.module_utils._network.handover_record import HandoverRecord
from ansible_collections.vpro.fleet.plugins.module_utils._network.managed import Managed
from ansible_collections.vpro.fleet.plugins.module_utils._network.profile import Profile
from ansible_collections.vpro.fleet.plugins.module_utils._radio.connection import CsmeConnection
from ansible_collections.vpro.fleet.plugins.module_utils._radio.values import (
    Iwlmei,
    Link,
    Platform,
    Radio,
    Release,
    Switch,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system.reading import Unreadable
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.report import WatcherReport
from ansible_collections.vpro.fleet.tests.schema import check_facts
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._handover.fake_story import PART
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import BSSID

SWITCH = Switch(7, "wlan", "phy0", False, True, frozenset({"signal", "not_owner"}), "phy0")
NETWORK = CsmeConnection(b"corp\xff", BSSID, 6, None, (2437,), "psk", "ccmp", None, None)
RADIO = Radio("phy0", "wlan0", 3, "02:00:00:00:00:00", "iwlwifi", "csme", SWITCH, True, True, True, NETWORK, None)
LINK = Link(b"home", BSSID, 2437, -40, ("192.0.2.2/24", "2001:db8::1/64"))
OTHER = Radio("phy1", "wlan1", 4, "02:00:00:00:01:01", None, "host", None, False, False, False, None, LINK)
BARE = Radio("phy2", None, None, None, None, "unknown", None, False, False, False, None, None)
PROFILE = Profile(3, b"corp\xff", frozenset({"WPA-PSK", "SAE"}), True, BSSID, (2437,), False, 0, frozenset({"psk"}))
WATCHER = WatcherReport(
    True, True, "1.0.0", "idle", HandoverRecord("protected", "2026-11-22T08:00:00Z", 221, 290, True)
)
MEI = Iwlmei(True, True, True, True, "package", True, ("6.1.0",), "6.1.0", True)
KNOWN = Known(
    platform=Platform(Release("6.1.0", (6, 1)), MEI, "iwlmvm", secure_boot=True),
    radios=(RADIO, OTHER, BARE),
    managed={
        "wlan0": Managed("wlan0", "wpa_supplicant", "2.10", (PROFILE, replace(PROFILE, id=4, bssid=None))),
        "wlan1": Managed("wlan1", "none"),
    },
    watcher=WATCHER,
    unreadable=(Unreadable("radios.phy2.link", "no right", "access_denied"),),
)


def facts(known: Known = KNOWN, generation: Any = "userspace_managed", *blockers: Blocker) -> Dict[str, Any]:
    document = facts_document.document(known, generation, blockers)
    assert json.loads(json.dumps(document)) == document
    return check_facts(document)


def test_the_whole_document() -> None:
    assert facts() == {
        "schema_version": 1,
        "supported": True,
        "reason": None,
        "kernel": {
            "release": "6.1.0",
            "iwlmei": {
                "available": True,
                "loaded": True,
                "bound": True,
                "sap_connected": True,
                "source": "package",
                "signed": True,
                "for_kernels": ["6.1.0"],
                "next_kernel": "6.1.0",
            },
            "secure_boot": True,
            "op_mode": "iwlmvm",
            "generation": "userspace_managed",
        },
        "radios": [
            {
                "phy": "phy0",
                "interface": "wlan0",
                "mac": "02:00:00:00:00:00",
                "driver": "iwlwifi",
                "owner": "csme",
                "vendor_commands": {"csme_conn_info": True, "get_ownership": True},
                "roaming_event": True,
                "rfkill": {"index": 7, "soft": False, "hard": True, "reasons": ["not_owner", "signal"], "platform": []},
                "csme": {
                    "ssid": "corp\\xff",
                    "ssid_hex": "636f7270ff",
                    "bssid": BSSID,
                    "channel": 6,
                    "frequencies": [2437],
                    "auth": "psk",
                    "cipher": "ccmp",
                },
                "link": None,
            },
            {
                "phy": "phy1",
                "interface": "wlan1",
                "mac": "02:00:00:00:01:01",
                "driver": None,
                "owner": "host",
                "vendor_commands": {"csme_conn_info": False, "get_ownership": False},
                "roaming_event": False,
                "rfkill": None,
                "csme": None,
                "link": {
                    "ssid": "home",
                    "ssid_hex": "686f6d65",
                    "bssid": BSSID,
                    "frequency": 2437,
                    "signal_dbm": -40,
                    "addresses": ["192.0.2.2/24", "2001:db8::1/64"],
                },
            },
            {
                "phy": "phy2",
                "interface": None,
                "mac": None,
                "driver": None,
                "owner": "unknown",
                "vendor_commands": {"csme_conn_info": False, "get_ownership": False},
                "roaming_event": False,
                "rfkill": None,
                "csme": None,
                "link": None,
            },
        ],
        "supplicant": {
            "manager": "wpa_supplicant",
            "version": "2.10",
            "interfaces": ["wlan0"],
            "profiles": [
                {
                    "interface": "wlan0",
                    "id": number,
                    "ssid": "corp\\xff",
                    "ssid_hex": "636f7270ff",
                    "key_mgmt": ["SAE", "WPA-PSK"],
                    "enabled": True,
                    "pinned": pinned,
                }
                for number, pinned in ((3, True), (4, False))
            ],
        },
        "watcher": {
            "installed": True,
            "running": True,
            "version": "1.0.0",
            "state": "idle",
            "last_handover": {
                "outcome": "protected",
                "at": "2026-11-22T08:00:00Z",
                "request_to_connected_ms": 221,
                "request_to_address_ms": 290,
                "session_kept": True,
            },
        },
        "amt": None,
        "readiness": {"ready": True, "blockers": [], "warnings": []},
        "unreadable": [{"what": "radios.phy2.link", "why": "no right"}],
    }


def test_not_ready() -> None:
    blocker = Blocker("no_supplicant", "nobody runs wlan0")
    assert facts(KNOWN, None, blocker)["readiness"] == {
        "ready": False,
        "blockers": [{"code": "no_supplicant", "message": "nobody runs wlan0"}],
        "warnings": [],
    }


def test_not_supported() -> None:
    document = facts(replace(KNOWN, radios=(OTHER,)), "none")
    assert document["supported"] is False
    assert "vendor commands" in document["reason"]
    document = facts(replace(KNOWN, radios=(), unreadable=(Unreadable("radios", "no pyroute2"),)), None)
    assert (document["supported"], document["reason"]) == (False, "no pyroute2")


def test_nothing_known() -> None:
    nothing = Known(Platform(None, Iwlmei(None, None, None, None), None), (), {}, WatcherReport(False, None), ())
    document = facts(nothing, None)
    assert document["kernel"]["release"] is None
    assert set(document["kernel"]["iwlmei"].values()) == {None}
    assert document["kernel"]["secure_boot"] is None
    assert document["supplicant"] == {"manager": "none", "version": None, "interfaces": [], "profiles": []}
    assert document["watcher"]["last_handover"] is None


def test_the_platforms_switches() -> None:
    dell = Switch(5, "wlan", "dell-wifi", True, False, frozenset(), None)
    radios = facts(replace(KNOWN, radios=(replace(RADIO, platform=(dell,)), replace(BARE, platform=(dell,)))))["radios"]
    assert radios[0]["rfkill"]["platform"] == [{"index": 5, "name": "dell-wifi", "soft": True, "hard": False}]
    assert radios[1]["rfkill"] is None


@pytest.mark.parametrize(
    ("reasons", "told"), [(None, None), (frozenset(), []), (frozenset({"bit2", "signal"}), ["bit2", "signal"])]
)
def test_reasons(reasons: Any, told: Any) -> None:
    radio = replace(RADIO, switch=replace(SWITCH, reasons=reasons), owner="unknown", csme=None)
    assert facts(replace(KNOWN, radios=(radio,)))["radios"][0]["rfkill"]["reasons"] == told


def test_what_could_be_read_of_a_connection() -> None:
    radio = replace(RADIO, csme=None, part=PART)
    told = facts(replace(KNOWN, radios=(radio,)))["radios"][0]["csme"]
    assert (told["ssid"], told["bssid"], told["channel"], told["frequencies"]) == ("corp", BSSID, None, [])
    nothing = replace(PART, ssid=None, bssid=None, auth=None, cipher=None)
    told = facts(replace(KNOWN, radios=(replace(radio, part=nothing),)))["radios"][0]["csme"]
    assert set(map(str, told.values())) == {"None", "[]"}


@pytest.mark.parametrize(
    ("ssid", "text"),
    [
        (b"", ""),
        (b"\0" * 32, r"\x00" * 32),
        ("Büro ☕".encode(), "Büro ☕"),
        (b"\xff\xfe", "\\xff\\xfe"),
        (b'a"\\\n', r'a"\\\n'),
    ],
)
def test_ssids(ssid: bytes, text: str) -> None:
    radio = replace(RADIO, csme=replace(NETWORK, ssid=ssid, auth="unknown(3)", cipher="unknown(77)"))
    told = facts(replace(KNOWN, radios=(radio,)))["radios"][0]["csme"]
    assert (told["ssid"], told["ssid_hex"]) == (text, ssid.hex())


def test_a_link_of_which_little_is_known() -> None:
    told = facts(replace(KNOWN, radios=(replace(OTHER, link=Link(None, BSSID, None, None, ())),)))["radios"][0]["link"]
    assert told == {
        "ssid": None,
        "ssid_hex": None,
        "bssid": BSSID,
        "frequency": None,
        "signal_dbm": None,
        "addresses": [],
    }


WPA = Managed("wlan0", "wpa_supplicant", "2.10", (PROFILE,))
SILENT = Managed("wlan0", "wpa_supplicant", trouble="timed_out")


@pytest.mark.parametrize(
    ("managed", "manager", "interfaces"),
    [
        ((), "none", []),
        ((Managed("wlan0", "none"), Managed("wlan1", "none")), "none", []),
        ((Managed("wlan0", None),), None, []),
        ((Managed("wlan0", "none"), Managed("wlan1", None)), None, []),
        ((WPA, Managed("wlan1", "networkmanager")), "wpa_supplicant", ["wlan0"]),
        ((Managed("wlan1", "networkmanager"), WPA), "networkmanager", ["wlan1"]),
        ((Managed("wlan1", "none"), Managed("wlan2", None), WPA), "wpa_supplicant", ["wlan0"]),
        ((WPA, replace(WPA, interface="wlan1")), "wpa_supplicant", ["wlan0", "wlan1"]),
        ((SILENT,), "wpa_supplicant", ["wlan0"]),
    ],
)
def test_who_runs_the_interfaces(managed: Sequence[Managed], manager: Any, interfaces: Any) -> None:
    told = facts(replace(KNOWN, managed={each.interface: each for each in managed}))["supplicant"]
    assert (told["manager"], told["interfaces"]) == (manager, interfaces)
    assert {profile["interface"] for profile in told["profiles"]} <= set(interfaces)


def test_no_secret_has_a_place_in_it() -> None:
    assert "credentials" not in json.dumps(facts())


# -- the schema is strict ---------------------------------------------------------------------------------------------

WRONG: Dict[str, Any] = {
    "schema_version": 2,
    "supported": None,
    "reason": "",
    "kernel.release": 6,
    "kernel.iwlmei.available": "yes",
    "kernel.iwlmei.source": "rpm",
    "kernel.iwlmei.signed": "yes",
    "kernel.iwlmei.for_kernels": [""],
    "kernel.iwlmei.next_kernel": "",
    "kernel.secure_boot": 1,
    "kernel.op_mode": "iwldvm",
    "kernel.generation": "newer",
    "radios.0.owner": "me",
    "radios.0.mac": "02:00:00:00:00",
    "radios.0.rfkill.reasons": ["whim"],
    "radios.0.rfkill.platform": ["dell-wifi"],
    "radios.0.csme.ssid_hex": "636",
    "radios.0.csme.auth": "wep",
    "radios.0.csme.frequencies": [],
    "radios.1.link.addresses": ["here"],
    "radios.1.csme": {},
    "supplicant.manager": "connman",
    "supplicant.profiles.0.key_mgmt": "WPA-PSK",
    "supplicant.profiles.0.enabled": 1,
    "watcher.installed": None,
    "watcher.last_handover": {},
    "amt": {},
    "readiness.ready": False,
    "readiness.blockers": [{"code": "because", "message": "x"}],
    "unreadable.0.why": "",
}


@pytest.mark.parametrize("path", WRONG)
def test_wrong_values_are_refused(path: str) -> None:
    document = copy.deepcopy(facts())
    *parents, name = path.split(".")
    place: Any = document
    for parent in parents:
        place = place[int(parent) if parent.isdecimal() else parent]
    place[name] = WRONG[path]
    with pytest.raises(AssertionError, match=r"\$"):
        check_facts(document)


def places(value: Any, path: str = "$") -> Any:
    """Yield every mapping in a document, with its path."""
    if isinstance(value, dict):
        yield path, value
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, f"{path}.{key}")


@pytest.mark.parametrize("path", [path for path, _mapping in places(facts())])
def test_every_mapping_is_closed_and_complete(path: str) -> None:
    document = copy.deepcopy(facts())
    mapping = dict(places(document))[path]
    mapping["more"] = 1
    with pytest.raises(AssertionError, match="more"):
        check_facts(document)
    del mapping["more"]
    check_facts(document)
    for name in list(mapping):
        value = mapping.pop(name)
        with pytest.raises(AssertionError, match=name):
            check_facts(document)
        mapping[name] = value


def test_contradictions_are_refused() -> None:
    ready_with_a_blocker = facts()
    ready_with_a_blocker["readiness"]["blockers"] = [{"code": "unknown", "message": "x"}]
    supported_with_a_reason = {**facts(), "reason": "x"}
    unsupported_without = {**facts(), "supported": False}
    for document in (ready_with_a_blocker, supported_with_a_reason, unsupported_without):
        with pytest.raises(AssertionError):
            check_facts(document)
