# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Sequence, Type

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import codec, monitor
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.codec import Network
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.control import WpaCtrl
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.monitor import WpaMonitor
from ansible_collections.vpro.fleet.plugins.module_utils._network import values
from ansible_collections.vpro.fleet.plugins.module_utils._network.backend import SupplicantStatus
from ansible_collections.vpro.fleet.plugins.module_utils._network.values import CommandUnsafe
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    AccessDenied,
    DecodeFailed,
    FleetError,
    NotFound,
    SupplicantRefused,
    TimedOut,
    TransportFailed,
)

HEADING = "network id / ssid / bssid / flags\n"


def printf_encode(data: bytes) -> str:
    """Do what hostap's printf_encode() does: the other side of decode_printf()."""
    letters = {0x22: '\\"', 0x5C: "\\\\", 0x1B: "\\e", 0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t"}
    return "".join(letters.get(b) or (chr(b) if 32 <= b <= 126 else f"\\x{b:02x}") for b in data)


# --- decoders ---


@given(st.binary(max_size=64))
def test_printf_is_undone_for_any_bytes(data: bytes) -> None:
    assert values.decode_printf(printf_encode(data)) == data


@pytest.mark.parametrize("text", ["\\", "a\\", "\\q", "\\x", "\\x1", "\\xg0", "\\\\\\", "\\u00e9", "\\0"])
def test_unknown_escapes(text: str) -> None:
    with pytest.raises(DecodeFailed):
        values.decode_printf(text)


@given(st.text())
def test_printf_of_any_text_is_bytes_or_refused(text: str) -> None:
    with suppress(DecodeFailed):
        assert isinstance(values.decode_printf(text), bytes)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"home"', b"home"),
        ('"a"b"', b'a"b'),
        ('"a\\nb"', b"a\\nb"),  # a backslash in plain quotes is one
        ('""', b""),
        ('P"a\\nb\\x00\\""', b'a\nb\x00"'),
        ('P""', b""),
        ("00ff0a2209", b"\x00\xff\n\x22\t"),
        ("0A2F", b"\n/"),
        ("", b""),
    ],
)
def test_values(text: str, value: bytes) -> None:
    assert values.decode_value(text) == value


@pytest.mark.parametrize("text", ['"', "P", 'P"', '"a', 'a"', "0", "0g", "FAIL\n", "\ud800", "*"])
def test_values_that_are_none(text: str) -> None:
    with pytest.raises(DecodeFailed):
        values.decode_value(text)


@given(st.binary(max_size=40))
def test_values_of_any_bytes(data: bytes) -> None:
    assert values.decode_value(data.hex()) == data
    assert values.decode_value(f'P"{printf_encode(data)}"') == data
    assert values.decode_value('"' + data.decode("utf-8", "surrogateescape") + '"') == data


def test_status_of_a_connection() -> None:
    text = (
        "bssid=02:00:00:00:01:AA\nfreq=2437\nssid=a\\nb\\xff=c\nid=3\nid_str=x\nmode=station\npairwise_cipher=CCMP\n"
        "key_mgmt=WPA2-PSK\nwpa_state=COMPLETED\nip_address=192.0.2.7\naddress=02:00:00:00:00:00\n"
    )
    status = codec.decode_status(text)
    assert status == SupplicantStatus(
        "COMPLETED", "02:00:00:00:01:aa", b"a\nb\xff=c", 3, 2437, "WPA2-PSK", "02:00:00:00:00:00"
    )
    assert status.connected


def test_an_ssid_with_a_space_is_whole_in_a_status() -> None:
    status = codec.decode_status("ssid=corp guest=1\nid_str=x wpa_state=SCANNING\nwpa_state=COMPLETED\n")
    assert status == SupplicantStatus("COMPLETED", ssid=b"corp guest=1")


def test_status_without_a_connection() -> None:
    status = codec.decode_status("wpa_state=INTERFACE_DISABLED\naddress=12:4a:85:8b:28:7e\nuuid=f8f2340a\n")
    assert status == SupplicantStatus("INTERFACE_DISABLED", address="12:4a:85:8b:28:7e")
    assert not status.connected


def test_a_later_line_does_not_override_an_earlier_one() -> None:
    assert codec.decode_status("id=1\nid_str=\nid=7\nwpa_state=COMPLETED\nwpa_state=SCANNING\n").network_id == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "FAIL\n",
        "UNKNOWN COMMAND\n",
        "wpa_state=\n",
        "wpa_state=COMPLETED\nid=x\n",
        "wpa_state=COMPLETED\nbssid=02:00\n",
        "wpa_state=COMPLETED\nfreq=\n",
        "wpa_state=COMPLETED\nssid=\\q\n",
        "wpa_state=COMPLETED\nssid=" + "a" * 33,
    ],
)
def test_status_that_is_none(text: str) -> None:
    with pytest.raises(DecodeFailed):
        codec.decode_status(text)


@given(st.text() | st.text().map("wpa_state=COMPLETED\nssid=".__add__))
def test_any_status_is_a_status_or_refused(text: str) -> None:
    with suppress(DecodeFailed):
        assert codec.decode_status(text).state


def test_networks() -> None:
    text = HEADING + (
        "0\thome\tany\t[CURRENT]\n"
        '1\t\\x00\\xff\\n\\"\\t\t02:00:00:00:00:0A\t\n'
        "2\t\t00:00:00:00:00:00\t[DISABLED]\n"
        "7\tcorp\tany\t[TEMP-DISABLED]\n"
        "9\tDIRECT-x\t02:00:00:00:00:09\t[DISABLED][P2P-PERSISTENT]\n"
    )
    assert codec.decode_networks(text) == (
        Network(0, b"home", None, True, False, False),
        Network(1, b'\x00\xff\n"\t', "02:00:00:00:00:0a", False, False, False),
        Network(2, b"", None, False, True, False),
        Network(7, b"corp", None, False, False, True),
        Network(9, b"DIRECT-x", "02:00:00:00:00:09", False, True, False),
    )
    assert codec.decode_networks(HEADING) == ()


NETWORK = st.builds(
    Network,
    id=st.integers(0, 2**31 - 1),
    ssid=st.binary(max_size=32),
    bssid=st.none() | st.binary(min_size=6, max_size=6).filter(any).map(lambda mac: mac.hex(":")),
    current=st.booleans(),
    disabled=st.booleans(),
    temp_disabled=st.booleans(),
)


def line(network: Network) -> str:
    flags = "[CURRENT]" * network.current + "[DISABLED]" * network.disabled + "[TEMP-DISABLED]" * network.temp_disabled
    return f"{network.id}\t{printf_encode(network.ssid)}\t{network.bssid or 'any'}\t{flags}\n"


@given(st.lists(NETWORK, max_size=5))
def test_any_networks(networks: List[Network]) -> None:
    assert codec.decode_networks(HEADING + "".join(map(line, networks))) == tuple(networks)


@given(st.text() | st.text().map(HEADING.__add__))
def test_any_text_is_networks_or_refused(text: str) -> None:
    with suppress(DecodeFailed):
        assert isinstance(codec.decode_networks(text), tuple)


@pytest.mark.parametrize(
    "row", ["0", "0\tx\tany", "x\tx\tany\t", "0\tx\tnone\t", "0\t\\\tany\t", "0\ta\tb\tany\t", f"0\t{'a' * 33}\tany\t"]
)
def test_a_row_that_is_no_network(row: str) -> None:
    with pytest.raises(DecodeFailed):
        codec.decode_networks(HEADING + row + "\n")


def test_event_connected() -> None:
    event = codec.decode_event(
        b"<3>CTRL-EVENT-CONNECTED - Connection to 02:00:00:00:01:AA completed [id=4 id_str=at home]"
    )
    assert event is not None
    assert (event.name, event.level, event.network_id, event.bssid) == (
        "CTRL-EVENT-CONNECTED",
        3,
        4,
        "02:00:00:00:01:aa",
    )


def test_event_disconnected() -> None:
    event = codec.decode_event(b"<3>CTRL-EVENT-DISCONNECTED bssid=02:00:00:00:01:00 reason=3 locally_generated=1")
    assert event is not None
    assert event.fields == {"bssid": "02:00:00:00:01:00", "reason": "3", "locally_generated": "1"}
    assert (event.bssid, event.reason) == ("02:00:00:00:01:00", 3)


def test_an_ssid_cannot_pass_for_fields() -> None:
    ssid = b'x" id=9 duration=0 \xff'
    event = codec.decode_event(
        f'<3>CTRL-EVENT-SSID-TEMP-DISABLED id=1 ssid="{printf_encode(ssid)}" auth_failures=2 duration=20 '
        "reason=WRONG_KEY".encode()
    )
    assert event is not None
    assert (event.network_id, event.ssid, event.reason) == (1, ssid, None)
    assert (event.fields["duration"], event.fields["reason"]) == ("20", "WRONG_KEY")


def test_of_two_fields_with_one_name_the_first_counts() -> None:
    event = codec.decode_event(b"<3>CTRL-EVENT-CONNECTED - x [id=1 id_str=at home id=9]")
    assert event is not None
    assert event.network_id == 1


@pytest.mark.parametrize(
    ("data", "name", "text"),
    [
        (b"<3>CTRL-EVENT-SCAN-STARTED ", "CTRL-EVENT-SCAN-STARTED", ""),
        (b"<3>CTRL-EVENT-TERMINATING", "CTRL-EVENT-TERMINATING", ""),
        (b"<2>Trying to associate with 02:00", "", "Trying to associate with 02:00"),
        (b"<3>WPS-AP-AVAILABLE \n", "WPS-AP-AVAILABLE", ""),
        (b"<3>CTRL-REQ-PASSWORD-0:Password needed", "CTRL-REQ-PASSWORD-0", "Password needed"),
        (b"<2>  words, and room \n\n", "", "  words, and room "),
        (b"<2>\nwords", "", "\nwords"),
        (b"<3>\xff\xfe", "", "\\xff\\xfe"),
        (b"<3>", "", ""),
    ],
)
def test_event_names(data: bytes, name: str, text: str) -> None:
    event = codec.decode_event(data)
    assert event is not None
    assert (event.name, event.text) == (name, text)


def test_quotes_are_no_part_of_a_field() -> None:
    event = codec.decode_event(b"""<3>CTRL-EVENT-X a='b c' d="" e='""")
    assert event is not None
    assert event.fields == {"a": "b c", "d": "", "e": "'"}


@pytest.mark.parametrize("data", [b"", b"OK\n", b"PONG\n", b"<", b"<x>y", b"<3", b"<1234>CTRL-EVENT-X"])
def test_what_is_no_event(data: bytes) -> None:
    assert codec.decode_event(data) is None


@given(st.binary(max_size=300) | st.binary(max_size=300).map(b'<3>CTRL-EVENT-X id=1 ssid="'.__add__))
def test_any_datagram_is_an_event_or_none(data: bytes) -> None:
    event = codec.decode_event(data)
    assert event is None or event.text == event.text.encode("utf-8").decode("utf-8")


def test_a_long_hostile_event_takes_no_time() -> None:
    started = time.monotonic()
    for filler in (b"a=", b'a="\\', b"[", b"a", b" ", b"A-", b"a='", b'"\\"'):
        codec.decode_event(b"<3>CTRL-EVENT-X " + filler * (65000 // len(filler)))
    assert time.monotonic() - started < 2


#: Longer than what an error shows of it.
LONG = "\xe9" * 100


@pytest.mark.parametrize(
    ("decode", "text", "what"),
    [
        (values.decode_printf, "ab\\q" + LONG, "unknown escape at character 2"),
        (values.decode_printf, "\ud800" + LONG, "text that cannot have come from a supplicant"),
        (values.decode_value, "0g" + LONG, "a value is neither quoted text nor hex"),
        (codec.decode_status, "state=" + LONG, "the reply to STATUS has no wpa_state"),
        (codec.decode_networks, "FAIL " + LONG, "the reply to LIST_NETWORKS has an unknown heading"),
    ],
)
def test_what_does_not_decode_is_named_and_shown_in_part(decode: Callable[[str], object], text: str, what: str) -> None:
    with pytest.raises(DecodeFailed) as caught:
        decode(text)
    assert (caught.value.what, caught.value.where) == (what, ascii(text[:80]))


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("id=" + LONG, "id is no number"),
        ("freq=" + LONG, "freq is no number"),
        ("bssid=" + LONG, "bssid is no BSSID"),
    ],
)
def test_a_value_of_a_status_that_does_not_decode_is_named(line: str, what: str) -> None:
    with pytest.raises(DecodeFailed) as caught:
        codec.decode_status(f"wpa_state=COMPLETED\n{line}\n")
    assert (caught.value.what, caught.value.where) == (what, ascii(LONG[:80]))


@pytest.mark.parametrize(
    ("row", "what", "shown"),
    [
        ("0\t" + LONG, "a line of LIST_NETWORKS has 2 columns, not 4", "0\t" + LONG),
        (f"{LONG}\tx\tany\t", "a network's id is no number", LONG),
        (f"0\tx\t{LONG}\t", "a network's bssid is no BSSID", LONG),
    ],
)
def test_a_column_of_a_network_that_does_not_decode_is_named(row: str, what: str, shown: str) -> None:
    with pytest.raises(DecodeFailed) as caught:
        codec.decode_networks(f"{HEADING}{row}\n")
    assert (caught.value.what, caught.value.where) == (what, ascii(shown[:80]))


def test_an_ssid_that_is_too_long_is_told_with_its_length() -> None:
    for decode in (values.encode_ssid, lambda ssid: codec._decode_ssid(ssid.decode())):
        decode(b"x" * 32)
        with pytest.raises(FleetError, match="at most 32 bytes, this one has 33"):
            decode(b"x" * 33)


# --- encoders ---


@given(st.binary(max_size=32))
def test_an_ssid_of_any_bytes_becomes_hex(ssid: bytes) -> None:
    assert values.decode_value(values.encode_ssid(ssid)) == ssid
    assert set(values.encode_ssid(ssid)) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    ("encode", "words"),
    [
        (lambda: values.encode_ssid(b"x" * 33), "an SSID has at most 32 bytes"),
        (lambda: values.encode_bssid("02:00:00:00:00:00\nx"), "is no BSSID"),
        (lambda: values.encode_bssid("02:00:00:00:00:00\n"), "is no BSSID"),
        (lambda: values.encode_bssid(""), "'' is no BSSID"),
        (lambda: values.encode_bssid("any"), "'any' is no BSSID"),
        (lambda: values.encode_frequencies([2412, 0]), "a positive number of MHz, not 0"),
        (lambda: values.encode_frequencies([-1]), "a positive number of MHz, not -1"),
    ],
)
def test_values_that_do_not_get_into_a_command(encode: Callable[[], str], words: str) -> None:
    with pytest.raises(CommandUnsafe, match=words):
        encode()


def test_encoders() -> None:
    assert values.encode_bssid("02:AA:00:00:00:01") == "02:aa:00:00:00:01"
    assert values.encode_bssid(None) == "any"
    assert values.encode_frequencies((2412, 5975)) == "2412 5975"
    assert values.encode_frequencies((1,)) == "1"
    assert values.encode_frequencies(()) == ""


# --- transport, against a real datagram server ---

Script = Callable[[bytes], Sequence[bytes]]


class Server:
    """A control socket that answers each request with a script's datagrams, as sent from wpa_supplicant's socket."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.script: Script = lambda request: [b"PONG\n"] if request == b"PING" else [b"OK\n"]
        self.requests: List[bytes] = []
        self.client = b""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            request, self.client = self._socket.recvfrom(8193)
            if request == b"\0stop":
                return
            self.requests.append(request)
            for reply in self.script(request):
                with suppress(ConnectionRefusedError, FileNotFoundError):  # who asked may have given up
                    self._socket.sendto(reply, self.client)

    def emit(self, event: bytes) -> None:
        self._socket.sendto(event, self.client)

    def stop(self) -> None:
        if self._thread.is_alive():
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stopper:
                stopper.sendto(b"\0stop", self.path)
            self._thread.join()
            self._socket.close()
            os.unlink(self.path)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    one = Server(tmp_path / "wlan0")
    yield one
    one.stop()


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
        assert ctrl.status() == SupplicantStatus("SCANNING")


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
        ("a\ud800", "something in it that is no text", "a"),
        ("A" * 8193, "has 8193 bytes, at most 8192 fit", "A" * 60),
        ("é" * 4097, "has 8194 bytes, at most 8192 fit", ""),
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


def test_no_answer_ends_the_conversation_so_that_a_late_reply_answers_nothing_else(server: Server) -> None:
    server.script = lambda _request: []
    ctrl = WpaCtrl(server.path, timeout=0.05)
    started = time.monotonic()
    with pytest.raises(TimedOut, match=r"GET_NETWORK 3 psk within 0\.05 s") as caught:
        ctrl.get(3, "psk")
    assert caught.value.where == server.path
    assert caught.value.remedy == "Look for a hanging wpa_supplicant, and restart it"
    assert time.monotonic() - started < 1
    with pytest.raises(ConnectionRefusedError):
        server.emit(b"late\n")
    with pytest.raises(TransportFailed, match="over") as over:
        ctrl.request("PING")
    assert over.value.where == server.path
    ctrl.close()


def test_events_do_not_put_the_time_limit_off(server: Server) -> None:
    done = threading.Event()

    def chatter(_request: bytes) -> Sequence[bytes]:
        def talk() -> None:
            while not done.wait(0.01):
                try:
                    server.emit(b"<3>CTRL-EVENT-SCAN-STARTED ")
                except OSError:
                    return

        threading.Thread(target=talk, daemon=True).start()
        return []

    server.script = chatter
    started = time.monotonic()
    with WpaCtrl(server.path, timeout=0.1) as ctrl, pytest.raises(TimedOut):
        ctrl.request("STATUS")
    done.set()
    assert time.monotonic() - started < 1


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
    with pytest.raises(AccessDenied, match="GROUP"):
        WpaCtrl(server.path)


def test_a_supplicant_that_went_away_is_not_replaced_by_the_next_one(server: Server) -> None:
    with WpaCtrl(server.path) as ctrl:
        ctrl.request("PING")
        server.stop()
        successor = Server(Path(server.path))
        with pytest.raises(NotFound):
            ctrl.request("PING")
        with pytest.raises(TransportFailed, match="over"):
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
            with pytest.raises(CommandUnsafe, match="is no variable of a network"):
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


# --- the monitor ---


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
        WpaMonitor(server.path, timeout=0.05)


def test_an_event_longer_than_a_reply(server: Server) -> None:
    with WpaMonitor(server.path) as monitor:
        server.emit(b"<3>CTRL-EVENT-EAP-PEER-CERT depth=0 cert=" + b"30" * 6000)
        (event,) = monitor.read()
    assert len(event.fields["cert"]) == 12000


def test_a_living_supplicant_and_its_answers_are_no_events(server: Server) -> None:
    with WpaMonitor(server.path) as monitor:
        assert monitor.alive()
        deadline = time.monotonic() + 5
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
        assert time.monotonic() - started < 2


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
    monitor = WpaMonitor(server.path, timeout=0.2)
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
    with pytest.raises(NotFound, match="no wpa_supplicant listens here"):
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
        with pytest.raises(TransportFailed, match="the kernel did not say who answers") as caught:
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


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.EACCES, AccessDenied, "is not for this user"),
        (errno.EPERM, AccessDenied, "is not for this user"),
        (errno.ECONNRESET, NotFound, "no wpa_supplicant listens here"),
        (errno.ENOTCONN, NotFound, "no wpa_supplicant listens here"),
        (errno.EIO, TransportFailed, "control socket failed: Input/output error"),
        (0, TransportFailed, "control socket failed: odd"),
    ],
)
def test_each_error_of_the_socket_says_where(server: Server, number: int, kind: Type[FleetError], words: str) -> None:
    ctrl = WpaCtrl(server.path)
    failed = ctrl._failed(OSError(number, "as the kernel says") if number else OSError("odd"))
    assert failed.__class__ is kind
    assert words in str(failed)
    assert failed.where == server.path
    assert getattr(failed, "errno", number) == number
    assert bool(failed.remedy) == (kind is not TransportFailed)
    ctrl.close()
