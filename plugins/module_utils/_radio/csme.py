# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Intel's vendor messages of nl80211 about CSME, the firmware that shares the radio with the host.

Source of the numbers and names: linux/include/uapi/linux/nl80211-vnd-intel.h. The ciphers are in
linux/drivers/net/wireless/intel/iwlwifi/mei/iwl-mei.h (enum iwl_mei_pairwise_cipher).
"""

from __future__ import annotations

import errno
import sys
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Dict, Optional, Tuple, Type, Union

from .._system.errors import DecodeFailed, TransportFailed
from . import channels, netlink_codec
from .connection import CsmeConnection, PartialConnection, Reported
from .netlink_codec import required
from .nl80211 import Nl80211
from .nl80211_messages import VendorCommand, Wiphy

INTEL_OUI = 0x001735

GET_CSME_CONN_INFO = 0x2D
HOST_GET_OWNERSHIP = 0x30
ROAMING_FORBIDDEN_EVENT = 0x32

ATTR_VIF_ADDR = 0x02
ATTR_ADDR = 0x0A
ATTR_SSID = 0x3D
ATTR_STA_CIPHER = 0x51
ATTR_ROAMING_FORBIDDEN = 0x64
ATTR_AUTH_MODE = 0x65
ATTR_CHANNEL_NUM = 0x66
ATTR_BAND = 0x69
ATTR_COLLOC_CHANNEL = 0x70
ATTR_COLLOC_ADDR = 0x71

#: Bytes of the longest SSID (IEEE 802.11, 9.4.2.2).
SSID_MAX = 32

_CONNECTION: netlink_codec.Attributes = (
    (ATTR_ADDR, "ADDR", "l2addr"),
    (ATTR_SSID, "SSID", "cdata"),
    (ATTR_STA_CIPHER, "STA_CIPHER", "uint32"),
    (ATTR_AUTH_MODE, "AUTH_MODE", "uint32"),
    (ATTR_CHANNEL_NUM, "CHANNEL_NUM", "uint8"),
    (ATTR_BAND, "BAND", "uint8"),
    (ATTR_COLLOC_CHANNEL, "COLLOC_CHANNEL", "cdata"),
    (ATTR_COLLOC_ADDR, "COLLOC_ADDR", "l2addr"),
)
_ROAMING: netlink_codec.Attributes = (
    (ATTR_VIF_ADDR, "VIF_ADDR", "l2addr"),
    (ATTR_ROAMING_FORBIDDEN, "ROAMING_FORBIDDEN", "uint8"),
)


class AuthMode(IntEnum):
    """How CSME authenticated (enum iwl_vendor_auth_akm_mode)."""

    OPEN = 0
    RSNA_8021X = 6
    RSNA_PSK = 7
    SAE = 9

    @property
    def label(self) -> str:
        """The name of the mode in the facts."""
        return {0: "open", 6: "eap", 7: "psk", 9: "sae"}[self.value]


class Cipher(IntEnum):
    """CSME's pairwise cipher. These are the firmware's numbers, not cipher suite selectors."""

    NONE = 0
    TKIP = 2
    CCMP = 4
    GCMP = 8
    GCMP_256 = 9

    @property
    def label(self) -> str:
        """The name of the cipher in the facts."""
        return self.name.lower().replace("_", "-")


@dataclass(frozen=True)
class RoamingReport:
    """CSME's session now forbids (or again allows) the host to leave its access point."""

    vif_mac: Optional[str]
    forbidden: bool


@dataclass(frozen=True)
class Support:
    """Which of Intel's commands and events about CSME a radio's driver has."""

    connection_info: bool
    get_ownership: bool
    roaming_event: bool


def supports(wiphy: Wiphy) -> Support:
    """Return which commands and events about CSME the driver of *wiphy* has."""
    return Support(
        connection_info=VendorCommand(INTEL_OUI, GET_CSME_CONN_INFO) in wiphy.vendor_commands,
        get_ownership=VendorCommand(INTEL_OUI, HOST_GET_OWNERSHIP) in wiphy.vendor_commands,
        roaming_event=VendorCommand(INTEL_OUI, ROAMING_FORBIDDEN_EVENT) in wiphy.vendor_events,
    )


def connection(nl: Nl80211, ifindex: int) -> Optional[Reported]:
    """Ask the driver for CSME's connection (this needs CAP_NET_ADMIN).

    Returns:
        None when CSME has reported none, or has reported that it has none: an SSID without bytes, and an address of
        zeros. CSME reports its state as soon as the driver comes up (SAP_MSG_NOTIF_CSME_CONN_STATUS in mei/sap.h), and
        iwlmvm answers with what was reported last.

    Raises:
        DecodeFailed: nothing can be read of the answer.
        AccessDenied, NotFound, TimedOut, TransportFailed: see ``Nl80211``. The errno is EOPNOTSUPP when the driver does
            not have this command.
    """
    try:
        data = nl.vendor(ifindex, INTEL_OUI, GET_CSME_CONN_INFO)
    except TransportFailed as error:
        if error.errno == errno.EINVAL:
            return None
        raise
    if data is None:
        raise DecodeFailed("the driver acknowledged the question without an answer", where="CSME connection")
    reported = decode_connection(data)
    return None if reported.ssid == b"" and reported.bssid == _NOBODY else reported


#: The address of no access point (IEEE 802: an address of zeros is nobody's).
_NOBODY = "00:00:00:00:00:00"


def request_ownership(nl: Nl80211, ifindex: int) -> bool:
    """Ask CSME for the radio (this needs CAP_NET_ADMIN). The call blocks while the driver waits for CSME, up to 500 ms.

    Returns:
        False if the driver waited for CSME in vain: CSME denied it the radio, or did not answer. The driver does not
        tell these two apart (iwl_mei_get_ownership of iwlmei: ETIMEDOUT after HZ/2). True does not mean success: CSME
        gave the radio away, or the driver did not ask, because it has no connection to CSME, AMT is off, or it takes
        the host for the owner. The host has the radio when the rfkill block "not owner" goes away, which may be after
        the wait.

    Raises:
        AccessDenied, NotFound, TimedOut, TransportFailed: see ``Nl80211``. The errno is EOPNOTSUPP when the driver does
            not have this command.
    """
    try:
        nl.vendor(ifindex, INTEL_OUI, HOST_GET_OWNERSHIP)
    except TransportFailed as error:
        if error.errno != errno.ETIMEDOUT:
            raise
        return False
    return True


#: The attributes that a handover needs, and the names of their values in the facts. Without one of them, the host can't
#: be pinned to CSME's access point and channel, or it is not known whether a profile fits.
_NEEDED = {"SSID": "ssid", "ADDR": "bssid", "CHANNEL_NUM": "channel", "AUTH_MODE": "auth"}
#: The names of the others.
_OTHERS = {"STA_CIPHER": "cipher", "COLLOC_CHANNEL": "colloc_channel", "COLLOC_ADDR": "colloc_bssid"}


def decode_connection(data: bytes) -> Reported:
    """Decode the answer to GET_CSME_CONN_INFO. What can't be read is named in the result's ``unread``.

    The attributes may come in any order. Unknown ones are skipped. When an attribute comes twice, the last one counts.

    Returns:
        A whole connection. If SSID, ADDR, CHANNEL_NUM or AUTH_MODE is missing, malformed or impossible, or the answer
        is cut short, the result is a partial one.

    Raises:
        DecodeFailed: none of these four can be read.
    """
    where = "CSME connection"
    values, wrong = netlink_codec.decode_readable(netlink_codec.message_class("nla", _CONNECTION), data, where)
    for name in _NEEDED:
        if name not in values:
            wrong.setdefault(name, f"Attribute {name} is missing")
    ssid, channel, band = values.get("SSID"), values.get("CHANNEL_NUM"), values.get("BAND")
    if ssid is not None and len(ssid) > SSID_MAX:
        wrong["SSID"], ssid = f"Attribute SSID has {len(ssid)} bytes, more than {SSID_MAX}", None
    frequencies: Tuple[int, ...] = ()
    if "BAND" in wrong:
        # Without its band, the number may mean another channel than with it.
        wrong.setdefault("CHANNEL_NUM", wrong["BAND"])
    elif channel is not None:
        try:
            frequencies = channels.frequencies(channel, band)
        except channels.NoSuchChannel as error:
            wrong["CHANNEL_NUM"] = f"Attribute CHANNEL_NUM or BAND is wrong: {error}"
    if all(name in wrong for name in _NEEDED):
        raise DecodeFailed("; ".join(dict.fromkeys(wrong.values())), where=where)
    auth_raw, cipher_raw = values.get("AUTH_MODE"), values.get("STA_CIPHER")
    auth = None if auth_raw is None else _label(AuthMode, auth_raw)
    cipher = None if cipher_raw is None else _label(Cipher, cipher_raw)
    colloc = values.get("COLLOC_CHANNEL")
    if colloc is not None and len(colloc) not in (1, 4):  # the kernel's policy says u8, its documentation u32
        wrong["COLLOC_CHANNEL"], colloc = f"Attribute COLLOC_CHANNEL has {len(colloc)} bytes, not 1 or 4", None
    names = {**_NEEDED, **_OTHERS, netlink_codec.WHOLE: "rest"}
    unread = tuple((names[name], wrong[name]) for name in names if name in wrong)
    bssid: Optional[str] = values.get("ADDR")
    cut = netlink_codec.WHOLE in wrong
    if ssid is None or bssid is None or channel is None or not frequencies or auth is None or cut:
        return PartialConnection(
            ssid=ssid,
            bssid=bssid,
            channel=channel if frequencies else None,
            frequencies=frequencies,
            auth=auth,
            cipher=cipher,
            unread=unread,
        )
    return CsmeConnection(
        ssid=ssid,
        bssid=bssid,
        channel=channel,
        band=band,
        frequencies=frequencies,
        auth=auth,
        cipher=cipher,
        colloc_channel=None if colloc is None else int.from_bytes(colloc, sys.byteorder),
        colloc_bssid=values.get("COLLOC_ADDR"),
        auth_raw=auth_raw,
        cipher_raw=cipher_raw,
        unread=unread,
    )


def decode_roaming_forbidden(data: bytes) -> RoamingReport:
    """Decode the data of the event ROAMING_FORBIDDEN_EVENT.

    Raises:
        DecodeFailed: the data is malformed, or ROAMING_FORBIDDEN is missing or neither 0 nor 1.
    """
    where = "roaming event"
    values = _decode(_ROAMING, data, where)
    forbidden = required(values, "ROAMING_FORBIDDEN", where)
    if forbidden > 1:
        raise DecodeFailed(f"Attribute ROAMING_FORBIDDEN is {forbidden}, neither 0 nor 1", where=where)
    return RoamingReport(vif_mac=values.get("VIF_ADDR"), forbidden=bool(forbidden))


def _decode(layout: netlink_codec.Attributes, data: bytes, where: str) -> Dict[str, Any]:
    return netlink_codec.decode(netlink_codec.message_class("nla", layout), data, where)


def _label(kind: Union[Type[AuthMode], Type[Cipher]], number: int) -> str:
    try:
        return kind(number).label
    except ValueError:
        return f"unknown({number})"
