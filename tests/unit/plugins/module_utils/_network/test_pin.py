# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record of a pin, as a journal has it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Dict, Optional, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vpro.fleet.plugins.module_utils._network.pin import Key, Pin, Standing
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import DecodeFailed, FleetError
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._network.fake_profile import make
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import BSSID, OTHER_BSSID


@pytest.mark.parametrize(
    "changes", [{"id": 2}, {"ssid": b"homes"}, {"bssid": OTHER_BSSID}, {"bssid": None}, {"scan_freq": ()}]
)
def test_a_pin_that_is_not_there_as_it_was_made_does_not_hold(changes: Dict[str, Any]) -> None:
    pin = Pin("wlan0", 1, b"home".hex(), BSSID, (2437,), None, (), ())
    profile = make(1, bssid=BSSID, scan_freq=(2437,))
    assert pin.stands([make(7), profile])
    assert not pin.stands([make(7), replace(profile, **changes)])


MINE, ONE, TWO = (1, b"home".hex()), (2, "6f6e65"), (3, "74776f")
OUT = Pin("wlan0", *MINE, BSSID, (2437,), None, (), (ONE, TWO))


@pytest.mark.parametrize(
    ("mine", "one", "two", "kept_out"),
    [
        (Standing(BSSID, False), True, True, (ONE, TWO)),
        (Standing(BSSID, False), False, True, (TWO,)),  # an undoing broke off
        (Standing(BSSID, True), True, True, (ONE, TWO)),  # somebody disabled the pinned one
        (Standing(BSSID, True), False, True, ()),  # somebody selected the first
        (Standing(None, False), True, True, ()),  # the configuration was read again
        (Standing(OTHER_BSSID, False), True, True, (ONE, TWO)),  # somebody set another access point
        (None, True, True, (ONE, TWO)),  # somebody removed the pinned one
        (None, True, None, (ONE,)),
    ],
)
def test_only_what_the_pin_disabled_counts_and_only_while_it_stands(
    mine: Optional[Standing], one: bool, two: Optional[bool], kept_out: Tuple[Key, ...]
) -> None:
    networks = {ONE: Standing(None, one), (9, "00"): Standing(None, True)}
    if mine is not None:
        networks[MINE] = mine
    if two is not None:
        networks[TWO] = Standing(None, two)
    assert OUT.keeps_out(networks) == kept_out


def test_a_pin_that_resets_its_network_may_have_left_it_disabled() -> None:
    networks = {MINE: Standing(BSSID, True), ONE: Standing(None, False), TWO: Standing(None, True)}
    assert replace(OUT, resets=True).keeps_out(networks) == (MINE, TWO)


@pytest.mark.parametrize(("then", "now", "same"), [(7, 7, True), (7, 8, False), (None, 8, True), (7, None, True)])
def test_a_pin_belongs_to_the_supplicant_that_has_the_same_socket(
    then: Optional[int], now: Optional[int], same: bool
) -> None:
    assert replace(OUT, socket=then).belongs_to(now) is same


PINS = st.builds(
    Pin,
    interface=st.text(),
    network_id=st.integers(0, 2**31),
    ssid_hex=st.binary(max_size=32).map(bytes.hex),
    bssid=st.just(BSSID),
    frequencies=st.lists(st.integers(1, 7125)).map(tuple),
    previous_bssid=st.none() | st.just(OTHER_BSSID),
    previous_scan_freq=st.lists(st.integers(1, 7125)).map(tuple),
    disabled=st.lists(st.tuples(st.integers(0, 2**31), st.binary(max_size=32).map(bytes.hex))).map(tuple),
    manager=st.sampled_from(["wpa_supplicant", "networkmanager"]),
    resets=st.booleans(),
    socket=st.none() | st.integers(0, 2**64),
)


@given(PINS)
def test_a_pin_survives_json(pin: Pin) -> None:
    assert Pin.from_dict(json.loads(json.dumps(pin.as_dict()))) == pin
    assert Pin.from_dict(pin.as_dict()) == pin


DOCUMENT: Dict[str, Any] = {
    "interface": "wlan0",
    "network_id": 1,
    "ssid_hex": "00",
    "bssid": BSSID,
    "frequencies": [2437],
    "previous_bssid": None,
    "previous_scan_freq": [],
    "disabled": [[0, "00"]],
}


@pytest.mark.parametrize(
    "changes",
    [
        {"interface": 3},
        {"network_id": "1"},
        {"network_id": True},
        {"network_id": 1.0},
        {"ssid_hex": None},
        {"bssid": "02:00:00:00:01:00\nSAVE_CONFIG"},
        {"bssid": None},
        {"previous_bssid": ""},
        {"frequencies": 2437},
        {"frequencies": ["2437"]},
        {"frequencies": [0]},
        {"previous_scan_freq": None},
        {"disabled": [[0]]},
        {"disabled": [0]},
        {"disabled": [["0", "00"]]},
        {"resets": 1},
        {"socket": "7"},
    ],
)
def test_a_damaged_journal_is_refused(changes: Dict[str, Any]) -> None:
    assert Pin.from_dict(DOCUMENT).manager == "wpa_supplicant", "as journals of old have it"
    with pytest.raises(DecodeFailed, match="not a record of a pin"):
        Pin.from_dict({**DOCUMENT, **changes})


def test_a_value_of_the_wrong_kind_is_named() -> None:
    with pytest.raises(DecodeFailed, match=r"this is not a record of a pin: 'x{79} is not of type int"):
        Pin.from_dict({**DOCUMENT, "network_id": "x" * 100})


@pytest.mark.parametrize("key", sorted(DOCUMENT))
def test_a_journal_with_a_part_missing_names_it(key: str) -> None:
    with pytest.raises(DecodeFailed, match=f"not a record of a pin: '{key}' is missing"):
        Pin.from_dict({name: value for name, value in DOCUMENT.items() if name != key})


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_any_other_document_is_refused(document: object) -> None:
    with pytest.raises(FleetError):
        Pin.from_dict(document)
