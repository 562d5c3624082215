# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""File and supplicant brought to the declared state: a real file, a real control socket."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, Callable, ContextManager, Dict, Iterator, List, Optional, Tuple, Type

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import apply, conf
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import backend as _supplicant
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.apply import Places
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.control import WpaCtrl
from ansible_collections.vpro.fleet.plugins.module_utils._network.declared import (
    Declaration,
    Eap,
    InvalidProfiles,
    NetworkProfile,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system import detached, run_folder
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import Refused, TimedOut
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import profiles as _provision
from ansible_collections.vpro.fleet.plugins.module_utils._tasks.profiles import provision, request_for
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import Machine
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_supplicant import (
    FakeNetwork,
    FakeSupplicant,
    named,
)

CANARY = "canary-0f3e"
OTHER = "canary-of-another"
CANARIES = (CANARY, OTHER, CANARY.encode().hex(), OTHER.encode().hex())


def psk(ssid: bytes = b"home", passphrase: str = CANARY, **changes: Any) -> NetworkProfile:
    return NetworkProfile(ssid, "psk", passphrase, **changes)


def sae(ssid: bytes = b"sae", passphrase: str = CANARY, **changes: Any) -> NetworkProfile:
    return NetworkProfile(ssid, "sae", passphrase, pmf="required", **changes)


def eap(ssid: bytes = b"corp", password: str = CANARY, **changes: Any) -> NetworkProfile:
    return NetworkProfile(ssid, "eap", eap=Eap("peap", "me", "anon", password, "mschapv2", "/ca.pem"), **changes)


class Laptop:
    """One laptop: a folder for its files, a supplicant, and the module's work on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.conf = folder / "wlan0.conf"
        (folder / "root").mkdir()
        (folder / "sockets").mkdir()
        self.machine = Machine(folder / "root")
        (self.machine.path / "phy7").mkdir()
        self.machine.write("sys/class/net/wlan0/ifindex", "3\n")
        (self.machine.path / "sys/class/net/wlan0/phy80211").symlink_to(self.machine.path / "phy7")
        self.supplicant = FakeSupplicant(folder / "sockets" / "wlan0")
        self.run = str(folder / "run")
        self.places = Places((str(folder / "sockets"),), self.run, self.machine.root)
        self.results: List[Dict[str, Any]] = []

    def start(self) -> FakeSupplicant:
        time.sleep(0.02)  # the clock that stamps files ticks every 4 to 10 ms
        return self.supplicant.start(self.conf)

    def restart(self) -> FakeSupplicant:
        self.supplicant.stop()
        return self.start()

    def declare(
        self,
        *profiles: NetworkProfile,
        absent: Any = (),
        prune: bool = False,
        check_mode: bool = False,
        backend: str = "auto",
    ) -> Dict[str, Any]:
        request = request_for("wlan0", str(self.conf), Declaration(profiles, absent, prune), backend)
        self.supplicant.requests.clear()
        result = provision(request, check_mode, self.places)
        self.results.append(result)
        return result

    def text(self) -> str:
        return self.conf.read_text(encoding="utf-8", errors="surrogateescape")


@pytest.fixture
def laptop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Laptop]:
    # Forking is what test_detached.py is about; the supplicant here is a thread of this very process.
    monkeypatch.setattr(_provision, "run_detached", lambda work, _timeout: json.loads(json.dumps(work())))
    monkeypatch.setattr(_provision, "_RADIO_WAIT", 0.1)
    # That thread may not get the processor for seconds, where the machine has other work.
    monkeypatch.setattr(apply, "WpaCtrl", lambda path: WpaCtrl(path, 60.0))
    one = Laptop(tmp_path)
    yield one
    one.supplicant.stop()
    for result in one.results:
        for canary in CANARIES:
            assert canary not in json.dumps(result), "a secret is in a result"


def happened(result: Dict[str, Any]) -> Any:
    return result["changed"], result["file"]["changed"], result["runtime"]["changed"], result["runtime"]["applied"]


ALL = (
    NetworkProfile(b"open", "open", pmf="disabled"),
    NetworkProfile(b"\n\xff", "owe", pmf="required", bssid="02:00:00:00:01:00"),
    psk(),
    psk(b"key", "ab" * 32, priority=3),
    psk(b"quoted", CANARY + '"#'),
    sae(),
    NetworkProfile(b"both", "psk+sae", CANARY, hidden=True),
    NetworkProfile(b"both quoted", "psk+sae", CANARY + '"#', enabled=False),
    eap(),
    NetworkProfile(b"tls", "eap", eap=Eap("tls", "me", client_cert="/c", private_key="/k", private_key_password=OTHER)),
)


# --- both at once ---


def test_file_and_supplicant_get_what_is_declared_and_then_nothing_changes(laptop: Laptop) -> None:
    fake = laptop.start()
    result = laptop.declare(*ALL)
    assert happened(result) == (True, True, True, True)
    assert fake.ssids == [profile.ssid for profile in ALL]
    assert [network.disabled for network in fake.networks.values()] == [p.enabled is False for p in ALL]
    assert fake.network(b"home").variables["psk"] == f'"{CANARY}"'
    assert fake.network(b"sae").secret("sae_password") == CANARY.encode()
    assert fake.network(b"corp").secret("password") == CANARY.encode()
    assert {network["file"] for network in result["networks"]} == {"added"}
    by_runtime = {number: dict(network.variables) for number, network in fake.networks.items()}
    assert happened(laptop.declare(*ALL)) == (False, False, False, True)
    # What the supplicant got over its socket is what it reads from the file.
    laptop.restart()
    from_file = fake.networks
    for number, network in from_file.items():
        for name in ("ssid", "sae_password", "password", "identity", "private_key_passwd"):
            if name in network.variables or name in by_runtime[number]:
                assert network.variables[name] == by_runtime[number][name]
    assert happened(laptop.declare(*ALL)) == (False, False, False, True)
    assert not any(change.startswith(("ADD", "REMOVE")) for change in fake.changes)


def test_the_supplicant_gets_nothing_twice(laptop: Laptop) -> None:
    laptop.start().state = "INTERFACE_DISABLED"
    laptop.declare(psk(), sae(), eap())
    laptop.declare(psk(), sae(), eap())
    # The two that it compares itself, in case that somebody changed them by hand: it does not tell.
    assert laptop.supplicant.changes == ["SET_NETWORK 0 psk", "SET_NETWORK 1 sae_password"]


def test_a_secret_set_by_hand_is_set_back(laptop: Laptop) -> None:
    fake = laptop.start()
    laptop.declare(psk())
    fake.networks[0].variables["psk"] = '"something else"'
    assert laptop.declare(psk())["changed"] is False
    assert fake.networks[0].variables["psk"] == f'"{CANARY}"'


def test_a_change_of_others_leaves_the_link_alone(laptop: Laptop) -> None:
    for mine in (psk(), sae(b"home"), eap(b"home")):
        laptop.conf.unlink(missing_ok=True)
        laptop.supplicant.stop()
        fake = laptop.start()
        laptop.declare(mine, psk(b"a"), sae(b"b"), eap(b"c"))
        fake.connect(b"home")
        before = list(fake.changes)
        laptop.declare(mine, psk(b"a", OTHER), sae(b"b", OTHER), eap(b"c", OTHER), eap(b"d", enabled=False))
        laptop.declare(mine, eap(b"d"), prune=True)
        laptop.declare(mine, absent=(b"d",))
        assert fake.changes != before
        assert fake.drops == 0
        assert fake.ssids == [b"home"]


def test_only_variables_that_differ_are_set(laptop: Laptop) -> None:
    fake = laptop.start()
    laptop.declare(eap())
    fake.connect(b"corp")
    result = laptop.declare(eap(priority=5, bssid="02:00:00:00:01:00"))
    assert happened(result) == (True, True, True, True)
    assert fake.changes == ["SET_NETWORK 0 bssid", "SET_NETWORK 0 priority"]
    assert fake.drops == 0
    assert result["diff"]["before"]["runtime"]["corp"]["priority"] == "0"
    assert result["diff"]["after"]["runtime"]["corp"]["priority"] == "5"


def test_a_changed_secret_of_the_current_network_is_set(laptop: Laptop) -> None:
    fake = laptop.start()
    laptop.declare(eap())
    fake.connect(b"corp")
    result = laptop.declare(eap(password=OTHER))
    assert fake.network(b"corp").secret("password") == OTHER.encode()
    assert result["diff"]["after"]["file"]["networks"]["corp"]["password"] == "(changed)"
    assert result["diff"]["after"]["runtime"]["corp"]["password"] == "(changed)"


def test_a_network_of_another_kind_is_made_anew(laptop: Laptop) -> None:
    fake = laptop.start()
    laptop.declare(psk())
    result = laptop.declare(eap(b"home"))
    assert happened(result) == (True, True, True, True)
    assert named(result["networks"], "home") == {
        "ssid": "home",
        "ssid_hex": "686f6d65",
        "file": "changed",
        "runtime": "changed",
    }
    assert "psk" not in fake.network(b"home").variables
    assert not fake.network(b"home").disabled
    assert "psk" not in laptop.text()


def test_sae_to_transition_and_back(laptop: Laptop) -> None:
    fake = laptop.start()
    laptop.declare(sae(b"x"))
    laptop.declare(NetworkProfile(b"x", "psk+sae", CANARY))
    assert set(fake.network(b"x").variables) & {"psk", "sae_password"} == {"psk"}
    # SAE can use the psk, so it stays.
    laptop.declare(sae(b"x"))
    assert set(fake.network(b"x").variables) & {"psk", "sae_password"} == {"psk"}
    assert happened(laptop.declare(sae(b"x"))) == (False, False, False, True)
    laptop.declare(sae(b"x", OTHER))
    assert set(fake.network(b"x").variables) & {"psk", "sae_password"} == {"sae_password"}


def test_enabled_or_not(laptop: Laptop) -> None:
    fake = laptop.start()
    fake.state = "COMPLETED"
    laptop.declare(psk())
    assert happened(laptop.declare(psk(enabled=False))) == (True, True, True, True)
    assert fake.changes[-1] == "DISABLE_NETWORK 0"
    assert "\tdisabled=1\n" in laptop.text()
    assert happened(laptop.declare(psk(enabled=False))) == (False, False, False, True)
    laptop.declare(psk())
    assert fake.changes[-1] == "ENABLE_NETWORK 0 no-connect"
    assert not fake.networks[0].disabled


@pytest.mark.parametrize(
    ("state", "enabling"),
    [
        ("SCANNING", ["ENABLE_NETWORK 0 no-connect", "ENABLE_NETWORK 1"]),
        ("COMPLETED", ["ENABLE_NETWORK 0 no-connect", "ENABLE_NETWORK 1 no-connect"]),
        ("INTERFACE_DISABLED", ["ENABLE_NETWORK 0 no-connect", "ENABLE_NETWORK 1 no-connect"]),
    ],
)
def test_a_search_begins_only_where_one_goes_on(laptop: Laptop, state: str, enabling: List[str]) -> None:
    fake = laptop.start()
    fake.state = state
    laptop.declare(psk(b"a"), psk(b"b"))
    assert fake.changes[-2:] == enabling


def test_a_network_that_was_set_aside_is_tried_again_when_it_changed(laptop: Laptop) -> None:
    fake = laptop.start()
    laptop.declare(psk(), psk(b"b", priority=2))
    for network in fake.networks.values():
        network.temp_disabled = True
    laptop.declare(psk(passphrase=OTHER), psk(b"b", OTHER, priority=2))
    assert fake.changes[-4:] == ["DISABLE_NETWORK 1", "ENABLE_NETWORK 1", "DISABLE_NETWORK 0", "ENABLE_NETWORK 0"]
    assert not any(network.temp_disabled for network in fake.networks.values())


def test_prune_takes_networks_that_only_one_of_them_has(laptop: Laptop) -> None:
    laptop.conf.write_text('network={\n\tssid="theirs"\n\tkey_mgmt=NONE\n}\n')
    fake = laptop.start()
    fake._append(FakeNetwork({"ssid": '"by hand"', "key_mgmt": "NONE"}))
    fake._append(FakeNetwork({"ssid": '"an ap"', "mode": "2"}))
    fake._append(FakeNetwork({"ssid": '"a group"', "disabled": "2"}))
    laptop.declare(psk())
    assert fake.ssids == [b"theirs", b"by hand", b"an ap", b"a group", b"home"]
    result = laptop.declare(psk(), prune=True)
    assert fake.ssids == [b"an ap", b"a group", b"home"]
    assert "theirs" not in laptop.text()
    assert (named(result["networks"], "by hand")["file"], named(result["networks"], "by hand")["runtime"]) == (
        "unchanged",
        "removed",
    )


def test_absent(laptop: Laptop) -> None:
    fake = laptop.start()
    laptop.declare(psk(), psk(b"b"))
    assert happened(laptop.declare(absent=(b"home",))) == (True, True, True, True)
    assert fake.ssids == [b"b"]
    assert happened(laptop.declare(absent=(b"home",))) == (False, False, False, True)


def test_of_several_with_one_ssid_the_current_one_stays(laptop: Laptop) -> None:
    fake = laptop.start()
    laptop.declare(psk())
    fake._append(FakeNetwork(dict(fake.networks[0].variables), disabled=False))
    fake.current, fake.state = 1, "COMPLETED"
    laptop.declare(psk())
    assert list(fake.networks) == [1]
    assert fake.drops == 0


def test_a_network_keeps_what_others_set_when_it_is_made_anew(laptop: Laptop) -> None:
    laptop.conf.write_text('network={\n\tssid="home"\n\tproto=WPA\n\tscan_freq=2412\n\tid_str="\t"\n}\n')
    fake = laptop.start()
    laptop.declare(psk())
    assert fake.network(b"home").variables["scan_freq"] == "2412"
    assert "proto" not in fake.network(b"home").variables
    assert happened(laptop.declare(psk())) == (False, False, False, True)


def test_a_hundred_networks_are_one_write_and_one_pass(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: List[str] = []
    real = conf.staged

    def counted(path: str, text: str) -> ContextManager[Callable[[], Tuple[int, int]]]:
        writes.append(path)
        return real(path, text)

    monkeypatch.setattr(conf, "staged", counted)
    fake = laptop.start()
    profiles = [psk(f"network {number}".encode(), f"passphrase {number}") for number in range(100)]
    laptop.declare(*profiles)
    assert len(writes) == 1
    assert fake.ssids == [profile.ssid for profile in profiles]
    assert len(fake.requests) < 1000
    laptop.declare(*profiles)
    assert len(writes) == 1
    listings = [request for request in fake.requests if request.startswith("LIST_NETWORKS")]
    assert len(set(listings)) == len(listings) <= 2
    assert len(fake.requests) < 1000


# --- what secrets the supplicant has ---


def test_a_supplicant_that_started_before_the_file_changed_gets_the_secrets(laptop: Laptop) -> None:
    fake = laptop.start()
    laptop.declare(psk(), psk(b"b"))
    laptop.conf.write_text(laptop.text().replace(CANARY, OTHER))  # by somebody else
    assert fake.network(b"home").variables["psk"] == f'"{CANARY}"'
    result = laptop.declare(psk(passphrase=OTHER), psk(b"b", OTHER))
    assert happened(result) == (True, False, True, True)
    assert fake.network(b"home").variables["psk"] == fake.network(b"b").variables["psk"] == f'"{OTHER}"'
    assert happened(laptop.declare(psk(passphrase=OTHER), psk(b"b", OTHER))) == (False, False, False, True)


def test_a_link_by_psk_stands_while_its_passphrase_is_set_anew(laptop: Laptop) -> None:
    fake = laptop.start()
    laptop.declare(psk())
    fake.connect(b"home")
    os.utime(laptop.conf)
    assert happened(laptop.declare(psk())) == (True, False, True, True)
    assert fake.changes == ["SET_NETWORK 0 psk"]
    assert fake.drops == 0


@pytest.mark.parametrize("mine", [eap(), NetworkProfile(b"corp", "psk+sae", CANARY + '"')])
def test_a_link_is_not_dropped_for_a_secret_that_may_be_right(laptop: Laptop, mine: NetworkProfile) -> None:
    fake = laptop.start()
    laptop.declare(mine)
    fake.connect(b"corp")
    os.utime(laptop.conf)
    for _time in range(2):
        result = laptop.declare(mine)
        assert fake.drops == 0
        assert "'corp' carries the link" in result["warnings"][0]
    # As soon as there is no link, it is put right, once.
    fake.current, fake.state = None, "SCANNING"
    assert laptop.declare(mine)["runtime"]["changed"] is True
    assert fake.network(b"corp").secret("password") in (None, CANARY.encode())
    result = laptop.declare(mine)
    assert (result["changed"], result["warnings"]) == (False, [])


def test_a_new_secret_is_set_whatever_is_known_of_the_old_one(laptop: Laptop) -> None:
    fake = laptop.start()
    laptop.declare(eap())
    fake.connect(b"corp")
    os.utime(laptop.conf)
    result = laptop.declare(eap(password=OTHER))
    assert (happened(result), result["warnings"]) == ((True, True, True, True), [])
    assert fake.network(b"corp").secret("password") == OTHER.encode()


def test_a_restart_settles_it(laptop: Laptop) -> None:
    laptop.start()
    laptop.declare(eap())
    os.utime(laptop.conf)
    laptop.restart().connect(b"corp")
    result = laptop.declare(eap())
    assert (result["changed"], result["warnings"]) == (False, [])


def test_a_task_for_one_network_says_nothing_of_the_others(laptop: Laptop) -> None:
    fake = laptop.start()
    laptop.declare(eap(b"a"), eap(b"b"), psk(b"c"))
    laptop.conf.write_text(laptop.text().replace(f'password="{CANARY}"', f'password="{OTHER}"'))  # by somebody else
    assert laptop.declare(eap(b"a", OTHER))["runtime"]["changed"] is True
    assert fake.network(b"b").secret("password") == CANARY.encode()
    assert laptop.declare(eap(b"a", OTHER))["changed"] is False
    result = laptop.declare(eap(b"b", OTHER))
    assert (happened(result), result["warnings"]) == ((True, False, True, True), [])
    assert fake.network(b"b").secret("password") == OTHER.encode()
    # Each of them was seen to by now, but for the one that no task was for.
    assert laptop.declare(eap(b"a", OTHER), eap(b"b", OTHER))["changed"] is False
    assert laptop.declare(psk(b"c"))["runtime"]["changed"] is True
    assert laptop.declare(eap(b"a", OTHER), eap(b"b", OTHER), psk(b"c"))["changed"] is False


def test_a_task_for_another_network_does_not_settle_a_doubt(laptop: Laptop) -> None:
    fake = laptop.start()
    laptop.declare(eap(b"b"), psk(b"x"))
    fake.connect(b"b")
    laptop.conf.write_text(laptop.text().replace(f'password="{CANARY}"', f'password="{OTHER}"'))  # by somebody else
    assert "'b' carries the link" in laptop.declare(eap(b"b", OTHER))["warnings"][0]
    for other in (psk(b"x"), psk(b"x", OTHER), psk(b"y")):
        laptop.declare(other)
        assert "'b' carries the link" in laptop.declare(eap(b"b", OTHER))["warnings"][0]
    assert fake.drops == 0
    fake.current, fake.state = None, "SCANNING"
    assert laptop.declare(eap(b"b", OTHER))["runtime"]["changed"] is True
    assert fake.network(b"b").secret("password") == OTHER.encode()
    laptop.declare(psk(b"x", OTHER))
    result = laptop.declare(eap(b"b", OTHER))
    assert (result["changed"], result["warnings"]) == (False, [])


def test_a_network_that_the_file_does_not_have_yet(laptop: Laptop) -> None:
    laptop.conf.write_text("ap_scan=1\n")
    fake = laptop.start()
    by_hand = {"ssid": '"home"', "key_mgmt": "WPA-PSK", "psk": f'"{OTHER}"', "ieee80211w": "1"}
    fake._append(FakeNetwork(by_hand, disabled=False))
    fake.connect(b"home")
    assert happened(laptop.declare(psk())) == (True, True, True, True)
    assert fake.network(b"home").variables["psk"] == f'"{CANARY}"'
    assert fake.drops == 0


def test_the_note_has_no_secret_and_a_damaged_one_is_no_proof(laptop: Laptop) -> None:
    laptop.start()
    laptop.declare(psk())
    note = Path(laptop.run) / "profiles-wlan0.journal"
    assert CANARY not in note.read_text()
    damaged = {**json.loads(note.read_text()), "unsure": 3}
    for damage in ("", "{", '{"file": 3}', json.dumps(damaged)):
        note.write_text(damage)
        assert laptop.declare(psk())["runtime"]["changed"] is True
        assert laptop.declare(psk())["runtime"]["changed"] is False


# --- a supplicant that is not there, or does not play along ---


def test_without_a_supplicant_the_file_is_written_and_it_says_so(laptop: Laptop) -> None:
    result = laptop.declare(psk())
    assert happened(result) == (True, True, False, False)
    assert "Start wpa_supplicant" in result["runtime"]["reason"]
    assert result["runtime"]["reason"] in result["warnings"][0]
    assert happened(laptop.declare(psk())) == (False, False, False, False)
    laptop.start()
    assert happened(laptop.declare(psk())) == (False, False, False, True)


def test_without_the_interface_the_file_is_written(laptop: Laptop) -> None:
    request = request_for("wlan9", str(laptop.conf), Declaration((psk(),)))
    result = provision(request, False, laptop.places)
    assert (result["file"]["changed"], result["runtime"]["applied"]) == (True, False)


def test_a_supplicant_that_dies_in_between(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = laptop.start()
    monkeypatch.setattr(apply, "WpaCtrl", lambda path: WpaCtrl(path, 0.5))
    fake.hook = lambda request: "" if request.startswith("SET_NETWORK") else None
    result = laptop.declare(psk())
    assert (result["file"]["changed"], result["runtime"]["applied"]) == (True, False)
    assert "did not answer SET_NETWORK 0 ssid" in result["runtime"]["reason"]
    fake.hook = lambda _request: None
    assert happened(laptop.declare(psk())) == (True, False, True, True)


@pytest.mark.parametrize("verb", ["ADD_NETWORK", "SET_NETWORK 1 key_mgmt", "SET_NETWORK 1 psk"])
def test_what_the_supplicant_refuses_gets_nowhere(laptop: Laptop, verb: str) -> None:
    fake = laptop.start()
    laptop.declare(psk())
    before = laptop.text()
    fake.hook = lambda request: "FAIL\n" if request.startswith(verb) else None
    with pytest.raises(Refused) as caught:
        laptop.declare(psk(), psk(b"b", OTHER))
    assert caught.value.as_dict()["code"] == "supplicant_refused"
    assert OTHER not in str(caught.value)
    assert laptop.text() == before
    assert fake.ssids == [b"home"]


def held(fake: FakeSupplicant) -> Any:
    return {number: (dict(network.variables), network.disabled) for number, network in fake.networks.items()}


def test_a_change_that_is_refused_changes_no_other_network(laptop: Laptop) -> None:
    fake = laptop.start()
    laptop.declare(eap(b"a"), psk(b"b"))
    fake.connect(b"a")
    before, text = held(fake), laptop.text()
    fake.hook = lambda request: "FAIL\n" if " key_mgmt " in request and "SAE" in request else None
    declared = (eap(b"a", OTHER, priority=3), NetworkProfile(b"b", "psk+sae", CANARY), psk(b"new"))
    with pytest.raises(Refused) as caught:
        laptop.declare(*declared)
    assert caught.value.as_dict()["code"] == "supplicant_refused"
    assert (held(fake), laptop.text(), fake.drops) == (before, text, 0)
    fake.hook = lambda _request: None
    assert happened(laptop.declare(*declared)) == (True, True, True, True)
    assert fake.ssids == [b"a", b"b", b"new"]
    assert "SAE" in fake.network(b"b").variables["key_mgmt"]


@pytest.mark.parametrize("step", ["fsync", "rename"])
@pytest.mark.parametrize(
    ("error", "told"),
    [(OSError(28, "No space left on device"), Refused), (SystemExit("ended by signal 15"), SystemExit)],
)
def test_a_file_that_cant_be_written_leaves_the_runtime_alone(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException, told: Type[BaseException]
) -> None:
    fake = laptop.start()
    laptop.declare(eap(), psk(b"gone"))
    fake.connect(b"corp")
    before, text = held(fake), laptop.text()
    declared = (eap(password=OTHER, priority=3), psk(b"new"))

    def fail(*_arguments: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(os, step, fail)
        with pytest.raises(told) as caught:
            laptop.declare(*declared, prune=True)
    if isinstance(caught.value, Refused):
        assert caught.value.as_dict()["code"] == "transport_failed"
    assert (held(fake), laptop.text(), fake.drops) == (before, text, 0)
    assert sorted(path.name for path in laptop.folder.iterdir()) == ["root", "run", "sockets", "wlan0.conf"]
    assert happened(laptop.declare(*declared, prune=True)) == (True, True, True, True)
    assert fake.ssids == [b"corp", b"new"]


def test_a_supplicant_that_refuses_when_the_file_is_written(laptop: Laptop) -> None:
    """Nothing of a network may be refused any more, but somebody may have removed it."""
    fake = laptop.start()
    laptop.declare(psk())
    fake.hook = lambda request: "FAIL\n" if request.startswith("ENABLE_NETWORK") else None
    result = laptop.declare(psk(priority=2), psk(b"b"))
    assert happened(result) == (True, True, True, False)
    assert "ENABLE_NETWORK" in result["runtime"]["reason"]
    fake.hook = lambda _request: None
    assert happened(laptop.declare(psk(priority=2), psk(b"b"))) == (True, False, True, True)
    assert fake.ssids == [b"home", b"b"]
    assert not fake.network(b"b").disabled


def test_nonsense_from_the_supplicant(laptop: Laptop) -> None:
    fake = laptop.start()
    fake.hook = lambda request: "-1 x\n" if request == "ADD_NETWORK" else None
    result = laptop.declare(psk())
    assert (result["runtime"]["applied"], result["file"]["changed"]) == (False, True)
    assert "no number" in result["runtime"]["reason"]


def test_a_network_that_somebody_removes_meanwhile_is_gone(laptop: Laptop) -> None:
    fake = laptop.start()
    laptop.declare(psk(), psk(b"b"))

    def meanwhile(request: str) -> Optional[str]:
        if request == "REMOVE_NETWORK 1":
            del fake.networks[1]
        return None

    fake.hook = meanwhile
    assert laptop.declare(psk(), prune=True)["runtime"]["applied"] is True


def test_networkmanagers_interface_is_left_alone_where_the_file_was_asked_for(laptop: Laptop) -> None:
    laptop.start()
    laptop.machine.networkmanager("true")
    result = laptop.declare(psk(), backend="wpa_supplicant")
    assert result["backend"] == "wpa_supplicant"
    assert (result["file"]["changed"], result["runtime"]["applied"]) == (True, False)
    assert "NetworkManager runs wlan0" in result["runtime"]["reason"]
    assert laptop.supplicant.requests == []


def test_a_damaged_file_stops_everything(laptop: Laptop) -> None:
    fake = laptop.start()
    laptop.conf.write_text("network={\n")
    with pytest.raises(Refused, match="not closed") as caught:
        laptop.declare(psk())
    assert caught.value.as_dict()["code"] == "decode_failed"
    assert fake.changes == []
    with pytest.raises(Refused, match="not closed"):
        laptop.declare(psk(), check_mode=True)


# --- handovers ---


def pinned(laptop: Laptop) -> None:
    """Leave a pin behind, as a killed handover does."""
    supplicant = _supplicant.WpaSupplicant("wlan0", str(laptop.supplicant.path))
    profile = next(p for p in supplicant.profiles() if p.ssid == b"home")
    pin = supplicant.pin(profile, "02:00:00:00:01:00", [2437])
    run_folder.write_journal("phy7", {"pin": pin.as_dict()}, laptop.run)


def test_a_pin_that_a_killed_handover_left_is_undone_first(laptop: Laptop) -> None:
    fake = laptop.start()
    fake.state = "INTERFACE_DISABLED"
    laptop.declare(psk(), psk(b"b"))
    before = laptop.text()
    pinned(laptop)
    assert fake.networks[1].disabled
    checked = laptop.declare(psk(), psk(b"b"), check_mode=True)
    assert checked["changed"] is False, "the pin is no difference"
    result = laptop.declare(psk(), psk(b"b"))
    assert (result["changed"], laptop.text()) == (False, before)
    assert "a pin that a handover left" in result["warnings"][0]
    assert "bssid" not in fake.network(b"home").variables
    assert not fake.networks[1].disabled
    assert run_folder.read_journal("phy7", laptop.run) is None


def test_a_handover_at_work_is_not_fought(laptop: Laptop) -> None:
    fake = laptop.start()
    fake.state = "INTERFACE_DISABLED"
    laptop.declare(psk(), psk(b"b"))
    pinned(laptop)
    with run_folder.lock("phy7", 0, laptop.run):
        result = laptop.declare(psk(passphrase=OTHER), psk(b"b"))
    assert (result["file"]["changed"], result["runtime"]["applied"]) == (True, False)
    assert "works on phy7" in result["runtime"]["reason"]
    assert fake.changes == []
    # The pin is in the supplicant and not in the file.
    assert fake.network(b"home").variables["bssid"] == "02:00:00:00:01:00"
    assert "bssid" not in laptop.text()
    result = laptop.declare(psk(passphrase=OTHER), psk(b"b"))
    assert happened(result) == (True, False, True, True)
    assert fake.network(b"home").variables["psk"] == f'"{OTHER}"'


def test_two_tasks_take_turns(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_provision, "_OTHERS_WAIT", 0.1)
    with run_folder.lock("profiles", 0, laptop.run), pytest.raises(Refused, match="another task") as caught:
        laptop.declare(psk())
    assert caught.value.as_dict()["code"] == "timed_out"
    assert not laptop.conf.exists()


# --- check mode, results, errors ---


def test_check_mode_tells_what_would_happen_and_changes_nothing(laptop: Laptop) -> None:
    fake = laptop.start()
    laptop.declare(psk(), eap())
    before, networks = laptop.text(), {n: dict(x.variables) for n, x in fake.networks.items()}
    declared = (psk(passphrase=OTHER), eap(hidden=True), sae())
    checked = laptop.declare(*declared, check_mode=True)
    assert fake.changes == []
    assert laptop.text() == before
    assert {n: dict(x.variables) for n, x in fake.networks.items()} == networks
    done = laptop.declare(*declared)
    assert checked == done


def test_check_mode_without_anything_there(laptop: Laptop) -> None:
    result = laptop.declare(psk(), check_mode=True)
    assert happened(result) == (True, True, False, False)
    assert list(laptop.folder.glob("*.conf*")) == []
    assert not os.path.exists(laptop.run)


def test_a_diff_shows_only_what_changes(laptop: Laptop) -> None:
    laptop.start()
    laptop.declare(psk(), psk(b"b"))
    diff = laptop.declare(psk(passphrase=OTHER), psk(b"b"), NetworkProfile(b"new", "open", pmf="disabled"))["diff"]
    assert set(diff["before"]["file"]["networks"]) == set(diff["before"]["runtime"]) == {"home"}
    assert set(diff["after"]["file"]["networks"]) == set(diff["after"]["runtime"]) == {"home", "new"}
    assert diff["before"]["file"]["networks"]["home"]["psk"] == "(set)"
    assert diff["after"]["file"]["networks"]["home"]["psk"] == "(changed)"
    nothing = laptop.declare(psk(passphrase=OTHER), psk(b"b"))["diff"]
    assert nothing["before"] == nothing["after"]


def test_a_diff_shows_permissions_that_change(laptop: Laptop) -> None:
    laptop.declare(psk())
    laptop.conf.chmod(0o644)
    diff = laptop.declare(psk())["diff"]
    assert (diff["before"]["file"]["mode"], diff["after"]["file"]["mode"]) == ("0644", "0600")


def test_an_unexpected_error_does_not_show_what_it_was_about(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise ValueError(CANARY)

    monkeypatch.setattr(apply, "plan_file", fail)
    for check_mode in (False, True):
        with pytest.raises(Refused) as caught:
            laptop.declare(psk(), check_mode=check_mode)
        assert "unexpected ValueError" in str(caught.value)
        assert CANARY not in str(caught.value) + repr(caught.value.__cause__)


def test_it_goes_on_in_a_process_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No supplicant here: a process with threads had better not fork."""
    pids: List[int] = []
    real = detached.run_detached

    def spy(work: Callable[[], Dict[str, Any]], timeout: float) -> Dict[str, Any]:
        answer = real(lambda: {**work(), "pid": os.getpid()}, timeout)
        pids.append(answer.pop("pid"))
        return answer

    monkeypatch.setattr(_provision, "run_detached", spy)
    places = Places((str(tmp_path),), str(tmp_path / "run"), str(tmp_path))
    result = provision(request_for("wlan0", str(tmp_path / "x.conf"), Declaration((psk(),))), False, places)
    assert result["file"] == {"changed": True, "path": str(tmp_path / "x.conf")}
    assert pids != [os.getpid()]
    assert len(pids) == 1


def test_a_work_that_does_not_end_is_told_as_such(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(_work: Any, _timeout: float) -> Dict[str, Any]:
        raise TimedOut("the work did not end", remedy="Run the task again to see how it ended.")

    monkeypatch.setattr(_provision, "run_detached", late)
    with pytest.raises(TimedOut, match="the networks were not brought up to date"):
        laptop.declare(psk())


@pytest.mark.parametrize(
    ("interface", "path", "fields"),
    [
        ("", None, ["interface"]),
        ("..", None, ["interface"]),
        ("a/b", None, ["interface"]),
        ("x" * 16, None, ["interface"]),
        ("a b", "relative", ["interface", "path"]),
        ("wlan0", "/etc/", ["path"]),
        ("wlan0", "/a\0b", ["path"]),
    ],
)
def test_places_that_are_none(interface: str, path: Optional[str], fields: List[str]) -> None:
    with pytest.raises(InvalidProfiles) as caught:
        request_for(interface, path, Declaration())
    assert [problem["field"] for problem in caught.value.details["problems"]] == fields


def test_files_that_profiles_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good, empty = tmp_path / "ca.pem", tmp_path / "empty"
    good.write_text("x")
    empty.touch()
    assert _provision.check_file(str(good)) is None
    assert "is empty" in str(_provision.check_file(str(empty)))
    assert "there is no file" in str(_provision.check_file(str(tmp_path / "none")))
    assert "is a directory" in str(_provision.check_file(str(tmp_path)))
    monkeypatch.setattr("builtins.open", _refuse)
    assert "can't be read: Permission denied" in str(_provision.check_file(str(good)))


def _refuse(*_arguments: object) -> None:
    raise PermissionError(13, "Permission denied")
