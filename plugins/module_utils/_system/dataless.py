# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base class of those events and actions of the state machines that carry no data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dataless:
    """An event or action that carries no data. It is equal to every other instance of its own class, and to no other.

    Those events and actions inherit from this one dataclass. To make each of them a dataclass of its own would cost the
    watcher about 15 KiB of memory for each, for as long as it runs.
    """
