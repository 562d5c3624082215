# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the facts say of AMT. The schema judges each document."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._facts.amt import amt_facts
from ansible_collections.vpro.fleet.plugins.module_utils._firmware.replies import (
    CertificateHash,
    CodeVersions,
    LanInterface,
    Redirection,
    RemoteAccess,
)
from ansible_collections.vpro.fleet.plugins.module_utils._firmware.values import Amt

LAN = LanInterface(True, None, True, 1, False, "02:00:00:00:05:01")
FULL = Amt(
    "post",
    firmware="16.1.27.2176",
    brand="amt",
    codes=CodeVersions("N3QET40W", {"AMT": "16.1.27", "Build Number": "2176", "Sku": "16400"}),
    uuid="4c4c4544-0035-3010-8056-b4c04f4c4142",
    smbios_uuid="4c4c4544-0035-3010-8056-b4c04f4c4142",
    control_mode="admin",
    provisioning_mode="enterprise",
    dns_suffix="corp.example",
    hashes=(CertificateHash("Root", "sha256", "ab" * 32, active=True, default=False),),
    tls=True,
    redirection=Redirection(sol=True, ider=False, kvm=True),
    remote_access=RemoteAccess("outside", "connected", 2, "mps.corp.example"),
    interfaces={"wired": None, "wireless": replace(LAN, mode=2)},
    lms=False,
)


def test_all_of_it() -> None:
    assert amt_facts(FULL) == {
        "state": "post",
        "reason": None,
        "firmware": "16.1.27.2176",
        "brand": "amt",
        "bios": "N3QET40W",
        "versions": {"AMT": "16.1.27", "Build Number": "2176", "Sku": "16400"},
        "sku": {"raw": 16400, "amt": False, "standard_manageability": True},
        "uuid": "4c4c4544-0035-3010-8056-b4c04f4c4142",
        "uuid_is_smbios": True,
        "control_mode": "admin",
        "provisioning": {
            "mode": "enterprise",
            "dns_suffix": "corp.example",
            "certificate_hashes": [
                {"name": "Root", "algorithm": "sha256", "hash": "ab" * 32, "active": True, "default": False}
            ],
        },
        "tls": True,
        "redirection": {"sol": True, "ider": False, "kvm": True},
        "remote_access": {
            "network": "outside",
            "status": "connected",
            "trigger": {"raw": 2, "name": "periodic"},
            "mps": "mps.corp.example",
        },
        "interfaces": {
            "wired": None,
            "wireless": {
                "enabled": True,
                "link_up": False,
                "mac": "02:00:00:00:05:01",
                "ip": None,
                "dhcp": True,
                "control": "host",
            },
        },
        "lms": {"running": False},
    }


def test_nothing_of_it() -> None:
    facts = amt_facts(Amt("unreadable", "nobody answered"))
    assert (facts.pop("state"), facts.pop("reason")) == ("unreadable", "nobody answered")
    assert facts.pop("provisioning") == {"mode": None, "dns_suffix": None, "certificate_hashes": None}
    assert facts.pop("lms") == {"running": None}
    assert set(facts.values()) == {None}


@pytest.mark.parametrize(
    ("mode", "name", "control"), [(1, "wireless", "csme"), (0, "wireless", None), (1, "wired", None)]
)
def test_who_controls_the_radio(mode: int, name: str, control: Optional[str]) -> None:
    other = {"wired": "wireless", "wireless": "wired"}[name]
    interfaces: Dict[str, Any] = {name: replace(LAN, mode=mode), other: None}
    assert amt_facts(replace(FULL, interfaces=interfaces))["interfaces"][name]["control"] == control


@pytest.mark.parametrize(
    ("kernel", "parts", "told"),
    [
        ("16.1.27.2176", {}, "16.1.27.2176"),
        (None, {"AMT": "16.1.27", "Build Number": "2176"}, "16.1.27.2176"),
        (None, {"AMT": "16.1.27"}, None),
    ],
)
def test_where_the_version_comes_from(kernel: Optional[str], parts: Dict[str, str], told: Optional[str]) -> None:
    assert amt_facts(replace(FULL, firmware=kernel, codes=CodeVersions("", parts)))["firmware"] == told


def test_another_laptops_firmware() -> None:
    assert amt_facts(replace(FULL, smbios_uuid="00000000-0000-0000-0000-000000000000"))["uuid_is_smbios"] is False


@pytest.mark.parametrize(("raw", "amt", "standard"), [(16392, True, False), (16, False, True), (24, True, False)])
def test_what_it_was_sold_as(raw: int, amt: bool, standard: bool) -> None:
    facts = amt_facts(replace(FULL, codes=CodeVersions("", {"Sku": str(raw)})))
    assert facts["sku"] == {"raw": raw, "amt": amt, "standard_manageability": standard}
