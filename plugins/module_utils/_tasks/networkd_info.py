# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drop-ins that make systemd-networkd fit for a handover, each for the file that configures a wireless interface.

One leaves bringing the interface up to the supplicant (systemd.network(5), ``ActivationPolicy=manual``, since systemd
248). Without it, networkd brings the interface up by itself, before the watcher has decided whether it may come up.
networkd still manages the addresses.

The other one makes networkd identify the host by its MAC address (``ClientIdentifier=mac``). By default networkd takes
the machine's id, which CSME does not know, so that the host may get another address than CSME
(``_system/dhcp_identity.py``).
"""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

from .._radio import sysfs
from .._system.dhcp_identity import CLIENT_IDENTIFIER, client_identifier
from .._system.errors import NotFound
from .._system.networkd import Settings, read_link, read_settings
from .._system.places import PLACES, Places

_DROP_INS = "etc/systemd/network"
_BRING_UP = "amt-wifi-watcher.conf"
_IDENTITY = "amt-wifi-watcher-identity.conf"
_OURS = (_BRING_UP, _IDENTITY)


@dataclass(frozen=True)
class DropIn:
    """A drop-in for a file of networkd.

    Attributes:
        path: its path.
        content: its text. None means that it must not be written.
        why: why it must not be written.
    """

    path: str
    content: Optional[str]
    why: str = ""


@dataclass(frozen=True)
class NetworkdLink:
    """A wireless interface that networkd manages.

    Attributes:
        interface: the interface's name.
        file: the file of networkd that configures the interface.
        bring_up: the drop-in that leaves the bring-up to the supplicant.
        identity: the drop-in that makes networkd identify the host by its MAC address.
    """

    interface: str
    file: str
    bring_up: DropIn
    identity: DropIn


def read_links(interfaces: Sequence[str] = (), places: Places = PLACES) -> Tuple[NetworkdLink, ...]:
    """Return the wireless interfaces that networkd manages.

    Args:
        interfaces: the names of the interfaces to look at. When it is empty, all wireless interfaces are.
        places: where the files are.

    Raises:
        AccessDenied, TransportFailed: a file can't be read.
    """
    found: List[NetworkdLink] = []
    for name in interfaces or sysfs.wireless_interfaces(places.root):
        try:
            file = read_link(sysfs.index_of(name, places.root), places.root).get("NETWORK_FILE", "")
        except NotFound:
            continue
        if file.startswith("/"):
            found.append(_link(name, file, places))
    return tuple(found)


def drop_ins(places: Places = PLACES) -> Tuple[str, ...]:
    """Return the paths of the existing drop-ins of these names, for any interface."""
    found = [path for name in _OURS for path in glob.glob(places.at(_DROP_INS, "*.network.d", name))]
    return tuple(sorted("/" + os.path.relpath(path, places.root) for path in found))


def _link(interface: str, file: str, places: Places) -> NetworkdLink:
    folder = f"/{_DROP_INS}/{os.path.basename(file)}.d"
    bring_up, identity = f"{folder}/{_BRING_UP}", f"{folder}/{_IDENTITY}"
    try:
        settings = read_settings(file, places.root, without=_OURS)
    except NotFound:
        why = "it does not exist any more"
    else:
        if _wireless_only(settings, interface):
            return NetworkdLink(interface, file, _for_bring_up(bring_up, settings), _for_identity(identity, settings))
        why = "it may also configure interfaces that are not wireless"
    return NetworkdLink(interface, file, DropIn(bring_up, None, why), DropIn(identity, None, why))


def _for_bring_up(path: str, settings: Settings) -> DropIn:
    policies = settings.get(("Link", "ActivationPolicy"))
    if policies is not None:
        return DropIn(path, None, "" if policies[-1] == "manual" else "it has an ActivationPolicy of its own")
    lines = ["[Link]", "ActivationPolicy=manual"]
    if ("Link", "RequiredForOnline") not in settings:
        # With that policy, the default would be "no".
        lines.append("RequiredForOnline=yes")
    return DropIn(path, "".join(f"{line}\n" for line in lines))


def _for_identity(path: str, settings: Settings) -> DropIn:
    value = client_identifier(settings)
    if value == CLIENT_IDENTIFIER:
        return DropIn(path, None)  # there is nothing to do
    if value is not None:
        return DropIn(path, None, f"it has a ClientIdentifier of its own ({value})")
    return DropIn(path, f"[DHCPv4]\nClientIdentifier={CLIENT_IDENTIFIER}\n")


def _wireless_only(settings: Settings, interface: str) -> bool:
    """Say whether a file surely matches only wireless interfaces."""
    match = {name: " ".join(values).split() for (section, name), values in settings.items() if section == "Match"}
    if any("!" in word or "\\" in word for words in match.values() for word in words):
        return False  # a pattern that excludes something, or a line that continues on the next one
    if "Type" in match:
        return set(match["Type"]) == {"wlan"}
    if match.get("WLANInterfaceType"):
        return True
    names = match.get("Name", [])
    # The kernel, and udev's rules for names, give wireless interfaces names that begin with wl.
    return bool(names) and all(name == interface or name.startswith("wl") for name in names)
