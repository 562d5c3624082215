# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of AMT on a laptop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Optional, Tuple

from .replies import CertificateHash, CodeVersions, LanInterface, Redirection, RemoteAccess

#: The states of AMT that are not one of ``replies.PROVISIONING_STATES``.
ABSENT, CONSUMER, DISABLED, UNREADABLE = "absent", "consumer", "disabled", "unreadable"
#: The state in which AMT can be used.
PROVISIONED = "post"


@dataclass(frozen=True)
class Amt:
    """What AMT is on this laptop. A value is None if it could not be read, or does not exist in this state.

    Attributes:
        state: ``absent`` (no engine), ``consumer`` (firmware without AMT), ``disabled`` (switched off in the BIOS),
            ``pre``, ``in``, ``post`` (the state of its provisioning) or ``unreadable``.
        reason: why, as a sentence, if AMT is not provisioned, or it is not known whether it is.
        firmware: the version of the firmware, from sysfs.
        brand: what the platform was sold as (``replies.BRANDS``).
        codes: the versions of its parts.
        uuid: the laptop's UUID, as AMT knows it.
        smbios_uuid: the same, as SMBIOS has it.
        control_mode: see ``replies.CONTROL_MODES``.
        provisioning_mode: see ``replies.PROVISIONING_MODES``.
        dns_suffix: the DNS suffix that is set for the provisioning.
        hashes: the certificates that AMT trusts for its provisioning.
        tls: whether AMT's network interface speaks TLS.
        redirection: which kinds of redirection are on.
        remote_access: the connection to the management server.
        interfaces: AMT's interfaces, by ``wired`` and ``wireless``, None for one that does not exist.
        lms: whether Intel's LMS runs, None also if there is no engine.
    """

    state: str
    reason: Optional[str] = None
    firmware: Optional[str] = None
    brand: Optional[str] = None
    codes: Optional[CodeVersions] = None
    uuid: Optional[str] = None
    smbios_uuid: Optional[str] = None
    control_mode: Optional[str] = None
    provisioning_mode: Optional[str] = None
    dns_suffix: Optional[str] = None
    hashes: Optional[Tuple[CertificateHash, ...]] = None
    tls: Optional[bool] = None
    redirection: Optional[Redirection] = None
    remote_access: Optional[RemoteAccess] = None
    interfaces: Optional[Dict[str, Optional[LanInterface]]] = None
    lms: Optional[bool] = None
