# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The drivers with iwlmei on a laptop: for which kernels they are there, whether they belong there, and their life.

No driver is ever unloaded: the link over it would end, and with it what Ansible speaks over. What is installed counts
from the next boot on.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from typing import Any, Collection, Dict, List, Optional, Sequence, Tuple

from .._radio.secured import is_on
from .._system.errors import FleetError, Refused
from .._system.files import names_in
from .._system.program import run
from . import driver_dkms, driver_hold
from .driver_enrolment import Enrolment, check_signatures
from .driver_loaded import is_loaded, is_older, is_stale
from .driver_packages import install, installed, kernels, read, remove
from .driver_recipe import numbers

#: The management engine's client for wireless, which is there only where AMT can use the radio
#: (linux/drivers/net/wireless/intel/iwlwifi/mei/main.c).
_WIRELESS_CLIENT = "-13280904-7792-4fcb-a1aa-5e70cbb1e865"
#: The first kernel whose iwlmei survives a suspend where AMT is off (kernel bugzilla 215937).
_SUSPENDS = (6, 2)
#: The op modes of iwlwifi that know nothing of CSME, and what they drive.
_OTHERS = {"iwlmld": "the newest radios", "iwldvm": "radios that are older than CSME's wireless part"}
#: What may be told to be done despite its reason.
DESPITE = ("no_radio", "op_mode_unsupported", "no_csme")
#: Seconds for one program at most.
_SECONDS = 60


@dataclass(frozen=True)
class Seen:
    """What a laptop has.

    Attributes:
        running: the running kernel's release.
        kernels: the releases of the installed kernels.
        installed: the versions of the installed packages, by release.
        by_dkms: the versions that DKMS has installed, by release.
        followed: the packages that bring new kernels, each with the release of the kernel that it would bring now.
    """

    running: str
    kernels: Tuple[str, ...]
    installed: Dict[str, str]
    by_dkms: Dict[str, str]
    followed: Dict[str, Optional[str]]

    @property
    def coming(self) -> List[str]:
        """The releases of the kernels that the next update brings."""
        return sorted({release for release in self.followed.values() if release} - set(self.kernels))


def look(root: str = "/") -> Seen:
    """Return what the laptop has.

    Raises:
        Refused: the laptop's distribution has other packages.
        NotFound, TimedOut, TransportFailed: it can't be found out.
    """
    if shutil.which("dpkg-query") is None:
        what = "Nothing was changed: this laptop's distribution has no packages of the kind deb"
        remedy = "docs/kernels.md of the collection says what to do there"
        raise Refused("distribution_unsupported", what, remedy=remedy)
    found = kernels(root)
    return Seen(os.uname().release, found, installed(), driver_dkms.installed(root), driver_hold.followed(found))


def why_not(root: str = "/") -> List[Refused]:
    """Return the reasons why iwlmei does not belong on this laptop, if any.

    Whether AMT's wireless management is switched on can't be told without iwlmei. What can be told is whether the
    firmware has it.

    Args:
        root: the directory that stands for ``/``.
    """
    found = []
    radios = [name for name in names_in(os.path.join(root, "sys/bus/pci/drivers/iwlwifi")) if ":" in name]
    modules = set(names_in(os.path.join(root, "sys/module")))
    other = next((name for name in _OTHERS if name in modules), None)
    if not radios:
        remedy = "If its driver is only not loaded now, load it (modprobe iwlwifi)"
        found.append(Refused("no_radio", "this laptop has no radio of Intel's (iwlwifi)", remedy=remedy))
    elif "iwlmvm" not in modules and other is not None:
        what = f"the radio's op mode is {other}, for {_OTHERS[other]}. It knows nothing of CSME"
        found.append(Refused("op_mode_unsupported", what, remedy="iwlmei can do nothing on this laptop"))
    clients = names_in(os.path.join(root, "sys/bus/mei/devices"))
    if not any(name.endswith(_WIRELESS_CLIENT) for name in clients):
        what = "this laptop's firmware shows no wireless management: AMT is switched off, or not there"
        remedy = "Where AMT is off, iwlmei does harm. Switch AMT on in the firmware, or load mei_me if it is not loaded"
        found.append(Refused("no_csme", what, remedy=remedy))
    return found


def refuse(despite: Collection[str], root: str = "/") -> None:
    """Fail if iwlmei does not belong on this laptop.

    Args:
        despite: the reasons that do not count.
        root: the directory that stands for ``/``.

    Raises:
        Refused: it does not.
    """
    for reason in why_not(root):
        if reason.reason not in despite:
            remedy = f"{reason.remedy}. To install it nevertheless, put {reason.reason} into driver_despite"
            raise Refused(reason.reason, f"Nothing was installed: {reason.what}", remedy=remedy)


def warnings_for(releases: Sequence[str]) -> List[str]:
    """Return what is to be known of iwlmei in these kernels."""
    bad = [release for release in releases if numbers(release) < _SUSPENDS]
    if not bad:
        return []
    text = (
        f"iwlmei of Linux {', '.join(bad)} takes a suspend for a theft of the radio, and leaves the interface down "
        "(kernel bugzilla 215937). The watcher brings it up again. Linux 6.2 and later do not have this error"
    )
    newer = _newer_kernel()
    return [f"{text}. This distribution has one: {newer}" if newer else text]


def _newer_kernel() -> Optional[str]:
    """Return the name of the distribution's package with a kernel without that error, if apt knows any."""
    try:
        names = run(["apt-cache", "pkgnames", "linux-image-"], _SECONDS).out.decode(errors="replace").split()
    except FleetError:
        return None
    # Debian: linux-image-6.12-amd64 is the newest kernel 6.12.
    matches = [re.fullmatch(r"linux-image-([0-9]+)\.([0-9]+)-amd64", name) for name in names]
    found = sorted((int(match[1]), int(match[2]), match[0]) for match in matches if match)
    return next((name for major, minor, name in reversed(found) if (major, minor) >= _SUSPENDS), None)


def secured(root: str) -> bool:
    """Say whether Secure Boot is on, see ``_radio/secured.py``.

    Raises:
        NotFound, AccessDenied, DecodeFailed, TransportFailed: that can't be told, so nothing can be installed.
    """
    try:
        return is_on(root)
    except FleetError as error:
        error.what = f"Nothing was installed: it can't be told whether Secure Boot is on: {error.what}"
        raise


def apply(
    paths: Sequence[str], enrolment: Optional[Enrolment], *, hold: bool = False, check: bool, root: str = "/"
) -> Dict[str, Any]:
    """Install packages for the laptop's kernels and the next one, and remove those for kernels that are gone.

    Args:
        paths: the packages' files. Those for other kernels than the laptop's are left out.
        enrolment: the fleet's key.
        hold: whether the next kernel is held back until its package is installed.
        check: whether nothing is to be changed.
        root: the directory that stands for ``/``.

    Returns:
        The module's result.

    Raises:
        FleetError: nothing was installed, or what was installed before is in place.
    """
    on = secured(root)
    seen = look(root)
    wanted = {*seen.kernels, *seen.coming}
    packages = [package for package in map(read, paths) if package.release in wanted]
    new = [package for package in packages if seen.installed.get(package.release) != package.version]
    if on:
        check_signatures(new, enrolment, check=check)
    old = sorted(set(seen.installed) - wanted)
    by_dkms = driver_dkms.versions(root) if packages else []
    if not check:
        for release in old:
            remove(release)
        for package in new:
            install(package, seen.installed.get(package.release), root)
        _leave_dkms(by_dkms, root)
    after = {release: version for release, version in seen.installed.items() if release not in old}
    after.update({package.release: package.version for package in new})
    # Where apt does not know what would come, or nothing new would, the one after that is held back.
    held = [name for name, release in seen.followed.items() if release not in seen.coming or not after.get(release)]
    moved = driver_hold.hold(held if hold else [], check=check, root=root)
    result = result_of(seen, after, bool(new or old or by_dkms) or moved, root)
    result["secure_boot"] = on
    result["held"] = sorted(held) if hold else []
    if check and any(package.release == seen.running for package in new):
        result["reboot_needed"] = is_loaded("iwlwifi", root)
    result["warnings"] = warnings_for([package.release for package in packages])
    return result


def withdraw(*, check: bool, root: str = "/") -> Dict[str, Any]:
    """Remove all packages. Each kernel has its own drivers then.

    Args:
        check: whether nothing is to be changed.
        root: the directory that stands for ``/``.

    Raises:
        FleetError: one could not be removed.
    """
    seen = look(root)
    there = sorted(seen.installed)
    by_dkms = driver_dkms.versions(root)
    loaded = seen.running in {*seen.installed, *seen.by_dkms} and is_loaded("iwlmei", root)
    if not check:
        for release in there:
            remove(release)
        _leave_dkms(by_dkms, root)
    moved = driver_hold.hold([], check=check, root=root)
    result = result_of(seen, {}, bool(there or by_dkms) or moved, root)
    result["held"] = []
    result["secure_boot"], result["warnings"] = _told_of_secure_boot(root)
    result["reboot_needed"] = loaded or (not (there or by_dkms) and is_stale(seen.running, root))
    return result


def _leave_dkms(versions: Sequence[str], root: str) -> None:
    for version in versions:
        driver_dkms.remove(version, root)
    if versions:
        driver_dkms.forget(root)


def _told_of_secure_boot(root: str) -> Tuple[Optional[bool], List[str]]:
    """Return whether Secure Boot is on, or a warning if that can't be read: it keeps nothing from being removed."""
    try:
        return is_on(root), []
    except FleetError as error:
        return None, [f"It can't be told whether Secure Boot is on: {error}"]


def result_of(seen: Seen, after: Dict[str, str], changed: bool, root: str) -> Dict[str, Any]:
    """Return what both methods tell.

    Args:
        seen: what the laptop had.
        after: the versions that are, or would be, installed now, by release.
        changed: whether anything was, or would be, changed.
        root: the directory that stands for ``/``.
    """
    return {
        "changed": changed,
        "kernels": [
            {"release": release, "running": release == seen.running, "version": after.get(release)}
            for release in (*seen.kernels, *seen.coming)
        ],
        "coming": seen.coming,
        "needs": [],
        "reboot_needed": seen.running in after and is_older(seen.running, root),
    }
