# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A declared network as NetworkManager's settings: making, comparing and describing them. This does no I/O.

Settings are compared by their meaning, and described without secrets. Source of the names, types and defaults:
``nm-settings-dbus(5)`` and ``libnm-core-impl/nm-setting-*.c`` of NetworkManager 1.42 and 1.52. A declared network
determines some of the settings. Settings that would contradict it are removed, and all others stay.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Any, Dict, FrozenSet, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

from ..._network.declared import Eap, NetworkProfile, Problem
from ..._network.values import ssid_text
from ..._system.dbus_values import plain
from ..._system.printable import quoted
from .connection import needs_nobody
from .names import NOT_REQUIRED

#: A value with its D-Bus signature.
Variant = Tuple[str, Any]
#: Settings as D-Bus has them: values by setting and key.
Settings = Mapping[str, Mapping[str, Variant]]
#: The settings that a declared network determines. A setting that is None must not exist, and a key that is None must
#: not be set.
Wanted = Mapping[str, Optional[Mapping[str, Optional[Variant]]]]
#: A setting and one of its keys.
Key = Tuple[str, str]

CONNECTION = "connection"
WIRELESS = "802-11-wireless"
SECURITY = "802-11-wireless-security"
EAP = "802-1x"
IPV4 = "ipv4"
MATCH = "match"
#: The keys of ``MATCH``, which bind a profile to some machines or devices.
MATCHES = ("interface-name", "driver", "path", "kernel-command-line")

#: NM_SETTING_CONNECTION_AUTOCONNECT_PRIORITY_MAX. The lowest priority is its negative.
PRIORITY_MAX = 999
#: NM_SETTING_WIRELESS_SECURITY_PMF_*. The value 0 means the default in NetworkManager's configuration.
_PMF: Mapping[str, int] = {"disabled": 1, "optional": 2, "required": 3}
#: ``wpa-psk`` includes SAE if the access point offers both.
_KEY_MGMT: Mapping[str, str] = {"owe": "owe", "psk": "wpa-psk", "sae": "sae", "psk+sae": "wpa-psk", "eap": "wpa-eap"}
_WPA_PSK: Variant = ("s", "wpa-psk")
#: The key managements that NetworkManager always uses with PMF, even if another value is set.
_ALWAYS_PMF: FrozenSet[Variant] = frozenset({("s", "owe"), ("s", "sae")})

_FALSE: Variant = ("b", False)
_ZERO: Variant = ("u", 0)
_NOT_REQUIRED: Variant = ("u", NOT_REQUIRED)
#: The meaning of a key that is not set, if it has one. Flags of 0 mean that the system stores the secret.
_DEFAULTS: Mapping[Key, Variant] = MappingProxyType(
    {
        (CONNECTION, "autoconnect"): ("b", True),
        (CONNECTION, "autoconnect-priority"): ("i", 0),
        (WIRELESS, "hidden"): _FALSE,
        (SECURITY, "pmf"): ("i", 0),
        (SECURITY, "psk-flags"): _ZERO,
        (EAP, "password-flags"): _ZERO,
        (EAP, "private-key-password-flags"): _ZERO,
    }
)
#: Keys that a declared network does not set, and that would contradict it: other ciphers, keys, identities or roots of
#: trust. ``band`` and ``channel`` are here too, because with them it might not carry CSME's session on. Keys that only
#: tune a connection (``altsubject-matches``, ``fils``, ...) are not here.
_SUPERSEDED: Mapping[str, FrozenSet[str]] = {
    WIRELESS: frozenset({"band", "channel"}),
    SECURITY: frozenset(
        (
            *("auth-alg", "proto", "pairwise", "group", "leap-username", "leap-password", "leap-password-flags"),
            *("wep-key0", "wep-key1", "wep-key2", "wep-key3", "wep-key-flags", "wep-key-type", "wep-tx-keyidx"),
        )
    ),
    EAP: frozenset(
        (
            *("ca-path", "system-ca-certs", "ca-cert-password", "ca-cert-password-flags", "pac-file"),
            *("client-cert-password", "client-cert-password-flags", "password-raw", "password-raw-flags"),
            *("pin", "pin-flags", "phase2-autheap", "phase2-ca-cert", "phase2-ca-path", "phase2-ca-cert-password"),
            *("phase2-ca-cert-password-flags", "phase2-client-cert", "phase2-client-cert-password"),
            *("phase2-client-cert-password-flags", "phase2-private-key", "phase2-private-key-password"),
            *("phase2-private-key-password-flags", "phase2-domain-suffix-match", "phase2-domain-match"),
            *("phase2-subject-match", "phase2-altsubject-matches"),
        )
    ),
}
#: Keys in the answer of ``GetSettings`` that can't be set. They follow from other keys, or from what was seen.
_DERIVED: FrozenSet[Key] = frozenset(
    {
        (WIRELESS, "security"),
        (WIRELESS, "seen-bssids"),
        # The bytes of ``assigned-mac-address``: none where that is a word such as ``permanent``.
        (WIRELESS, "cloned-mac-address"),
        # NetworkManager sets it to fit ``assigned-mac-address`` (_normalize_wireless_mac_address_randomization).
        (WIRELESS, "mac-address-randomization"),
    }
)
#: The secrets that a declared network sets.
_SECRETS: FrozenSet[Key] = frozenset({(SECURITY, "psk"), (EAP, "password"), (EAP, "private-key-password")})
#: The flags of these secrets, and of the secrets in ``_SUPERSEDED``.
_FLAGS: FrozenSet[Key] = frozenset(
    (
        *((SECURITY, key) for key in ("psk-flags", *_SUPERSEDED[SECURITY]) if key.endswith("-flags")),
        *((EAP, key) for key in ("password-flags", *_SUPERSEDED[EAP]) if key.endswith("-flags")),
        (EAP, "private-key-password-flags"),
    )
)
#: The value of a certificate or key that is in a file: a URI with a zero byte at its end
#: (NM_SETTING_802_1X_CK_SCHEME_PATH).
_FILE = re.compile(rb"file://(/[^\0]*)\0?\Z", re.DOTALL)
_FILES = frozenset({"ca-cert", "client-cert", "private-key"})
#: A PSK of 256 bits in hex. Its digits may have either case.
_PSK = re.compile(r"[0-9A-Fa-f]{64}\Z")


def unfit(interface: str, path: Optional[str], profiles: Iterable[NetworkProfile]) -> Tuple[Problem, ...]:
    """Return the problems of a valid task that NetworkManager can't carry out.

    Args:
        interface: the task's interface.
        path: the file that the task names.
        profiles: the networks that the task declares.
    """
    problems = []
    if path is not None:
        text = f"is only for wpa_supplicant, but NetworkManager runs {interface}, and stores its profiles itself"
        problems.append(Problem("", "path", text))
    for profile in profiles:
        if abs(profile.priority) > PRIORITY_MAX:
            text = f"is {profile.priority}, but NetworkManager accepts only {-PRIORITY_MAX} to {PRIORITY_MAX}"
            problems.append(Problem(f"profile {quoted(profile.ssid)}", "priority", text))
    return tuple(problems)


# --- writing --------------------------------------------------------------------------------------------------------


def wanted(profile: NetworkProfile, interface: str) -> Wanted:
    """Return the settings that a declared network determines, for one interface."""
    secured = profile.security != "open"
    return {
        CONNECTION: {
            "interface-name": ("s", interface),
            "autoconnect": ("b", profile.enabled),
            "autoconnect-priority": ("i", profile.priority),
        },
        WIRELESS: {
            "ssid": ("ay", profile.ssid),
            "hidden": ("b", profile.hidden),
            "bssid": None if profile.bssid is None else ("ay", bytes.fromhex(profile.bssid.replace(":", ""))),
            # CSME's station has the radio's permanent address. With another address, CSME's session would end.
            "assigned-mac-address": ("s", "permanent"),
        },
        # With another identity, a DHCP server may give the host another address than CSME's.
        IPV4: {"dhcp-client-id": ("s", "mac")},
        SECURITY: _security(profile) if secured else None,
        EAP: None if profile.eap is None else _eap(profile.eap),
        # The profile is bound to the interface. Further conditions could only keep the interface from using it.
        MATCH: None,
    }


def _security(profile: NetworkProfile) -> Mapping[str, Optional[Variant]]:
    return {
        "key-mgmt": ("s", _KEY_MGMT[profile.security]),
        "psk": _text(profile.passphrase),
        "psk-flags": None,
        "pmf": ("i", _PMF[profile.pmf]),
    }


def _eap(eap: Eap) -> Mapping[str, Optional[Variant]]:
    # A PKCS#12 file has both certificate and key. NetworkManager wants its path for each of them.
    certificate = eap.client_cert if eap.client_cert is not None else eap.private_key
    # A key without a password is marked as such. Otherwise NetworkManager would ask a user's agent for the password,
    # and at the boot there is no agent.
    bare = eap.private_key is not None and eap.private_key_password is None
    return {
        "eap": ("as", [eap.method]),
        "identity": ("s", eap.identity),
        "anonymous-identity": _text(eap.anonymous_identity),
        "ca-cert": _file(eap.ca_cert),
        "domain-suffix-match": _text(eap.domain_suffix_match),
        "phase2-auth": _text(eap.phase2),
        "password": _text(eap.password),
        "password-flags": None,
        "client-cert": _file(certificate),
        "private-key": _file(eap.private_key),
        "private-key-password": _text(eap.private_key_password),
        "private-key-password-flags": _NOT_REQUIRED if bare else None,
    }


def _text(text: Optional[str]) -> Optional[Variant]:
    return None if text is None else ("s", text)


def _file(path: Optional[str]) -> Optional[Variant]:
    return None if path is None else ("ay", b"file://" + path.encode("utf-8") + b"\0")


def settings_of(told: Settings) -> Dict[str, Dict[str, Variant]]:
    """Return the answer of ``GetSettings`` without the keys that can't be set."""
    return {
        name: {key: value for key, value in keys.items() if (name, key) not in _DERIVED} for name, keys in told.items()
    }


def new_settings(want: Wanted, name: str, uuid: str) -> Dict[str, Dict[str, Variant]]:
    """Return the settings of a new profile. NetworkManager uses its defaults for all others, such as DHCP.

    Args:
        want: the settings that the declared network determines.
        name: the profile's name for people. Other profiles may have the same name.
        uuid: a new UUID.
    """
    own: Settings = {
        CONNECTION: {"id": ("s", name), "uuid": ("s", uuid), "type": ("s", WIRELESS)},
        IPV4: {"method": ("s", "auto")},
    }
    return merged(own, want)


def merged(settings: Settings, want: Wanted) -> Dict[str, Dict[str, Variant]]:
    """Return settings changed to those that a declared network determines. All others stay."""
    new = {name: dict(keys) for name, keys in settings.items()}
    for name, keys in want.items():
        if keys is None:
            new.pop(name, None)
            continue
        setting = new.setdefault(name, {})
        for key in _SUPERSEDED.get(name, ()):
            setting.pop(key, None)
        for key, value in keys.items():
            setting.pop(key, None)
            if value is not None:
                setting[key] = value
    return new


# --- comparing ------------------------------------------------------------------------------------------------------


def differing(want: Wanted, settings: Settings) -> Tuple[Key, ...]:
    """Return the keys that differ from a declared network or contradict it, in a fixed order.

    Args:
        want: the settings that the declared network determines.
        settings: the existing settings, with their secrets.
    """
    found: List[Key] = []
    for name, keys in want.items():
        has = settings.get(name, {})
        if keys is None:
            found += [(name, key) for key in sorted(has)]
            continue
        found += [(name, key) for key in keys if not _same(name, key, keys, has)]
        found += [(name, key) for key in sorted(_SUPERSEDED.get(name, frozenset()) & frozenset(has))]
    return tuple(found)


def _same(name: str, key: str, want: Mapping[str, Optional[Variant]], has: Mapping[str, Variant]) -> bool:
    default = _DEFAULTS.get((name, key))
    wished, held = _meaning(key, want[key] or default), _meaning(key, has.get(key, default))
    if key == "pmf" and held == 0:
        # 0 is the default in NetworkManager's configuration, which is not known here. These methods always use PMF.
        return want["key-mgmt"] in _ALWAYS_PMF and has.get("key-mgmt") == want["key-mgmt"]
    if key == "psk" and want["key-mgmt"] == _WPA_PSK and _PSK.match(str(held)):
        held = held.lower()
    return bool(wished == held)


def _meaning(key: str, value: Optional[Variant]) -> Any:
    """Return a value in a form that can be compared, or None if there is no value.

    Empty bytes, texts and lists count as no value, because D-Bus has no other way to say that.
    """
    if value is None:
        return None
    meaning = plain(value, "v")
    if key in _FILES and isinstance(meaning, bytes):
        meaning = meaning.rstrip(b"\0")
    return None if meaning in (b"", "", []) else meaning


def same_kind(want: Wanted, settings: Settings) -> bool:
    """Say whether settings already have the declared key management."""
    keys = want[SECURITY]
    has = settings.get(SECURITY)
    if keys is None or has is None:
        return keys is None and has is None
    return keys["key-mgmt"] == has.get("key-mgmt")


def keeps_secrets(want: Wanted, settings: Settings) -> bool:
    """Say whether an update would leave unwanted secrets. NetworkManager keeps all if the update contains none."""
    has = {(name, key) for name, keys in want.items() for key, value in (keys or {}).items() if value is not None}
    stored = {(name, key) for name, keys in settings.items() if want.get(name) is not None for key in keys}
    secrets = _SECRETS | _OTHER_SECRETS
    return not has & secrets and bool(stored & secrets)


#: Secrets that a declared network does not set. An earlier declaration may have left them.
_OTHER_SECRETS: FrozenSet[Key] = frozenset(
    (name, key)
    for name, keys in _SUPERSEDED.items()
    for key in keys
    if key.endswith(("-password", "-raw", "pin")) or re.match(r"wep-key\d", key)
)


def secrets_are_the_systems(settings: Settings) -> bool:
    """Say whether the system stores every secret: none is kept by a user's agent or asked for each time."""
    return all(
        needs_nobody(key[: -len("-flags")], int(settings.get(name, {}).get(key, _ZERO)[1])) for name, key in _FLAGS
    )


def with_secrets(settings: Settings, secrets: Settings) -> Dict[str, Dict[str, Variant]]:
    """Return settings with the secrets that ``GetSecrets`` gave for them."""
    return {name: {**keys, **secrets.get(name, {})} for name, keys in settings.items()}


def secret_texts(settings: Settings) -> Iterator[str]:
    """Yield the secrets in settings, which must not be in any message."""
    for name, keys in settings.items():
        for key, value in keys.items():
            if (name, key) in _SECRETS | _OTHER_SECRETS and isinstance(value[1], str) and value[1]:
                yield value[1]


# --- describing -----------------------------------------------------------------------------------------------------

_SET = "(set)"
_CHANGED = "(changed)"
#: The keys whose values may be shown. The value of any other key may be a secret.
_SHOWN: FrozenSet[Key] = frozenset(
    (
        *((CONNECTION, key) for key in ("interface-name", "autoconnect", "autoconnect-priority")),
        *((WIRELESS, key) for key in ("ssid", "hidden", "bssid", "band", "channel")),
        *((MATCH, key) for key in MATCHES),
        *((SECURITY, key) for key in ("key-mgmt", "pmf", "auth-alg", "proto", "pairwise", "group")),
        *((EAP, key) for key in ("eap", "identity", "anonymous-identity", "ca-cert", "domain-suffix-match")),
        *((EAP, key) for key in ("phase2-auth", "client-cert", "private-key")),
    )
)


def describe(settings: Settings, changed: Sequence[Key] = ()) -> Dict[str, str]:
    """Return the settings that declared networks determine or contradict, as text for people.

    For a secret, and for a value that may be one, the text only says that it is set or changed.

    Args:
        settings: the settings.
        changed: the keys that were changed to these values.
    """
    return {
        f"{name}.{key}": _shown(name, key, value, _CHANGED if (name, key) in changed else _SET)
        for name in (CONNECTION, WIRELESS, SECURITY, EAP, MATCH)
        for key, value in settings.get(name, {}).items()
        if (name, key) in _SHOWN | _SECRETS | _FLAGS or key in _SUPERSEDED.get(name, ())
    }


def _shown(name: str, key: str, value: Variant, otherwise: str) -> str:
    held = plain(value, "v")
    if (name, key) not in _SHOWN | _FLAGS:
        return otherwise
    if key in _FILES:
        match = _FILE.match(held) if isinstance(held, bytes) else None
        # Another value may be the key itself, or a URI that contains a PIN.
        return otherwise if match is None else match.group(1).decode("utf-8", "backslashreplace")
    if key == "ssid" and isinstance(held, bytes):
        return ssid_text(held)
    if isinstance(held, bytes):
        return ":".join(f"{octet:02x}" for octet in held)
    if isinstance(held, list):
        return " ".join(map(str, held))
    return str(held).lower() if isinstance(held, bool) else str(held)
