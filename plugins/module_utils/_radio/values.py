# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One radio, its switch, and what the machine has for CSME, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import FrozenSet, Optional, Tuple

from .connection import CsmeConnection

#: The reason of a hard block that says that CSME owns the radio (RFKILL_HARD_BLOCK_NOT_OWNER).
NOT_OWNER = "not_owner"


class Block:
    """How a switch blocks its radio. Whatever has ``hard`` and ``reasons`` can be asked whose block that is.

    The kernel can give both reasons at once. The radio is CSME's then, and it is off as well: so nobody can use it, and
    a handover has to wait until it is on.
    """

    hard: bool
    reasons: Optional[FrozenSet[str]]

    @property
    def owner(self) -> str:
        """Who owns the radio: ``host``, ``csme``, or ``unknown`` where the kernel gives no reasons."""
        if self.reasons is None:
            return "unknown"
        return "csme" if self.hard and NOT_OWNER in self.reasons else "host"

    @property
    def off(self) -> bool:
        """Whether the radio is blocked by hardware, for a reason beside CSME's ownership. So nobody can use it.

        A block for which the kernel gives no reasons counts.
        """
        return self.hard and self.reasons != frozenset({NOT_OWNER})


@dataclass(frozen=True)
class Switch(Block):
    """One rfkill switch as sysfs shows it. ``reasons`` is None on kernels that do not tell (before 5.11)."""

    index: int
    type: str
    name: str
    soft: bool
    hard: bool
    reasons: Optional[FrozenSet[str]]
    #: The radio (``phy0``) that the switch belongs to; None for Bluetooth and platform switches.
    phy: Optional[str]


#: The first kernel with iwlmei.
FIRST_KERNEL = (5, 17)
#: The first kernel whose driver asks CSME by itself when the interface is brought up.
DRIVER_MANAGED = (6, 4)


@dataclass(frozen=True)
class Release:
    """The running kernel. ``version`` orders releases: (5, 17) < (6, 1)."""

    text: str
    version: Tuple[int, int]

    @property
    def driver_managed(self) -> bool:
        """Whether its driver asks CSME for the radio by itself when the interface is brought up.

        It is a hint and no proof. An out-of-tree driver (Intel's backports) may be of the other generation than the
        kernel that it was built for, and nothing at run time tells them apart.
        """
        return self.version >= DRIVER_MANAGED


@dataclass(frozen=True)
class Iwlmei:
    """The driver that talks to CSME. Each is None when it could not be read.

    Attributes:
        available: the running kernel has the module.
        loaded: it is loaded.
        bound: it has the management engine's client for wireless.
        sap_connected: CSME answers it; None also while it is not bound, when there is nobody to answer.
    """

    available: Optional[bool]
    loaded: Optional[bool]
    bound: Optional[bool]
    sap_connected: Optional[bool]


@dataclass(frozen=True)
class Platform:
    """The kernel and its drivers. ``op_mode`` is iwlwifi's; None when it has none, or could not be read."""

    release: Optional[Release]
    iwlmei: Iwlmei
    op_mode: Optional[str]


@dataclass(frozen=True)
class Link:
    """The host's own connection. Frequency in MHz, signal in dBm."""

    ssid: Optional[bytes]
    bssid: str
    frequency: Optional[int]
    signal_dbm: Optional[int]
    addresses: Tuple[str, ...]


@dataclass(frozen=True)
class Radio:
    """One radio.

    Attributes:
        phy: the kernel's name (``phy0``).
        interface: its station interface, None when it has none.
        ifindex: that interface's index.
        mac: its MAC address.
        driver: the kernel driver, None when sysfs names none.
        owner: ``csme`` when the kernel says so by the block's reason, ``host`` when it says that CSME does not,
            ``unknown`` when it gives no reasons (before Linux 5.11), when the radio has no switch, and when the driver
            asks CSME by itself as the interface comes up, and it is down: then CSME may own it without a block.
        switch: its rfkill switch.
        can_tell: the driver can tell CSME's connection (vendor command GET_CSME_CONN_INFO).
        can_request: the driver can ask CSME for the radio (vendor command HOST_GET_OWNERSHIP).
        roaming_event: the driver announces that roaming is forbidden.
        csme: CSME's connection, only while CSME owns the radio: the kernel never forgets an old one.
        link: the host's own connection.
    """

    phy: str
    interface: Optional[str]
    ifindex: Optional[int]
    mac: Optional[str]
    driver: Optional[str]
    owner: str
    switch: Optional[Switch]
    can_tell: bool
    can_request: bool
    roaming_event: bool
    csme: Optional[CsmeConnection]
    link: Optional[Link]

    @property
    def can_be_guarded(self) -> bool:
        """Whether it has an interface and a switch, and its driver tells of CSME and asks it for the radio."""
        return self.interface is not None and self.switch is not None and self.can_request and self.can_tell
