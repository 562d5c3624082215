# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import fcntl
import os
import struct
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Set, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vpro.fleet.plugins.module_utils._radio import rfkill
from ansible_collections.vpro.fleet.plugins.module_utils._radio.rfkill import MalformedRecord, RfkillEvent
from ansible_collections.vpro.fleet.plugins.module_utils._radio.values import Switch
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    AccessDenied,
    DecodeFailed,
    NotFound,
    TransportFailed,
)


def record(index: int = 1, kind: int = 1, op: int = 2, soft: int = 0, hard: int = 1, rest: bytes = b"\x02") -> bytes:
    return struct.pack("=IBBBB", index, kind, op, soft, hard) + rest


# --- decode_event ---


def test_event_with_reasons() -> None:
    assert rfkill.decode_event(record()) == RfkillEvent(1, "wlan", "change", False, True, frozenset({"not_owner"}))


def test_event_of_an_older_kernel_has_no_reasons() -> None:
    event = rfkill.decode_event(record(rest=b""))
    assert (event.hard, event.reasons) == (True, None)


def test_event_without_a_block_has_no_reason_rather_than_unknown_ones() -> None:
    assert rfkill.decode_event(record(hard=0, rest=b"\x00")).reasons == frozenset()


def test_event_of_a_later_kernel_is_read_as_far_as_it_is_known() -> None:
    assert rfkill.decode_event(record(rest=b"\x02later")) == rfkill.decode_event(record())


@pytest.mark.parametrize(
    ("bits", "names"),
    [
        (0, set()),
        (1, {"signal"}),
        (2, {"not_owner"}),
        (3, {"signal", "not_owner"}),
        (0x86, {"not_owner", "bit2", "bit7"}),
    ],
)
def test_reasons_are_named_bit_by_bit(bits: int, names: Set[str]) -> None:
    assert rfkill.decode_event(record(rest=bytes([bits]))).reasons == frozenset(names)


@pytest.mark.parametrize(
    ("op", "name"), [(0, "add"), (1, "del"), (2, "change"), (3, "change_all"), (4, "unknown(4)"), (255, "unknown(255)")]
)
def test_operations(op: int, name: str) -> None:
    assert rfkill.decode_event(record(op=op)).op == name


@pytest.mark.parametrize(("kind", "name"), [(0, "all"), (1, "wlan"), (2, "bluetooth"), (8, "nfc"), (9, "unknown(9)")])
def test_types(kind: int, name: str) -> None:
    assert rfkill.decode_event(record(kind=kind)).type == name


@given(st.binary(max_size=80))
def test_any_record_is_an_event_or_too_short(data: bytes) -> None:
    if len(data) < 8:
        with pytest.raises(DecodeFailed, match=f"{len(data)} bytes"):
            rfkill.decode_event(data)
    else:
        event = rfkill.decode_event(data)
        assert event.index == struct.unpack("=I", data[:4])[0]
        assert (event.soft, event.hard) == (data[6] != 0, data[7] != 0)
        assert (event.reasons is None) == (len(data) == 8)


# --- switches ---


class Sysfs:
    """A tree like /sys, with /sys/class/rfkill as links into the devices."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.rfkill = root / "class" / "rfkill"
        self.rfkill.mkdir(parents=True)

    def add(self, index: int, device: str, **attributes: Optional[str]) -> Path:
        values: Dict[str, Optional[str]] = {
            "type": "wlan",
            "name": "phy0",
            "soft": "0",
            "hard": "0",
            "hard_block_reasons": "0x0",
        }
        values.update(attributes)
        directory = self.root / "devices" / device / f"rfkill{index}"
        directory.mkdir(parents=True)
        for name, value in values.items():
            if value is not None:
                (directory / name).write_text(value + "\n")
        (directory / "device").symlink_to(directory.parent)
        (self.rfkill / directory.name).symlink_to(directory)
        return directory


@pytest.fixture
def sysfs(tmp_path: Path) -> Sysfs:
    return Sysfs(tmp_path)


def test_switches_by_index_with_their_radios(sysfs: Sysfs) -> None:
    sysfs.add(10, "pci0/wlan/ieee80211/phy0", name="phy0", hard="1", hard_block_reasons="0x2")
    sysfs.add(2, "pci0/bluetooth/hci0", type="bluetooth", name="hci0", soft="1")
    assert rfkill.switches(str(sysfs.rfkill)) == (
        Switch(2, "bluetooth", "hci0", True, False, frozenset(), None),
        Switch(10, "wlan", "phy0", False, True, frozenset({"not_owner"}), "phy0"),
    )


def test_switches_are_in_order_of_their_numbers(sysfs: Sysfs) -> None:
    indexes = [33, 4, 10, 2, 7, 0, 21, 100, 1]
    for index in indexes:
        sysfs.add(index, f"pci0/ieee80211/phy{index}")
    assert [switch.index for switch in rfkill.switches(str(sysfs.rfkill))] == sorted(indexes)


def test_a_platform_wlan_switch_has_no_radio(sysfs: Sysfs) -> None:
    sysfs.add(0, "platform/thinkpad_acpi", name="tpacpi_wlan_sw")
    assert rfkill.switches(str(sysfs.rfkill))[0].phy is None


def test_an_older_kernel_has_no_reasons(sysfs: Sysfs) -> None:
    sysfs.add(0, "ieee80211/phy3", hard="1", hard_block_reasons=None)
    (switch,) = rfkill.switches(str(sysfs.rfkill))
    assert (switch.hard, switch.reasons, switch.phy) == (True, None, "phy3")


def test_no_rfkill_at_all(tmp_path: Path) -> None:
    assert rfkill.switches(str(tmp_path / "absent")) == ()


def test_other_entries_are_not_switches(sysfs: Sysfs) -> None:
    for name in ("rfkill", "rfkillx", "uevent"):
        (sysfs.rfkill / name).mkdir()
    assert rfkill.switches(str(sysfs.rfkill)) == ()


def test_a_switch_that_is_unplugged_meanwhile_is_left_out(sysfs: Sysfs) -> None:
    (sysfs.add(0, "usb/ieee80211/phy1") / "name").unlink()
    sysfs.add(1, "pci0/ieee80211/phy0")
    assert [switch.index for switch in rfkill.switches(str(sysfs.rfkill))] == [1]


@pytest.mark.parametrize("value", ["", "yes", "-1", "0xg"])
@pytest.mark.parametrize("attribute", ["soft", "hard", "hard_block_reasons"])
def test_a_value_that_is_no_number_is_named(sysfs: Sysfs, attribute: str, value: str) -> None:
    sysfs.add(0, "ieee80211/phy0", **{attribute: value})
    with pytest.raises(DecodeFailed) as caught:
        rfkill.switches(str(sysfs.rfkill))
    assert caught.value.where.endswith(f"rfkill0/{attribute}")


def test_a_value_that_is_no_text_is_named_too(sysfs: Sysfs) -> None:
    (sysfs.add(0, "ieee80211/phy0") / "soft").write_bytes(b"\xff\n")
    with pytest.raises(DecodeFailed, match="is not an rfkill value") as caught:
        rfkill.switches(str(sysfs.rfkill))
    assert caught.value.where.endswith("rfkill0/soft")


def test_a_switch_that_can_not_be_read_is_named(sysfs: Sysfs) -> None:
    directory = sysfs.add(0, "ieee80211/phy0", soft=None)
    (directory / "soft").mkdir()
    with pytest.raises(TransportFailed, match="Is a directory") as caught:
        rfkill.switches(str(sysfs.rfkill))
    assert caught.value.where == str(sysfs.rfkill / "rfkill0")
    assert caught.value.errno == errno.EISDIR


def test_sysfs_that_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TransportFailed) as caught:
        rfkill.switches(str(tmp_path / "file"))
    assert caught.value.where == str(tmp_path / "file")


# --- RfkillEvents ---


@pytest.fixture
def device() -> Iterator[Tuple[str, int]]:
    """A pipe in packet mode: as with /dev/rfkill one read returns one record, and it knows no ioctl of rfkill's."""
    reader, writer = os.pipe2(os.O_DIRECT | os.O_NONBLOCK)
    yield f"/proc/self/fd/{reader}", writer
    for descriptor in (reader, writer):
        if os.path.exists(f"/proc/self/fd/{descriptor}"):
            os.close(descriptor)


def test_read_drains_and_does_not_wait(device: Tuple[str, int]) -> None:
    path, writer = device
    with rfkill.RfkillEvents(path) as events:
        assert events.read() == ()
        os.write(writer, record(op=0))
        os.write(writer, record(op=2, rest=b""))
        assert events.read() == (
            RfkillEvent(1, "wlan", "add", False, True, frozenset({"not_owner"})),
            RfkillEvent(1, "wlan", "change", False, True, None),
        )
        assert events.read() == ()


def test_a_malformed_record_is_a_value_and_the_next_one_is_read(device: Tuple[str, int]) -> None:
    path, writer = device
    with rfkill.RfkillEvents(path) as events:
        os.write(writer, b"short")
        os.write(writer, record())
        malformed, event = events.read()
    assert malformed == MalformedRecord("an rfkill record has 5 bytes, at least 8 are needed")
    assert isinstance(event, RfkillEvent)


def test_an_ended_device_is_an_error_and_not_an_endless_nothing(device: Tuple[str, int]) -> None:
    path, writer = device
    with rfkill.RfkillEvents(path) as events:
        os.write(writer, record())
        os.close(writer)
        assert len(events.read()) == 1
        with pytest.raises(TransportFailed, match="ended"):
            events.read()


def test_closing_twice_and_reading_after_it(device: Tuple[str, int]) -> None:
    events = rfkill.RfkillEvents(device[0])
    descriptor = events.fileno()
    assert descriptor >= 0
    events.close()
    events.close()
    assert events.fileno() == -1
    assert not os.path.exists(f"/proc/self/fd/{descriptor}")
    with pytest.raises(TransportFailed):
        events.read()


def test_the_longer_records_are_asked_for(device: Tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(fcntl, "ioctl", lambda _fd, request, argument: asked.append((request, argument)))
    rfkill.RfkillEvents(device[0]).close()
    assert asked == [(0x40045202, struct.pack("=I", 9))]


def test_no_device(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="Load the kernel module rfkill"):
        rfkill.RfkillEvents(str(tmp_path / "rfkill"))


def test_a_device_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(AccessDenied, match="as root"):
        rfkill.RfkillEvents()


# -- what is written, and errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize("blocked", [False, True])
def test_the_soft_block_of_one_switch(tmp_path: Path, blocked: bool) -> None:
    device = tmp_path / "rfkill"
    device.touch()
    rfkill.set_soft(0x01020304, blocked, str(device))
    # struct rfkill_event of linux/rfkill.h: idx, type (0: does not matter), op (2: CHANGE), soft, hard.
    assert device.read_bytes() == struct.pack("=IBBBB", 0x01020304, 0, 2, int(blocked), 0)


@pytest.mark.parametrize(("kind", "number"), [("all", 0), ("wlan", 1), ("bluetooth", 2)])
def test_the_soft_block_of_every_switch_of_a_type(tmp_path: Path, kind: str, number: int) -> None:
    device = tmp_path / "rfkill"
    device.touch()
    rfkill.set_soft_all(kind, True, str(device))
    assert device.read_bytes() == struct.pack("=IBBBB", 0, number, 3, 1, 0)
    rfkill.set_soft_all(kind, False, str(device))
    assert device.read_bytes() == struct.pack("=IBBBB", 0, number, 3, 0, 0)
    with pytest.raises(ValueError, match="not in tuple"):
        rfkill.set_soft_all("nonsense", True, str(device))


def test_the_device_is_the_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: List[Any] = []

    def refuse(path: object, *_flags: object) -> int:
        opened.append(path)
        raise OSError(errno.EBUSY, "busy")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(TransportFailed):
        rfkill.set_soft(0, True)
    with pytest.raises(TransportFailed):
        rfkill.set_soft_all("wlan", True)
    with pytest.raises(TransportFailed):
        rfkill.RfkillEvents()
    assert opened == ["/dev/rfkill"] * 3


@pytest.mark.parametrize(
    ("number", "kind", "words", "remedy"),
    [
        (errno.EACCES, AccessDenied, "the use of rfkill was refused", "Run this as root"),
        (errno.EPERM, AccessDenied, "the use of rfkill was refused", "Run this as root"),
        (errno.ENOENT, NotFound, "this kernel has no rfkill", "Load the kernel module rfkill"),
        (errno.EBUSY, TransportFailed, "using rfkill failed: Device or resource busy", ""),
    ],
)
def test_each_error_says_where_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: Any, words: str, remedy: str
) -> None:
    def refuse(*_arguments: object) -> int:
        raise OSError(number, os.strerror(number))

    device = tmp_path / "rfkill"
    device.touch()
    events = rfkill.RfkillEvents(str(device))
    monkeypatch.setattr(os, "read", refuse)
    monkeypatch.setattr(os, "write", refuse)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for call in (lambda: rfkill.set_soft(0, True, str(device)), lambda: [*events.read()]):
        with pytest.raises(kind, match=words) as caught:
            call()
        assert (caught.value.where, caught.value.remedy) == (str(device), remedy)
        if kind is TransportFailed:
            assert caught.value.errno == number
    events.close()
    assert events.fileno() == -1
    events.close()


def test_a_device_at_its_end_is_named(tmp_path: Path) -> None:
    device = tmp_path / "rfkill"
    device.touch()
    events = rfkill.RfkillEvents(str(device))
    with pytest.raises(TransportFailed, match="the rfkill device ended") as caught:
        events.read()
    assert caught.value.where == str(device)
    events.close()
