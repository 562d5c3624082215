# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fleet's key on a laptop with Secure Boot: whether its kernel would take the modules, and what is to be done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional, Sequence

from .._system.errors import Refused
from . import secure_boot
from .driver_packages import Package


@dataclass(frozen=True)
class Enrolment:
    """The key of the fleet, or that of the laptop's DKMS.

    Attributes:
        certificate: the path of its certificate on the laptop, in DER.
        password: what a person types at the console to enrol it.
    """

    certificate: str
    password: str = field(repr=False)


def check_signatures(packages: Sequence[Package], enrolment: Optional[Enrolment], *, check: bool) -> None:
    """Fail if the laptop's kernel would not take the modules, and prepare what has to be done then.

    Args:
        packages: what is to be installed. Secure Boot is on.
        enrolment: the fleet's key, to be prepared for a person at the console.
        check: whether nothing is to be changed.

    Raises:
        Refused: the kernel would not take them.
        NotFound, TimedOut, TransportFailed: it can't be found out.
    """
    known = secure_boot.enrolled() if packages else frozenset()
    for package in packages:
        if None in package.signers:
            what = f"Nothing was installed: Secure Boot is on, and the modules for Linux {package.release} not signed"
            remedy = "Build them with driver_sign_key and driver_sign_certificate"
            raise Refused("not_signed", what, where=package.path, remedy=remedy)
        foreign = next((signer for signer in package.signers if signer not in known), None)
        if foreign is not None:
            what = f"Nothing was installed: Secure Boot is on, and the laptop does not know {foreign.name!a}, who "
            what += f"signed the modules for Linux {package.release}"
            raise Refused("key_not_enrolled", what, remedy=enrol(foreign, enrolment, check=check))


def enrol(signer: secure_boot.Signer, enrolment: Optional[Enrolment], *, check: bool) -> str:
    """Prepare the enrolment of a signer, and return what is left to do.

    Args:
        signer: whose key it is.
        enrolment: the key, or None if it can't be prepared.
        check: whether nothing is to be changed.

    Raises:
        NotFound, TimedOut, TransportFailed: it could not be prepared.
    """
    if enrolment is None:
        return "Enrol the key: set driver_mok_certificate and driver_mok_password, and run this again"
    mine = secure_boot.certificate_signer(enrolment.certificate)
    if mine != signer:
        return f"driver_mok_certificate is of {mine.name!a}. Name the certificate that the modules were signed with"
    if signer not in secure_boot.pending():
        if check:
            return "The enrolment of its key would be prepared"
        secure_boot.prepare(enrolment.certificate, enrolment.password)
    return (
        "Its key waits to be enrolled. That takes a person at the laptop: restart it, press a key when the blue screen "
        "of MOK management comes up (it waits ten seconds), choose 'Enroll MOK', 'Continue', 'Yes', type the password "
        "of driver_mok_password, and choose 'Reboot'. Then run this again"
    )
