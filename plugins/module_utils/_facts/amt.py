# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part ``amt`` of the facts document: what AMT is on this laptop."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Dict, Optional

from .._firmware.replies import TRIGGERS, named, sells_amt, sells_standard

if TYPE_CHECKING:  # only signatures need these
    from .._firmware.replies import CodeVersions, LanInterface, RemoteAccess
    from .._firmware.values import Amt

#: LanInterface.mode of the wireless interface: who controls the radio.
_CONTROL = {1: "csme", 2: "host"}


def amt_facts(amt: Amt) -> Dict[str, Any]:
    """Return AMT as facts."""
    return {
        "state": amt.state,
        "reason": amt.reason,
        "firmware": _firmware(amt),
        "brand": amt.brand,
        "bios": None if amt.codes is None else amt.codes.bios or None,
        "versions": None if amt.codes is None else dict(amt.codes.parts),
        "sku": _sku(amt.codes),
        "uuid": amt.uuid,
        "uuid_is_smbios": None if None in (amt.uuid, amt.smbios_uuid) else amt.uuid == amt.smbios_uuid,
        "control_mode": amt.control_mode,
        "provisioning": {
            "mode": amt.provisioning_mode,
            "dns_suffix": amt.dns_suffix,
            "certificate_hashes": None if amt.hashes is None else [asdict(each) for each in amt.hashes],
        },
        "tls": amt.tls,
        "redirection": None if amt.redirection is None else asdict(amt.redirection),
        "remote_access": _remote_access(amt.remote_access),
        "interfaces": _interfaces(amt.interfaces),
        "lms": {"running": amt.lms},
    }


def _firmware(amt: Amt) -> Optional[str]:
    """Return the firmware's version, in the kernel's form. Where the kernel does not tell it, AMT does."""
    if amt.firmware is not None or amt.codes is None:
        return amt.firmware
    version, build = amt.codes.parts.get("AMT"), amt.codes.parts.get("Build Number")
    return None if version is None or build is None else f"{version}.{build}"


def _sku(codes: Optional[CodeVersions]) -> Optional[Dict[str, Any]]:
    if codes is None or codes.sku is None:
        return None
    return {
        "raw": codes.sku,
        "amt": sells_amt(codes.sku),
        "standard_manageability": sells_standard(codes.sku) and not sells_amt(codes.sku),
    }


def _remote_access(found: Optional[RemoteAccess]) -> Optional[Dict[str, Any]]:
    if found is None:
        return None
    return {
        "network": found.network,
        "status": found.connection,
        "trigger": {"raw": found.trigger, "name": named(TRIGGERS, found.trigger)},
        "mps": found.mps,
    }


def _interfaces(found: Optional[Dict[str, Optional[LanInterface]]]) -> Optional[Dict[str, Any]]:
    if found is None:
        return None
    return {name: None if each is None else _interface(each, name) for name, each in found.items()}


def _interface(found: LanInterface, name: str) -> Dict[str, Any]:
    return {
        "enabled": found.enabled,
        "link_up": found.link_up,
        "mac": found.mac,
        "ip": found.ip,
        "dhcp": found.dhcp,
        "control": _CONTROL.get(found.mode) if name == "wireless" else None,
    }
