# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkManager's profiles as those of an interface, without joining anything."""

from __future__ import annotations

from typing import FrozenSet, Iterator, Optional

from ..._network.limits import MAC_ADDRESS, Limits, Obstacle
from ..._network.profile import Profile
from ..._radio import channels
from ..._system.dbus import SystemBus
from ..._system.errors import NotFound
from .connection import Connection, matches
from .names import AGENT_OWNED, NM

#: The bands as profiles name them; 6 GHz has a name since NetworkManager 1.58.
_BANDS = {"bg": channels.BAND_2GHZ, "a": channels.BAND_5GHZ, "6GHz": channels.BAND_6GHZ}
#: What needs a secret, of a profile's credentials.
SECRET = frozenset({"psk", "eap"})


def networkmanager_runs() -> bool:
    """Say whether NetworkManager runs, by the system's bus.

    Raises:
        LibraryMissing, AccessDenied, TimedOut, TransportFailed, DecodeFailed: the bus can't be asked.
    """
    try:
        with SystemBus() as bus:
            return bus.has_owner(NM)
    except NotFound:  # no bus
        return False


def profile_of(
    connection: Connection, interface: str, mac: Optional[str] = None, default_address: Optional[str] = None
) -> Profile:
    """Return NetworkManager's profile as a backend's.

    One that is another interface's, or a user's alone, or whose secrets the system does not have, counts as not
    enabled: it is of no use when a laptop boots. Nor is one that changes the MAC address: CSME's session is lost then.

    Args:
        connection: NetworkManager's.
        interface: the name of the interface.
        mac: the permanent address of its device; None: unknown.
        default_address: what NetworkManager's configuration says of the address of profiles that say nothing of it
            (``wifi.cloned-mac-address``); None: nothing.
    """
    obstacle = next(_obstacles(connection, interface, mac, default_address), None)
    return Profile(
        id=connection.number,
        ssid=connection.ssid,
        key_mgmt=connection.key_mgmt,
        enabled=connection.autoconnect and obstacle is None,
        bssid=connection.bssid,
        scan_freq=(),
        current=False,
        priority=connection.priority,
        credentials=connection.credentials,
        obstacle=obstacle,
        limits=Limits(
            channels=_allowed(connection),
            only_bssids=None if connection.bssid is None else (connection.bssid,),
            ciphers=connection.ciphers,
        ),
        own=connection.interface is not None or connection.mac is not None,
    )


def _obstacles(
    connection: Connection, interface: str, mac: Optional[str], default_address: Optional[str]
) -> Iterator[Obstacle]:
    """Yield what keeps a profile from being used by an interface when a laptop boots.

    As NetworkManager's check_connection_compatible has it (nm-device.c, nm-device-wifi.c), and _hw_addr_get_cloned.
    """
    if connection.interface not in (None, interface):
        yield Obstacle(f"is for the interface {connection.interface} alone (connection.interface-name)", _ANOTHER)
    if not matches(interface, connection.names):
        yield Obstacle("is not for this interface (match.interface-name)", _ANOTHER)
    if connection.mac is not None and mac not in (None, connection.mac):
        yield Obstacle(f"is for the device {connection.mac} alone (802-11-wireless.mac-address)", _ANOTHER)
    if mac in connection.denied:
        yield Obstacle(f"is not for the device {mac} (802-11-wireless.mac-address-denylist)", _ANOTHER)
    for condition in connection.conditions:
        yield Obstacle(f"is for some machines or devices alone, by its {condition}, which is not looked at", _ANOTHER)
    where = "" if connection.address else ", the default in NetworkManager's configuration"
    address = connection.address or default_address or "permanent"
    if address not in ("preserve", "permanent", mac) and not (mac is None and ":" in address):
        yield Obstacle(
            f"gives the interface another MAC address than CSME's (cloned-mac-address: {address}{where})",
            "Set cloned-mac-address to permanent",
            code=MAC_ADDRESS,
        )
    if connection.owned:
        yield Obstacle("is for some users alone (connection.permissions)", "Empty that, so that it is everybody's")
    for flag, value in connection.elsewhere:
        what = "leaves a secret to the agent of a user, who has to log in first" if value & AGENT_OWNED else _UNSTORED
        yield Obstacle(f"{what} ({flag} {value})", f"Have the system store it: set {flag} to 0, and the secret")


#: What may be done about a profile that is for something else.
_ANOTHER = "Take that out of it, or add a profile for this interface"
_UNSTORED = "has a secret that nobody stores"
UNTOLD = Obstacle("needs a secret that NetworkManager was not given", "Give it to NetworkManager, for all users")


def _allowed(connection: Connection) -> Optional[FrozenSet[int]]:
    """Return the frequencies (MHz) that a profile may be on; None: any. A band without a known name has none."""
    if connection.band is None and not connection.channel:
        return None
    band = None if connection.band is None else _BANDS.get(connection.band, -1)
    try:
        if connection.channel or band is None:
            return frozenset(channels.frequencies(connection.channel, band))
        return frozenset(channels.of_band(band))
    except channels.NoSuchChannel:
        return frozenset()
