# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CSME's connection, as values and as facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Optional, Tuple, Union

from .._system.printable import printable


@dataclass(frozen=True)
class CsmeConnection:
    """The connection that CSME last reported. It is valid only while the reason of the rfkill block is "not owner".

    Attributes:
        ssid: 0 to 32 bytes, which need not be text.
        bssid: the address of CSME's access point, in lower case.
        channel: the channel's number. It can be ambiguous, see *frequencies*.
        band: ``channels.BAND_*``, or None when the driver did not tell it (mainline drivers never do).
        frequencies: every frequency in MHz that *channel* can mean.
        auth: open, eap, psk, sae, or ``unknown(N)``.
        cipher: none, tkip, ccmp, gcmp, gcmp-256, or ``unknown(N)``. It is None when the driver did not tell it.
        colloc_channel: the channel of the collocated access point. That one is in another band, and announces a 6 GHz
            access point.
        colloc_bssid: the address of the collocated access point.
        auth_raw: the number behind *auth*. It is None only in a value that did not come from a message.
        cipher_raw: the number behind *cipher*.
        unread: what could not be read, as pairs of a name and a text for people. It is nothing that a handover needs.
    """

    ssid: bytes
    bssid: str
    channel: int
    band: Optional[int]
    frequencies: Tuple[int, ...]
    auth: str
    cipher: Optional[str]
    colloc_channel: Optional[int]
    colloc_bssid: Optional[str]
    auth_raw: Optional[int] = None
    cipher_raw: Optional[int] = None
    unread: Tuple[Tuple[str, str], ...] = ()


@dataclass(frozen=True)
class PartialConnection:
    """What could be read of a connection of CSME, where something is missing that a handover needs.

    CSME has a connection then, and probably a session. But the host can't be pinned to its access point and channel, or
    it is not known whether a profile fits. So it is a type of its own: no code can take it for a whole connection.

    Attributes:
        ssid, bssid, channel, frequencies, auth, cipher: as in ``CsmeConnection``. Each is None, or empty, when it could
            not be read.
        unread: what could not be read, as pairs of a name and a text for people.
    """

    ssid: Optional[bytes]
    bssid: Optional[str]
    channel: Optional[int]
    frequencies: Tuple[int, ...]
    auth: Optional[str]
    cipher: Optional[str]
    unread: Tuple[Tuple[str, str], ...]

    @property
    def why(self) -> str:
        """What could not be read, as one text for people."""
        return "; ".join(text for _name, text in self.unread)


#: A connection that CSME reports.
Reported = Union[CsmeConnection, PartialConnection]


def connection_facts(connection: Optional[Reported]) -> Optional[Dict[str, Any]]:
    """Return CSME's connection as facts, or None when there is no connection. A value that is not known is None."""
    if connection is None:
        return None
    return {
        **ssid_facts(connection.ssid),
        "bssid": connection.bssid,
        "channel": connection.channel,
        "frequencies": list(connection.frequencies),
        "auth": connection.auth,
        "cipher": connection.cipher,
    }


def ssid_facts(ssid: Optional[bytes]) -> Dict[str, Optional[str]]:
    """Return an SSID as text for people, as ``printable`` describes it, and as hex for programs.

    Both are None when it is not known.
    """
    if ssid is None:
        return {"ssid": None, "ssid_hex": None}
    return {"ssid": printable(ssid), "ssid_hex": ssid.hex()}
