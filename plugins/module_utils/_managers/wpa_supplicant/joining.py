# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Joining CSME's network through wpa_supplicant, as a pure state machine: the reactions that can't wait.

wpa_supplicant finds the network by itself, because a pin makes it scan only CSME's channels. Two things are left to do.

1. As soon as that scan runs, the network gets its usual frequencies back. There are no keys yet. It is the last moment
   at which wpa_supplicant does not drop the coming link because of that change (docs/handover.md).
2. A scan may find nothing, because the answer to a probe is lost or late. By itself wpa_supplicant would scan every
   channel after 5 s. So it is asked to scan CSME's channels again at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Tuple, Union

from ..._network.events import Connected, Disconnected, ScanStarted
from ..._system.dataless import Dataless


class NothingFound(Dataless):
    """The scan has ended, and found no access point that may be joined."""


class NotSearching(Dataless):
    """The answer to WidenScan if the frequencies were not given back, because the supplicant is not searching now.

    The event was about a scan from before the pin, or the supplicant authenticates already.
    """


Heard = Union[ScanStarted, NothingFound, NotSearching, Connected, Disconnected]


class WidenScan(Dataless):
    """Give the network its usual frequencies back. The running scan is not affected."""


class LookAgain(Dataless):
    """Scan CSME's channels again."""


Action = Union[WidenScan, LookAgain]


@dataclass(frozen=True)
class Joining:
    """The state of joining.

    Attributes:
        widened: whether the scan of the pin's channels has begun, and the usual frequencies were given back.
        connected: whether there is a connection.
    """

    widened: bool = False
    connected: bool = False


def step(joining: Joining, heard: Heard) -> Tuple[Joining, Tuple[Action, ...]]:
    """Handle an event. Return the new state, and the actions to carry out, in order."""
    if isinstance(heard, (Connected, Disconnected)):
        return replace(joining, connected=isinstance(heard, Connected)), ()
    if isinstance(heard, NotSearching):
        return replace(joining, widened=False), ()
    if isinstance(heard, NothingFound):
        return joining, (LookAgain(),) if joining.widened and not joining.connected else ()
    if joining.widened or joining.connected:
        return joining, ()
    return replace(joining, widened=True), (WidenScan(),)
