# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""File and supplicant that are not there, or refuse what is declared."""

from __future__ import annotations

import os
from typing import Any, Optional, Type

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._network.declared import NetworkProfile
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import Refused
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.wpa_supplicant.fake_provisioning import (
    CANARY,
    OTHER,
    Laptop,
    eap,
    happened,
    psk,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.wpa_supplicant.patience import (
    wait_briefly,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_supplicant import FakeSupplicant


def test_without_a_supplicant_the_file_is_written_and_it_says_so(laptop: Laptop) -> None:
    result = laptop.declare(psk())
    assert happened(result) == (True, True, False, False)
    assert "Start wpa_supplicant" in result["runtime"]["reason"]
    assert result["runtime"]["reason"] in result["warnings"][0]
    assert happened(laptop.declare(psk())) == (False, False, False, False)
    laptop.start()
    assert happened(laptop.declare(psk())) == (False, False, False, True)


def test_a_supplicant_that_dies_in_between(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = laptop.start()
    silent = ["SET_NETWORK"]
    wait_briefly(monkeypatch, lambda command: command.startswith(tuple(silent)))
    fake.hook = lambda request: "" if request.startswith("SET_NETWORK") else None
    result = laptop.declare(psk())
    assert (result["file"]["changed"], result["runtime"]["applied"]) == (True, False)
    assert "did not answer SET_NETWORK 0 ssid" in result["runtime"]["reason"]
    fake.hook = lambda _request: None
    silent.clear()
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
    assert {path.name for path in laptop.folder.iterdir()} == {"root", "wlan0.conf"}
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
    assert "not a number" in result["runtime"]["reason"]


def test_a_network_that_somebody_removes_meanwhile_is_gone(laptop: Laptop) -> None:
    fake = laptop.start()
    laptop.declare(psk(), psk(b"b"))

    def meanwhile(request: str) -> Optional[str]:
        if request == "REMOVE_NETWORK 1":
            del fake.networks[1]
        return None

    fake.hook = meanwhile
    assert laptop.declare(psk(), prune=True)["runtime"]["applied"] is True


def test_a_damaged_file_stops_everything(laptop: Laptop) -> None:
    fake = laptop.start()
    laptop.conf.write_text("network={\n")
    with pytest.raises(Refused, match="not closed") as caught:
        laptop.declare(psk())
    assert caught.value.as_dict()["code"] == "decode_failed"
    assert fake.changes == []
    with pytest.raises(Refused, match="not closed"):
        laptop.declare(psk(), check_mode=True)
