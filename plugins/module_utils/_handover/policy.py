# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policy of a handover, and its possible outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Tuple


class Outcome(str, Enum):
    """How a handover ended. The values must not change, because modules return them."""

    #: The host owns the radio and CSME had no connection that could have been carried on.
    OWNED = "owned"
    #: The host owns the radio, is connected as the same host for the network as CSME, and had an address within CSME's
    #: deadline. Whether CSME's session goes on is known later, and only from CSME (``evidence.py``).
    PROTECTED = "protected"
    #: The host owns the radio and is connected, but no address came within CSME's deadline, or the network may take the
    #: host for another one, or CSME may not be told that the host is connected.
    CONNECTED = "connected"
    #: The host has no profile that can join CSME's network, and the policy is to leave CSME its radio.
    NO_CREDENTIALS = "no_credentials"
    #: A part of CSME's connection could not be read, so the host can't be pinned to it, and the policy is to leave CSME
    #: its radio.
    CSME_UNREADABLE = "csme_unreadable"
    #: CSME did not give the radio away after any of the requests: it denied them, or did not answer.
    DENIED = "denied"
    #: The driver did not ask CSME, because it has no connection to CSME or takes the host for the owner. But CSME's
    #: block stands.
    NOT_ASKED = "not_asked"
    #: The host got the radio, but did not connect in time, and no block came back. If its interface is down, CSME may
    #: have the radio all the same.
    NOT_CONNECTED = "not_connected"
    #: CSME gave the radio away and took it back at its deadline, whether the host was connected or not.
    TAKEN_BACK = "taken_back"
    #: Airplane mode came on.
    AIRPLANE_MODE = "airplane_mode"
    #: The radio's switch went off (a hard block that is not CSME's, ``Block.off``).
    SWITCH_OFF = "switch_off"
    #: The pin could not be set in the supplicant.
    PIN_FAILED = "pin_failed"
    #: The time for the whole handover was over.
    TIMED_OUT = "timed_out"
    #: The supplicant ended or restarted in the middle of the handover, so the pin is gone.
    SUPPLICANT_GONE = "supplicant_gone"
    #: NetworkManager ended, restarted or let go of the interface in the middle. The supplicant below it may still run.
    MANAGER_GONE = "manager_gone"
    #: The interface or the radio went away.
    INTERFACE_GONE = "interface_gone"
    #: A device, socket or file failed in the middle of the handover. Only the watcher says that. A task fails with the
    #: error itself.
    FAILED = "failed"


#: Outcomes after which the host owns the radio.
SUCCESSES = frozenset({Outcome.OWNED, Outcome.PROTECTED, Outcome.CONNECTED})


#: Why a radio can't be used: the kernel gives no reason for its block, so it is not known whether CSME owns it.
KERNEL_TOO_OLD = "kernel_too_old"
#: Why it is not known who owns a radio: its interface is down, and CSME may own such a radio without a block.
OWNER_UNKNOWN = "owner_unknown"

# -- why CSME keeps a radio without a handover. These words stand where an outcome may stand ---------------------------

#: The reason when a radio is left to CSME, which has no connection on it.
IDLE = "idle"
#: The reason while a manager that may start soon is waited for.
AWAITED = "manager_awaited"
#: The reason while the interface's manager does not tell its profiles.
UNANSWERED = "profiles_unreadable"
#: The reason while another process has the radio's lock.
BUSY = "radio_busy"
#: The reason after an error of a device, socket or file, which the log names. It may have come without a handover.
FAILED = Outcome.FAILED.value
REASONS = (IDLE, AWAITED, UNANSWERED, BUSY, FAILED)
#: These reasons describe the present, not a handover that failed. The facts read it anew, so they may be more recent
#: than the watcher.
OF_NOW = frozenset({Outcome.NO_CREDENTIALS.value, Outcome.CSME_UNREADABLE.value, IDLE, AWAITED, UNANSWERED, BUSY})


@dataclass(frozen=True)
class Policy:
    """The choices of a handover. Times are in seconds.

    Attributes:
        pin: whether to pin the profile to CSME's access point and channel before the first request.
        require_credentials: whether to leave CSME its radio when no profile can carry its connection on.
        answer_seconds: how long to wait for the end of the block after a request. The driver itself waits 0.5 s for
            CSME (iwlmei's ownership timeout, HZ/2). The other half is for an answer that is on its way by then.
        pauses_seconds: the pauses between requests that got no answer. There is one request more than pauses.
        deadline_seconds: the time that CSME gives the host to connect, including DHCP, before it takes the radio back:
            3 s. An address that comes later does not show that the session goes on.
        grace_seconds: how long to wait after the deadline, in case CSME takes the radio back.
        address_seconds: the waits for an address. The first is from a connection to the first look. Each of the others
            is from one request to the DHCP client to ask again until the next. There are as many requests as waits. The
            first wait is short, because on a quick network an address comes 5 to 50 ms after a connection. The second
            is long enough for a server that first tests whether an address is in use, which takes 1 s (ping-timeout,
            dhcpd.conf(5)). The third is as long as a client waits before its own second message: 3 to 5 s.
        test_seconds: how much longer than that first wait a manager's own DHCP client is left alone if it tests an
            address before the interface gets it. NetworkManager 1.52 does so for 0.2 s.
        timeout_seconds: how long the whole handover may take. A request is made only if the rest of the handover fits
            into the time that is left.
        stay: whether to keep the access point pinned after the handover, until CSME allows roaming or the session has
            certainly ended.
        confirm_seconds: how long to stay while CSME has not reported that roaming is forbidden. The driver reports that
            with each status of the connection. A report can be lost, but without any, the pin must end soon.
        lost_seconds: how long the link may be lost during a stay, before the pin is undone so that the host can roam.
            If the access point still answers, the host is back after one scan of its channels and a handshake.
    """

    pin: bool = True
    require_credentials: bool = True
    answer_seconds: float = 1.0
    pauses_seconds: Tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
    deadline_seconds: float = 3.0
    grace_seconds: float = 1.0
    address_seconds: Tuple[float, ...] = (0.1, 1.5, 3.0)
    test_seconds: float = 0.4
    timeout_seconds: float = 30.0
    stay: bool = False
    confirm_seconds: float = 15.0
    lost_seconds: float = 5.0

    @property
    def attempt_seconds(self) -> float:
        """The most seconds that one request can take, with everything that follows from it."""
        return self.answer_seconds + self.deadline_seconds + self.grace_seconds
