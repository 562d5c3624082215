# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A profile of NetworkManager: which network it is for, and whether NetworkManager would ask for a secret."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, FrozenSet, Iterator, List, Mapping, Optional, Sequence, Tuple

from ..._network.eap import TLS, EapMethod
from ..._system.errors import DecodeFailed
from .names import MAY_BE_NONE, NOT_REQUIRED, SYSTEM_OWNED, number_of

#: wpa_supplicant's key managements for the values of ``key-mgmt`` (nm_supplicant_config_add_setting_wireless_security).
#: ``wpa-psk`` includes SAE if the supplicant supports it.
_KEY_MGMT: Mapping[str, FrozenSet[str]] = {
    "none": frozenset({"NONE"}),
    "ieee8021x": frozenset({"IEEE8021X"}),
    "owe": frozenset({"OWE"}),
    "wpa-psk": frozenset({"WPA-PSK", "SAE"}),
    "sae": frozenset({"SAE"}),
    "wpa-eap": frozenset({"WPA-EAP"}),
    "wpa-eap-suite-b-192": frozenset({"WPA-EAP-SUITE-B-192"}),
}
#: The exceptions by ``pmf`` (same source). Without PMF (1) there is no SAE, which needs it. With PMF required (3), only
#: methods that were made for it are left. The other values of ``key-mgmt`` do not depend on it.
_BY_PMF: Mapping[Tuple[str, int], FrozenSet[str]] = {
    ("wpa-psk", 1): frozenset({"WPA-PSK"}),
    ("wpa-psk", 3): frozenset({"WPA-PSK-SHA256", "SAE"}),
    ("wpa-eap", 3): frozenset({"WPA-EAP-SHA256"}),
}
#: The keys of devices that a profile is not for. NetworkManager 1.48 and later use the second name.
_DENIED = ("mac-address-blacklist", "mac-address-denylist")
#: Further keys that restrict a profile to some machines or devices. They are not evaluated here.
_CONDITIONS = ("driver", "path", "kernel-command-line")
#: The signs at the beginning of a pattern, and the rest of it. A backslash before the rest ends the signs.
_PATTERN = re.compile(r"([&|]?)(!?)\\?(.*)", re.DOTALL)
#: The values of ``key-mgmt`` whose secret is ``psk``.
_BY_PSK = ("wpa-psk", "sae")
#: The secrets of 802.1X, in NetworkManager's setting of that name.
_EAP_SECRETS = ("password", "password-raw", "private-key-password", "phase2-private-key-password", "pin")
#: The certificates that may be on a token (PKCS#11), which has a password. A certificate in a file has no password,
#: even if its flags say so.
_CERTIFICATES = ("ca-cert", "client-cert", "phase2-ca-cert", "phase2-client-cert")
#: The certificates and keys of TLS that may be files. The key is the last one. Only the first one matters to all
#: methods.
_FILES = ("ca-cert", "client-cert", "private-key")
#: Those of TLS within another method.
_INNER_FILES = ("ca-cert", "phase2-ca-cert", "phase2-client-cert", "phase2-private-key")
#: How the path of a file begins (NM_SETTING_802_1X_CK_SCHEME_PATH).
_SCHEME = b"file://"
#: The methods with an inner method.
_WITH_INNER = ("peap", "ttls")
SECURED = "802-11-wireless-security"
#: The method with which the IPv4 address comes by DHCP, and the one for an address that is written down.
DHCP, MANUAL = "auto", "manual"
_WIRELESS = "802-11-wireless"


@dataclass(frozen=True)
class Connection:
    """A Wi-Fi profile of NetworkManager.

    Attributes:
        number: the last part of its D-Bus path. It stays the same as long as NetworkManager runs.
        path: its D-Bus path.
        name: its name for people.
        ssid: the network's SSID.
        key_mgmt: the key managements, with wpa_supplicant's names.
        bssid: the only access point that it is for, or None for any.
        mac: the permanent MAC address of the only device that it is for, or None for any.
        band: the only band that it is for (``bg``, ``a``, ...), or None for any.
        channel: the only channel that it is for, or 0 for any.
        autoconnect: whether NetworkManager may use it by itself.
        priority: the priority of autoconnect. The highest comes first.
        interface: the only interface that it is for, or None for any.
        owned: whether it is only for some users, so that it can't be used before one of them has logged in.
        credentials: which of psk, identity, eap and wep_key the system has. Their values are never here.
        denied: the permanent MAC addresses of devices that it is not for.
        address: the MAC address that it gives the device, or a word that says where the address comes from
            (``random``, ``stable``, ...). None means NetworkManager's default.
        client_id: the identifier of the DHCP client, or a word that says where it comes from (``mac``, ``duid``, ...).
            None means NetworkManager's default.
        method: where the IPv4 address comes from: ``auto`` (DHCP), ``manual``, ``disabled``, ``link-local`` or
            ``shared``.
        ciphers: the only ciphers for unicast frames, or None for any.
        groups: the only ciphers for group traffic, or None for any.
        protocols: the only security protocols (``wpa``, ``rsn``), or None for any.
        algorithm: the only algorithm of 802.11 authentication (``open``, ``shared``, ``leap``), or None for any.
        names: patterns of the interfaces that it is for, see ``matches``. Without any, it is for all.
        conditions: the names of other settings that restrict it to some machines or devices.
        elsewhere: the flags, with their values, of needed secrets that the system does not have.
        eap: the methods of EAP that it allows, with their keys and files. Their passwords are not known here.
    """

    number: int
    path: str
    name: str
    ssid: bytes
    key_mgmt: FrozenSet[str]
    bssid: Optional[str]
    mac: Optional[str]
    band: Optional[str]
    channel: int
    autoconnect: bool
    priority: int
    interface: Optional[str]
    owned: bool
    credentials: FrozenSet[str]
    denied: FrozenSet[str] = frozenset()
    address: Optional[str] = None
    client_id: Optional[str] = None
    method: str = DHCP
    ciphers: Optional[FrozenSet[str]] = None
    groups: Optional[FrozenSet[str]] = None
    protocols: Optional[FrozenSet[str]] = None
    algorithm: Optional[str] = None
    names: Tuple[str, ...] = ()
    conditions: Tuple[str, ...] = ()
    elsewhere: Tuple[Tuple[str, int], ...] = ()
    eap: Tuple[EapMethod, ...] = ()


def read_connection(path: str, settings: Mapping[str, Mapping[str, Any]]) -> Optional[Connection]:
    """Return the Wi-Fi profile that settings describe, or None if they describe a connection of another kind.

    Args:
        path: the profile's D-Bus path.
        settings: the answer of ``GetSettings``, as plain values.

    Raises:
        DecodeFailed: the settings are malformed.
    """
    wireless = settings.get(_WIRELESS)
    if wireless is None or wireless.get("mode", "infrastructure") != "infrastructure":
        return None
    try:
        general, security = settings["connection"], settings.get(SECURED)
        ssid = wireless["ssid"]
        if not isinstance(ssid, bytes):
            raise TypeError("an SSID is bytes")
        match = settings.get("match", {})
        elsewhere = _elsewhere(security, settings.get("802-1x", {}))
        return Connection(
            number=number_of(path),
            path=path,
            name=str(general["id"]),
            ssid=ssid,
            key_mgmt=_key_mgmt(security),
            bssid=mac_of(wireless.get("bssid", b"")),
            mac=mac_of(wireless.get("mac-address", b"")),
            band=wireless.get("band") or None,
            channel=int(wireless.get("channel", 0)),
            autoconnect=bool(general.get("autoconnect", True)),
            priority=int(general.get("autoconnect-priority", 0)),
            interface=general.get("interface-name") or None,
            owned=bool(general.get("permissions")),
            credentials=_credentials(security, settings.get("802-1x", {}), elsewhere),
            denied=frozenset(str(mac).lower() for each in _DENIED for mac in wireless.get(each, ())),
            address=_assigned(wireless),
            client_id=settings.get("ipv4", {}).get("dhcp-client-id") or None,
            method=str(settings.get("ipv4", {}).get("method") or DHCP),
            ciphers=_ciphers(security),
            groups=_words(security, "group"),
            protocols=_words(security, "proto"),
            algorithm=str((security or {}).get("auth-alg") or "").lower() or None,
            names=tuple(map(str, match.get("interface-name", ()))),
            conditions=tuple(f"match.{each}" for each in _CONDITIONS if match.get(each)),
            elsewhere=elsewhere,
            eap=tuple(_eap_methods(settings.get("802-1x", {}))),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DecodeFailed(f"this is not a Wi-Fi profile of NetworkManager: {error!r:.80}", where=path) from error


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Say whether an interface's name fits patterns (nm-settings(5), "match").

    Each is a shell pattern. It is enough that one of several fits. A pattern with ``!`` is inverted. A pattern with
    ``&`` must fit in any case, and so must an inverted one without ``|``.
    """
    one_of: List[bool] = []
    for pattern in patterns:
        found = _PATTERN.match(pattern)
        sign, inverted, glob = found.groups() if found else ("", "", pattern)
        fits = fnmatchcase(name, glob) != bool(inverted)
        if sign == "&" or (inverted and not sign):
            if not fits:
                return False
        else:
            one_of.append(fits)
    return any(one_of) or not one_of


def mac_of(octets: bytes) -> Optional[str]:
    """Return a MAC address as text, or None when there is none."""
    return ":".join(f"{octet:02x}" for octet in octets) or None


def _assigned(wireless: Mapping[str, Any]) -> Optional[str]:
    """Return the MAC address that a profile gives the device, or a word. The older key can only have an address."""
    given = str(wireless.get("assigned-mac-address", "")).lower() or mac_of(wireless.get("cloned-mac-address", b""))
    # 2 is NM_SETTING_MAC_RANDOMIZATION_ALWAYS. This key is older than cloned-mac-address.
    return given or ("random" if wireless.get("mac-address-randomization") == 2 else None)


def _ciphers(security: Optional[Mapping[str, Any]]) -> Optional[FrozenSet[str]]:
    """Return the only ciphers that a profile allows for unicast frames, or None for any."""
    if security is not None and security["key-mgmt"] == "wpa-eap-suite-b-192":
        return frozenset({"gcmp-256"})
    return _words(security, "pairwise")


def _words(security: Optional[Mapping[str, Any]], key: str) -> Optional[FrozenSet[str]]:
    """Return the words of a list in a profile's security, or None for any."""
    return frozenset(str(each).lower() for each in (security or {}).get(key, ())) or None


def _key_mgmt(security: Optional[Mapping[str, Any]]) -> FrozenSet[str]:
    if security is None:
        return _KEY_MGMT["none"]
    name = security["key-mgmt"]
    return _BY_PMF.get((name, int(security.get("pmf", 0))), _KEY_MGMT.get(name, frozenset()))


def _credentials(
    security: Optional[Mapping[str, Any]], eap: Mapping[str, Any], elsewhere: Tuple[Tuple[str, int], ...]
) -> FrozenSet[str]:
    if security is None:
        return frozenset()
    key_mgmt = security["key-mgmt"]
    if key_mgmt == "none":
        return frozenset({"wep_key"})
    if elsewhere:
        return frozenset()
    if key_mgmt in _BY_PSK:
        return frozenset({"psk"})
    return frozenset({"identity", "eap"}) if eap.get("eap") else frozenset()


def _elsewhere(security: Optional[Mapping[str, Any]], eap: Mapping[str, Any]) -> Tuple[Tuple[str, int], ...]:
    """Return the flags, with their values, of secrets that the profile needs and the system does not have."""
    if security is None:
        return ()
    if security["key-mgmt"] in _BY_PSK:
        setting, names = security, ["psk"]
    else:
        # These are the secrets of all methods. The flags of methods that the profile does not use are not set.
        tokens = (f"{name}-password" for name in _CERTIFICATES if _is_on_a_token(eap, name))
        setting, names = eap, [*_EAP_SECRETS, *tokens]
    flags = ((name, int(setting.get(f"{name}-flags", SYSTEM_OWNED))) for name in names)
    return tuple((f"{name}-flags", value) for name, value in flags if not needs_nobody(name, value))


def _eap_methods(eap: Mapping[str, Any]) -> Iterator[EapMethod]:
    """Yield the methods of EAP that a profile allows, and what it has for them."""
    for name in map(str, eap.get("eap", ())):
        inner = name in _WITH_INNER and _inner(eap) == "tls"
        tls = _INNER_FILES if inner else _FILES
        files = tls if inner or name == "tls" else _FILES[:1]
        yield EapMethod(
            name=TLS if inner else name.upper(),
            key=tls[-1],
            has_key=bool(eap.get(tls[-1])),
            files=tuple((each, path) for each in files for path in [_path(eap.get(each))] if path is not None),
        )


def _path(value: Optional[bytes]) -> Optional[bytes]:
    """Return the path in a certificate or key. It is None if the value is a URI, or the certificate or key itself."""
    return value[len(_SCHEME) :].partition(b"\0")[0] if value is not None and value.startswith(_SCHEME) else None


def _inner(eap: Mapping[str, Any]) -> str:
    return str(eap.get("phase2-auth") or eap.get("phase2-autheap"))


def needs_nobody(secret: str, flags: int) -> bool:
    """Say whether NetworkManager can use a secret with nobody logged in: the system stores it, or none is needed.

    Args:
        secret: the secret's key in NetworkManager's settings.
        flags: the secret's flags there, NM_SETTING_SECRET_FLAG_*.
    """
    return flags == SYSTEM_OWNED or (secret.endswith(MAY_BE_NONE) and bool(flags & NOT_REQUIRED))


#: The methods of EAP, also those for phase 2, that need a password (eap_methods_table in nm-setting-8021x.c).
_BY_PASSWORD = frozenset({"leap", "pwd", "md5", "pap", "chap", "mschap", "mschapv2", "fast", "gtc"})


def is_asked_for(settings: Mapping[str, Mapping[str, Any]], held: FrozenSet[str]) -> bool:
    """Say whether NetworkManager would have to ask an agent for a secret before it can bring a profile up.

    This follows ``need_secrets`` of its settings, but does not check whether a secret is valid. A method that is not
    known here counts as one that needs no secret.

    Args:
        settings: the answer of ``GetSettings``, as plain values.
        held: the keys of the secrets that the system has.
    """
    if settings.get(SECURED, {}).get("key-mgmt") in _BY_PSK:
        return "psk" not in held
    eap = settings.get("802-1x", {})
    return any(_eap_is_asked_for(str(method), eap, held) for method in eap.get("eap", ()))


def _eap_is_asked_for(method: str, eap: Mapping[str, Any], held: FrozenSet[str], phase: str = "") -> bool:
    if method in _WITH_INNER and not phase:
        return _eap_is_asked_for(_inner(eap), eap, held, "phase2-")
    if method == "tls":
        tokens = [f"{phase}{name}" for name in ("ca-cert", "client-cert") if _is_on_a_token(eap, f"{phase}{name}")]
        secrets = (f"{phase}private-key-password", *(f"{name}-password" for name in tokens))
        return any(name not in held and not eap.get(f"{name}-flags", SYSTEM_OWNED) & NOT_REQUIRED for name in secrets)
    if method in _BY_PASSWORD:
        return not held & {"password", "password-raw"}
    return method == "sim" and "pin" not in held


def _is_on_a_token(eap: Mapping[str, Any], name: str) -> bool:
    return bytes(eap.get(name, b"")).startswith(b"pkcs11:")
