# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts document, which describes a laptop in plain JSON types.

``plugins/schemas/amt_wifi_facts.schema.json`` is its schema. Change both together.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Optional, Sequence

from .._radio.connection import connection_facts, ssid_facts
from .amt import amt_facts

if TYPE_CHECKING:  # only signatures need these, and every import at run time makes every task slower
    from .._network.managed import Managed
    from .._network.profile import Profile
    from .._radio.values import Link, Platform, Radio, Switch
    from .._watcher.report import WatcherReport
    from .known import Blocker, Known

#: The version is raised when programs that read the document must be changed.
SCHEMA_VERSION = 1

_NO_CSME_RADIO = "no radio of this machine offers Intel's CSME vendor commands (iwlwifi with iwlmei)"


def document(
    known: Known, generation: Optional[str], blockers: Sequence[Blocker], warnings: Sequence[Blocker] = ()
) -> Dict[str, Any]:
    """Return the facts document.

    Args:
        known: everything that was read from the machine.
        generation: how host and CSME share a radio, see ``_radio/driver.generation``.
        blockers: the reasons why a handover would not succeed now.
        warnings: the reasons why a handover may lose the session although it succeeds.
    """
    supported = any(radio.can_request for radio in known.radios)
    unlisted = known.why("radios")
    reason = unlisted.why if unlisted else _NO_CSME_RADIO
    return {
        "schema_version": SCHEMA_VERSION,
        "supported": supported,
        "reason": None if supported else reason,
        "kernel": _kernel_facts(known.platform, generation),
        "radios": [radio_facts(radio) for radio in known.radios],
        "supplicant": _supplicant_facts(list(known.managed.values())),
        "watcher": _watcher_facts(known.watcher),
        "amt": None if known.amt is None else amt_facts(known.amt),
        "readiness": {
            "ready": not blockers,
            "blockers": [asdict(blocker) for blocker in blockers],
            "warnings": [asdict(warning) for warning in warnings],
        },
        "unreadable": [{"what": unreadable.what, "why": unreadable.why} for unreadable in known.unreadable],
    }


def _kernel_facts(platform: Platform, generation: Optional[str]) -> Dict[str, Any]:
    kernels = platform.iwlmei.for_kernels
    return {
        "release": None if platform.release is None else platform.release.text,
        "iwlmei": {
            "available": platform.iwlmei.available,
            "loaded": platform.iwlmei.loaded,
            "bound": platform.iwlmei.bound,
            "sap_connected": platform.iwlmei.sap_connected,
            "source": platform.iwlmei.source,
            "signed": platform.iwlmei.signed,
            "for_kernels": None if kernels is None else list(kernels),
            "next_kernel": platform.iwlmei.next_kernel,
        },
        "secure_boot": platform.secure_boot,
        "op_mode": platform.op_mode,
        "generation": generation,
    }


def radio_facts(radio: Radio) -> Dict[str, Any]:
    """Return one radio as facts."""
    return {
        "phy": radio.phy,
        "interface": radio.interface,
        "mac": radio.mac,
        "driver": radio.driver,
        "owner": radio.owner,
        "vendor_commands": {"csme_conn_info": radio.can_tell, "get_ownership": radio.can_request},
        "roaming_event": radio.roaming_event,
        "rfkill": _rfkill_facts(radio.switch, radio.platform),
        "csme": connection_facts(radio.reported),
        "link": _link_facts(radio.link),
    }


def _rfkill_facts(switch: Optional[Switch], platform: Sequence[Switch]) -> Optional[Dict[str, Any]]:
    if switch is None:
        return None
    return {
        "index": switch.index,
        "soft": switch.soft,
        "hard": switch.hard,
        "reasons": None if switch.reasons is None else sorted(switch.reasons),
        "platform": [
            {"index": each.index, "name": each.name, "soft": each.soft, "hard": each.hard} for each in platform
        ],
    }


def _link_facts(link: Optional[Link]) -> Optional[Dict[str, Any]]:
    if link is None:
        return None
    return {
        **ssid_facts(link.ssid),
        "bssid": link.bssid,
        "frequency": link.frequency,
        "signal_dbm": link.signal_dbm,
        "addresses": list(link.addresses),
    }


def _supplicant_facts(found: Sequence[Managed]) -> Dict[str, Any]:
    """Return the manager, its interfaces and its profiles.

    If the interfaces have different managers, this is the manager of the first interface that has one.
    """
    managers = [managed.manager for managed in found]
    manager = next((name for name in managers if name not in (None, "none")), None)
    if manager is None and None not in managers:
        manager = "none"
    mine = [managed for managed in found if managed.manager == manager and manager is not None]
    return {
        "manager": manager,
        "version": next((managed.version for managed in mine if managed.version is not None), None),
        "interfaces": [managed.interface for managed in mine] if manager != "none" else [],
        "profiles": [fact for managed in mine for fact in _profile_facts(managed.interface, managed.profiles or ())],
    }


def _profile_facts(interface: str, profiles: Iterable[Profile]) -> List[Dict[str, Any]]:
    return [
        {
            "interface": interface,
            "id": profile.id,
            **ssid_facts(profile.ssid),
            "key_mgmt": sorted(profile.key_mgmt),
            "enabled": profile.enabled,
            "pinned": profile.bssid is not None,
        }
        for profile in profiles
    ]


def _watcher_facts(watcher: WatcherReport) -> Dict[str, Any]:
    return {
        "installed": watcher.installed,
        "running": watcher.running,
        "version": watcher.version,
        "state": watcher.state,
        "last_handover": None if watcher.last_handover is None else asdict(watcher.last_handover),
    }
