# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""systemd-networkd, as far as it brings wireless interfaces up by itself before anybody decided that.

A drop-in beside the file that it manages an interface by leaves that to the supplicant (systemd.network(5),
``ActivationPolicy=manual``, since systemd 248); addresses stay with networkd.
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
        interface: its name.
        file: the file that networkd manages it by.
        drop_in: the drop-in that leaves bringing it up to the supplicant.
        content: what the drop-in has to say. None: it is not to be written.
        why: why the drop-in is not to be written.
    """

    interface: str
    file: str
    drop_in: str
    content: Optional[str]
    why: str = ""


def read_links(interfaces: Sequence[str] = (), root: str = "/") -> Tuple[Link, ...]:
    """Return the wireless interfaces that networkd manages.

    Args:
        interfaces: names of those that matter; none: all.
        root: the directory that stands for ``/``.

    Raises:
        AccessDenied, TransportFailed: something can't be read.
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
    """Return the drop-ins that are there, whatever they belong to."""
    pattern = os.path.join(root, _DROP_INS, "*.network.d", _NAME)
    return tuple(sorted("/" + os.path.relpath(path, root) for path in glob.glob(pattern)))


def _link(interface: str, file: str, root: str) -> Link:
    drop_in = f"/{_DROP_INS}/{os.path.basename(file)}.d/{_NAME}"
    try:
        settings = read_settings(file, root, without=_NAME)
    except NotFound:
        return Link(interface, file, drop_in, None, "it is gone")
    if ("Link", "ActivationPolicy") in settings:
        return Link(interface, file, drop_in, None, "it has an ActivationPolicy of its own")
    if not _wireless_only(settings, interface):
        return Link(interface, file, drop_in, None, "it may be about interfaces that are not wireless, too")
    lines = ["[Link]", "ActivationPolicy=manual"]
    if ("Link", "RequiredForOnline") not in settings:
        # Its default is another with that policy.
        lines.append("RequiredForOnline=yes")
    return Link(interface, file, drop_in, "".join(f"{line}\n" for line in lines))


def _wireless_only(settings: Settings, interface: str) -> bool:
    """Say whether what a file matches is surely wireless."""
    match = {name: " ".join(values).split() for (section, name), values in settings.items() if section == "Match"}
    if any("!" in word or "\\" in word for words in match.values() for word in words):
        return False  # all but something, or a line that goes on in the next
    if "Type" in match:
        return set(match["Type"]) == {"wlan"}
    if match.get("WLANInterfaceType"):
        return True
    names = match.get("Name", [])
    # The kernel, and udev's rules for names, call what is wireless wl*.
    return bool(names) and all(name == interface or name.startswith("wl") for name in names)
