# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the engine says has the bytes of the kernel's own structures.

The bytes here were printed by a C program that includes ``drivers/misc/mei/hw.h`` and ``mei/sap.h`` of Linux 6.1.176
and of 6.12.117, and fills the structures in. They were the same.
"""

from __future__ import annotations

import struct
from uuid import UUID

import pytest

from vpro_lab.engine import dhcp, filters, hbm, sap, shared
from vpro_lab.engine.filters import Filters, Flex, Ipv4, PortFilter
from vpro_lab.engine.hbm import Command, Message, Properties
from vpro_lab.engine.sap import Auth, Cipher, Connection

CORP = Connection(b"corp", bytes.fromhex("02aabbccddee"), 149, Auth.RSNA_PSK, Cipher.CCMP, band=1)
CORP_STATUS = "".join(
    (
        "0100000000000000",
        "04000000636f727000000000000000000000000000000000000000000000000000000000",
        "0700000004000000",
        "95010000",
        "02aabbccddee0000",
    )
)


@pytest.mark.parametrize(
    ("layout", "size"),
    [
        (sap.ME_HEADER, 12),
        (sap.HEADER, 8),
        # Those below are without their headers.
        (sap.ME_START, 88 - 12),
        (sap.ME_START_OK, 20 - 12),
        (sap.NIC_INFO, 20 - 8),
        (sap.COUNTRY, 16 - 8),
        (sap.PLDR, 16 - 8),
        (sap.CB_DATA, 48 - 8),
        (hbm.DMA_MAP_REQUEST, 16),
        (hbm.DMA_UNMAP_REQUEST, 4),
        (hbm.VERSION_REQUEST, 4),
    ],
)
def test_a_layout_is_as_long_as_the_structure(layout: struct.Struct, size: int) -> None:
    assert layout.size == size


def test_a_message_on_the_wire() -> None:
    message = Message(client=7, host=3, data=bytes(300))
    assert message.pack() == bytes.fromhex("07032c81") + bytes(300)
    assert Message.unpack(message.pack()) == message
    assert Message.unpack(bytes.fromhex("07030100") + b"x").complete is False


@pytest.mark.parametrize("wire", [b"", b"\x07\x03", bytes.fromhex("07032c81") + bytes(299)])
def test_a_short_message_is_malformed(wire: bytes) -> None:
    with pytest.raises(hbm.Malformed):
        Message.unpack(wire)


def test_a_long_message_goes_in_parts() -> None:
    data = bytes(range(256)) * 5
    parts = hbm.parts(7, 3, data)
    assert [len(part.pack()) for part in parts] == [512, 512, 4 + 1280 - 2 * 508]
    assert [part.complete for part in parts] == [False, False, True]
    assert b"".join(part.data for part in parts) == data
    assert hbm.parts(7, 3, b"") == (Message(7, 3, b""),)


def test_properties() -> None:
    uuid = UUID(bytes_le=bytes(range(16)))
    told = hbm.response(Command.PROPERTIES, 7, 0, 0, tail=Properties(uuid, 4, 1, 512).pack())
    assert told.hex() == "85070000000102030405060708090a0b0c0d0e0f0401000000020000"


def test_the_wireless_client_is_found_by_its_uuid() -> None:
    # MEI_WLAN_UUID as UUID_LE() lays it out.
    assert sap.UUID_WLAN.bytes_le.hex() == "040928139277cb4fa1aa5e70cbb1e865"


def test_enumeration() -> None:
    assert hbm.enumeration((7, 9)).hex() == "840000008002" + "00" * 30


def test_requests_of_the_host() -> None:
    assert hbm.DMA_MAP_REQUEST.unpack(bytes.fromhex("14010000443322115500000000a00200")) == (
        1,
        0x11223344,
        0x55,
        shared.size_of(4),
    )
    assert hbm.DMA_UNMAP_REQUEST.unpack(bytes.fromhex("15000100")) == (1,)
    minor, major = hbm.VERSION_REQUEST.unpack(bytes.fromhex("01000201"))
    assert (major, minor) == (1, 2)


def test_flow_control_and_a_small_response() -> None:
    assert hbm.flow_control(7, 3).hex() == "0807030000000000"
    assert hbm.response(Command.START, 1, 2, 2).hex() == "81010202"


def test_sap_starts() -> None:
    assert sap.start_ok(4, 9).hex() == "0200000009000000140000000000000004000000"
    assert sap.check_shared_area(5).hex() == "03000000050000000c000000"


def test_the_connection() -> None:
    assert sap.connection_status(True, CORP).hex() == CORP_STATUS
    assert Connection.unpack(bytes.fromhex(CORP_STATUS)[8:]) == CORP
    assert Connection.unpack(b"\x04\0\0\0co") == Connection(b"co\0\0")


def test_numbers_have_names() -> None:
    assert sap.name_of(1013) == "WIFIDR_UP"
    assert sap.name_of(514) == "514"
    assert sap.me_name_of(3) == "CHECK_SHARED_AREA"
    assert sap.me_name_of(9) == "9"


def test_the_shared_area_is_as_large_as_iwlmei_maps() -> None:
    assert {version: shared.size_of(version) for version in shared.QUEUES} == {3: 139264, 4: 172032}
    assert [shared.version_of(size) for size in (139264, 172032, 4096)] == [3, 4, None]


def test_filters() -> None:
    made = Filters(
        ports=(
            PortFilter(16994, Flex.ENABLED | Flex.TCP),
            PortFilter(68, Flex.ENABLED | Flex.UDP | Flex.COPY, source=67),
        ),
        ipv4=Ipv4.ARP_REQUEST_PASS | Ipv4.ICMP_PASS,
        address=bytes((192, 0, 2, 10)),
    ).pack()
    assert len(made) == 1904 - 8
    used = made[1740:]
    assert len(used) == 156
    flex = bytes.fromhex("000042621200004300442300").ljust(84, b"\0")
    assert used == flex + bytes(56) + bytes.fromhex("c000020a05000000") + bytes(8)


def test_there_is_no_room_for_more_filters() -> None:
    with pytest.raises(ValueError, match="room for 14"):
        Filters(ports=(PortFilter(1, Flex.ENABLED),) * 15).pack()
    assert len(Filters().ports) <= filters._FLEX


def frame(options: bytes, *, protocol: int = 17, ports: tuple[int, int] = (67, 68)) -> bytes:
    """Return an Ethernet frame with a DHCP message of these options."""
    message = bytes(236) + b"\x63\x82\x53\x63" + options
    header = bytes((0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol)) + bytes(10)
    return bytes(12) + b"\x08\x00" + header + struct.pack(">HHHH", *ports, 0, 0) + message


@pytest.mark.parametrize(
    ("seen", "kind"),
    [
        (frame(b"\x35\x01\x05\xff"), dhcp.ACK),
        (frame(b"\0\0\x3d\x02ab\x35\x01\x03\xff", ports=(68, 67)), dhcp.REQUEST),
        (frame(b"\xff\x35\x01\x05"), None),
        (frame(b"\x3d\xff\x35\x01\x05"), None),
        (frame(b"\x35\x01"), None),
        (frame(b"\x35\x01\x05\xff", protocol=6), None),
        (frame(b"\x35\x01\x05\xff", ports=(53, 68)), None),
        (frame(b"")[:60], None),
        (b"", None),
        (bytes(60), None),
    ],
)
def test_dhcp_is_told_apart(seen: bytes, kind: int | None) -> None:
    assert dhcp.message_type(seen) == kind
