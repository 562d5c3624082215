# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CSME: who owns the NIC, and what it tells the host of its connection (``mei/iwl-mei.h`` and ``mei/sap.h``)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Callable, Mapping, Optional

from . import dhcp, sap
from .around import Network, Nic, NoNic, NoStation, Station
from .filters import Filters
from .sap import Connection, NicOwner, Notification
from .timers import Timer, Timers
from .wlan import Wlan, number

GRANT, DENY, SILENT = "grant", "deny", "silent"
#: CSME's answers to a request for ownership.
ANSWERS = (GRANT, DENY, SILENT)


@dataclass
class Behaviour:
    """What CSME does when it is asked. Tests change it while it runs.

    Args:
        answer: to the next requests, see :data:`ANSWERS`.
        delay: how long the answer takes, in seconds.
        deadline: how long the host has after a grant under link protection, in seconds; 0: for ever.
            ``mei/iwl-mei.h``: "3 seconds to connect (including DHCP)".
        with_dhcp: whether the deadline ends only when CSME has seen the host's DHCP, as the driver's author says.
        tells: whether CSME tells its status again when the host is connected, which makes iwlmei say that roaming is
            forbidden. When real firmware does is not known.
        patience: how long CSME waits for the host to let go before it takes the NIC anyway, in seconds.
            ``mei/sap.h``: "If the host failed to send this message fast enough, CSME will take ownership". How
            fast is not known.
        holds: whether a host that can't ask, because SAP is down, does not get a NIC that CSME owns. What real firmware
            does is not known; one that knows no SAP gives it.
    """

    answer: str = GRANT
    delay: float = 0.0
    deadline: float = 3.0
    with_dhcp: bool = True
    tells: bool = True
    patience: float = 5.0
    holds: bool = False


#: Takes note of what happened: its name, and the details.
Note = Callable[[str, Mapping[str, object]], None]


@dataclass
class State:
    """What CSME knows.

    Args:
        owner: of the NIC.
        amt: whether AMT is enabled, with its wireless.
        driver_up: whether a driver of the host's is there.
        link_protection: whether a session is open.
        connection: the last one of CSME's own.
        host: the host's connection, once it is up.
        mac: the address of the host's interface, as the host told it.
        radio: ``enum iwl_sap_radio_state_bitmap``, as the host told it.
        counts: how often the host asked for the NIC, how often CSME gave it, and how often it took it.
    """

    owner: NicOwner = NicOwner.ME
    amt: bool = True
    driver_up: bool = False
    link_protection: bool = False
    connection: Connection = field(default_factory=Connection)
    host: Optional[Connection] = None
    mac: bytes = bytes(6)
    radio: int = 0
    counts: Counter[str] = field(default_factory=lambda: Counter(requests=0, grants=0, takes=0))


class Csme:
    """CSME's side of SAP.

    Args:
        timers: for delays and deadlines.
        note: see :data:`Note`.
        station: its own.
        nic: the NIC's hardware.
    """

    def __init__(
        self, timers: Timers, note: Note, station: Optional[Station] = None, nic: Optional[Nic] = None
    ) -> None:
        self.state = State()
        self.behaviour = Behaviour()
        self.filters = Filters()
        self._timers = timers
        self._note = note
        self._station: Station = station or NoStation()
        self._nic: Nic = nic or NoNic()
        self._network: Optional[Network] = None
        self._wlan: Optional[Wlan] = None
        self._deadline: Optional[Timer] = None
        self._taking: Optional[Timer] = None
        self._answering: Optional[Timer] = None
        self._dhcp_seen = False
        #: Whether the host used the NIC when SAP ended. CSME takes the NIC then, as for any driver that is gone.
        self._used_at_end = False

    def attach(self, wlan: Wlan) -> None:
        """Speak through a client."""
        self._wlan = wlan

    def settle(self, station: Station, network: Network) -> None:
        """Have a station of its own, and a way over the host's radio."""
        self._station, self._network = station, network

    # -- what tests do ------------------------------------------------------------------------------------------------

    def tell_connection(self, connection: Optional[Connection] = None, link_protection: Optional[bool] = None) -> None:
        """Have another connection, or open or close a session; tell the host."""
        if connection is not None:
            self.state.connection = connection
        if link_protection is not None:
            self.state.link_protection = link_protection
        self._tell_status()

    def be_content(self) -> None:
        """Have no deadline any more: the host's connection is good enough."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def switch_amt(self, on: bool) -> None:
        """Enable or disable AMT. A disabled one owns nothing."""
        self.state.amt = on
        if not on:
            self._end_timers()
            self._own(NicOwner.HOST)
        self._send(Notification.AMT_STATE, sap.DW.pack(on))

    def hold(self) -> None:
        """Tell the NIC's hardware whether the host has to wait, when the owner or the behaviour has changed."""
        self._nic.hold(held=self.state.owner is NicOwner.ME and self.behaviour.holds)

    def take(self, why: str = "command") -> None:
        """Take the NIC, whoever has it."""
        if not self.state.amt:
            return
        self._end_timers()
        self._note("take", {"why": why})
        self._send(Notification.CSME_TAKING_OWNERSHIP)
        self._taking = self._timers.after(self.behaviour.patience, self._take_anyway)

    def offer(self) -> None:
        """Tell the host that it may have the NIC. A driver asks by itself then."""
        self._note("offer", {})
        self._send(Notification.CSME_CAN_RELEASE_OWNERSHIP)

    # -- what iwlmei does ---------------------------------------------------------------------------------------------

    def started(self) -> None:
        """See :class:`.wlan.Side`."""
        self._note("sap_up", {})
        if self.state.amt and self._nic.in_use() and not self._used_at_end:
            # The host began to use it while it could not ask: after a suspend, or while the firmware started.
            self._note("found_in_use", {})
            self._own(NicOwner.HOST)
            self._begin_deadline()
        self._send(Notification.AMT_STATE, sap.DW.pack(self.state.amt))

    def stopped(self) -> None:
        """See :class:`.wlan.Side`."""
        self._note("sap_down", {})
        self._used_at_end = self._nic.in_use()
        self._driver_gone()

    def notified(self, kind: int, payload: bytes) -> None:
        """See :class:`.wlan.Side`."""
        handler = self._HANDLERS.get(kind)
        if handler is not None:
            handler(self, payload)

    def received(self, frame: bytes) -> None:
        """See :class:`.wlan.Side`."""
        if dhcp.message_type(frame) == dhcp.ACK:
            self._dhcp_seen = True
            self._look_at_deadline()
        elif self._network is not None:
            self._network.deliver(frame)

    def transmitted(self, frame: bytes) -> None:
        """See :class:`.wlan.Side`."""
        kind = dhcp.message_type(frame)
        if kind is not None:
            self._note("host_dhcp", {"type": kind})

    def _ping(self, payload: bytes) -> None:
        self._send(Notification.PONG)

    def _driver_up(self, payload: bytes) -> None:
        self.state.driver_up = True
        if self._wlan is None:
            return
        # Seen of real firmware: 502, 500, 512, 502.
        amt = (Notification.AMT_STATE, sap.DW.pack(self.state.amt))
        self._wlan.notify_all(
            [amt, (Notification.CSME_FILTERS, self.filters.pack()), self._status(), amt] if self.state.amt else [amt]
        )

    def _driver_down(self, payload: bytes) -> None:
        self._driver_gone()

    def _goes_down(self, payload: bytes) -> None:
        # The shared area is the host's again: nothing more is put there. The connection ends soon.
        self._driver_gone()

    def _who_owns(self, payload: bytes) -> None:
        self._send(Notification.NIC_OWNER, sap.DW.pack(self.state.owner))

    def _asked(self, payload: bytes) -> None:
        answer = self.behaviour.answer
        self.state.counts["requests"] += 1
        self._note("request", {"owner": self.state.owner.name, "answer": answer})
        if self.state.owner is NicOwner.HOST:
            self._reply(True)
        elif answer == GRANT:
            self._answering = self._timers.after(self.behaviour.delay, self._grant)
        elif answer == DENY:
            self._answering = self._timers.after(self.behaviour.delay, self._deny)

    def _grant(self) -> None:
        self._own(NicOwner.HOST)
        self._note("grant", {})
        self.state.counts["grants"] += 1
        self._reply(True)
        self._begin_deadline()

    def _begin_deadline(self) -> None:
        self._dhcp_seen = False
        self.state.host = None
        if self.state.link_protection and self.behaviour.deadline:
            self._deadline = self._timers.after(self.behaviour.deadline, self._missed)

    def _deny(self) -> None:
        self._note("deny", {})
        self._reply(False)

    def _reply(self, granted: bool) -> None:
        self._send(Notification.CSME_REPLY_TO_HOST_OWNERSHIP_REQ, sap.DW.pack(granted))

    def _confirmed_by_host(self, payload: bytes) -> None:
        self._note("host_confirmed", {})

    def _let_go(self, payload: bytes) -> None:
        """Take the NIC: the host has confirmed that it does not use it any more."""
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None
        self._note("host_let_go", {})
        self._own(NicOwner.ME)

    def _take_anyway(self) -> None:
        self._taking = None
        self._note("taken_anyway", {})
        self._own(NicOwner.ME)

    def _missed(self) -> None:
        self._deadline = None
        self._note("deadline", {"met": False, "link_up": self.state.host is not None, "dhcp": self._dhcp_seen})
        self.take("deadline")

    def _look_at_deadline(self) -> None:
        if self._deadline is None or self.state.host is None:
            return
        if self.behaviour.with_dhcp and not self._dhcp_seen:
            return
        self._deadline.cancel()
        self._deadline = None
        self._note("deadline", {"met": True})

    def _link_up(self, payload: bytes) -> None:
        self.state.host = Connection.unpack(payload)
        self._note("host_link_up", {"ssid": self.state.host.ssid.hex(), "bssid": self.state.host.bssid.hex()})
        self._look_at_deadline()
        if self.state.link_protection and self.state.amt and self.behaviour.tells:
            self._tell_status()

    def _link_down(self, payload: bytes) -> None:
        self.state.host = None
        self._note("host_link_down", {})

    def _radio_state(self, payload: bytes) -> None:
        self.state.radio = number(payload)

    def _nic_info(self, payload: bytes) -> None:
        self.state.mac = sap.NIC_INFO.unpack(payload[: sap.NIC_INFO.size].ljust(sap.NIC_INFO.size, b"\0"))[0]

    def _pldr(self, payload: bytes) -> None:
        self._send(Notification.PLDR_ACK, sap.PLDR.pack(0, 0))

    # -- the inside -------------------------------------------------------------------------------------------------

    def _send(self, kind: Notification, payload: bytes = b"") -> None:
        if self._wlan is not None:
            self._wlan.notify(kind, payload)

    def _status(self) -> tuple[int, bytes]:
        told = sap.connection_status(self.state.link_protection, self.state.connection)
        return Notification.CSME_CONN_STATUS, told

    def _tell_status(self) -> None:
        kind, payload = self._status()
        self._send(Notification(kind), payload)

    def _own(self, owner: NicOwner) -> None:
        if owner is self.state.owner:
            return
        self.state.owner = owner
        self._note("owner", {"owner": owner.name})
        self.hold()
        if owner is NicOwner.ME:
            self.state.counts["takes"] += 1
            self._station.enter()
        else:
            self._station.leave()

    def _driver_gone(self) -> None:
        """Take the NIC: no driver of the host's has it (``mei/sap.h``, "Ownership")."""
        self.state.driver_up = False
        self.state.host = None
        self._end_timers()
        if self.state.amt:
            self._own(NicOwner.ME)

    def _end_timers(self) -> None:
        for timer in (self._deadline, self._taking, self._answering):
            if timer is not None:
                timer.cancel()
        self._deadline = self._taking = self._answering = None

    _HANDLERS: Mapping[int, Callable[[Csme, bytes], None]] = {
        Notification.PING: _ping,
        Notification.WIFIDR_UP: _driver_up,
        Notification.WIFIDR_DOWN: _driver_down,
        Notification.HOST_GOES_DOWN: _goes_down,
        Notification.WHO_OWNS_NIC: _who_owns,
        Notification.HOST_ASKS_FOR_NIC_OWNERSHIP: _asked,
        Notification.HOST_OWNERSHIP_CONFIRMED: _confirmed_by_host,
        Notification.CSME_OWNERSHIP_CONFIRMED: _let_go,
        Notification.HOST_LINK_UP: _link_up,
        Notification.HOST_LINK_DOWN: _link_down,
        Notification.RADIO_STATE: _radio_state,
        Notification.NIC_INFO: _nic_info,
        Notification.PLDR: _pldr,
    }
