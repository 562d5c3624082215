# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions and answers of the firmware, byte by byte. The bytes were written by hand from the formats."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Callable, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vpro.fleet.plugins.module_utils._firmware import replies
from ansible_collections.vpro.fleet.plugins.module_utils._firmware.calls import Call, Client, decode, encode
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import DecodeFailed, FirmwareRefused

#: All that may ever be asked. Whoever adds one here has to show that it neither changes anything nor tells a secret.
ALLOWED = {0x08, 0x11, 0x1A, 0x1B, 0x2C, 0x2D, 0x36, 0x46, 0x48, 0x58, 0x5C, 0x6B}
DECODERS: List[Callable[[bytes], Any]] = [
    replies.brand,
    replies.certificate_hash,
    replies.code_versions,
    replies.dns_suffix,
    replies.has_amt,
    replies.hash_handles,
    replies.lan_interface,
    replies.number,
    replies.redirection,
    replies.remote_access,
    replies.tls,
    replies.uuid,
]


def test_the_list_of_calls() -> None:
    pthi = {call.value.number for call in Call if call.client is Client.PTHI}
    assert pthi == ALLOWED
    assert {call.value.number for call in Call if call.client is Client.MKHI} == {0, 29, 32}


@pytest.mark.parametrize(
    ("call", "argument", "question"),
    [
        (Call.CODE_VERSIONS, None, "01010000 1a000004 00000000"),
        (Call.CONTROL_MODE, None, "01010000 6b000004 00000000"),
        (Call.LAN_INTERFACE, 1, "01010000 48000004 04000000 01000000"),
        (Call.HASH_ENTRY, 7, "01010000 2d000004 04000000 07000000"),
        (Call.FEATURES_CAPABLE, None, "03020000 00000000"),
        (Call.FEATURES_ENABLED, None, "03020000 20000000"),
    ],
)
def test_questions(call: Call, argument: int, question: str) -> None:
    assert encode(call, argument) == bytes.fromhex(question)


@pytest.mark.parametrize(("call", "argument"), [(Call.UUID, 1), (Call.HASH_ENTRY, None), (Call.PLATFORM_TYPE, 3)])
def test_an_argument_where_it_does_not_belong(call: Call, argument: int) -> None:
    with pytest.raises(ValueError, match=call.name):
        encode(call, argument)


@pytest.mark.parametrize(
    ("call", "answer", "told"),
    [
        (Call.PROVISIONING_STATE, "01010000 11008004 08000000 00000000 02000000", "02000000"),
        (Call.FEATURES_CAPABLE, "03820000 00000000 04 04300200", "04300200"),
        (Call.PLATFORM_TYPE, "03820000 1d000000 04 01140000", "01140000"),
    ],
)
def test_answers(call: Call, answer: str, told: str) -> None:
    assert decode(call, bytes.fromhex(answer)) == bytes.fromhex(told)


@pytest.mark.parametrize(
    ("call", "answer", "text"),
    [
        (Call.UUID, "", "only 0 bytes"),
        (Call.UUID, "01010000 5c008004 00000000", "only 12 bytes"),
        (Call.UUID, "01010000 5c000004 04000000 00000000", "0x0400005c when it was asked UUID"),
        (Call.UUID, "01010000 11008004 04000000 00000000", "0x04800011"),
        (Call.UUID, "01010000 5c008004 04000000 00000000 00", "says that 4 bytes follow, and has 5"),
        (Call.UUID, "01010000 5c008004 14000000 00000000 00", "says that 20 bytes follow, and has 5"),
        (Call.FEATURES_CAPABLE, "038200", "only 3 bytes"),
        (Call.FEATURES_CAPABLE, "03820000 0000", "only 6 bytes"),
        (Call.FEATURES_CAPABLE, "03020000 00000000 04 04300200", "command 2"),
        (Call.FEATURES_CAPABLE, "ff820000 00000000 04 04300200", "group 255"),
        (Call.FEATURES_CAPABLE, "03820000 20000000 04 04300200", "rule 32"),
        (Call.FEATURES_CAPABLE, "03820000 00000000 04 043002", "sent 3"),
    ],
)
def test_an_answer_to_something_else(call: Call, answer: str, text: str) -> None:
    with pytest.raises(DecodeFailed, match=text):
        decode(call, bytes.fromhex(answer))


@pytest.mark.parametrize(
    ("call", "answer", "status"),
    [(Call.UUID, "01010000 5c008004 04000000 10000000", 0x10), (Call.FEATURES_CAPABLE, "0382008d", 0x8D)],
)
def test_a_refusal(call: Call, answer: str, status: int) -> None:
    with pytest.raises(FirmwareRefused, match=call.name) as refused:
        decode(call, bytes.fromhex(answer))
    assert refused.value.status == status


@given(st.sampled_from(list(Call)), st.binary(max_size=64))
def test_no_bytes_are_an_unexpected_error(call: Call, answer: bytes) -> None:
    with suppress(DecodeFailed, FirmwareRefused):
        decode(call, answer)


@given(st.sampled_from(DECODERS), st.binary(max_size=700))
def test_no_answer_is_an_unexpected_error(decoder: Callable[[bytes], Any], told: bytes) -> None:
    with suppress(DecodeFailed):
        decoder(told)


@given(st.binary())
def test_texts_are_printable(text: bytes) -> None:
    assert all(0x20 <= ord(each) < 0x7F for each in replies.printable(text))


def test_versions() -> None:
    entry = "0300 414d54" + "00" * 17 + "0700 31312e382e3737" + "00" * 13
    sku = "0300 536b75" + "00" * 17 + "0500 3136333932" + "00" * 15
    found = replies.code_versions(bytes.fromhex("4e31" + "00" * 63 + "02000000" + entry + sku))
    assert (found.bios, found.parts) == ("N1", {"AMT": "11.8.77", "Sku": "16392"})
    assert found.sku == 16392
    assert replies.sells_amt(16392)
    assert not replies.sells_standard(16392)


@pytest.mark.parametrize(
    ("count", "text"), [("33000000", "has 51 versions"), ("02000000", "has 2 versions, and sent 0")]
)
def test_a_list_of_versions_that_is_not_there(count: str, text: str) -> None:
    with pytest.raises(DecodeFailed, match=text):
        replies.code_versions(bytes.fromhex("00" * 65 + count))


@pytest.mark.parametrize(("text", "number"), [("16400", 16400), ("", None), ("0x10", None)])
def test_the_number_of_the_sku(text: str, number: int) -> None:
    assert replies.CodeVersions("", {"Sku": text}).sku == number


def test_numbers_of_several_bytes() -> None:
    assert replies.uuid(bytes.fromhex("44454c4c 3500 1030 8056 b4c04f4c4142")) == "4c4c4544-0035-3010-8056-b4c04f4c4142"
    lan = replies.lan_interface(bytes.fromhex("01000000 020200c0 01000000 02 01 020000000a0b"))
    assert lan is not None
    assert (lan.ip, lan.mode, lan.link_up, lan.mac) == ("192.0.2.2", 2, True, "02:00:00:00:0a:0b")
    assert replies.lan_interface(bytes(20)) is None


def test_a_certificate_with_an_unknown_algorithm() -> None:
    with pytest.raises(DecodeFailed, match="algorithm 4"):
        replies.certificate_hash(bytes.fromhex("01000000 01000000" + "00" * 64 + "04 0000"))


def test_handles_without_end() -> None:
    with pytest.raises(DecodeFailed, match="34 certificate hashes"):
        replies.hash_handles(bytes.fromhex("22000000") + bytes(4 * 34))


def test_a_text_that_is_cut() -> None:
    assert replies.dns_suffix(bytes.fromhex("0300 61622e")) == "ab."
    assert replies.dns_suffix(bytes.fromhex("0000")) is None
    with pytest.raises(DecodeFailed, match="has 4 bytes, and only 3 came"):
        replies.dns_suffix(bytes.fromhex("0400 61622e"))


def test_names() -> None:
    assert replies.named(replies.CONTROL_MODES, 2) == "admin"
    assert replies.named(replies.CONTROL_MODES, 9) == "unknown(9)"
