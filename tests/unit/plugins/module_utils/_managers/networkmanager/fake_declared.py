# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks that are declared, and their settings. Test files import from here by this file's full name."""

from __future__ import annotations

from typing import Any, Dict, Tuple

from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.settings import new_settings, wanted
from ansible_collections.vpro.fleet.plugins.module_utils._network.declared import Eap, NetworkProfile

CANARY = "canary-0f3e"


def made(declared: NetworkProfile) -> Dict[str, Dict[str, Tuple[str, Any]]]:
    return new_settings(wanted(declared, "wlan0"), "name", "uuid")


PSK = NetworkProfile(b"corp", "psk", CANARY)
PEAP = NetworkProfile(b"corp", "eap", eap=Eap("peap", "me", "anon", CANARY, "mschapv2", "/ca.pem", "a.org;b.org"))
TLS = NetworkProfile(
    b"corp", "eap", eap=Eap("tls", "me", client_cert="/c", private_key="/k", private_key_password=CANARY)
)
#: EAP-TLS with a key that has no password.
KEYLESS = NetworkProfile(b"corp", "eap", eap=Eap("tls", "me", client_cert="/c", private_key="/k"))
