# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Laptops on which the drivers do not belong, or whose kernel would not take them, and what is warned of."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import NotFound, Refused
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import driver
from ansible_collections.vpro.fleet.plugins.module_utils._tasks.driver_enrolment import Enrolment
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._tasks.fake_driver import (
    CLIENT,
    NEW,
    OLD,
    Laptop,
    made,
)


@pytest.fixture
def laptop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Laptop:
    return made(tmp_path, monkeypatch)


# --- where it does not belong ---


def refusal(laptop: Laptop, *despite: str) -> str:
    with pytest.raises(Refused, match="Nothing was installed") as error:
        driver.refuse(despite, str(laptop.root))
    assert f"put {error.value.reason} into driver_despite" in error.value.remedy
    return error.value.reason


def test_it_belongs_on_a_laptop_with_intels_radio_and_amt(laptop: Laptop) -> None:
    driver.refuse((), str(laptop.root))


def test_it_does_not_belong_where_there_is_no_such_radio(laptop: Laptop) -> None:
    (laptop.root / "sys/bus/pci/drivers/iwlwifi/0000:00:14.3").rmdir()
    assert refusal(laptop) == "no_radio"
    driver.refuse(["no_radio"], str(laptop.root))


@pytest.mark.parametrize("op_mode", ["iwlmld", "iwldvm"])
def test_it_does_not_belong_below_another_op_mode(laptop: Laptop, op_mode: str) -> None:
    (laptop.root / "sys/module/iwlmvm").rename(laptop.root / f"sys/module/{op_mode}")
    assert refusal(laptop) == "op_mode_unsupported"


def test_it_does_not_belong_where_the_firmware_has_no_wireless_management(laptop: Laptop) -> None:
    (laptop.root / CLIENT).rmdir()
    assert refusal(laptop) == "no_csme"
    assert refusal(laptop, "no_radio") == "no_csme"


# --- Secure Boot ---

FLEET = "Serial Number: 4660 (0x1234)\nSubject: CN = Our fleet\n"


def reason(laptop: Laptop, path: str, enrolment: Optional[Enrolment] = None, *, check: bool = False) -> Refused:
    with pytest.raises(Refused, match="Nothing was installed: Secure Boot is on") as error:
        laptop.apply(path, enrolment=enrolment, check=check)
    assert not list((laptop.root / "packages").iterdir())
    return error.value


def test_modules_that_nobody_signed_are_refused(laptop: Laptop) -> None:
    laptop.secure(enrolled=FLEET)
    assert reason(laptop, laptop.package(OLD)).reason == "not_signed"


def test_a_known_signer_is_taken(laptop: Laptop) -> None:
    laptop.secure(enrolled=FLEET)
    done = laptop.apply(laptop.package(OLD, signer="Our fleet,12:34"))
    assert (done["changed"], done["secure_boot"]) == (True, True)


def test_an_unknown_signer_is_refused_and_its_enrolment_prepared(laptop: Laptop) -> None:
    laptop.secure()
    signed = laptop.package(OLD, signer="Our fleet,12:34")
    error = reason(laptop, signed)
    assert (error.reason, "driver_mok_certificate" in error.remedy) == ("key_not_enrolled", True)
    (laptop.root / "certificate").write_text(FLEET, encoding="utf-8")
    key = Enrolment("/mok.der", "canary")
    assert "canary" not in repr(key)
    assert reason(laptop, signed, key, check=True).remedy == "The enrolment of its key would be prepared"
    asked = laptop.root / "mokutil"
    assert "--import" not in asked.read_text(encoding="utf-8")
    assert "'Enroll MOK'" in reason(laptop, signed, key).remedy
    assert asked.read_text(encoding="utf-8").count("--import /mok.der\n") == 1
    # It waits already.
    (laptop.root / "mok--list-new").write_text(FLEET, encoding="utf-8")
    assert "'Enroll MOK'" in reason(laptop, signed, key).remedy
    assert asked.read_text(encoding="utf-8").count("--import") == 1


def test_a_certificate_of_somebody_else_is_not_enrolled(laptop: Laptop) -> None:
    laptop.secure()
    (laptop.root / "certificate").write_text(FLEET.replace("Our fleet", "Another"), encoding="utf-8")
    error = reason(laptop, laptop.package(OLD, signer="Our fleet,12:34"), Enrolment("/mok.der", "canary"))
    assert "is of 'Another'" in error.remedy
    assert not (laptop.root / "mok--import").exists()


def test_nothing_is_installed_where_secure_boot_can_t_be_read(laptop: Laptop) -> None:
    (laptop.root / "sys/firmware/efi").mkdir(parents=True)
    with pytest.raises(NotFound, match=r"Nothing was installed: .*Secure Boot.*mount -t efivarfs"):
        laptop.apply(laptop.package(OLD))
    assert not list((laptop.root / "packages").iterdir())
    gone = driver.withdraw(check=False, root=str(laptop.root))
    assert (gone["secure_boot"], len(gone["warnings"])) == (None, 1)
    assert "efivarfs" in gone["warnings"][0]


def test_a_laptop_whose_shim_checks_nothing_takes_any_module(laptop: Laptop) -> None:
    laptop.secure()
    shim = "sys/firmware/efi/efivars/MokSBStateRT-605dab50-e046-4300-abb6-3dd810dd8b23"
    (laptop.root / shim).write_bytes(b"\x06\0\0\0\x01")
    assert laptop.apply(laptop.package(OLD))["secure_boot"] is False


# --- warnings ---


def test_kernels_that_lose_the_interface_at_a_suspend_are_told_of(laptop: Laptop) -> None:
    warned = laptop.apply(laptop.package(OLD), laptop.package(NEW))["warnings"]
    assert len(warned) == 1
    assert f"iwlmei of Linux {OLD} takes a suspend" in warned[0]
    assert "This distribution has one: linux-image-6.12-amd64" in warned[0]
    assert driver.warnings_for([NEW]) == []


def test_a_distribution_without_a_newer_kernel_is_not_named(laptop: Laptop) -> None:
    (laptop.root / "bin/apt-cache").write_text("#!/bin/sh\necho linux-image-6.1-amd64\n", encoding="utf-8")
    assert "This distribution" not in driver.warnings_for([OLD])[0]
    (laptop.root / "bin/apt-cache").unlink()
    assert "takes a suspend" in driver.warnings_for([OLD])[0]
