# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts equal the truth: what the stand-in was told is what the module reports, through the real kernel."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import pytest

from vpro_lab.air.ap import AccessPoint
from vpro_lab.air.csme import Csme
from vpro_lab.air.scene import Scene
from vpro_lab.laptop.control import Laptop
from vpro_lab.play.collected import collected_after
from vpro_lab.play.handover import hand_over
from vpro_lab.play.playbook import facts_after, run_module

# About wpa_supplicant, or about neither: once is enough.
pytestmark = [pytest.mark.manager("wpa_supplicant"), pytest.mark.standin]

CONTROL = "/sys/kernel/debug/csme_standin/control"
BSSID = "02:aa:bb:cc:dd:ee"


def facts_told(laptop: Laptop, cases: Sequence[Sequence[str]]) -> List[Dict[str, Any]]:
    """Give the stand-in the commands of each case, then gather the facts: for the first one by the module itself."""
    scripts = ["\n".join(f"printf '%s' '{c}' > {CONTROL}" for c in commands) for commands in cases]
    return facts_after(laptop, scripts[:1]) + collected_after(laptop, scripts[1:])


def radio(facts: Dict[str, Any], interface: str = "wlan0") -> Dict[str, Any]:
    """Return the radio of an interface."""
    found: Dict[str, Any] = next(r for r in facts["radios"] if r["interface"] == interface)
    return found


@dataclass(frozen=True)
class Network:
    """A connection of CSME, and what the facts have to say of it."""

    ssid: bytes = b"corp"
    channel: int = 6
    frequencies: Tuple[int, ...] = (2437,)
    auth: Tuple[int, str] = (7, "psk")
    cipher: Tuple[int, str] = (4, "ccmp")
    band: Optional[int] = None
    text: Optional[str] = None

    def commands(self) -> List[str]:
        band = "" if self.band is None else f" band={self.band}"
        return [
            f"connection ssid={self.ssid.hex()} bssid={BSSID} channel={self.channel} "
            f"auth={self.auth[0]} cipher={self.cipher[0]}{band}",
            "own",
        ]

    def facts(self) -> Dict[str, Any]:
        return {
            "ssid": self.ssid.decode() if self.text is None else self.text,
            "ssid_hex": self.ssid.hex(),
            "bssid": BSSID,
            "channel": self.channel,
            "frequencies": list(self.frequencies),
            "auth": self.auth[1],
            "cipher": self.cipher[1],
        }


NETWORKS = (
    *(Network(auth=auth) for auth in ((0, "open"), (6, "eap"), (7, "psk"), (9, "sae"), (3, "unknown(3)"))),
    *(
        Network(cipher=cipher)
        for cipher in ((0, "none"), (2, "tkip"), (4, "ccmp"), (8, "gcmp"), (9, "gcmp-256"), (77, "unknown(77)"))
    ),
    Network(ssid=b""),
    Network(ssid=b"0123456789abcdefghijklmnopqrstuv"),
    Network(ssid=bytes(32), text=r"\x00" * 32),
    Network(ssid=b"\xff\xfeab", text=r"\xff\xfeab"),
    Network(ssid=rb"\xff\xfeab", text=r"\\xff\\xfeab"),
    Network(ssid="Büro ☕".encode()),
    Network(ssid=b"a\"b'c\\d\ne\r\tf", text=r"""a"b'c\\d\ne\r\tf"""),
    Network(channel=1, frequencies=(2412, 5955)),
    Network(channel=13, frequencies=(2472, 6015)),
    Network(channel=14, frequencies=(2484,)),
    Network(channel=36, frequencies=(5180,)),
    Network(channel=165, frequencies=(5825, 6775)),
    Network(channel=149, frequencies=(5745, 6695)),
    Network(channel=149, frequencies=(5745,), band=1),
    Network(channel=149, frequencies=(6695,), band=2),
    Network(channel=1, frequencies=(2412,), band=0),
)


def test_every_connection_of_csme(laptop: Laptop) -> None:
    facts = facts_told(laptop, [network.commands() for network in NETWORKS])
    assert [radio(f)["csme"] for f in facts] == [network.facts() for network in NETWORKS]
    for found in facts:
        assert found["supported"] is True
        assert found["reason"] is None
        assert found["unreadable"] == []
        assert radio(found)["owner"] == "csme"
        assert radio(found)["rfkill"]["reasons"] == ["not_owner"]


def test_every_owner(laptop: Laptop) -> None:
    told = "connection ssid=636f7270 bssid=02:aa:bb:cc:dd:ee channel=6 auth=7 cipher=4"
    cases = {
        "the host owns it": (["reset"], "host", [], False),
        "owned without a connection": (["reset", "own"], "csme", ["not_owner"], False),
        "owned with one": ([told, "own"], "csme", ["not_owner"], True),
        "both reasons": (["reason signal on"], "csme", ["not_owner", "signal"], True),
        # The kernel never forgets a connection: once the host owns the radio, it is old news.
        "the switch alone": (["release"], "host", ["signal"], False),
        "given up": (["reason signal off"], "host", [], False),
    }
    found = facts_told(laptop, [case[0] for case in cases.values()])
    # A block closed the interface, and nobody here brings it up again: where that is the driver's own request to CSME,
    # nobody can tell who owns a radio that is not blocked.
    closed = {"the switch alone", "given up"} if found[0]["kernel"]["generation"] == "driver_managed" else set()
    for (name, (_commands, owner, reasons, connected)), facts in zip(cases.items(), found, strict=True):
        seen = radio(facts)
        assert seen["owner"] == ("unknown" if name in closed else owner), name
        assert seen["rfkill"]["reasons"] == reasons, name
        assert seen["rfkill"]["hard"] == bool(reasons), name
        assert (seen["csme"] is not None) == connected, name
        assert seen["vendor_commands"] == {"csme_conn_info": True, "get_ownership": True}, name
        assert seen["roaming_event"] is True, name
        assert seen["mac"] == "02:00:00:00:00:00", name


def test_no_csme_radio(laptop: Laptop) -> None:
    laptop.radios(standin=False)
    facts = run_module(laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
    assert facts["supported"] is False
    assert "vendor commands" in facts["reason"]
    assert radio(facts)["vendor_commands"] == {"csme_conn_info": False, "get_ownership": False}
    assert radio(facts)["owner"] == "host"


def test_no_radio_and_no_wireless_at_all(laptop: Laptop) -> None:
    laptop.no_radios()
    facts = run_module(laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
    assert (facts["supported"], facts["radios"]) == (False, [])
    laptop.guest.check("modprobe -r cfg80211 && rm -f /etc/modprobe.d/no-cfg80211.conf")
    laptop.guest.check("echo 'install cfg80211 /bin/false' > /etc/modprobe.d/no-cfg80211.conf")
    try:
        facts = run_module(laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
    finally:
        laptop.guest.check("rm /etc/modprobe.d/no-cfg80211.conf")
    assert (facts["supported"], facts["radios"]) == (False, [])
    assert facts["unreadable"], facts
    assert facts["reason"] == facts["unreadable"][0]["why"]


def test_several_radios_with_one_of_csme(laptop: Laptop) -> None:
    laptop.radios(5)
    Csme(laptop.guest).own()
    facts = run_module(laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
    assert {r["interface"]: r["vendor_commands"]["get_ownership"] for r in facts["radios"]} == {
        "wlan0": True,
        "wlan3": False,
        "wlan4": False,
    }
    assert {r["interface"]: r["owner"] for r in facts["radios"]} == {"wlan0": "csme", "wlan3": "host", "wlan4": "host"}
    # Each radio's own switch, although all look alike.
    assert len({r["rfkill"]["index"] for r in facts["radios"]}) == 3
    # One radio can be meant, so no interface has to be given.
    result = run_module(laptop, "amt_wifi_ownership")
    assert (result["interface"], result["outcome"]) == ("wlan0", "owned")


def test_the_hosts_own_link(stage: Callable[..., Scene]) -> None:
    scene = stage(session=False, ssid=b'a"\\\n\xff')
    run = hand_over(scene.laptop, pin=True, scene=scene)
    assert run.module["owner"] == "host"
    facts = run_module(scene.laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
    link = radio(facts)["link"]
    assert -100 < link.pop("signal_dbm") < 0
    assert link == {
        "ssid": r'a"\\\n\xff',
        "ssid_hex": b'a"\\\n\xff'.hex(),
        "bssid": AccessPoint.bssid,
        "frequency": 2437,
        "addresses": ["192.0.2.2/24"],
    }


def test_unprivileged_it_says_what_it_could_not_read(laptop: Laptop, csme: Csme) -> None:
    csme.connection(ssid=b"corp")
    csme.own()
    result = run_module(laptop, "amt_wifi_facts", None, "-e", json.dumps(NOBODY))
    facts = result["ansible_facts"]["amt_wifi"]
    assert radio(facts)["owner"] == "csme"
    assert radio(facts)["csme"] is None
    why = {u["what"]: u["why"] for u in facts["unreadable"]}[f"radios.{radio(facts)['phy']}.csme"]
    assert "root" in why or "CAP_NET_ADMIN" in why


#: Makes Ansible become an ordinary user.
NOBODY = {"ansible_become": True, "ansible_become_method": "ansible.builtin.su", "ansible_become_user": "nobody"} | {
    "ansible_become_flags": "-s /bin/sh"
}


# -- malformed replies ------------------------------------------------------------------------------------------------


def attribute(kind: int, payload: bytes) -> bytes:
    """One netlink attribute, written by hand: what is tested must not make its own test data."""
    return struct.pack("=HH", 4 + len(payload), kind) + payload + b"\0" * (-len(payload) % 4)


AUTH = attribute(0x65, struct.pack("=I", 7))
SSID = attribute(0x3D, b"corp")
CIPHER = attribute(0x51, struct.pack("=I", 4))
CHANNEL = attribute(0x66, b"\x06")
ADDR = attribute(0x0A, bytes.fromhex("02aabbccddee"))
WHOLE = AUTH + SSID + CIPHER + CHANNEL + ADDR

MALFORMED: Dict[str, bytes] = {
    "empty": b"",
    "no SSID": AUTH + CIPHER + CHANNEL + ADDR,
    "no BSSID": AUTH + SSID + CIPHER + CHANNEL,
    "no channel": AUTH + SSID + CIPHER + ADDR,
    "no auth mode": SSID + CIPHER + CHANNEL + ADDR,
    "SSID of 33 bytes": AUTH + attribute(0x3D, b"x" * 33) + CIPHER + CHANNEL + ADDR,
    "BSSID of 5 bytes": AUTH + SSID + CIPHER + CHANNEL + attribute(0x0A, bytes(5)),
    "BSSID of 7 bytes": AUTH + SSID + CIPHER + CHANNEL + attribute(0x0A, bytes(7)),
    "channel of 2 bytes": AUTH + SSID + CIPHER + attribute(0x66, b"\x06\x00") + ADDR,
    "channel of no bytes": AUTH + SSID + CIPHER + attribute(0x66, b"") + ADDR,
    "channel 0": AUTH + SSID + CIPHER + attribute(0x66, b"\x00") + ADDR,
    "channel that no band has": AUTH + SSID + CIPHER + attribute(0x66, b"\x0f") + ADDR,
    "auth mode of 1 byte": attribute(0x65, b"\x07") + SSID + CIPHER + CHANNEL + ADDR,
    "cipher of 3 bytes": AUTH + SSID + attribute(0x51, b"\x04\0\0") + CHANNEL + ADDR,
    "band that is none": WHOLE + attribute(0x69, b"\x07"),
    "attribute of length 0": WHOLE + struct.pack("=HH", 0, 0x3D),
    "attribute of length 3": WHOLE + struct.pack("=HH", 3, 0x3D) + b"x",
    "attribute longer than the message": WHOLE + struct.pack("=HH", 400, 0x3D) + b"corp",
    "left-over bytes": WHOLE + b"\x01\x02",
    # The last two bytes are padding, which may be missing.
    **{f"cut after {n} bytes": WHOLE[:n] for n in range(1, len(WHOLE) - 2, 7)},
}
#: Odd, but whole: order, unknown attributes, flags on the type, a later attribute overriding an earlier one.
WELL_FORMED: Dict[str, bytes] = {
    "another order": ADDR + CHANNEL + CIPHER + SSID + AUTH,
    "unknown attributes": attribute(0x123, b"?") + WHOLE + attribute(0x0, b""),
    "NLA_F_NESTED": AUTH + attribute(0x3D | 0x8000, b"corp") + CIPHER + CHANNEL + ADDR,
    "NLA_F_NET_BYTEORDER": AUTH + attribute(0x3D | 0x4000, b"corp") + CIPHER + CHANNEL + ADDR,
    "twice": attribute(0x3D, b"old") + WHOLE,
    "no cipher": AUTH + SSID + CHANNEL + ADDR,
}


#: The replies of which nothing can be read.
NOTHING = frozenset({"empty", "cut after 1 bytes"})
#: What can be read of a reply that lacks nothing.
READ = {"ssid": "corp", "bssid": "02:aa:bb:cc:dd:ee", "channel": 6, "auth": "psk", "cipher": "ccmp"}


def test_of_every_malformed_reply_the_rest_is_kept_and_what_is_lost_is_named(laptop: Laptop) -> None:
    cases = [["own", f"reply raw {reply.hex()}".strip()] for reply in MALFORMED.values()]
    for (name, _reply), facts in zip(MALFORMED.items(), facts_told(laptop, cases), strict=True):
        assert radio(facts)["owner"] == "csme", name
        here, csme = f"radios.{radio(facts)['phy']}.csme", radio(facts)["csme"]
        told = {u["what"]: u["why"] for u in facts["unreadable"]}
        if name in NOTHING:
            assert csme is None, name
            assert list(told) == [here], name
            assert "CSME connection" in told[here], name
            continue
        assert told, name
        lost = {what.rpartition(".")[2] for what in told}
        assert set(told) == {f"{here}.{value}" for value in lost}, name
        for value, whole in READ.items():
            # A cipher need not be there, so it may be gone without a word.
            assert csme[value] == (None if value in lost else whole) or (value, csme[value]) == ("cipher", None), name
        assert (csme["frequencies"] == []) == (csme["channel"] is None), name
        unready = {blocker["code"] for blocker in facts["readiness"]["blockers"]}
        assert ("csme_unreadable" in unready) == (lost != {"cipher"}), name


def test_odd_replies_are_understood(laptop: Laptop) -> None:
    cases = [["own", f"reply raw {reply.hex()}"] for reply in WELL_FORMED.values()]
    for (name, _reply), facts in zip(WELL_FORMED.items(), facts_told(laptop, cases), strict=True):
        assert facts["unreadable"] == [], name
        assert radio(facts)["csme"]["ssid"] == "corp", name
        assert radio(facts)["csme"]["channel"] == 6, name


@pytest.mark.parametrize("reply", ["errno 5", "none"])
def test_replies_that_are_none(laptop: Laptop, reply: str) -> None:
    facts = facts_told(laptop, [["own", f"reply {reply}"]])[0]
    assert radio(facts)["csme"] is None
    told = [u["what"] for u in facts["unreadable"]]
    assert told == [f"radios.{radio(facts)['phy']}.csme"]


def test_ownership_is_not_asked_for_on_a_malformed_reply(laptop: Laptop, csme: Csme) -> None:
    csme.own()
    csme.control(f"reply raw {WHOLE[:20].hex()}")
    refused = run_module(laptop, "amt_wifi_ownership")
    assert refused["error"]["code"] == "csme_unreadable"
    assert "Traceback" not in json.dumps(refused)
    assert csme.state()["requests"] == "0"
