# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a pin sets in wpa_supplicant, and what undoes it."""

from __future__ import annotations

import re
from typing import Iterable, List, Optional, Tuple

from ..._network.backend import SupplicantStatus
from ..._network.pin import Pin
from ..._network.values import encode_bssid, encode_frequencies
from ..._system.errors import DecodeFailed, SupplicantRefused
from .codec import Network
from .control import WpaCtrl

#: wpa_supplicant's states in which it looks for a network, and would take the first that comes.
SEARCHING = frozenset({"DISCONNECTED", "INACTIVE", "SCANNING"})
#: Those in which there is a link, with its keys or with keys on their way.
_LINKED = frozenset({"4WAY_HANDSHAKE", "GROUP_HANDSHAKE", "COMPLETED"})


def frequencies_of(text: Optional[str]) -> Tuple[int, ...]:
    words = (text or "").split()
    if not all(re.fullmatch(r"[0-9]{1,6}", word) for word in words):
        raise DecodeFailed("scan_freq is no list of frequencies", where=ascii(words)[:80])
    return tuple(int(word) for word in words)


def known_frequencies(ctrl: WpaCtrl, frequencies: Tuple[int, ...]) -> Tuple[int, ...]:
    """Return those of *frequencies* that the radio has.

    A channel number can mean two frequencies, one of them at 6 GHz. The kernel refuses a whole scan for one frequency
    that the radio does not have (nl80211_trigger_scan). Where the supplicant does not tell, all of them stay.
    """
    has = {int(number) for number in re.findall(r"= ([0-9]{4}) MHz", ctrl.request("GET_CAPABILITY freq"))}
    return tuple(frequency for frequency in frequencies if frequency in has) or frequencies


def find_network(networks: Iterable[Network], network_id: int, ssid_hex: str) -> Optional[Network]:
    return next((n for n in networks if n.id == network_id and n.ssid.hex() == ssid_hex), None)


def apply_pin(ctrl: WpaCtrl, pin: Pin, mine: Network) -> None:
    """Pin. DISABLE_NETWORK one by one, not SELECT_NETWORK.

    SELECT_NETWORK would also override an administrator's DISCONNECT and, with scan results of the last seconds,
    associate through an interface that is still blocked: the supplicant then no longer scans when the block lifts.
    """
    ctrl.set(pin.network_id, "bssid", encode_bssid(pin.bssid))
    ctrl.set(pin.network_id, "scan_freq", encode_frequencies(pin.frequencies))
    for network_id, _ssid in pin.disabled:
        ctrl.command(f"DISABLE_NETWORK {network_id}")
    if mine.temp_disabled and not mine.current:
        # The only way to end the time-out; on the current network the first of the two would drop the link.
        ctrl.command(f"DISABLE_NETWORK {pin.network_id}")
        ctrl.command(f"ENABLE_NETWORK {pin.network_id}")


def undo_pin(ctrl: WpaCtrl, pin: Pin, *, frequencies: bool = True) -> bool:
    """Undo a pin, with its frequencies unless told otherwise. Say whether there was anything to set back.

    Raises:
        SupplicantRefused: it refused a step; the others were done.
    """

    def commands() -> List[str]:
        networks = ctrl.networks()
        widening = commands_to_widen(ctrl, pin, networks) if frequencies else []
        return _widen_access_points(pin, networks) + widening + _enable(ctrl, pin, networks)

    refusal: Optional[SupplicantRefused] = None
    given = commands()
    for command in given:
        try:
            ctrl.command(command)
        except SupplicantRefused as error:
            refusal = error
    # A network that went away between the listing and its command needs nothing any more.
    if refusal is not None and commands():
        raise refusal
    return bool(given)


def end_rest_of(ctrl: WpaCtrl, pin: Pin, *, now: bool = False) -> bool:
    """Give the frequencies of a pin back if that drops no link, or *now*. Say whether that is done."""
    commands = commands_to_widen(ctrl, pin, ctrl.networks())
    # Asked last: it has to be true when the frequencies change.
    if commands and not now and _dropped_by_frequencies(ctrl.status(), pin):
        return False
    for command in commands:
        ctrl.command(command)
    return True


def _dropped_by_frequencies(status: SupplicantStatus, pin: Pin) -> bool:
    """Say whether a link stands that a change of the pinned network's frequencies would drop.

    It does where the link's key is in the network's PMKSA cache: every one but with a plain passphrase, or none.
    """
    if status.state not in _LINKED or status.network_id not in (None, pin.network_id):
        return False
    return status.key_mgmt is None or not ("PSK" in status.key_mgmt or status.key_mgmt == "NONE")


def _widen_access_points(pin: Pin, networks: Iterable[Network]) -> List[str]:
    """Return the command that gives the pinned network its former access points back."""
    mine = find_network(networks, pin.network_id, pin.ssid_hex)
    if mine is not None and mine.bssid == pin.bssid != pin.previous_bssid:
        return [f"SET_NETWORK {mine.id} bssid {encode_bssid(pin.previous_bssid)}"]
    return []


def commands_to_widen(ctrl: WpaCtrl, pin: Pin, networks: Iterable[Network]) -> List[str]:
    """Return the command that gives the pinned network its former frequencies back."""
    if find_network(networks, pin.network_id, pin.ssid_hex) is None:
        return []
    if frequencies_of(ctrl.get(pin.network_id, "scan_freq")) == pin.frequencies != pin.previous_scan_freq:
        return [f"SET_NETWORK {pin.network_id} scan_freq {encode_frequencies(pin.previous_scan_freq)}"]
    return []


def _enable(ctrl: WpaCtrl, pin: Pin, networks: Iterable[Network]) -> List[str]:
    """Return the commands that enable the networks again: the pinned one too, should a crash have left it disabled.

    Each with ``no-connect``, so that the first does not start a connection that the next, of higher priority, should
    have had; the last one without it, if the supplicant is searching. It is not while it has a link, and under a
    block it searches by itself when the block lifts (see ``apply_pin`` for what goes wrong otherwise).
    """
    before = ((pin.network_id, pin.ssid_hex), *pin.disabled)
    found = [find_network(networks, network_id, ssid_hex) for network_id, ssid_hex in before]
    commands = [f"ENABLE_NETWORK {network.id} no-connect" for network in found if network and network.disabled]
    if commands and ctrl.status().state in SEARCHING:
        commands[-1] = commands[-1][: -len(" no-connect")]
    return commands
