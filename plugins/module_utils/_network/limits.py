# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The limits of a profile (access points, channels, ciphers), and checking a connection against them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import FrozenSet, Iterator, Mapping, Optional, Protocol, Sequence, Tuple

#: The code of an obstacle that is about the interface's MAC address.
MAC_ADDRESS = "mac_address_differs"
#: The code of a doubt that is about the identity of the DHCP client.
DHCP_IDENTITY = "dhcp_identity_differs"
#: The code of a doubt that is about an IPv4 address that no DHCP server gave.
FIXED_ADDRESS = "fixed_address"
#: The code of a doubt that is about a host about which the driver may not tell CSME.
HOST_LINK = "host_link_unreported"
#: The ciphers that CSME's connection can have, so that a profile can be compared with them. Each has the ciphers that
#: its network can't have for group traffic, because they are stronger (hostapd's ``wpa_select_ap_group_cipher``).
_STRONGER: Mapping[str, FrozenSet[str]] = {
    "tkip": frozenset({"ccmp", "gcmp", "ccmp-256", "gcmp-256"}),
    "ccmp": frozenset({"gcmp", "ccmp-256", "gcmp-256"}),
    "gcmp": frozenset({"ccmp-256", "gcmp-256"}),
    "gcmp-256": frozenset(),
}
#: The only cipher for unicast frames with each key management of Suite B (IEEE 802.11-2020, 12.7.3 and table 9-151).
_OF_SUITE_B: Mapping[str, str] = {"WPA-EAP-SUITE-B": "gcmp", "WPA-EAP-SUITE-B-192": "gcmp-256"}
#: The authentications that CSME tells as those of RSN, the protocol of WPA2 and WPA3 (RSNA, RSNA_PSK and SAE in
#: linux/include/uapi/linux/nl80211-vnd-intel.h).
_BY_RSN = frozenset({"psk", "sae", "eap"})
#: The authentications of CSME that begin with open system authentication (IEEE 802.11-2020, 12.3.3.2).
_BY_OPEN = frozenset({"open", "psk", "eap"})


@dataclass(frozen=True)
class Obstacle:
    """A reason why a profile can't be used for CSME's network.

    Attributes:
        what: the reason, as the rest of a sentence that begins with "the profile".
        remedy: what to do about it. It is a sentence without its full stop.
        disabled: whether the only reason is that the profile is not enabled.
        code: the readiness code of the reason, if it has its own.
    """

    what: str
    remedy: str
    disabled: bool = False
    code: Optional[str] = None

    @property
    def readiness_code(self) -> str:
        """The code of a readiness blocker with this reason."""
        return self.code or ("profile_disabled" if self.disabled else "profile_unfit")


class JoinedConnection(Protocol):
    """A connection that the host must take over with one of its profiles.

    It is CSME's connection (``CsmeConnection``), or those values of it that are known (``Target``).
    """

    @property
    def ssid(self) -> bytes:
        """The network's SSID, which is compared byte by byte."""

    @property
    def auth(self) -> Optional[str]:
        """The authentication: ``open``, ``psk``, ``sae`` or ``eap``. No profile fits any other value.

        When it is None, key management and credentials are not compared.
        """

    @property
    def bssid(self) -> Optional[str]:
        """The address of the access point, or None when it is not known."""

    @property
    def frequencies(self) -> Sequence[int]:
        """Every frequency in MHz that the connection's channel can mean. It is empty when they are not known."""

    @property
    def cipher(self) -> Optional[str]:
        """The cipher: ``none``, ``tkip``, ``ccmp``, ``gcmp`` or ``gcmp-256``. It is None when it is not known."""


@dataclass(frozen=True)
class Target:
    """The known values of a connection, as in ``JoinedConnection``."""

    ssid: bytes
    auth: Optional[str] = None
    bssid: Optional[str] = None
    frequencies: Tuple[int, ...] = ()
    cipher: Optional[str] = None


class Told(Protocol):
    """What is known of a connection, as in ``JoinedConnection``. A value that could not be read is None."""

    @property
    def ssid(self) -> Optional[bytes]:
        """The network's SSID."""

    @property
    def auth(self) -> Optional[str]:
        """The authentication."""

    @property
    def bssid(self) -> Optional[str]:
        """The address of the access point."""

    @property
    def frequencies(self) -> Tuple[int, ...]:
        """The frequencies in MHz. It is empty when they are not known."""

    @property
    def cipher(self) -> Optional[str]:
        """The cipher."""


def target_of(connection: Optional[Told]) -> Optional[Target]:
    """Return what profiles are compared with, or None without a connection or when its SSID or security is not known.

    Args:
        connection: CSME's connection, even if only a part of it could be read.
    """
    if connection is None or connection.ssid is None or connection.auth is None:
        return None
    return Target(connection.ssid, connection.auth, connection.bssid, connection.frequencies, connection.cipher)


@dataclass(frozen=True)
class Limits:
    """The restrictions of a profile, which a pin can't change. None and empty mean no restriction.

    Attributes:
        channels: the only frequencies, in MHz.
        only_bssids: the only access points. Each may have a mask: ``02:00:00:00:00:00/ff:ff:ff:00:00:00``.
        never_bssids: the access points that it never uses. Each may have a mask.
        ciphers: the only ciphers for unicast frames, with the names of ``JoinedConnection.cipher``.
        groups: the only ciphers for group traffic (broadcast and multicast frames), with the same names.
        protocols: the only security protocols: ``wpa``, ``rsn`` (the one of WPA2 and WPA3), or others.
        algorithms: the only algorithms of 802.11 authentication: ``open``, ``shared`` or ``leap``. SAE has its own.
        pmf: whether management frames are protected if the access point asks for that. None means that it is not known.
        eap: what EAP lacks. It is None when EAP lacks nothing, or that is not known.
    """

    channels: Optional[FrozenSet[int]] = None
    only_bssids: Optional[Tuple[str, ...]] = None
    never_bssids: Tuple[str, ...] = ()
    ciphers: Optional[FrozenSet[str]] = None
    groups: Optional[FrozenSet[str]] = None
    protocols: Optional[FrozenSet[str]] = None
    algorithms: Optional[FrozenSet[str]] = None
    pmf: Optional[bool] = None
    eap: Optional[Obstacle] = None

    def obstacles(self, connection: JoinedConnection) -> Iterator[Optional[Obstacle]]:
        """Check these limits against a connection. Yield the obstacle or None for each check."""
        auth, bssid, cipher, frequencies = connection.auth, connection.bssid, connection.cipher, connection.frequencies
        yield self.eap if auth == "eap" else None
        unprotected = "does not protect management frames, which SAE needs (ieee80211w=0, or pmf=0 for all networks)"
        remedy = "Set ieee80211w=1 or 2 in the profile"
        yield Obstacle(unprotected, remedy) if auth == "sae" and self.pmf is False else None
        # TKIP comes from WPA, so a network with it may offer both protocols.
        by_rsn = auth in _BY_RSN and cipher != "tkip"
        older = by_rsn and self.protocols is not None and "rsn" not in self.protocols
        without = f"does not use RSN, the protocol of WPA2 and WPA3 (proto={_list(self.protocols)}), but CSME does"
        yield Obstacle(without, _REMOVE) if older else None
        # Shared key is for WEP: without a WEP key, the kernel refuses it (cfg80211_mlme_auth). LEAP is for access
        # points of long ago. wpa_supplicant lets SAE take the place of whatever is set (sme_send_authentication).
        closed = auth in _BY_OPEN and self.algorithms is not None and "open" not in self.algorithms
        other = f"does not use open system authentication (auth_alg={_list(self.algorithms)}), but CSME does"
        yield Obstacle(other, _REMOVE) if closed else None
        yield from self._cipher_obstacles(cipher)
        elsewhere = bssid is not None and self.only_bssids is not None and not _is_one(bssid, self.only_bssids)
        there = f"is restricted to another access point than CSME's ({bssid})"
        yield Obstacle(there, _REMOVE) if elsewhere else None
        never = bssid is not None and _is_one(bssid, self.never_bssids)
        yield Obstacle(f"excludes CSME's access point ({bssid})", _REMOVE) if never else None
        off = bool(frequencies) and self.channels is not None and self.channels.isdisjoint(frequencies)
        yield Obstacle("is restricted to another band or channel than CSME's", _REMOVE) if off else None

    def _cipher_obstacles(self, cipher: Optional[str]) -> Iterator[Optional[Obstacle]]:
        """Check the ciphers. What is not known of CSME's connection, and of its network, is no obstacle."""
        other = self.ciphers is not None and cipher in _STRONGER and cipher not in self.ciphers
        yield Obstacle(f"does not use the cipher of CSME's connection ({cipher})", _REMOVE) if other else None
        stronger = bool(self.groups) and (self.groups or frozenset()) <= _STRONGER.get(cipher or "", frozenset())
        group = f"only allows a stronger cipher for group traffic ({_list(self.groups)}) than CSME's ({cipher})"
        yield Obstacle(group, _REMOVE) if stronger else None


def suite_b_obstacle(key_mgmt: FrozenSet[str], connection: JoinedConnection) -> Optional[Obstacle]:
    """Return an obstacle if a profile only has key managements of Suite B, whose ciphers are others than CSME's.

    This holds whatever ``Limits.ciphers`` are, because wpa_supplicant's default includes CCMP for every key management.

    Args:
        key_mgmt: the profile's key managements.
        connection: CSME's connection.
    """
    ciphers = {_OF_SUITE_B.get(each) for each in key_mgmt}
    if None in ciphers or connection.cipher not in _STRONGER or connection.cipher in ciphers:
        return None
    named = ", ".join(sorted(key_mgmt))
    return Obstacle(
        f"does not use the cipher of CSME's connection ({connection.cipher}), by its key management ({named})",
        "Give it a key management that fits the network",
    )


def link_doubt(limits: Limits, cipher: Optional[str] = None) -> Optional[Obstacle]:
    """Return a doubt if the driver may not tell CSME that the host has joined its network.

    CSME waits three seconds for that, and then takes the radio back, although the host is connected. iwlmvm tells it
    only for the ciphers none, CCMP, GCMP and GCMP-256, and for TKIP since Linux 6.12 (``iwl_mvm_mei_host_associated``,
    in ``drivers/net/wireless/intel/iwlwifi/mvm/mac80211.c``). CCMP-256 is not among its ciphers at all.

    It leaves out some key managements as well. But wpa_supplicant, at least up to 2.10, does not tell the driver which
    one it uses, and that counts as a good one.

    Args:
        limits: the restrictions of the profile by which the host would join.
        cipher: the cipher of CSME's connection, as in ``JoinedConnection``. None means that it is not known.
    """
    if cipher == "tkip":
        return Obstacle(
            "CSME's connection has the cipher TKIP. Before Linux 6.12, the driver does not tell CSME that a host has "
            "joined with it. Then CSME takes the radio back after three seconds",
            "Let the access points use CCMP (AES, WPA2) alone",
            code=HOST_LINK,
        )
    if limits.ciphers is not None and "ccmp-256" in limits.ciphers:
        return Obstacle(
            "the profile allows the cipher CCMP-256. Where an access point offers it, the supplicant may choose it. "
            "The driver lacks it, or does not tell CSME that the host has joined. Then CSME takes the radio back after "
            "three seconds",
            "Remove CCMP-256 from the profile (pairwise)",
            code=HOST_LINK,
        )
    return None


_REMOVE = "Remove that from the profile"
#: No restriction at all.
NO_LIMITS = Limits()


def _list(words: Optional[FrozenSet[str]]) -> str:
    return " ".join(sorted(words or ())).upper()


def _is_one(bssid: str, patterns: Sequence[str]) -> bool:
    return any(_matches(bssid, *pattern.split("/")) for pattern in patterns)


def _matches(bssid: str, address: str, mask: str = "ff:ff:ff:ff:ff:ff") -> bool:
    bits = _number(mask)
    return _number(bssid) & bits == _number(address) & bits


def _number(address: str) -> int:
    return int(address.replace(":", ""), 16)
