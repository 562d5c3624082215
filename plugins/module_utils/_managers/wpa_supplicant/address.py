# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The MAC address with which wpa_supplicant joins a network that leaves it alone (``mac_addr=0``).

It is the address that the interface has when wpa_supplicant starts. ``macchanger`` or a ``.link`` file of systemd may
have changed it.
"""

from __future__ import annotations

from typing import Callable, Mapping, Optional

from ..._network.limits import MAC_ADDRESS, Obstacle
from ..._radio.own_address import OtherAddress, first_address, present_address
from ..._system.errors import FleetError
from ..._system.places import PLACES, Places
from .control import WpaCtrl


def address_at_start(interface: str, places: Places = PLACES) -> Optional[Obstacle]:
    """Return an obstacle if a wpa_supplicant that starts now would join networks with another MAC address than CSME's.

    Args:
        interface: the interface's name.
        places: where the files are.
    """
    return _obstacle(lambda: present_address(interface, places.root))


def address_of_udev(interface: str, places: Places = PLACES) -> Optional[Obstacle]:
    """Return an obstacle if udevd gives the interface another MAC address than CSME's.

    This is for an interface whose present address may come from another program, such as NetworkManager.

    Args:
        interface: the interface's name.
        places: where the files are.
    """
    return _obstacle(lambda: first_address(interface, places.root))


def changed_address(
    ctrl: WpaCtrl, interface: str, settings: Mapping[str, str], places: Places = PLACES
) -> Optional[Obstacle]:
    """Return an obstacle if a running wpa_supplicant joins networks with another MAC address than CSME's.

    With ``preassoc_mac_addr``, it sets another address for scans, but not for a connection. With ``mac_addr``, it may
    have set another one itself, and for a network with ``mac_addr=0`` it sets the first one again. Then only udevd says
    what the first one was.

    Args:
        ctrl: the connection to the supplicant.
        interface: the interface's name.
        settings: the values of ``read_settings``.
        places: where the files are.

    Raises:
        NotFound, AccessDenied, TimedOut, TransportFailed: see ``WpaCtrl``.
    """
    now = address_at_start(interface, places)
    if now is None or not _changes_address(ctrl, settings):
        return now
    return address_of_udev(interface, places)


def _changes_address(ctrl: WpaCtrl, settings: Mapping[str, str]) -> bool:
    """Say whether the supplicant itself may have given the interface its present address."""
    return settings.get("mac_addr", "0") != "0" or ctrl.setting("preassoc_mac_addr") not in (None, "0")


def _obstacle(read: Callable[[], Optional[OtherAddress]]) -> Optional[Obstacle]:
    try:
        other = read()
    except FleetError:
        return None
    return None if other is None else Obstacle(f"can't be used: {other.what}", other.remedy, code=MAC_ADDRESS)
