# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Listening to wpa_supplicant, on a real socket."""

from __future__ import annotations

import errno
import os
import socket
import threading
import time
from pathlib import Path
from typing import Any, List

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import monitor
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.monitor import WpaMonitor
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    NotFound,
    SupplicantRefused,
    TimedOut,
    TransportFailed,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system.patience import Patience
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.wpa_supplicant.fake_server import Server


def test_monitor_attaches_reads_and_detaches(server: Server) -> None:
    with WpaMonitor(server.path) as monitor:
        assert monitor.fileno() >= 0
        assert monitor.read() == ()
        server.emit(b"<3>CTRL-EVENT-SCAN-STARTED ")
        server.emit(b"<3>CTRL-EVENT-DISCONNECTED bssid=02:00:00:00:01:00 reason=3")
        assert [event.name for event in monitor.read()] == ["CTRL-EVENT-SCAN-STARTED", "CTRL-EVENT-DISCONNECTED"]
        assert monitor.read() == ()
    assert server.requests == [b"ATTACH", b"DETACH"]
    assert monitor.fileno() == -1
    monitor.close()


def test_an_event_that_overtakes_the_answer_to_attach_is_kept(server: Server) -> None:
    server.script = lambda _request: [b"<3>CTRL-EVENT-SCAN-STARTED ", b"OK\n"]
    with WpaMonitor(server.path) as monitor:
        assert [event.name for event in monitor.read()] == ["CTRL-EVENT-SCAN-STARTED"]
        assert monitor.read() == ()


def test_attaching_is_refused(server: Server) -> None:
    server.script = lambda _request: [b"FAIL\n"]
    with pytest.raises(SupplicantRefused, match="ATTACH") as caught:
        WpaMonitor(server.path)
    assert caught.value.where == server.path


def test_attaching_is_not_waited_for_longer_than_told(server: Server) -> None:
    server.script = lambda _request: []
    with pytest.raises(TimedOut, match=r"ATTACH within 0\.05 s"):
        WpaMonitor(server.path, Patience(0.05))


def test_an_event_longer_than_a_reply(server: Server) -> None:
    with WpaMonitor(server.path) as monitor:
        server.emit(b"<3>CTRL-EVENT-EAP-PEER-CERT depth=0 cert=" + b"30" * 6000)
        (event,) = monitor.read()
    assert len(event.fields["cert"]) == 12000


def test_a_living_supplicant_and_its_answers_are_no_events(server: Server) -> None:
    with WpaMonitor(server.path) as monitor:
        assert monitor.alive()
        deadline = time.monotonic() + 60
        while b"PING" not in server.requests and time.monotonic() < deadline:
            time.sleep(0.001)
        assert server.requests == [b"ATTACH", b"PING"]
        assert monitor.read() == ()


def test_a_supplicant_that_went_away_or_restarted_is_noticed(server: Server) -> None:
    monitor = WpaMonitor(server.path)
    server.stop()
    assert not monitor.alive()
    successor = Server(Path(server.path))
    assert not monitor.alive()
    assert monitor.read() == ()
    monitor.close()
    assert not monitor.alive()
    with pytest.raises(TransportFailed):
        monitor.read()
    successor.stop()


def test_a_supplicant_that_hangs_does_not_hold_alive_or_close_up(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hanging:
        hanging.bind(str(tmp_path / "wlan0"))
        attached = threading.Thread(target=lambda: hanging.sendto(b"OK\n", hanging.recvfrom(100)[1]))
        attached.start()
        monitor = WpaMonitor(str(tmp_path / "wlan0"))
        attached.join()
        started = time.monotonic()
        assert all(monitor.alive() for _count in range(2000))  # more than its queue holds
        monitor.close()
        assert time.monotonic() - started < 60


def test_who_answers_is_known_by_its_process(server: Server) -> None:
    with WpaMonitor(server.path) as monitor:
        assert monitor.pid() == os.getpid()
        assert server.requests == [b"ATTACH", b"PING"]
        # It does not wait afterwards either.
        assert monitor.read() == ()
        server.emit(b"<3>CTRL-EVENT-SCAN-STARTED ")
        assert len(monitor.read()) == 1


def test_an_event_that_overtakes_the_answer_to_who_is_kept(server: Server) -> None:
    with WpaMonitor(server.path) as monitor:
        server.script = lambda request: [b"<3>CTRL-EVENT-SCAN-STARTED ", b"PONG\n" if request == b"PING" else b"OK\n"]
        assert monitor.pid() == os.getpid()
        assert [event.name for event in monitor.read()] == ["CTRL-EVENT-SCAN-STARTED"]


def test_who_does_not_answer_is_not_known(server: Server) -> None:
    monitor = WpaMonitor(server.path, Patience(0.2))
    server.script = lambda _request: []
    with pytest.raises(TimedOut, match="did not answer PING") as caught:
        monitor.pid()
    assert caught.value.where == server.path
    assert monitor.fileno() == -1
    with pytest.raises(TransportFailed):
        monitor.pid()


def test_who_went_away_is_not_known(server: Server) -> None:
    monitor = WpaMonitor(server.path)
    server.stop()
    with pytest.raises(NotFound, match="no wpa_supplicant listens on this control socket"):
        monitor.pid()
    assert monitor.fileno() == -1


@pytest.mark.parametrize(
    "ancillary",
    [
        [],
        [(socket.SOL_SOCKET, socket.SCM_RIGHTS, bytes(12))],
        [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, bytes(11))],
    ],
)
def test_an_answer_that_does_not_carry_who_sent_it_says_nothing(
    server: Server, monkeypatch: pytest.MonkeyPatch, ancillary: List[object]
) -> None:
    class Bare(socket.socket):
        def recvmsg(self, *sizes: int) -> Any:
            return super().recvmsg(*sizes)[0], ancillary, 0, None

    monkeypatch.setattr(socket, "socket", Bare)
    with WpaMonitor(server.path) as monitor:
        with pytest.raises(TransportFailed, match="the kernel did not tell the sender of an answer") as caught:
            monitor.pid()
        assert caught.value.where == server.path


def test_a_monitor_whose_socket_fails_is_over(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    failing: List[bool] = []

    class Failing(socket.socket):
        def recv(self, size: int, *flags: int) -> bytes:
            if failing:
                raise OSError(errno.EIO, "as the kernel says")
            return super().recv(size, *flags)

    monkeypatch.setattr(socket, "socket", Failing)
    monitor = WpaMonitor(server.path)
    failing.append(True)
    with pytest.raises(TransportFailed, match="control socket failed: Input/output error"):
        monitor.read()
    assert monitor.fileno() == -1


def test_no_more_events_than_some_are_read_at_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others have their turn, however much one supplicant has to say."""
    monkeypatch.setattr(monitor, "_EVENTS_READ_MAX", 2)
    with WpaMonitor(server.path) as heard:
        for _count in range(3):
            server.emit(b"<3>CTRL-EVENT-SCAN-STARTED ")
        assert [len(heard.read()) for _read in range(3)] == [2, 1, 0]
