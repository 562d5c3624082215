# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading the machine's radios: each is joined from the answers of nl80211, rfkill, CSME and sysfs."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from typing import Dict, List, Optional, Sequence, Tuple

from .._system.errors import DecodeFailed, FleetError
from .._system.reading import Reading, Unreadable
from . import csme as _csme
from . import rtnetlink, sysfs
from .connection import CsmeConnection, PartialConnection, Reported
from .driver import asks_by_itself
from .nl80211 import Nl80211
from .nl80211_messages import Interface, Wiphy
from .rfkill import switches
from .values import Link, Radio, Switch

__all__ = ["Link", "Radio", "Unreadable", "csmes_connection", "owner_of", "read_radios", "routable"]

#: NL80211_IFTYPE_STATION (linux/nl80211.h): the type of interface that joins networks.
_STATION = 2
#: RT_SCOPE_LINK (linux/rtnetlink.h): an address of this scope works only on its own link, and not through a router.
_SCOPE_LINK = 253


def read_radios(
    nl: Nl80211, known: Optional[Sequence[Switch]] = None
) -> Tuple[Tuple[Radio, ...], Tuple[Unreadable, ...]]:
    """Return all radios of this machine, and a list of the values that could not be read.

    Args:
        nl: the open connection to nl80211.
        known: the machine's rfkill switches, as far as they could be read. When it is None, this function reads them.

    Raises:
        FleetError: the kernel's lists of radios, interfaces or switches could not be read at all.
    """
    by_phy: Dict[int, List[Interface]] = {}
    for interface in nl.interfaces():
        by_phy.setdefault(interface.wiphy, []).append(interface)
    found = switches() if known is None else known
    by_name = {switch.phy: switch for switch in found if switch.phy}
    platform = tuple(switch for switch in found if switch.of_platform)
    reading = Reading()
    asks = asks_by_itself() is not False
    joined = [
        _join(nl, wiphy, by_phy.get(wiphy.index, []), by_name.get(wiphy.name), asks, reading) for wiphy in nl.wiphys()
    ]
    radios = (replace(radio, platform=platform) for radio in joined)
    return tuple(sorted(radios, key=lambda radio: radio.phy)), reading.unreadable


def csmes_connection(interface: str, root: str = "/") -> Optional[Reported]:
    """Return the connection of CSME, if it owns the radio of an interface.

    It is None if CSME does not own the radio, and also if that or the connection can't be found out. Where CSME does
    not own the radio, this asks only sysfs.

    Args:
        interface: the interface's name.
        root: the directory that stands for ``/``. Netlink always reads this machine itself.
    """
    with suppress(FleetError):
        phy = sysfs.phy_of(interface, root)
        known = switches(os.path.join(root, "sys/class/rfkill")) if phy else ()
        if any(switch.phy == phy and switch.owner == "csme" for switch in known):
            with Nl80211() as nl:
                return _csme.connection(nl, sysfs.index_of(interface, root))
    return None


def owner_of(switch: Optional[Switch]) -> str:
    """Return who owns the radio with *switch*: ``host``, ``csme`` or ``unknown``."""
    return "unknown" if switch is None else switch.owner


def _owner(interface: Interface, owner: str, asks: bool, reading: Reading) -> str:
    if owner != "host" or not asks:
        return owner
    up = reading.attempt(f"interface {interface.name}", lambda: sysfs.is_up(interface.name))
    return owner if up else "unknown"


def _join(
    nl: Nl80211,
    wiphy: Wiphy,
    interfaces: List[Interface],
    switch: Optional[Switch],
    asks: bool,
    reading: Reading,
) -> Radio:
    station = next((i for i in sorted(interfaces, key=lambda i: i.index) if i.iftype == _STATION), None)
    supports = _csme.supports(wiphy)
    owner = owner_of(switch)
    driver: Optional[str] = None
    reported: Optional[Reported] = None
    link: Optional[Link] = None
    if station is not None:
        here, name, index = f"radios.{wiphy.name}", station.name, station.index
        driver = reading.attempt(f"{here}.driver", lambda: sysfs.driver_of(name))
        if supports.get_ownership:
            owner = _owner(station, owner, asks, reading)
        if supports.connection_info and owner == "csme":
            reported = reading.attempt(f"{here}.csme", lambda: _csme.connection(nl, index))
            for value, why in () if reported is None else reported.unread:
                reading.add(Unreadable(f"{here}.csme.{value}", why, DecodeFailed.code))
        link = reading.attempt(f"{here}.link", lambda: _link(nl, station))
    return Radio(
        phy=wiphy.name,
        interface=station.name if station else None,
        ifindex=station.index if station else None,
        mac=station.mac if station else None,
        driver=driver,
        owner=owner,
        switch=switch,
        can_tell=supports.connection_info,
        can_request=supports.get_ownership,
        roaming_event=supports.roaming_event,
        csme=reported if isinstance(reported, CsmeConnection) else None,
        link=link,
        part=reported if isinstance(reported, PartialConnection) else None,
    )


def _link(nl: Nl80211, interface: Interface) -> Optional[Link]:
    peer = nl.station(interface.index)
    if peer is None:
        return None
    return Link(
        ssid=interface.ssid if interface.ssid is not None else nl.ssid(interface.index),
        bssid=peer.bssid,
        frequency=interface.frequency,
        signal_dbm=peer.signal_dbm,
        addresses=routable(rtnetlink.addresses(interface.index)),
    )


def routable(addresses: Tuple[rtnetlink.Address, ...]) -> Tuple[str, ...]:
    """Return those of *addresses* whose scope is wider than the link, as text with prefix length (``192.0.2.7/24``)."""
    return tuple(f"{a.address}/{a.prefix}" for a in addresses if a.scope < _SCOPE_LINK)
