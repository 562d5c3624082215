# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a handover is to be made, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Tuple


class Outcome(str, Enum):
    """How a handover ended. The values are stable: modules return them."""

    #: The host owns the radio and CSME had no connection that could have been carried on.
    OWNED = "owned"
    #: The host owns the radio, is connected, and had an address within CSME's deadline.
    PROTECTED = "protected"
    #: The host owns the radio and is connected, but no address came within CSME's deadline. Whether the session
    #: lives is CSME's word alone.
    CONNECTED = "connected"
    #: The host has no profile that can join CSME's network, and the policy is to leave CSME its radio.
    NO_CREDENTIALS = "no_credentials"
    #: CSME did not give the radio away, however often it was asked.
    DENIED = "denied"
    #: The host owns the radio, but did not connect in time, and CSME did not take it back.
    NOT_CONNECTED = "not_connected"
    #: CSME gave the radio away and took it back.
    TAKEN_BACK = "taken_back"
    #: Airplane mode came on.
    AIRPLANE_MODE = "airplane_mode"
    #: The radio's switch went off (hard block with the reason "signal").
    SWITCH_OFF = "switch_off"
    #: The supplicant could not be told of the pin.
    PIN_FAILED = "pin_failed"
    #: The time allowed for the whole was over.
    TIMED_OUT = "timed_out"
    #: The supplicant ended or restarted in the middle, and the pin went with it.
    SUPPLICANT_GONE = "supplicant_gone"
    #: NetworkManager ended, restarted or let go of the interface in the middle. The supplicant below may go on.
    MANAGER_GONE = "manager_gone"
    #: The interface or the radio went away.
    INTERFACE_GONE = "interface_gone"


#: Outcomes after which the host owns the radio.
SUCCESSES = frozenset({Outcome.OWNED, Outcome.PROTECTED, Outcome.CONNECTED})


@dataclass(frozen=True)
class Policy:
    """What to do where there is a choice.

    Attributes:
        pin: pin the profile to CSME's access point and channel before asking.
        require_credentials: leave CSME its radio when no profile can carry its connection on.
        answer_seconds: how long to wait for the block to go after a request. The driver itself waits 500 ms for CSME
            (iwlmei's ownership timeout, HZ/2). An answer that is on its way by then gets as much time again.
        pauses_seconds: the pauses between requests that got no answer; their number bounds the requests.
        deadline_seconds: what CSME gives the host to connect, DHCP included, before it takes the radio back: 3 s. An
            address that comes later is no proof of anything.
        grace_seconds: how much longer to wait for CSME to do so.
        address_seconds: the waits for an address. The first is from a connection to the first look. Each of the others
            is from one time that the DHCP client is asked anew to the next. There are as many asks as waits. The first:
            on a network that is quick an address comes 5 to 50 ms after a connection, and one that takes longer is
            delayed by no more than this. The second: a server that first sees whether an address is in use takes a
            second (ping-timeout, dhcpd.conf(5)), and its answer must not be thrown away. The third: a client sends its
            own second message after 3 to 5 s.
        timeout_seconds: how long the whole may take. No request is made that could not be carried through within it.
        stay: keep the access point pinned after the handover, until CSME allows roaming or the session is plainly over.
        confirm_seconds: how long to stay without a word of CSME's that roaming is forbidden. The driver passes that on
            with each status of the connection; the word can be lost, and the pin must not outlive it by much.
        lost_seconds: how long a link may be lost during the stay, before the pin is undone so that the host can roam.
            An access point that answers takes the host back within a scan of its channels and a handshake.
    """

    pin: bool = True
    require_credentials: bool = True
    answer_seconds: float = 1.0
    pauses_seconds: Tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
    deadline_seconds: float = 3.0
    grace_seconds: float = 1.0
    address_seconds: Tuple[float, ...] = (0.1, 1.5, 3.0)
    timeout_seconds: float = 30.0
    stay: bool = False
    confirm_seconds: float = 15.0
    lost_seconds: float = 5.0

    @property
    def attempt_seconds(self) -> float:
        """What one request may take from its beginning to the end of its consequences, in seconds."""
        return self.answer_seconds + self.deadline_seconds + self.grace_seconds
