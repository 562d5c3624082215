# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands that set a pin in wpa_supplicant, and those that undo it."""

from __future__ import annotations

import re
from typing import Iterable, List, Optional, Tuple

from ..._network.backend import SupplicantStatus
from ..._network.pin import Pin
from ..._network.values import encode_bssid, encode_frequencies
from ..._system.errors import DecodeFailed, SupplicantRefused
from .codec import Network
from .control import WpaCtrl

#: wpa_supplicant's states in which it looks for a network, and would join the first that it finds.
SEARCHING = frozenset({"DISCONNECTED", "INACTIVE", "SCANNING"})
#: wpa_supplicant's states in which there is a link, whose keys are set or are being negotiated.
_LINKED = frozenset({"4WAY_HANDSHAKE", "GROUP_HANDSHAKE", "COMPLETED"})


def frequencies_of(text: Optional[str]) -> Tuple[int, ...]:
    words = (text or "").split()
    if not all(re.fullmatch(r"[0-9]{1,6}", word) for word in words):
        raise DecodeFailed("scan_freq is not a list of frequencies", where=ascii(words)[:80])
    return tuple(int(word) for word in words)


def known_frequencies(ctrl: WpaCtrl, frequencies: Tuple[int, ...]) -> Tuple[int, ...]:
    """Return those of *frequencies* that the radio supports.

    A channel number can mean two frequencies, one of them at 6 GHz. The kernel refuses a whole scan if the radio does
    not support one of the frequencies (nl80211_trigger_scan). If the supplicant does not tell, all are returned.
    """
    has = {int(number) for number in re.findall(r"= ([0-9]{4}) MHz", ctrl.request("GET_CAPABILITY freq"))}
    return tuple(frequency for frequency in frequencies if frequency in has) or frequencies


def find_network(networks: Iterable[Network], network_id: int, ssid_hex: str) -> Optional[Network]:
    return next((n for n in networks if n.id == network_id and n.ssid.hex() == ssid_hex), None)


def apply_pin(ctrl: WpaCtrl, pin: Pin, mine: Network) -> None:
    """Set a pin. It disables the other networks one by one, and does not use SELECT_NETWORK.

    SELECT_NETWORK would override an administrator's DISCONNECT. Also, with scan results of the last seconds, it would
    try to associate while the interface is still blocked, and then the supplicant would not scan when the block lifts.
    """
    ctrl.set(pin.network_id, "bssid", encode_bssid(pin.bssid))
    ctrl.set(pin.network_id, "scan_freq", encode_frequencies(pin.frequencies))
    for network_id, _ssid in pin.disabled:
        ctrl.command(f"DISABLE_NETWORK {network_id}")
    if mine.temp_disabled and not mine.current:
        # This is the only way to end that state. On the current network, DISABLE_NETWORK would drop the link.
        ctrl.command(f"DISABLE_NETWORK {pin.network_id}")
        ctrl.command(f"ENABLE_NETWORK {pin.network_id}")


def undo_pin(ctrl: WpaCtrl, pin: Pin, *, frequencies: bool = True) -> bool:
    """Undo a pin, with or without its frequencies. Say whether there was anything to set back.

    Raises:
        SupplicantRefused: the supplicant refused a step. The other steps were done.
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
    # A network may have gone away after it was listed. Then its refusal does not matter.
    if refusal is not None and commands():
        raise refusal
    return bool(given)


def end_rest_of(ctrl: WpaCtrl, pin: Pin, *, now: bool = False) -> bool:
    """Give the frequencies of a pin back if that drops no link, or in any case with *now*. Say whether that is done."""
    commands = commands_to_widen(ctrl, pin, ctrl.networks())
    # The status is asked for last, because it has to be true when the frequencies change.
    if commands and not now and _dropped_by_frequencies(ctrl.status(), pin):
        return False
    for command in commands:
        ctrl.command(command)
    return True


def _dropped_by_frequencies(status: SupplicantStatus, pin: Pin) -> bool:
    """Say whether a change of the pinned network's frequencies would drop the link.

    It would if the link's key is in the network's PMKSA cache. That is so for every link that has neither a PSK nor the
    key management NONE.
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
    """Return the commands that enable the networks again. A crash may have left the pinned one disabled, too.

    Each has ``no-connect``, so that the first does not start a connection before a network of higher priority is
    enabled. The last one does not have it if the supplicant is searching. It is not searching while it has a link.
    Under a block, it begins to search by itself when the block lifts (``apply_pin`` says why it must not be earlier).
    """
    before = ((pin.network_id, pin.ssid_hex), *pin.disabled)
    found = [find_network(networks, network_id, ssid_hex) for network_id, ssid_hex in before]
    commands = [f"ENABLE_NETWORK {network.id} no-connect" for network in found if network and network.disabled]
    if commands and ctrl.status().state in SEARCHING:
        commands[-1] = commands[-1][: -len(" no-connect")]
    return commands
