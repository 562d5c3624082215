# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checking the profiles that a task declares, without access to files or a supplicant.

A profile is identified by its SSID, and each SSID may be declared only once. For a person one SSID is one network. If
there were two profiles, it would be open which of them wpa_supplicant uses.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from .declared import (
    EAP_METHODS,
    PHASE2_METHODS,
    PMF_MODES,
    RAW_PSK,
    SECURITIES,
    Eap,
    InvalidProfiles,
    NetworkProfile,
    Problem,
    is_passphrase,
)
from .reader import Reader, label_of

#: Octets in an SSID, IEEE 802.11-2020 9.4.2.2.
_SSID_MAX = 32
#: Characters of a passphrase, IEEE 802.11-2020 J.4.1.
_PASSPHRASE_MIN, _PASSPHRASE_MAX = 8, 63
#: Octets of an SAE password. IEEE 802.11 sets no limit, and WPA3 devices accept up to 128.
_SAE_PASSWORD_MAX = 128
#: Octets of an identity: the longest NAI that RADIUS carries, RFC 7542 2.8.
_IDENTITY_MAX = 253
#: Octets of an EAP password: MS-CHAP-V2's limit, RFC 2759 9.
_PASSWORD_MAX = 256
#: Octets of a path. In hex, with its variable's name, it still fits the 2000 characters that wpa_supplicant reads.
_PATH_MAX = 900
#: Octets of several DNS names. One has at most 255, RFC 1035 2.3.4.
_DOMAINS_MAX = 900
_DOMAINS = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*(?:;[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)*\Z")
_BSSID = re.compile(r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}\Z")
#: wpa_supplicant stores a priority as a C int.
_PRIORITY_MAX = 2**31 - 1

#: Which PMF modes each kind of security allows. The first one is the default. Sources: WPA3 Specification 3.3, 2.2 and
#: 2.3 (SAE and its transition mode), RFC 8110 4.4 (OWE needs PMF). A network without keys has no PMF.
_PMF: Mapping[str, Tuple[str, ...]] = {
    "open": ("disabled",),
    "owe": ("required",),
    "psk": ("optional", "disabled", "required"),
    "sae": ("required",),
    "psk+sae": ("optional", "required"),
    "eap": ("optional", "disabled", "required"),
}
_WITH_PASSPHRASE = frozenset({"psk", "sae", "psk+sae"})

#: A function that checks a file that a profile names. It returns the error in words, or None if there is none.
FileCheck = Callable[[str], Optional[str]]


def parse_ssid(parameters: Mapping[str, Any], label: str) -> Tuple[bytes, Tuple[Problem, ...]]:
    """Return the SSID from ``ssid`` or ``ssid_hex``, and the errors in it.

    Args:
        parameters: a profile's parameters.
        label: the profile's name in messages.
    """
    reader = Reader(parameters, label)
    ssid = _ssid(reader)
    return ssid, tuple(reader.problems)


def parse_profile(
    parameters: Mapping[str, Any], label: str, check_file: FileCheck
) -> Tuple[Optional[NetworkProfile], Tuple[Problem, ...]]:
    """Return the declared profile and no errors, or None and all errors in it.

    Args:
        parameters: the options of ``amt_wifi_profile``, with the types that its argument specification gives them.
        label: the profile's name in messages.
        check_file: is called for each certificate and key file.
    """
    reader = Reader(parameters, label)
    ssid = _ssid(reader)
    security = reader.choice("security", SECURITIES)
    profile = NetworkProfile(
        ssid=ssid,
        security=security,
        passphrase=_passphrase(reader, security),
        eap=_eap(reader, security, check_file),
        hidden=bool(parameters.get("hidden")),
        priority=_priority(reader),
        pmf=_pmf(reader, security),
        bssid=_bssid(reader),
        enabled=parameters.get("enabled") is not False,
    )
    return (None if reader.problems else profile), tuple(reader.problems)


def parse_profiles(parameters: Sequence[Mapping[str, Any]], check_file: FileCheck) -> Tuple[NetworkProfile, ...]:
    """Return the profiles of a list.

    Raises:
        InvalidProfiles: some profiles have errors. The exception lists the errors of all profiles.
    """
    profiles: List[NetworkProfile] = []
    problems: List[Problem] = []
    for index, each in enumerate(parameters):
        profile, wrong = parse_profile(each, label_of(each, index), check_file)
        problems += wrong
        if profile is not None:
            profiles.append(profile)
    problems += duplicates(parameters)
    if problems:
        raise InvalidProfiles(problems)
    return tuple(profiles)


def is_path(value: str) -> bool:
    """Say whether the value of an option for a file is a path. Any other value may be or contain a secret."""
    return value.startswith("/")


def duplicates(parameters: Sequence[Mapping[str, Any]]) -> Tuple[Problem, ...]:
    """Return an error for each profile of a list that has the same SSID as an earlier one."""
    first: Dict[bytes, int] = {}
    problems: List[Problem] = []
    for index, each in enumerate(parameters):
        ssid, wrong = parse_ssid(each, "")
        if wrong:
            continue
        if ssid in first:
            message = f"the SSID is declared twice, first by profiles[{first[ssid]}]. Declare each SSID only once"
            problems.append(Problem(label_of(each, index), "ssid", message))
        first.setdefault(ssid, index)
    return tuple(problems)


def _ssid(reader: Reader) -> bytes:
    text, digits = reader.parameters.get("ssid"), reader.parameters.get("ssid_hex")
    if (text is None) == (digits is None):
        reader.fail("ssid", "is missing. Give ssid or ssid_hex" if text is None else "give ssid or ssid_hex, not both")
        return b""
    if not reader.is_text("ssid" if digits is None else "ssid_hex"):
        return b""
    if digits is not None:
        return _ssid_of_hex(reader, digits)
    try:
        ssid = str(text).encode("utf-8")
    except UnicodeEncodeError:
        reader.fail("ssid", "can't be encoded as UTF-8. Give ssid_hex instead")
        return b""
    _check_ssid_size(reader, "ssid", ssid)
    return ssid


def _ssid_of_hex(reader: Reader, digits: str) -> bytes:
    if re.fullmatch(r"(?:[0-9A-Fa-f]{2})*", digits) is None:
        reader.fail("ssid_hex", "is not a string of pairs of hex digits")
        return b""
    ssid = bytes.fromhex(digits)
    _check_ssid_size(reader, "ssid_hex", ssid)
    return ssid


def _check_ssid_size(reader: Reader, name: str, ssid: bytes) -> None:
    if not 1 <= len(ssid) <= _SSID_MAX:
        reader.fail(name, f"has {len(ssid)} bytes, but an SSID has 1 to {_SSID_MAX}")


def _passphrase(reader: Reader, security: str) -> Optional[str]:
    if security not in _WITH_PASSPHRASE:
        if security:
            reader.forbid("passphrase", f"is not used with security {security}")
        return None
    if not reader.given("passphrase"):
        reader.fail("passphrase", f"is missing, but security {security} needs it")
        return None
    if security == "sae":
        return reader.text("passphrase", _SAE_PASSWORD_MAX)
    value = reader.parameters["passphrase"]
    if isinstance(value, str) and RAW_PSK.match(value):
        if security == "psk":
            return value.lower()
        reader.fail("passphrase", "is a PSK of 64 hex digits, but SAE needs the passphrase that the PSK was made from")
        return None
    before = len(reader.problems)
    text = reader.text("passphrase", 4 * _PASSPHRASE_MAX)
    if len(reader.problems) > before or text is None:
        return None
    if not _PASSPHRASE_MIN <= len(text) <= _PASSPHRASE_MAX:
        limits = f"{_PASSPHRASE_MIN} to {_PASSPHRASE_MAX} characters"
        otherwise = ", or 64 hex digits" if security == "psk" else ""
        reader.fail("passphrase", f"has {len(text)} characters, but a passphrase has {limits}{otherwise}")
        return None
    if not is_passphrase(text):
        reader.fail("passphrase", "has a character that is not printable ASCII")
        return None
    return text


def _priority(reader: Reader) -> int:
    value = reader.parameters.get("priority")
    if value is None:
        return 0
    # To Python, true is the number 1. Ansible takes it for a number, too.
    if isinstance(value, bool) or not isinstance(value, int) or not -_PRIORITY_MAX <= value <= _PRIORITY_MAX:
        reader.fail("priority", f"is not a number from {-_PRIORITY_MAX} to {_PRIORITY_MAX}")
        return 0
    return int(value)


def _pmf(reader: Reader, security: str) -> str:
    allowed = _PMF.get(security, PMF_MODES)
    mode = reader.choice("pmf", PMF_MODES, allowed[0])
    if mode not in allowed:
        reader.fail("pmf", f"is {mode}, but security {security} allows only {' or '.join(allowed)}")
    return mode


def _bssid(reader: Reader) -> Optional[str]:
    value = reader.parameters.get("bssid")
    if value is None or not reader.is_text("bssid"):
        return None
    # Bit 0 of the first octet marks a group address (IEEE 802-2014 8.2), which no access point has.
    if not _BSSID.match(value) or int(value[1], 16) & 1 or not value.strip("0:"):
        reader.fail("bssid", "is not the MAC address of an access point, such as 02:00:00:00:01:00")
        return None
    return str(value).lower()


# --- EAP ------------------------------------------------------------------------------------------------------------


def _eap(outer: Reader, security: str, check_file: FileCheck) -> Optional[Eap]:
    if security != "eap":
        if security:
            outer.forbid("eap", f"is not used with security {security}")
        return None
    if not outer.given("eap"):
        outer.fail("eap", "is missing, but security eap needs it")
        return None
    reader = outer.inside("eap")
    method = reader.choice("method", EAP_METHODS)
    if not reader.given("identity"):
        reader.fail("identity", "is missing")
    eap = Eap(
        method=method,
        identity=reader.text("identity", _IDENTITY_MAX) or "",
        anonymous_identity=reader.text("anonymous_identity", _IDENTITY_MAX),
        ca_cert=_file(reader, "ca_cert", check_file),
        domain_suffix_match=_domains(reader),
        password=reader.text("password", _PASSWORD_MAX),
        phase2=_phase2(reader, method),
        client_cert=_file(reader, "client_cert", check_file),
        private_key=_file(reader, "private_key", check_file),
        private_key_password=reader.text("private_key_password", _PASSWORD_MAX),
    )
    _check_server(reader)
    _check_credentials(reader, method)
    return eap


def _check_server(reader: Reader) -> None:
    """Require that the laptop checks the server's certificate, unless the task sets ``validate_server`` to false."""
    validate = reader.parameters.get("validate_server") is not False
    if validate and not reader.given("ca_cert"):
        reader.fail(
            "ca_cert",
            "is missing. Without it, any access point of this name could get the credentials. To allow that, set "
            "eap.validate_server to false",
        )
    if not validate:
        for name in ("ca_cert", "domain_suffix_match"):
            reader.forbid(name, "contradicts eap.validate_server, which is false")


def _check_credentials(reader: Reader, method: str) -> None:
    if method == "tls":
        if not reader.given("private_key"):
            reader.fail("private_key", "is missing, but method tls needs it")
        elif not reader.given("client_cert") and not str(reader.parameters["private_key"]).endswith((".p12", ".pfx")):
            reader.fail("client_cert", "is missing. It is needed unless private_key is a PKCS#12 file (.p12, .pfx)")
        reader.forbid("password", "is not used with method tls. The key's password is private_key_password")
    elif method:
        if not reader.given("password"):
            reader.fail("password", f"is missing, but method {method} needs it")
        for name in ("client_cert", "private_key", "private_key_password"):
            reader.forbid(name, f"is not used with method {method}")


def _phase2(reader: Reader, method: str) -> Optional[str]:
    if method == "tls":
        reader.forbid("phase2", "is not used with method tls")
        return None
    phase2 = reader.choice("phase2", PHASE2_METHODS, PHASE2_METHODS[0])
    if method == "peap" and phase2 == "pap":
        reader.fail("phase2", "is pap, which only method ttls can use")
    return phase2


def _domains(reader: Reader) -> Optional[str]:
    text = reader.text("domain_suffix_match", _DOMAINS_MAX)
    if text is not None and _DOMAINS.match(text) is None:
        reader.fail("domain_suffix_match", "is not a DNS name, or several with semicolons between them")
        return None
    return text


def _file(reader: Reader, name: str, check_file: FileCheck) -> Optional[str]:
    path = reader.text(name, _PATH_MAX)
    if path is None:
        return None
    if not is_path(path):
        # The value may be a URI that contains a PIN, or the key itself, so it is not repeated.
        reader.fail(name, "is not the absolute path of a file. A URI, such as pkcs11:, can't be used")
        return None
    wrong = check_file(path)
    if wrong is not None:
        reader.fail(name, wrong)
    return path
