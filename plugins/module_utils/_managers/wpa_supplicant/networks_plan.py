# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Planning the changes of a running wpa_supplicant's networks that declared networks need."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Dict, FrozenSet, Iterable, Iterator, List, Optional, Sequence, Tuple

from ..._network.pin import Key, Pin
from .variables import RESTRICTIONS, SECRETS, Found, Wanted, agrees, describe, keeping, kinds

#: Variables that can't be unset in wpa_supplicant (``wpa_config_parse_psk``, ``_eap``).
_STICKY = frozenset({"psk", "eap"})
#: The variables that are set first, because a build without OWE, SAE or an EAP method refuses their values. Other
#: values are never refused, because an encoder made them.
FIRST = ("ssid", "key_mgmt", "eap")


@dataclass(frozen=True)
class Running:
    """One network of the supplicant.

    In ``variables``, the value of a secret is ``*``, and ``mac_addr`` is the one in effect. Of ``RESTRICTIONS``, only
    those are there that contradict a profile.
    """

    id: int
    ssid: bytes
    current: bool
    temp_disabled: bool
    variables: Found = field(default_factory=dict)

    @property
    def disabled(self) -> bool:
        """Whether the network is disabled."""
        return self.variables.get("disabled") == "1"


@dataclass(frozen=True)
class Desired:
    """One declared network."""

    ssid: bytes
    wanted: Wanted = field(repr=False)
    #: The other variables of its block in the file, in case the network has to be made again.
    extras: Found = field(repr=False, default_factory=dict)
    #: Whether the supplicant is known to have the secrets that the file had before this task.
    proven: bool = True
    #: The secrets that the file had with another value before this task.
    stale: FrozenSet[str] = frozenset()
    #: Whether it has variables that contradict the profile and can't be unset.
    rebuild: bool = False

    @property
    def enabled(self) -> bool:
        """Whether the network is declared as enabled."""
        return self.wanted.get("disabled") != "1"


@dataclass(frozen=True)
class Assignment:
    """One SET_NETWORK command."""

    network_id: int
    name: str
    value: str = field(repr=False)


@dataclass(frozen=True)
class Plan:
    """The changes that bring a supplicant to the declared state. The plan is empty if it already has that state."""

    #: Networks to make.
    build: Tuple[Desired, ...] = ()
    assign: Tuple[Assignment, ...] = ()
    #: Assignments that are made although no difference is known. See ``_refreshed``.
    refresh: Tuple[Assignment, ...] = ()
    enable: Tuple[int, ...] = ()
    disable: Tuple[int, ...] = ()
    remove: Tuple[int, ...] = ()
    #: Changed networks that the supplicant has to try again at once, the highest priority first.
    retry: Tuple[int, ...] = ()
    #: Networks whose secret can neither be compared nor be set again without dropping the link.
    unsure: Tuple[bytes, ...] = ()
    #: The networks that change, before and after, for people.
    before: Tuple[Tuple[bytes, Dict[str, str]], ...] = ()
    after: Tuple[Tuple[bytes, Dict[str, str]], ...] = ()

    @property
    def changes(self) -> bool:
        """Whether the plan changes anything."""
        return bool(self.build or self.assign or self.enable or self.disable or self.remove)


def without_pin(networks: Iterable[Running], pin: Pin, kept_out: Iterable[Key]) -> Tuple[Running, ...]:
    """Return networks as they will be after a pin is undone.

    Args:
        networks: the networks as they are.
        pin: the pin.
        kept_out: the networks that the pin keeps out, see ``Pin.keeps_out``.
    """
    enabled = frozenset(kept_out)
    return tuple(_without_pin(network, pin, enabled) for network in networks)


def _without_pin(network: Running, pin: Pin, enabled: FrozenSet[Key]) -> Running:
    variables = dict(network.variables)
    key = (network.id, network.ssid.hex())
    if key in enabled:
        variables["disabled"] = "0"
    if key == (pin.network_id, pin.ssid_hex) and variables.get("bssid") == pin.bssid:
        variables.pop("bssid")
        if pin.previous_bssid is not None:
            variables["bssid"] = pin.previous_bssid
    return replace(network, variables=variables)


def plan(networks: Sequence[Running], desired: Sequence[Desired], *, connected: bool) -> Plan:
    """Return the changes that bring *networks* to the declared state.

    Args:
        networks: the networks from ``read_networks``. Those that are not desired will be removed.
        desired: the declared networks, in their order.
        connected: whether the current network has a link.
    """
    steps = _Steps()
    for each in desired:
        candidates = [network for network in networks if network.ssid == each.ssid]
        keeper = _keeper(candidates, each)
        for network in candidates:
            if network is not keeper:
                steps.remove(network)
        if keeper is None:
            steps.build(each)
        else:
            _bring(steps, keeper, each, connected and keeper.current)
    wanted = {each.ssid for each in desired}
    for network in networks:
        if network.ssid not in wanted:
            steps.remove(network)
    return steps.plan


def _keeper(candidates: Sequence[Running], each: Desired) -> Optional[Running]:
    """Return which of several networks with the same SSID to keep: the current one, or else one of the right kind."""
    kind = kinds(each.wanted.get("key_mgmt") or "")
    ranked = sorted(candidates, key=lambda n: (not n.current, kinds(n.variables.get("key_mgmt", "")) != kind, n.id))
    return ranked[0] if ranked else None


def _bring(steps: _Steps, network: Running, each: Desired, linked: bool) -> None:
    """Plan the changes of an existing network. *linked* says whether it carries the link."""
    doubtful = {name for name in SECRETS if name in each.wanted} if not each.proven else set(each.stale)
    differing = [name for name in each.wanted if name != "disabled" and _differs(name, network, each, doubtful)]
    unset = {name for name in differing if each.wanted[name] is None}
    other_kind = not kinds(network.variables.get("key_mgmt", "")) & kinds(each.wanted["key_mgmt"] or "")
    restricted = frozenset(RESTRICTIONS) & frozenset(network.variables)
    # If its secrets are not known and it does not carry the link, it is made again. Then all its variables are right.
    if each.rebuild or restricted or other_kind or unset & _STICKY or (not each.proven and not linked):
        steps.remove(network)
        steps.build(each)
        return
    each = replace(each, wanted=keeping(each.wanted, network.variables))
    if not each.proven and linked:
        kept = [name for name in differing if _drops_link_unseen(name, network, each)]
        if kept:
            steps.unsure.append(each.ssid)
            differing = [name for name in differing if name not in kept]
    steps.change(network, each, differing)
    if not network.current and each.proven:
        steps.refreshes += _refreshed(network, each, differing)


def _differs(name: str, network: Running, each: Desired, doubtful: Iterable[str]) -> bool:
    have = network.variables.get(name)
    if name in SECRETS and have is not None and each.wanted[name] is not None:
        return name in doubtful
    return not agrees(name, each.wanted, network.variables)


def _compares_itself(name: str, value: str) -> bool:
    """Say whether SET_NETWORK does nothing if a secret already has the value.

    That is so for text variables and for a passphrase in quotes. A key in hex and an EAP password count as changed each
    time (``wpa_config_parse_str``, ``_psk``, ``_password``, releases 2.10 to 2026).
    """
    return name in ("sae_password", "private_key_passwd") or (name == "psk" and value.startswith('"'))


def _drops_link_unseen(name: str, network: Running, each: Desired) -> bool:
    """Say whether setting a secret would drop the link, although the supplicant may already have this value."""
    value = each.wanted[name]
    if name not in SECRETS or name not in network.variables or value is None or _compares_itself(name, value):
        return False
    if name in each.stale:  # the task changes the secret, so it has to be set even if that drops the link
        return False
    return bool({"sae", "eap"} & kinds(each.wanted.get("key_mgmt") or ""))


def _refreshed(network: Running, each: Desired, differing: Iterable[str]) -> List[Assignment]:
    """Return assignments of secrets that a network should already have.

    Somebody may have set other secrets by hand, and wpa_supplicant does not tell them. Only secrets that wpa_supplicant
    itself compares are set again. The current network is left out, because a handshake may be in progress.
    """
    return [
        Assignment(network.id, name, value)
        for name, value in each.wanted.items()
        if name in SECRETS and name not in differing and value is not None and _compares_itself(name, value)
    ]


class _Steps:
    """Collects the changes of a plan."""

    def __init__(self) -> None:
        self.builds: List[Desired] = []
        self.assignments: List[Assignment] = []
        self.refreshes: List[Assignment] = []
        self.enabled: List[int] = []
        self.disabled: List[int] = []
        self.removed: List[int] = []
        self.retried: List[Tuple[int, int]] = []
        self.unsure: List[bytes] = []
        self.before: List[Tuple[bytes, Dict[str, str]]] = []
        self.after: List[Tuple[bytes, Dict[str, str]]] = []

    def build(self, each: Desired) -> None:
        self.builds.append(each)
        variables = {name: value for name, value in each.wanted.items() if value is not None}
        replaced = any(ssid == each.ssid for ssid, _shown in self.before)
        self.after.append((each.ssid, describe(variables, SECRETS if replaced else ())))

    def remove(self, network: Running) -> None:
        self.removed.append(network.id)
        self.before.append((network.ssid, describe(network.variables)))

    def change(self, network: Running, each: Desired, differing: Sequence[str]) -> None:
        order = [name for name in FIRST if name in differing]
        for name in (*order, *(name for name in differing if name not in order)):
            self.assignments.append(Assignment(network.id, name, _value(name, each.wanted[name])))
        toggled = network.disabled == each.enabled
        if toggled:
            (self.enabled if each.enabled else self.disabled).append(network.id)
        elif differing and each.enabled and not network.current:
            self.retried.append((-int(each.wanted["priority"] or 0), network.id))
        if differing or toggled:
            have = network.variables
            self.before.append((network.ssid, describe(have)))
            values = ((n, v if n in differing or n == "disabled" else have.get(n)) for n, v in each.wanted.items())
            changed = [name for name in differing if name in have]
            self.after.append((each.ssid, describe({n: v for n, v in values if v is not None}, changed)))

    @property
    def plan(self) -> Plan:
        return Plan(
            build=tuple(self.builds),
            assign=tuple(self.assignments),
            refresh=tuple(self.refreshes),
            enable=tuple(self.enabled),
            disable=tuple(self.disabled),
            remove=tuple(self.removed),
            retry=tuple(network_id for _priority, network_id in sorted(self.retried)),
            unsure=tuple(self.unsure),
            before=tuple(self.before),
            after=tuple(self.after),
        )


def outcome(networks: Iterable[Running], desired: Iterable[Desired], todo: Plan) -> Iterator[Found]:
    """Yield the variables that each desired network will have, in their order. Values of secrets may be ``*``.

    Args:
        networks: the networks that were given to ``plan``.
        desired: the declared networks.
        todo: the plan.
    """
    built = {each.ssid for each in todo.build}
    kept = {network.ssid: network.variables for network in networks if network.id not in todo.remove}
    for each in desired:
        old = each.extras if each.ssid in built else kept[each.ssid]
        new = {**old, **keeping(each.wanted, old)}
        yield {name: value for name, value in new.items() if value is not None}


def _value(name: str, value: Optional[str]) -> str:
    """Return the value with which SET_NETWORK sets a variable, or unsets it for None."""
    if value is not None:
        return value
    return "any" if name == "bssid" else "NULL"
