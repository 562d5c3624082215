# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Netlink with the kernel that runs this."""

from __future__ import annotations

import errno
from typing import Iterator

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._radio import netlink, netlink_codec
from ansible_collections.vpro.fleet.plugins.module_utils._radio.netlink import NetlinkSocket
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import NotFound, TransportFailed
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._radio.fake_netlink import WHERE


@pytest.fixture
def real() -> Iterator[NetlinkSocket]:
    try:
        opened = netlink.NetlinkSocket(netlink.NETLINK_GENERIC, "test socket")
    except TransportFailed as error:
        pytest.skip(f"no generic netlink here: {error}")
    with opened:
        yield opened


def test_a_real_family(real: NetlinkSocket) -> None:
    found = netlink.family(real, "nlctrl")
    assert found.number == 16
    assert found.groups["notify"] == 16
    assert netlink.family(real, "nlctrl") == found


def test_a_real_missing_family(real: NetlinkSocket) -> None:
    with pytest.raises(NotFound, match="no netlink family no-such-family"):
        netlink.family(real, "no-such-family")
    assert netlink.family(real, "nlctrl").number == 16


def test_a_real_dump(real: NetlinkSocket) -> None:
    kind = netlink_codec.message_class("genlmsg", netlink._CTRL)
    replies = real.request("Listing families", kind, 16, {"cmd": 3, "version": 1}, dump=True)
    names = [netlink_codec.text(netlink_codec.decode(kind, reply, WHERE)["CTRL_ATTR_FAMILY_NAME"]) for reply in replies]
    assert "nlctrl" in names


def test_a_real_error(real: NetlinkSocket) -> None:
    kind = netlink_codec.message_class("genlmsg", netlink._CTRL)
    with pytest.raises(TransportFailed) as caught:
        real.request("Asking nonsense", kind, 16, {"cmd": 250, "version": 1})
    assert caught.value.errno == errno.EOPNOTSUPP


def test_a_real_subscription(real: NetlinkSocket) -> None:
    real.join(netlink.family(real, "nlctrl").groups["notify"])
    assert real.receive() is None
