# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The netlink socket, against a scripted kernel: how it is opened, subscribed, read and closed."""

from __future__ import annotations

import errno
import os
import select
import socket
from typing import List, Tuple, Type

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._radio import netlink
from ansible_collections.vpro.fleet.plugins.module_utils._radio.netlink import NetlinkSocket
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    AccessDenied,
    DecodeFailed,
    FleetError,
    NotFound,
    TransportFailed,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._radio.fake_netlink import ask
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.conftest import Kernel, ack, generic, sequence_of


def test_lost_events(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.queue(generic(20, 1))
    kernel.queue(OSError(errno.ENOBUFS, "No buffer space available"))
    kernel.queue(generic(20, 2))
    assert sock.receive()
    with pytest.raises(netlink.EventsLost, match="The kernel dropped events") as caught:
        sock.receive()
    assert (caught.value.code, caught.value.where) == ("events_lost", "test socket")
    assert sock.receive()
    assert sock.receive() is None


def test_a_failing_socket(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.queue(OSError(errno.EBADF, "Bad file descriptor"))
    with pytest.raises(TransportFailed, match="Cannot read") as caught:
        sock.receive()
    assert (caught.value.errno, caught.value.where) == (errno.EBADF, "test socket")
    kernel.queue(OSError("without a number"))
    with pytest.raises(TransportFailed) as caught:
        sock.receive()
    assert caught.value.errno == 0


def test_a_request_that_can_not_be_sent(monkeypatch: pytest.MonkeyPatch, kernel: Kernel, sock: NetlinkSocket) -> None:
    def refuse(_data: bytes, _address: object) -> None:
        raise OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))

    monkeypatch.setattr(kernel, "sendto", refuse)
    with pytest.raises(TransportFailed, match="Cannot write to the netlink socket: No buffer space") as caught:
        ask(sock)
    assert (caught.value.errno, caught.value.where) == (errno.ENOBUFS, "test socket")


def test_an_older_kernel_that_knows_no_options_will_do(monkeypatch: pytest.MonkeyPatch, kernel: Kernel) -> None:
    def refuse(_level: int, _option: int, _value: int) -> None:
        raise OSError(errno.ENOPROTOOPT, os.strerror(errno.ENOPROTOOPT))

    monkeypatch.setattr(kernel, "setsockopt", refuse)
    kernel.answer = lambda request: [ack(sequence_of(request))]
    with netlink.NetlinkSocket(netlink.NETLINK_GENERIC, "test socket") as opened:
        assert ask(opened) == ()


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.EPERM, AccessDenied, "Operation not permitted"),
        (errno.ENOENT, NotFound, "No such file or directory"),
        (errno.EINVAL, TransportFailed, "Invalid argument"),
    ],
)
def test_a_group_that_may_not_be_joined(
    monkeypatch: pytest.MonkeyPatch,
    kernel: Kernel,
    sock: NetlinkSocket,
    number: int,
    kind: Type[FleetError],
    words: str,
) -> None:
    def refuse(_level: int, _option: int, _value: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(kernel, "setsockopt", refuse)
    with pytest.raises(kind) as caught:
        sock.join(11)
    assert caught.value.what == f"Subscribing to group 11: {words}"
    assert caught.value.where == "test socket"
    assert getattr(caught.value, "errno", number) == number


def test_only_the_kernel_is_believed(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.port = 4711
    kernel.queue(generic(20, 1))
    assert sock.receive() == []


def test_a_malformed_datagram_is_skipped_over(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.queue(b"\xff" * 20)
    with pytest.raises(DecodeFailed, match="at offset 0 is cut short") as caught:
        sock.receive()
    assert caught.value.where == "test socket"
    kernel.queue(bytes(netlink.RECEIVE_BUFFER + 1))
    with pytest.raises(DecodeFailed, match="longer than") as caught:
        sock.receive()
    assert caught.value.where == "test socket"
    for _datagram in range(2):
        kernel.queue(b"\xff" * 20)  # left unread: a request throws it away
    kernel.queue(OSError(errno.ENOBUFS, "No buffer space available"))
    kernel.queue(b"\xff" * 20)
    kernel.answer = lambda request: [ack(sequence_of(request))]
    assert ask(sock) == ()


def test_closing(kernel: Kernel) -> None:
    sock = netlink.NetlinkSocket(netlink.NETLINK_GENERIC, "test socket")
    assert sock.fileno() == kernel.fileno()
    sock.close()
    sock.close()
    assert kernel.fileno() == -1


def test_no_such_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_protocol: int) -> None:
        raise OSError(errno.EPROTONOSUPPORT, "Protocol not supported")

    monkeypatch.setattr(netlink, "_open", refuse)
    with pytest.raises(TransportFailed, match="Cannot open the netlink socket: Protocol not supported") as caught:
        netlink.NetlinkSocket(netlink.NETLINK_GENERIC, "test socket")
    assert (caught.value.where, caught.value.errno) == ("test socket", errno.EPROTONOSUPPORT)


def test_how_the_socket_is_opened_and_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel()
    opened: List[Tuple[int, ...]] = []
    options: List[Tuple[int, ...]] = []
    polled: List[Tuple[int, ...]] = []

    class Poll:
        def register(self, *arguments: int) -> None:
            polled.append(arguments)

    def open_socket(*arguments: int) -> Kernel:
        opened.append(arguments)
        return kernel

    monkeypatch.setattr(f"{netlink.__name__}.socket.socket", open_socket)
    monkeypatch.setattr(f"{netlink.__name__}.select.poll", Poll)
    monkeypatch.setattr(kernel, "setsockopt", lambda *arguments: options.append(arguments))
    made = netlink.NetlinkSocket(netlink.NETLINK_ROUTE, "test socket")
    # No program that is run later gets it.
    assert opened == [(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)]
    # Plain errors with explanations, and dumps that are filtered; linux/include/uapi/linux/netlink.h.
    assert options == [(270, 10, 1), (270, 11, 1), (270, 12, 1)]
    # That it could be written to is nothing to wake up for.
    assert polled == [(kernel.fileno(), select.POLLIN)]
    made.close()
