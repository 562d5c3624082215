# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdict about kernels: their version counts only where it tells what their drivers can do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._radio.values import Iwlmei, Release
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
