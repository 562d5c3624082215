# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drivers that a laptop builds for itself: DKMS does it now, and again for each kernel that comes."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from .._system.errors import FleetError, Refused, TransportFailed
from . import driver_dkms, driver_hold, secure_boot
from .driver import Seen, look, result_of, secured, warnings_for
from .driver_enrolment import Enrolment, enrol
from .driver_loaded import is_loaded
from .driver_packages import remove as remove_package
from .driver_recipe import MODULES, filled, numbers, read_recipe

#: The first kernel with iwlmei.
_FIRST = (5, 17)


def apply(recipe_folder: Optional[str], password: Optional[str], *, check: bool, root: str = "/") -> Dict[str, Any]:
    """Have DKMS build and install the drivers for the laptop's kernels. The packages of drivers are removed then.

    Args:
        recipe_folder: the recipe. Without it, nothing is done, and the result says what is missing.
        password: what a person types at the console to enrol DKMS' own key, if that is to be prepared.
        check: whether nothing is to be changed.
        root: the directory that stands for ``/``.

    Returns:
        The module's result.

    Raises:
        FleetError: nothing was installed, or what was installed before is in place.
    """
    on = secured(root)
    seen = look(root)
    kernels = list(filter(_may_have, seen.kernels))
    missing = driver_dkms.needs(kernels, seen.followed)
    if recipe_folder is None:
        return {**_result(seen, seen.by_dkms, False, root), "needs": missing, "secure_boot": on}
    recipe = read_recipe(recipe_folder, driver_dkms.KIND)
    version = driver_dkms.version_of(recipe)
    waiting = [release for release in kernels if seen.by_dkms.get(release) != version]
    why_not = driver_dkms.hindered(waiting, root)
    new = [release for release in waiting if release not in why_not]
    if not (check and missing):  # they would be installed before
        _refuse(why_not, kernels)
    old = [other for other in driver_dkms.versions(root) if other != version]
    if on and new:
        _check_key(password, check=check, root=root)
    if not check:
        if new:
            driver_dkms.need_room(root)
            texts = {name: filled(text, {"VERSION": version}) for name, text in recipe.templates.items()}
            try:
                driver_dkms.place(recipe, texts, root)
                for release in new:
                    driver_dkms.build(release, version)
                    if on:
                        _check_built(release, version, password, root)
            except FleetError as error:
                raise _undone(error, version, seen, root) from error
        _replace(new, version, old, seen, root)
    after = {release: there for release, there in seen.by_dkms.items() if there == version}
    after.update(dict.fromkeys(new, version))
    moved = driver_hold.hold([], check=check, root=root)
    result = _result(seen, after, bool(new or old or seen.installed) or moved, root)
    if check and seen.running in new:
        result["reboot_needed"] = is_loaded("iwlwifi", root)
    result["needs"], result["secure_boot"] = missing, on
    result["warnings"] = warnings_for(sorted(after)) + [
        f"Linux {release} has no iwlmei, and nothing is built for it: {why.what}" for release, why in why_not.items()
    ]
    return result


def _may_have(release: str) -> bool:
    """Say whether a kernel is the distribution's, and new enough for iwlmei."""
    try:
        return numbers(release) >= _FIRST
    except Refused:  # it is called as no package is, so somebody has made it for this laptop
        return False


def _result(seen: Seen, after: Dict[str, str], changed: bool, root: str) -> Dict[str, Any]:
    return {**result_of(seen, after, changed, root), "held": []}


def _refuse(why_not: Dict[str, Refused], kernels: List[str]) -> None:
    if not driver_dkms.is_there():
        remedy = "Install the package dkms. If apt has none, run apt-get update"
        raise Refused("dkms_missing", "Nothing was installed: this laptop has no DKMS", remedy=remedy)
    if not kernels:
        what = "Nothing was installed: no kernel of the distribution's on this laptop is new enough (Linux 5.17)"
        raise Refused("kernel_too_old", what, remedy="Install a newer kernel of the distribution")
    reason = next((why_not[release] for release in kernels if release in why_not), None)
    if reason is not None and len(why_not) == len(kernels):
        raise Refused(reason.reason, f"Nothing was installed: {reason.what}", remedy=reason.remedy)


def _check_key(password: Optional[str], *, check: bool, root: str) -> None:
    """Fail if DKMS has a key that the laptop does not know, before minutes go into a build.

    Without a key, the first build makes one.
    """
    path = driver_dkms.certificate(root)
    if path is not None:
        signer = secure_boot.certificate_signer(path)
        if signer not in secure_boot.enrolled():
            _refuse_key(signer, path, password, check=check)


def _check_built(release: str, version: str, password: Optional[str], root: str) -> None:
    """Fail if the kernel would not take what DKMS has built."""
    for module in MODULES:
        path = driver_dkms.built(release, version, module, root)
        signer = secure_boot.signer_of(path)
        if signer is None:
            what = f"Nothing was installed: Secure Boot is on, and DKMS did not sign the modules for Linux {release}"
            remedy = "Install openssl, and the programs that DKMS signs with (on Debian they are with the headers)"
            raise Refused("not_signed", what, where=path, remedy=remedy)
        if signer not in secure_boot.enrolled():
            _refuse_key(signer, driver_dkms.certificate(root), password, check=False)


def _refuse_key(signer: secure_boot.Signer, path: Optional[str], password: Optional[str], *, check: bool) -> None:
    what = (
        f"Nothing was installed: Secure Boot is on, and the laptop does not know the key of its DKMS, {signer.name!a}"
    )
    if password is None or path is None:
        remedy = "Set driver_mok_password, and run this again: its enrolment is prepared then"
    else:
        remedy = enrol(signer, Enrolment(path, password), check=check)
    raise Refused("key_not_enrolled", what, where=path or "", remedy=remedy)


def _undone(error: FleetError, version: str, seen: Seen, root: str) -> FleetError:
    """Take back what could not be built, and return the error with what that means.

    If it stayed, DKMS would install it for the next kernel, although this one was refused.
    """
    if version in seen.by_dkms.values():  # it is there for another kernel
        return error
    try:
        driver_dkms.remove(version, root)
        if not driver_dkms.versions(root):
            driver_dkms.forget(root)
    except FleetError as left:
        error.remedy = f"{error.remedy or 'It failed'}. Removing what is there of it failed as well: {left.what}"
        return error
    if not isinstance(error, Refused):
        error.remedy = "The laptop has the drivers that it had before"
    return error


def _replace(new: List[str], version: str, old: List[str], seen: Seen, root: str) -> None:
    """Let what DKMS has built take the place of the versions and packages from before."""
    for other in old:
        driver_dkms.remove(other, root)
    for release in sorted(seen.installed):
        remove_package(release)
    try:
        for release in new:
            driver_dkms.install(release, version, root)
    except FleetError as error:
        try:
            driver_dkms.remove(version, root)
            remedy = "The kernel's own drivers are in place"
        except FleetError as left:
            remedy = f"Removing what is there of it failed as well: {left.what}"
        raise TransportFailed(error.what, remedy=remedy) from error
