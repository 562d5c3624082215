# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why AMT can have no session over wireless: every code, and none where AMT can have one, or nobody knows."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, List, Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._facts.amt_readiness import amt_warnings
from ansible_collections.vpro.fleet.plugins.module_utils._firmware.replies import CodeVersions, LanInterface
from ansible_collections.vpro.fleet.plugins.module_utils._firmware.values import Amt
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._facts.codes import OF_AMT
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._facts.test_readiness import RADIO, READY

MAC = RADIO.mac or ""
WIRELESS = LanInterface(True, "192.0.2.2", True, 2, True, MAC)
USUAL = Amt(
    "post", codes=CodeVersions("", {"AMT": "16.1.27"}), interfaces={"wired": None, "wireless": WIRELESS}, lms=False
)
CASES: Dict[str, Tuple[Optional[Amt], List[str]]] = {
    "usual": (USUAL, []),
    "not looked for": (None, []),
    "unreadable": (Amt("unreadable", "nobody answered"), []),
    "consumer": (Amt("consumer"), ["amt_consumer"]),
    "disabled": (Amt("disabled"), ["amt_disabled"]),
    "pre": (replace(USUAL, state="pre"), ["amt_not_provisioned"]),
    "in": (replace(USUAL, state="in"), ["amt_not_provisioned"]),
    "old": (replace(USUAL, codes=CodeVersions("", {"AMT": "11.8.77"})), ["amt_too_old"]),
    "first": (replace(USUAL, codes=CodeVersions("", {"AMT": "15.0.1"})), []),
    "a version that is no number": (replace(USUAL, codes=CodeVersions("", {"AMT": "?"})), []),
    "no version": (replace(USUAL, codes=None), []),
    "interfaces unknown": (replace(USUAL, interfaces=None), []),
    "wired only": (replace(USUAL, interfaces={"wired": WIRELESS, "wireless": None}), ["amt_wireless_missing"]),
    "wireless off": (
        replace(USUAL, interfaces={"wired": None, "wireless": replace(WIRELESS, enabled=False)}),
        ["amt_wireless_disabled"],
    ),
    "another card": (
        replace(USUAL, interfaces={"wired": None, "wireless": replace(WIRELESS, mac="02:00:00:00:0a:0b")}),
        ["amt_mac_differs"],
    ),
    "absent, and a radio that CSME owns": (Amt("absent", "there is none"), []),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_each(name: str) -> None:
    amt, codes = CASES[name]
    found = amt_warnings(replace(READY, amt=amt))
    assert [each.code for each in found] == codes
    assert all(each.message for each in found)


def test_a_machine_without_an_engine() -> None:
    (found,) = amt_warnings(replace(READY, radios=(), amt=Amt("absent", "the kernel shows none")))
    assert found.code == "amt_absent"
    assert found.message.startswith("the kernel shows none")


def test_a_radio_that_csme_can_not_own_has_no_say() -> None:
    amt = replace(USUAL, interfaces={"wired": None, "wireless": replace(WIRELESS, mac="02:00:00:00:0a:0b")})
    assert amt_warnings(replace(READY, radios=(), amt=amt)) == ()


def test_every_code_has_a_case() -> None:
    assert {code for _amt, codes in CASES.values() for code in codes} | {"amt_absent"} == OF_AMT
