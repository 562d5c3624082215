# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Joining CSME's network through NetworkManager, as a pure state machine.

When the block lifts, NetworkManager by itself first scans every channel. That takes 8 s, and CSME gives the host 3 s
(docs/networkmanager.md describes what was seen). So the profile is activated at once, and the supplicant below is asked
to scan only CSME's channel. It is asked again whenever it starts again, because NetworkManager changes the MAC address,
and the supplicant then forgets what it found. The supplicant joins a network that was found in the last seconds without
another scan. A scan that another program began is aborted, because it is in the way. A scan may find nothing, because
an answer to a probe is lost or late. wpa_supplicant would begin the next scan after 5 s, so one is asked for at once.

Two more kinds of scan are in the way, and are aborted:

- A scan that was taken for ours, but takes much too long. It must be another one.
- A scan of every channel that begins when the connection is up, because it was queued behind ours. It would leave the
  channel for seconds.

The pin is the setting ``bssid`` in the supplicant's network, which NetworkManager gives to the supplicant.
NetworkManager neither knows nor stores this setting, and it ends with that network. Any change of a network makes
wpa_supplicant end an EAP conversation that runs on it (``eapol_sm_invalidate_cached_session``), and the server waits
3 s before it asks again. So on a network with EAP, the pin is set when the connection is up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Optional, Tuple, Union

from ..._system.dataless import Dataless
from .names import COMPLETED, PREPARE, UNAVAILABLE

#: The most scans to ask for. A handover has no time for so many: CSME gives it 3 s, and a scan of one channel takes at
#: least 40 ms. One or two were seen.
_SCANS = 80
#: How often a refused scan is asked for again. Scans are refused while another scan is about to begin. As soon as it
#: has begun, it can be aborted. So many requests take more than a second. Mostly half a dozen were seen, and more on a
#: busy laptop.
_REFUSALS = 200
#: Seconds that a scan may take before it counts as one of more than one channel, and is aborted. After each such abort,
#: the next scan has more time. A radio takes 30 to 120 ms for one channel, and one that takes longer gets its time so.
SCAN_SECONDS: Tuple[float, ...] = (0.2, 0.5, 1.0)
#: The most scans that are aborted, including those of a connected host.
_ENDED = 2 * len(SCAN_SECONDS)


@dataclass(frozen=True)
class DeviceState:
    """NetworkManager's device has a new state."""

    state: int


@dataclass(frozen=True)
class InterfaceState:
    """The supplicant's interface has a new state: ``inactive``, ``scanning`` or another of wpa_supplicant's names."""

    state: str


@dataclass(frozen=True)
class Scanning:
    """The supplicant began or ended a scan."""

    on: bool


class NothingFound(Dataless):
    """The requested scan has ended, and the supplicant does not join a network."""


@dataclass(frozen=True)
class NetworkAdded:
    """NetworkManager gave a network to the supplicant."""

    path: str
    ssid: bytes


class ScanRefused(Dataless):
    """The supplicant refused the requested scan, because another scan runs or is about to begin."""


class NothingToEnd(Dataless):
    """The supplicant had no scan to abort. The scan that is in the way has ended, or has not begun yet."""


@dataclass(frozen=True)
class Joined:
    """The supplicant joined the network. *elsewhere* says that it did so at another access point, before the pin."""

    elsewhere: bool


class TooLong(Dataless):
    """The timer has run out."""


Heard = Union[
    DeviceState, InterfaceState, Scanning, NothingFound, NetworkAdded, ScanRefused, NothingToEnd, Joined, TooLong
]


class Activate(Dataless):
    """Tell NetworkManager to bring the profile up."""


class Scan(Dataless):
    """Tell the supplicant to scan only CSME's channel, for CSME's network."""


class AbortScan(Dataless):
    """Tell the supplicant to abort the running scan."""


class SeeWhatCame(Dataless):
    """Find out whether the supplicant joins a network after the requested scan. If not, the answer is NothingFound."""


@dataclass(frozen=True)
class KeepTo:
    """Restrict a network of the supplicant to CSME's access point."""

    network: str


class Reassociate(Dataless):
    """Tell the supplicant to leave its access point and join CSME's."""


@dataclass(frozen=True)
class SetTimer:
    """Set the timer, after which ``TooLong`` comes. It replaces a running timer. With None, it only stops that."""

    seconds: Optional[float]


Action = Union[Activate, Scan, AbortScan, SeeWhatCame, KeepTo, Reassociate, SetTimer]


@dataclass(frozen=True)
class Joining:
    """The state of joining.

    Attributes:
        ssid: the SSID of CSME's network.
        eap: whether the network is joined by EAP.
        network: the path of the supplicant's network with that SSID. It is empty while there is none.
        kept: whether that network was restricted to CSME's access point.
        activated: whether NetworkManager was asked to bring the profile up.
        begun: whether NetworkManager has begun to do that.
        connected: whether the supplicant has joined the network.
        looked: whether a scan was asked for since NetworkManager began.
        elsewhere: whether the supplicant joined another access point than CSME's.
        moved: whether the supplicant was asked to leave another access point.
        scanning: whether a scan runs.
        mine: whether that scan was requested here, or the requested one is about to begin.
        wanted: whether another scan has to be requested when the running scan has ended.
        scans: how many scans were requested.
        refusals: how often a scan was requested again since the last scan began, because it was refused.
        ended: how many scans were aborted because they took too long, or began when the connection was up.
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
    """Handle an event. Return the new state, and the actions to carry out, in order."""
    if isinstance(heard, DeviceState):
        return _device(joining, heard.state)
    if isinstance(heard, NetworkAdded):
        if heard.ssid != joining.ssid:
            return joining, ()
        joining = replace(joining, network=heard.path, kept=False)
        joining, keeping = (joining, ()) if joining.eap else _keep(joining)
        # If NetworkManager did not change the MAC address, no new start of the supplicant has caused a scan yet.
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
        # A new scan makes sense only if the supplicant has a network to join, and no other scan has begun meanwhile.
        waits = joining.network and not joining.scanning and not joining.mine
        return _look(joining) if waits else (joining, ())
    if isinstance(heard, ScanRefused):
        # The scan that is in the way may have begun although its signal has not come yet.
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
        # The radio is blocked again. When the block ends, everything begins from the start.
        return Joining(joining.ssid, joining.eap, scans=joining.scans, ended=joining.ended), (SetTimer(None),)
    if state >= PREPARE:
        return replace(joining, begun=joining.activated), ()
    if joining.activated:
        return joining, ()
    # No scan is requested before the activation has begun. If NetworkManager sees a network, it activates the profile
    # by itself. Ours may be allowed only later (NetworkManager asks polkit for an ordinary user), and would then end
    # the connection.
    return replace(joining, activated=True), (Activate(),)


def _keep(joining: Joining) -> Result:
    if joining.kept or not joining.network:
        return joining, ()
    return replace(joining, kept=True), (KeepTo(joining.network),)


def _interface(joining: Joining, state: str) -> Result:
    if state in ("interface_disabled", "inactive"):
        # Any scan has ended in this state, and its results are forgotten.
        joining = replace(joining, connected=False, scanning=False, mine=False, wanted=False)
        return _look(joining) if state == "inactive" and joining.begun else (joining, ())
    return replace(joining, connected=state == COMPLETED), ()


def _timed(joining: Joining, on: bool) -> Result:
    """Set the timer for a scan that begins, or abort the scan at once if the host is connected."""
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
        # If a scan runs already, this is another one: the end of the first and this beginning came as one signal.
        mine = joining.mine and not joining.scanning
        joining = replace(joining, scanning=True, mine=mine, refusals=0)
        if mine or not joining.begun:
            return joining, ()
        return _look(joining)
    if not joining.scanning:
        # This is the end of a scan that already counts as ended. The requested one is about to begin.
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
