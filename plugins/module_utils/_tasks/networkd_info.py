# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drop-ins that keep systemd-networkd from bringing wireless interfaces up.

Without one, networkd brings an interface up by itself, before the watcher has decided whether it may come up. A drop-in
for the file that configures the interface leaves the bring-up to the supplicant (systemd.network(5),
``ActivationPolicy=manual``, since systemd 248). networkd still manages the addresses.
"""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

from .._radio import sysfs
from .._system.errors import NotFound
from .._system.networkd import Settings, read_link, read_settings

_DROP_INS = "etc/systemd/network"
_NAME = "amt-wifi-watcher.conf"


@dataclass(frozen=True)
class Link:
    """A wireless interface that networkd manages.

    Attributes:
        interface: the interface's name.
        file: the file of networkd that configures the interface.
        drop_in: the path of the drop-in that leaves the bring-up to the supplicant.
        content: the text of the drop-in. None means that it must not be written.
        why: why the drop-in must not be written.
    """

    interface: str
    file: str
    drop_in: str
    content: Optional[str]
    why: str = ""


def read_links(interfaces: Sequence[str] = (), root: str = "/") -> Tuple[Link, ...]:
    """Return the wireless interfaces that networkd manages.

    Args:
        interfaces: the names of the interfaces to look at. When it is empty, all wireless interfaces are.
        root: the directory that stands for ``/``.

    Raises:
        AccessDenied, TransportFailed: a file can't be read.
    """
    found: List[Link] = []
    for name in interfaces or sysfs.wireless_interfaces(root):
        try:
            file = read_link(sysfs.index_of(name, root), root).get("NETWORK_FILE", "")
        except NotFound:
            continue
        if file.startswith("/"):
            found.append(_link(name, file, root))
    return tuple(found)


def drop_ins(root: str = "/") -> Tuple[str, ...]:
    """Return the paths of the existing drop-ins of this name, for any interface."""
    pattern = os.path.join(root, _DROP_INS, "*.network.d", _NAME)
    return tuple(sorted("/" + os.path.relpath(path, root) for path in glob.glob(pattern)))


def _link(interface: str, file: str, root: str) -> Link:
    drop_in = f"/{_DROP_INS}/{os.path.basename(file)}.d/{_NAME}"
    try:
        settings = read_settings(file, root, without=_NAME)
    except NotFound:
        return Link(interface, file, drop_in, None, "it does not exist any more")
    if ("Link", "ActivationPolicy") in settings:
        return Link(interface, file, drop_in, None, "it has an ActivationPolicy of its own")
    if not _wireless_only(settings, interface):
        return Link(interface, file, drop_in, None, "it may also configure interfaces that are not wireless")
    lines = ["[Link]", "ActivationPolicy=manual"]
    if ("Link", "RequiredForOnline") not in settings:
        # With that policy, the default would be "no".
        lines.append("RequiredForOnline=yes")
    return Link(interface, file, drop_in, "".join(f"{line}\n" for line in lines))


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
