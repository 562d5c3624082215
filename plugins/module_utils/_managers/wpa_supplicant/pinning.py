# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands that set a pin in wpa_supplicant, and those that undo it."""

from __future__ import annotations

import os
import re
import time
from typing import Callable, Iterable, List, Optional, Tuple, TypeVar

from ..._network.pin import Key, Pin, Standing
from ..._network.values import encode_bssid, encode_frequencies
from ..._system.errors import NotFound, SupplicantRefused
from .codec import Network, Status
from .control import WpaCtrl
from .numbers import frequencies_of

#: wpa_supplicant's states in which it looks for a network, and would join the first that it finds.
SEARCHING = frozenset({"DISCONNECTED", "INACTIVE", "SCANNING"})
#: wpa_supplicant's states in which there is a link, whose keys are set or are being negotiated.
_LINKED = frozenset({"4WAY_HANDSHAKE", "GROUP_HANDSHAKE", "COMPLETED"})
#: Seconds that a supplicant may be without its control socket before it counts as gone.
_RETRY_SECONDS = 0.2

_Answer = TypeVar("_Answer")


def known_frequencies(ctrl: WpaCtrl, frequencies: Tuple[int, ...]) -> Tuple[int, ...]:
    """Return those of *frequencies* that the radio supports.

    A channel number can mean two frequencies, one of them at 6 GHz. The kernel refuses a whole scan if the radio does
    not support one of the frequencies (nl80211_trigger_scan). If the supplicant does not tell, all are returned.
    """
    has = {int(number) for number in re.findall(r"= ([0-9]{4}) MHz", ctrl.request("GET_CAPABILITY freq"))}
    return tuple(frequency for frequency in frequencies if frequency in has) or frequencies


def find_network(networks: Iterable[Network], network_id: int, ssid_hex: str) -> Optional[Network]:
    return next((n for n in networks if n.id == network_id and n.ssid.hex() == ssid_hex), None)


def is_reset(mine: Network) -> bool:
    """Say whether a pin has to disable its network and enable it again.

    That is the only way to end TEMP-DISABLED, and ``no-connect`` does not end it (``wpas_clear_temp_disabled``). On the
    current network, DISABLE_NETWORK would drop the link.
    """
    return mine.temp_disabled and not mine.current


def apply_pin(ctrl: WpaCtrl, pin: Pin) -> None:
    """Set a pin. It disables the other networks one by one, and does not use SELECT_NETWORK.

    SELECT_NETWORK would override an administrator's DISCONNECT. Also, with scan results of the last seconds, it would
    try to associate while the interface is still blocked, and then the supplicant would not scan when the block lifts.
    ENABLE_NETWORK does the same for a network that was disabled (``wpa_supplicant_fast_associate``). Where it is needed
    without ``no-connect``, the scan results go first. It asks for a scan then, which has to wait for the interface.
    """
    ctrl.set(pin.network_id, "bssid", encode_bssid(pin.bssid))
    ctrl.set(pin.network_id, "scan_freq", encode_frequencies(pin.frequencies))
    for network_id, _ssid in pin.disabled:
        ctrl.command(f"DISABLE_NETWORK {network_id}")
    if pin.resets:
        ctrl.command(f"DISABLE_NETWORK {pin.network_id}")
        ctrl.command("BSS_FLUSH 0")
        ctrl.command(f"ENABLE_NETWORK {pin.network_id}")


def socket_of(path: str) -> Optional[int]:
    """Return the inode of a control socket, or None when there is no such socket, or this user may not see it."""
    try:
        return os.stat(path).st_ino
    except OSError:
        return None


def undo_pin(ctrl: WpaCtrl, pin: Pin, *, frequencies: bool = True) -> bool:
    """Undo a pin, with or without its frequencies. Say whether there was anything to set back.

    The access point of the pinned network comes last, because it shows that the pin stands (``Pin.keeps_out``). If
    undoing a pin is interrupted, the next call completes it.

    Raises:
        SupplicantRefused: the supplicant refused a step. If it did not enable a network, the access point stays.
            Otherwise, the other steps were done.
    """
    if not pin.belongs_to(socket_of(ctrl.path)):  # the supplicant started again, and its pin ended then
        return False
    networks = ctrl.networks()
    enabling = _enable(pin, networks)
    refusal = _carry_out(ctrl, enabling)
    if refusal is not None:
        # A network may have gone away after it was listed. Then its refusal does not matter.
        networks = ctrl.networks()
        if _enable(pin, networks):
            raise refusal
    widening = commands_to_widen(ctrl, pin, networks) if frequencies else []
    widening += _widen_access_points(pin, networks)
    refusal = _carry_out(ctrl, widening)
    if enabling and ctrl.status().state in SEARCHING:
        # A supplicant whose networks were all disabled does not look by itself. While a scan runs, it answers
        # FAIL-BUSY. Then the end of that scan is enough.
        ctrl.request("SCAN")
    if refusal is not None and find_network(ctrl.networks(), pin.network_id, pin.ssid_hex) is not None:
        raise refusal
    return bool(enabling or widening)


def _carry_out(ctrl: WpaCtrl, commands: Iterable[str]) -> Optional[SupplicantRefused]:
    """Give all commands, and return the last refusal, or None."""
    refusal: Optional[SupplicantRefused] = None
    for command in commands:
        try:
            ctrl.command(command)
        except SupplicantRefused as error:
            refusal = error
    return refusal


def give_frequencies_back(ctrl: WpaCtrl, pin: Pin, *, now: bool = False) -> bool:
    """Give the frequencies of a pin back if that drops no link, or in any case with *now*. Say whether that is done."""
    if not pin.belongs_to(socket_of(ctrl.path)):
        return True
    commands = commands_to_widen(ctrl, pin, ctrl.networks())
    # The status is asked for last, because it has to be true when the frequencies change.
    if commands and not now and _dropped_by_frequencies(ctrl.status(), pin):
        return False
    for command in commands:
        ctrl.command(command)
    return True


def _dropped_by_frequencies(status: Status, pin: Pin) -> bool:
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


def kept_out(pin: Pin, networks: Iterable[Network]) -> Tuple[Key, ...]:
    """Return the networks that a pin keeps out. See ``Pin.keeps_out``."""
    return pin.keeps_out({(each.id, each.ssid.hex()): Standing(each.bssid, each.disabled) for each in networks})


def _enable(pin: Pin, networks: Iterable[Network]) -> List[str]:
    """Return the commands that enable those networks that the pin disabled.

    Each has ``no-connect``, so that the first does not start a connection before a network of higher priority is
    enabled. Under a block, the supplicant begins to search by itself when the block lifts (``apply_pin`` says why it
    must not be earlier).
    """
    return [f"ENABLE_NETWORK {network_id} no-connect" for network_id, _ssid in kept_out(pin, networks)]


def retried(undo: Callable[[Pin], _Answer], pin: Pin) -> _Answer:
    """Undo a pin, or part of it, and try it again if the supplicant is missing for a moment.

    Raises:
        NotFound: the supplicant is gone. Its pin is gone with it.
        FleetError: the supplicant refuses, or does not answer.
    """
    try:
        return undo(pin)
    except NotFound:
        # The supplicant may only be making a new control socket.
        time.sleep(_RETRY_SECONDS)
    return undo(pin)
