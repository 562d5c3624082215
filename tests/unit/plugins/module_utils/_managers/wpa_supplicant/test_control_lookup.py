# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finding the supplicant of an interface: its control socket, and its service."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import control
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import AccessDenied, NotFound
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.wpa_supplicant.fake_pinning import (
    FakeSupplicant,
)
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
    assert control.supplicant_is_enabled("wl-0", machine.places) is enabled


def test_the_control_socket_of_an_interface(fake: FakeSupplicant, tmp_path: Path) -> None:
    directories = (str(tmp_path / "absent"), str(tmp_path))
    assert control.control_socket("wlan0", directories) == fake.path


@pytest.mark.parametrize("interface", ["wlan1", "", ".", "..", "../wlan0", "sub/../wlan0", "file", "a\0b"])
def test_no_control_socket(fake: FakeSupplicant, tmp_path: Path, interface: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "sub").mkdir()
    directories = (str(tmp_path / "absent"), str(tmp_path / "sub"), str(tmp_path))
    with pytest.raises(NotFound, match="Start wpa_supplicant") as caught:
        control.control_socket(interface, directories)
    assert caught.value.what == f"no wpa_supplicant offers a control socket for {interface!r}"
    assert caught.value.where == ", ".join(directories)


def test_a_control_directory_for_others(fake: FakeSupplicant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.stat

    def refuse(path: str) -> os.stat_result:
        if path.startswith("/closed"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", refuse)
        with pytest.raises(AccessDenied, match="GROUP") as caught:
            control.control_socket("wlan0", ("/closed", "/closed/too", str(tmp_path / "absent")))
        assert control.control_socket("wlan0", ("/closed", str(tmp_path))) == fake.path
    assert caught.value.where == "/closed"
    assert caught.value.what == "this user may not use the supplicant's control directory"
