# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""wpa_supplicant's answers and events decoded."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Callable, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import codec
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.codec import Network, Status
from ansible_collections.vpro.fleet.plugins.module_utils._network import values
from ansible_collections.vpro.fleet.plugins.module_utils._network.backend import SupplicantStatus
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import DecodeFailed, FleetError
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.wpa_supplicant.fake_server import (
    HEADING,
    line,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_supplicant import printf_encode


def test_status_of_a_connection() -> None:
    text = (
        "bssid=02:00:00:00:01:AA\nfreq=2437\nssid=a\\nb\\xff=c\nid=3\nid_str=x\nmode=station\npairwise_cipher=CCMP\n"
        "key_mgmt=WPA2-PSK\nwpa_state=COMPLETED\nip_address=192.0.2.7\naddress=02:00:00:00:00:00\n"
    )
    status = codec.decode_status(text)
    assert status == Status("COMPLETED", "02:00:00:00:01:aa", b"a\nb\xff=c", 3, 2437, "WPA2-PSK", "02:00:00:00:00:00")
    assert status.connected


@pytest.mark.parametrize(
    ("state", "connected"),
    [("COMPLETED", True), ("4WAY_HANDSHAKE", False), ("ASSOCIATED", False), ("INTERFACE_DISABLED", False)],
)
def test_a_link_is_up_with_its_keys_alone(state: str, connected: bool) -> None:
    status = codec.decode_status(f"wpa_state={state}\nbssid=02:00:00:00:01:00\nssid=corp\nid=1\n")
    assert status.connected is connected
    assert status.common == SupplicantStatus(connected, "02:00:00:00:01:00", b"corp", 1)


def test_an_ssid_with_a_space_is_whole_in_a_status() -> None:
    status = codec.decode_status("ssid=corp guest=1\nid_str=x wpa_state=SCANNING\nwpa_state=COMPLETED\n")
    assert status == Status("COMPLETED", ssid=b"corp guest=1")


def test_status_without_a_connection() -> None:
    status = codec.decode_status("wpa_state=INTERFACE_DISABLED\naddress=12:4a:85:8b:28:7e\nuuid=f8f2340a\n")
    assert status == Status("INTERFACE_DISABLED", address="12:4a:85:8b:28:7e")
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
    assert time.monotonic() - started < 60, "each takes minutes where the time grows with the square of the length"


#: Longer than what an error shows of it.
LONG = "\xe9" * 100


@pytest.mark.parametrize(
    ("decode", "text", "what"),
    [
        (values.decode_printf, "\ud800" + LONG, "this text cannot have come from a supplicant"),
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
        ("id=" + LONG, "id is not a number"),
        ("freq=" + LONG, "freq is not a number"),
        ("bssid=" + LONG, "bssid is not a BSSID"),
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
        (f"{LONG}\tx\tany\t", "a network's id is not a number", LONG),
        (f"0\tx\t{LONG}\t", "a network's bssid is not a BSSID", LONG),
    ],
)
def test_a_column_of_a_network_that_does_not_decode_is_named(row: str, what: str, shown: str) -> None:
    with pytest.raises(DecodeFailed) as caught:
        codec.decode_networks(f"{HEADING}{row}\n")
    assert (caught.value.what, caught.value.where) == (what, ascii(shown[:80]))


def test_an_ssid_that_is_too_long_is_told_with_its_length() -> None:
    for decode in (values.encode_ssid, lambda ssid: codec._decode_ssid(ssid.decode())):
        decode(b"x" * 32)
        with pytest.raises(FleetError, match=r"at most 32 bytes, .*this one has 33"):
            decode(b"x" * 33)


@pytest.mark.parametrize("ssid", ["\\", "a\\", "\\q", "\\x", "\\x1", "\\xg0", "\\\\\\", "\\u00e9", "\\0"])
def test_an_ssid_that_printf_encode_does_not_make_is_damaged(ssid: str) -> None:
    with pytest.raises(DecodeFailed, match="an SSID has an unknown escape in it"):
        codec.decode_status(f"wpa_state=COMPLETED\nssid={ssid}")
    event = codec.decode_event(f'<3>CTRL-EVENT-X ssid="{ssid}"'.encode())
    assert event is not None
    assert event.ssid is None
