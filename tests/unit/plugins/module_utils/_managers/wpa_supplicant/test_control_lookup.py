# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finding the supplicant of an interface: its control socket, and its service."""

from __future__ import annotations

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import control
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import Machine


@pytest.mark.parametrize(
    ("link", "enabled"),
    [
        ("etc/systemd/system/multi-user.target.wants/wpa_supplicant@wl\\x2d0.service", True),
        ("run/systemd/system/multi-user.target.requires/wpa_supplicant@wl\\x2d0.service", True),
        ("etc/systemd/system/multi-user.target.wants/wpa_supplicant@wlan1.service", False),
        ("etc/systemd/system/multi-user.target.d/wpa_supplicant@wl\\x2d0.service", False),
        ("etc/systemd/system/wpa_supplicant@wl\\x2d0.service", False),
    ],
)
def test_a_supplicant_is_enabled_by_what_wants_or_requires_it(machine: Machine, link: str, enabled: bool) -> None:
    at = machine.path / link
    at.parent.mkdir(parents=True)
    at.symlink_to("/nowhere/wpa_supplicant@.service")  # the template may not be there yet
    assert control.supplicant_is_enabled("wl-0", machine.root) is enabled
