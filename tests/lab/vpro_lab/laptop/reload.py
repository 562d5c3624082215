# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The laptop's own radio goes and comes back, as at a reload of its driver."""

from __future__ import annotations

import shlex
from pathlib import Path

from .control import INTERFACE

_PROGRAM = Path(__file__).with_name("reload_program.py").read_text(encoding="utf-8")
#: The command of the laptop's shell that does it. The radios of the access point and of CSME stay.
RELOAD = f"python3 -c {shlex.quote(_PROGRAM)} {INTERFACE}"
