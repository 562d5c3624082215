# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network as wpa_supplicant's variables: encoding them, comparing them by meaning, describing them without secrets.

The file and the control interface use the same text for a value (hostap's ``wpa_supplicant/config.c`` parses both), so
both use this encoder. Every value is a word of known characters, or hex, or text in quotes without a quote or control
character in it. So no value can end early or begin another line.
"""

from __future__ import annotations

import hashlib
import re
from types import MappingProxyType
from typing import Callable, Dict, FrozenSet, Iterable, Mapping, Optional, Tuple

from ..._network.declared import Eap, NetworkProfile, is_passphrase
from ..._network.values import decode_value, encode_bssid, encode_ssid, ssid_text
from ..._system.errors import DecodeFailed
from .numbers import number_of

#: The variables that a profile determines. A variable that is None must not be set.
Wanted = Mapping[str, Optional[str]]
#: A network's variables in a file or a supplicant.
Found = Mapping[str, str]

#: The values of variables that are not set, if they agree with a profile's values.
DEFAULTS: Mapping[str, str] = MappingProxyType({"scan_ssid": "0", "priority": "0", "disabled": "0", "mac_addr": "0"})
#: The secret variables that a profile sets.
SECRETS: FrozenSet[str] = frozenset({"psk", "sae_password", "password", "private_key_passwd"})
#: The variables whose values may be shown. The value of any other variable may be a secret.
_SHOWN: FrozenSet[str] = frozenset(
    (
        *("ssid", "bssid", "scan_ssid", "key_mgmt", "eap", "identity", "anonymous_identity", "phase2"),
        *("domain_suffix_match", "ieee80211w", "priority", "disabled", "mode", "id_str", "scan_freq"),
        *("freq_list", "proto", "pairwise", "group", "auth_alg", "bgscan", "mac_addr", "bssid_ignore", "bssid_accept"),
    )
)
#: The variables whose values are shown if they are paths of files. Another value, such as a URI, may contain a PIN.
_FILES: FrozenSet[str] = frozenset({"ca_cert", "client_cert", "private_key"})
#: The variables whose values are text: in double quotes, with escapes after P, or in hex.
TEXTS: FrozenSet[str] = frozenset(
    (
        *("ssid", "sae_password", "identity", "anonymous_identity", "password", "phase2", "ca_cert", "client_cert"),
        *("domain_suffix_match", "private_key", "private_key_passwd", "id_str", "bgscan"),
    )
)
_NUMBERS: FrozenSet[str] = frozenset({"scan_ssid", "ieee80211w", "priority", "disabled", "mac_addr"})
#: The variables that a profile determines, for all kinds of security together.
_DECIDED: FrozenSet[str] = frozenset(
    (
        *("ssid", "bssid", "scan_ssid", "key_mgmt", "psk", "sae_password", "eap", "identity", "anonymous_identity"),
        *("password", "phase2", "ca_cert", "domain_suffix_match", "client_cert", "private_key", "private_key_passwd"),
        *("ieee80211w", "mac_addr", "priority", "disabled"),
    )
)
#: Variables that a profile does not set, and that would contradict it: other keys, other identities, other roots of
#: trust, other ciphers, another MAC address. Lists of channels and access points are here too, because with them a
#: declared network might not carry CSME's session on. Variables that only tune a connection (altsubject_match, phase1,
#: bgscan, scan_freq, ...) are not here.
SUPERSEDED: FrozenSet[str] = frozenset(
    (
        *("proto", "pairwise", "group", "group_mgmt", "auth_alg", "mem_only_psk", "psk_list", "sae_password_id"),
        *("wep_key0", "wep_key1", "wep_key2", "wep_key3", "wep_tx_keyidx", "eapol_flags", "pac_file", "pcsc"),
        *("mac_value", "freq_list", "bssid_ignore", "bssid_accept", "bssid_blacklist", "bssid_whitelist"),
        *("ca_path", "ca_cert_id", "engine", "engine_id", "key_id", "cert_id", "pin"),
        *("ca_cert2", "ca_path2", "ca_cert_id2", "client_cert2", "private_key2", "private_key2_passwd"),
        *("engine2", "engine_id2", "key_id2", "cert_id2", "pin2"),
        *("machine_identity", "machine_password", "machine_phase2", "machine_ca_cert", "machine_ca_path"),
        *("machine_client_cert", "machine_private_key", "machine_private_key_passwd", "machine_pin"),
        *("machine_engine", "machine_engine_id", "machine_key_id", "machine_cert_id", "machine_ca_cert_id"),
        *("dpp_connector", "dpp_netaccesskey", "dpp_netaccesskey_expiry", "dpp_csign", "dpp_pp_key", "dpp_pfs"),
    )
)
#: The kind of each key management. The variants of a kind (hash, fast transition) fit the same profile.
_KINDS: Mapping[str, str] = {
    "NONE": "open",
    "OWE": "owe",
    **dict.fromkeys(("WPA-PSK", "WPA-PSK-SHA256", "FT-PSK"), "psk"),
    **dict.fromkeys(("SAE", "FT-SAE", "SAE-EXT-KEY", "FT-SAE-EXT-KEY"), "sae"),
    **dict.fromkeys(("WPA-EAP", "WPA-EAP-SHA256", "WPA-EAP-SHA384", "FT-EAP", "FT-EAP-SHA384"), "eap"),
}
#: The values of ``ieee80211w`` (defs.h, enum mfp_options).
_PMF: Mapping[str, str] = {"disabled": "0", "optional": "1", "required": "2"}
#: Text that can be put in quotes unchanged: without a quote, which could end it, and a #, which could begin a comment.
_PLAIN = re.compile(r"[ !$-~]+\Z")


# --- encoding -------------------------------------------------------------------------------------------------------


def encode_text(text: str) -> str:
    """Return a text in a form for wpa_supplicant's parser: in quotes if that is safe, or else in hex."""
    return f'"{text}"' if _PLAIN.match(text) else text.encode("utf-8").hex()


def pmk(passphrase: str, ssid: bytes) -> str:
    """Return the PSK that a passphrase makes with an SSID, in hex: IEEE 802.11-2020 J.4.1."""
    return hashlib.pbkdf2_hmac("sha1", passphrase.encode("utf-8"), ssid, 4096, 32).hex()


def variants(profile: NetworkProfile) -> Tuple[Dict[str, Optional[str]], ...]:
    """Return a profile as variables. The first form is the one that is written. The others mean the same."""
    return tuple(_with(profile, secrets) for secrets in _secrets(profile))


def _with(profile: NetworkProfile, secrets: Wanted) -> Dict[str, Optional[str]]:
    return {
        "ssid": encode_ssid(profile.ssid),
        "bssid": None if profile.bssid is None else encode_bssid(profile.bssid),
        "scan_ssid": "1" if profile.hidden else "0",
        "key_mgmt": _key_mgmt(profile),
        **secrets,
        **_eap_variables(profile.eap),
        "ieee80211w": _PMF[profile.pmf],
        # CSME's station has the radio's permanent address. With another address, CSME's session would end.
        "mac_addr": "0",
        "priority": str(profile.priority),
        "disabled": "0" if profile.enabled else "1",
    }


def _key_mgmt(profile: NetworkProfile) -> str:
    # An access point that requires PMF may offer only the SHA-256 variants.
    sha256 = profile.pmf != "disabled"
    return {
        "open": "NONE",
        "owe": "OWE",
        "psk": "WPA-PSK WPA-PSK-SHA256" if sha256 else "WPA-PSK",
        "sae": "SAE",
        "psk+sae": "WPA-PSK WPA-PSK-SHA256 SAE",
        "eap": "WPA-EAP WPA-EAP-SHA256" if sha256 else "WPA-EAP",
    }[profile.security]


def _secrets(profile: NetworkProfile) -> Tuple[Wanted, ...]:
    """Return the variables in which a profile's passphrase can be, in all forms.

    ``psk`` accepts text only in quotes. SAE uses ``psk`` if there is no ``sae_password``.
    """
    text = profile.passphrase
    if text is None:
        return ({},)
    if profile.is_raw_psk:
        return ({"psk": text.lower(), "sae_password": None},)
    quotable = is_passphrase(text) and '"' not in text
    psk = f'"{text}"' if quotable else pmk(text, profile.ssid)
    if profile.security == "psk":
        return ({"psk": psk, "sae_password": None},)
    password = encode_text(text)
    as_password: Wanted = {"psk": None, "sae_password": password}
    as_psk: Wanted = {"psk": psk, "sae_password": None}
    both: Wanted = {"psk": psk, "sae_password": password}
    if profile.security == "sae":
        return (as_password, as_psk, both) if quotable else (as_password,)
    return (as_psk, both) if quotable else (both,)


def _eap_variables(eap: Optional[Eap]) -> Wanted:
    if eap is None:
        return {}
    return {
        "eap": eap.method.upper(),
        "identity": encode_text(eap.identity),
        "anonymous_identity": _optional(eap.anonymous_identity),
        "ca_cert": _optional(eap.ca_cert),
        "domain_suffix_match": _optional(eap.domain_suffix_match),
        "phase2": None if eap.phase2 is None else f'"auth={eap.phase2.upper()}"',
        "password": _optional(eap.password),
        "client_cert": _optional(eap.client_cert),
        "private_key": _optional(eap.private_key),
        "private_key_passwd": _optional(eap.private_key_password),
    }


def _optional(text: Optional[str]) -> Optional[str]:
    return None if text is None else encode_text(text)


def contradicting(wanted: Wanted) -> FrozenSet[str]:
    """Return the variables that must not be set together with those of a profile."""
    return (_DECIDED | SUPERSEDED) - frozenset(wanted)


# --- comparing ------------------------------------------------------------------------------------------------------


def agrees(name: str, wanted: Wanted, found: Found) -> bool:
    """Say whether a variable of a network has the profile's value, in any form."""
    want, have = wanted[name], found.get(name)
    if have is not None and (have == "NULL" or (name == "bssid" and have in ("", '""', "any"))):
        have = None
    if have is None:
        have = DEFAULTS.get(name)
    if want is None or have is None:
        return want == have
    if want == have:
        return True
    if name == "psk":
        return _same_psk(want, have, wanted)
    if name == "key_mgmt":
        return frozenset(want.split()) <= frozenset(have.split()) and kinds(want) == kinds(have)
    return _meaning(name, want) == _meaning(name, have)


def differing(wanted: Wanted, found: Found) -> Tuple[str, ...]:
    """Return the names of the variables that do not agree, in the order of *wanted*."""
    return tuple(name for name in wanted if not agrees(name, wanted, found))


def fitting_form(profile: NetworkProfile, found: Found) -> Dict[str, Optional[str]]:
    """Return the form of a profile that agrees with the secrets of a network, or else the first form."""
    forms = variants(profile)
    for form in forms:
        if all(agrees(name, form, found) for name in ("psk", "sae_password") if name in form):
            return keeping(form, found)
    return keeping(forms[0], found)


def keeping(wanted: Wanted, found: Found) -> Dict[str, Optional[str]]:
    """Return a profile's variables with those further key managements of a network that fit the profile, such as FT.

    An administrator may have added them, and the profile has no option for them.
    """
    want = (wanted["key_mgmt"] or "").split()
    more = [word for word in found.get("key_mgmt", "").split() if kinds(word) <= kinds(" ".join(want))]
    return {**wanted, "key_mgmt": " ".join(dict.fromkeys((*want, *more)))}


def in_effect(found: Found, settings: Mapping[str, str]) -> Found:
    """Return a network's variables with the MAC address that it uses: its own, or else the one for all networks.

    Args:
        found: the network's variables.
        settings: the settings outside of the networks. Unknown ones are left out.
    """
    own = found.get("mac_addr", _NO_POLICY)
    return found if own != _NO_POLICY else {**found, "mac_addr": settings.get("mac_addr", "0")}


#: The ``mac_addr`` of a network that leaves it to the setting outside of the networks (config_ssid.h).
_NO_POLICY = "-1"
#: The superseded variables that are asked of a running network, and what their values have to contain. None means that
#: they must not be set. wpa_supplicant has defaults for the others, and they differ from build to build: all of them
#: contain these words, which stand for WPA2 and what came after it (config_ssid.h, DEFAULT_PROTO, _PAIRWISE, _GROUP).
#: ``auth_alg`` has no default, and is not told then.
RESTRICTIONS: Mapping[str, Optional[str]] = MappingProxyType(
    {
        **dict.fromkeys(("freq_list", "bssid_ignore", "bssid_accept")),
        **{"proto": "RSN", "pairwise": "CCMP", "group": "CCMP", "auth_alg": "OPEN"},
    }
)


def restricts(name: str, value: str) -> bool:
    """Say whether a variable of ``RESTRICTIONS`` restricts a running network in a way that contradicts a profile."""
    word = RESTRICTIONS[name]
    return bool(value.strip()) if word is None else word not in value.split()


def kinds(key_mgmt: str) -> FrozenSet[str]:
    """Return the kinds of a key management: ``open``, ``owe``, ``psk``, ``sae``, ``eap``. Unknown words stay."""
    return frozenset(_KINDS.get(word, word) for word in key_mgmt.split())


def ssid_of(found: Found) -> Optional[bytes]:
    """Return the SSID of a network, or None if it has no SSID (and fits any), or an unreadable one."""
    return _decoded(found["ssid"]) if "ssid" in found else None


def is_station(found: Found) -> bool:
    """Say whether a network can be joined as a station.

    Access points, ad-hoc networks, mesh networks and remembered P2P groups can't.
    """
    return number_of(found.get("mode", "0")) == 0 and number_of(found.get("disabled", "0")) != 2


def _same_psk(want: str, have: str, wanted: Wanted) -> bool:
    """Compare two values, each a passphrase or the key made of it. If SAE may use it, it has to be the passphrase."""
    have = _psk_alone(have)
    quoted, other = (want, have) if want.startswith('"') else (have, want)
    if not quoted.startswith('"') or other.startswith('"'):
        return want == have if want.startswith('"') else want.lower() == have.lower()
    if want == quoted and "sae" in kinds(wanted.get("key_mgmt") or "") and wanted.get("sae_password") is None:
        return False
    ssid = _decoded(wanted.get("ssid") or "")
    text = quoted[1:-1]
    return ssid is not None and is_passphrase(text) and pmk(text, ssid) == other.lower()


def _psk_alone(value: str) -> str:
    """Return a psk without what follows its last quote. wpa_supplicant ignores that (``wpa_config_parse_psk``)."""
    return value[: value.rindex('"') + 1] if value.startswith('"') else value


def _meaning(name: str, value: str) -> object:
    """Return a value in a form that can be compared. A value that can't be read differs from every other value."""
    if name == "eap":
        return frozenset(value.upper().split())
    if name == "bssid":
        return value.lower()
    decode: Callable[[str], object] = number_of if name in _NUMBERS else _decoded
    meaning = decode(value)
    return object() if meaning is None else meaning


def _decoded(value: str) -> Optional[bytes]:
    try:
        return decode_value(value)
    except DecodeFailed:
        return None


# --- describing -----------------------------------------------------------------------------------------------------

_SET = "(set)"
_CHANGED = "(changed)"


def describe(found: Found, changed: Iterable[str] = ()) -> Dict[str, str]:
    """Return a network's variables as text for people.

    For a secret, and for a value that may be one, the text only says that it is set or changed.

    Args:
        found: the variables.
        changed: the names of variables that were changed to these values.
    """
    new = frozenset(changed)
    return {
        name: _shown(name, value) if name in _SHOWN or _is_path(name, value) else _CHANGED if name in new else _SET
        for name, value in found.items()
    }


def _is_path(name: str, value: str) -> bool:
    """Say whether a value is the path of a certificate or key."""
    return name in _FILES and (_decoded(value) or b"").startswith(b"/")


def _shown(name: str, value: str) -> str:
    if name in TEXTS:
        decoded = _decoded(value)
        return value if decoded is None else ssid_text(decoded)
    return value
