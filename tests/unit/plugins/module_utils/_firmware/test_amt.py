# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory of AMT: what each kind of firmware tells, and what is said of one that does not tell it."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._firmware import amt, mei
from ansible_collections.vpro.fleet.plugins.module_utils._firmware.amt import read_amt
from ansible_collections.vpro.fleet.plugins.module_utils._firmware.replies import (
    CertificateHash,
    LanInterface,
    Redirection,
    RemoteAccess,
)
from ansible_collections.vpro.fleet.plugins.module_utils._firmware.values import Amt
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import NotFound
from ansible_collections.vpro.fleet.plugins.module_utils._system.exclusive import alone
from ansible_collections.vpro.fleet.plugins.module_utils._system.reading import Reading, Unreadable
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._firmware.fake_engine import Engine
from vpro_lab.engine.amt import TWISTS
from vpro_lab.engine.personality import PERSONALITIES, SECRET, USUAL

SMBIOS = "sys/class/dmi/id/product_uuid"


def read(engine: Engine, *, smbios: bool = True) -> Tuple[Amt, Tuple[Unreadable, ...]]:
    path = Path(engine.places.root) / SMBIOS
    if smbios and not path.exists():
        path.parent.mkdir(parents=True)
        path.write_text(f"{USUAL.uuid.upper()}\n", encoding="ascii")
    reading = Reading()
    found = read_amt(reading, engine.places)
    return found, reading.unreadable


def test_all_of_it(engine: Engine) -> None:
    found, unreadable = read(engine)
    assert unreadable == ()
    assert (found.state, found.reason, found.brand, found.control_mode) == ("post", None, "amt", "admin")
    assert found.codes is not None
    assert found.codes.bios == "N3QET40W (1.40 )"
    assert found.codes.parts["AMT"] == "16.1.27"
    assert list(found.codes.parts)[-1] == "Legacy Mode"
    assert found.codes.sku == 16400
    assert found.uuid == found.smbios_uuid == "4c4c4544-0035-3010-8056-b4c04f4c4142"
    assert (found.provisioning_mode, found.dns_suffix, found.tls) == ("enterprise", "corp.example", True)
    assert found.redirection == Redirection(sol=True, ider=True, kvm=True)
    assert found.remote_access == RemoteAccess("direct", "not_connected", 0, None)
    assert found.interfaces == {
        "wired": LanInterface(True, None, True, 1, False, "02:00:00:00:05:01"),
        "wireless": LanInterface(True, "192.0.2.2", True, 2, True, "02:00:00:00:00:00"),
    }
    assert found.hashes == (
        CertificateHash("Lab Root CA 1", "sha256", bytes(range(32)).hex(), active=True, default=True),
        CertificateHash("Lab Root CA 2", "sha1", bytes(range(20)).hex(), active=False, default=False),
    )
    assert found.lms is False


@pytest.mark.parametrize("missing", ["wired", "wireless"])
def test_an_interface_that_does_not_exist(engine: Engine, missing: str) -> None:
    engine.become(replace(USUAL, wired=None) if missing == "wired" else replace(USUAL, wireless=None))
    interfaces = read(engine)[0].interfaces
    assert interfaces is not None
    assert [name for name, each in interfaces.items() if each is None] == [missing]


@pytest.mark.parametrize(
    ("name", "state", "reason"),
    [
        ("usual", "post", None),
        ("amt 11", "post", None),
        ("amt 19", "post", None),
        ("standard manageability", "post", None),
        ("client control", "post", None),
        ("wired only", "post", None),
        ("wireless only", "post", None),
        ("consumer", "consumer", "the firmware of this laptop has no AMT"),
        ("disabled", "disabled", "AMT is switched off in the BIOS"),
        ("unprovisioned", "pre", "AMT is not provisioned"),
        ("in provisioning", "in", "AMT is not provisioned"),
        ("not ready", "unreadable", "the firmware refused PROVISIONING_STATE with the status 0x2"),
    ],
)
def test_every_kind_of_firmware(engine: Engine, name: str, state: str, reason: str) -> None:
    engine.become(PERSONALITIES[name])
    found, unreadable = read(engine)
    assert (found.state, found.reason) == (state, reason)
    assert [each.what for each in unreadable] == (["amt"] if state == "unreadable" else [])
    if state in ("consumer", "disabled"):
        assert engine.amt.asked["pthi"] == []
    assert SECRET not in repr(found)


def test_a_server_far_away(engine: Engine) -> None:
    engine.become(PERSONALITIES["amt 11"])
    assert read(engine)[0].remote_access == RemoteAccess("outside", "connected", 2, "mps.corp.example")


def test_a_laptop_without_an_engine(engine: Engine) -> None:
    engine.remove()
    found, unreadable = read(engine)
    assert (found.state, unreadable) == ("absent", ())
    assert "the kernel shows no management engine" in str(found.reason)


def test_another_users_right_is_missing(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    folder = Path(engine.places.at("/sys/class/mei/mei0"))
    (folder / "fw_ver").write_text("0:16.1.27.2176\n0:16.1.27.2176\n0:16.1.25.2049\n", encoding="ascii")
    found, unreadable = read(engine)
    assert (found.state, found.firmware) == ("unreadable", "16.1.27.2176")
    assert [(each.what, each.code) for each in unreadable] == [("amt", "access_denied")]
    assert "Run as root" in unreadable[0].why


@pytest.mark.parametrize(
    ("told", "version"),
    [
        (None, None),
        ("", None),
        ("0:0.0.0.0\n0:0.0.0.0\n0:0.0.0.0\n", None),
        ("0:16.1.32.2473\n0:16.1.32.2473\n0:16.1.25.2049\n", "16.1.32.2473"),
        ("16.1.32.2473\n", "16.1.32.2473"),
    ],
)
def test_the_version_that_the_kernel_tells(engine: Engine, told: Optional[str], version: Optional[str]) -> None:
    if told is not None:
        Path(engine.places.at("/sys/class/mei/mei0/fw_ver")).write_text(told, encoding="ascii")
    assert read(engine)[0].firmware == version


@pytest.mark.parametrize("how", ["short", "long", "empty"])
def test_an_answer_that_is_not_whole_is_named(engine: Engine, how: str) -> None:
    engine.amt.pthi.twist = TWISTS[how]
    found, unreadable = read(engine)
    assert found.state == "unreadable"
    assert [(each.what, each.code) for each in unreadable] == [("amt", "decode_failed")]


def test_one_value_that_is_refused_costs_that_value_alone(engine: Engine) -> None:
    engine.become(replace(USUAL, refuses={0x5C: 16, 0x2D: 1}))
    found, unreadable = read(engine)
    assert (found.state, found.uuid, found.hashes, found.tls) == ("post", None, None, True)
    assert [each.what for each in unreadable] == ["amt.uuid", "amt.provisioning.certificate_hashes"]
    assert {each.code for each in unreadable} == {"firmware_refused"}


def test_no_answer_ends_the_inventory_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each further question would wait as long, and could get the late answer to the one before."""
    monkeypatch.setattr(mei, "ANSWER_SECONDS", 0.05)
    engine.become(replace(USUAL))
    asked = engine.amt.asked["pthi"]
    engine.amt.pthi.twist = lambda answer: answer if len(asked) < 3 else None
    found, unreadable = read(engine)
    assert (found.state, found.uuid, found.tls) == ("post", None, None)
    assert [(each.what, each.code) for each in unreadable] == [("amt.uuid", "timed_out")]
    assert len(asked) == 3


def test_a_reset_in_the_middle_is_named(engine: Engine) -> None:
    engine.resets = True
    found, unreadable = read(engine)
    assert found.state == "unreadable"
    assert [each.what for each in unreadable] == ["amt.brand", "amt"]


@pytest.mark.parametrize(
    ("number", "code", "text"),
    [
        (errno.ENODEV, "transport_failed", "The engine is switched off, or is being reset"),
        (errno.EMFILE, "transport_failed", "Too many programs use the engine"),
        (errno.EACCES, "access_denied", ""),
        (errno.ENOTTY, "not_found", "the engine has no MKHI"),
        (errno.EIO, "transport_failed", os.strerror(errno.EIO)),
    ],
)
def test_an_engine_that_can_not_be_reached_is_named(engine: Engine, number: int, code: str, text: str) -> None:
    engine.errors = [number]
    found, unreadable = read(engine)
    assert found.state == "unreadable"
    assert [(each.what, each.code) for each in unreadable] == [("amt", code)]
    assert text in unreadable[0].why


def test_a_client_that_is_in_use_is_tried_again(engine: Engine) -> None:
    engine.errors = [errno.EBUSY] * 3
    assert read(engine)[0].state == "post"


@pytest.mark.parametrize(("program", "remedy"), [("lms", "Intel's LMS (lms) runs"), ("bash", "fuser -v /dev/mei")])
def test_who_is_in_the_way_is_said(engine: Engine, monkeypatch: pytest.MonkeyPatch, program: str, remedy: str) -> None:
    monkeypatch.setattr(mei, "ANSWER_SECONDS", 0.15)
    engine.runs(program)
    engine.errors = [errno.EBUSY] * 99
    found, unreadable = read(engine)
    assert (found.state, found.lms) == ("unreadable", program == "lms")
    assert unreadable[0].code == "timed_out"
    assert remedy in unreadable[0].why


def test_another_task_is_waited_for(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amt, "_LOCK_SECONDS", 0.1)
    with alone(f"{engine.places.run}.firmware.lock", "a test", 1.0):
        found, unreadable = read(engine)
    assert found.state == "unreadable"
    assert "another task reads the firmware" in unreadable[0].why


def test_without_smbios_only_that_is_missing(engine: Engine) -> None:
    found, unreadable = read(engine, smbios=False)
    assert (found.state, found.smbios_uuid, unreadable) == ("post", None, ())
    Path(engine.places.at(f"/{SMBIOS}")).mkdir(parents=True)
    found, unreadable = read(engine)
    assert (found.state, found.smbios_uuid) == ("post", None)
    assert [each.what for each in unreadable] == ["amt.uuid_is_smbios"]


@pytest.mark.parametrize(
    ("kind", "driver", "found"),
    [("mei", "csme_engine", True), (None, "mei_me", True), (None, "mei_gsc", False), ("gsc", "mei_me", False)],
)
def test_which_device_it_is(engine: Engine, kind: str, driver: str, found: bool) -> None:
    engine.remove()
    engine.add("mei1", kind, driver)
    engine.add("mei7", "gscfi")
    if found:
        assert mei.find_device(engine.places) == "mei1"
    else:
        with pytest.raises(NotFound):
            mei.find_device(engine.places)
