# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkManager on the bus of a laptop, where it runs."""

from __future__ import annotations

import pytest

from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.networkmanager.fake_laptop import Laptop
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_bus import FakeBus


@pytest.fixture
def networkmanager(fake_bus: FakeBus) -> Laptop:
    """What NetworkManager says where it runs."""
    return Laptop(fake_bus)
