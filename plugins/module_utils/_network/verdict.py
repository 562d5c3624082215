# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdict on declared networks: whether a manager's profile of each can carry CSME's connection on.

The predicate is the one of a handover (``find_profile_or_obstacle``). So a network that can't be used for a handover is
reported when it is written, and not when CSME's session is lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from .._system.errors import FleetError
from .._system.printable import quoted
from .declared import NetworkProfile
from .limits import JoinedConnection, Obstacle, Target
from .profile import Profile, find_profile_or_obstacle
from .values import ssid_text

#: Where a profile is. The names are those of the result of the modules for profiles.
FILE, RUNTIME = "file", "runtime"
_PLACES: Mapping[Tuple[str, ...], str] = {(FILE,): " in the file", (RUNTIME,): " in the running supplicant"}
#: The authentications that CSME can have at a network of each security. CSME does not know OWE.
_AUTHS: Mapping[str, Tuple[Optional[str], ...]] = {
    "open": ("open",),
    "owe": (None,),
    "psk": ("psk",),
    "sae": ("sae",),
    "psk+sae": ("psk", "sae"),
    "eap": ("eap",),
}


@dataclass(frozen=True)
class Verdict:
    """A declared network that can't carry CSME's connection on.

    Attributes:
        ssid: the network's SSID.
        obstacle: the reason.
        places: where the profile with this obstacle is: ``FILE``, ``RUNTIME`` or both.
    """

    ssid: bytes
    obstacle: Obstacle
    places: Tuple[str, ...]


def judge(
    declared: Iterable[NetworkProfile], profiles: Iterable[Profile], csme: Optional[JoinedConnection], *places: str
) -> Tuple[Verdict, ...]:
    """Return a verdict for each declared network whose profile can't carry CSME's connection on.

    What is known of the network is CSME's connection, if CSME is on it, and otherwise the declaration. A network that
    is declared as not enabled gets no verdict. Neither does one without a profile among *profiles*.

    Args:
        declared: the declared networks.
        profiles: the manager's profiles.
        csme: CSME's connection, or None if there is none, or it is not known.
        places: where these profiles are, as in ``Verdict``.
    """
    known = tuple(profiles)
    found = ((each.ssid, _obstacle(each, known, csme)) for each in declared if each.enabled)
    return tuple(Verdict(ssid, obstacle, places) for ssid, obstacle in found if obstacle is not None)


def _obstacle(
    declared: NetworkProfile, profiles: Sequence[Profile], csme: Optional[JoinedConnection]
) -> Optional[Obstacle]:
    for connection in _connections(declared, csme):
        _profile, obstacle = find_profile_or_obstacle(profiles, connection)
        if obstacle is not None:
            return obstacle
    return None


def _connections(declared: NetworkProfile, csme: Optional[JoinedConnection]) -> Tuple[JoinedConnection, ...]:
    if csme is not None and csme.ssid == declared.ssid:
        return (csme,)
    return tuple(Target(declared.ssid, auth, declared.bssid) for auth in _AUTHS[declared.security])


def doubts(
    declared: Iterable[NetworkProfile], profiles: Iterable[Profile], csme: Optional[JoinedConnection]
) -> List[str]:
    """Return a sentence for each declared network that can carry CSME's connection on, but may lose the session.

    ``Profile.doubt`` says why.

    The arguments are those of ``judge``.
    """
    known = tuple(profiles)
    networks = ((each.ssid, joined) for each in declared if each.enabled for joined in _connections(each, csme))
    found = ((ssid, find_profile_or_obstacle(known, joined)[0]) for ssid, joined in networks)
    told = ((ssid, profile.doubt) for ssid, profile in found if profile is not None and profile.doubt is not None)
    texts = (f"network {quoted(ssid)} may lose CSME's session: {doubt.what}. {doubt.remedy}" for ssid, doubt in told)
    return [*dict.fromkeys(texts)]


def merged(verdicts: Iterable[Verdict]) -> Tuple[Verdict, ...]:
    """Return verdicts without repetition: one for each network and obstacle, with all its places."""
    places: Dict[Tuple[bytes, Obstacle], Tuple[str, ...]] = {}
    for each in verdicts:
        key = (each.ssid, each.obstacle)
        places[key] = tuple(dict.fromkeys((*places.get(key, ()), *each.places)))
    return tuple(Verdict(ssid, obstacle, where) for (ssid, obstacle), where in places.items())


def documents(verdicts: Iterable[Verdict]) -> List[Dict[str, Any]]:
    """Return verdicts as the module's result has them. The codes are those of the readiness."""
    return [
        {
            "ssid": ssid_text(each.ssid),
            "ssid_hex": each.ssid.hex(),
            "places": [*each.places],
            "code": each.obstacle.readiness_code,
            "what": f"the profile {each.obstacle.what}",
            "remedy": each.obstacle.remedy,
        }
        for each in merged(verdicts)
    ]


def warnings(verdicts: Iterable[Verdict]) -> List[str]:
    """Return verdicts as sentences for people. Networks with the same obstacle are in one sentence."""
    return [f"{text}. {remedy}" for text, remedy in _texts(verdicts)]


def _texts(verdicts: Iterable[Verdict]) -> List[Tuple[str, str]]:
    """Return what the verdicts say, and what to do about it, both without a full stop at the end."""
    names: Dict[Tuple[Obstacle, Tuple[str, ...]], List[str]] = {}
    for each in merged(verdicts):
        names.setdefault((each.obstacle, each.places), []).append(quoted(each.ssid))
    found = []
    for (obstacle, places), networks in names.items():
        one = len(networks) == 1
        who, whose = ("network", "its profile") if one else ("networks", "the profile of each")
        text = f"{who} {', '.join(networks)} can't carry CSME's session on: {whose}{_PLACES.get(places, '')}"
        found.append((f"{text} {obstacle.what}", obstacle.remedy))
    return found


class UnusableNetworks(FleetError):
    """Declared networks can't carry CSME's connection on, and the task demands that they can.

    Args:
        verdicts: the verdicts on them. There is at least one.
        result: the task's result, if the answer was not known before the changes were made. Otherwise nothing was
            changed.
    """

    code = "unusable_network"

    def __init__(self, verdicts: Sequence[Verdict], result: Optional[Mapping[str, Any]] = None) -> None:
        texts = _texts(verdicts)
        said = "; ".join(text for text, _remedy in texts)
        remedy = ". ".join(dict.fromkeys(remedy for _text, remedy in texts))
        super().__init__(f"{said}. {_written(result)}", remedy=remedy)
        self.details = {**(result or {}), "obstacles": documents(verdicts)}


def _written(result: Optional[Mapping[str, Any]]) -> str:
    if result is None or not result["changed"]:
        return "Nothing was changed"
    places = {FILE: "the stored profiles", RUNTIME: "the profiles of the running supplicant"}
    changed = " and ".join(text for place, text in places.items() if result[place]["changed"])
    return f"This was only known after {changed} had been changed as declared. The changes stay"
