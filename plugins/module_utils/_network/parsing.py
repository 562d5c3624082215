# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The profile of a wireless network: what a task declares, checked; no file, no supplicant.

A profile is known by its SSID: one SSID is one network to a person, and wpa_supplicant takes whichever of its blocks
fits, so two of them would leave open which one a laptop uses.
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
_PASSPHRASE_MIN, _PASSPHRASE_MAX = 8, 63
#: Octets of an SAE password. IEEE 802.11 sets no limit; WPA3 devices take up to 128.
_SAE_PASSWORD_MAX = 128
#: Octets of an identity: the longest NAI that RADIUS carries, RFC 7542 2.8.
_IDENTITY_MAX = 253
#: Octets of an EAP password: MS-CHAP-V2's limit, RFC 2759 9.
_PASSWORD_MAX = 256
#: Octets of a path. In hex, with its variable's name, it still fits the 2000 characters that wpa_supplicant reads.
_PATH_MAX = 900
#: Octets of a DNS name, RFC 1035 2.3.4, and room for a few.
_DOMAINS_MAX = 900
_DOMAINS = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*(?:;[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)*\Z")
_BSSID = re.compile(r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}\Z")
#: wpa_supplicant keeps a priority in a C int.
_PRIORITY_MAX = 2**31 - 1

#: Which PMF modes a kind of security allows; the first is the default. Sources: WPA3 Specification 3.3, 2.2 and 2.3
#: (SAE and its transition), RFC 8110 4.4 (OWE needs PMF); a network without keys has no PMF.
_PMF: Mapping[str, Tuple[str, ...]] = {
    "open": ("disabled",),
    "owe": ("required",),
    "psk": ("optional", "disabled", "required"),
    "sae": ("required",),
    "psk+sae": ("optional", "required"),
    "eap": ("optional", "disabled", "required"),
}
_WITH_PASSPHRASE = frozenset({"psk", "sae", "psk+sae"})

#: Says what is wrong with a file that a profile names, None if nothing is.
FileCheck = Callable[[str], Optional[str]]


def parse_ssid(parameters: Mapping[str, Any], label: str) -> Tuple[bytes, Tuple[Problem, ...]]:
    """Return the SSID of ``ssid`` or ``ssid_hex``, and what is wrong with it.

    Args:
        parameters: a profile's parameters.
        label: what messages call it.
    """
    reader = Reader(parameters, label)
    ssid = _ssid(reader)
    return ssid, tuple(reader.problems)


def parse_profile(
    parameters: Mapping[str, Any], label: str, check_file: FileCheck
) -> Tuple[Optional[NetworkProfile], Tuple[Problem, ...]]:
    """Return the profile that a task declares, or None and everything that is wrong with it.

    Args:
        parameters: the options of ``amt_wifi_profile``, with the types that its argument specification gives them.
        label: what messages call the profile.
        check_file: asked about each certificate and key file.
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
        InvalidProfiles: with everything that is wrong with any of them.
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


def duplicates(parameters: Sequence[Mapping[str, Any]]) -> Tuple[Problem, ...]:
    """Return a problem for each profile of a list whose SSID an earlier one has."""
    first: Dict[bytes, int] = {}
    problems: List[Problem] = []
    for index, each in enumerate(parameters):
        ssid, wrong = parse_ssid(each, "")
        if wrong:
            continue
        if ssid in first:
            message = f"the SSID is declared twice, first by profiles[{first[ssid]}]; one SSID is one network"
            problems.append(Problem(label_of(each, index), "ssid", message))
        first.setdefault(ssid, index)
    return tuple(problems)


def _ssid(reader: Reader) -> bytes:
    text, digits = reader.parameters.get("ssid"), reader.parameters.get("ssid_hex")
    if (text is None) == (digits is None):
        reader.fail("ssid", "is missing; give ssid or ssid_hex" if text is None else "give ssid or ssid_hex, not both")
        return b""
    if digits is not None:
        return _ssid_of_hex(reader, digits)
    try:
        ssid = text.encode("utf-8") if isinstance(text, str) else b""
    except UnicodeEncodeError:
        reader.fail("ssid", "has something in it that is no text; give ssid_hex")
        return b""
    _check_ssid_size(reader, "ssid", ssid)
    return ssid


def _ssid_of_hex(reader: Reader, digits: Any) -> bytes:
    if not isinstance(digits, str) or re.fullmatch(r"(?:[0-9A-Fa-f]{2})*", digits) is None:
        reader.fail("ssid_hex", "is no string of pairs of hex digits")
        return b""
    ssid = bytes.fromhex(digits)
    _check_ssid_size(reader, "ssid_hex", ssid)
    return ssid


def _check_ssid_size(reader: Reader, name: str, ssid: bytes) -> None:
    if not 1 <= len(ssid) <= _SSID_MAX:
        reader.fail(name, f"an SSID has 1 to {_SSID_MAX} bytes, this one has {len(ssid)}")


def _passphrase(reader: Reader, security: str) -> Optional[str]:
    if security not in _WITH_PASSPHRASE:
        if security:
            reader.forbid("passphrase", f"security {security} has none")
        return None
    if not reader.given("passphrase"):
        reader.fail("passphrase", f"is missing; security {security} needs it")
        return None
    if security == "sae":
        return reader.text("passphrase", _SAE_PASSWORD_MAX)
    value = reader.parameters["passphrase"]
    if isinstance(value, str) and RAW_PSK.match(value):
        if security == "psk":
            return value.lower()
        reader.fail("passphrase", "is a PSK of 64 hex digits; SAE needs the passphrase that it was made from")
        return None
    before = len(reader.problems)
    text = reader.text("passphrase", 4 * _PASSPHRASE_MAX)
    if len(reader.problems) > before or text is None:
        return None
    if not _PASSPHRASE_MIN <= len(text) <= _PASSPHRASE_MAX:
        limits = f"{_PASSPHRASE_MIN} to {_PASSPHRASE_MAX} characters"
        otherwise = ", or 64 hex digits" if security == "psk" else ""
        reader.fail("passphrase", f"has {len(text)} characters; a passphrase has {limits}{otherwise}")
        return None
    if not is_passphrase(text):
        reader.fail("passphrase", "has a character that is no printable ASCII")
        return None
    return text


def _priority(reader: Reader) -> int:
    value = reader.parameters.get("priority")
    if value is None:
        return 0
    if not isinstance(value, int) or not -_PRIORITY_MAX <= value <= _PRIORITY_MAX:
        reader.fail("priority", f"is no number from {-_PRIORITY_MAX} to {_PRIORITY_MAX}")
        return 0
    return value


def _pmf(reader: Reader, security: str) -> str:
    allowed = _PMF.get(security, PMF_MODES)
    mode = reader.choice("pmf", PMF_MODES, allowed[0])
    if mode not in allowed:
        reader.fail("pmf", f"security {security} allows {' or '.join(allowed)}, not {mode}")
    return mode


def _bssid(reader: Reader) -> Optional[str]:
    value = reader.parameters.get("bssid")
    if value is None:
        return None
    # Bit 0 of the first octet marks a group address, IEEE 802-2014 8.2: no access point has one.
    if not isinstance(value, str) or not _BSSID.match(value) or int(value[1], 16) & 1 or not value.strip("0:"):
        reader.fail("bssid", "is no MAC address of an access point, such as 02:00:00:00:01:00")
        return None
    return value.lower()


# --- EAP ------------------------------------------------------------------------------------------------------------


def _eap(outer: Reader, security: str, check_file: FileCheck) -> Optional[Eap]:
    if security != "eap":
        if security:
            outer.forbid("eap", f"security {security} has none")
        return None
    if not outer.given("eap"):
        outer.fail("eap", "is missing; security eap needs it")
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
    """Demand that the server is authenticated, unless the task says in so many words that it need not be."""
    validate = reader.parameters.get("validate_server") is not False
    if validate and not reader.given("ca_cert"):
        reader.fail(
            "ca_cert",
            "is missing; without it anybody's access point gets the credentials (set eap.validate_server to false "
            "if that is to be)",
        )
    if not validate:
        for name in ("ca_cert", "domain_suffix_match"):
            reader.forbid(name, "contradicts eap.validate_server false")


def _check_credentials(reader: Reader, method: str) -> None:
    if method == "tls":
        if not reader.given("private_key"):
            reader.fail("private_key", "is missing; method tls needs it")
        elif not reader.given("client_cert") and not str(reader.parameters["private_key"]).endswith((".p12", ".pfx")):
            reader.fail("client_cert", "is missing; only a PKCS#12 file (.p12, .pfx) as private_key does without")
        reader.forbid("password", "method tls has none (private_key_password is the key's)")
    elif method:
        if not reader.given("password"):
            reader.fail("password", f"is missing; method {method} needs it")
        for name in ("client_cert", "private_key", "private_key_password"):
            reader.forbid(name, f"method {method} has none")


def _phase2(reader: Reader, method: str) -> Optional[str]:
    if method == "tls":
        reader.forbid("phase2", "method tls has none")
        return None
    phase2 = reader.choice("phase2", PHASE2_METHODS, PHASE2_METHODS[0])
    if method == "peap" and phase2 == "pap":
        reader.fail("phase2", "method peap has no pap; use ttls")
    return phase2


def _domains(reader: Reader) -> Optional[str]:
    text = reader.text("domain_suffix_match", _DOMAINS_MAX)
    if text is not None and _DOMAINS.match(text) is None:
        reader.fail("domain_suffix_match", "is no DNS name, or names with semicolons between them")
        return None
    return text


def _file(reader: Reader, name: str, check_file: FileCheck) -> Optional[str]:
    path = reader.text(name, _PATH_MAX)
    if path is None:
        return None
    if not path.startswith("/"):
        reader.fail(name, f"'{path}' is no absolute path")
        return None
    wrong = check_file(path)
    if wrong is not None:
        reader.fail(name, wrong)
    return path
