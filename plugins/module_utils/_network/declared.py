# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wireless networks as a task declares them, after they were checked."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from typing import Optional, Sequence, Tuple

from .._system.errors import FleetError
from .backend import AUTO

#: A WPA passphrase: 8 to 63 printable ASCII characters (IEEE 802.11-2020 J.4.1).
_PASSPHRASE = re.compile(r"[ -~]{8,63}\Z")
#: A PSK: the key itself, which has 256 bits.
RAW_PSK = re.compile(r"[0-9A-Fa-f]{64}\Z")
SECURITIES: Tuple[str, ...] = ("open", "owe", "psk", "sae", "psk+sae", "eap")
EAP_METHODS: Tuple[str, ...] = ("tls", "peap", "ttls")
PHASE2_METHODS: Tuple[str, ...] = ("mschapv2", "pap")
PMF_MODES: Tuple[str, ...] = ("disabled", "optional", "required")


@dataclass(frozen=True)
class Problem:
    """One error in one field of one profile. The message never repeats a secret."""

    profile: str
    field: str
    message: str

    def __str__(self) -> str:
        parts = (self.profile, self.field, self.message)
        return ": ".join(part for part in parts if part)


class InvalidProfiles(FleetError):
    """The declared profiles have errors. ``details["problems"]`` and the error's text list every error."""

    code = "invalid_profile"

    def __init__(self, problems: Sequence[Problem]) -> None:
        if len(problems) == 1:
            text = str(problems[0])
        else:
            text = f"{len(problems)} errors: " + "; ".join(str(problem) for problem in problems)
        super().__init__(text)
        self.details = {"problems": [asdict(problem) for problem in problems]}


@dataclass(frozen=True)
class Eap:
    """How to authenticate by IEEE 802.1X. Paths are paths on the laptop."""

    method: str
    identity: str
    anonymous_identity: Optional[str] = None
    password: Optional[str] = field(default=None, repr=False)
    phase2: Optional[str] = None
    ca_cert: Optional[str] = None
    domain_suffix_match: Optional[str] = None
    client_cert: Optional[str] = None
    private_key: Optional[str] = None
    private_key_password: Optional[str] = field(default=None, repr=False)


@dataclass(frozen=True)
class NetworkProfile:
    """One network, as declared and checked."""

    ssid: bytes
    #: One of ``SECURITIES``.
    security: str
    #: For psk, sae and psk+sae: the passphrase or password. For psk it may be a PSK of 64 hex digits.
    passphrase: Optional[str] = field(default=None, repr=False)
    eap: Optional[Eap] = None
    hidden: bool = False
    priority: int = 0
    #: One of ``PMF_MODES``.
    pmf: str = "optional"
    bssid: Optional[str] = None
    enabled: bool = True

    @property
    def is_raw_psk(self) -> bool:
        """Say whether the passphrase is the key itself. Only the security psk can use that."""
        return self.security == "psk" and self.passphrase is not None and bool(RAW_PSK.match(self.passphrase))


@dataclass(frozen=True)
class Declaration:
    """The networks that a laptop must have, and those that it must not have."""

    #: The networks to have, in the declared order.
    profiles: Tuple[NetworkProfile, ...] = ()
    #: The SSIDs of networks to remove.
    absent: Tuple[bytes, ...] = ()
    #: Whether to remove every station network that is not in ``profiles``, no matter who configured it.
    prune: bool = False

    def removes(self, ssid: Optional[bytes]) -> bool:
        """Say whether a network that is not in ``profiles`` is removed.

        Args:
            ssid: the network's SSID. It is None for a network that has no SSID, or fits any SSID.
        """
        return self.prune or ssid in self.absent


def is_passphrase(text: str) -> bool:
    """Say whether *text* can be a WPA passphrase: 8 to 63 printable ASCII characters."""
    return bool(_PASSPHRASE.match(text))


@dataclass(frozen=True)
class ProfilesRequest:
    """A task's request to configure networks on an interface."""

    interface: str
    #: wpa_supplicant's configuration file, or None for the usual one.
    path: Optional[str]
    declared: Declaration
    #: Which manager to configure the networks with. It is one of ``BACKENDS``.
    backend: str = AUTO
    #: Whether the task fails if a declared network can't carry CSME's connection on.
    require_usable: bool = False
