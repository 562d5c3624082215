# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the kernel takes only signed modules: what the firmware's and shim's variables say."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ansible_collections.vpro.fleet.plugins.module_utils._radio.secured import is_on
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import DecodeFailed, NotFound, TransportFailed
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import Machine

FOLDER = "sys/firmware/efi/efivars"
FIRMWARE = f"{FOLDER}/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
SHIM = f"{FOLDER}/MokSBStateRT-605dab50-e046-4300-abb6-3dd810dd8b23"
#: The attributes of a variable: for the firmware's services and the running system (6), and kept over a boot (1).
FLEETING, KEPT = b"\6\0\0\0", b"\7\0\0\0"


@pytest.mark.parametrize(
    ("firmware", "shim", "expected"),
    [
        (FLEETING + b"\0", None, False),
        (FLEETING + b"\0", FLEETING + b"\1", False),
        (FLEETING + b"\1", None, True),
        (FLEETING + b"\1", FLEETING + b"\0", True),
        (FLEETING + b"\1", FLEETING + b"\1", False),
        # Anybody who may write variables could have made it. The kernel does not believe it.
        (FLEETING + b"\1", KEPT + b"\1", True),
    ],
)
def test_what_the_variables_say(machine: Machine, firmware: bytes, shim: Optional[bytes], expected: bool) -> None:
    machine.write(FIRMWARE, "").write_bytes(firmware)
    if shim is not None:
        machine.write(SHIM, "").write_bytes(shim)
    assert is_on(machine.root) is expected


@pytest.mark.parametrize("value", [b"", b"\6\0\0\0", FLEETING + b"\2", FLEETING + b"\1\0"])
def test_variables_that_are_not_what_they_should_be(machine: Machine, value: bytes) -> None:
    machine.write(FIRMWARE, "").write_bytes(value)
    with pytest.raises(DecodeFailed, match=f"'{value.hex()}' says nothing about Secure Boot"):
        is_on(machine.root)
    machine.write(FIRMWARE, "").write_bytes(FLEETING + b"\1")
    machine.write(SHIM, "").write_bytes(value)
    with pytest.raises(DecodeFailed, match="MokSBStateRT"):
        is_on(machine.root)


def test_a_variable_that_can_t_be_read(machine: Machine) -> None:
    machine.write(FIRMWARE, "").write_bytes(FLEETING + b"\1")
    (machine.path / SHIM).mkdir()
    with pytest.raises(TransportFailed, match="MokSBStateRT"):
        is_on(machine.root)


def test_a_machine_that_was_not_started_by_uefi(tmp_path: Path) -> None:
    assert is_on(str(tmp_path)) is False


def test_a_firmware_that_does_not_know_secure_boot(machine: Machine) -> None:
    machine.write(f"{FOLDER}/BootOrder-8be4df61-93ca-11d2-aa0d-00e098032b8c", "")
    assert is_on(machine.root) is False


@pytest.mark.parametrize("folder", ["sys/firmware/efi", FOLDER])
def test_variables_that_are_not_mounted(machine: Machine, folder: str) -> None:
    (machine.path / folder).mkdir(parents=True)
    with pytest.raises(NotFound, match="mount -t efivarfs"):
        is_on(machine.root)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(firmware=st.binary(max_size=8), shim=st.binary(max_size=8))
@example(firmware=FLEETING + b"\1", shim=b"\6\0\0\0\1")
def test_no_bytes_make_it_guess(machine: Machine, firmware: bytes, shim: bytes) -> None:
    machine.write(FIRMWARE, "").write_bytes(firmware)
    machine.write(SHIM, "").write_bytes(shim)
    whole = [len(value) == 5 and value[4] < 2 for value in (firmware, shim)]
    try:
        found = is_on(machine.root)
    except DecodeFailed:
        assert not all(whole)
    else:
        assert whole[0]
        assert not found or firmware[4] == 1
