# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finding out what the DHCP client of an interface sends to identify the host: its MAC address, something else, or
nothing at all.

A DHCP server gives an address to a client identifier, or to the MAC address of a client that sends none (RFC 2131,
4.2). CSME and the host have the same MAC address. If the host identifies itself by something that CSME can't know, such
as the machine's id, the server may give it another address than CSME's, and CSME's session ends. The same holds for a
host that does not ask a server: its fixed address may be another than CSME's.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Optional

from . import networkd
from .dhcp import dhcpcd_runs, networkd_file, turns_dhcp_on
from .errors import FleetError
from .files import read_text

#: The sections of networkd's files with ``ClientIdentifier=`` (systemd.network(5)). The second one is the older name.
_SECTIONS = ("DHCPv4", "DHCP")
#: The value of ``ClientIdentifier=`` with which networkd identifies the host by its MAC address, and the default.
CLIENT_IDENTIFIER = "mac"
_NETWORKD_DEFAULT = "duid"
_NETWORKD = frozenset({CLIENT_IDENTIFIER, _NETWORKD_DEFAULT, "duid-only"})
#: The beginning of an IPv4 address, which a mask may follow.
_IPV4 = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}(/|\Z)")
_DHCPCD_CONF = "etc/dhcpcd.conf"
#: How dhcpcd is told a fixed address. It does not ask for another one then (dhcpcd.conf(5), ``static``).
_DHCPCD_FIXED = "ip_address="
_SIZE_MAX = 65536


@dataclass(frozen=True)
class OtherIdentity:
    """A DHCP client that does not identify the host by its MAC address, or a fixed address.

    Attributes:
        what: what it does, as a sentence without its full stop.
        remedy: what to do about it, as a sentence without its full stop.
        fixed: whether it is a fixed address.
    """

    what: str
    remedy: str
    fixed: bool = False


def other_identity(interface: str, ifindex: int, root: str = "/") -> Optional[OtherIdentity]:
    """Return what the DHCP client of an interface does if it does not identify the host by its MAC address.

    A fixed IPv4 address is told likewise. The result is None if the client does identify the host so, if it is none of
    networkd and dhcpcd, and if its configuration can't be read.

    Args:
        interface: the interface's name.
        ifindex: the interface's index.
        root: the directory that stands for ``/``.
    """
    by_networkd = networkd_file(ifindex, root)
    if by_networkd is not None:
        file, settings = by_networkd
        if settings is None:
            return None
        if turns_dhcp_on(settings, ipv4=True):
            return _of_networkd(file, settings)
        fixed = _fixed(settings)
        if fixed is not None:
            return _of_fixed(f"systemd-networkd ({file}: Address={fixed})", "Set DHCP=ipv4 there, and no Address=")
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


def _fixed(settings: networkd.Settings) -> Optional[str]:
    """Return an IPv4 address that networkd's settings give a link, or None without one."""
    found: Optional[str] = None
    for key in (("Network", "Address"), ("Address", "Address")):
        kept: Optional[str] = None
        for value in settings.get(key, ()):
            # An empty value removes those before it (systemd.network(5)).
            kept = value if _IPV4.match(value) else None if not value else kept
        found = found or kept
    return found


def _of_fixed(who: str, remedy: str) -> OtherIdentity:
    what = f"{who} gives the host a fixed IPv4 address, which may be another than CSME's"
    return OtherIdentity(what, remedy, fixed=True)


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
    duid, written, fixed = False, None, None
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
        elif meant and words[0] == "static" and len(words) > 1 and words[1].startswith(_DHCPCD_FIXED):
            fixed = words[1][len(_DHCPCD_FIXED) :]
    if fixed:
        line = f"static {_DHCPCD_FIXED}{fixed}"
        return _of_fixed(f"dhcpcd (/{_DHCPCD_CONF}: {line})", "Remove that line, so that dhcpcd asks for an address")
    by_mac = re.fullmatch(r"(?i:01(:[0-9a-f]{2}){6})", written) is not None if written else not duid
    if by_mac:
        return None
    how = f"clientid {written}" if written else "duid"
    return OtherIdentity(
        f"dhcpcd does not identify the host by its MAC address (/{_DHCPCD_CONF}: {how}), so the network may give it "
        "another address than CSME's",
        f"Remove that line, or write 'interface {interface}' and 'clientid 01:' with the MAC address at its end",
    )
