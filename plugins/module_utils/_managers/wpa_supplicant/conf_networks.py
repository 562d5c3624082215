# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Planning the changes of wpa_supplicant's file that declared networks need. This does no I/O on the file."""

from __future__ import annotations

import grp
from dataclasses import dataclass, field
from typing import Dict, FrozenSet, List, Optional, Tuple

from ..._network.declared import Declaration, NetworkProfile
from ..._network.report import Shown
from . import conf as _wpa_conf
from .conf import ConfBlock, ConfFile, Part
from .variables import (
    SECRETS,
    SUPERSEDED,
    Found,
    Wanted,
    contradicting,
    describe,
    differing,
    fitting_form,
    in_effect,
    is_station,
    kinds,
    ssid_of,
)

#: The directory of the control sockets in distributions.
_CONTROL_DIRECTORY = "/run/wpa_supplicant"
#: The group that may use wpa_supplicant in Debian.
_CONTROL_GROUP = "netdev"


@dataclass(frozen=True)
class NetworkEntry:
    """One declared network, as it will be in the file, and how that differs from the old file."""

    ssid: bytes
    #: The variables that the profile determines, in the form that the file has.
    form: Wanted = field(repr=False)
    #: The other variables of its block.
    extras: Found = field(repr=False, default_factory=dict)
    #: Whether the old file had the network.
    known: bool = False
    #: The secrets that the old file had with another value, or did not have.
    stale: FrozenSet[str] = frozenset()
    #: Whether the old block had variables that contradict the profile.
    rebuild: bool = False


@dataclass(frozen=True)
class FilePlan:
    """The new contents of the file."""

    #: The new text. None means that there is no file, and none is needed.
    text: Optional[str] = field(repr=False)
    changes: bool
    entries: Tuple[NetworkEntry, ...]
    #: The SSIDs of all station networks that the file will have, declared or not.
    ssids: FrozenSet[bytes] = frozenset()
    before: Shown = ()
    after: Shown = ()


def plan_file(conf: ConfFile, declared: Declaration, header: str) -> FilePlan:
    """Plan the new contents of the file. This is a pure function.

    A network's block keeps its place. New blocks come at the end, in the declared order. If several blocks have the
    same SSID, one stays. In a block, the variables that the profile determines are set or removed, and all others stay.

    Args:
        conf: the file as it was read.
        declared: the networks to have, and those not to have.
        header: the first lines of a new file.

    Raises:
        DecodeFailed: the file is so damaged that it can't be divided into its parts.
    """
    exists = conf.text is not None and bool(conf.text.strip())
    text = conf.text if exists and conf.text is not None else header
    parts: List[Part] = list(_wpa_conf.parse(text, conf.path))
    editor = _Editor(parts)
    entries = [editor.bring(profile) for profile in declared.profiles]
    wanted = {profile.ssid for profile in declared.profiles}
    for block in [part for part in parts if isinstance(part, ConfBlock)]:
        ssid = ssid_of(block.variables)
        if ssid not in wanted and is_station(block.variables) and declared.removes(ssid):
            editor.drop(block)
    if not exists and not declared.profiles:
        return FilePlan(conf.text, False, ())
    new = _wpa_conf.render(tuple(editor.parts))
    changes = new != conf.text or not conf.private
    return FilePlan(new, changes, tuple(entries), editor.ssids, tuple(editor.before), tuple(editor.after))


class _Editor:
    """The parts of a file while its networks are brought to the declared state."""

    def __init__(self, parts: List[Part]) -> None:
        self.parts = parts
        self.settings = _wpa_conf.settings_of(parts)
        self.before: List[Tuple[bytes, Dict[str, str]]] = []
        self.after: List[Tuple[bytes, Dict[str, str]]] = []

    @property
    def ssids(self) -> FrozenSet[bytes]:
        found = [part.variables for part in self.parts if isinstance(part, ConfBlock)]
        return frozenset(ssid_of(each) or b"" for each in found if is_station(each))

    def drop(self, block: ConfBlock) -> None:
        found = block.variables
        self.parts = [part for part in self.parts if part is not block]
        self.before.append((ssid_of(found) or b"", describe(found)))

    def bring(self, profile: NetworkProfile) -> NetworkEntry:
        same = [part for part in self.parts if isinstance(part, ConfBlock) and _is(part, profile.ssid)]
        kept = next((block for block in same if _fits(block, profile)), same[0] if same else None)
        for block in same:
            if block is not kept:
                self.drop(block)
        return self._add(profile) if kept is None else self._edit(kept, profile)

    def _add(self, profile: NetworkProfile) -> NetworkEntry:
        form = fitting_form(profile, {})
        needed = differing(form, in_effect({}, self.settings))
        variables = {name: value for name in needed for value in [form[name]] if value is not None}
        self.parts = list(_wpa_conf.append(tuple(self.parts), _wpa_conf.new_block(variables)))
        self.after.append((profile.ssid, describe(variables)))
        return NetworkEntry(profile.ssid, form)

    def _edit(self, block: ConfBlock, profile: NetworkProfile) -> NetworkEntry:
        found = block.variables
        form = fitting_form(profile, found)
        wrong = frozenset(differing(form, in_effect(found, self.settings)))
        new = _wpa_conf.edit(block, form, wrong, contradicting(form), SECRETS | {"private_key"})
        self.parts = [new if part is block else part for part in self.parts]
        if new != block:
            self.before.append((profile.ssid, describe(found)))
            self.after.append((profile.ssid, describe(new.variables, wrong & frozenset(found))))
        return NetworkEntry(
            profile.ssid,
            form,
            extras={name: value for name, value in new.variables.items() if name not in form},
            known=True,
            stale=wrong & SECRETS,
            rebuild=bool(SUPERSEDED & frozenset(found)),
        )


def _is(block: ConfBlock, ssid: bytes) -> bool:
    found = block.variables
    return ssid_of(found) == ssid and is_station(found)


def _fits(block: ConfBlock, profile: NetworkProfile) -> bool:
    """Say whether a block's key management has something in common with a profile's."""
    return bool(kinds(block.variables.get("key_mgmt", "")) & kinds(fitting_form(profile, {})["key_mgmt"] or ""))


def default_header() -> str:
    """Return the first lines of a new file: the control interface, and that the supplicant does not rewrite it."""
    try:
        grp.getgrnam(_CONTROL_GROUP)
        group = f" GROUP={_CONTROL_GROUP}"
    except KeyError:
        group = ""
    return f"ctrl_interface=DIR={_CONTROL_DIRECTORY}{group}\nupdate_config=0\n"
