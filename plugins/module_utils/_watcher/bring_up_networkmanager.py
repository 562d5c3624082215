# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Holding an interface back at a boot where NetworkManager runs it, and then bringing it up by a handover.

``_watcher/bring_up.py`` does the same for wpa_supplicant. NetworkManager itself must start, because it also runs the
other interfaces. So before it starts, a file tells it to leave the interface alone, unless other configuration does.
When it runs and one of its profiles fits, it is told to manage the interface. That is the request for the radio, and
the handover then goes on like any other. In any doubt, NetworkManager gets the interface at once, because a laptop
without a network is worse than a lost session.

The property ``Managed`` of its device tells NetworkManager to manage the interface. This overrules most configuration
that tells it to leave the interface alone. The file could also set ``[keyfile] unmanaged-devices``, and a reload after
the file's removal would then end that. But a file in ``/run`` can't add to that setting, because files in ``/etc`` are
read later, and often set it.
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
from .._handover.words import network_name
from .._managers.networkmanager import records
from .._managers.networkmanager.backend import NetworkManagerBackend
from .._managers.networkmanager.files import leaves_alone
from .._managers.wpa_supplicant import control
from .._network.profile import find_profile
from .._radio import sysfs
from .._radio.connection import PartialConnection
from .._radio.nl80211 import Nl80211
from .._radio.radio import read_radios
from .._system import systemd
from .._system.errors import FleetError, NotFound
from .._system.places import PLACES, Places
from .._system.replacing import replacing
from .._system.run_folder import lock
from .bring_up import ConnectionOf, connection_of, hold_back, start, verdict
from .bring_up_note import is_held
from .config import PATH, Config, read_config

#: The service that holds the interface back. At its end, it always gives the interface to NetworkManager.
UNIT = "amt-wifi-watcher-hold-networkmanager@{instance}.service"
#: The configuration that NetworkManager reads at its start (NetworkManager.conf(5), "device").
_CONF = """[device-amt-wifi-watcher-{interface}]
match-device=interface-name:{interface}
managed=0
"""
#: Seconds between two looks for NetworkManager, and the most seconds that its start may take.
_LOOK_SECONDS = 0.2
_START_SECONDS = 60.0
#: The most seconds to wait while NetworkManager is busy with its start. After that, it gets the interface in any case.
#: The wait does no harm, because CSME keeps the session until it gives the radio away. Then the host has only 3 s.
_BUSY_SECONDS = 15.0
#: Seconds to wait for another handover on the radio.
_RADIO_WAIT = 5.0
#: One request. Here, the answer to it is the connection, so it may take a little longer than the 3 s that CSME gives
#: the host to connect.
_POLICY = Policy(answer_seconds=4.0, pauses_seconds=(), timeout_seconds=20.0)


def hold_before_start(
    connection_of: ConnectionOf = connection_of,
    start: Callable[[str], bool] = start,
    *,
    places: Places = PLACES,
) -> Tuple[str, ...]:
    """Tell NetworkManager, before it starts, to leave alone the interfaces that must not be brought up yet.

    Args:
        connection_of: asks the driver for CSME's connection.
        start: starts a systemd unit, and says whether it has started.
        places: where the files are.

    Returns:
        The names of these interfaces.
    """
    held: List[str] = []
    with suppress(FleetError):
        config = read_config(places.at(PATH))
        for interface in sysfs.wireless_interfaces(places.root):
            if _is_to_wait(interface, config, connection_of, places) and _hold(interface, start, places):
                held.append(interface)
    return tuple(held)


def _is_to_wait(interface: str, config: Config, connection_of: ConnectionOf, places: Places) -> bool:
    """Say whether the bring-up has to wait. The profiles are not known yet, because only NetworkManager knows them."""
    try:
        _reason, wanted = verdict(interface, config, connection_of, lambda: (), places)
        # If NetworkManager is configured to leave the interface alone, the end of the hold would overrule that.
        return wanted is not None and not _is_anothers(interface, places) and not leaves_alone(interface, places)
    except FleetError:
        return False


def _is_anothers(interface: str, places: Places) -> bool:
    """Say whether wpa_supplicant's own service runs an interface. That service holds it back by itself."""
    if control.supplicant_is_enabled(interface, places):
        return True
    return is_held(interface, places) and not records.networkmanager_waits(interface, places)


def _hold(interface: str, start: Callable[[str], bool], places: Places) -> bool:
    path = records.networkmanager_wait_file(interface, places)
    try:
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        with replacing(path, 0o644) as descriptor:
            os.write(descriptor, _CONF.format(interface=interface).encode("ascii"))
    except (OSError, UnicodeEncodeError):
        _forget(interface, places)
        return False
    if start(UNIT.format(instance=systemd.instance(interface))):
        return True
    _forget(interface, places)
    return False


def bring_up(
    interface: str,
    tell: Callable[[str], None],
    connection_of: ConnectionOf = connection_of,
    *,
    places: Places = PLACES,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Wait until NetworkManager may bring an interface up, and then give the interface to it.

    Args:
        interface: the interface's name.
        tell: is called with a line for each thing that happens.
        connection_of: asks the driver for CSME's connection.
        places: where the files are.
        clock: returns the time in seconds, from a clock that never goes back.
        sleep: waits for some seconds.

    Raises:
        FleetError: NetworkManager did not start, or could not be told to manage the interface.
    """
    backend = NetworkManagerBackend(interface, unmanaged=True)
    _wait_for_networkmanager(backend, clock, sleep)
    hold_back(
        interface,
        tell,
        connection_of,
        profiles_of=backend.profiles,
        places=places,
        clock=clock,
        sleep=sleep,
    )
    # A NetworkManager that starts later must not find the file.
    _forget(interface, places)
    try:
        taken = _take(interface, connection_of, backend, places)
    except FleetError as error:
        taken = str(error)
    if taken:
        tell(f"{interface}: {taken}")
    # The handover may have failed before it did this. It may be done twice.
    backend.manage()


def _take(interface: str, connection_of: ConnectionOf, backend: NetworkManagerBackend, places: Places) -> str:
    """Give the interface to NetworkManager by a handover that carries CSME's connection on.

    Returns:
        How the handover went, as a text for people. It is empty when CSME has no connection, or no profile can carry it
        on. Then no handover was made.

    Raises:
        FleetError: the handover could not begin.
    """
    connection = None if sysfs.is_up(interface, places.root) else connection_of(sysfs.index_of(interface, places.root))
    if connection is None:
        return ""
    if isinstance(connection, PartialConnection):
        return f"no handover is made, because a part of CSME's connection can't be read{network_name(connection)}"
    profiles = backend.profiles(connection.ssid)
    profile = find_profile(profiles, connection)
    if profile is None:
        return ""
    with Nl80211() as nl:
        radios, _unreadable = read_radios(nl)
    radio = next((each for each in radios if each.interface == interface), None)
    if radio is None:
        raise NotFound(f"{interface} is gone")
    with lock(radio.phy, _RADIO_WAIT, places):
        undo_journal(radio.phy, backend, places)
        # While the interface is down, the radio's owner can't be read. Here it is CSME.
        csmes = replace(radio, owner="csme", csme=connection)
        handover = Handover(csmes, profile, backend, _POLICY, places=places)
        report = handover.run(lambda: _bring_up(backend))
    took = report.request_to_connected_ms
    return report.outcome.value + ("" if took is None else f", connected after {took} ms")


def _bring_up(backend: NetworkManagerBackend) -> bool:
    """Ask for the radio by the bring-up. What CSME answered to the driver shows only if it ends its block."""
    backend.manage()
    return False


def _wait_for_networkmanager(
    backend: NetworkManagerBackend, clock: Callable[[], float], sleep: Callable[[float], None]
) -> None:
    """Wait until NetworkManager runs, knows the interface, and is not busy with its start any more.

    Raises:
        FleetError: NetworkManager did not start, or does not know the interface.
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


def _forget(interface: str, places: Places) -> None:
    with suppress(OSError):
        os.unlink(records.networkmanager_wait_file(interface, places))


__all__ = ["UNIT", "bring_up", "hold_before_start"]
