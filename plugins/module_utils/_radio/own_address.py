# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether an interface has the MAC address of CSME, which is the permanent one of its radio.

A host with another address is another one for the network, so CSME's session ends. systemd-udevd may give the interface
another address when the interface comes (a ``.link`` file), and so may programs such as ``macchanger`` later.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Optional

from .._system.errors import FleetError
from .._system.udev import GivenAddress, given_address
from . import sysfs

_LOOK = (
    "Give the interface its permanent address. Look for macchanger, for rules of udev, and for MACAddress= in "
    "systemd-networkd's files"
)


@dataclass(frozen=True)
class OtherAddress:
    """An interface with another MAC address than CSME's.

    Attributes:
        what: the fact, as a sentence without its full stop.
        remedy: what to do about it, as a sentence without its full stop.
    """

    what: str
    remedy: str


def present_address(interface: str, root: str = "/") -> Optional[OtherAddress]:
    """Compare the address that an interface has now. Return None if it is CSME's.

    Args:
        interface: the interface's name.
        root: the directory that stands for ``/``.

    Raises:
        NotFound: there is no such interface, or it is not wireless.
        AccessDenied, TransportFailed: sysfs cannot be read.
    """
    now, permanent = sysfs.mac_of(interface, root), sysfs.permanent_mac_of(interface, root)
    if now == permanent:
        return None
    given = _given(interface, root)
    if given is None or given.mac not in (None, now):
        by, remedy = "", _LOOK
    else:
        by, remedy = f" ({given.file}: {given.setting})", _remedy(given)
    return OtherAddress(f"{interface} has the MAC address {now}{by}, but CSME uses its radio's ({permanent})", remedy)


def first_address(interface: str, root: str = "/") -> Optional[OtherAddress]:
    """Compare the address that udevd gave an interface. Return None if that is CSME's, or not known.

    This is for interfaces whose present address may be another one, only for scans.

    Args:
        interface: the interface's name.
        root: the directory that stands for ``/``.

    Raises:
        NotFound: there is no such interface, or it is not wireless.
        AccessDenied, TransportFailed: sysfs cannot be read.
    """
    permanent, given = sysfs.permanent_mac_of(interface, root), _given(interface, root)
    if given is None or given.mac == permanent:
        return None
    what = f"systemd-udevd gives {interface} another MAC address ({given.file}: {given.setting})"
    return OtherAddress(f"{what}, but CSME uses its radio's ({permanent})", _remedy(given))


def _given(interface: str, root: str) -> Optional[GivenAddress]:
    with suppress(FleetError):
        return given_address(sysfs.index_of(interface, root), root)
    return None


def _remedy(given: GivenAddress) -> str:
    return f"Set MACAddressPolicy=persistent in [Link] of {given.file} instead, then boot the laptop"
