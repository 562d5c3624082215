# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the pure machines' events and actions have in common that carry nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bare:
    """An event or action that carries nothing: equal to every other of its own class, and to no other.

    One generated class for all of them. Each costs the watcher some 15 KiB of memory that it never gives back.
    """
