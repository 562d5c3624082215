# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Generic netlink's families, looked up in a scripted kernel."""

from __future__ import annotations

import errno
import time
from typing import List, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._radio import netlink
from ansible_collections.vpro.fleet.plugins.module_utils._radio.netlink import NetlinkSocket
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import DecodeFailed, NotFound, TimedOut
from ansible_collections.vpro.fleet.plugins.module_utils._system.patience import Patience
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.conftest import (
    BUSY,
    Kernel,
    ack,
    attribute,
    generic,
    sequence_of,
    u8,
    u16,
    u32,
)


def family_reply(sequence: int, *attributes: bytes) -> List[bytes]:
    return [generic(16, 1, *attributes, sequence=sequence), ack(sequence)]


def groups(*pairs: Tuple[bytes, int]) -> bytes:
    return attribute(7, b"".join(attribute(i, attribute(1, n) + u32(2, g)) for i, (n, g) in enumerate(pairs, 1)))


def test_family(kernel: Kernel, sock: NetlinkSocket) -> None:
    answer = u16(1, 34), attribute(2, b"nl80211\0"), u32(3, 1), groups((b"config\0", 6), (b"vendor\0", 11))
    kernel.answer = lambda request: family_reply(sequence_of(request), *answer)
    assert netlink.family(sock, "nl80211") == netlink.Family(34, {"config": 6, "vendor": 11})
    assert kernel.requests == [generic(16, 3, attribute(2, b"nl80211\0"), flags=0x05, sequence=1)]


def test_family_without_groups(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.answer = lambda request: family_reply(sequence_of(request), u16(1, 34))
    assert netlink.family(sock, "x") == netlink.Family(34, {})


@pytest.mark.parametrize(
    "attributes",
    [
        (),
        (groups((b"a\0", 1)),),
        (u16(1, 34), attribute(7, attribute(1, u32(2, 1)))),
        (u16(1, 34), attribute(7, attribute(1, attribute(1, b"a\0")))),
        (u16(1, 34), attribute(7, attribute(1, attribute(1, b"a\0") + u8(2, 1)))),
        (u16(1, 34), attribute(7, b"\0\0\0\0")),
        (u32(1, 34),),
    ],
)
def test_malformed_family(kernel: Kernel, sock: NetlinkSocket, attributes: Tuple[bytes, ...]) -> None:
    kernel.answer = lambda request: family_reply(sequence_of(request), *attributes)
    with pytest.raises(DecodeFailed) as caught:
        netlink.family(sock, "x")
    assert caught.value.where == "Looking up the netlink family x"


def test_a_family_that_there_is_not(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.answer = lambda request: [ack(sequence_of(request), errno.ENOENT)]
    with pytest.raises(NotFound, match="The kernel has no netlink family x") as caught:
        netlink.family(sock, "x")
    assert caught.value.where == "test socket"
    assert caught.value.remedy.startswith("Load the kernel module that provides it")


def test_a_family_is_not_waited_for_longer_than_asked(kernel: Kernel, sock: NetlinkSocket) -> None:
    sock._patience = Patience(0.05)
    begun = time.monotonic()
    with pytest.raises(TimedOut, match="Looking up the netlink family x"):
        netlink.family(sock, "x")
    assert time.monotonic() - begun < BUSY / 2


def test_family_without_an_answer(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.answer = lambda request: [ack(sequence_of(request))]
    with pytest.raises(DecodeFailed, match="empty") as caught:
        netlink.family(sock, "x")
    assert caught.value.where == "test socket"
