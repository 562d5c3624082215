# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkManager's profiles as profiles of a backend, and what keeps an interface from using them."""

from __future__ import annotations

from contextlib import suppress
from typing import FrozenSet, Iterator, Optional, Sequence, Tuple

from ..._network.eap import Exists, eap_obstacle
from ..._network.limits import DHCP_IDENTITY, FIXED_ADDRESS, MAC_ADDRESS, Limits, Obstacle
from ..._network.profile import Profile
from ..._radio import channels
from ..._radio.own_address import OtherAddress, first_address, present_address
from ..._system.dbus import SystemBus
from ..._system.errors import FleetError, NotFound
from ..._system.files import is_there
from .connection import DHCP, MANUAL, Connection, matches
from .files import Defaults, defaults
from .names import AGENT_OWNED, NM

#: The bands by their names in profiles. 6 GHz has a name since NetworkManager 1.58.
_BANDS = {"bg": channels.BAND_2GHZ, "a": channels.BAND_5GHZ, "6GHz": channels.BAND_6GHZ}
#: The credentials of a profile that need a secret.
SECRET = frozenset({"psk", "eap"})
NO_DEFAULTS = Defaults()
#: The word for the interface's own MAC address.
_PRESERVE = "preserve"


def networkmanager_runs() -> bool:
    """Ask the system's bus whether NetworkManager runs.

    Raises:
        LibraryMissing, AccessDenied, TimedOut, TransportFailed, DecodeFailed: the bus can't be asked.
    """
    try:
        with SystemBus() as bus:
            return bus.has_owner(NM)
    except NotFound:  # no bus
        return False


def judged(
    connections: Sequence[Connection], interface: str, mac: Optional[str], in_use: Optional[Connection] = None
) -> Tuple[Profile, ...]:
    """Return NetworkManager's profiles as profiles of a backend, with all that is known of the laptop.

    NetworkManager's configuration and udev's are read only if a profile leaves something to them, because a handover
    waits.

    Args:
        connections: NetworkManager's profiles.
        interface: the name of the interface.
        mac: as for ``profile_of``.
        in_use: the profile by which the interface is connected, or None.
    """
    known = connections if in_use is None else (*connections, in_use)
    left = any(each.address is None or each.client_id is None for each in known)
    by_default = defaults(interface) if left else NO_DEFAULTS
    own = None
    if any(_keeps_address(each, by_default) for each in connections):
        own = _own_address(interface, shown=in_use is not None and _keeps_address(in_use, by_default))
    return tuple(profile_of(each, interface, mac, by_default, own) for each in connections)


def _own_address(interface: str, *, shown: bool) -> Optional[OtherAddress]:
    """Return how an interface's own address differs from the permanent one.

    None means that it is the same, or that it can't be read.

    Args:
        interface: the name of the interface.
        shown: whether the interface has its own address now, and not one for scans or one of a profile.
    """
    with suppress(FleetError):
        return present_address(interface) if shown else first_address(interface)
    return None


def profile_of(
    connection: Connection,
    interface: str,
    mac: Optional[str] = None,
    by_default: Defaults = NO_DEFAULTS,
    own: Optional[OtherAddress] = None,
    exists: Exists = is_there,
) -> Profile:
    """Return NetworkManager's profile as a profile of a backend.

    A profile counts as not enabled if it can't be used while a laptop boots. That is so if it is for another interface
    or only for some users, or if the system does not have its secrets. A profile that changes the MAC address counts as
    not enabled, too, because it would end CSME's session.

    Args:
        connection: NetworkManager's profile.
        interface: the name of the interface.
        mac: the permanent MAC address of its device, or None when it is not known.
        by_default: what NetworkManager's configuration sets for profiles that leave it open.
        own: how the interface's own address differs from the permanent one, if it does. It is the address that the
            interface has when NetworkManager finds it.
        exists: says whether a file that the profile names exists.
    """
    obstacle = next(_obstacles(connection, interface, mac, by_default, own), None)
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
        doubt=_doubt(connection, mac, by_default.client_id),
        limits=Limits(
            channels=_allowed(connection),
            only_bssids=None if connection.bssid is None else (connection.bssid,),
            ciphers=connection.ciphers,
            groups=connection.groups,
            protocols=connection.protocols,
            algorithms=None if connection.algorithm is None else frozenset({connection.algorithm}),
            eap=eap_obstacle(connection.eap, exists),
        ),
        own=connection.interface is not None or connection.mac is not None,
    )


def _keeps_address(connection: Connection, by_default: Defaults) -> bool:
    """Say whether a profile leaves the interface its own MAC address. NetworkManager's own default is to do that."""
    return _address(connection, by_default)[0] == _PRESERVE


def _address(connection: Connection, by_default: Defaults) -> Tuple[str, str]:
    """Return the MAC address that a profile gives the interface, or the word for one, and where it comes from."""
    if connection.address:
        return connection.address, ""
    if by_default.address:
        return by_default.address, ", the default in NetworkManager's configuration"
    return _PRESERVE, ", NetworkManager's default"


def _obstacles(
    connection: Connection,
    interface: str,
    mac: Optional[str],
    by_default: Defaults,
    own: Optional[OtherAddress],
) -> Iterator[Obstacle]:
    """Yield the reasons why an interface can't use a profile when a laptop boots.

    They follow NetworkManager's check_connection_compatible (nm-device.c, nm-device-wifi.c) and _hw_addr_get_cloned.
    """
    yield from _of_others(connection, interface, mac)
    for condition in connection.conditions:
        yield Obstacle(f"is only for some machines or devices, by its {condition}, which is not checked", _ANOTHER)
    yield from _of_address(connection, mac, by_default, own)
    if connection.method in _NO_ADDRESS:
        what = f"gives the interface no IPv4 address of its network (ipv4.method: {connection.method})"
        yield Obstacle(what, f"Set ipv4.method to {DHCP}")
    if connection.owned:
        yield Obstacle("is only for some users (connection.permissions)", "Clear that, so that it is for all users")
    for flag, value in connection.elsewhere:
        what = "leaves a secret to the agent of a user, who has to log in first" if value & AGENT_OWNED else _UNSTORED
        yield Obstacle(f"{what} ({flag} {value})", f"Let the system store it: set {flag} to 0, and set the secret")


def _of_address(
    connection: Connection, mac: Optional[str], by_default: Defaults, own: Optional[OtherAddress]
) -> Iterator[Obstacle]:
    """Yield the reason if the interface would have another MAC address than CSME's."""
    address, where = _address(connection, by_default)
    said = f"(cloned-mac-address: {address}{where})"
    if address == _PRESERVE and own is not None:
        what = f"leaves the interface its own MAC address {said}: {own.what}"
    elif address not in (_PRESERVE, "permanent", mac) and not (mac is None and ":" in address):
        what = f"gives the interface another MAC address than CSME's {said}"
    else:
        return
    yield Obstacle(what, "Set cloned-mac-address to permanent", code=MAC_ADDRESS)


def _doubt(connection: Connection, mac: Optional[str], by_default: Optional[str]) -> Optional[Obstacle]:
    """Return a doubt if the profile's DHCP client does not identify the host by its MAC address, or there is no DHCP.

    Without a value, NetworkManager's own DHCP client does that.
    """
    if connection.method == MANUAL:
        return Obstacle(
            f"the profile '{connection.name}' gives the host a fixed IPv4 address (ipv4.method: {MANUAL}), which may "
            "be another than CSME's",
            f"Set ipv4.method to {DHCP}",
            code=FIXED_ADDRESS,
        )
    client_id = (connection.client_id or by_default or "mac").lower()
    if connection.method != DHCP or client_id in ("mac", "perm-mac", f"01:{mac}"):
        return None
    where = "" if connection.client_id else ", the default in NetworkManager's configuration"
    return Obstacle(
        f"the profile '{connection.name}' does not identify the host by its MAC address for DHCP "
        f"(ipv4.dhcp-client-id: {client_id}{where}), so the network may give it another address than CSME's",
        "Set ipv4.dhcp-client-id to mac",
        code=DHCP_IDENTITY,
    )


def is_anothers(connection: Connection, interface: str, mac: Optional[str]) -> bool:
    """Say whether a profile is bound to another interface or device, so that this interface can't use it.

    Args:
        connection: NetworkManager's profile.
        interface: the name of the interface.
        mac: the permanent MAC address of its device, or None when it is not known.
    """
    return any(_of_others(connection, interface, mac))


def _of_others(connection: Connection, interface: str, mac: Optional[str]) -> Iterator[Obstacle]:
    """Yield the reasons for which a profile is only for other interfaces or devices."""
    if connection.interface not in (None, interface):
        yield Obstacle(f"is only for the interface {connection.interface} (connection.interface-name)", _ANOTHER)
    if not matches(interface, connection.names):
        yield Obstacle("is not for this interface (match.interface-name)", _ANOTHER)
    if connection.mac is not None and mac not in (None, connection.mac):
        yield Obstacle(f"is only for the device {connection.mac} (802-11-wireless.mac-address)", _ANOTHER)
    if mac in connection.denied:
        yield Obstacle(f"is not for the device {mac} (802-11-wireless.mac-address-denylist)", _ANOTHER)


#: The methods without an IPv4 address with which CSME's session could go on (nm-settings(5), "ipv4").
_NO_ADDRESS = frozenset({"disabled", "link-local", "shared"})
#: The remedy for a profile that is for something else.
_ANOTHER = "Remove that from the profile, or add a profile for this interface"
_UNSTORED = "has a secret that is not stored"
UNTOLD = Obstacle("needs a secret that NetworkManager does not have", "Give it to NetworkManager, for all users")


def _allowed(connection: Connection) -> Optional[FrozenSet[int]]:
    """Return the frequencies in MHz that a profile allows, or None for all. A band of unknown name allows none."""
    if connection.band is None and not connection.channel:
        return None
    band = None if connection.band is None else _BANDS.get(connection.band, -1)
    try:
        if connection.channel or band is None:
            return frozenset(channels.frequencies(connection.channel, band))
        return frozenset(channels.of_band(band))
    except channels.NoSuchChannel:
        return frozenset()
