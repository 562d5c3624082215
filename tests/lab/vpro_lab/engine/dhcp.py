# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What CSME sees of the host's DHCP: iwlmei shows it the host's requests, and a filter lets the answers through."""

from __future__ import annotations

import struct
from typing import Optional

_IPV4, _UDP = 0x0800, 17
_SERVER, _CLIENT = 67, 68
#: RFC 2131: the fixed part up to the options, which begin with a magic cookie.
_FIXED, _COOKIE = 236, b"\x63\x82\x53\x63"
_PAD, _END, _MESSAGE_TYPE = 0, 255, 53
#: RFC 2132, 9.6: values of the option.
REQUEST, ACK = 3, 5


def message_type(frame: bytes) -> Optional[int]:
    """Return the type of the DHCP message in an Ethernet frame, or None when it is none."""
    if len(frame) < 34 or struct.unpack_from(">H", frame, 12)[0] != _IPV4:
        return None
    packet = frame[14:]
    header = (packet[0] & 0x0F) * 4
    if packet[9] != _UDP or len(packet) < header + 8:
        return None
    ports = struct.unpack_from(">HH", packet, header)
    if ports not in ((_CLIENT, _SERVER), (_SERVER, _CLIENT)):
        return None
    message = packet[header + 8 :]
    if message[_FIXED : _FIXED + 4] != _COOKIE:
        return None
    return _option(message[_FIXED + 4 :], _MESSAGE_TYPE)


def _option(options: bytes, wanted: int) -> Optional[int]:
    """Return the first byte of an option."""
    at = 0
    while at + 1 < len(options) and options[at] != _END:
        if options[at] == _PAD:
            at += 1
            continue
        if options[at] == wanted and options[at + 1] and at + 2 < len(options):
            return options[at + 2]
        at += 2 + options[at + 1]
    return None
