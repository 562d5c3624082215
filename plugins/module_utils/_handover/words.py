# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The texts for people about handovers and watched radios."""

from __future__ import annotations

from typing import Callable, Dict, Optional, Sequence, Tuple

from .._network.limits import Obstacle
from .._radio.connection import PartialConnection, Reported
from .._radio.switched_off import AIRPLANE_MODE, BY_HARDWARE, switched_off
from .._radio.values import Block, Switch
from .._system.printable import quoted
from .._system.words import Words
from .policy import AWAITED, BUSY, UNANSWERED, Outcome

_LOOK_AT_THE_ACCESS_POINT = (
    "Check that the access point answers and that the credentials are right. The steps show how far the handover came"
)
BOOK: Dict[Outcome, Words] = {
    Outcome.OWNED: Words("the host has the radio, and CSME had no connection that the host could carry on"),
    Outcome.PROTECTED: Words("the host has the radio, and is connected in time for CSME's session"),
    Outcome.CONNECTED: Words(
        "the host has the radio and is connected, but got no address within CSME's deadline, or the network may not "
        "recognise it as the same host as CSME, or CSME may not be told that it is connected"
    ),
    Outcome.NO_CREDENTIALS: Words(
        "CSME keeps the radio, because no enabled profile of {who} can join CSME's network", "Add one with credentials"
    ),
    Outcome.CSME_UNREADABLE: Words(
        "CSME keeps the radio, because not all of its connection can be read, so the host can't be pinned to it",
        "Report what could not be read. When CSME is on another network or channel, a handover may succeed",
    ),
    Outcome.DENIED: Words(
        "CSME denied the host the radio, or did not answer",
        "End the remote session, or try again when it has ended",
    ),
    Outcome.NOT_ASKED: Words(
        "the driver did not ask CSME for the radio: it has no connection to CSME, or takes the host for the owner",
        "Look for iwlmei in the kernel's log. Its connection comes back when iwlmei is bound again, or with a reboot",
    ),
    Outcome.NOT_CONNECTED: Words(
        "the host got the radio and may connect to any network now, but it did not connect in time",
        _LOOK_AT_THE_ACCESS_POINT,
    ),
    Outcome.TAKEN_BACK: Words(
        "CSME gave the radio away and took it back, because it did not hear in time that the host was connected",
        f"{_LOOK_AT_THE_ACCESS_POINT}. If the host was connected, a warning may say why CSME did not hear of it",
    ),
    Outcome.AIRPLANE_MODE: AIRPLANE_MODE,
    Outcome.SWITCH_OFF: BY_HARDWARE,
    Outcome.PIN_FAILED: Words(
        "{who} did not accept the pin, so CSME was not asked for the radio", "The warnings contain its answer"
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
    Outcome.FAILED: Words("a device, socket or file failed", "The watcher's journal says which"),
}


def words_of(outcome: Outcome, block: Optional[Block], platform: Callable[[], Sequence[Switch]]) -> Words:
    """Return the text about an outcome.

    Args:
        outcome: how a handover ended, or why none is made.
        block: as for ``switched_off``.
        platform: returns the WLAN switches of the platform. It is called only if the radio's switch is off.
    """
    return switched_off(block, platform()) if outcome is Outcome.SWITCH_OFF else BOOK[outcome]


#: The texts about the reasons why no handover is made now, as for outcomes. ``IDLE`` is none of them, because the
#: watcher was told to leave such a radio.
PAUSES: Dict[str, Words] = {
    AWAITED: Words("the program that manages the interface has not started yet, and may start soon"),
    BUSY: Words("another process works on the radio: a task, or the unit that brings the interface up"),
    UNANSWERED: Words("{who} does not tell its profiles", "The watcher's journal says why"),
}


def network_name(connection: Optional[Reported]) -> str:
    """Return CSME's network as text for the end of a log line. The SSID is escaped, because it may have any bytes.

    If a part of the connection could not be read, the text says what that is.
    """
    if connection is None:
        return ""
    known = [
        "its name is not known" if connection.ssid is None else quoted(connection.ssid),
        connection.auth or "unknown security",
        "unknown channel" if connection.channel is None else f"channel {connection.channel}",
    ]
    if isinstance(connection, PartialConnection):
        known.append(f"not readable: {connection.why}")
    return f" ({', '.join(known)})"


KEPT = "CSME's session was kept in the last handover: CSME still protects it, or protected it for long enough"
LOST = "CSME's session ended within seconds of the last handover"
#: Twice a second is ``GuardPolicy.busy_seconds``.
LOOKS_AGAIN_SOON = "The watcher looks again twice a second"
#: Ten minutes are the longest of ``GuardPolicy.slow_seconds``.
LOOKS_AGAIN = "The watcher looks again within ten minutes, and at once after: systemctl reload amt-wifi-watcher"
STUCK = "a part of the pin could not be undone, so the host may find only some access points"
HELD = "its bring-up is held back, because it could end a session of CSME"


def why_not_carried_on(network: str, obstacle: Optional[Obstacle], who: Optional[str] = None) -> Tuple[str, str]:
    """Return why no profile of the host can carry CSME's connection on, and what to do, without full stops.

    Args:
        network: the network, from ``network_name``.
        obstacle: why the profile for the connection can't. It is None when no profile is for it.
        who: the name of the manager whose profiles these are. It is None when the reader knows it.
    """
    of = "" if who is None else f" of {who}"
    if obstacle is not None:
        return f"the profile{of} for CSME's network{network} {obstacle.what}", obstacle.remedy
    return f"no enabled profile{of} can join CSME's network{network}", "Add one with credentials"


def nobody_joins(network: str) -> str:
    """Return the text about an interface whose manager can't be used. *network* is as for ``why_not_carried_on``."""
    return f"neither wpa_supplicant nor NetworkManager can be used to join CSME's network{network}"
