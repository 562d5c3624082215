# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Profiles on a real supplicant and a real access point: what is declared connects, whoever runs the radio."""

from __future__ import annotations

import hashlib
import re
import shlex
from typing import Any, Dict, List, Tuple

import pytest

from vpro_lab.air.ap import AIR, DEFAULT_SSID, AccessPoint
from vpro_lab.air.security import CERTIFICATES, EAP_IDENTITY, EAP_PASSWORD, EAP_TLS, EAP_TLS_PLAIN, PASSPHRASE
from vpro_lab.laptop import networkmanager
from vpro_lab.laptop.control import MAC, Laptop
from vpro_lab.play.deployed import is_connected
from vpro_lab.play.playbook import run_module
from vpro_lab.play.profiles import SSID, profile, profiles

ANONYMOUS = "anonymous@example.org"
RAW_PSK = hashlib.pbkdf2_hmac("sha1", PASSPHRASE.encode(), DEFAULT_SSID, 4096, 32).hex()
_SERVER = {"ca_cert": f"{CERTIFICATES}/ca.pem", "domain_suffix_match": "example.org"}

#: Each kind of security: what the access point demands, what the supplicant then calls it, and the profile.
KINDS: Dict[str, Tuple[str, str, Dict[str, Any]]] = {
    "open": ("open", "NONE", {"security": "open"}),
    "owe": ("wpa3-owe", "OWE", {"security": "owe"}),
    "psk": ("wpa2-psk", "WPA2-PSK", {"security": "psk", "passphrase": PASSPHRASE}),
    "psk in hex": ("wpa2-psk", "WPA2-PSK", {"security": "psk", "passphrase": RAW_PSK}),
    "sae": ("wpa3-sae", "SAE", {"security": "sae", "passphrase": PASSPHRASE}),
    "psk+sae at a transition AP": ("wpa3-transition", "SAE", {"security": "psk+sae", "passphrase": PASSPHRASE}),
    "psk+sae at a PSK AP": ("wpa2-psk", "WPA2-PSK", {"security": "psk+sae", "passphrase": PASSPHRASE}),
    "psk+sae at a SAE AP": ("wpa3-sae", "SAE", {"security": "psk+sae", "passphrase": PASSPHRASE}),
    "eap-tls": (
        "wpa2-eap",
        "WPA2/IEEE 802.1X/EAP",
        {
            "security": "eap",
            "eap": EAP_TLS,
        },
    ),
    "eap-tls with a key without a password": (
        "wpa2-eap",
        "WPA2/IEEE 802.1X/EAP",
        {
            "security": "eap",
            "eap": EAP_TLS_PLAIN,
        },
    ),
    "peap-mschapv2": (
        "wpa2-eap",
        "WPA2/IEEE 802.1X/EAP",
        {
            "security": "eap",
            "eap": {
                "method": "peap",
                "phase2": "mschapv2",
                "identity": EAP_IDENTITY,
                "anonymous_identity": ANONYMOUS,
                "password": EAP_PASSWORD,
                **_SERVER,
            },
        },
    ),
    "ttls-pap": (
        "wpa2-eap",
        "WPA2/IEEE 802.1X/EAP",
        {
            "security": "eap",
            "eap": {
                "method": "ttls",
                "phase2": "pap",
                "identity": EAP_IDENTITY,
                "anonymous_identity": ANONYMOUS,
                "password": EAP_PASSWORD,
                **_SERVER,
            },
        },
    ),
}
#: Networks that CI joins with NetworkManager as well.
_WITH_NETWORKMANAGER = ("eap-tls",)
#: What is much like another kind.
_RELEASE = (
    "psk in hex",
    "psk+sae at a PSK AP",
    "psk+sae at a SAE AP",
    "eap-tls with a key without a password",
    "open",
    "ttls-pap",
    "psk+sae at a transition AP",
)
#: NetworkManager's own choice: what it calls WPA-PSK is not tried where SAE alone is on offer.
_WPA_SUPPLICANT_ALONE = ("psk+sae at a SAE AP",)


def alone(laptop: Laptop) -> None:
    """Have who runs the radio run, with no profile, and looking at the access point's channel alone where it can.

    To look at all of them takes 8 seconds.
    """
    if laptop.manager == "networkmanager":
        networkmanager.forget(laptop)
        laptop.wait_until("the device", lambda: networkmanager.state(laptop) == "disconnected", 40)
    else:
        laptop.supplicant("freq_list=2437\n")


def join(laptop: Laptop) -> None:
    """Wait until the laptop has joined the network that it has a profile for."""
    if laptop.manager == "networkmanager":
        networkmanager.look(laptop)
        laptop.wait_until("NetworkManager's connection", lambda: networkmanager.state(laptop) == "connected", 40)
    laptop.wait_until("the connection", lambda: is_connected(laptop), 40)


def attempt(laptop: Laptop) -> None:
    """Have the laptop try to join the network that it has a profile for, as it is now."""
    if laptop.manager == "networkmanager":
        networkmanager.look(laptop)
        laptop.guest.check(f"nmcli --wait 0 connection up {SSID}")


def said(laptop: Laptop, since: str) -> str:
    """Return what the supplicant said since a moment."""
    return laptop.said(since, "wpa_supplicant*")


def connections(laptop: Laptop, since: str) -> int:
    """Return how often the supplicant completed a connection since a moment."""
    return said(laptop, since).count("CTRL-EVENT-CONNECTED")


def on_the_air(laptop: Laptop, text: str) -> bool:
    """Say whether a text was in any frame that was captured, in the clear."""
    return laptop.guest.run(f"grep -aqF {shlex.quote(text)} {AIR}").rc == 0


def kinds() -> List[Any]:
    """Return the parameters of the test of each kind."""
    marked = (
        (pytest.mark.manager("wpa_supplicant"), _WPA_SUPPLICANT_ALONE),
        (pytest.mark.with_networkmanager, _WITH_NETWORKMANAGER),
        (pytest.mark.release, _RELEASE),
    )
    return [pytest.param(kind, marks=[mark for mark, those in marked if kind in those], id=kind) for kind in KINDS]


@pytest.mark.parametrize("kind", kinds())
def test_each_kind_connects(laptop: Laptop, ap: AccessPoint, kind: str) -> None:
    security, key_mgmt, options = KINDS[kind]
    ap.start(security, mac=MAC)
    ap.capture_air()
    alone(laptop)
    made = profile(laptop, **options)
    assert (made["changed"], made["file"]["changed"], made["runtime"]["changed"]) == (True, True, True), made
    assert made["backend"] == laptop.manager
    join(laptop)
    assert f"\nkey_mgmt={key_mgmt}\n" in laptop.wpa("status")
    joined = laptop.mark()
    again = profile(laptop, **options)
    assert again["changed"] is False, again
    assert is_connected(laptop)
    # What is stored alone does the same: who starts from it connects.
    laptop.guest.check(f"systemctl restart {laptop.service}")
    laptop.wait_supplicant()
    join(laptop)
    assert connections(laptop, joined) == 1, "applying what stands already dropped nothing"
    assert profile(laptop, **options)["changed"] is False
    if "anonymous_identity" in options.get("eap", {}):
        assert on_the_air(laptop, ANONYMOUS)
        assert not on_the_air(laptop, EAP_IDENTITY)


def test_a_server_that_is_not_the_declared_one_gets_nothing(laptop: Laptop, ap: AccessPoint) -> None:
    ap.start("wpa2-eap", mac=MAC)
    ap.capture_air()
    alone(laptop)
    begun = laptop.mark()
    _security, _key_mgmt, right = KINDS["peap-mschapv2"]
    # OpenSSL's words differ between its releases by a hyphen.
    wrong = {
        "err='Domain suffix mismatch'": {"domain_suffix_match": "example.net"},
        "err='self.signed certificate in certificate chain'": {"ca_cert": f"{CERTIFICATES}/foreign.pem"},
    }
    for error, option in wrong.items():
        profile(laptop, **{**right, "eap": {**right["eap"], **option}})
        attempt(laptop)
        laptop.wait_until("the refusal", lambda error=error: re.search(error, said(laptop, begun)) is not None, 40)  # type: ignore[misc]
    assert "CTRL-EVENT-CONNECTED" not in said(laptop, begun)
    assert not on_the_air(laptop, EAP_IDENTITY)
    profile(laptop, **right)
    attempt(laptop)
    laptop.wait_until("the connection to the right one", lambda: is_connected(laptop), 40)


def test_changing_others_keeps_the_link(laptop: Laptop, ap: AccessPoint) -> None:
    ap.start("wpa3-sae", mac=MAC)
    alone(laptop)
    mine = {"ssid": SSID, "security": "sae", "passphrase": PASSPHRASE}
    profiles(laptop, [mine])
    join(laptop)
    joined = laptop.mark()
    others = [{"ssid": f"branch {n}", "security": "psk", "passphrase": f"passphrase {n}"} for n in range(100)]
    added = profiles(laptop, [*others, mine])
    assert added["changed"] is True
    assert profiles(laptop, [*others, mine])["changed"] is False
    # So many of them are no reason not to answer in time.
    facts = run_module(laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
    assert facts["supplicant"]["manager"] == laptop.manager
    listed = [each["ssid"] for each in facts["supplicant"]["profiles"]]
    assert sorted(listed) == sorted([SSID, *(other["ssid"] for other in others)])
    if laptop.manager == "wpa_supplicant":
        assert listed == [SSID, *(other["ssid"] for other in others)], "new ones come in the order declared"
    assert "supplicant_unresponsive" not in {blocker["code"] for blocker in facts["readiness"]["blockers"]}
    pruned = profiles(laptop, [mine], prune=True)
    assert pruned["changed"] is True
    facts = run_module(laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
    assert [each["ssid"] for each in facts["supplicant"]["profiles"]] == [SSID]
    assert is_connected(laptop)
    assert connections(laptop, joined) == 0, "the link was dropped"
