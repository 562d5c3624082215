# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks as they are wanted, in wpa_supplicant's words. Test files import from here by this file's full name."""

from __future__ import annotations

from typing import Any, Dict, Optional

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.networks_plan import Desired

PASSPHRASE = '"correct horse"'


def wanted(**changes: Optional[str]) -> Dict[str, Optional[str]]:
    usual: Dict[str, Optional[str]] = {
        "ssid": b"home".hex(),
        "bssid": None,
        "key_mgmt": "WPA-PSK",
        "psk": PASSPHRASE,
        "sae_password": None,
        "priority": "0",
        "disabled": "0",
    }
    return {**usual, **changes}


SAE: Dict[str, Optional[str]] = {"key_mgmt": "SAE", "psk": None, "sae_password": PASSPHRASE}
EAP: Dict[str, Optional[str]] = {"key_mgmt": "WPA-EAP", "psk": None, "eap": "PEAP", "password": PASSPHRASE}


def desired(more: Optional[Dict[str, Optional[str]]] = None, ssid: bytes = b"home", **how: Any) -> Desired:
    return Desired(ssid, wanted(ssid=ssid.hex(), **(more or {})), **how)
