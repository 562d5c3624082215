# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory of AMT on this laptop: everything that the firmware tells without a secret, in one go."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from typing import Callable, Dict, Optional, Tuple, TypeVar

from .._system.errors import FleetError, NotFound
from .._system.exclusive import alone
from .._system.files import read_text
from .._system.places import PLACES, Places
from .._system.reading import Reading
from . import mei, replies
from .calls import Call, Client
from .mei import Connection
from .replies import CertificateHash, LanInterface
from .values import ABSENT, CONSUMER, DISABLED, PROVISIONED, UNREADABLE, Amt

#: Seconds for all answers of the firmware together.
_SECONDS = 5.0
#: Seconds to wait for another task that reads the firmware. That one ends within ``_SECONDS``.
_LOCK_SECONDS = 6.0
#: The index of each interface (INTERFACE_SETTINGS).
_INTERFACES = {"wired": 0, "wireless": 1}
#: Where the values are in the facts.
_WHAT = "amt"
_Value = TypeVar("_Value")


def read_amt(reading: Reading, places: Places = PLACES) -> Amt:
    """Return the inventory of AMT. The firmware's answers take five seconds at most, if it can be connected to at once.

    Args:
        reading: remembers what could not be read.
        places: where the files are.
    """
    try:
        device = mei.find_device(places)
    except NotFound as error:
        return Amt(ABSENT, str(error))
    except FleetError as error:
        reading.failed(_WHAT, error)
        return Amt(UNREADABLE, str(error))
    known = Amt(
        UNREADABLE,
        firmware=reading.attempt(f"{_WHAT}.firmware", lambda: mei.version(device, places)),
        lms=reading.attempt(f"{_WHAT}.lms", lambda: mei.lms_runs(places)),
    )
    try:
        mei.check_access(device, places)
        with alone(f"{places.run}.firmware.lock", "another task reads the firmware", _LOCK_SECONDS):
            return _ask(known, device, time.monotonic() + _SECONDS, reading, places)
    except FleetError as error:
        reading.failed(_WHAT, error)
        return replace(known, reason=str(error))


def _ask(known: Amt, device: str, end: float, reading: Reading, places: Places) -> Amt:
    with Connection(Client.MKHI, device, end, places) as kernel:
        known = replace(known, brand=_Asking(kernel, reading).value("brand", Call.PLATFORM_TYPE, replies.brand))
        if not replies.has_amt(kernel.ask(Call.FEATURES_CAPABLE)):
            return replace(known, state=CONSUMER, reason="the firmware of this laptop has no AMT")
        if not replies.has_amt(kernel.ask(Call.FEATURES_ENABLED)):
            return replace(known, state=DISABLED, reason="AMT is switched off in the BIOS")
    with Connection(Client.PTHI, device, end, places) as host:
        state = replies.named(replies.PROVISIONING_STATES, replies.number(host.ask(Call.PROVISIONING_STATE)))
        known = replace(known, state=state, reason=None if state == PROVISIONED else "AMT is not provisioned")
        known = replace(known, smbios_uuid=reading.attempt(f"{_WHAT}.uuid_is_smbios", lambda: _smbios_uuid(places)))
        return _of_host(known, _Asking(host, reading))


def _of_host(known: Amt, asking: _Asking) -> Amt:
    return replace(
        known,
        codes=asking.value("versions", Call.CODE_VERSIONS, replies.code_versions),
        uuid=asking.value("uuid", Call.UUID, replies.uuid),
        control_mode=asking.name("control_mode", Call.CONTROL_MODE, replies.CONTROL_MODES),
        provisioning_mode=asking.name("provisioning.mode", Call.PROVISIONING_MODE, replies.PROVISIONING_MODES),
        dns_suffix=asking.value("provisioning.dns_suffix", Call.DNS_SUFFIX, replies.dns_suffix),
        hashes=asking.attempt("provisioning.certificate_hashes", asking.hashes),
        tls=asking.value("tls", Call.SECURITY_PARAMETERS, replies.tls),
        redirection=asking.value("redirection", Call.REDIRECTION, replies.redirection),
        remote_access=asking.value("remote_access", Call.REMOTE_ACCESS, replies.remote_access),
        interfaces=asking.attempt("interfaces", asking.interfaces),
    )


def _smbios_uuid(places: Places) -> Optional[str]:
    """Return the UUID that SMBIOS has, or None if there is no SMBIOS."""
    with suppress(NotFound):
        return read_text(places.at("/sys/class/dmi/id/product_uuid")).strip().lower()
    return None


class _Asking:
    """Asks for one value after another. A value that can't be read is named.

    After the firmware did not answer, it is asked nothing more. Only the first value is named then.
    """

    def __init__(self, connection: Connection, reading: Reading) -> None:
        self._connection, self._reading = connection, reading

    def attempt(self, what: str, read: Callable[[], _Value]) -> Optional[_Value]:
        """Return what *read* returns, or None if it fails. *what* is the value's name in the facts."""
        return self._reading.attempt(f"{_WHAT}.{what}", read) if self._connection.usable else None

    def value(self, what: str, call: Call, decoded: Callable[[bytes], _Value]) -> Optional[_Value]:
        """Return the decoded answer to a call."""
        return self.attempt(what, lambda: decoded(self._connection.ask(call)))

    def name(self, what: str, call: Call, names: Tuple[str, ...]) -> Optional[str]:
        """Return the name of the number that a call is answered with."""
        return self.value(what, call, lambda answer: replies.named(names, replies.number(answer)))

    def hashes(self) -> Tuple[CertificateHash, ...]:
        """Return all certificate hashes."""
        handles = replies.hash_handles(self._connection.ask(Call.HASH_HANDLES))
        return tuple(replies.certificate_hash(self._connection.ask(Call.HASH_ENTRY, each)) for each in handles)

    def interfaces(self) -> Dict[str, Optional[LanInterface]]:
        """Return both interfaces."""
        return {
            name: replies.lan_interface(self._connection.ask(Call.LAN_INTERFACE, index))
            for name, index in _INTERFACES.items()
        }
