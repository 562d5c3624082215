# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told of the one interface of a laptop.

Test files import from here by this file's full name.
"""

from __future__ import annotations

from typing import List, Optional, Tuple

from ansible_collections.vpro.fleet.plugins.module_utils._managers.survey import read_managers
from ansible_collections.vpro.fleet.plugins.module_utils._network.managed import Managed
from ansible_collections.vpro.fleet.plugins.module_utils._system.patience import Patience
from ansible_collections.vpro.fleet.plugins.module_utils._system.reading import Reading
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import Machine

#: Longer than a test takes on a machine that is slow.
LONG = Patience(60.0, call=600.0)
WLAN0: List[Tuple[str, Optional[int]]] = [("wlan0", 3)]


def manager(machine: Machine, *unreadable: str, patience: Patience = LONG) -> Managed:
    """Return who runs wlan0; *unreadable* is all that could not be read."""
    reading = Reading()
    found = read_managers(WLAN0, reading, patience, machine.places)
    assert [note.what for note in reading.unreadable] == list(unreadable)
    assert [managed.interface for managed in found] == ["wlan0"]
    return found[0]
