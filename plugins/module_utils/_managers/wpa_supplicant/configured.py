# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The profiles that a wpa_supplicant will have when it runs, read from its configuration file."""

from __future__ import annotations

from typing import Mapping, Optional, Tuple

from ..._network.eap import Exists
from ..._network.limits import Obstacle
from ..._network.profile import Profile
from ..._system.files import is_there
from .conf import ConfBlock, parse, settings_of
from .conf import read as read_conf
from .fitness import limits_of, obstacle_of
from .numbers import number_of
from .variables import is_station, ssid_of

#: The key managements of a network that sets none (config.c, DEFAULT_KEY_MGMT).
_DEFAULT_KEY_MGMT = "WPA-PSK WPA-EAP"
_CREDENTIALS = ("psk", "sae_password", "identity", "eap")
#: The values with which a variable is not set, or is empty.
_UNSET = frozenset({"", '""', 'P""', "NULL"})


def configured_profiles(path: str, obstacle: Optional[Obstacle] = None) -> Tuple[Profile, ...]:
    """Return the profiles in a configuration file. There are none when there is no such file.

    Args:
        path: the file's path.
        obstacle: what keeps the interface from using any network, or None.

    Raises:
        DecodeFailed: the file is not a configuration.
        AccessDenied, TransportFailed: the file can't be read.
    """
    return profiles_in(read_conf(path).text or "", path, obstacle=obstacle)


def profiles_in(
    text: str, path: str, exists: Exists = is_there, obstacle: Optional[Obstacle] = None
) -> Tuple[Profile, ...]:
    """Return the profiles in the text of a configuration file.

    Args:
        text: the text.
        path: the file's path, for errors.
        exists: says whether a file that a network names exists.
        obstacle: what keeps the interface from using any network, or None.

    Raises:
        DecodeFailed: the text is not a configuration.
    """
    parts = parse(text, path)
    settings = settings_of(parts)
    blocks = (part for part in parts if isinstance(part, ConfBlock))
    found = (profile_of(number, block.variables, settings, exists, obstacle) for number, block in enumerate(blocks))
    return tuple(profile for profile in found if profile is not None)


def profile_of(
    number: int,
    variables: Mapping[str, str],
    settings: Mapping[str, str],
    exists: Exists,
    obstacle: Optional[Obstacle] = None,
) -> Optional[Profile]:
    """Return a network as a profile, or None if it is none: it has no SSID, or is no station network.

    Args:
        number: the profile's id.
        variables: the network's variables. Variables that are not set are left out.
        settings: the settings outside of the networks. Unknown ones are left out.
        exists: says whether a file that the network names exists.
        obstacle: what keeps the interface from using any network, or None.
    """
    ssid = ssid_of(variables)
    if ssid is None or not is_station(variables):
        return None
    credentials = {name for name in _CREDENTIALS if variables.get(name, "") not in _UNSET}
    if any(variables.get(f"wep_key{index}") for index in range(4)):
        credentials.add("wep_key")
    return Profile(
        id=number,
        ssid=ssid,
        key_mgmt=frozenset(variables.get("key_mgmt", _DEFAULT_KEY_MGMT).split()),
        enabled=number_of(variables.get("disabled", "0")) == 0,
        bssid=None,
        scan_freq=(),
        current=False,
        priority=number_of(variables.get("priority", "0")) or 0,
        credentials=frozenset(credentials),
        obstacle=obstacle or obstacle_of(variables, settings),
        limits=limits_of(variables, settings, exists),
    )
