# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeping NetworkManager from bringing an interface up that CSME has in use, and bringing it up well.

As ``_watcher/bring_up.py``, for NetworkManager: it must not be kept from starting, since it runs the other interfaces
too. So before it starts it is told to leave the interface alone, unless it does so anyway. Once it runs, and one of its
profiles fits, it is told to take the interface, which is the request for the radio, and the profile is brought up as
after any other. At any doubt it has the interface at once: a laptop without a network is worse than a session that is
lost.

It is told to take it by its property ``Managed``, which overrules much of what else tells it to leave the interface
alone. To take the file away and have it read its configuration anew would do for ``[keyfile] unmanaged-devices``, but
a file in ``/run`` can't add to that: those in ``/etc`` come later, and mostly set it.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import replace
from typing import Callable, List, Tuple

from .._handover.policy import Policy
from .._handover.run import Handover
from .._handover.undo import undo_journal
from .._managers.networkmanager import records
from .._managers.networkmanager.backend import NetworkManagerBackend
from .._managers.networkmanager.files import leaves_alone
from .._managers.wpa_supplicant import control
from .._network.profile import find_profile
from .._radio import sysfs
from .._radio.nl80211 import Nl80211
from .._radio.radio import read_radios
from .._system import systemd
from .._system.errors import FleetError, NotFound
from .._system.run_folder import lock
from .bring_up import ConnectionOf, connection_of, hold_back, start, verdict
from .bring_up_note import FOLDER, is_held
from .config import PATH, Config, read_config

#: Who takes the interface, and has it given to NetworkManager however it ends.
UNIT = "amt-wifi-watcher-hold-networkmanager@{instance}.service"
#: What NetworkManager reads at its start (NetworkManager.conf(5), "device").
_CONF = """[device-amt-wifi-watcher-{interface}]
match-device=interface-name:{interface}
managed=0
"""
#: Pause between two looks for NetworkManager, in seconds, and how long its start may take.
_LOOK_SECONDS = 0.2
_START_SECONDS = 60.0
#: How long it may be busy with its start, in seconds, before it gets the interface all the same. CSME keeps the session
#: meanwhile; once it has given the radio away, 3 s count.
_BUSY_SECONDS = 15.0
#: Seconds to wait for another handover on the radio.
_RADIO_WAIT = 5.0
#: One request, and as long an answer as CSME gives the host to connect: the answer is the connection.
_POLICY = Policy(answer_seconds=4.0, pauses_seconds=(), timeout_seconds=20.0)


def hold_before_start(
    connection_of: ConnectionOf = connection_of,
    start: Callable[[str], bool] = start,
    *,
    config_path: str = PATH,
    root: str = "/",
) -> Tuple[str, ...]:
    """Have NetworkManager, which is about to start, leave those interfaces alone that it must not bring up yet.

    Args:
        connection_of: asks the driver for CSME's connection.
        start: starts a unit of systemd's, and says whether it did.
        config_path: the watcher's configuration.
        root: the directory that stands for ``/``.

    Returns:
        The interfaces.
    """
    held: List[str] = []
    with suppress(FleetError):
        config = read_config(config_path)
        for interface in sysfs.wireless_interfaces(root):
            if _is_to_wait(interface, config, connection_of, root) and _hold(interface, start, root):
                held.append(interface)
    return tuple(held)


def _is_to_wait(interface: str, config: Config, connection_of: ConnectionOf, root: str) -> bool:
    """Say whether nothing speaks against waiting. Which profiles there are only NetworkManager knows."""
    try:
        _reason, wanted = verdict(interface, config, connection_of, lambda: (), root)
        # To be given the interface afterwards overrules most of what tells NetworkManager to leave it alone.
        return wanted is not None and not _is_anothers(interface, root) and not leaves_alone(interface, root)
    except FleetError:
        return False


def _is_anothers(interface: str, root: str) -> bool:
    """Say whether a wpa_supplicant's own service runs an interface. It is held back by itself, and may be so now."""
    if control.supplicant_is_enabled(interface, root):
        return True
    folder = os.path.join(root, FOLDER.lstrip("/"))
    return is_held(interface, folder) and not records.networkmanager_waits(interface, root)


def _hold(interface: str, start: Callable[[str], bool], root: str) -> bool:
    path = records.networkmanager_wait_file(interface, root)
    try:
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        with open(path, "w", encoding="ascii") as handle:
            handle.write(_CONF.format(interface=interface))
    except (OSError, UnicodeEncodeError):
        _forget(interface, root)
        return False
    if start(UNIT.format(instance=systemd.instance(interface))):
        return True
    _forget(interface, root)
    return False


def bring_up(
    interface: str,
    tell: Callable[[str], None],
    connection_of: ConnectionOf = connection_of,
    *,
    config_path: str = PATH,
    root: str = "/",
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Wait until NetworkManager may have an interface, and give it to it; return when that is done.

    Args:
        interface: the interface's name.
        tell: told, in a line each, what happens.
        connection_of: asks the driver for CSME's connection.
        config_path: the watcher's configuration.
        root: the directory that stands for ``/``.
        clock: seconds that only grow.
        sleep: waits for some seconds.

    Raises:
        FleetError: NetworkManager did not come, or can't be told.
    """
    backend = NetworkManagerBackend(interface, unmanaged=True)
    _wait_for_networkmanager(backend, clock, sleep)
    hold_back(
        interface,
        tell,
        connection_of,
        profiles_of=backend.profiles,
        config_path=config_path,
        root=root,
        clock=clock,
        sleep=sleep,
    )
    # No NetworkManager that starts later shall find it.
    _forget(interface, root)
    try:
        taken = _take(interface, connection_of, backend, root)
    except FleetError as error:
        taken = str(error)
    if taken:
        tell(f"{interface}: {taken}")
    # However that ended: once more is no harm.
    backend.manage()


def _take(interface: str, connection_of: ConnectionOf, backend: NetworkManagerBackend, root: str) -> str:
    """Give the interface to NetworkManager in a way that carries CSME's connection on; say how that went.

    Returns:
        Nothing where there is nothing to carry on, or nobody who could.

    Raises:
        FleetError: it could not be begun.
    """
    connection = None if sysfs.is_up(interface, root) else connection_of(sysfs.index_of(interface, root))
    if connection is None:
        return ""
    profiles = backend.profiles(connection.ssid)
    profile = find_profile(profiles, connection)
    if profile is None:
        return ""
    with Nl80211() as nl:
        radios, _unreadable = read_radios(nl)
    radio = next((each for each in radios if each.interface == interface), None)
    if radio is None:
        raise NotFound(f"{interface} is gone")
    with lock(radio.phy, _RADIO_WAIT):
        undo_journal(radio.phy, backend)
        # While its interface is down, the radio does not tell whose it is.
        csmes = replace(radio, owner="csme", csme=connection)
        report = Handover(csmes, profile, backend, _POLICY).run(backend.manage)
    took = report.request_to_connected_ms
    return report.outcome.value + ("" if took is None else f", connected after {took} ms")


def _wait_for_networkmanager(
    backend: NetworkManagerBackend, clock: Callable[[], float], sleep: Callable[[float], None]
) -> None:
    """Return when NetworkManager runs, knows the interface, and has the time for it.

    Raises:
        FleetError: it does not come.
    """
    end = clock() + _START_SECONDS
    while True:
        try:
            backend.has_device()
            break
        except FleetError:
            if clock() > end:
                raise
        sleep(_LOOK_SECONDS)
    end = clock() + _BUSY_SECONDS
    with suppress(FleetError):
        while backend.is_starting() and clock() < end:
            sleep(_LOOK_SECONDS)


def _forget(interface: str, root: str) -> None:
    with suppress(OSError):
        os.unlink(records.networkmanager_wait_file(interface, root))


__all__ = ["UNIT", "bring_up", "hold_before_start"]
