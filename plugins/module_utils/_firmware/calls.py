# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that the firmware is ever asked, and the frames around questions and answers.

A call that is not here can't be made. None of these changes anything, and none returns a secret.
``GetLocalSystemAccount`` (0x67) does, so it is not here and must never be.

All numbers are little-endian. Sources: the struct and enum definitions of Intel's LMS (``MEIClient/AMTHIClient``,
``MEIClient/MKHIClient``), ``samples/mei/mei-amt-version.c`` of the kernel, and rpc-go (``pkg/pthi/types.go``).
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass
from typing import Optional
from uuid import UUID

from .._system.errors import DecodeFailed, FirmwareRefused


class Client(enum.Enum):
    """A client of the engine: the part of the firmware that answers. The value is its UUID."""

    #: AMT's host interface. It exists only in firmware that has AMT.
    PTHI = UUID("12f80028-b4b7-4b2d-aca8-46e0ff65814c")
    #: The kernel of the firmware. It exists in all firmware.
    MKHI = UUID("8e6a6715-9abc-4043-88ef-9e39c6f63e0f")


@dataclass(frozen=True)
class _Form:
    """What a call looks like.

    Attributes:
        client: who answers.
        number: the number of a PTHI command, or of a rule of MKHI's.
        takes_argument: whether one number follows the header.
    """

    client: Client
    number: int
    takes_argument: bool = False


class Call(enum.Enum):
    """A call that may be made. There are no others."""

    PROVISIONING_MODE = _Form(Client.PTHI, 0x08)
    PROVISIONING_STATE = _Form(Client.PTHI, 0x11)
    CODE_VERSIONS = _Form(Client.PTHI, 0x1A)
    SECURITY_PARAMETERS = _Form(Client.PTHI, 0x1B)
    HASH_HANDLES = _Form(Client.PTHI, 0x2C)
    #: The argument is a handle.
    HASH_ENTRY = _Form(Client.PTHI, 0x2D, takes_argument=True)
    DNS_SUFFIX = _Form(Client.PTHI, 0x36)
    REMOTE_ACCESS = _Form(Client.PTHI, 0x46)
    #: The argument is 0 for the wired interface, and 1 for the wireless one (INTERFACE_SETTINGS).
    LAN_INTERFACE = _Form(Client.PTHI, 0x48, takes_argument=True)
    REDIRECTION = _Form(Client.PTHI, 0x58)
    UUID = _Form(Client.PTHI, 0x5C)
    CONTROL_MODE = _Form(Client.PTHI, 0x6B)
    #: The features that the platform can have (MEFWCAPS_FW_SKU_RULE).
    FEATURES_CAPABLE = _Form(Client.MKHI, 0)
    #: What kind of platform it is (MEFWCAPS_PCV_OEM_PLAT_TYPE_CFG_RULE).
    PLATFORM_TYPE = _Form(Client.MKHI, 29)
    #: The features that are switched on (MEFWCAPS_FEATURE_ENABLE_RULE).
    FEATURES_ENABLED = _Form(Client.MKHI, 32)

    @property
    def client(self) -> Client:
        """Who answers it."""
        return self.value.client

    @property
    def command(self) -> int:
        """The number of the command as the firmware sees it: PTHI's 32 bits, or MKHI's group and command."""
        return _PTHI_CLASS | self.value.number if self.client is Client.PTHI else _GET_RULE


#: AMTHI_MESSAGE_HEADER: version (major, minor), reserved, command, length of what follows.
_PTHI = struct.Struct("<BBHII")
#: AMT_MAJOR_VERSION, AMT_MINOR_VERSION.
_PTHI_VERSION = (1, 1)
#: COMMAND_FMT_: the class is in the highest 8 bits, and bit 23 marks an answer.
_PTHI_CLASS, _PTHI_ANSWER = 0x04 << 24, 1 << 23
#: MKHI_MSG_HEADER: group, command, reserved, result. Bit 7 of the command marks an answer.
_MKHI = struct.Struct("<BBBB")
#: MKHI_FWCAPS_GROUP_ID, and the command that reads a rule of it.
_FWCAPS, _READ_RULE, _MKHI_ANSWER = 3, 2, 1 << 7
_GET_RULE = _FWCAPS << 8 | _READ_RULE
_NUMBER = struct.Struct("<I")
#: RULE_ID, and the length of the rule's data.
_RULE = struct.Struct("<IB")


def encode(call: Call, argument: Optional[int] = None) -> bytes:
    """Return a question as it is written to the device.

    Args:
        call: the call.
        argument: the call's number, for those that take one.

    Raises:
        ValueError: the call takes no argument and got one, or the other way round.
    """
    if call.value.takes_argument != (argument is not None):
        raise ValueError(f"{call.name} got the argument {argument}")
    if call.client is Client.MKHI:
        return _MKHI.pack(_FWCAPS, _READ_RULE, 0, 0) + _NUMBER.pack(call.value.number)
    more = b"" if argument is None else _NUMBER.pack(argument)
    return _PTHI.pack(*_PTHI_VERSION, 0, call.command, len(more)) + more


def decode(call: Call, answer: bytes) -> bytes:
    """Return what an answer says, without its frame.

    Args:
        call: the question.
        answer: the whole answer. The firmware's answers are exact: they have the length that their header says.

    Raises:
        DecodeFailed: it is no whole answer to this question.
        FirmwareRefused: the firmware says that it did not do it.
    """
    return _pthi(call, answer) if call.client is Client.PTHI else _mkhi(call, answer)


def _pthi(call: Call, answer: bytes) -> bytes:
    if len(answer) < _PTHI.size + _NUMBER.size:
        raise _short(call, answer)
    _major, _minor, _reserved, command, length = _PTHI.unpack_from(answer)
    if command != call.command | _PTHI_ANSWER:
        raise DecodeFailed(
            f"the firmware answered {command:#010x} when it was asked {call.name} ({call.command:#010x})"
        )
    if length != len(answer) - _PTHI.size:
        got = len(answer) - _PTHI.size
        raise DecodeFailed(f"the firmware's answer to {call.name} says that {length} bytes follow, and has {got}")
    (status,) = _NUMBER.unpack_from(answer, _PTHI.size)
    if status:
        raise FirmwareRefused(call.name, status)
    return answer[_PTHI.size + _NUMBER.size :]


def _mkhi(call: Call, answer: bytes) -> bytes:
    if len(answer) < _MKHI.size:
        raise _short(call, answer)
    group, command, _reserved, result = _MKHI.unpack_from(answer)
    if (group, command) != (_FWCAPS, _READ_RULE | _MKHI_ANSWER):
        raise DecodeFailed(f"the firmware answered group {group}, command {command} when it was asked {call.name}")
    if result:
        raise FirmwareRefused(call.name, result)
    if len(answer) < _MKHI.size + _RULE.size:
        raise _short(call, answer)
    rule, length = _RULE.unpack_from(answer, _MKHI.size)
    data = answer[_MKHI.size + _RULE.size :]
    if (rule, length) != (call.value.number, len(data)):
        raise DecodeFailed(
            f"the firmware answered rule {rule} of {length} bytes, and sent {len(data)}, when it was asked {call.name}"
        )
    return data


def _short(call: Call, answer: bytes) -> DecodeFailed:
    return DecodeFailed(f"the firmware's answer to {call.name} has only {len(answer)} bytes")
