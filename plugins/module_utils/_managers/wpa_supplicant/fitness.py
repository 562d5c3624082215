# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The restrictions in a network's variables: access points, channels, ciphers, and the host's MAC address.

The variables may come from a running wpa_supplicant or from a configuration file. This does no I/O itself. Source of
the names, defaults and meanings: hostap's ``wpa_supplicant/wpa_supplicant.conf`` and ``config_ssid.h``.
"""

from __future__ import annotations

import re
from typing import FrozenSet, Iterator, Mapping, Optional, Tuple

from ..._network.eap import TLS, EapMethod, Exists, eap_obstacle
from ..._network.limits import MAC_ADDRESS, Limits, Obstacle
from ..._network.values import decode_value
from ..._system.errors import DecodeFailed
from .numbers import number_of

#: The variables of a network that have to be read for this.
ASKED: Tuple[str, ...] = (
    *("mac_addr", "freq_list", "bssid_ignore", "bssid_accept", "proto", "pairwise", "group", "auth_alg"),
    *("ieee80211w", "mode"),
)
#: The further variables of a network with EAP.
ASKED_FOR_EAP: Tuple[str, ...] = (
    *("password", "private_key", "private_key2", "client_cert", "client_cert2", "ca_cert", "ca_cert2"),
)
#: The settings outside of networks that apply to all networks.
GLOBAL: Tuple[str, ...] = ("mac_addr", "ap_scan", "pmf")
#: The variables whose values may be paths of files. Only the first one matters to all methods.
_FILES = ("ca_cert", "client_cert", "private_key")
#: Those of an inner method that has a key and no password.
_INNER_FILES = ("ca_cert", "ca_cert2", "client_cert2", "private_key2")
#: A value of ``bssid_ignore`` and ``bssid_accept``: addresses, each with a mask or without.
_ADDRESS = re.compile(r"([0-9a-f]{2}(?::[0-9a-f]{2}){5})(?:/([0-9a-f]{2}(?::[0-9a-f]{2}){5}))?\Z")


def limits_of(network: Mapping[str, str], settings: Mapping[str, str], exists: Exists) -> Limits:
    """Return the limits of a network.

    A ``freq_list`` outside of the networks limits no network. It is for scans that no ``scan_freq`` limits
    (``wpa_supplicant_scan``), and a pin sets one. Unlike the ``freq_list`` of a network, it rules out no access point
    (``wpa_scan_res_match``).

    Args:
        network: the network's variables. Variables that are not set are left out.
        settings: the values of ``GLOBAL``. Unknown values are left out.
        exists: says whether a file that the network names exists.
    """
    return Limits(
        channels=_frequencies(network.get("freq_list")),
        only_bssids=_addresses(network.get("bssid_accept") or network.get("bssid_whitelist")),
        never_bssids=_addresses(network.get("bssid_ignore") or network.get("bssid_blacklist")) or (),
        ciphers=_words(network.get("pairwise")),
        groups=_words(network.get("group")),
        protocols=_protocols(network.get("proto")),
        algorithms=_words(network.get("auth_alg")),
        pmf=_pmf(network, settings),
        eap=eap_obstacle(_eap_methods(network), exists),
    )


def obstacle_of(network: Mapping[str, str], settings: Mapping[str, str]) -> Optional[Obstacle]:
    """Return why a network can't carry on any connection of CSME, or None if there is no known reason.

    Args:
        network: the network's variables. Variables that are not set are left out.
        settings: the values of ``GLOBAL``. Unknown values are left out.
    """
    own = network.get("mac_addr", "-1")
    address, where = (
        (own, "") if number_of(own) != -1 else (settings.get("mac_addr", "0"), ", set outside of the networks")
    )
    if number_of(address) != 0:
        return Obstacle(
            f"gives the interface another MAC address than CSME's (mac_addr={address}{where})",
            "Set mac_addr=0 in the network",
            code=MAC_ADDRESS,
        )
    if number_of(settings.get("ap_scan", "1")) != 1:
        return Obstacle(
            f"is never chosen by wpa_supplicant itself (ap_scan={settings['ap_scan']})",
            "Remove ap_scan from the configuration",
        )
    if number_of(network.get("mode", "0")) != 0:
        return Obstacle(f"is not for an access point (mode={network['mode']})", "Set mode=0")
    return None


def _eap_methods(network: Mapping[str, str]) -> Iterator[EapMethod]:
    """Yield the methods of EAP that a network allows, and what it has for them."""
    for name in network.get("eap", "").split():
        inner = name != TLS and not network.get("password") and bool(network.get("private_key2"))
        key, files = ("private_key2", _INNER_FILES) if inner else ("private_key", _FILES if name == TLS else _FILES[:1])
        yield EapMethod(
            name=TLS if inner else name,
            password=bool(network.get("password")),
            key=key,
            has_key=bool(network.get(key)),
            files=tuple((each, path) for each in files for path in [_path(network.get(each, ""))] if path is not None),
        )


def _path(value: str) -> Optional[bytes]:
    """Return a text's bytes, or None if wpa_supplicant can't have read the value."""
    try:
        return decode_value(value)
    except DecodeFailed:
        return None


def _frequencies(value: Optional[str]) -> Optional[FrozenSet[int]]:
    """Return the frequencies of a list in MHz, or None if there is no list, or it does not restrict anything."""
    numbers = frozenset(int(word) for word in (value or "").split() if word.isdecimal())
    return numbers or None


def _addresses(value: Optional[str]) -> Optional[Tuple[str, ...]]:
    """Return the addresses of a list, with their masks if they have any, or None if there is no list."""
    words = tuple(word for word in (value or "").lower().split() if _ADDRESS.match(word))
    return words or None


def _words(value: Optional[str]) -> Optional[FrozenSet[str]]:
    return frozenset(value.lower().split()) if value else None


def _protocols(value: Optional[str]) -> Optional[FrozenSet[str]]:
    """Return the protocols of a list. RSN has a second name (``wpa_config_parse_proto``)."""
    words = _words(value)
    return None if words is None else frozenset("rsn" if word == "wpa2" else word for word in words)


def _pmf(network: Mapping[str, str], settings: Mapping[str, str]) -> Optional[bool]:
    """Say whether management frames are protected if the access point asks for that, or return None if not known.

    ``ieee80211w=3`` means that the setting outside of the networks applies (``wpas_get_ssid_pmf``).
    """
    own = network.get("ieee80211w", "3")
    value = own if number_of(own) != 3 else settings.get("pmf")
    return None if value is None else number_of(value) != 0
