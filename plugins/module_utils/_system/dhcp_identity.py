# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finding out what the DHCP client of an interface sends to identify the host: its MAC address, or something else.

A DHCP server gives an address to a client identifier, or to the MAC address of a client that sends none (RFC 2131,
4.2). CSME and the host have the same MAC address. If the host identifies itself by something that CSME can't know, such
as the machine's id, the server may give it another address than CSME's, and CSME's session ends.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Optional

from . import networkd
from .dhcp import dhcpcd_runs, networkd_with_dhcp
from .errors import FleetError
from .files import read_text

#: The sections of networkd's files with ``ClientIdentifier=`` (systemd.network(5)). The second one is the older name.
_SECTIONS = ("DHCPv4", "DHCP")
#: The value of ``ClientIdentifier=`` with which networkd identifies the host by its MAC address, and the default.
CLIENT_IDENTIFIER = "mac"
_NETWORKD_DEFAULT = "duid"
_NETWORKD = frozenset({CLIENT_IDENTIFIER, _NETWORKD_DEFAULT, "duid-only"})
_DHCPCD_CONF = "etc/dhcpcd.conf"
_SIZE_MAX = 65536


@dataclass(frozen=True)
class OtherIdentity:
    """A DHCP client that does not identify the host by its MAC address.

    Attributes:
        what: what it does, as a sentence without its full stop.
        remedy: what to do about it, as a sentence without its full stop.
    """

    what: str
    remedy: str


def other_identity(interface: str, ifindex: int, root: str = "/") -> Optional[OtherIdentity]:
    """Return what the DHCP client of an interface does if it does not identify the host by its MAC address.

    The result is None if it does, if the client is none of networkd and dhcpcd, and if its configuration can't be read.

    Args:
        interface: the interface's name.
        ifindex: the interface's index.
        root: the directory that stands for ``/``.
    """
    by_networkd = networkd_with_dhcp(ifindex, root)
    if by_networkd is not None:
        file, settings = by_networkd
        return None if settings is None else _of_networkd(file, settings)
    try:
        return _of_dhcpcd(interface, root) if dhcpcd_runs(interface, root) else None
    except FleetError:
        return None


def client_identifier(settings: networkd.Settings) -> Optional[str]:
    """Return the client identifier that networkd's settings set, or None if they leave it to the default."""
    for section in _SECTIONS:
        known = [value for value in settings.get((section, "ClientIdentifier"), ()) if value in _NETWORKD]
        if known:
            return known[-1]
    return None


def _of_networkd(file: str, settings: networkd.Settings) -> Optional[OtherIdentity]:
    value = client_identifier(settings) or _NETWORKD_DEFAULT
    if value == CLIENT_IDENTIFIER:
        return None
    return OtherIdentity(
        f"systemd-networkd identifies the host by the machine's id ({file}: ClientIdentifier={value}), so the network "
        "may give it another address than CSME's",
        "Apply the role vpro.fleet.watcher, or set ClientIdentifier=mac in [DHCPv4] there, then boot the laptop",
    )


def _of_dhcpcd(interface: str, root: str) -> Optional[OtherIdentity]:
    """Read dhcpcd.conf(5): a block for an interface begins with ``interface NAME``, and ends with the next one.

    A client identifier that is written out counts more than ``duid``. ``clientid`` alone does not turn ``duid`` off.
    """
    duid, written = False, None
    meant = True
    for line in read_text(os.path.join(root, _DHCPCD_CONF), _SIZE_MAX).splitlines():
        words = line.partition("#")[0].split()
        if not words:
            continue
        if words[0] in ("interface", "ssid", "profile"):
            meant = words[0] == "interface" and interface in words[1:]
        elif meant and words[0] == "duid":
            duid = True
        elif meant and words[0] == "clientid":
            written = words[1] if len(words) > 1 else None
    by_mac = re.fullmatch(r"(?i:01(:[0-9a-f]{2}){6})", written) is not None if written else not duid
    if by_mac:
        return None
    how = f"clientid {written}" if written else "duid"
    return OtherIdentity(
        f"dhcpcd does not identify the host by its MAC address (/{_DHCPCD_CONF}: {how}), so the network may give it "
        "another address than CSME's",
        f"Remove that line, or write 'interface {interface}' and 'clientid 01:' with the MAC address at its end",
    )
