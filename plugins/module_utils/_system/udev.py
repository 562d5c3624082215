# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What systemd-udevd recorded about a network interface, and the MAC address that it gives the interface.

udevd applies one ``.link`` file to an interface when the interface comes, and records which one (systemd.link(5)). So
nothing here has to decide which file matches an interface.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Dict, Optional

from . import networkd
from .files import read_text

#: udevd's record of an interface, by the interface's index. Each line with E: has a property (``sd-device``'s
#: device-private.c, device_update_db).
_RECORD = "run/udev/data/n{index}"
#: The property with the path of the .link file.
_LINK_FILE = "ID_NET_LINK_FILE"
_POLICY, _ADDRESS = ("Link", "MACAddressPolicy"), ("Link", "MACAddress")
#: The values of MACAddressPolicy=. The first two make MACAddress= void, and an empty one means none
#: (systemd's link-config.c, ``link_generate_new_hw_addr``).
_POLICIES = ("persistent", "random", "none", "")


@dataclass(frozen=True)
class GivenAddress:
    """The MAC address that a .link file gives an interface.

    Attributes:
        file: the .link file, or its drop-in with the setting.
        setting: the setting: ``MACAddressPolicy=random``, or ``MACAddress=`` with an address.
        mac: the address, in lower case with colons. It is None for a random one.
    """

    file: str
    setting: str
    mac: Optional[str]


def properties(ifindex: int, root: str = "/") -> Dict[str, str]:
    """Return the properties that udevd recorded for an interface.

    Args:
        ifindex: the interface's index.
        root: the directory that stands for ``/``.

    Raises:
        NotFound: udevd has no record of the interface.
        AccessDenied, TransportFailed: the record can't be read.
    """
    lines = read_text(os.path.join(root, _RECORD.format(index=ifindex))).splitlines()
    return dict(line[2:].partition("=")[::2] for line in lines if line.startswith("E:"))


def given_address(ifindex: int, root: str = "/") -> Optional[GivenAddress]:
    """Return the MAC address that udevd gives an interface, or None if udevd leaves it the one of its driver.

    With ``MACAddressPolicy=persistent``, udevd changes nothing on a device with a permanent address, as every radio
    has one.

    Args:
        ifindex: the interface's index.
        root: the directory that stands for ``/``.

    Raises:
        NotFound: udevd has no record of the interface, or the .link file does not exist any more.
        AccessDenied, TransportFailed: a file can't be read.
    """
    file = properties(ifindex, root).get(_LINK_FILE)
    if not file:
        return None
    policy: Optional[networkd.FileSetting] = None
    given: Optional[GivenAddress] = None
    for entry in networkd.read_entries(file, root):
        if entry.key == _POLICY and entry.value in _POLICIES:
            policy = entry
        elif entry.key == _ADDRESS:
            given = _given(entry, given)
    if policy is not None and policy.value == "random":
        return GivenAddress(policy.file, "MACAddressPolicy=random", None)
    return None if policy is not None and policy.value == "persistent" else given


def _given(entry: networkd.FileSetting, before: Optional[GivenAddress]) -> Optional[GivenAddress]:
    """Return the address that a setting gives.

    An empty setting cancels the ones *before* it. udevd ignores an invalid one.
    """
    digits = re.sub(r"[:.-]", "", entry.value).lower()
    if re.fullmatch(r"[0-9a-f]{12}", digits) is None:
        return before if entry.value else None
    mac = ":".join(digits[at : at + 2] for at in range(0, 12, 2))
    return GivenAddress(entry.file, f"MACAddress={entry.value}", mac)
