# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Joining CSME's network through NetworkManager: what follows from what is heard. Pure.

NetworkManager brings a device into use by itself when its block lifts, but looks at every channel first: 8 s, and
CSME gives 3 (docs/networkmanager.md has the whole of it, as seen). So the profile is activated at once, and the
supplicant below it is asked to look at CSME's channel alone, whenever it begins anew: NetworkManager changes the MAC
address on the way, and the supplicant forgets what it found. It joins what it found in the last seconds without
another look. In between, a scan that somebody else began is in the way, and ended. A look may find nothing, because an
answer to a probe is lost or late: wpa_supplicant begins the next after 5 s, so one is asked for at once.

Two more kinds of scan are in the way. One that was asked for here takes far too long: then it is another, which only
looked like it, and it is ended. One begins when the connection stands: a look at every channel that was queued behind
ours. It leaves the channel for seconds, and is ended at once.

The pin is the supplicant's own ``bssid`` of the network that NetworkManager gives it. NetworkManager knows nothing of
it and stores nothing of it; it ends with that network. Whatever changes on a network, wpa_supplicant ends an EAP
conversation that runs on it (``eapol_sm_invalidate_cached_session``), and the server waits 3 s before it asks again. So
on a network with EAP the pin comes when the connection stands.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Optional, Tuple, Union

from ..._system.bare import Bare
from .names import PREPARE, UNAVAILABLE

#: More looks than a handover has time for: CSME gives it 3 s, and a look at one channel takes 40 ms or more. Seen are
#: one or two.
_SCANS = 80
#: How often one is asked for again that was refused, until the scan that is about to begin has done so and can be
#: ended: more than a second of asking. Half a dozen times are seen mostly, and more on a laptop that others slow down.
_REFUSALS = 200
#: How long a scan may take before it counts as another than that of one channel, in seconds; each time that one is
#: ended the next is given more. A radio looks at one channel for 30 to 120 ms; the growing time lets one that takes
#: longer come to its end.
SCAN_SECONDS: Tuple[float, ...] = (0.2, 0.5, 1.0)
#: How many scans are ended in all, those of a connected host included.
_ENDED = 2 * len(SCAN_SECONDS)


@dataclass(frozen=True)
class DeviceState:
    """NetworkManager's device came into a state."""

    state: int


@dataclass(frozen=True)
class InterfaceState:
    """The supplicant's interface came into a state, in its own words: ``inactive``, ``scanning`` and so on."""

    state: str


@dataclass(frozen=True)
class Scanning:
    """The supplicant began to scan, or ended."""

    on: bool


class NothingFound(Bare):
    """The scan that was asked for has ended, and the supplicant joins nothing."""


@dataclass(frozen=True)
class NetworkAdded:
    """NetworkManager gave a network to the supplicant."""

    path: str
    ssid: bytes


class Refused(Bare):
    """The supplicant did not begin the scan that it was asked for: another one runs, or is about to."""


class NothingToEnd(Bare):
    """The supplicant found no scan to end: the one that is in the way has ended, or is only about to begin."""


@dataclass(frozen=True)
class Joined:
    """The supplicant joined the network: at CSME's access point, or, faster than the pin, at another."""

    elsewhere: bool


class TooLong(Bare):
    """The timer that was set has run out."""


Heard = Union[DeviceState, InterfaceState, Scanning, NothingFound, NetworkAdded, Refused, NothingToEnd, Joined, TooLong]


class Activate(Bare):
    """Have NetworkManager bring the profile up."""


class Scan(Bare):
    """Look for CSME's network on its channel alone."""


class AbortScan(Bare):
    """End the scan that runs."""


class SeeWhatCame(Bare):
    """See whether the supplicant joins what the scan found that was asked for."""


@dataclass(frozen=True)
class KeepTo:
    """Keep a network of the supplicant's to CSME's access point."""

    network: str


class Reassociate(Bare):
    """Have the supplicant leave that access point for CSME's."""


@dataclass(frozen=True)
class SetTimer:
    """Have ``TooLong`` heard after *seconds*. It replaces a timer that runs; None: no timer runs any more."""

    seconds: Optional[float]


Action = Union[Activate, Scan, AbortScan, SeeWhatCame, KeepTo, Reassociate, SetTimer]


@dataclass(frozen=True)
class Joining:
    """How far it came.

    Attributes:
        ssid: CSME's network.
        eap: it is joined by EAP.
        network: the supplicant's network with that SSID; none yet: empty.
        kept: that network was kept to CSME's access point.
        activated: NetworkManager was asked to bring the profile up.
        begun: it does so.
        connected: the network is joined; nobody's scan is in the way any more.
        looked: it was looked for CSME's network since then.
        elsewhere: that is at another access point than CSME's.
        moved: it was asked to leave another access point.
        scanning: a scan runs.
        mine: it is the one that was asked for here, or that one is about to begin.
        wanted: another look is due when the scan that runs has ended.
        scans: how often it was asked for.
        refusals: how often it was asked for again since a scan began, because it was refused.
        ended: how many scans were ended that took too long, or came when the connection stood.
    """

    ssid: bytes
    eap: bool = False
    network: str = ""
    kept: bool = False
    activated: bool = False
    begun: bool = False
    connected: bool = False
    looked: bool = False
    elsewhere: bool = False
    moved: bool = False
    scanning: bool = False
    mine: bool = False
    wanted: bool = False
    scans: int = 0
    refusals: int = 0
    ended: int = 0


Result = Tuple[Joining, Tuple[Action, ...]]


def step(joining: Joining, heard: Heard) -> Result:
    """Return what follows from what was heard: the new state, and what to do, in order."""
    if isinstance(heard, DeviceState):
        return _device(joining, heard.state)
    if isinstance(heard, NetworkAdded):
        if heard.ssid != joining.ssid:
            return joining, ()
        joining = replace(joining, network=heard.path, kept=False)
        joining, keeping = (joining, ()) if joining.eap else _keep(joining)
        # Where NetworkManager changes no MAC address, nothing has begun anew.
        looking: Tuple[Action, ...] = ()
        if joining.begun and not joining.looked:
            joining, looking = _look(joining)
        return joining, (*keeping, *looking)
    if isinstance(heard, Scanning):
        joining, timing = _timed(joining, heard.on)
        joining, actions = _scanned(joining, heard.on)
        return joining, (*timing, *actions)
    if isinstance(heard, TooLong):
        return _end_scan(joining)
    if isinstance(heard, NothingFound):
        # Before NetworkManager gave it a network, there was nothing to join; and another scan may have begun meanwhile.
        waits = joining.network and not joining.scanning and not joining.mine
        return _look(joining) if waits else (joining, ())
    if isinstance(heard, Refused):
        # What is in the way may have begun unheard.
        return _look(replace(joining, scanning=True, mine=False)) if joining.mine else (joining, ())
    if isinstance(heard, NothingToEnd):
        return _look(replace(joining, scanning=False, wanted=False), again=True) if joining.wanted else (joining, ())
    if isinstance(heard, Joined):
        joining, keeping = _keep(replace(joining, elsewhere=heard.elsewhere))
        if not heard.elsewhere or joining.moved:
            return joining, keeping
        return replace(joining, moved=True), (*keeping, Reassociate())
    return _interface(joining, heard.state)


def _device(joining: Joining, state: int) -> Result:
    if state <= UNAVAILABLE:
        # Blocked again: all of it begins anew when that ends.
        return Joining(joining.ssid, joining.eap, scans=joining.scans, ended=joining.ended), (SetTimer(None),)
    if state >= PREPARE:
        return replace(joining, begun=joining.activated), ()
    if joining.activated:
        return joining, ()
    # No look before that has begun: a network that is seen has NetworkManager bring its profile up by itself, and an
    # activation that is allowed only then (polkit is asked for an ordinary user) would end the connection.
    return replace(joining, activated=True), (Activate(),)


def _keep(joining: Joining) -> Result:
    if joining.kept or not joining.network:
        return joining, ()
    return replace(joining, kept=True), (KeepTo(joining.network),)


def _interface(joining: Joining, state: str) -> Result:
    if state in ("interface_disabled", "inactive"):
        # Whatever scanned does so no more, and what was found is forgotten.
        joining = replace(joining, connected=False, scanning=False, mine=False, wanted=False)
        return _look(joining) if state == "inactive" and joining.begun else (joining, ())
    return replace(joining, connected=state == "completed"), ()


def _timed(joining: Joining, on: bool) -> Result:
    """See to it that a scan does not stay in the way."""
    if not on:
        return joining, (SetTimer(None),)
    if joining.connected and not joining.elsewhere:
        return _end_scan(joining)
    return joining, tuple(SetTimer(seconds) for seconds in SCAN_SECONDS[joining.ended : joining.ended + 1])


def _end_scan(joining: Joining) -> Result:
    there = joining.connected and not joining.elsewhere
    if joining.ended >= (_ENDED if there else len(SCAN_SECONDS)):
        return joining, ()
    return replace(joining, ended=joining.ended + 1), (AbortScan(),)


def _scanned(joining: Joining, on: bool) -> Result:
    if on:
        # The end of one and the beginning of the next may be told at once: a scan that runs does not begin.
        mine = joining.mine and not joining.scanning
        joining = replace(joining, scanning=True, mine=mine, refusals=0)
        if mine or not joining.begun:
            return joining, ()
        return _look(joining)
    if not joining.scanning:
        # Of one that was taken to have ended already; ours is on its way.
        return joining, ()
    mine, wanted = joining.mine, joining.wanted
    joining = replace(joining, scanning=False, mine=False, wanted=False)
    if wanted:
        return _look(joining)
    return joining, (SeeWhatCame(),) if mine and joining.network and not joining.connected else ()


def _look(joining: Joining, *, again: bool = False) -> Result:
    if joining.connected or joining.scans >= _SCANS or joining.refusals >= _REFUSALS:
        return joining, ()
    if joining.scanning:
        return replace(joining, wanted=True, looked=True), (AbortScan(),)
    scans, refusals = joining.scans + (not again), joining.refusals + again
    return replace(joining, mine=True, looked=True, scans=scans, refusals=refusals), (Scan(),)
