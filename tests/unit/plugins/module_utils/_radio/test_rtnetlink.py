# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import errno
import socket
import struct
from typing import List, Tuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.vpro.fleet.plugins.module_utils._radio import netlink, rtnetlink
from ansible_collections.vpro.fleet.plugins.module_utils._radio.netlink import MalformedEvent
from ansible_collections.vpro.fleet.plugins.module_utils._radio.rtnetlink import (
    Address,
    AddressEvent,
    AddressEvents,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import DecodeFailed, TransportFailed
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.conftest import (
    Kernel,
    ack,
    attribute,
    done,
    message,
    sequence_of,
    u32,
)

NEW, DELETED = 20, 21
V4, V6 = bytes([192, 0, 2, 7]), bytes.fromhex("20010db8000000000000000000000007")
OPTIMISTIC, DADFAILED, TENTATIVE, PERMANENT = 0x04, 0x08, 0x40, 0x80


def address(
    *attributes: bytes,
    kind: int = NEW,
    family: int = socket.AF_INET,
    prefix: int = 24,
    flags: int = 0,
    scope: int = 0,
    ifindex: int = 3,
    sequence: int = 0,
) -> bytes:
    payload = struct.pack("=BBBBI", family, prefix, flags, scope, ifindex) + b"".join(attributes)
    return message(kind, payload, flags=2, sequence=sequence)


def v6(*attributes: bytes, flags: int = 0, kind: int = NEW, prefix: int = 64) -> bytes:
    return address(attribute(1, V6), *attributes, family=socket.AF_INET6, prefix=prefix, flags=flags, kind=kind)


INET = Address("192.0.2.7", 24, "inet", 0)
INET6 = Address("2001:db8::7", 64, "inet6", 0)


def test_ipv4() -> None:
    parts = (
        attribute(1, V4),
        attribute(2, V4),
        attribute(4, b"\xc0\0\2\xff"),
        attribute(3, b"wlan0\0"),
        u32(8, PERMANENT),
    )
    assert rtnetlink.decode_address(address(*parts)) == AddressEvent(True, 3, INET)
    assert rtnetlink.decode_address(address(*parts, kind=DELETED)) == AddressEvent(False, 3, INET)


def test_ipv6() -> None:
    cacheinfo = attribute(6, bytes(16))
    assert rtnetlink.decode_address(v6(cacheinfo, u32(8, PERMANENT))) == AddressEvent(True, 3, INET6)


@pytest.mark.parametrize("scope", [0, 253, 254])
def test_scope(scope: int) -> None:
    event = rtnetlink.decode_address(address(attribute(1, V4), scope=scope))
    assert event is not None
    assert event.address.scope == scope


def test_a_point_to_point_link() -> None:
    event = rtnetlink.decode_address(address(attribute(1, bytes([198, 51, 100, 1])), attribute(2, V4)))
    assert event == AddressEvent(True, 3, INET)


@pytest.mark.parametrize(
    ("flags", "usable"),
    [
        (0, True),
        (PERMANENT, True),
        (TENTATIVE, False),
        (TENTATIVE | PERMANENT, False),
        (TENTATIVE | OPTIMISTIC, True),
        (DADFAILED | TENTATIVE, False),
        (DADFAILED, False),
        (DADFAILED | OPTIMISTIC, False),
        (0x100, True),
    ],
)
def test_an_ipv6_address_that_cannot_be_used_yet(flags: int, usable: bool) -> None:
    event = AddressEvent(True, 3, INET6)
    assert rtnetlink.decode_address(v6(u32(8, flags))) == (event if usable else None)
    if flags < 0x100:  # an old kernel without the attribute
        assert rtnetlink.decode_address(v6(flags=flags)) == (event if usable else None)
    assert rtnetlink.decode_address(v6(u32(8, flags), kind=DELETED)) == AddressEvent(False, 3, INET6)


def test_what_is_not_an_ip_address() -> None:
    assert rtnetlink.decode_address(address(attribute(1, b"\0\0"), family=12)) is None  # DECnet
    assert rtnetlink.decode_address(message(16, bytes(16))) is None  # a link


@pytest.mark.parametrize(
    "data",
    [
        address(),
        address(attribute(1, V6)),
        address(attribute(1, b"")),
        address(attribute(1, V4), prefix=33),
        address(attribute(1, V4), attribute(2, b"123")),
        address(attribute(1, V4), attribute(8, b"\0")),
        address(attribute(1, V4), family=socket.AF_INET6),
        v6(prefix=129),
        address(attribute(1, V4))[:-1],
        address(attribute(1, V4)) + b"\0",
        address(struct.pack("=HH", 0, 1)),
        message(NEW, b"\2\0\0\0"),
        message(NEW, b""),
    ],
)
def test_malformed(data: bytes) -> None:
    with pytest.raises(DecodeFailed) as caught:
        rtnetlink.decode_address(data)
    assert caught.value.where == "address message"


@settings(deadline=None)
@given(
    st.sampled_from([(socket.AF_INET, 4, 32), (socket.AF_INET6, 16, 128)]),
    st.binary(min_size=16, max_size=16),
    st.integers(0, 32),
    st.integers(0, 255),
    st.integers(0, 2**31 - 1),
)
def test_any_address(family: Tuple[int, int, int], packed: bytes, less: int, scope: int, ifindex: int) -> None:
    number, size, most = family
    data = address(attribute(1, packed[:size]), family=number, prefix=most - less, scope=scope, ifindex=ifindex)
    event = rtnetlink.decode_address(data)
    assert event is not None
    assert socket.inet_pton(number, event.address.address) == packed[:size]
    assert (event.ifindex, event.address.prefix, event.address.scope) == (ifindex, most - less, scope)


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=60))
def test_arbitrary_bytes(data: bytes) -> None:
    for whole in (data, message(NEW, data), address(data)):
        with contextlib.suppress(DecodeFailed):
            rtnetlink.decode_address(whole)


# -- against a scripted kernel ----------------------------------------------------------------------------------------


def test_addresses(kernel: Kernel) -> None:
    def answer(request: bytes) -> List[bytes]:
        sequence = sequence_of(request)
        return [
            address(attribute(1, bytes([127, 0, 0, 1])), ifindex=1, prefix=8, sequence=sequence)  # an older kernel
            + address(attribute(1, V4), sequence=sequence),
            done(sequence),
        ]

    kernel.answer = answer
    assert rtnetlink.addresses(3) == (INET,)
    wanted = message(22, struct.pack("=BBBBI", 0, 0, 0, 0, 3), flags=0x301, sequence=1)
    assert kernel.requests == [wanted]
    assert kernel.fileno() == -1


def test_addresses_of_no_interface(kernel: Kernel) -> None:
    kernel.answer = lambda request: [ack(sequence_of(request), errno.ENODEV)]
    assert rtnetlink.addresses(3) == ()
    assert kernel.fileno() == -1


def test_addresses_refused(kernel: Kernel) -> None:
    kernel.answer = lambda request: [ack(sequence_of(request), errno.EBUSY)]
    with pytest.raises(TransportFailed):
        rtnetlink.addresses(3)
    assert kernel.fileno() == -1


def test_events(kernel: Kernel) -> None:
    with AddressEvents() as events:
        assert kernel.groups == [5, 9]
        assert events.fileno() == kernel.fileno()
        assert events.read() == ()
        kernel.queue(address(attribute(1, V4)))
        kernel.queue(v6(flags=TENTATIVE))
        kernel.queue(b"\xff" * 24)
        kernel.queue(address(attribute(1, b"x")))
        kernel.queue(OSError(errno.ENOBUFS, "No buffer space available"))
        kernel.queue(address(attribute(1, V4), kind=DELETED))
        assert events.read() == (AddressEvent(True, 3, INET),)
        assert events.read() == ()
        for _count in range(2):
            (malformed,) = events.read()
            assert isinstance(malformed, MalformedEvent)
            assert malformed.reason
        with pytest.raises(netlink.EventsLost):
            events.read()
        assert events.read() == (AddressEvent(False, 3, INET),)
    assert kernel.fileno() == -1


# -- the kernel that runs this ----------------------------------------------------------------------------------------


def test_the_loopback_interface() -> None:
    try:
        found = rtnetlink.addresses(socket.if_nametoindex("lo"))
    except (OSError, TransportFailed) as error:
        pytest.skip(f"no loopback interface here: {error}")
    if not found:
        pytest.skip("the loopback interface is down")
    assert Address("127.0.0.1", 8, "inet", 254) in found


def test_no_such_interface() -> None:
    assert rtnetlink.addresses(2**31 - 1) == ()


def test_a_real_subscription() -> None:
    with AddressEvents() as events:
        assert events.fileno() >= 0
        assert all(isinstance(event, AddressEvent) for event in events.read())


def test_an_interface_is_brought_up(kernel: Kernel) -> None:
    kernel.answer = lambda request: [ack(sequence_of(request))]
    rtnetlink.bring_up(7)
    (request,) = kernel.requests
    size, kind, flags = struct.unpack_from("=IHH", request)
    assert (size, kind, flags) == (32, 16, 0x5)
    assert struct.unpack_from("=BBHiII", request, 16) == (0, 0, 0, 7, 1, 1)


def test_an_interface_that_can_not_be_brought_up_is_told(kernel: Kernel) -> None:
    kernel.answer = lambda request: [ack(sequence_of(request), errno.ERFKILL)]
    with pytest.raises(TransportFailed, match="Bringing interface 7 up") as caught:
        rtnetlink.bring_up(7)
    assert caught.value.errno == errno.ERFKILL


def link(ifindex: int, flags: int, kind: int = 16) -> bytes:
    return message(kind, struct.pack("=BxHiII", 0, 1, ifindex, flags, 0) + u32(13, 1400))


def test_links_that_come_up_and_go_down_are_heard(kernel: Kernel) -> None:
    events = rtnetlink.LinkEvents()
    assert kernel.groups == [1]
    kernel.queue(link(3, 0x1003) + link(4, 0x1002) + link(5, 0x1003, kind=17))
    assert events.read() == (rtnetlink.LinkEvent(3, True), rtnetlink.LinkEvent(4, False))
    assert events.read() == ()
    kernel.queue(message(16, b"\0\0\1\0"))
    (malformed,) = events.read()
    assert isinstance(malformed, MalformedEvent)
    assert events.fileno() >= 0
    events.close()
    events.close()
