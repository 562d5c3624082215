# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Joining CSME's network through wpa_supplicant: what has to follow at once from what it says. Pure.

wpa_supplicant finds the network by itself: a pin has it scan CSME's channels alone. Two things are left.

1. As soon as that scan runs, the network gets its usual frequencies back. No keys exist yet, so it is the last moment
   at which wpa_supplicant lets them be changed without dropping what comes of the scan (docs/architecture.md).
2. A scan may find nothing, because the answer to a probe is lost or late. By itself wpa_supplicant would look again
   after 5 s, at every channel. So it is asked to look again at once, at CSME's channels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Tuple, Union

from ..._network.events import Connected, Disconnected, ScanStarted
from ..._system.bare import Bare


class NothingFound(Bare):
    """The scan has ended, and no access point that may be joined was in it."""


class NotSearching(Bare):
    """The answer to WidenScan where nothing was given back, because the supplicant does not look for a network now.

    What was heard of was a scan from before the pin, or the supplicant authenticates already.
    """


Heard = Union[ScanStarted, NothingFound, NotSearching, Connected, Disconnected]


class WidenScan(Bare):
    """Give the network its usual frequencies back. The scan that runs keeps those that it began with."""


class LookAgain(Bare):
    """Have CSME's channels scanned again."""


Action = Union[WidenScan, LookAgain]


@dataclass(frozen=True)
class Joining:
    """How far it came.

    Attributes:
        widened: the scan of the pin's channels runs or has run, and the usual frequencies were given back.
        connected: a connection stands.
    """

    widened: bool = False
    connected: bool = False


def step(joining: Joining, heard: Heard) -> Tuple[Joining, Tuple[Action, ...]]:
    """Return what follows from what was heard: the new state, and what to do, in order."""
    if isinstance(heard, (Connected, Disconnected)):
        return replace(joining, connected=isinstance(heard, Connected)), ()
    if isinstance(heard, NotSearching):
        return replace(joining, widened=False), ()
    if isinstance(heard, NothingFound):
        return joining, (LookAgain(),) if joining.widened and not joining.connected else ()
    if joining.widened or joining.connected:
        return joining, ()
    return replace(joining, widened=True), (WidenScan(),)
