# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bringing the networks of a running wpa_supplicant to the declared state. A link of an unchanged network stays.

RECONFIGURE is not used, because it first deauthenticates, and compares nothing
(``wpa_supplicant_reload_configuration()``, releases 2.10 to 2026). SET_NETWORK does not drop a link, unless the link's
keys came from the PMKSA cache, as those of SAE and EAP do. Any change of a network, except of ``bssid`` and
``priority``, flushes the network's part of that cache.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Dict, FrozenSet, Iterable, List, Mapping, Optional, Sequence, Tuple

from ..._network.values import CommandUnsafe
from ..._system.errors import DecodeFailed, FleetError, SupplicantRefused
from .codec import Network
from .control import WpaCtrl
from .networks_plan import FIRST, Desired, Plan, Running
from .pinning import SEARCHING
from .variables import RESTRICTIONS, Wanted, in_effect, is_station, restricts

#: The variables that are read from LIST_NETWORKS, and not asked for one by one.
_LISTED = frozenset({"ssid", "bssid", "disabled"})


# --- reading --------------------------------------------------------------------------------------------------------


def read_networks(
    ctrl: WpaCtrl,
    declared: Mapping[bytes, Wanted],
    removable: Optional[FrozenSet[bytes]],
    settings: Mapping[str, str],
) -> Tuple[Running, ...]:
    """Return the station networks that are declared or may be removed. This takes one question for each variable.

    Args:
        ctrl: the connection to the supplicant.
        declared: the variables of each declared network.
        removable: the SSIDs to remove. None means all that are not declared.
        settings: the supplicant's settings outside of the networks. Unknown ones are left out.

    Raises:
        NotFound, AccessDenied, TimedOut, TransportFailed, DecodeFailed: see ``WpaCtrl``.
    """
    found: List[Running] = []
    for network in ctrl.networks():
        wanted = declared.get(network.ssid)
        if wanted is None and removable is not None and network.ssid not in removable:
            continue
        names = ["mode", *(["disabled"] if network.disabled else [])]
        names += [name for name in wanted or {} if name not in _LISTED]
        variables = {name: value for name in names for value in [ctrl.get(network.id, name)] if value is not None}
        if not is_station(variables):
            continue
        if wanted is not None:
            variables = {**in_effect(variables, settings), **_restrictions(ctrl, network.id)}
        found.append(_running(network, variables))
    return tuple(found)


def _restrictions(ctrl: WpaCtrl, network_id: int) -> Dict[str, str]:
    """Return the variables of a network that restrict it in a way that contradicts a profile."""
    told = ((name, ctrl.get(network_id, name)) for name in RESTRICTIONS)
    return {name: value for name, value in told if value is not None and restricts(name, value)}


def _running(network: Network, variables: Dict[str, str]) -> Running:
    variables.pop("mode", None)
    variables["ssid"] = network.ssid.hex()
    variables["disabled"] = "1" if network.disabled else "0"
    if network.bssid is not None:
        variables["bssid"] = network.bssid
    return Running(network.id, network.ssid, network.current, network.temp_disabled, variables)


# --- applying -------------------------------------------------------------------------------------------------------


def prepare(ctrl: WpaCtrl, todo: Plan) -> Tuple[int, ...]:
    """Make the new networks, without enabling them. Try the values that wpa_supplicant may refuse on a temporary one.

    Existing networks are not touched. ``discard`` undoes everything.

    Returns:
        The new networks' ids, for ``commit`` or ``discard``.

    Raises:
        SupplicantRefused: the supplicant refuses a value.
        NotFound, AccessDenied, TimedOut, TransportFailed, DecodeFailed: see ``WpaCtrl``.
        In each case the new networks are removed again, if the supplicant allows that.
    """
    built: List[int] = []
    trial = dict.fromkeys((each.name, each.value) for each in todo.assign if each.name in FIRST)
    try:
        if trial:
            built.append(_add(ctrl))
            for name, value in trial:
                ctrl.set(built[-1], name, value)
            ctrl.command(f"REMOVE_NETWORK {built.pop()}")
        for each in todo.build:
            built.append(_add(ctrl))
            _fill(ctrl, built[-1], each)
    except BaseException:  # this includes the request to end
        discard(ctrl, built)
        raise
    return tuple(built)


def discard(ctrl: WpaCtrl, built: Iterable[int]) -> None:
    """Remove networks that ``prepare`` made. If the supplicant does not answer, they stay, but they are disabled."""
    with suppress(FleetError):
        for network_id in built:
            with suppress(SupplicantRefused):  # the network is gone already
                ctrl.command(f"REMOVE_NETWORK {network_id}")


def _add(ctrl: WpaCtrl) -> int:
    reply = ctrl.request("ADD_NETWORK").rstrip("\n")
    if reply == "FAIL":
        raise SupplicantRefused("wpa_supplicant answered ADD_NETWORK with FAIL", where=ctrl.path)
    if not reply.isascii() or not reply.isdigit():
        raise DecodeFailed("the reply to ADD_NETWORK is not a number", where=ctrl.path)
    return int(reply)


def _fill(ctrl: WpaCtrl, network_id: int, each: Desired) -> None:
    order = [name for name in FIRST if name in each.wanted]
    for name in (*order, *(name for name in each.wanted if name not in order and name != "disabled")):
        value = each.wanted[name]
        if value is not None:
            ctrl.set(network_id, name, value)
    for name, value in each.extras.items():
        with suppress(SupplicantRefused, CommandUnsafe):  # the file has it, but the task does not need it
            ctrl.command(f"SET_NETWORK {network_id} {name} {value}")


def commit(ctrl: WpaCtrl, todo: Plan, built: Sequence[int]) -> None:
    """Change, disable and remove existing networks, which may drop a link. Then enable networks.

    Networks are enabled with ``no-connect``, so that the first does not start a connection before a network of higher
    priority is enabled. The last one does not have it if the supplicant is searching. Under a block the supplicant is
    not searching. It begins to search by itself when the block lifts, and an earlier attempt to connect would prevent
    that.

    Raises:
        SupplicantRefused, NotFound, AccessDenied, TimedOut, TransportFailed, DecodeFailed: see ``WpaCtrl``.
    """
    for assignment in (*todo.assign, *todo.refresh):
        ctrl.set(assignment.network_id, assignment.name, assignment.value)
    for network_id in todo.disable:
        ctrl.command(f"DISABLE_NETWORK {network_id}")
    for network_id in todo.remove:
        with suppress(SupplicantRefused):  # the network is gone already
            ctrl.command(f"REMOVE_NETWORK {network_id}")
    enable = [*todo.enable, *(network_id for network_id, each in zip(built, todo.build) if each.enabled)]
    searching = bool(enable or todo.retry) and ctrl.status().state in SEARCHING
    retry = todo.retry if searching else ()
    for index, network_id in enumerate(enable):
        last = searching and not retry and index == len(enable) - 1
        ctrl.command(f"ENABLE_NETWORK {network_id}" + ("" if last else " no-connect"))
    for network_id in retry:
        # This ends a pause after failures, and makes the supplicant search at once.
        ctrl.command(f"DISABLE_NETWORK {network_id}")
        ctrl.command(f"ENABLE_NETWORK {network_id}")
