# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told to people of a handover, and of a radio that is watched."""

from __future__ import annotations

from typing import Dict, Optional, Tuple

from .._radio.connection import CsmeConnection
from .policy import Outcome

REFUSALS: Dict[Outcome, Tuple[str, str]] = {
    Outcome.NO_CREDENTIALS: ("no profile can carry CSME's connection on", ""),
    Outcome.DENIED: (
        "CSME did not give the radio away",
        "End the remote session, or try again when it has ended",
    ),
    Outcome.NOT_CONNECTED: (
        "the host owns the radio, but was not connected in time; it is free to connect to any network",
        "Check that the access point answers and that the credentials are right; the steps tell how far it came",
    ),
    Outcome.TAKEN_BACK: (
        "CSME gave the radio away and took it back, because the host was not connected in time",
        "Check that the access point answers and that the credentials are right; the steps tell how far it came",
    ),
    Outcome.AIRPLANE_MODE: ("airplane mode is on", "Turn it off (rfkill unblock wlan)"),
    Outcome.SWITCH_OFF: ("the radio's hardware switch is off", "Turn the switch on"),
    Outcome.PIN_FAILED: (
        "the supplicant did not take the pin",
        "See the warnings for its answer; nothing was asked of CSME",
    ),
    Outcome.SUPPLICANT_GONE: (
        "the supplicant ended or restarted in the middle of the handover",
        "Look into its log for the reason, and try again",
    ),
    Outcome.MANAGER_GONE: (
        "NetworkManager ended, restarted or let go of the interface in the middle of the handover",
        "Look into its log for the reason, and try again when it has settled",
    ),
    Outcome.INTERFACE_GONE: ("the interface went away in the middle of the handover", "Try again when it is back"),
    Outcome.TIMED_OUT: ("the handover did not end within the time allowed", "Give a longer timeout"),
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
    "its bring-up is held back, so that a session of CSME's lives: no enabled profile here can join its network. "
    "Add one, with credentials"
)
UNUSABLE = "CSME keeps the radio: the profile of {who} for its network {what}. {remedy}"
NOBODY = "CSME keeps the radio: neither wpa_supplicant nor NetworkManager is there to carry its connection on"
LEVELS = {Outcome.PROTECTED: "info", Outcome.OWNED: "info", Outcome.CONNECTED: "info"}
SENTENCES: Dict[Outcome, str] = {
    Outcome.OWNED: "the host has the radio; CSME had no connection to carry on",
    Outcome.PROTECTED: "the host has the radio, and is connected in time for CSME's session",
    Outcome.CONNECTED: "the host has the radio and is connected, but got no address within CSME's deadline",
    Outcome.NO_CREDENTIALS: "CSME keeps the radio: no enabled profile of {who} can join its network. "
    "Add one, with credentials",
    Outcome.DENIED: "CSME does not give the radio away",
    Outcome.NOT_CONNECTED: "the host has the radio, but did not connect in time; it is free to roam",
    Outcome.TAKEN_BACK: "CSME took the radio back, because the host did not connect in time",
    Outcome.AIRPLANE_MODE: "airplane mode came on",
    Outcome.SWITCH_OFF: "the radio's switch went off",
    Outcome.PIN_FAILED: "{who} did not take the pin; CSME was not asked",
    Outcome.SUPPLICANT_GONE: "wpa_supplicant ended in the middle of the handover",
    Outcome.MANAGER_GONE: "{who} let go of the interface in the middle of the handover",
    Outcome.INTERFACE_GONE: "the interface went away in the middle of the handover",
    Outcome.TIMED_OUT: "the handover took too long",
}
