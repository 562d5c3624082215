# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The NIC as its hardware shows it to CSME, which counts while SAP is down: a register of both (``pcie/trans.c``).

Here it is two parameters of the kernel module that stands for the host's driver (``kmod/iwlmvm_shim/mvm.c``).
"""

from __future__ import annotations

from pathlib import Path

_PARAMETERS = Path("/sys/module/iwlmvm_shim/parameters")


class Register:
    """The register, as :class:`.around.Nic`.

    Args:
        folder: where its parameters are. Without the module, nobody uses the NIC.
    """

    def __init__(self, folder: Path = _PARAMETERS) -> None:
        self._started = folder / "started"
        self._held = folder / "csme_holds"

    def in_use(self) -> bool:
        """See :class:`.around.Nic`."""
        return self._started.exists() and self._started.read_text(encoding="ascii").strip() == "Y"

    def hold(self, *, held: bool) -> None:
        """See :class:`.around.Nic`."""
        if self._held.exists():
            self._held.write_text("Y" if held else "N", encoding="ascii")
