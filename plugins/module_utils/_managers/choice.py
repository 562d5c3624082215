# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom the networks of an interface are configured with: who runs it, or who a task says."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import Optional, Sequence, Tuple

from .._network.backend import IWD, NETWORKMANAGER, WPA_SUPPLICANT
from .._radio import sysfs
from .._system import process
from .._system.errors import LibraryMissing, NotFound, Refused, SupplicantRefused
from .networkmanager import records
from .networkmanager.backend import NetworkManagerBackend
from .networkmanager.files import IWD_REMEDY, is_over_iwd
from .wpa_supplicant.control import CONTROL_DIRECTORIES, control_socket

#: Seconds for NetworkManager to say whether it manages an interface.
_ANSWER = 10.0


@dataclass(frozen=True)
class Choice:
    """Who is given the networks, and what a person is told of that choice."""

    backend: str
    warnings: Tuple[str, ...] = ()


def choose(asked: str, interface: str, root: str = "/", directories: Optional[Sequence[str]] = None) -> Choice:
    """Return who is given the networks of an interface: wpa_supplicant or NetworkManager.

    It is looked for in the order in which a handover does: NetworkManager's own record, a control socket of
    wpa_supplicant's, what NetworkManager says when asked, iwd. Where nobody runs the interface, wpa_supplicant is given
    them: its file can be written before it runs.

    Args:
        asked: one of ``BACKENDS``.
        interface: its name. It need not exist.
        root: the directory that stands for ``/``.
        directories: where control sockets are; the usual places unless given.

    Raises:
        Refused: NetworkManager was asked for and does not run the interface; or iwd does, also below NetworkManager.
        AccessDenied: this user can't tell.
        TimedOut, TransportFailed, DecodeFailed: NetworkManager was asked, and did not say.
    """
    choice = _choose(asked, interface, root, directories)
    if choice.backend == NETWORKMANAGER and is_over_iwd(interface, root):
        raise Refused(
            IWD,
            f"NetworkManager runs {interface} through iwd, which is not supported",
            remedy=IWD_REMEDY,
        )
    return choice


def refuse_networkmanagers(interface: str, root: str = "/") -> None:
    """Refuse to change a supplicant that NetworkManager runs: it would undo any change, and reads no file of its.

    Args:
        interface: the interface's name. It need not exist.
        root: the directory that stands for ``/``.

    Raises:
        Refused: NetworkManager runs the interface.
        AccessDenied, TransportFailed: this user can't tell.
    """
    with suppress(NotFound):  # no such interface, or no procfs: nobody is seen to run it
        # The record outlives NetworkManager.
        runs = process.running({"NetworkManager"}, root)
        if runs and records.networkmanager_manages(sysfs.index_of(interface, root), root):
            raise Refused(
                NETWORKMANAGER,
                f"NetworkManager runs {interface}, and wpa_supplicant reads no file there",
                remedy="Use the backend networkmanager, or make it unmanaged there (nmcli device set), and start "
                "wpa_supplicant@.service for it",
            )


def _choose(asked: str, interface: str, root: str, directories: Optional[Sequence[str]]) -> Choice:
    """As ``choose``, whatever is below NetworkManager."""
    if asked == WPA_SUPPLICANT:
        return Choice(WPA_SUPPLICANT)
    try:
        programs = process.running({"NetworkManager", IWD}, root)
    except NotFound:  # no procfs: nobody is seen to run anything
        programs = frozenset()
    recorded = _recorded(interface, root) if "NetworkManager" in programs else False
    if asked == NETWORKMANAGER:
        return _networkmanager(interface, recorded, running="NetworkManager" in programs)
    if recorded:
        return Choice(NETWORKMANAGER)
    sockets = (
        directories if directories is not None else [os.path.join(root, d.lstrip("/")) for d in CONTROL_DIRECTORIES]
    )
    try:
        control_socket(interface, sockets)
    except NotFound:
        if recorded is None:
            return _unrecorded(interface)
        if IWD in programs:
            raise Refused(
                IWD,
                f"iwd runs, and no wpa_supplicant has {interface}; iwd is not supported",
                remedy="Use wpa_supplicant or NetworkManager, or say which with the option backend",
            ) from None
    return Choice(WPA_SUPPLICANT)


def _recorded(interface: str, root: str) -> Optional[bool]:
    """Return whether a NetworkManager that runs has recorded that it manages an interface; None: neither."""
    try:
        index = sysfs.index_of(interface, root)
        return records.networkmanager_waits(interface, root) or records.networkmanager_manages(index, root)
    except NotFound:  # no such interface
        return False


def _networkmanager(interface: str, recorded: Optional[bool], *, running: bool) -> Choice:
    """Return the choice where NetworkManager was asked for.

    Raises:
        Refused: it does not run the interface.
    """
    try:
        manages = recorded if recorded is not None else _manages(interface)
    except LibraryMissing:
        manages = True  # whoever goes on says so
    if not manages:
        raise Refused(
            "not_networkmanager",
            f"NetworkManager does not run {interface}" if running else "NetworkManager does not run on the laptop",
            remedy="Let it manage the interface (nmcli device set), or use the backend wpa_supplicant",
        )
    return Choice(NETWORKMANAGER)


def _unrecorded(interface: str) -> Choice:
    """Return the choice where NetworkManager runs, has recorded nothing, and no wpa_supplicant is seen.

    It records nothing of an interface that its configuration excludes, nor of one that was blocked since it began.
    """
    try:
        return Choice(NETWORKMANAGER if _manages(interface) else WPA_SUPPLICANT)
    except LibraryMissing as error:
        text = (
            f"NetworkManager could not be asked whether it runs {interface}, so it is taken that it does not: {error}"
        )
        return Choice(WPA_SUPPLICANT, (text,))


def _manages(interface: str) -> bool:
    """Ask NetworkManager whether it manages an interface."""
    try:
        NetworkManagerBackend(interface, _ANSWER).has_device()
    except (NotFound, SupplicantRefused):
        return False
    return True
