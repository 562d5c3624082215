# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A connection to the tests' bus, and the service that is asked there.

Test files import the names from here by this file's full name.
"""

from __future__ import annotations

from typing import Any, Iterator, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system.dbus import SystemBus
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_bus import FakeBus

SERVICE, PATH, INTERFACE = "org.example.Thing", "/org/example/Thing", "org.example.Thing"


def call(bus: SystemBus, member: str, signature: str = "", body: Tuple[Any, ...] = ()) -> Tuple[Any, ...]:
    return bus.call(SERVICE, PATH, INTERFACE, member, signature, body)


@pytest.fixture
def bus(fake_bus: FakeBus) -> Iterator[SystemBus]:
    made = SystemBus()
    yield made
    made.close()
