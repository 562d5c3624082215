# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom the networks of an interface are configured with: who runs it, or whom a task names."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import FrozenSet, Optional, Sequence, Tuple

from .._network.backend import IWD, NETWORKMANAGER, PROCESSES, WPA_SUPPLICANT
from .._network.managed import Patience
from .._radio import sysfs
from .._system import process
from .._system.errors import LibraryMissing, NotFound, Refused, SupplicantRefused
from .networkmanager.backend import NetworkManagerBackend
from .networkmanager.files import IWD_REMEDY
from .who import Verdict, control_directories, has_socket, who_runs

#: For NetworkManager to say whether it manages an interface.
_PATIENCE = Patience(answer=10.0)


@dataclass(frozen=True)
class Choice:
    """Who is given the networks, and what a person is told of that choice."""

    backend: str
    warnings: Tuple[str, ...] = ()


def choose(asked: str, interface: str, root: str = "/", directories: Optional[Sequence[str]] = None) -> Choice:
    """Return who is given the networks of an interface: wpa_supplicant or NetworkManager.

    Where nobody runs the interface, wpa_supplicant is given them: its file can be written before it runs.

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
    if asked == WPA_SUPPLICANT:
        return Choice(WPA_SUPPLICANT)
    machine = _Machine(interface, root, control_directories(root) if directories is None else directories)
    verdict = machine.verdict(wpa_supplicant=asked != NETWORKMANAGER)
    warnings: Tuple[str, ...] = ()
    if not verdict.sure:
        try:
            manages = _manages(interface)
        except LibraryMissing as error:
            # Whoever goes on with NetworkManager says that the library is missing.
            manages = asked == NETWORKMANAGER
            text = f"NetworkManager could not be asked whether it runs {interface}, so it is taken that it does not"
            warnings = () if manages else (f"{text}: {error}",)
        if not manages:
            verdict = machine.verdict(networkmanager=False)
    if verdict.through_networkmanager:
        raise Refused(IWD, f"NetworkManager runs {interface} through iwd, which is not supported", remedy=IWD_REMEDY)
    if verdict.manager == NETWORKMANAGER:
        return Choice(NETWORKMANAGER)
    if asked == NETWORKMANAGER:
        where = interface if machine.runs("NetworkManager") else "on the laptop"
        raise Refused(
            "not_networkmanager",
            f"NetworkManager does not run {where}",
            remedy="Let it manage the interface (nmcli device set), or use the backend wpa_supplicant",
        )
    if verdict.manager == IWD:
        raise Refused(
            IWD,
            f"iwd runs, and no wpa_supplicant has {interface}; iwd is not supported",
            remedy="Use wpa_supplicant or NetworkManager, or say which with the option backend",
        )
    if verdict.supplicant_error is not None and not isinstance(verdict.supplicant_error, NotFound):
        raise verdict.supplicant_error
    return Choice(WPA_SUPPLICANT, warnings)


def refuse_networkmanagers(interface: str, root: str = "/") -> None:
    """Refuse to change a supplicant that NetworkManager runs: it would undo any change, and reads no file of its.

    Args:
        interface: the interface's name. It need not exist.
        root: the directory that stands for ``/``.

    Raises:
        Refused: NetworkManager runs the interface.
        AccessDenied, TransportFailed: this user can't tell.
    """
    verdict = _Machine(interface, root, control_directories(root)).verdict()
    if verdict.sure and (verdict.manager == NETWORKMANAGER or verdict.through_networkmanager):
        raise Refused(
            NETWORKMANAGER,
            f"NetworkManager runs {interface}, and wpa_supplicant reads no file there",
            remedy="Use the backend networkmanager, or make it unmanaged there (nmcli device set), and start "
            "wpa_supplicant@.service for it",
        )


class _Machine:
    """A laptop with an interface that may not be there, and what runs on it."""

    def __init__(self, interface: str, root: str, directories: Sequence[str]) -> None:
        self._interface = interface
        self._root = root
        self._directories = directories
        self._index: Optional[int] = None
        self._processes: FrozenSet[str] = frozenset()
        with suppress(NotFound):  # no procfs: nobody is seen to run anything
            self._processes = process.running(PROCESSES, root)
        with suppress(NotFound):
            self._index = sysfs.index_of(interface, root)

    def runs(self, name: str) -> bool:
        """Say whether a program runs."""
        return name in self._processes

    def verdict(self, *, networkmanager: bool = True, wpa_supplicant: bool = True) -> Verdict:
        """Return who runs the interface.

        Args:
            networkmanager: False: it is known that NetworkManager does not.
            wpa_supplicant: False: as if wpa_supplicant did not.
        """
        # NetworkManager runs no interface that is not there.
        without = set() if networkmanager and self._index is not None else {"NetworkManager"}
        asked = has_socket(self._interface, self._directories if wpa_supplicant else ())
        return who_runs(
            self._interface, self._index, lambda name: self.runs(name) and name not in without, asked, self._root
        )


def _manages(interface: str) -> bool:
    """Ask NetworkManager whether it manages an interface."""
    try:
        NetworkManagerBackend(interface, _PATIENCE).has_device()
    except (NotFound, SupplicantRefused):
        return False
    return True
