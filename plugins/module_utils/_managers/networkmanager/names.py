# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkManager's and wpa_supplicant's names on the bus, and the numbers that NetworkManager uses."""

from __future__ import annotations

NM = "org.freedesktop.NetworkManager"
NM_PATH = "/org/freedesktop/NetworkManager"
NM_DEVICE = f"{NM}.Device"
NM_SETTINGS = f"{NM}.Settings"
#: NM_DEVICE_STATE_*.
UNMANAGED = 10
UNAVAILABLE = 20
DISCONNECTED = 30
PREPARE = 40
ACTIVATED = 100
WPA = "fi.w1.wpa_supplicant1"
WPA_PATH = "/fi/w1/wpa_supplicant1"
WPA_INTERFACE = f"{WPA}.Interface"
WPA_NETWORK = f"{WPA}.Network"
#: NM_SETTING_SECRET_FLAG_NONE: the system stores the secret. _AGENT_OWNED: a user's agent has it. With any other flag,
#: the secret is not stored.
SYSTEM_OWNED, AGENT_OWNED = 0x0, 0x1
#: NM_SETTING_SECRET_FLAG_NOT_REQUIRED. For the password of a file or token it means that there is none, so
#: NetworkManager does not ask for it. For other secrets the flag changes nothing (need_secrets_tls,
#: need_secrets_password).
NOT_REQUIRED = 0x4
MAY_BE_NONE = ("private-key-password", "cert-password")
#: wpa_supplicant's state, as its D-Bus interface names it, in which the link is up and its keys are in place.
COMPLETED = "completed"


def number_of(path: str) -> int:
    """Return the number of a profile from its D-Bus path.

    Raises:
        ValueError: the path does not end with a number.
    """
    return int(path.rpartition("/")[2])


def path_of(number: int) -> str:
    """Return the D-Bus path of a profile from its number."""
    return f"{NM_PATH}/Settings/{number}"
