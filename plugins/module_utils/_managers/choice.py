# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Choosing the manager with which the networks of an interface are configured."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import FrozenSet, Optional, Tuple

from .._network.backend import IWD, NETWORKMANAGER, PROCESSES, WPA_SUPPLICANT
from .._radio import sysfs
from .._system import process
from .._system.errors import LibraryMissing, NotFound, Refused, SupplicantRefused
from .._system.patience import Patience
from .._system.places import PLACES, Places
from .networkmanager.backend import NetworkManagerBackend
from .networkmanager.files import IWD_REMEDY
from .who import InterfaceManager, has_socket, who_runs
from .wpa_supplicant.control import control_directories

#: How long to wait until NetworkManager says whether it manages an interface.
_PATIENCE = Patience(answer=10.0)


@dataclass(frozen=True)
class Choice:
    """The chosen manager, and warnings about the choice."""

    backend: str
    warnings: Tuple[str, ...] = ()


def choose(asked: str, interface: str, places: Places = PLACES) -> Choice:
    """Choose the manager that gets the networks of an interface: wpa_supplicant or NetworkManager.

    It is wpa_supplicant when no manager runs the interface, because its file can be written before it runs.

    Args:
        asked: the backend that the task asks for, one of ``BACKENDS``.
        interface: the interface's name. It need not exist.
        places: where the files are.

    Raises:
        Refused: the task asks for NetworkManager, which does not run the interface. Or iwd runs the interface, by
            itself or for NetworkManager.
        AccessDenied: this user can't find out which manager runs the interface.
        TimedOut, TransportFailed, DecodeFailed: NetworkManager did not say whether it manages the interface.
    """
    if asked == WPA_SUPPLICANT:
        return Choice(WPA_SUPPLICANT)
    machine = _Machine(interface, places)
    verdict = machine.verdict(wpa_supplicant=asked != NETWORKMANAGER)
    warnings: Tuple[str, ...] = ()
    if not verdict.sure:
        try:
            manages = _manages(interface)
        except LibraryMissing as error:
            # If the task asks for NetworkManager, the next use of it will fail with this error.
            manages = asked == NETWORKMANAGER
            text = f"NetworkManager could not be asked whether it runs {interface}, so this assumes that it does not"
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
            f"iwd runs, and wpa_supplicant does not run {interface}. iwd is not supported",
            remedy="Use wpa_supplicant or NetworkManager, or name one of them with the option backend",
        )
    if verdict.supplicant_error is not None and not isinstance(verdict.supplicant_error, NotFound):
        raise verdict.supplicant_error
    return Choice(WPA_SUPPLICANT, warnings)


def refuse_networkmanagers(interface: str, places: Places = PLACES) -> None:
    """Refuse to change a wpa_supplicant that NetworkManager uses.

    NetworkManager would undo any change, and such a wpa_supplicant does not read a configuration file.

    Args:
        interface: the interface's name. It need not exist.
        places: where the files are.

    Raises:
        Refused: NetworkManager runs the interface.
        AccessDenied, TransportFailed: this user can't find out which manager runs the interface.
    """
    verdict = _Machine(interface, places).verdict()
    if verdict.sure and (verdict.manager == NETWORKMANAGER or verdict.through_networkmanager):
        raise Refused(
            NETWORKMANAGER,
            f"NetworkManager runs {interface}, and its wpa_supplicant does not read a configuration file",
            remedy="Use the backend networkmanager. Or make the interface unmanaged (nmcli device set), and start "
            "wpa_supplicant@.service for it",
        )


class _Machine:
    """A laptop's interface, which need not exist, and the managers that run on the laptop."""

    def __init__(self, interface: str, places: Places) -> None:
        self._interface = interface
        self._places = places
        self._index: Optional[int] = None
        self._processes: FrozenSet[str] = frozenset()
        with suppress(NotFound):  # without procfs, it is as if no manager ran
            self._processes = process.running(PROCESSES, places.root)
        with suppress(NotFound):
            self._index = sysfs.index_of(interface, places.root)

    def runs(self, name: str) -> bool:
        """Say whether a program runs."""
        return name in self._processes

    def verdict(self, *, networkmanager: bool = True, wpa_supplicant: bool = True) -> InterfaceManager:
        """Return the manager that runs the interface.

        Args:
            networkmanager: whether it may be NetworkManager. With False, it is known that it is not.
            wpa_supplicant: whether a control socket of wpa_supplicant counts.
        """
        # NetworkManager does not run an interface that does not exist.
        without = set() if networkmanager and self._index is not None else {"NetworkManager"}
        asked = has_socket(self._interface, control_directories(self._places) if wpa_supplicant else ())
        return who_runs(
            self._interface, self._index, lambda name: self.runs(name) and name not in without, asked, self._places
        )


def _manages(interface: str) -> bool:
    """Ask NetworkManager whether it manages an interface."""
    try:
        NetworkManagerBackend(interface, _PATIENCE).has_device()
    except (NotFound, SupplicantRefused):
        return False
    return True
