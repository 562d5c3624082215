# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network as wpa_supplicant's variables: encoded, compared by meaning, described without secrets.

The file and the control interface take the same text for a value (hostap's ``wpa_supplicant/config.c`` parses both),
so there is one encoder for the two. Every value is a word of known characters, text in quotes that has neither a quote
nor a control character in it, or hex: nothing in it can end the value or begin another line.
"""

from __future__ import annotations

import hashlib
import re
from types import MappingProxyType
from typing import Callable, Dict, FrozenSet, Iterable, Mapping, Optional, Tuple

from ..._network.declared import Eap, NetworkProfile, is_passphrase
from ..._network.values import decode_value, encode_bssid, encode_ssid, ssid_text
from ..._system.errors import DecodeFailed

#: A network's variables as a profile wants them. None: the variable is not to be set.
Wanted = Mapping[str, Optional[str]]
#: A network's variables as a file or a supplicant has them.
Found = Mapping[str, str]

#: What wpa_supplicant takes for a variable that is not set, where a profile means just that.
DEFAULTS: Mapping[str, str] = MappingProxyType({"scan_ssid": "0", "priority": "0", "disabled": "0"})
#: The variables whose value is a secret and that a profile sets.
SECRETS: FrozenSet[str] = frozenset({"psk", "sae_password", "password", "private_key_passwd"})
#: The variables whose value may be shown; any other may be a secret of somebody's.
_SHOWN: FrozenSet[str] = frozenset(
    (
        *("ssid", "bssid", "scan_ssid", "key_mgmt", "eap", "identity", "anonymous_identity", "phase2", "ca_cert"),
        *("domain_suffix_match", "client_cert", "ieee80211w", "priority", "disabled", "mode", "id_str", "scan_freq"),
        *("freq_list", "proto", "pairwise", "group", "auth_alg", "bgscan"),
    )
)
_TEXTS: FrozenSet[str] = frozenset(
    (
        *("ssid", "sae_password", "identity", "anonymous_identity", "password", "phase2", "ca_cert", "client_cert"),
        *("domain_suffix_match", "private_key", "private_key_passwd", "id_str", "bgscan"),
    )
)
_NUMBERS: FrozenSet[str] = frozenset({"scan_ssid", "ieee80211w", "priority", "disabled"})
#: The variables that a profile decides on, all kinds of security together.
_DECIDED: FrozenSet[str] = frozenset(
    (
        *("ssid", "bssid", "scan_ssid", "key_mgmt", "psk", "sae_password", "eap", "identity", "anonymous_identity"),
        *("password", "phase2", "ca_cert", "domain_suffix_match", "client_cert", "private_key", "private_key_passwd"),
        *("ieee80211w", "priority", "disabled"),
    )
)
#: Variables that a profile does not set, and that would contradict it: other keys, other identities, other roots of
#: trust, other ciphers, another MAC address. So do lists of channels and access points, with which a network that is
#: declared would not carry CSME's session on. What only tunes a connection (altsubject_match, phase1, bgscan,
#: scan_freq, ...) is not among them.
SUPERSEDED: FrozenSet[str] = frozenset(
    (
        *("proto", "pairwise", "group", "group_mgmt", "auth_alg", "mem_only_psk", "psk_list", "sae_password_id"),
        *("wep_key0", "wep_key1", "wep_key2", "wep_key3", "wep_tx_keyidx", "eapol_flags", "pac_file", "pcsc"),
        *("mac_addr", "mac_value", "freq_list", "bssid_ignore", "bssid_accept", "bssid_blacklist", "bssid_whitelist"),
        *("ca_path", "ca_cert_id", "engine", "engine_id", "key_id", "cert_id", "pin"),
        *("ca_cert2", "ca_path2", "ca_cert_id2", "client_cert2", "private_key2", "private_key2_passwd"),
        *("engine2", "engine_id2", "key_id2", "cert_id2", "pin2"),
        *("machine_identity", "machine_password", "machine_phase2", "machine_ca_cert", "machine_ca_path"),
        *("machine_client_cert", "machine_private_key", "machine_private_key_passwd", "machine_pin"),
        *("machine_engine", "machine_engine_id", "machine_key_id", "machine_cert_id", "machine_ca_cert_id"),
        *("dpp_connector", "dpp_netaccesskey", "dpp_netaccesskey_expiry", "dpp_csign", "dpp_pp_key", "dpp_pfs"),
    )
)
#: What each key management does; the variants of one kind (hash, fast transition) serve the same profile.
_KINDS: Mapping[str, str] = {
    "NONE": "open",
    "OWE": "owe",
    **dict.fromkeys(("WPA-PSK", "WPA-PSK-SHA256", "FT-PSK"), "psk"),
    **dict.fromkeys(("SAE", "FT-SAE", "SAE-EXT-KEY", "FT-SAE-EXT-KEY"), "sae"),
    **dict.fromkeys(("WPA-EAP", "WPA-EAP-SHA256", "WPA-EAP-SHA384", "FT-EAP", "FT-EAP-SHA384"), "eap"),
}
#: IEEE80211W as wpa_supplicant numbers it (defs.h, enum mfp_options).
_PMF: Mapping[str, str] = {"disabled": "0", "optional": "1", "required": "2"}
#: Text that stands in quotes as it is: no quote, which could end it, no #, which could begin a comment.
_PLAIN = re.compile(r"[ !$-~]+\Z")


# --- encoding -------------------------------------------------------------------------------------------------------


def encode_text(text: str) -> str:
    """Return a text as wpa_supplicant's parser takes it: in quotes where that is safe, in hex otherwise."""
    return f'"{text}"' if _PLAIN.match(text) else text.encode("utf-8").hex()


def pmk(passphrase: str, ssid: bytes) -> str:
    """Return the PSK that a passphrase makes with an SSID, in hex: IEEE 802.11-2020 J.4.1."""
    return hashlib.pbkdf2_hmac("sha1", passphrase.encode("utf-8"), ssid, 4096, 32).hex()


def variants(profile: NetworkProfile) -> Tuple[Dict[str, Optional[str]], ...]:
    """Return a profile as variables; first as this collection writes it, then other forms that mean the same."""
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
        "priority": str(profile.priority),
        "disabled": "0" if profile.enabled else "1",
    }


def _key_mgmt(profile: NetworkProfile) -> str:
    # An access point that requires PMF may offer the SHA-256 variants alone.
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
    """Return the forms in which a profile's passphrase can stand.

    ``psk`` takes no other text than in quotes, and SAE uses it where there is no ``sae_password``.
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
    """Return the variables that must not stand beside those of a profile."""
    return (_DECIDED | SUPERSEDED) - frozenset(wanted)


# --- comparing ------------------------------------------------------------------------------------------------------


def agrees(name: str, wanted: Wanted, found: Found) -> bool:
    """Say whether a network has a variable as a profile wants it, however it is written."""
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
    return _meaning(name, want) == _meaning(name, have)


def differing(wanted: Wanted, found: Found) -> Tuple[str, ...]:
    """Return the names of the variables that do not agree, in the order of *wanted*."""
    return tuple(name for name in wanted if not agrees(name, wanted, found))


def fitting_form(profile: NetworkProfile, found: Found) -> Dict[str, Optional[str]]:
    """Return the form of a profile whose secrets a network already has; otherwise the usual form."""
    forms = variants(profile)
    for form in forms:
        if all(agrees(name, form, found) for name in ("psk", "sae_password") if name in form):
            return form
    return forms[0]


def kinds(key_mgmt: str) -> FrozenSet[str]:
    """Return what a key management value allows: of ``open``, ``owe``, ``psk``, ``sae``, ``eap``, or its own words."""
    return frozenset(_KINDS.get(word, word) for word in key_mgmt.split())


def ssid_of(found: Found) -> Optional[bytes]:
    """Return the SSID of a network; None if it has none (it means any), or an unreadable one."""
    return _decoded(found["ssid"]) if "ssid" in found else None


def is_station(found: Found) -> bool:
    """Say whether a network is one to join: no access point, ad-hoc or mesh network, no remembered P2P group."""
    return number_of(found.get("mode", "0")) == 0 and number_of(found.get("disabled", "0")) != 2


def number_of(value: str) -> Optional[int]:
    """Return the number that a value of the configuration is, as wpa_supplicant reads it; None if it is none."""
    try:
        return int(value, 0)
    except ValueError:
        return None


def _same_psk(want: str, have: str, wanted: Wanted) -> bool:
    """Compare a passphrase with the key that it makes. Where SAE may use it, only the passphrase will do."""
    quoted, other = (want, have) if want.startswith('"') else (have, want)
    if not quoted.startswith('"') or other.startswith('"'):
        return want.lower() == have.lower() and not want.startswith('"')
    if want == quoted and "sae" in kinds(wanted.get("key_mgmt") or "") and wanted.get("sae_password") is None:
        return False
    ssid = _decoded(wanted.get("ssid") or "")
    text = quoted[1:-1]
    return ssid is not None and is_passphrase(text) and pmk(text, ssid) == other.lower()


def _meaning(name: str, value: str) -> object:
    """Return what a value means, comparable; a value that means nothing is equal to nothing else."""
    if name == "key_mgmt":
        return kinds(value)
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
    """Return a network's variables for people. Of a secret, and of what may be one, only that it is set.

    Args:
        found: the variables.
        changed: those of them that are changed to these values; where the value is not shown, that is said instead.
    """
    new = frozenset(changed)
    return {
        name: _shown(name, value) if name in _SHOWN or _is_path(name, value) else _CHANGED if name in new else _SET
        for name, value in found.items()
    }


def _is_path(name: str, value: str) -> bool:
    """Say whether a private key is one in a file; a URI may have a PIN in it."""
    return name == "private_key" and (_decoded(value) or b"").startswith(b"/")


def _shown(name: str, value: str) -> str:
    if name in _TEXTS or name == "private_key":
        decoded = _decoded(value)
        return value if decoded is None else ssid_text(decoded)
    return value
