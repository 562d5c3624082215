# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Holding back a supplicant's bring-up of its interface, where that would end a session of CSME's.

On driver-managed kernels bringing the interface up is the request for the radio, credentials or not. So the service of
the supplicant asks here first. It is held back for a bounded time only, by a watcher that runs only, and at any doubt
not at all: a laptop without a network is worse than a session that is lost.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from typing import Callable, Iterable, Optional, Tuple

from .._managers.wpa_supplicant.conf import CONF_PATH
from .._managers.wpa_supplicant.configured import configured_profiles
from .._network.profile import Profile, find_profile
from .._radio import csme, sysfs
from .._radio.connection import CsmeConnection
from .._radio.nl80211 import Nl80211
from .._radio.rfkill import switches
from .._system import program, systemd
from .._system.errors import FleetError
from .._system.reading import Reading
from .bring_up_note import FOLDER, hold_note, is_over
from .config import PATH, Config, read_config
from .state import read_watcher

#: Who holds it back: a service of its own, so that the boot goes on (a supplicant's start is part of network.target).
UNIT = "amt-wifi-watcher-hold@{instance}.service"
#: Pause between two looks while it is held back, in seconds. Nothing tells of all that is looked at.
_LOOK_SECONDS = 0.5
#: Seconds for systemd to start that service, with the whole boot to do beside.
_SYSTEMD_SECONDS = 8.0
#: A watcher that is started anew, or CSME between two access points, is missing for a moment: how long, in seconds.
_MISSING_SECONDS = 5.0
_NO_WATCHER, _NO_CONNECTION = "the watcher does not run", "CSME has no connection"

#: Says what CSME is connected to, by an interface's index.
ConnectionOf = Callable[[int], Optional[CsmeConnection]]
ProfilesOf = Callable[[], Iterable[Profile]]
Verdict = Tuple[str, Optional[CsmeConnection]]


def connection_of(ifindex: int) -> Optional[CsmeConnection]:
    """Ask the driver for CSME's connection.

    Raises:
        FleetError: as ``csme.connection``.
    """
    with Nl80211() as nl:
        return csme.connection(nl, ifindex)


def verdict(
    interface: str, config: Config, connection_of: ConnectionOf, profiles_of: ProfilesOf, root: str = "/"
) -> Verdict:
    """Decide whether the bring-up of an interface has to wait.

    Args:
        interface: the interface's name.
        config: the watcher's configuration.
        connection_of: asks the driver for CSME's connection.
        profiles_of: asks for the profiles of who will run the interface.
        root: the directory that stands for ``/``.

    Returns:
        Where it need not or must not wait: the reason, in words for people, and None. Where it has to wait: no words,
        and CSME's connection, which no profile can carry on.

    Raises:
        FleetError: something that the verdict needs can't be read.
    """
    # What costs least comes first: on nearly every laptop, at nearly every start, one of these decides.
    if not config.hold_bring_up_seconds or config.no_credentials == "take":
        return "the watcher's configuration wants it so", None
    if not sysfs.release(root).driver_managed:
        return "with this kernel it takes nothing from CSME", None
    if not read_watcher(Reading(), root).running:
        return _NO_WATCHER, None
    if config.interfaces and interface not in config.interfaces:
        return "the watcher does not watch it", None
    if sysfs.is_up(interface, root):
        return "it is up already", None
    if sysfs.carrier_ups(interface, root):
        # The driver remembers CSME's connection of before, which says nothing any more.
        return "the host has used it before", None
    ifindex = sysfs.index_of(interface, root)
    if is_over(interface, ifindex, _notes(root)):
        return "it was held back long enough", None
    phy = sysfs.phy_of(interface, root)
    if any(each.name == phy and (each.hard or each.soft) for each in switches(f"{root.rstrip('/')}/sys/class/rfkill")):
        return "its radio is blocked, and does not come up before that ends", None
    connection = connection_of(ifindex)
    if connection is None:
        return _NO_CONNECTION, None
    if find_profile(profiles_of(), connection) is not None:
        return f"there is a profile for CSME's network, {connection.ssid!r}", None
    return "", connection


def start(unit: str) -> bool:
    """Start a unit of systemd's. Say whether systemd did."""
    # That it has started is waited for: a job alone says nothing of what may keep it from starting.
    try:
        return program.run(["systemctl", "start", unit], _SYSTEMD_SECONDS).status == 0
    except FleetError:
        return False


def may_bring_up(
    interface: str,
    connection_of: ConnectionOf = connection_of,
    start: Callable[[str], bool] = start,
    *,
    config_path: str = PATH,
    conf: Optional[str] = None,
    root: str = "/",
) -> bool:
    """Say whether an interface may be brought up now.

    If not, the service is started that holds it back, and lets it go later.

    Args:
        interface: the interface's name.
        connection_of: asks the driver for CSME's connection.
        start: starts a unit of systemd's, and says whether it did.
        config_path: the watcher's configuration.
        conf: the supplicant's configuration file; None: where the distributions' service looks.
        root: the directory that stands for ``/``.
    """
    try:
        config, profiles_of = read_config(config_path), _configured(interface, conf)
        _reason, wanted = verdict(interface, config, connection_of, profiles_of, root)
    except FleetError:
        return True
    return wanted is None or not start(UNIT.format(instance=systemd.instance(interface)))


def hold_back(
    interface: str,
    tell: Callable[[str], None],
    connection_of: ConnectionOf = connection_of,
    *,
    profiles_of: Optional[ProfilesOf] = None,
    config_path: str = PATH,
    root: str = "/",
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return when an interface may be brought up.

    Args:
        interface: the interface's name.
        tell: told, a line each time, that the interface waits and why it waits no more.
        connection_of: asks the driver for CSME's connection.
        profiles_of: asks for the profiles of who will run the interface; None: those in
            wpa_supplicant's file are.
        config_path: the watcher's configuration.
        root: the directory that stands for ``/``.
        clock: seconds that only grow.
        sleep: waits for some seconds.
    """
    begun = clock()
    profiles_of = profiles_of or _configured(interface)

    def look() -> Tuple[str, Optional[CsmeConnection], int]:
        try:
            config = read_config(config_path)
            reason, connection = verdict(interface, config, connection_of, profiles_of, root)
        except FleetError as error:
            return str(error), None, 0
        return reason, connection, config.hold_bring_up_seconds

    reason, wanted, limit = look()
    if wanted is not None:
        network = f"{wanted.ssid.decode('utf-8', 'backslashreplace')!r}, {wanted.auth}"
        tell(
            f"{interface}: held back for at most {limit} s, so that a session of CSME's lives: no enabled profile can "
            f"join its network ({network}). Add one, with credentials"
        )
    try:
        # Not for a moment where there is nothing to wait for.
        with ExitStack() as stack:
            if not reason:
                stack.enter_context(hold_note(interface, _notes(root)))
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
        reason = f"can't leave a note of it: {error}"
    tell(f"{interface}: to be brought up: {reason}")


def _configured(interface: str, conf: Optional[str] = None) -> ProfilesOf:
    return lambda: configured_profiles(conf or CONF_PATH.format(interface=interface))


def _notes(root: str) -> str:
    return os.path.join(root, FOLDER.lstrip("/"))


__all__ = ["UNIT", "ConnectionOf", "connection_of", "hold_back", "may_bring_up", "start", "verdict"]
