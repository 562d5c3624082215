# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The NIC's hardware, as the module of the host's driver shows it."""

from __future__ import annotations

from pathlib import Path

from vpro_lab.engine.nic import Register


def test_it_reads_and_writes_the_modules_parameters(tmp_path: Path) -> None:
    started, holds = tmp_path / "started", tmp_path / "csme_holds"
    register = Register(tmp_path)
    register.hold(held=True)
    assert not register.in_use(), "there is no module"
    assert not holds.exists()
    started.write_text("Y\n")
    holds.write_text("N\n")
    register.hold(held=True)
    assert (register.in_use(), holds.read_text()) == (True, "Y")
    started.write_text("N\n")
    register.hold(held=False)
    assert (register.in_use(), holds.read_text()) == (False, "N")
