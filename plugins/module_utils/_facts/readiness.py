# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deciding whether a handover would succeed on this laptop now. If not, every reason is given with its remedy.

This file does no I/O: it judges the values that ``gather`` has read. The codes of the reasons are stable, and
``docs/readiness.md`` explains each.
"""

from __future__ import annotations

from typing import Iterator, Optional, Sequence, Tuple

from .._network.backend import IWD, NAMES, NETWORKMANAGER, NONE, WPA_SUPPLICANT
from .._network.limits import DHCP_IDENTITY, MAC_ADDRESS, JoinedConnection, link_doubt, target_of
from .._network.managed import Managed
from .._network.profile import Profile, find_profile, find_profile_or_obstacle
from .._radio.switched_off import AIRPLANE_MODE, NO_REASON, switched_off
from .._radio.values import NEEDED_RADIO, Platform, Radio
from .._system.printable import quoted
from .._system.reading import Unreadable
from .known import Blocker, Known

#: The first kernel that gives the reason of a hard block.
_REASONS_KERNEL = (5, 11)
#: The driver that needs iwlmei. A radio with another driver may also offer Intel's commands, and needs no iwlmei.
_INTEL = "iwlwifi"
#: The role that gives iwlmei to installed kernels.
_ROLE = "vpro.fleet.driver"


def blockers(known: Known) -> Tuple[Blocker, ...]:
    """Return every reason why a handover would not succeed now. There is none when the laptop is ready.

    If CSME can own several radios, each of them has to be ready, because CSME chooses which radio it takes.
    """
    return tuple(dict.fromkeys(_all(known)))  # two radios may share a reason


def warnings(known: Known) -> Tuple[Blocker, ...]:
    """Return the reasons why a handover may lose the session although it succeeds, or will fail after the next boot.

    They do not make a laptop unready. For a radio that CSME has a connection on, the former are about the profile that
    would carry it on.
    """
    return tuple(dict.fromkeys((*_next_boot(known.platform), *_doubts(known))))


def _doubts(known: Known) -> Iterator[Blocker]:
    for radio in known.radios:
        managed = known.managed.get(radio.interface or "")
        if managed is None or not managed.profiles or not (radio.can_tell and radio.can_request):
            continue
        profiles = [profile for profile in managed.profiles if profile.enabled]
        target = target_of(radio.reported)
        if target is not None:
            chosen = find_profile(profiles, target)
            profiles = [] if chosen is None else [chosen]
        for profile in profiles:
            for doubt in (profile.doubt, link_doubt(profile.limits, None if target is None else target.cipher)):
                if doubt is not None:
                    yield Blocker(doubt.code or DHCP_IDENTITY, f"{radio.interface}: {doubt.what}. {doubt.remedy}")


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
        found = tuple(_radio(radio, known))
        if radio.interface is not None:
            found += tuple(_supplicant(radio.interface, target_of(radio.reported), known))
            # A present cause was found above. Only the watcher knows of a failed handover, so that is added.
            if not found or known.watcher.failed(radio.interface):
                found += tuple(_left(radio.interface, radio, known))
        yield from found
    yield from _watcher(known)


def _unknown(what: str, known: Known, remedy: str) -> Blocker:
    """Return the blocker for a value that is needed for the decision but is not known."""
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
    """Yield the blockers of a machine on which no radio offers Intel's commands, with the cause if it is known."""
    platform = known.platform
    if any(radio.driver == _INTEL for radio in known.radios):
        if platform.op_mode == "iwlmld":
            yield Blocker(
                "op_mode_unsupported",
                "the radio's driver (op mode iwlmld) does not support CSME. A handover is not possible on this laptop. "
                "Switch AMT over wireless off, so that CSME leaves the radio alone",
            )
        elif platform.release is not None and platform.too_old:
            yield Blocker(
                "kernel_too_old",
                f"Linux {platform.release.text} does not support CSME. Install Linux 5.17 or later, with iwlmei",
            )
        elif platform.iwlmei.available is False:
            yield _iwlmei_missing(platform)
    what = "no radio of this machine offers Intel's CSME vendor commands" if known.radios else "there is no radio"
    yield Blocker("no_radio", f"{what}. {NEEDED_RADIO}")


def _iwlmei_missing(platform: Platform) -> Blocker:
    mei = platform.iwlmei
    what = "the running kernel has no module iwlmei"
    if mei.next_kernel in (mei.for_kernels or ()):
        remedy = f"Restart the laptop: Linux {mei.next_kernel}, which boots next, has it"
    elif mei.for_kernels:
        remedy = f"Boot Linux {' or '.join(mei.for_kernels)}, which is installed and has it, or apply the role {_ROLE}"
    else:
        remedy = f"Apply the role {_ROLE}, or install a kernel that is built with CONFIG_IWLMEI"
    return Blocker("iwlmei_missing", f"{what}. {remedy}")


def _next_boot(platform: Platform) -> Iterator[Blocker]:
    """Yield the warning if the running kernel has iwlmei, and the kernel that boots next has not, or refuses it."""
    mei = platform.iwlmei
    if not mei.available or mei.next_kernel is None or mei.for_kernels is None:
        return
    running = platform.release is not None and mei.next_kernel == platform.release.text
    if mei.next_kernel not in mei.for_kernels:
        which = "the installed kernel" if running else f"Linux {mei.next_kernel}"
        remedy = f"Apply the role {_ROLE} before the laptop restarts"
        if not running and platform.release is not None and platform.release.text in mei.for_kernels:
            remedy += f", or let Linux {platform.release.text} boot"
        yield Blocker(
            "next_kernel_without_iwlmei",
            f"{which}, which boots next, has no module iwlmei. So no handover is possible after the restart. {remedy}",
        )
    elif platform.secure_boot and mei.next_signed is False and not running:
        yield Blocker(
            "next_kernel_refuses_iwlmei",
            f"Secure Boot is on, and the module iwlmei of Linux {mei.next_kernel}, which boots next, is not signed, so "
            f"that kernel does not load it. Apply the role {_ROLE} with a key that the laptop knows",
        )


def _iwlmei(known: Known) -> Iterator[Blocker]:
    """Yield the blocker of iwlmei, if there is one.

    Each step needs the one before it, so only the first step that is missing is reported.
    """
    mei = known.platform.iwlmei
    if mei.loaded is None:
        yield _unknown("kernel.iwlmei.loaded", known, "make /sys readable")
    elif not mei.loaded and mei.available is False:
        yield _iwlmei_missing(known.platform)
    elif not mei.loaded and mei.signed is False and known.platform.secure_boot:
        yield Blocker(
            "iwlmei_not_loaded",
            "the module iwlmei is not loaded. Secure Boot is on, and its file is not signed, so the kernel refuses it. "
            f"Apply the role {_ROLE} with a key that the laptop knows",
        )
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
            "CSME does not answer iwlmei. Enable wireless management in AMT. If it is enabled, load iwlmei again or "
            "restart the laptop",
        )


# -- one radio --------------------------------------------------------------------------------------------------------


def _radio(radio: Radio, known: Known) -> Iterator[Blocker]:
    name = radio.interface or radio.phy
    if radio.interface is None:
        yield Blocker(
            "no_interface",
            f"{radio.phy} has no station interface, which every request to CSME needs. Create one "
            f"(iw phy {radio.phy} interface add wlan0 type managed)",
        )
    elif radio.driver is None and known.why(f"radios.{radio.phy}.driver"):
        yield _unknown(f"radios.{radio.phy}.driver", known, "")
    switch = radio.switch
    release = known.platform.release
    if switch is None and (release is None or release.backported or release.version >= _REASONS_KERNEL):
        what = "rfkill" if known.why("rfkill") else f"radios.{radio.phy}.rfkill"
        yield _unknown(what, known, "the kernel shows no rfkill switch of this radio. Make /sys/class/rfkill readable")
    elif switch is None or switch.reasons is None:
        yield Blocker("kernel_too_old", f"{name}: {NO_REASON.what}. {NO_REASON.remedy}")
    else:
        if switch.soft:
            yield Blocker("airplane_mode", f"{name}: {AIRPLANE_MODE.what}. {AIRPLANE_MODE.remedy}")
        if switch.off:
            words = switched_off(switch, radio.platform)
            yield Blocker("switch_off", f"{name}: {words.of(None)}. {words.remedy}")
    if radio.owner == "csme" and known.why(f"radios.{radio.phy}.csme"):
        yield _unknown(f"radios.{radio.phy}.csme", known, "")
    if radio.part is not None:
        yield Blocker(
            "csme_unreadable",
            f"a part of CSME's connection on {name} can't be read ({radio.part.why}). Without it, the host can't be "
            "pinned to CSME's access point and channel, so CSME keeps the radio. Please report this. When CSME is on "
            "another network or channel, a handover may succeed",
        )


def _supplicant(interface: str, csme: Optional[JoinedConnection], known: Known) -> Iterator[Blocker]:
    managed = known.managed.get(interface)
    if managed is None or managed.manager is None:
        what = "supplicant.manager" if known.why("supplicant.manager") else f"supplicant.{interface}"
        yield _unknown(what, known, "the program that manages the interface could not be found out. Run this as root")
    elif known.watcher.running and interface in known.watcher.held:
        yield Blocker(
            "no_profile",
            f"there is no profile that {interface} could use for {known.watcher.held[interface]}, which CSME is on. "
            "The interface is not brought up yet, because that would end a session. Add a profile with the network's "
            "credentials",
        )
    elif managed.manager == IWD:
        yield Blocker(
            "iwd_unsupported",
            f"iwd manages {interface}, which is not supported yet. Use wpa_supplicant instead, or NetworkManager "
            "without 'wifi.backend=iwd' in its configuration",
        )
    elif managed.manager == NONE:
        yield Blocker(
            "no_supplicant",
            f"no program manages {interface}. Apply the role vpro.fleet.supplicant, or let NetworkManager manage it",
        )
    elif managed.trouble == "not_found":
        yield Blocker(
            "supplicant_no_control",
            f"wpa_supplicant runs, but offers no control socket for {interface}. Start it for this interface, with "
            "ctrl_interface=DIR=/run/wpa_supplicant in its configuration",
        )
    else:
        yield from _usable(interface, csme, managed, known)


def _usable(interface: str, csme: Optional[JoinedConnection], managed: Managed, known: Known) -> Iterator[Blocker]:
    """Yield the blockers of an interface whose manager is wpa_supplicant or NetworkManager."""
    what = f"supplicant.{interface}"
    unread = known.why(what)
    who = NAMES[managed.manager or WPA_SUPPLICANT]
    if managed.manager == NETWORKMANAGER and known.watcher.managers.get(interface, NETWORKMANAGER) != NETWORKMANAGER:
        yield Blocker(
            "networkmanager_unusable",
            f"NetworkManager manages {interface}, but the watcher can't use NetworkManager. The watcher's journal says "
            "why. Apply the role vpro.fleet.watcher again, which installs what the watcher needs and gives it the "
            "rights",
        )
    elif (
        managed.trouble is None
        and known.watcher.running
        and known.watcher.managers.get(interface, managed.manager) is None
    ):
        # The control socket is for root and one group. This code runs as root, so it can't tell whether the watcher may
        # use the socket.
        yield Blocker(
            "supplicant_unusable",
            f"wpa_supplicant manages {interface}, but the watcher can't use wpa_supplicant. The watcher's journal says "
            "why. Apply the role vpro.fleet.supplicant, which gives the control socket to the watcher's group",
        )
    if managed.trouble == "timed_out":
        yield Blocker(
            "supplicant_unresponsive", f"{who} does not answer for {interface}. Find out why it hangs, and restart it"
        )
    elif managed.profiles is None and unread is not None and unread.code == "library_missing":
        yield Blocker("library_missing", unread.why)
    elif managed.profiles is None:
        yield _unknown(what, known, "run as root")
    elif csme is not None:
        yield from _profile(interface, csme, managed.profiles)
    else:
        yield from _address(interface, managed.profiles)


def _address(interface: str, profiles: Sequence[Profile]) -> Iterator[Blocker]:
    """Yield the blocker if every profile gives the interface another MAC address than CSME's."""
    obstacles = [profile.obstacle for profile in profiles if profile.enabled or profile.obstacle is not None]
    differing = [each for each in obstacles if each is not None and each.code == MAC_ADDRESS]
    if differing and len(differing) == len(obstacles):
        yield Blocker(MAC_ADDRESS, f"each profile of {interface} {differing[0].what}. {differing[0].remedy}")


def _profile(interface: str, csme: JoinedConnection, profiles: Sequence[Profile]) -> Iterator[Blocker]:
    """Yield the blocker if the host has no profile with which it can take CSME's connection over."""
    profile, obstacle = find_profile_or_obstacle(profiles, csme)
    if profile is not None:
        return
    network = f"{quoted(csme.ssid)} ({csme.auth}), which CSME is on"
    if obstacle is None:
        yield Blocker("no_profile", f"{interface} has no profile for {network}. Add one with its credentials")
    else:
        yield Blocker(
            obstacle.readiness_code,
            f"the profile of {interface} for {network}, {obstacle.what}. {obstacle.remedy}",
        )


def _left(interface: str, radio: Radio, known: Known) -> Iterator[Blocker]:
    """Yield the blocker if the watcher leaves a radio to CSME, or does not watch it.

    What the watcher says itself (``amt-wifi-watcher status``) and the readiness are one verdict.
    """
    watcher = known.watcher
    if not watcher.running or radio.owner != "csme":
        return
    why = watcher.why_left(interface)
    if why is not None:
        yield Blocker("left_to_csme", f"the watcher leaves the radio of {interface} to CSME for now: {why}")
    elif watcher.watched is not None and interface not in watcher.watched:
        yield Blocker(
            "left_to_csme",
            f"the watcher leaves the radio of {interface} to CSME, because it does not watch it. Set the role's "
            "watcher_interfaces to names that include it, or to an empty list",
        )


def _watcher(known: Known) -> Iterator[Blocker]:
    watcher = known.watcher
    if not watcher.installed and not watcher.running:
        yield Blocker("watcher_not_installed", "amt-wifi-watcher is not installed. Apply the role vpro.fleet.watcher")
    elif watcher.running is None:
        yield _unknown("watcher", known, "make /run/amt-wifi-watcher readable")
    elif watcher.lacks is not None:
        yield Blocker(
            "watcher_not_running",
            f"amt-wifi-watcher waits for what is missing: {watcher.lacks}. It goes on by itself when that is there",
        )
    elif not watcher.running:
        yield Blocker(
            "watcher_not_running", "amt-wifi-watcher does not run. Start it (systemctl start amt-wifi-watcher)"
        )
