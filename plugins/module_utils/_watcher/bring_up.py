# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Holding an interface back at a boot: wpa_supplicant does not bring it up yet, if that would end a session of CSME.

If the driver asks CSME by itself, bringing the interface up is the request for the radio, even if no profile can join
CSME's network. If that is not known, the driver is treated like that. So the supplicant's service asks this
code first. The interface is held back only for a limited time, and only while the watcher runs. In any other doubt it
is not held back, because a laptop without a network is worse than a lost session.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from typing import Callable, Iterable, Optional, Tuple

from .._handover.words import network_name, why_not_carried_on
from .._managers.wpa_supplicant.address import address_at_start
from .._managers.wpa_supplicant.conf import CONF_PATH
from .._managers.wpa_supplicant.configured import configured_profiles
from .._network.limits import target_of
from .._network.profile import Profile, find_obstacle, find_profile
from .._radio import csme, sysfs
from .._radio.connection import Reported
from .._radio.driver import asks_by_itself
from .._radio.nl80211 import Nl80211
from .._radio.rfkill import switches
from .._system import program, systemd
from .._system.errors import DecodeFailed, FleetError
from .._system.places import PLACES, Places
from .._system.printable import quoted
from .._system.reading import Reading
from .bring_up_note import hold_note, is_over
from .config import PATH, Config, read_config
from .state import read_watcher

#: The service that holds an interface back. The boot goes on meanwhile, which it would not if the supplicant's own
#: start took long: that is part of network.target.
UNIT = "amt-wifi-watcher-hold@{instance}.service"
#: Seconds between two looks while an interface is held back. Some of the things to look at cause no event.
_LOOK_SECONDS = 0.5
#: The most seconds that systemd may take to start that service. It does so in the middle of the boot.
_SYSTEMD_SECONDS = 8.0
#: The most seconds for which the watcher may be missing (during its restart), or CSME's connection (between two access
#: points), without ending the hold.
_MISSING_SECONDS = 5.0
_NO_WATCHER, _NO_CONNECTION = "the watcher does not run", "CSME has no connection"

#: Returns CSME's connection on the interface with this index, or None.
ConnectionOf = Callable[[int], Optional[Reported]]
ProfilesOf = Callable[[], Iterable[Profile]]
Verdict = Tuple[str, Optional[Reported]]


def connection_of(ifindex: int) -> Optional[Reported]:
    """Ask the driver for CSME's connection.

    Raises:
        FleetError: see ``csme.connection``.
    """
    with Nl80211() as nl:
        return csme.connection(nl, ifindex)


def verdict(
    interface: str, config: Config, connection_of: ConnectionOf, profiles_of: ProfilesOf, places: Places = PLACES
) -> Verdict:
    """Decide whether the bring-up of an interface has to wait.

    Args:
        interface: the interface's name.
        config: the watcher's configuration.
        connection_of: asks the driver for CSME's connection.
        profiles_of: returns the profiles of the manager that will run the interface.
        places: where the files are.

    Returns:
        A reason and a connection. If the bring-up may happen now, the reason says why, as a text for people, and the
        connection is None. If it has to wait, the reason is empty, and the connection is CSME's, which no profile can
        carry on.

    Raises:
        FleetError: something that the verdict needs can't be read.
    """
    # The cheapest checks come first. In nearly every case, one of them decides.
    if not config.hold_bring_up_seconds or config.no_credentials == "take":
        return "the watcher's configuration asks for no wait", None
    if asks_by_itself(places.root) is False:
        return "with this driver, the bring-up does not ask CSME for the radio", None
    if not read_watcher(Reading(), places).running:
        return _NO_WATCHER, None
    if config.interfaces and interface not in config.interfaces:
        return "the watcher does not watch it", None
    if sysfs.is_up(interface, places.root):
        return "it is up already", None
    if sysfs.carrier_ups(interface, places.root):
        # The driver may still report an old connection of CSME, which does not exist any more.
        return "the host has had a connection with it already", None
    ifindex = sysfs.index_of(interface, places.root)
    if is_over(interface, ifindex, places):
        return "it was held back before", None
    phy = sysfs.phy_of(interface, places.root)
    if any(each.name == phy and (each.hard or each.soft) for each in switches(places.at("/sys/class/rfkill"))):
        return "its radio is blocked, so it can't come up now", None
    connection = connection_of(ifindex)
    if connection is None:
        return _NO_CONNECTION, None
    # Only the name and the security of the network are needed here, even if nothing else could be read.
    target = target_of(connection)
    if target is None:
        raise DecodeFailed(f"a part of CSME's connection on {interface} can't be read{network_name(connection)}")
    if find_profile(profiles_of(), target) is not None:
        return f"there is a profile for CSME's network {quoted(target.ssid)}", None
    return "", connection


def start(unit: str) -> bool:
    """Start a systemd unit. Say whether it has started."""
    # This waits until the unit has started. A job that was only queued may still fail.
    try:
        return program.run(["systemctl", "start", unit], _SYSTEMD_SECONDS).status == 0
    except FleetError:
        return False


def may_bring_up(
    interface: str,
    connection_of: ConnectionOf = connection_of,
    start: Callable[[str], bool] = start,
    *,
    places: Places = PLACES,
) -> bool:
    """Say whether an interface may be brought up now. If not, start the service that holds it back for some time.

    Args:
        interface: the interface's name.
        connection_of: asks the driver for CSME's connection.
        start: starts a systemd unit, and says whether it has started.
        places: where the files are.
    """
    try:
        config, profiles_of = read_config(places.at(PATH)), _configured(interface, places)
        _reason, wanted = verdict(interface, config, connection_of, profiles_of, places)
    except FleetError:
        return True
    return wanted is None or not start(UNIT.format(instance=systemd.instance(interface)))


def hold_back(
    interface: str,
    tell: Callable[[str], None],
    connection_of: ConnectionOf = connection_of,
    *,
    profiles_of: Optional[ProfilesOf] = None,
    places: Places = PLACES,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Wait until an interface may be brought up.

    Args:
        interface: the interface's name.
        tell: is called with a line that says that the interface waits, and with one that says why the wait ends.
        connection_of: asks the driver for CSME's connection.
        profiles_of: returns the profiles of the manager that will run the interface. None means the profiles in
            wpa_supplicant's file.
        places: where the files are.
        clock: returns the time in seconds, from a clock that never goes back.
        sleep: waits for some seconds.
    """
    begun = clock()
    profiles_of = profiles_of or _configured(interface, places)

    def look() -> Tuple[str, Optional[Reported], int]:
        try:
            config = read_config(places.at(PATH))
            reason, connection = verdict(interface, config, connection_of, profiles_of, places)
        except FleetError as error:
            return str(error), None, 0
        return reason, connection, config.hold_bring_up_seconds

    reason, wanted, limit = look()
    if wanted is not None:
        tell(
            f"{interface}: held back for at most {limit} s, because its bring-up could end a session of CSME: "
            f"{_missing(wanted, profiles_of)}"
        )
    try:
        with ExitStack() as stack:
            if not reason:
                stack.enter_context(hold_note(interface, places))
            there = clock()
            while not reason:
                sleep(_LOOK_SECONDS)
                reason, _wanted, limit = look()
                if reason in (_NO_WATCHER, _NO_CONNECTION) and clock() - there < _MISSING_SECONDS:
                    reason = ""
                elif not reason:
                    there = clock()
                if not reason and clock() - begun >= limit:
                    reason = f"{limit} s are over"
    except OSError as error:
        reason = f"the note of the hold can't be written: {error}"
    tell(f"{interface}: may be brought up: {reason}")


def _missing(wanted: Reported, profiles_of: ProfilesOf) -> str:
    """Return why no profile can carry CSME's connection on, and what to do about it."""
    target, obstacle = target_of(wanted), None
    with suppress(FleetError):
        obstacle = None if target is None else find_obstacle(profiles_of(), target)
    return ". ".join(why_not_carried_on(network_name(wanted), obstacle))


def _configured(interface: str, places: Places) -> ProfilesOf:
    """Return a function that returns the profiles with which a wpa_supplicant will start."""
    path = places.at(CONF_PATH.format(interface=interface))
    return lambda: configured_profiles(path, address_at_start(interface, places))


__all__ = ["UNIT", "ConnectionOf", "connection_of", "hold_back", "may_bring_up", "start", "verdict"]
