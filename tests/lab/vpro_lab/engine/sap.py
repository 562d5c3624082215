# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SAP, which iwlmei and CSME's wireless client speak: the messages.

Names, numbers and layouts are those of ``mei/sap.h`` of the kernel's iwlwifi. All numbers are little-endian, but for
ports and addresses in filters.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass
from uuid import UUID

#: The wireless client (``MEI_WLAN_UUID`` of ``mei/main.c``), and the memory that it shares with the host
#: (``HBM_DMA_BUF_ID_WLAN``).
UUID_WLAN = UUID("13280904-7792-4fcb-a1aa-5e70cbb1e865")
BUFFER = 1


class MeMessage(enum.IntEnum):
    """``enum iwl_sap_me_msg_id``: what goes over the MEI connection itself."""

    START = 1
    START_OK = 2
    CHECK_SHARED_AREA = 3


class Notification(enum.IntEnum):
    """``enum iwl_sap_msg``: what goes over the shared area, SAP_MSG_NOTIF_ and SAP_MSG_ left out."""

    PING = 1
    PONG = 2
    CSME_FILTERS = 500
    AMT_STATE = 502
    CSME_REPLY_TO_HOST_OWNERSHIP_REQ = 503
    CSME_TAKING_OWNERSHIP = 504
    TRIGGER_IP_REFRESH = 505
    CSME_CAN_RELEASE_OWNERSHIP = 506
    NIC_OWNER = 511
    CSME_CONN_STATUS = 512
    NVM = 513
    PLDR_ACK = 518
    BAND_SELECTION = 1000
    RADIO_STATE = 1001
    NIC_INFO = 1002
    HOST_ASKS_FOR_NIC_OWNERSHIP = 1003
    HOST_SUSPENDS = 1004
    HOST_RESUMES = 1005
    HOST_GOES_DOWN = 1006
    CSME_OWNERSHIP_CONFIRMED = 1007
    COUNTRY_CODE = 1008
    HOST_LINK_UP = 1009
    HOST_LINK_DOWN = 1010
    WHO_OWNS_NIC = 1011
    WIFIDR_DOWN = 1012
    WIFIDR_UP = 1013
    HOST_OWNERSHIP_CONFIRMED = 1015
    SAR_LIMITS = 1016
    GET_NVM = 1017
    PLDR = 1024
    PLDR_END = 1025
    DATA_PACKET = 2000
    CB_DATA_PACKET = 2001


def name_of(number: int) -> str:
    """Return a notification's name, or its number."""
    return Notification(number).name if number in Notification.__members__.values() else str(number)


def me_name_of(number: int) -> str:
    """Return the name of a message of the MEI connection, or its number."""
    return MeMessage(number).name if number in MeMessage.__members__.values() else str(number)


class NicOwner(enum.IntEnum):
    """``enum iwl_sap_nic_owner``."""

    HOST = 1
    ME = 2


class Auth(enum.IntEnum):
    """``enum iwl_mei_akm_auth`` of ``mei/iwl-mei.h``."""

    OPEN = 0
    RSNA = 6
    RSNA_PSK = 7
    SAE = 9


class Cipher(enum.IntEnum):
    """``enum iwl_mei_pairwise_cipher`` of ``mei/iwl-mei.h``."""

    NONE = 0
    TKIP = 2
    CCMP = 4
    GCMP = 8
    GCMP_256 = 9


#: ``struct iwl_sap_me_msg_hdr``: type, sequence number, length.
ME_HEADER = struct.Struct("<III")
#: ``struct iwl_sap_me_msg_start`` after its header: shared memory, first data and notification, versions.
ME_START = struct.Struct("<QHH64s")
#: ``struct iwl_sap_me_msg_start_ok`` after its header.
ME_START_OK = struct.Struct("<HHB3x")
#: ``struct iwl_sap_hdr``: type, length, sequence number.
HEADER = struct.Struct("<HHI")
#: The payload of a message that is one number (``struct iwl_sap_msg_dw``).
DW = struct.Struct("<I")
#: ``struct iwl_sap_notif_connection_info``.
_CONNECTION = struct.Struct("<I32sIIBB2x6s2x")
#: ``struct iwl_sap_notif_conn_status`` before its connection: link protection, wanted scan.
_STATUS = struct.Struct("<II")
#: ``struct iwl_sap_notif_host_nic_info``: the interface's address, the NVM's.
NIC_INFO = struct.Struct("<6s6s")
#: ``struct iwl_sap_notif_country_code``.
COUNTRY = struct.Struct("<HBxI")
#: ``struct iwl_sap_pldr_ack_data`` and ``iwl_sap_pldr_end_data``: version, status.
PLDR = struct.Struct("<II")
#: ``struct iwl_sap_cb_data`` after its header: which filter, length of the frame.
CB_DATA = struct.Struct("<28xI4xI")


@dataclass(frozen=True)
class Connection:
    """A connection with an access point, CSME's or the host's.

    Args:
        ssid: its bytes, at most 32.
        bssid: of the access point, 6 bytes.
        channel: its number.
        auth: see :class:`Auth`.
        cipher: see :class:`Cipher`.
        band: 0 is 2.4 GHz, 1 is 5, 2 is 6.
    """

    ssid: bytes = b""
    bssid: bytes = bytes(6)
    channel: int = 0
    auth: int = Auth.OPEN
    cipher: int = Cipher.NONE
    band: int = 0

    @property
    def text(self) -> str:
        """What it is, for people."""
        return f"ssid={self.ssid.hex()} bssid={self.bssid.hex(':')} channel={self.channel}"

    def pack(self) -> bytes:
        """Return ``struct iwl_sap_notif_connection_info``."""
        return _CONNECTION.pack(len(self.ssid), self.ssid, self.auth, self.cipher, self.channel, self.band, self.bssid)

    @classmethod
    def unpack(cls, payload: bytes) -> Connection:
        """Return the connection that a payload begins with; what is missing of it is 0."""
        size, ssid, auth, cipher, channel, band, bssid = _CONNECTION.unpack(
            payload[: _CONNECTION.size].ljust(_CONNECTION.size, b"\0")
        )
        return cls(ssid[:size], bssid, channel, auth, cipher, band)


def connection_status(link_protection: bool, connection: Connection) -> bytes:
    """Return the payload of CSME_CONN_STATUS."""
    return _STATUS.pack(link_protection, 0) + connection.pack()


def start_ok(version: int, sequence: int) -> bytes:
    """Return ``struct iwl_sap_me_msg_start_ok``."""
    return ME_HEADER.pack(MeMessage.START_OK, sequence, ME_HEADER.size + ME_START_OK.size) + ME_START_OK.pack(
        0, 0, version
    )


def check_shared_area(sequence: int) -> bytes:
    """Return CSME's doorbell: a header alone."""
    return ME_HEADER.pack(MeMessage.CHECK_SHARED_AREA, sequence, ME_HEADER.size)
