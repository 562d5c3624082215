# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gathering the facts of this machine. This never fails: the facts name the values that can't be read."""

from __future__ import annotations

from functools import partial
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .._firmware.amt import read_amt
from .._managers.survey import SURVEY, as_stored, read_managers
from .._radio import sysfs
from .._radio.driver import generation, read_platform
from .._radio.kernels import with_installed
from .._radio.nl80211 import Nl80211
from .._radio.radio import read_radios
from .._radio.rfkill import switches
from .._radio.values import Radio
from .._system.patience import Patience
from .._system.places import PLACES, Places
from .._system.reading import Reading, Unreadable
from .._watcher.state import read_watcher
from .amt_readiness import amt_warnings
from .document import document
from .known import Known
from .readiness import blockers, warnings


def collect(patience: Patience = SURVEY, places: Places = PLACES, *, firmware: bool = True) -> Dict[str, Any]:
    """Return the facts of this machine, which become the fact ``amt_wifi``.

    Args:
        patience: how long to wait for managers that do not answer, for all of them together.
        places: where the files are. Netlink always reads this machine itself.
        firmware: whether the firmware is asked what AMT is.
    """
    reading = Reading()
    radios = _read_radios(reading, places)
    platform = with_installed(read_platform(reading, places.root), reading, places.root)
    managed = read_managers(_interfaces(radios, reading, places), reading, patience, places)
    on = {
        radio.interface: radio.reported.ssid
        for radio in radios or ()
        if radio.interface and radio.reported is not None and radio.reported.ssid is not None
    }
    managed = as_stored(managed, on)
    watcher = read_watcher(reading, places)
    amt = reading.attempt("amt", lambda: read_amt(reading, places)) if firmware else None
    offered = None if radios is None else any(radio.can_request for radio in radios)
    known = Known(
        platform=platform,
        radios=radios or (),
        managed={found.interface: found for found in managed},
        watcher=watcher,
        unreadable=reading.unreadable,
        amt=amt,
    )
    found = (*warnings(known), *amt_warnings(known))
    return document(known, generation(platform, offered), blockers(known), found)


def _read_radios(reading: Reading, places: Places) -> Optional[Tuple[Radio, ...]]:
    """Return all radios, or None when they can't be listed."""
    known = reading.attempt("rfkill", lambda: switches(places.at("/sys/class/rfkill")))

    def read() -> Tuple[Tuple[Radio, ...], Tuple[Unreadable, ...]]:
        with Nl80211() as nl:
            return read_radios(nl, known or ())

    found = reading.attempt("radios", read)
    if found is None:
        return None
    radios, unreadable = found
    reading.add(*unreadable)
    return radios


def _interfaces(
    radios: Optional[Sequence[Radio]], reading: Reading, places: Places
) -> Sequence[Tuple[str, Optional[int]]]:
    """Return name and index of every wireless interface. Those of radios that CSME can own come first."""
    if radios is not None:
        ordered = sorted(radios, key=lambda radio: not radio.can_request)
        return [(radio.interface, radio.ifindex) for radio in ordered if radio.interface is not None]
    # If the radios can't be listed, sysfs still lists the interfaces.
    found: List[Tuple[str, Optional[int]]] = []
    for name in reading.attempt("supplicant.interfaces", lambda: sysfs.wireless_interfaces(places.root)) or ():
        found.append((name, reading.attempt(f"supplicant.{name}", partial(sysfs.index_of, name, places.root))))
    return found
