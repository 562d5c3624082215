# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A kernel that answers by a script, in place of the real one, and a socket to it."""

from __future__ import annotations

from typing import Iterator

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._radio import netlink
from ansible_collections.vpro.fleet.plugins.module_utils._radio.netlink import NetlinkSocket
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.conftest import Kernel


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kernel]:
    double = Kernel()
    monkeypatch.setattr(netlink, "_open", lambda _protocol: double)
    yield double
    double.close()


@pytest.fixture
def sock(kernel: Kernel) -> Iterator[NetlinkSocket]:
    with netlink.NetlinkSocket(netlink.NETLINK_GENERIC, "test socket") as opened:
        yield opened
