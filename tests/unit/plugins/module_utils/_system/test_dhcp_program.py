# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asking a DHCP client anew by its program."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Sequence, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system import dhcp_program
from ansible_collections.vpro.fleet.plugins.module_utils._system.dhcp import Client
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import TimedOut, TransportFailed
from ansible_collections.vpro.fleet.plugins.module_utils._system.program import Finished


@pytest.mark.parametrize(
    ("client", "argv"),
    [
        (Client.NETWORKD, ("networkctl", "reconfigure", "wlan0")),
        (Client.DHCPCD, ("dhcpcd", "--rebind", "--nodelay", "--noarp", "wlan0")),
    ],
)
def test_a_program_asks(monkeypatch: pytest.MonkeyPatch, client: Client, argv: Tuple[str, ...]) -> None:
    ran = []
    answers = [Finished(0, b"", b""), Finished(1, b"", b"no \xff\n")]

    def run(argv: Sequence[str], timeout: float) -> Finished:
        ran.append(tuple(argv))
        assert 0 < timeout <= 1.0, "a handover hears nothing meanwhile"
        return answers.pop(0)

    monkeypatch.setattr(f"{dhcp_program.__name__}.program.run", run)
    dhcp_program.ask(client, "wlan0")
    assert ran == [argv]
    with pytest.raises(TransportFailed, match=r"ended with 1: no \\xff"):
        dhcp_program.ask(client, "wlan0")


def test_a_program_that_hangs_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "networkctl"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(f"{dhcp_program.__name__}._SECONDS", 0.1)
    with pytest.raises(TimedOut):
        dhcp_program.ask(Client.NETWORKD, "wlan0")
