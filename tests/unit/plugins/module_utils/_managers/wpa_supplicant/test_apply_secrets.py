# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""File and supplicant brought to the declared state: what secrets the supplicant has."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._network.declared import NetworkProfile
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.wpa_supplicant.fake_provisioning import (
    CANARY,
    OTHER,
    Laptop,
    eap,
    happened,
    psk,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_supplicant import FakeNetwork


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
    note = Path(laptop.places.run) / "profiles-wlan0.journal"
    assert CANARY not in note.read_text()
    damaged = {**json.loads(note.read_text()), "unsure": 3}
    for damage in ("", "{", '{"file": 3}', json.dumps(damaged)):
        note.write_text(damage)
        assert laptop.declare(psk())["runtime"]["changed"] is True
        assert laptop.declare(psk())["runtime"]["changed"] is False
