# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told to people of a handover, and of a radio that is watched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Optional

from .._radio.connection import CsmeConnection
from .policy import Outcome


@dataclass(frozen=True)
class Words:
    """What is told of an outcome.

    Attributes:
        what: how things stand, a sentence without its full stop. ``{who}`` is who runs the interface.
        remedy: what to do about it, a sentence without its full stop; empty: nothing.
    """

    what: str
    remedy: str = ""

    def of(self, who: Optional[str]) -> str:
        """Return ``what`` with the name of who runs the interface; None: nobody does."""
        return self.what.format(who=who or "the supplicant")


_LOOK_AT_THE_ACCESS_POINT = (
    "Check that the access point answers and that the credentials are right; the steps tell how far it came"
)
BOOK: Dict[Outcome, Words] = {
    Outcome.OWNED: Words("the host has the radio; CSME had no connection to carry on"),
    Outcome.PROTECTED: Words("the host has the radio, and is connected in time for CSME's session"),
    Outcome.CONNECTED: Words("the host has the radio and is connected, but got no address within CSME's deadline"),
    Outcome.NO_CREDENTIALS: Words(
        "CSME keeps the radio: no enabled profile of {who} can join its network", "Add one, with credentials"
    ),
    Outcome.DENIED: Words("CSME did not give the radio away", "End the remote session, or try again when it has ended"),
    Outcome.NOT_CONNECTED: Words(
        "the host has the radio, but did not connect in time; it is free to connect to any network",
        _LOOK_AT_THE_ACCESS_POINT,
    ),
    Outcome.TAKEN_BACK: Words(
        "CSME gave the radio away and took it back, because the host did not connect in time",
        _LOOK_AT_THE_ACCESS_POINT,
    ),
    Outcome.AIRPLANE_MODE: Words("airplane mode is on", "Turn it off (rfkill unblock wlan)"),
    Outcome.SWITCH_OFF: Words("the radio's hardware switch is off", "Turn the switch on"),
    Outcome.PIN_FAILED: Words(
        "{who} did not take the pin, so CSME was not asked for the radio", "See the warnings for its answer"
    ),
    Outcome.SUPPLICANT_GONE: Words(
        "wpa_supplicant ended or restarted in the middle of the handover",
        "Look into its log for the reason, and try again",
    ),
    Outcome.MANAGER_GONE: Words(
        "NetworkManager ended, restarted or let go of the interface in the middle of the handover",
        "Look into its log for the reason, and try again when it has settled",
    ),
    Outcome.INTERFACE_GONE: Words("the interface went away in the middle of the handover", "Try again when it is back"),
    Outcome.TIMED_OUT: Words("the handover did not end within the time allowed", "Give a longer timeout"),
}


def network_name(connection: Optional[CsmeConnection]) -> str:
    """Return how a log line names CSME's network. An SSID is bytes from the air, so it is escaped."""
    if connection is None:
        return ""
    return (
        f" ({connection.ssid.decode('utf-8', 'backslashreplace')!r}, {connection.auth}, channel {connection.channel})"
    )


NARROW = "while this connection stands, the supplicant looks for others on the channels of CSME's connection alone"
STUCK = "the supplicant did not get its usual channels back"
HELD = (
    "its bring-up is held back, because it could end a session of CSME: no enabled profile can join CSME's "
    "network{network}. Add one with credentials"
)
UNUSABLE = "CSME keeps the radio: the profile of {who} for its network {what}. {remedy}"
NOBODY = "CSME keeps the radio: neither wpa_supplicant nor NetworkManager is there to carry its connection on"
