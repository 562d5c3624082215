# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What whoever runs an interface says of a connection, in words that are nobody's own."""

from __future__ import annotations

from dataclasses import dataclass

from .._system.bare import Bare


class ScanStarted(Bare):
    """The supplicant's scan runs, over the frequencies that it was given."""


class ScanEnded(Bare):
    """The supplicant has scanned, whatever came of it."""


class NothingFound(Bare):
    """The supplicant's scan is done, and no access point that it may join was in it."""


@dataclass(frozen=True)
class Connected:
    """The supplicant completed a connection to *bssid*."""

    bssid: str


class Disconnected(Bare):
    """The supplicant lost its connection."""


class SupplicantGone(Bare):
    """The supplicant ended or restarted; what it was told is gone with it."""


class ManagerGone(Bare):
    """Who told the supplicant what to do does so no more; what is known of its profiles is void, a pin may stand."""
