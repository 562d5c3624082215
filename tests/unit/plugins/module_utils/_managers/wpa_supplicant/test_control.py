# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands to wpa_supplicant, on a real socket."""

from __future__ import annotations

import errno
import itertools
import os
import socket
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Dict, Sequence, Type

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import control
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.codec import Network, Status
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.control import WpaCtrl
from ansible_collections.vpro.fleet.plugins.module_utils._network import values
from ansible_collections.vpro.fleet.plugins.module_utils._network.values import CommandUnsafe
from ansible_collections.vpro.fleet.plugins.module_utils._system import patience
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    AccessDenied,
    DecodeFailed,
    FleetError,
    NotFound,
    SupplicantRefused,
    TimedOut,
    TransportFailed,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system.patience import Patience
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.wpa_supplicant.fake_server import (
    HEADING,
    Script,
    Server,
    line,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.clock import Clock


def test_request_and_reply(server: Server) -> None:
    with WpaCtrl(server.path) as ctrl:
        assert ctrl.request("PING") == "PONG\n"
        ctrl.command("SET_NETWORK 0 bssid any")
    assert server.requests == [b"PING", b"SET_NETWORK 0 bssid any"]


def test_the_client_leaves_no_file_and_has_an_abstract_address(server: Server) -> None:
    before = set(os.listdir(os.path.dirname(server.path)))
    with WpaCtrl(server.path) as ctrl:
        ctrl.request("PING")
        assert server.client[:1] == b"\0"
        assert set(os.listdir(os.path.dirname(server.path))) == before


def test_nobody_else_can_answer(server: Server) -> None:
    with WpaCtrl(server.path) as ctrl, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
        ctrl.request("PING")
        with pytest.raises(PermissionError):
            stranger.sendto(b"OK\n", server.client)


def test_events_on_the_command_socket_are_skipped(server: Server) -> None:
    server.script = lambda _request: [b"<3>CTRL-EVENT-SCAN-STARTED ", b"<2>free text", b"reply"]
    with WpaCtrl(server.path) as ctrl:
        assert ctrl.request("STATUS") == "reply"


def test_a_reply_with_bytes_that_are_no_text(server: Server) -> None:
    server.script = lambda _request: [b'"\xff"']
    with WpaCtrl(server.path) as ctrl:
        assert values.decode_value(ctrl.request("GET_NETWORK 0 identity")) == b"\xff"


@pytest.mark.parametrize("reply", [b"FAIL\n", b"UNKNOWN COMMAND\n", b"", b"OK", b"FAIL-BUSY\n"])
def test_a_refusal_does_not_repeat_the_secret(server: Server, reply: bytes) -> None:
    server.script = lambda _request: [reply]
    with WpaCtrl(server.path) as ctrl, pytest.raises(SupplicantRefused) as caught:
        ctrl.command('SET_NETWORK 0 psk "open sesame"')
    assert "SET_NETWORK 0 psk" in str(caught.value)
    assert "sesame" not in str(caught.value)
    assert caught.value.where == server.path


def test_status_is_asked_for(server: Server) -> None:
    server.script = lambda request: [b"wpa_state=SCANNING\n"] if request == b"STATUS" else []
    with WpaCtrl(server.path) as ctrl:
        assert ctrl.status() == Status("SCANNING")


CONTROL = "is empty or has a control character in it"


@pytest.mark.parametrize(
    ("command", "words", "where"),
    [
        ("", CONTROL, ""),
        ("PING\n", CONTROL, "PING"),
        ("SET_NETWORK 0 ssid x\nSAVE_CONFIG", CONTROL, "SET_NETWORK 0 ssid"),
        ("a\0b", CONTROL, "a"),
        ("a\rb", CONTROL, "a"),
        ("a\x7f", CONTROL, "a"),
        ("a\tb", CONTROL, "a"),
        ("a\ud800", "something in it that is not text", "a"),
        ("A" * 8193, "has 8193 bytes, but at most 8192 fit", "A" * 60),
        ("é" * 4097, "has 8194 bytes, but at most 8192 fit", ""),
    ],
)
def test_unsafe_commands_are_not_sent(server: Server, command: str, words: str, where: str) -> None:
    with WpaCtrl(server.path) as ctrl:
        with pytest.raises(CommandUnsafe, match=words) as caught:
            ctrl.request(command)
        assert caught.value.where == where
        assert ctrl.request("PING") == "PONG\n"
    assert server.requests == [b"PING"]


@pytest.mark.parametrize(("reply", "begun"), [(b"OK\n", True), (b"FAIL-BUSY\n", False)])
def test_a_scan_of_some_frequencies(server: Server, reply: bytes, begun: bool) -> None:
    server.script = lambda request: [reply]
    with WpaCtrl(server.path) as ctrl:
        assert ctrl.scan((2437, 5180)) is begun
    assert server.requests == [b"SCAN freq=2437,5180"]


def test_a_scan_that_is_refused(server: Server) -> None:
    server.script = lambda request: [b"FAIL\n"]
    with WpaCtrl(server.path) as ctrl, pytest.raises(SupplicantRefused, match="SCAN"):
        ctrl.scan((2437,))


def test_an_unsafe_command_does_not_show_its_secret(server: Server) -> None:
    for command in ('SET_NETWORK 0 psk "open\nsesame"', "CTRL-RSP-PASSWORD-0:sesame\n", "PASSWORD 0 sesame\n"):
        with WpaCtrl(server.path) as ctrl, pytest.raises(CommandUnsafe) as caught:
            ctrl.request(command)
        assert "sesame" not in str(caught.value)


def test_the_longest_command_and_reply(server: Server) -> None:
    server.script = lambda request: [request[:4096]]
    with WpaCtrl(server.path) as ctrl:
        assert ctrl.request("A" * 8192) == "A" * 4096


def test_no_answer_ends_the_conversation_so_that_a_late_reply_answers_nothing_else(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch, control, patience)

    def only_an_event(_request: bytes) -> Sequence[bytes]:
        clock.passes(60.0)
        return [b"<3>CTRL-EVENT-SCAN-STARTED "]

    server.script = only_an_event
    ctrl = WpaCtrl(server.path, Patience(60.0))
    with pytest.raises(TimedOut, match=r"GET_NETWORK 3 psk within 60 s") as caught:
        ctrl.get(3, "psk")
    assert caught.value.where == server.path
    assert caught.value.remedy == "Look for a hanging wpa_supplicant, and restart it"
    with pytest.raises(ConnectionRefusedError):
        server.emit(b"late\n")
    with pytest.raises(TransportFailed, match="has ended") as over:
        ctrl.request("PING")
    assert over.value.where == server.path
    ctrl.close()


def test_the_time_that_is_told_is_the_time_that_was_given(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count()
    for module in (control, patience):  # each look at the clock takes 10 ms, as on a machine that is busy
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: 1000.0 + next(ticks) / 100))
    server.script = lambda _request: []
    with WpaCtrl(server.path, Patience(0.05)) as ctrl, pytest.raises(TimedOut, match=r"STATUS within 0\.05 s"):
        ctrl.request("STATUS")


def test_events_do_not_put_the_time_limit_off(server: Server) -> None:
    done = threading.Event()

    def chatter(_request: bytes) -> Sequence[bytes]:
        def talk() -> None:
            while not done.wait(0.01) and time.monotonic() - started < 60:
                try:
                    server.emit(b"<3>CTRL-EVENT-SCAN-STARTED ")
                except OSError:
                    return

        threading.Thread(target=talk, daemon=True).start()
        return []

    server.script = chatter
    started = time.monotonic()
    with WpaCtrl(server.path, Patience(0.1)) as ctrl, pytest.raises(TimedOut):
        ctrl.request("STATUS")
    done.set()
    assert time.monotonic() - started < 60


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="Start wpa_supplicant"):
        WpaCtrl(str(tmp_path / "wlan0"))


def test_a_socket_that_a_dead_supplicant_left(tmp_path: Path) -> None:
    path = str(tmp_path / "wlan0")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
        dead.bind(path)
    with pytest.raises(NotFound, match="Start wpa_supplicant"):
        WpaCtrl(path)


def test_a_path_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(TransportFailed):
        WpaCtrl(str(tmp_path / ("x" * 200)))


def test_a_socket_for_others(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(socket.socket):
        def connect(self, _address: object) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket, "socket", Refusing)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(AccessDenied, match="GROUP"):
        WpaCtrl(server.path)


def test_a_supplicant_that_went_away_is_not_replaced_by_the_next_one(server: Server) -> None:
    with WpaCtrl(server.path) as ctrl:
        ctrl.request("PING")
        server.stop()
        successor = Server(Path(server.path))
        with pytest.raises(NotFound):
            ctrl.request("PING")
        with pytest.raises(TransportFailed, match="has ended"):
            ctrl.request("PING")
        assert successor.requests == []
        successor.stop()


def test_get_and_set(server: Server) -> None:
    values: Dict[bytes, bytes] = {b"GET_NETWORK 3 scan_freq": b"2412 2437", b"GET_NETWORK 3 psk": b"*"}
    server.script = lambda request: [values.get(request, b"FAIL\n")]
    with WpaCtrl(server.path) as ctrl:
        assert ctrl.get(3, "scan_freq") == "2412 2437"
        assert ctrl.get(3, "psk") == "*"
        assert ctrl.get(3, "bssid") is None
        values[b"GET_NETWORK 3 identity"] = b""
        assert ctrl.get(3, "identity") is None
        for name in ("", "psk x", "PSK", "a\n", "psk\n"):
            with pytest.raises(CommandUnsafe, match="be a variable of a network"):
                ctrl.get(3, name)
            with pytest.raises(CommandUnsafe):
                ctrl.set(3, name, "x")
        server.script = lambda _request: [b"OK\n"]
        ctrl.set(3, "scan_freq", "")
    assert server.requests[-1] == b"SET_NETWORK 3 scan_freq "


def pager(networks: Sequence[Network]) -> Script:
    """Answer LIST_NETWORKS as wpa_supplicant does: whole lines as far as 4096 bytes reach."""

    def script(request: bytes) -> Sequence[bytes]:
        last = int(request.partition(b"LAST_ID=")[2] or b"-1")
        reply = HEADING
        for network in networks:
            if network.id > last:
                if len(reply) + len(line(network)) >= 4096:
                    break
                reply += line(network)
        return [reply.encode()]

    return script


@pytest.mark.parametrize("count", [0, 1, 25, 100, 300])
@pytest.mark.parametrize("ssid", [b"", b"office", b"\xff" * 32])
def test_more_networks_than_fit_a_reply(server: Server, count: int, ssid: bytes) -> None:
    networks = tuple(Network(2 * number, ssid, None, False, True, False) for number in range(count))
    server.script = pager(networks)
    with WpaCtrl(server.path) as ctrl:
        assert ctrl.networks() == networks


#: As many networks as fill a reply.
FULL = tuple(Network(number, b"x" * 32, None, False, True, False) for number in range(79))


@pytest.mark.parametrize("again", [FULL, FULL[-1:]])
def test_a_listing_that_repeats_itself_ends(server: Server, again: Sequence[Network]) -> None:
    pages = iter((FULL, again))
    server.script = lambda _request: [(HEADING + "".join(map(line, next(pages)))).encode()]
    with WpaCtrl(server.path) as ctrl, pytest.raises(DecodeFailed, match="LIST_NETWORKS repeats itself") as caught:
        ctrl.networks()
    assert caught.value.where == server.path
    assert server.requests == [b"LIST_NETWORKS", b"LIST_NETWORKS LAST_ID=78"]


def test_a_listing_goes_on_for_one_more_network_and_no_further(server: Server) -> None:
    networks = (*FULL, Network(80, b"y" * 32, None, False, True, False))
    server.script = pager(networks)
    with WpaCtrl(server.path) as ctrl:
        assert ctrl.networks() == networks
    assert server.requests == [b"LIST_NETWORKS", b"LIST_NETWORKS LAST_ID=78"]


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.EACCES, AccessDenied, "this user may not use"),
        (errno.EPERM, AccessDenied, "this user may not use"),
        (errno.ECONNRESET, NotFound, "no wpa_supplicant listens on this control socket"),
        (errno.ENOTCONN, NotFound, "no wpa_supplicant listens on this control socket"),
        (errno.EIO, TransportFailed, "control socket failed: Input/output error"),
        (0, TransportFailed, "control socket failed: odd"),
    ],
)
def test_each_error_of_the_socket_says_where(
    server: Server, number: int, kind: Type[FleetError], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    ctrl = WpaCtrl(server.path)
    failed = ctrl._failed(OSError(number, "as the kernel says") if number else OSError("odd"))
    assert failed.__class__ is kind
    assert words in str(failed)
    assert failed.where == server.path
    assert getattr(failed, "errno", number) == number
    assert bool(failed.remedy) == (kind is not TransportFailed)
    ctrl.close()
