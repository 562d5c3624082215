# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Would a handover succeed on this laptop now? If not: every reason, with what to do about it.

Pure: what was read goes in, the verdict comes out. Codes are stable; ``docs/readiness.md`` explains each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, Mapping, Optional, Sequence, Tuple

from .._network.backend import IWD, NAMES, NETWORKMANAGER, NONE, WPA_SUPPLICANT
from .._network.managed import Managed
from .._network.profile import Profile, find_obstacle, find_profile
from .._radio.connection import CsmeConnection
from .._radio.values import FIRST_KERNEL, Platform, Radio
from .._system.reading import Unreadable
from .._watcher.report import WatcherReport

#: The first kernel that gives the reason of a hard block.
_REASONS_KERNEL = (5, 11)
#: The driver that needs iwlmei. A radio of another that offers Intel's commands is judged by what it offers.
_INTEL = "iwlwifi"


@dataclass(frozen=True)
class Blocker:
    """One reason why a handover would not succeed: a stable code, and for people what it is and what to do."""

    code: str
    message: str


@dataclass(frozen=True)
class Known:
    """All that the verdict rests on.

    Attributes:
        platform: kernel and drivers.
        radios: all radios. There are none where their list could not be read: then *unreadable* has ``radios``.
        managed: who runs each interface, by its name.
        watcher: the watcher.
        unreadable: what could not be read.
    """

    platform: Platform
    radios: Sequence[Radio]
    managed: Mapping[str, Managed]
    watcher: WatcherReport
    unreadable: Sequence[Unreadable]

    def why(self, what: str) -> Optional[Unreadable]:
        """Return the note on *what* if it could not be read."""
        return next((unreadable for unreadable in self.unreadable if unreadable.what == what), None)


def blockers(known: Known) -> Tuple[Blocker, ...]:
    """Return every reason why a handover would not succeed now; none means that all is ready for one.

    With several radios that CSME can own, each has to be ready: CSME chooses which it takes.
    """
    return tuple(dict.fromkeys(_all(known)))  # two radios may share a reason


def _all(known: Known) -> Iterator[Blocker]:
    unread = known.why("radios")
    if unread is not None:
        yield _no_radios_listed(unread)
        yield from _watcher(known)
        return
    able = [radio for radio in known.radios if radio.can_tell and radio.can_request]
    if not able:
        yield from _no_radio(known)
        return
    if any(radio.driver == _INTEL for radio in able):
        yield from _iwlmei(known)
    for radio in able:
        yield from _radio(radio, known)
        if radio.interface is not None:
            yield from _supplicant(radio.interface, radio.csme, known)
    yield from _watcher(known)


def _unknown(what: str, known: Known, remedy: str) -> Blocker:
    """Return the blocker for something that the verdict needs and nobody knows."""
    unread = known.why(what)
    return Blocker("unknown", f"{what} is not known: {unread.why if unread else remedy}")


# -- the machine ------------------------------------------------------------------------------------------------------


def _no_radios_listed(unread: Unreadable) -> Blocker:
    if unread.code == "library_missing":
        return Blocker("library_missing", unread.why)
    if unread.code == "not_found":  # no nl80211: the kernel has no wireless at all
        return Blocker("no_radio", unread.why)
    return Blocker("unknown", f"the radios are not known: {unread.why}")


def _no_radio(known: Known) -> Iterator[Blocker]:
    """No radio offers Intel's commands: say why, as far as it shows, and that there is none."""
    platform = known.platform
    if any(radio.driver == _INTEL for radio in known.radios):
        if platform.op_mode == "iwlmld":
            yield Blocker(
                "op_mode_unsupported",
                "the radio's driver (op mode iwlmld) knows nothing of CSME. Nothing can be done on this laptop; "
                "switch AMT over wireless off, so that CSME leaves the radio alone",
            )
        elif platform.release is not None and platform.release.version < FIRST_KERNEL:
            yield Blocker(
                "kernel_too_old",
                f"Linux {platform.release.text} knows nothing of CSME. Install Linux 5.17 or later, with iwlmei",
            )
        elif platform.iwlmei.available is False:
            yield _IWLMEI_MISSING
    what = "no radio of this machine offers Intel's CSME vendor commands" if known.radios else "there is no radio"
    yield Blocker("no_radio", f"{what}. {_HARDWARE}")


_HARDWARE = "It takes a vPro radio under iwlwifi (op mode iwlmvm) and a kernel that is built with iwlmei"
_IWLMEI_MISSING = Blocker(
    "iwlmei_missing",
    "the running kernel has no module iwlmei. Install the package that brings it, or a kernel that is built with "
    "CONFIG_IWLMEI (distributions may leave it out)",
)


def _iwlmei(known: Known) -> Iterator[Blocker]:
    """Each step needs the one before, so the first that is missing is the reason; the rest would only repeat it."""
    mei = known.platform.iwlmei
    if mei.loaded is None:
        yield _unknown("kernel.iwlmei.loaded", known, "make /sys readable")
    elif not mei.loaded and mei.available is False:
        yield _IWLMEI_MISSING
    elif not mei.loaded:
        yield Blocker("iwlmei_not_loaded", "the module iwlmei is not loaded. Load it (modprobe iwlmei)")
    elif mei.bound is None:
        yield _unknown("kernel.iwlmei.bound", known, "make /sys readable")
    elif not mei.bound:
        yield Blocker(
            "iwlmei_not_bound",
            "iwlmei has no wireless client of the management engine. Enable AMT in the firmware setup, and make sure "
            "that the module mei_me is loaded",
        )
    elif mei.sap_connected is None:
        yield _unknown("kernel.iwlmei.sap_connected", known, "run as root, with debugfs mounted")
    elif not mei.sap_connected:
        yield Blocker(
            "sap_not_connected",
            "CSME does not answer iwlmei. Enable wireless management in AMT; if it is enabled, load iwlmei anew or "
            "restart the laptop",
        )


# -- one radio --------------------------------------------------------------------------------------------------------


def _radio(radio: Radio, known: Known) -> Iterator[Blocker]:
    name = radio.interface or radio.phy
    if radio.interface is None:
        yield Blocker(
            "no_interface",
            f"{radio.phy} has no station interface, which every request to CSME needs. Make one (iw phy {radio.phy} "
            "interface add wlan0 type managed)",
        )
    elif radio.driver is None and known.why(f"radios.{radio.phy}.driver"):
        yield _unknown(f"radios.{radio.phy}.driver", known, "")
    switch = radio.switch
    release = known.platform.release
    if switch is None and (release is None or release.version >= _REASONS_KERNEL):
        what = "rfkill" if known.why("rfkill") else f"radios.{radio.phy}.rfkill"
        yield _unknown(what, known, "the kernel shows no switch of this radio; make /sys/class/rfkill readable")
    elif switch is None or switch.reasons is None:
        yield Blocker(
            "kernel_too_old",
            f"the kernel gives no reason for a block of {name}, so nobody can tell whether CSME owns it. Install "
            "Linux 5.17 or later",
        )
    else:
        if switch.soft:
            yield Blocker("airplane_mode", f"airplane mode is on ({name}). Turn it off (rfkill unblock wlan)")
        if switch.off:
            yield Blocker("switch_off", f"{name} is switched off by hardware. Turn its switch or key on")
    if radio.owner == "csme" and known.why(f"radios.{radio.phy}.csme"):
        yield _unknown(f"radios.{radio.phy}.csme", known, "")


def _supplicant(interface: str, csme: Optional[CsmeConnection], known: Known) -> Iterator[Blocker]:
    managed = known.managed.get(interface)
    if managed is None or managed.manager is None:
        what = "supplicant.manager" if known.why("supplicant.manager") else f"supplicant.{interface}"
        yield _unknown(what, known, "nobody can tell who runs the interface; run as root")
    elif known.watcher.running and interface in known.watcher.held:
        yield Blocker(
            "no_profile",
            f"there is no profile that {interface} could use for {known.watcher.held[interface]}, which CSME is on. It "
            "is not brought up yet, since that would end a session. Add one with its credentials",
        )
    elif managed.manager == IWD:
        yield Blocker(
            "iwd_unsupported",
            f"iwd runs {interface}, which is not supported yet. Use wpa_supplicant or NetworkManager instead",
        )
    elif managed.manager == NONE:
        yield Blocker(
            "no_supplicant",
            f"nobody runs {interface}. Apply the role vpro.fleet.supplicant, or let NetworkManager have the interface",
        )
    elif managed.trouble == "not_found":
        yield Blocker(
            "supplicant_no_control",
            f"wpa_supplicant runs, but offers no control socket for {interface}. Start it for this interface, with "
            "ctrl_interface=DIR=/run/wpa_supplicant in its configuration",
        )
    else:
        yield from _usable(interface, csme, managed, known)


def _usable(interface: str, csme: Optional[CsmeConnection], managed: Managed, known: Known) -> Iterator[Blocker]:
    """Say what keeps a supplicant that can be asked from carrying CSME's connection on."""
    what = f"supplicant.{interface}"
    unread = known.why(what)
    who = NAMES[managed.manager or WPA_SUPPLICANT]
    if managed.manager == NETWORKMANAGER and known.watcher.managers.get(interface, NETWORKMANAGER) != NETWORKMANAGER:
        yield Blocker(
            "networkmanager_unusable",
            f"NetworkManager runs {interface}, and the watcher can't use it; its journal says why. Apply the role "
            "vpro.fleet.watcher anew: it installs what the watcher needs for that, and gives it the right to",
        )
    elif (
        managed.trouble is None
        and known.watcher.running
        and known.watcher.managers.get(interface, managed.manager) is None
    ):
        # What root reads here says nothing of that: the control socket obeys root, and one group.
        yield Blocker(
            "supplicant_unusable",
            f"wpa_supplicant runs {interface}, and the watcher can't use it; its journal says why. Apply the role "
            "vpro.fleet.supplicant: it gives the control socket to the watcher's group",
        )
    if managed.trouble == "timed_out":
        yield Blocker(
            "supplicant_unresponsive", f"{who} does not answer for {interface}. Look for what keeps it, and restart it"
        )
    elif managed.profiles is None and unread is not None and unread.code == "library_missing":
        yield Blocker("library_missing", unread.why)
    elif managed.profiles is None:
        yield _unknown(what, known, "run as root")
    elif csme is not None:
        yield from _profile(interface, csme, managed.profiles)


def _profile(interface: str, csme: CsmeConnection, profiles: Sequence[Profile]) -> Iterator[Blocker]:
    """Say why no profile could carry CSME's connection on; nothing when one could."""
    if find_profile(profiles, csme) is not None:
        return
    network = f"{csme.ssid.decode('utf-8', 'backslashreplace')!r} ({csme.auth}), which CSME is on"
    obstacle = find_obstacle(profiles, csme)
    if obstacle is None:
        yield Blocker("no_profile", f"{interface} has no profile for {network}. Add one with its credentials")
    else:
        yield Blocker(
            "profile_disabled" if obstacle.disabled else "profile_unfit",
            f"the profile of {interface} for {network}, {obstacle.what}. {obstacle.remedy}",
        )


def _watcher(known: Known) -> Iterator[Blocker]:
    watcher = known.watcher
    if not watcher.installed and not watcher.running:
        yield Blocker("watcher_not_installed", "amt-wifi-watcher is not installed. Apply the role vpro.fleet.watcher")
    elif watcher.running is None:
        yield _unknown("watcher", known, "make /run/amt-wifi-watcher readable")
    elif not watcher.running:
        yield Blocker(
            "watcher_not_running", "amt-wifi-watcher does not run. Start it (systemctl start amt-wifi-watcher)"
        )
