# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""rfkill: the switches from sysfs, and their changes from ``/dev/rfkill``, with the kernel's reasons for a hard block.

Other readers of rfkill (util-linux, systemd-rfkill, wpa_supplicant) take the record of 8 bytes, which has no reasons.
Source of the numbers: ``linux/include/uapi/linux/rfkill.h``. The byte order is the machine's own.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import FrozenSet, List, Optional, Tuple, Type, Union

from .._system.denied import remedy_for
from .._system.errors import AccessDenied, DecodeFailed, FleetError, NotFound, TransportFailed
from .values import NOT_OWNER, SIGNAL, WLAN, Block, Switch

#: ``enum rfkill_type``, in the words of the sysfs attribute ``type``.
_TYPES = ("all", WLAN, "bluetooth", "ultrawideband", "wimax", "wwan", "gps", "fm", "nfc")
#: ``enum rfkill_operation``.
_OPERATIONS = ("add", "del", "change", "change_all")
#: ``enum rfkill_hard_block_reasons``, by bit: RFKILL_HARD_BLOCK_SIGNAL, RFKILL_HARD_BLOCK_NOT_OWNER.
_REASONS = (SIGNAL, NOT_OWNER)

#: ``struct rfkill_event``: u32 idx, u8 type, u8 op, u8 soft, u8 hard (RFKILL_EVENT_SIZE_V1 = 8 bytes).
_EVENT = struct.Struct("=IBBBB")
#: ``struct rfkill_event_ext`` adds u8 hard_block_reasons (kernel 5.11).
_EXTENDED_SIZE = 9
#: RFKILL_IOCTL_MAX_SIZE = _IOW('R', 2, __u32), which sets how long the records may be.
_IOCTL_MAX_SIZE = 0x40045202
#: Bytes for one read, which returns one record. There is room for a longer record of a later kernel.
_READ_SIZE = 64
#: How many records ``read()`` takes at most. A flood of changes then cannot keep an event loop busy here. The
#: descriptor stays readable, so the loop calls again for the rest.
_READ_MAX = 256


@dataclass(frozen=True)
class RfkillEvent(Block):
    """One record of ``/dev/rfkill``. ``reasons`` is None when the record has no such byte."""

    index: int
    type: str
    op: str
    soft: bool
    hard: bool
    reasons: Optional[FrozenSet[str]]


@dataclass(frozen=True)
class MalformedRecord:
    """A record that could not be decoded. It is a value and not an exception, so the reader gets the other records."""

    reason: str


def _named(names: Tuple[str, ...], number: int) -> str:
    return names[number] if number < len(names) else f"unknown({number})"


def _reasons(bits: int) -> FrozenSet[str]:
    """Return the names of the bits of a hard block's reasons. Bit 2, which has no name, becomes ``bit2``, and so on."""
    return frozenset(
        _REASONS[bit] if bit < len(_REASONS) else f"bit{bit}" for bit in range(bits.bit_length()) if bits >> bit & 1
    )


def decode_event(data: bytes) -> RfkillEvent:
    """Decode one record of ``/dev/rfkill``.

    It has 8 or 9 bytes. A later kernel may send more, which are ignored.

    Raises:
        DecodeFailed: the record is shorter than 8 bytes.
    """
    if len(data) < _EVENT.size:
        raise DecodeFailed(f"an rfkill record has {len(data)} bytes, at least {_EVENT.size} are needed")
    index, kind, op, soft, hard = _EVENT.unpack_from(data)
    return RfkillEvent(
        index=index,
        type=_named(_TYPES, kind),
        op=_named(_OPERATIONS, op),
        soft=bool(soft),
        hard=bool(hard),
        reasons=_reasons(data[_EXTENDED_SIZE - 1]) if len(data) >= _EXTENDED_SIZE else None,
    )


def _attribute(directory: str, name: str) -> str:
    with open(os.path.join(directory, name), encoding="utf-8", errors="replace") as attribute:
        return attribute.read().strip()


def _number(directory: str, name: str) -> int:
    text = _attribute(directory, name)
    try:
        number = int(text, 0)
    except ValueError:
        number = -1
    if number < 0:
        raise DecodeFailed(f"'{text}' is not an rfkill value", where=os.path.join(directory, name))
    return number


def _phy(directory: str) -> Optional[str]:
    """Return the radio of a switch, or None for a switch of another device.

    The link ``device`` of a radio's switch leads to ``.../ieee80211/phyN``.
    """
    parent, device = os.path.split(os.path.realpath(os.path.join(directory, "device")))
    return device if os.path.basename(parent) == "ieee80211" else None


def _switch(directory: str, index: int) -> Optional[Switch]:
    """Read one switch. Return None when it was unplugged meanwhile (ENODEV: while one of its attributes was open)."""
    try:
        try:
            reasons: Optional[FrozenSet[str]] = _reasons(_number(directory, "hard_block_reasons"))
        except FileNotFoundError:
            reasons = None
        return Switch(
            index=index,
            type=_attribute(directory, "type"),
            name=_attribute(directory, "name"),
            soft=_number(directory, "soft") != 0,
            hard=_number(directory, "hard") != 0,
            reasons=reasons,
            phy=_phy(directory),
        )
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENODEV):
            return None
        raise _os_error(error, directory) from error


def switches(sysfs: str = "/sys/class/rfkill") -> Tuple[Switch, ...]:
    """Return all rfkill switches, ordered by index. There are none when the kernel has no rfkill.

    This needs no privilege.

    Raises:
        DecodeFailed: an attribute holds something that is not a number.
        AccessDenied, TransportFailed: sysfs cannot be read.
    """
    try:
        names = os.listdir(sysfs)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise _os_error(error, sysfs) from error
    indexes = sorted(int(name[6:]) for name in names if name.startswith("rfkill") and name[6:].isdecimal())
    found = (_switch(os.path.join(sysfs, f"rfkill{index}"), index) for index in indexes)
    return tuple(switch for switch in found if switch is not None)


def platform_switches() -> Tuple[Switch, ...]:
    """Return the WLAN switches of the platform. There are none if rfkill can't be read."""
    try:
        return tuple(switch for switch in switches() if switch.of_platform)
    except FleetError:
        return ()


def set_soft(index: int, blocked: bool, path: str = "/dev/rfkill") -> None:
    """Set or lift the soft block of one switch, as airplane mode does.

    Args:
        index: the index of the switch.
        blocked: True sets the block, and False lifts it.
        path: the device.

    Raises:
        NotFound, AccessDenied, TransportFailed: the device can't be opened or written to.
    """
    # The kernel ignores the type when one switch is changed.
    _write(_EVENT.pack(index, 0, _OPERATIONS.index("change"), int(blocked), 0), path)


def set_soft_all(kind: str, blocked: bool, path: str = "/dev/rfkill") -> None:
    """Set or lift the soft block of every switch of a type, and of the switches of that type that are added later.

    Args:
        kind: the type, as in ``Switch.type``: ``wlan``, ``bluetooth``, ...
        blocked: True sets the block, and False lifts it.
        path: the device.

    Raises:
        ValueError: *kind* is not a type of switches.
        NotFound, AccessDenied, TransportFailed: the device can't be opened or written to.
    """
    _write(_EVENT.pack(0, _TYPES.index(kind), _OPERATIONS.index("change_all"), int(blocked), 0), path)


def _write(record: bytes, path: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, record)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _os_error(error, path) from error


class RfkillEvents:
    """The stream of changes. It begins with an ``add`` for each switch that exists already.

    Args:
        path: the device.

    Raises:
        NotFound, AccessDenied, TransportFailed: the device cannot be opened.
    """

    def __init__(self, path: str = "/dev/rfkill") -> None:
        self._path = path
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise _os_error(error, path) from error
        # This asks for the longer record. Older kernels refuse the request. Some of them send the longer record anyway,
        # and the oldest do not have it. So each record is decoded by its own length.
        with suppress(OSError):
            fcntl.ioctl(self._fd, _IOCTL_MAX_SIZE, struct.pack("=I", _EXTENDED_SIZE))

    def fileno(self) -> int:
        """Return the descriptor for select(), or -1 after close()."""
        return self._fd

    def read(self) -> Tuple[Union[RfkillEvent, MalformedRecord], ...]:
        """Return the records that have arrived, without waiting. There may be none.

        Raises:
            TransportFailed: the device is closed or ended.
        """
        events: List[Union[RfkillEvent, MalformedRecord]] = []
        while len(events) < _READ_MAX:
            try:
                data = os.read(self._fd, _READ_SIZE)
            except BlockingIOError:
                break
            except OSError as error:
                raise _os_error(error, self._path) from error
            if not data:
                if events:
                    break
                # A descriptor at its end is always readable, so an event loop that kept it would never sleep again.
                raise TransportFailed("the rfkill device ended", where=self._path)
            try:
                events.append(decode_event(data))
            except DecodeFailed as error:
                events.append(MalformedRecord(str(error)))
        return tuple(events)

    def close(self) -> None:
        """Close the device. A second call does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> RfkillEvents:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()


def _os_error(error: OSError, where: str) -> FleetError:
    """Return the collection's error for an error of the system."""
    if error.errno in (errno.EACCES, errno.EPERM):
        remedy = remedy_for(error, where, "Run this as root")
        return AccessDenied("the use of rfkill was refused", where=where, remedy=remedy)
    if error.errno in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return NotFound("this kernel has no rfkill", where=where, remedy="Load the kernel module rfkill")
    text = os.strerror(error.errno or 0)
    return TransportFailed(f"using rfkill failed: {text}", where=where, errno=error.errno or 0)
