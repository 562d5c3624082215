# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Iterator, List, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system import systemd
from ansible_collections.vpro.fleet.plugins.module_utils._system.systemd import Log, Watchdog, notify


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    """Stands where systemd listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "socket"))
        sock.settimeout(60)
        yield sock


def test_systemd_is_told(monkeypatch: pytest.MonkeyPatch, listener: socket.socket) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", listener.getsockname())
    notify("READY=1", "STATUS=all is well")
    assert listener.recv(1000) == b"READY=1\nSTATUS=all is well"


def test_an_abstract_socket_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("")
        sock.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + sock.getsockname()[1:].decode())
        notify("WATCHDOG=1")
        assert sock.recv(1000) == b"WATCHDOG=1"


@pytest.mark.parametrize("value", [None, "", "/none"])
def test_nobody_has_to_listen(monkeypatch: pytest.MonkeyPatch, value: Optional[str]) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    if value is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", value)
    notify("READY=1")


@pytest.mark.parametrize(
    ("usec", "pid", "seconds"),
    [
        ("90000000", None, 90.0),
        ("90000000", "mine", 90.0),
        ("90000000", "1", None),
        ("0", None, None),
        ("1", None, 1e-06),
        ("x", None, None),
        (None, None, None),
    ],
)
def test_the_watchdog(
    monkeypatch: pytest.MonkeyPatch, usec: Optional[str], pid: Optional[str], seconds: Optional[float]
) -> None:
    for name, value in (("WATCHDOG_USEC", usec), ("WATCHDOG_PID", str(os.getpid()) if pid == "mine" else pid)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert Watchdog().pause == (None if seconds is None else seconds / 2)


def test_in_a_burst_of_events_the_watchdog_has_one_sign(
    monkeypatch: pytest.MonkeyPatch, listener: socket.socket
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", listener.getsockname())
    monkeypatch.setenv("WATCHDOG_USEC", "90000000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    watchdog = Watchdog()
    listener.setblocking(False)  # a datagram is there as soon as it was sent
    for _time in range(3):
        watchdog.tell()
    assert listener.recv(1000) == b"WATCHDOG=1"
    with pytest.raises(BlockingIOError):
        listener.recv(1000)
    # One that comes a moment too early to count may be followed by the longest pause: still in time.
    now[0] += 8.9
    watchdog.tell()
    now[0] += watchdog.pause or 0.0
    watchdog.tell()
    assert listener.recv(1000) == b"WATCHDOG=1"
    assert now[0] - 1000.0 < 90.0
    # Without a watchdog, nothing is told.
    monkeypatch.delenv("WATCHDOG_USEC")
    Watchdog().tell()
    with pytest.raises(BlockingIOError):
        listener.recv(1000)


def test_nobody_is_waited_for_who_does_not_read(monkeypatch: pytest.MonkeyPatch, listener: socket.socket) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", listener.getsockname())
    for _time in range(2000):  # more than its queue holds
        notify("WATCHDOG=1")
    assert listener.recv(1000) == b"WATCHDOG=1"


def test_a_journal_that_is_stopped_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """systemd made the service's standard error a socket of the journal's, where nobody reads any more."""
    monkeypatch.setattr(systemd, "_JOURNAL", str(tmp_path / "none"))
    mine, theirs = socket.socketpair()
    with mine, theirs, mine.makefile("w") as stream:
        monkeypatch.setattr("sys.stderr", stream)
        done: List[int] = []

        def write() -> None:
            for number in range(20000):  # more than the socket holds
                Log().write("info", f"line {number}")
            done.append(1)

        thread = threading.Thread(target=write, daemon=True)
        thread.start()
        thread.join(30)
        assert done
        assert theirs.recv(100).startswith(b"info: line 0\ninfo: line 1\n")


def test_a_standard_error_that_is_closed_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(systemd, "_JOURNAL", str(tmp_path / "none"))
    monkeypatch.setattr("sys.stderr", None)
    Log().write("info", "a line")
    mine, theirs = socket.socketpair()
    stream = mine.makefile("w")
    monkeypatch.setattr("sys.stderr", stream)
    theirs.close()
    Log().write("info", "a line")
    mine.close()
    with suppress(OSError):
        stream.close()


def test_the_journal_gets_fields(
    monkeypatch: pytest.MonkeyPatch, listener: socket.socket, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(systemd, "_JOURNAL", listener.getsockname())
    Log().write("warning", "a sentence", amt_wifi_interface="wlan0", amt_wifi_ms=None, text="two\nlines")
    data = listener.recv(1000)
    assert b"MESSAGE=a sentence\nPRIORITY=4\nSYSLOG_IDENTIFIER=amt-wifi-watcher\nAMT_WIFI_INTERFACE=wlan0\n" in data
    assert data.endswith(b"TEXT\n\x09\0\0\0\0\0\0\0two\nlines\n")
    assert b"AMT_WIFI_MS" not in data
    assert capsys.readouterr().err == "", "it is written once"


def test_what_is_no_text_is_written_all_the_same(monkeypatch: pytest.MonkeyPatch, listener: socket.socket) -> None:
    monkeypatch.setattr(systemd, "_JOURNAL", listener.getsockname())
    Log().write("info", "\xe9\udcff")
    assert listener.recv(1000).startswith(b"MESSAGE=\xc3\xa9\\udcff\n")


def test_what_is_less_is_not_written(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(systemd, "_JOURNAL", "/none")
    log = Log("warning")
    for level in ("debug", "info", "warning", "error"):
        log.write(level, f"of {level}")
    assert capsys.readouterr().err == "warning: of warning\nerror: of error\n"


@pytest.mark.parametrize(
    ("name", "instance"), [("wlan0", "wlan0"), ("Az9:_.", "Az9:_."), ("wl-0 é", "wl\\x2d0\\x20\\xc3\\xa9")]
)
def test_a_name_becomes_an_instance_as_systemd_escapes_it(name: str, instance: str) -> None:
    assert systemd.instance(name) == instance
