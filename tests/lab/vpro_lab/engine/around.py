# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What CSME has around it: its station, its way over the host's radio, and the NIC."""

from __future__ import annotations

from typing import Protocol


class Station(Protocol):
    """CSME's own station: whose radio it is while CSME owns the NIC."""

    def leave(self) -> None:
        """Go off the air, before the host may come."""

    def enter(self) -> None:
        """Come back, after the host has left."""


class Network(Protocol):
    """CSME's end of the way over the host's radio."""

    def deliver(self, frame: bytes) -> None:
        """Give CSME a frame that was for it."""


class Nic(Protocol):
    """The NIC as its hardware shows it to CSME, also while SAP is down."""

    def in_use(self) -> bool:
        """Whether the host uses it."""

    def hold(self, *, held: bool) -> None:
        """Refuse the host what it can't ask for over SAP, or do not."""


class NoNic:
    """A NIC that shows CSME nothing."""

    def in_use(self) -> bool:
        """See :class:`Nic`."""
        return False

    def hold(self, *, held: bool) -> None:
        """See :class:`Nic`."""


class NoStation:
    """A CSME without a radio of its own."""

    def leave(self) -> None:
        """See :class:`Station`."""

    def enter(self) -> None:
        """See :class:`Station`."""
