# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that describe one radio, its rfkill switch, and the machine's support for CSME."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import FrozenSet, Optional, Tuple

from .connection import CsmeConnection, PartialConnection, Reported

#: The reason of a hard block that says that CSME owns the radio (RFKILL_HARD_BLOCK_NOT_OWNER).
NOT_OWNER = "not_owner"
#: The reason of a hard block by the radio's own pin (RFKILL_HARD_BLOCK_SIGNAL).
SIGNAL = "signal"
#: The text about what a handover needs, where no radio was found that CSME can own.
NEEDED_RADIO = (
    "A handover needs a vPro radio with the driver iwlwifi (op mode iwlmvm), and a kernel that is built with iwlmei"
)


class Block:
    """The hard block of a switch, with its reasons. Classes that have ``hard`` and ``reasons`` inherit from it.

    The kernel can give both reasons at the same time. Then CSME owns the radio, and the radio is also switched off. So
    neither CSME nor the host can use it, and a handover has to wait until the radio is switched on.
    """

    hard: bool
    reasons: Optional[FrozenSet[str]]

    @property
    def owner(self) -> str:
        """Who owns the radio: ``host``, ``csme``, or ``unknown`` when the kernel gives no reasons."""
        if self.reasons is None:
            return "unknown"
        return "csme" if self.hard and NOT_OWNER in self.reasons else "host"

    @property
    def off(self) -> bool:
        """Whether the radio is blocked for another reason than CSME's ownership, such as a physical switch.

        A block without known reasons counts as such a block.
        """
        return self.hard and self.reasons != frozenset({NOT_OWNER})

    @property
    def by_pin(self) -> bool:
        """Whether the radio's own pin may be what blocks it: the kernel says so (``signal``), or it gives no reason.

        A physical switch works on that pin, and on some laptops the platform's switch does too.
        """
        return self.off and (not self.reasons or SIGNAL in self.reasons)


@dataclass(frozen=True)
class Switch(Block):
    """One rfkill switch as sysfs shows it. ``reasons`` is None on kernels that give no reasons (before Linux 5.11)."""

    index: int
    type: str
    name: str
    soft: bool
    hard: bool
    reasons: Optional[FrozenSet[str]]
    #: The radio (``phy0``) that the switch belongs to, or None for Bluetooth and platform switches.
    phy: Optional[str]

    @property
    def of_platform(self) -> bool:
        """Whether it is a WLAN switch of the platform (``dell-wifi``, ``hp-wifi``, ...), and not of one radio.

        On some laptops, the soft block of such a switch makes the firmware pull the pin of the radio. Then the kernel
        shows a hard block of the radio's own switch, with the reason ``signal``.
        """
        return self.type == WLAN and self.phy is None


#: The type of the switches of Wi-Fi radios.
WLAN = "wlan"
#: The first kernel with iwlmei.
FIRST_KERNEL = (5, 17)
#: The first kernel whose driver blocks the radio only when CSME takes it. There, an interface's bring-up asks CSME
#: ("wifi: iwlwifi: mvm: fix RFKILL report when driver is going down").
DRIVER_MANAGED = (6, 4)
#: Releases of vendors whose kernels get newer Wi-Fi drivers than their version says: Red Hat Enterprise Linux and its
#: relatives (5.14.0-503.el9.x86_64), SUSE Linux Enterprise 15 and 16 (5.14.21-150500.55-default).
_BACKPORTED = re.compile(r"\.el[0-9]|-1[56]0[0-9]00\.[0-9]")


@dataclass(frozen=True)
class Release:
    """The release of the running kernel. ``version`` can be compared: (5, 17) < (6, 1)."""

    text: str
    version: Tuple[int, int]

    @property
    def backported(self) -> bool:
        """Whether the kernel is a vendor's whose drivers may be newer than its version."""
        return _BACKPORTED.search(self.text) is not None


@dataclass(frozen=True)
class Iwlmei:
    """The state of iwlmei, the driver that talks to CSME. An attribute is None when it could not be read.

    Attributes:
        available: whether the running kernel has the module.
        loaded: whether the module is loaded.
        bound: whether the driver is bound to the management engine's client for wireless.
        sap_connected: whether CSME answers the driver. It is None also while the driver is not bound.
        source: who made the running kernel's file of the module, see ``_radio/kernels.py``. It is None also when there
            is no such file.
        signed: whether that file has a signature. It is None also when only unpacking the file would tell.
        for_kernels: the releases of the installed kernels that have the module, the newest first.
        next_kernel: the release of the kernel that boots next. It is None also when nothing tells.
        next_signed: as *signed*, for the kernel that boots next.
    """

    available: Optional[bool]
    loaded: Optional[bool]
    bound: Optional[bool]
    sap_connected: Optional[bool]
    source: Optional[str] = None
    signed: Optional[bool] = None
    for_kernels: Optional[Tuple[str, ...]] = None
    next_kernel: Optional[str] = None
    next_signed: Optional[bool] = None


@dataclass(frozen=True)
class Platform:
    """The kernel and its drivers.

    Attributes:
        release: the kernel's release, or None when it could not be read.
        iwlmei: the driver that talks to CSME.
        op_mode: iwlwifi's op mode. It is None when none is loaded, or it could not be read.
        out_of_tree: whether the op mode that knows CSME is loaded, and was not built together with the kernel.
        asks: whether the driver asks CSME for the radio by itself when the interface is brought up. It is None when
            nothing tells.
        secure_boot: whether the kernel takes only signed modules (``_radio/secured.py``), or None when it could not be
            read.
    """

    release: Optional[Release]
    iwlmei: Iwlmei
    op_mode: Optional[str]
    out_of_tree: bool = False
    asks: Optional[bool] = None
    secure_boot: Optional[bool] = None

    @property
    def too_old(self) -> bool:
        """Whether the kernel is older than iwlmei, and nothing shows or suggests that it has iwlmei all the same."""
        release = self.release
        if release is None or release.backported or self.out_of_tree or self.iwlmei.available:
            return False
        return release.version < FIRST_KERNEL


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
        phy: the kernel's name of the radio (``phy0``).
        interface: the radio's station interface, or None when it has none.
        ifindex: the index of that interface.
        mac: the MAC address of that interface.
        driver: the kernel driver, or None when sysfs names none.
        owner: ``csme`` when the reason of the rfkill block says that CSME owns the radio, and ``host`` when it does
            not. ``unknown`` when the kernel gives no reasons (before Linux 5.11), or the radio has no switch. It is
            also ``unknown`` while the interface is down, unless the driver is known not to ask CSME by itself when the
            interface comes up: CSME may own such a radio without a block.
        switch: the radio's rfkill switch.
        can_tell: whether the driver can tell CSME's connection (vendor command GET_CSME_CONN_INFO).
        can_request: whether the driver can ask CSME for the radio (vendor command HOST_GET_OWNERSHIP).
        roaming_event: whether the driver sends an event when CSME forbids roaming.
        csme: CSME's connection. It is None unless CSME owns the radio, because the kernel never forgets an old one.
        link: the host's own connection.
        part: what could be read of CSME's connection, when that is not enough for *csme*.
        platform: the WLAN switches of the platform, which may block any radio of the machine.
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
    part: Optional[PartialConnection] = None
    platform: Tuple[Switch, ...] = ()

    @property
    def reported(self) -> Optional[Reported]:
        """What is known of CSME's connection. It is None when CSME reports none, or nothing could be read."""
        return self.csme or self.part

    @property
    def identity(self) -> Tuple[str, Optional[int], Optional[int]]:
        """The name and numbers that identify the radio. If one of them changes, it is another radio."""
        return self.phy, self.ifindex, None if self.switch is None else self.switch.index

    @property
    def can_be_guarded(self) -> bool:
        """Whether the watcher can guard the radio.

        That needs an interface, a switch, and a driver that can tell CSME's connection and ask CSME for the radio.
        """
        return self.interface is not None and self.switch is not None and self.can_request and self.can_tell
