# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests and their answers, against a scripted kernel."""

from __future__ import annotations

import errno
import os
import signal
import struct
import time
from typing import Any, List, Type

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.vpro.fleet.plugins.module_utils._radio import netlink, netlink_codec
from ansible_collections.vpro.fleet.plugins.module_utils._radio.netlink import NetlinkSocket
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    AccessDenied,
    DecodeFailed,
    FleetError,
    NotFound,
    TimedOut,
    TransportFailed,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._radio.fake_netlink import WHERE, ask, genl, silence
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.conftest import (
    BUSY,
    Kernel,
    ack,
    attribute,
    done,
    generic,
    message,
    sequence_of,
    u32,
)


def test_request_and_ack(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.answer = lambda request: [
        generic(20, 2, u32(3, 8), sequence=sequence_of(request)),
        ack(sequence_of(request)),
    ]
    (reply,) = ask(sock)
    assert netlink_codec.decode(genl(), reply, WHERE)["WORD"] == 8
    assert kernel.requests == [generic(20, 1, u32(3, 7), flags=0x05, sequence=1)]


def test_answer_and_ack_in_one_datagram(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.answer = lambda request: [generic(20, 2, sequence=sequence_of(request)) + ack(sequence_of(request))]
    assert len(ask(sock)) == 1


def test_only_an_ack(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.answer = lambda request: [ack(sequence_of(request))]
    assert ask(sock) == ()


def test_dump_in_several_datagrams(kernel: Kernel, sock: NetlinkSocket) -> None:
    def answer(request: bytes) -> List[bytes]:
        parts = [generic(20, 2, u32(3, value), flags=2, sequence=sequence_of(request)) for value in range(5)]
        return [
            b"".join(parts[:3]),
            message(1, b"", sequence=sequence_of(request)) + parts[3],
            parts[4],
            done(sequence_of(request)),
        ]

    kernel.answer = answer
    assert [netlink_codec.decode(genl(), part, WHERE)["WORD"] for part in ask(sock, dump=True)] == [0, 1, 2, 3, 4]
    assert kernel.requests == [generic(20, 1, u32(3, 7), flags=0x301, sequence=1)]


def test_an_empty_dump_whose_end_has_no_status(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.answer = lambda request: [message(3, b"", sequence=sequence_of(request))]
    assert ask(sock, dump=True) == ()


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.EPERM, AccessDenied),
        (errno.EACCES, AccessDenied),
        (errno.ENODEV, NotFound),
        (errno.ENOENT, NotFound),
        (errno.EINVAL, TransportFailed),
        (errno.EOPNOTSUPP, TransportFailed),
        (524, TransportFailed),  # ENOTSUPP, which only the kernel knows
        (errno.EBUSY, TransportFailed),
    ],
)
@pytest.mark.parametrize("dump", [False, True])
@pytest.mark.parametrize(("user", "remedy"), [(1000, "Run as root"), (0, "Root lacks CAP_NET_ADMIN")])
def test_errors(
    kernel: Kernel,
    sock: NetlinkSocket,
    number: int,
    kind: Type[FleetError],
    dump: bool,
    user: int,
    remedy: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    kernel.answer = lambda request: [ack(sequence_of(request), number)]
    with pytest.raises(kind, match="Asking: ") as caught:
        ask(sock, dump=dump)
    assert caught.value.where == "test socket"
    assert getattr(caught.value, "errno", number) == number
    assert caught.value.remedy.startswith(remedy) == (kind is AccessDenied)
    assert "(" not in str(caught.value).partition(" (test socket)")[0], "the kernel explained nothing"
    kernel.answer = lambda request: [ack(sequence_of(request))]
    assert ask(sock) == ()


def test_a_dump_that_fails_at_its_end(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.answer = lambda request: [
        generic(20, 2, flags=2, sequence=sequence_of(request)),
        done(sequence_of(request), error=errno.EIO),
    ]
    with pytest.raises(TransportFailed) as caught:
        ask(sock, dump=True)
    assert caught.value.errno == errno.EIO


def test_the_kernels_explanation(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.answer = lambda request: [ack(sequence_of(request), errno.EINVAL, "no such thing")]
    with pytest.raises(TransportFailed, match=r"Invalid argument \(no such thing\)"):
        ask(sock)


@pytest.mark.parametrize("extra", [b"", b"odd"])
def test_the_kernels_explanation_behind_the_whole_request(kernel: Kernel, sock: NetlinkSocket, extra: bytes) -> None:
    def answer(request: bytes) -> List[bytes]:  # of an older kernel, which does not cap
        asked = message(20, request[16:] + extra, sequence=1) + bytes(-len(extra) % 4)
        payload = struct.pack("=i", -errno.EINVAL) + asked + attribute(1, b"no such thing\0") + u32(2, 20)
        return [message(2, payload, flags=0x200, sequence=sequence_of(request))]

    kernel.answer = answer
    with pytest.raises(TransportFailed, match="no such thing"):
        ask(sock)


@pytest.mark.parametrize(
    ("rest", "flags"),
    [
        (attribute(1, b"no such thing\0"), 0x100),  # nothing says that an explanation follows
        (u32(2, 20), 0x300),
        (b"\xff\xff\xff\xff", 0x300),
        (b"", 0x300),
    ],
)
def test_an_error_that_the_kernel_does_not_explain(
    kernel: Kernel, sock: NetlinkSocket, rest: bytes, flags: int
) -> None:
    payload = struct.pack("=i", -errno.EINVAL) + struct.pack("=IHHII", 20, 0, 0, 0, 0) + rest
    kernel.answer = lambda request: [message(2, payload, flags=flags, sequence=sequence_of(request))]
    with pytest.raises(TransportFailed) as caught:
        ask(sock)
    assert caught.value.what == "Asking: Invalid argument"


@settings(deadline=None)
@given(rest=st.binary(max_size=40), flags=st.sampled_from([0, 0x100, 0x200, 0x300]))
def test_any_error_message(rest: bytes, flags: int) -> None:
    payload = struct.pack("=i", -errno.EINVAL) + rest
    (error,) = netlink_codec.split(message(2, payload, flags=flags), WHERE)
    with silence():
        assert netlink._outcome(error, WHERE)[0] == errno.EINVAL


def test_an_error_message_that_is_cut_short(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.answer = lambda request: [message(2, b"\0\0", sequence=sequence_of(request))]
    with pytest.raises(DecodeFailed, match="cut short") as caught:
        ask(sock)
    assert caught.value.where == "test socket"


@pytest.mark.parametrize("at_the_end", [False, True])
def test_a_list_that_changed_is_asked_for_again(kernel: Kernel, sock: NetlinkSocket, at_the_end: bool) -> None:
    def answer(request: bytes) -> List[bytes]:
        first = len(kernel.requests) == 1
        part = generic(20, 2, flags=2 | (0x10 if first and not at_the_end else 0), sequence=sequence_of(request))
        return [part, done(sequence_of(request), flags=0x10 if first and at_the_end else 0)]

    kernel.answer = answer
    assert len(ask(sock, dump=True)) == 1
    assert len(kernel.requests) == 2


def test_a_command_is_never_sent_twice(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.answer = lambda request: [
        generic(20, 2, flags=0x10, sequence=sequence_of(request)) + ack(sequence_of(request))
    ]
    assert len(ask(sock)) == 1
    assert len(kernel.requests) == 1


def test_a_list_that_never_keeps_still(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.answer = lambda request: [done(sequence_of(request), flags=0x10)]
    with pytest.raises(TransportFailed, match="Asking: the list kept changing") as caught:
        ask(sock, dump=True)
    assert (caught.value.where, caught.value.errno) == ("test socket", errno.EAGAIN)
    assert len(kernel.requests) == netlink.DUMP_ATTEMPTS


def test_no_answer(kernel: Kernel, sock: NetlinkSocket) -> None:
    began = time.monotonic()
    with pytest.raises(TimedOut, match="Asking: the kernel did not answer in time") as caught:
        ask(sock, timeout=0.05)
    assert 0.05 <= time.monotonic() - began < BUSY / 2, "the usual time was waited"
    assert caught.value.where == "test socket"


def test_a_late_answer_is_not_taken_for_the_next_one(kernel: Kernel, sock: NetlinkSocket) -> None:
    with pytest.raises(TimedOut):
        ask(sock, timeout=0.02)
    kernel.queue(generic(20, 2, u32(3, 1), sequence=1) + ack(1))
    kernel.answer = lambda request: [ack(1, errno.EIO), generic(20, 2, u32(3, 2), sequence=2) + ack(2)]
    (reply,) = ask(sock)
    assert netlink_codec.decode(genl(), reply, WHERE)["WORD"] == 2
    kernel.answer = lambda request: [ack(1, errno.EIO) + generic(20, 2, u32(3, 3), sequence=3) + ack(3)]
    (reply,) = ask(sock)
    assert netlink_codec.decode(genl(), reply, WHERE)["WORD"] == 3


def test_a_stream_of_foreign_messages_does_not_put_the_timeout_off(
    kernel: Kernel, sock: NetlinkSocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(buffers: List[memoryview]) -> Any:
        if kernel.requests:
            kernel.queue(ack(99))
        return original(buffers)

    original = kernel.recvmsg_into
    monkeypatch.setattr(kernel, "recvmsg_into", endless)
    kernel.answer = lambda _request: [ack(98)]
    with pytest.raises(TimedOut):
        ask(sock, timeout=0.05)


def test_signals_do_not_end_the_wait(kernel: Kernel, sock: NetlinkSocket) -> None:
    hits: List[int] = []
    before = signal.signal(signal.SIGALRM, lambda *_args: hits.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    try:
        began = time.monotonic()
        with pytest.raises(TimedOut):
            ask(sock, timeout=0.1)
        assert time.monotonic() - began >= 0.1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert hits


def test_lost_answers(kernel: Kernel, sock: NetlinkSocket) -> None:
    kernel.answer = lambda _request: [OSError(errno.ENOBUFS, "No buffer space available")]
    with pytest.raises(TransportFailed, match="Asking: the answer was lost") as caught:
        ask(sock)
    assert (caught.value.where, caught.value.errno) == ("test socket", errno.ENOBUFS)
    kernel.answer = lambda request: [message(4, b"", sequence=sequence_of(request))]
    with pytest.raises(TransportFailed, match="Asking: the kernel lost data") as caught:
        ask(sock)
    assert (caught.value.where, caught.value.errno) == ("test socket", errno.ENOBUFS)
