# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AMT is on a laptop of the lab: what its firmware answers about itself, and the bytes of that.

Layouts: ``mei-amt-version.c`` of the kernel's samples for the versions (a recorded answer of AMT 11.8 has 525 bytes:
ten versions), Intel's LMS for the rest. Where a value is invented, it only has to be told from the others.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from typing import Dict, Mapping, Optional, Tuple
from uuid import UUID

#: Bits of the features: AMT (``MEFWCAPS_SKU_MKHI``); and what all firmware has, so that no answer is 0.
_AMT, _ALWAYS = 1 << 2, 1 << 12 | 1 << 17
#: The secret that ``GetLocalSystemAccount`` gives away. Nothing of the collection may ever ask for it.
SECRET = "lab-secret-of-OsAdmin-0x67"


@dataclass(frozen=True)
class Lan:
    """One interface of AMT's; ``control`` is the byte of DHCP's mode."""

    mac: str
    enabled: bool = True
    ip: str = "0.0.0.0"
    dhcp: bool = True
    control: int = 1
    link: bool = True

    def pack(self) -> bytes:
        """Return LAN_SETTINGS. The address is a number: 1.2.3.4 is 0x01020304, with its lowest byte first."""
        address = int.from_bytes(bytes(int(part) for part in self.ip.split(".")), "big")
        mac = bytes.fromhex(self.mac.replace(":", ""))
        return struct.pack("<IIIBB6s", self.enabled, address, self.dhcp, self.control, self.link, mac)


@dataclass(frozen=True)
class Trusted:
    """A certificate that AMT trusts."""

    name: str
    digest: bytes
    algorithm: int = 2
    active: bool = True
    default: bool = True

    def pack(self) -> bytes:
        """Return CERT_HASH_ENTRY."""
        return (
            struct.pack("<II", self.default, self.active)
            + self.digest.ljust(64, b"\0")
            + bytes([self.algorithm])
            + text(self.name)
        )


def text(value: str) -> bytes:
    """Return AMT_ANSI_STRING."""
    return struct.pack("<H", len(value)) + value.encode()


def _versions(amt: str, sku: int, build: str) -> Dict[str, str]:
    return {
        "Flash": amt,
        "Netstack": amt,
        "AMTApps": amt,
        "AMT": amt,
        "Sku": str(sku),
        "VendorID": "8086",
        "Build Number": build,
        "Recovery Version": amt,
        "Recovery Build Num": build,
        "Legacy Mode": "False",
    }


@dataclass(frozen=True)
class Personality:
    """A laptop's firmware.

    Args:
        capable, enabled: whether the platform can have AMT, and has it switched on.
        brand: of the platform, ``BRAND_TYPE``.
        versions: of the parts, in order.
        provisioning, mode, control: the numbers that PTHI tells.
        pthi: whether there is a client PTHI at all.
        refuses: statuses of PTHI commands that it refuses.
    """

    capable: bool = True
    enabled: bool = True
    brand: int = 1
    versions: Mapping[str, str] = field(default_factory=lambda: _versions("16.1.27", 16400, "2176"))
    bios: str = "N3QET40W (1.40 )"
    uuid: str = "4c4c4544-0035-3010-8056-b4c04f4c4142"
    provisioning: int = 2
    mode: int = 1
    control: int = 2
    dns_suffix: str = "corp.example"
    tls: bool = True
    redirection: int = 0b111
    remote: Tuple[int, int, int, str] = (0, 0, 0, "")
    wired: Optional[Lan] = Lan("02:00:00:00:05:01", link=False)
    wireless: Optional[Lan] = Lan("02:00:00:00:00:00", ip="192.0.2.2", control=2)
    trusted: Tuple[Trusted, ...] = (
        Trusted("Lab Root CA 1", bytes(range(32))),
        Trusted("Lab Root CA 2", bytes(range(20)), algorithm=1, active=False, default=False),
    )
    pthi: bool = True
    refuses: Mapping[int, int] = field(default_factory=dict)

    def features(self, *, enabled: bool) -> int:
        """Return the features that it can have, or those that are on."""
        return _ALWAYS | (_AMT if self.capable and (self.enabled or not enabled) else 0)

    def code_versions(self) -> bytes:
        """Return what GET_CODE_VERSIONS tells."""
        entries = b"".join(
            struct.pack("<H20sH20s", len(name), name.encode(), len(value), value.encode())
            for name, value in self.versions.items()
        )
        return self.bios.encode().ljust(65, b"\0") + struct.pack("<I", len(self.versions)) + entries

    def lan(self, index: int) -> bytes:
        """Return what GET_LAN_INTERFACE_SETTINGS tells: zeros for an interface that does not exist."""
        found = {0: self.wired, 1: self.wireless}.get(index)
        return bytes(20) if found is None else found.pack()

    def security(self) -> bytes:
        """Return what GET_SECURITY_PARAMETERS tells: 17 numbers, of which the last seven are reserved."""
        told = (1, self.tls, 1, self.provisioning, 1, self.redirection & 1, self.redirection >> 1 & 1, 1, 1)
        return struct.pack("<17I", *told, self.redirection >> 2 & 1, *[0] * 7)

    def uuid_bytes(self) -> bytes:
        """Return the UUID as it is told: its first three fields have their lowest byte first."""
        return UUID(self.uuid).bytes_le


USUAL = Personality()
_UNPROVISIONED = replace(USUAL, provisioning=0, mode=0, control=0, dns_suffix="", redirection=0, tls=False)
#: By their names.
PERSONALITIES: Dict[str, Personality] = {
    "usual": USUAL,
    "amt 11": replace(USUAL, versions=_versions("11.8.77", 16392, "3664"), remote=(2, 2, 2, "mps.corp.example")),
    "amt 19": replace(USUAL, versions=_versions("19.0.5", 16400, "1707")),
    "standard manageability": replace(USUAL, brand=2, versions=_versions("15.0.45", 16, "2411"), wireless=None),
    "consumer": replace(USUAL, capable=False, enabled=False, brand=0, pthi=False),
    "disabled": replace(USUAL, enabled=False, pthi=False),
    "unprovisioned": _UNPROVISIONED,
    "in provisioning": replace(_UNPROVISIONED, provisioning=1),
    "client control": replace(USUAL, control=1, dns_suffix=""),
    "wired only": replace(USUAL, wireless=None),
    "wireless only": replace(USUAL, wired=None),
    "not ready": replace(USUAL, refuses={0x11: 2, 0x5C: 2}),
}
