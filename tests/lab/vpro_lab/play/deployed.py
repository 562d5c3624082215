# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A laptop with both roles applied by the playbook that an administrator would run, and what its watcher says."""

from __future__ import annotations

import json
import tempfile
from typing import Any, Dict, List, Mapping

from ..air.ap import AccessPoint
from ..air.security import EAP_TLS, PASSPHRASE
from ..laptop.control import INTERFACE, MAC, Laptop
from ..paths import REPOSITORY
from .playbook import Play, run_playbook

PLAYBOOK = REPOSITORY / "docs" / "examples" / "keep_sessions.yml"
SERVICE = "amt-wifi-watcher"
SUPPLICANT = f"wpa_supplicant@{INTERFACE}.service"
HOLD = f"amt-wifi-watcher-hold@{INTERFACE}.service"
#: The fleet's networks: what each is called, and by what :data:`vpro_lab.air.security.SECURITY` it is on the air.
NETWORKS: Mapping[bytes, str] = {b"corp-psk": "wpa2-psk", b"corp-sae": "wpa3-sae", b"corp-tls": "wpa2-eap"}
#: The generation of the kernel that each suite has.
GENERATIONS: Mapping[str, str] = {"bookworm": "userspace", "trixie": "driver"}
_PROFILES: List[Dict[str, Any]] = [
    {"ssid": "corp-psk", "security": "psk", "passphrase": PASSPHRASE},
    {"ssid": "corp-sae", "security": "sae", "passphrase": PASSPHRASE},
    {
        "ssid": "corp-tls",
        "security": "eap",
        "eap": EAP_TLS,
    },
]
#: What the watcher says where it gives a link's frequencies back at the end of the link.
TOO_LATE = "looks for access points only on the channels of CSME's connection"
#: The variables of both roles.
VARIABLES: Mapping[str, Any] = {
    "supplicant_interfaces": [INTERFACE],
    "supplicant_country": "US",
    "supplicant_profiles": _PROFILES,
    "supplicant_prune": True,
}


def deploy(laptop: Laptop) -> None:
    """Apply both roles to a laptop, and leave it with an empty air."""
    laptop.radios()
    # Profiles name certificates, which have to be there.
    AccessPoint(laptop.guest).start("wpa2-eap", mac=MAC)
    apply(laptop)
    laptop.no_radios()


def apply(laptop: Laptop) -> Play:
    """Run the playbook.

    Raises:
        LabError: it failed.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as handle:
        json.dump(VARIABLES, handle)
        handle.flush()
        return run_playbook(laptop, PLAYBOOK, "-e", f"@{handle.name}").ok()


def watcher_state(laptop: Laptop) -> Dict[str, Any]:
    """Return the watcher's state."""
    document: Dict[str, Any] = json.loads(laptop.guest.read(f"/run/{SERVICE}/state.json"))
    return document


def is_connected(laptop: Laptop) -> bool:
    """Say whether the laptop's supplicant has a connection."""
    return "wpa_state=COMPLETED" in laptop.guest.run(f"wpa_cli -i {INTERFACE} status").out


def is_unpinned(laptop: Laptop, security: str) -> bool:
    """Say whether nothing is left of the watcher's pin but what it leaves to the end of the link.

    Args:
        laptop: with the roles applied.
        security: of the access point. wpa_supplicant would drop a link by SAE or EAP for its frequencies, which the
            watcher could give back while the scan before it ran, some 100 ms. On a slow machine it may come too late.
    """
    left = laptop.pins().splitlines()
    if len(left) != 2 or laptop.manager != "wpa_supplicant" or security not in ("wpa3-sae", "wpa2-eap"):
        return not left
    network, journal = left
    return ": bssid any scan_freq " in network and "/rest-" in journal and TOO_LATE in story(laptop)


def story(laptop: Laptop) -> str:
    """Return what watcher and supplicant said since the boot."""
    units = f"-u {SERVICE} -u '{SERVICE}-hold*' -u NetworkManager -u 'wpa_supplicant*'"
    return laptop.guest.run(f"journalctl -b -o short-monotonic --no-pager {units}").out


def hold_of(laptop: Laptop) -> str:
    """Return the service that holds back the bring-up of a laptop's interface."""
    return f"{SERVICE}-hold-networkmanager@{INTERFACE}.service" if laptop.manager == "networkmanager" else HOLD
