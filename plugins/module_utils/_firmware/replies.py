# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the firmware's answers say, as typed values. An answer may be longer than what is known of it, but not shorter.

All numbers are little-endian. The layouts are those of the sources that ``calls`` names.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Dict, Optional, Tuple
from uuid import UUID

from .._system.errors import DecodeFailed

#: AMT_PROVISIONING_STATE.
PROVISIONING_STATES = ("pre", "in", "post")
#: CFG_PROVISIONING_MODE.
PROVISIONING_MODES = ("none", "enterprise")
#: Who administers AMT: nobody, the host's administrator (CCM), or the organisation (ACM).
CONTROL_MODES = ("none", "client", "admin")
#: AMT_NETWORK_CONNECTION_STATUS: where AMT believes the laptop to be.
NETWORKS = ("direct", "vpn", "outside", "unknown")
#: REMOTE_ACCESS_CONNECTION_STATUS.
CONNECTIONS = ("not_connected", "connecting", "connected")
#: What made AMT open its connection to the management server. Intel's LMS names 2 ``provisioning`` and 3 ``periodic``.
#: What real firmware was seen to tell fits the order here.
TRIGGERS = ("user_initiated", "alert", "periodic", "provisioning")
#: CERT_HASH_ALGORITHM8: the name, and how many bytes a hash has.
HASHES = (("md5", 16), ("sha1", 20), ("sha256", 32), ("sha512", 64))
#: Bit 2 of the features (MEFWCAPS_SKU_MKHI, ``Amt``).
AMT_FEATURE = 1 << 2
#: BRAND_TYPE, in bits 12 to 15 of the platform's type (MKHI_PLATFORM_TYPE).
BRANDS = ("none", "amt", "standard_manageability", "level_3", "rpat", "small_business")
#: Bits of the version entry ``Sku``: AMT, Standard Manageability.
_SKU_AMT, _SKU_STANDARD = 0x08, 0x10
#: Bits of REDIRECTION_FEATURES.
_SOL, _IDER, _KVM = 1, 2, 4
#: BIOS_VERSION_LEN. How many versions an answer has at most (VERSIONS_NUMBER, rpc-go), and how many handles
#: (CERT_HASH_MAX_NUMBER).
_BIOS_SIZE, _VERSIONS_MAX, _HANDLES_MAX = 65, 50, 33

_NUMBER = struct.Struct("<I")
_LENGTH = struct.Struct("<H")
#: AMT_UNICODE_STRING twice: the name and the version, each with its length, in 20 bytes.
_VERSION = struct.Struct("<H20sH20s")
#: LAN_SETTINGS: enabled, IPv4 address, DHCP enabled, DHCP mode, link, MAC address.
_LAN = struct.Struct("<IIIBB6s")
#: REMOTE_ACCESS_STATUS, without the host's name: network, connection, trigger.
_REMOTE = struct.Struct("<III")
#: SECURITY_PARAMETERS, as far as it is used: enterprise mode, TLS.
_SECURITY = struct.Struct("<II")
#: AMT_UUID.
_UUID = struct.Struct("<16s")
#: CERT_HASH_ENTRY, without the name: default, active, hash, algorithm.
_HASH = struct.Struct("<II64sB")


def named(names: Tuple[str, ...], number: int) -> str:
    """Return the name of a number, or ``unknown(NUMBER)``."""
    return names[number] if number < len(names) else f"unknown({number})"


def _part(layout: struct.Struct, data: bytes, what: str, at: int = 0) -> Tuple[Any, ...]:
    if len(data) < at + layout.size:
        raise DecodeFailed(f"{what} of the firmware needs {at + layout.size} bytes, and has {len(data)}")
    return layout.unpack_from(data, at)


def _text(data: bytes, what: str, at: int = 0) -> str:
    """Return a text with its length in front of it (AMT_ANSI_STRING). It may end with NUL."""
    (length,) = _part(_LENGTH, data, what, at)
    text = data[at + _LENGTH.size :][:length]
    if len(text) != length:
        raise DecodeFailed(f"{what} of the firmware has {length} bytes, and only {len(text)} came")
    return printable(text)


def printable(text: bytes) -> str:
    """Return a text of the firmware's up to its first NUL, with ``?`` for all that is not printable ASCII."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "?" for byte in text.partition(b"\0")[0])


def number(data: bytes) -> int:
    """Return an answer that is one number.

    Raises:
        DecodeFailed: it is too short, as for every function here.
    """
    return int(_part(_NUMBER, data, "an answer")[0])


@dataclass(frozen=True)
class CodeVersions:
    """The versions of the firmware's parts.

    Attributes:
        bios: the version of the BIOS, as the firmware knows it.
        parts: versions by their names, in the firmware's order (``AMT``, ``Sku``, ``Build Number``, ...).
    """

    bios: str
    parts: Dict[str, str]

    @property
    def sku(self) -> Optional[int]:
        """The number of the entry ``Sku``, or None if there is none, or it is no number."""
        text = self.parts.get("Sku", "")
        return int(text) if text.isdecimal() else None


def sells_amt(sku: int) -> bool:
    """Say whether a number of ``CodeVersions.sku`` stands for AMT."""
    return bool(sku & _SKU_AMT)


def sells_standard(sku: int) -> bool:
    """Say whether such a number stands for Standard Manageability."""
    return bool(sku & _SKU_STANDARD)


def code_versions(data: bytes) -> CodeVersions:
    """Decode GET_CODE_VERSIONS."""
    (count,) = _part(_NUMBER, data, "the list of versions", _BIOS_SIZE)
    if count > _VERSIONS_MAX:
        raise DecodeFailed(f"the firmware says that it has {count} versions. At most {_VERSIONS_MAX} are possible")
    parts: Dict[str, str] = {}
    for index in range(count):
        at = _BIOS_SIZE + _NUMBER.size + index * _VERSION.size
        if len(data) < at + _VERSION.size:
            raise DecodeFailed(f"the firmware says that it has {count} versions, and sent {index}")
        name_size, name, size, text = _VERSION.unpack_from(data, at)
        parts[printable(name[:name_size])] = printable(text[:size])
    return CodeVersions(printable(data[:_BIOS_SIZE]), parts)


def uuid(data: bytes) -> str:
    """Decode GET_UUID."""
    return str(UUID(bytes_le=_part(_UUID, data, "the UUID")[0]))


def dns_suffix(data: bytes) -> Optional[str]:
    """Decode GET_PKI_FQDN_SUFFIX. It is None if there is none."""
    return _text(data, "the DNS suffix") or None


def tls(data: bytes) -> bool:
    """Decode GET_SECURITY_PARAMETERS: whether AMT's network interface speaks TLS."""
    return bool(_part(_SECURITY, data, "the security parameters")[1] == 1)


@dataclass(frozen=True)
class Redirection:
    """Which kinds of redirection are switched on: serial over LAN, IDE redirection (storage), KVM."""

    sol: bool
    ider: bool
    kvm: bool


def redirection(data: bytes) -> Redirection:
    """Decode GET_REDIRECTION_STATE."""
    bits = number(data)
    return Redirection(bool(bits & _SOL), bool(bits & _IDER), bool(bits & _KVM))


@dataclass(frozen=True)
class RemoteAccess:
    """AMT's connection to the management server (CIRA).

    Attributes:
        network: where AMT believes the laptop to be (``NETWORKS``).
        connection: whether it is connected (``CONNECTIONS``).
        trigger: the number of what made it connect (``TRIGGERS``).
        mps: the server's host name, or None.
    """

    network: str
    connection: str
    trigger: int
    mps: Optional[str]


def remote_access(data: bytes) -> RemoteAccess:
    """Decode GET_REMOTE_ACCESS_CONNECTION_STATUS."""
    network, connection, trigger = _part(_REMOTE, data, "the remote access")
    host = _text(data, "the name of the management server", _REMOTE.size)
    return RemoteAccess(named(NETWORKS, network), named(CONNECTIONS, connection), trigger, host or None)


@dataclass(frozen=True)
class LanInterface:
    """A network interface of AMT's.

    Attributes:
        enabled: whether AMT uses it.
        ip: its IPv4 address, or None.
        dhcp: whether it gets that by DHCP.
        mode: DHCP's mode. For the wireless interface, it says who controls the radio: 1 AMT, 2 the host (seen in LMS,
            ``PTHI_Commands_BE.cpp``).
        link_up: whether it has a link.
        mac: its MAC address.
    """

    enabled: bool
    ip: Optional[str]
    dhcp: bool
    mode: int
    link_up: bool
    mac: str


def lan_interface(data: bytes) -> Optional[LanInterface]:
    """Decode GET_LAN_INTERFACE_SETTINGS. It is None if there is no such interface: its MAC address is 0."""
    enabled, address, dhcp, mode, link, mac = _part(_LAN, data, "an interface")
    if not any(mac):
        return None
    ip = ".".join(str(address >> shift & 0xFF) for shift in (24, 16, 8, 0)) if address else None
    return LanInterface(enabled == 1, ip, dhcp == 1, mode, link == 1, mac.hex(":"))


def hash_handles(data: bytes) -> Tuple[int, ...]:
    """Decode ENUMERATE_HASH_HANDLES."""
    count = number(data)
    if count > _HANDLES_MAX:
        raise DecodeFailed(f"the firmware says that it has {count} certificate hashes. At most {_HANDLES_MAX} can be")
    return tuple(_part(_NUMBER, data, "the list of certificate hashes", 4 * (index + 1))[0] for index in range(count))


@dataclass(frozen=True)
class CertificateHash:
    """The hash of a certificate that AMT trusts for its provisioning.

    Attributes:
        name: the certificate's name.
        algorithm: ``md5``, ``sha1``, ``sha256``, ``sha512``.
        hash: the hash in lower-case hexadecimal digits.
        active: whether it is trusted.
        default: whether it came with the firmware.
    """

    name: str
    algorithm: str
    hash: str
    active: bool
    default: bool


def certificate_hash(data: bytes) -> CertificateHash:
    """Decode GET_CERTHASH_ENTRY."""
    default, active, digest, algorithm = _part(_HASH, data, "a certificate hash")
    if algorithm >= len(HASHES):
        raise DecodeFailed(f"a certificate hash of the firmware has the unknown algorithm {algorithm}")
    name, size = HASHES[algorithm]
    return CertificateHash(
        _text(data, "the name of a certificate", _HASH.size), name, digest[:size].hex(), active == 1, default == 1
    )


def has_amt(features: bytes) -> bool:
    """Decode a rule with features: whether AMT is among them."""
    return bool(number(features) & AMT_FEATURE)


def brand(platform: bytes) -> str:
    """Decode the rule with the platform's type: the brand (``BRANDS``)."""
    return named(BRANDS, number(platform) >> 12 & 0xF)
