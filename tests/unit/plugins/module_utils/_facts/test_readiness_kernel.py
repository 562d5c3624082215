# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdict about kernels: the running one, whose version counts only where it tells what its drivers can do, and
those that are installed beside it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, List, Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._facts.readiness import blockers, warnings
from ansible_collections.vpro.fleet.plugins.module_utils._radio.values import Iwlmei, Platform, Release
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._facts.test_readiness import (
    OLD,
    PLAIN,
    READY,
    codes,
    radio,
)


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        (Release("x", (5, 16)), "kernel_too_old"),
        (Release("x", (5, 17)), "iwlmei_missing"),
        (Release("5.14.0-503.el9.x86_64", (5, 14)), "iwlmei_missing"),
    ],
)
def test_the_first_kernel_with_iwlmei(release: Release, expected: str) -> None:
    assert codes({"radios": (PLAIN,), "platform": replace(OLD, release=release)}) == [expected, "no_radio"]


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        (Release("x", (5, 10)), "kernel_too_old"),
        (Release("x", (5, 11)), "unknown"),
        (Release("4.18.0-553.el8_10.x86_64", (4, 18)), "unknown"),
    ],
)
def test_the_first_kernel_with_reasons(release: Release, expected: str) -> None:
    assert codes({**radio(switch=None), "platform": replace(READY.platform, release=release)}) == [expected]


def test_an_old_kernel_with_iwlmei_is_not_too_old() -> None:
    for platform in (replace(OLD, iwlmei=Iwlmei(True, False, False, None)), replace(OLD, out_of_tree=True)):
        assert "kernel_too_old" not in codes({"radios": (PLAIN,), "platform": platform})


# -- the kernels that are installed -----------------------------------------------------------------------------------

RUNNING, NEWER = "6.1.0-18-amd64", "6.1.0-50-amd64"
HAS = Iwlmei(True, True, True, True, "package", True, (RUNNING,), RUNNING, True)
LACKS = Iwlmei(False, False, False, None, for_kernels=(), next_kernel=RUNNING)


def machine(mei: Iwlmei, secure_boot: Optional[bool] = False, **changes: Any) -> Platform:
    return replace(
        READY.platform,
        release=Release(RUNNING, (6, 1)),
        iwlmei=replace(mei, **changes),
        secure_boot=secure_boot,
    )


def told(platform: Platform) -> List[Tuple[str, str]]:
    """Return the warnings, none of which makes the laptop unready."""
    known = replace(READY, platform=platform)
    assert blockers(known) == ()
    return [(warning.code, warning.message) for warning in warnings(known)]


@pytest.mark.parametrize(
    "platform",
    [
        machine(HAS),
        machine(HAS, next_kernel=None),
        machine(HAS, for_kernels=None, next_kernel=NEWER),
        machine(HAS, next_kernel=NEWER, for_kernels=(NEWER, RUNNING), next_signed=False),
        machine(HAS, True, next_kernel=NEWER, for_kernels=(NEWER, RUNNING)),
        machine(HAS, True, next_kernel=NEWER, for_kernels=(NEWER, RUNNING), next_signed=None),
        machine(HAS, None, next_kernel=NEWER, for_kernels=(NEWER, RUNNING), next_signed=False),
        # It is loaded all the same, so this kernel does not refuse it.
        machine(HAS, True, signed=False, next_signed=False),
    ],
)
def test_a_next_boot_without_a_doubt(platform: Platform) -> None:
    assert told(platform) == []


def test_the_kernel_that_boots_next_has_no_iwlmei() -> None:
    ((code, message),) = told(machine(HAS, next_kernel=NEWER))
    assert code == "next_kernel_without_iwlmei"
    assert message.startswith(f"Linux {NEWER}, which boots next, has no module iwlmei")
    assert message.endswith(f"Apply the role vpro.fleet.driver before the laptop restarts, or let Linux {RUNNING} boot")


def test_the_running_kernel_has_lost_its_file() -> None:
    ((code, message),) = told(machine(HAS, for_kernels=(), source=None, signed=None))
    assert code == "next_kernel_without_iwlmei"
    assert message.startswith("the installed kernel, which boots next, has no module iwlmei")
    assert "or let" not in message


def test_the_kernel_that_boots_next_refuses_iwlmei() -> None:
    platform = machine(HAS, True, next_kernel=NEWER, for_kernels=(NEWER, RUNNING), next_signed=False)
    ((code, message),) = told(platform)
    assert code == "next_kernel_refuses_iwlmei"
    assert "Secure Boot" in message
    assert NEWER in message


def test_where_nobody_can_tell_of_the_radios_the_next_boot_is_warned_of() -> None:
    known = replace(READY, radios=(), platform=machine(HAS, next_kernel=NEWER))
    assert [warning.code for warning in warnings(known)] == ["next_kernel_without_iwlmei"]


def test_a_kernel_without_iwlmei_is_not_warned_of_the_next_one() -> None:
    known = replace(READY, platform=machine(LACKS, next_kernel=NEWER))
    assert warnings(known) == ()


@pytest.mark.parametrize(
    ("kernels", "following", "remedy"),
    [
        (None, None, "Apply the role vpro.fleet.driver, or install a kernel"),
        ((), RUNNING, "Apply the role vpro.fleet.driver, or install a kernel"),
        ((NEWER,), NEWER, f"Restart the laptop: Linux {NEWER}, which boots next, has it"),
        ((NEWER,), None, f"Boot Linux {NEWER}, which is installed and has it, or apply the role vpro.fleet.driver"),
        ((NEWER, "6.1.0-9-amd64"), RUNNING, f"Boot Linux {NEWER} or 6.1.0-9-amd64, which is installed and has it"),
    ],
)
@pytest.mark.parametrize("radios", [READY.radios, (PLAIN,)])
def test_what_to_do_about_a_missing_iwlmei(
    radios: Any, kernels: Optional[Tuple[str, ...]], following: Optional[str], remedy: str
) -> None:
    platform = machine(LACKS, for_kernels=kernels, next_kernel=following)
    first = blockers(replace(READY, radios=radios, platform=platform))[0]
    assert first.code == "iwlmei_missing"
    assert first.message.startswith(f"the running kernel has no module iwlmei. {remedy}")


@pytest.mark.parametrize(
    ("signed", "secure_boot", "refused"), [(False, True, True), (False, None, False), (None, True, False)]
)
def test_a_module_that_secure_boot_keeps_out(
    signed: Optional[bool], secure_boot: Optional[bool], refused: bool
) -> None:
    platform = machine(HAS, secure_boot, loaded=False, bound=False, sap_connected=None, signed=signed)
    (blocker,) = blockers(replace(READY, platform=platform))
    assert blocker.code == "iwlmei_not_loaded"
    assert ("Secure Boot" in blocker.message) is refused
    assert ("modprobe" in blocker.message) is not refused
