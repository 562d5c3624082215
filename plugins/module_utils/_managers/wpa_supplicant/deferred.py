# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The frequencies of a pin that wpa_supplicant can get back only when the link has ended, because of its key cache.

They have a journal of their own, beside the one of the pin. So they can be given back after a crash, and a new pin can
tell these few frequencies from the network's usual ones.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Optional

from ..._network.pin import Pin
from ..._system.errors import FleetError
from ..._system.places import PLACES, Places
from ..._system.run_folder import clear_journal, deferred_name, read_journal, write_journal

#: What it means for the host that a pin's frequencies wait for the end of the link.
NARROW = "until this connection ends, the supplicant looks for access points only on the channels of CSME's connection"


class Deferred:
    """The journal of a radio's last pin whose frequencies wait for the end of the link.

    Args:
        radio: the radio's name (``phy0``).
        places: where the files are.
    """

    def __init__(self, radio: str, places: Places = PLACES) -> None:
        self._journal = deferred_name(radio)
        self._places = places

    def keep(self, pin: Pin) -> None:
        """Record that the frequencies of *pin* wait.

        What is recorded is a pin of these frequencies alone. Whoever undoes it changes nothing else.

        Raises:
            AccessDenied, TransportFailed: the journal could not be written.
        """
        alone = replace(pin, previous_bssid=pin.bssid, disabled=(), resets=False)
        write_journal(self._journal, {"pin": alone.as_dict()}, self._places)

    def pin(self) -> Optional[Pin]:
        """Return the pin whose frequencies wait, or None when none wait.

        Raises:
            AccessDenied, TransportFailed, DecodeFailed: the journal could not be read.
        """
        entry = read_journal(self._journal, self._places)
        return None if entry is None else Pin.from_dict(entry.get("pin"))

    def clear(self) -> None:
        """Record that none wait any more.

        Raises:
            AccessDenied, TransportFailed: the journal could not be removed.
        """
        clear_journal(self._journal, self._places)

    def covered_by(self, pin: Pin) -> Pin:
        """Return a new pin that also gives back the frequencies that wait, if they are the same network's.

        Args:
            pin: the new pin before it is set. It takes the frequencies that wait for the network's usual ones.
        """
        with suppress(FleetError):  # a damaged journal is reported when journals are undone
            rest = self.pin()
            if rest is not None:
                found = (pin.interface, pin.network_id, pin.ssid_hex, pin.previous_scan_freq)
                if found == (rest.interface, rest.network_id, rest.ssid_hex, rest.frequencies):
                    return replace(pin, previous_scan_freq=rest.previous_scan_freq)
        return pin
