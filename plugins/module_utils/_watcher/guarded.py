# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One radio that the watcher guards: what is heard goes into the guard's machine, and what that decides is done."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import Any, Callable, Optional

from .._handover import guard, messages
from .._handover.addressing import Addressing
from .._handover.deferred import Rest, journal_of
from .._handover.effects import Calls, Hands
from .._handover.guard import RETRY, Changed, Guard, GuardAction, GuardEvent, GuardPolicy
from .._handover.messages import AddressArrived
from .._handover.policy import Outcome
from .._handover.undo import undo_journal
from .._handover.words import NARROW, STUCK, network_name
from .._network.backend import Listener
from .._network.events import Disconnected, Event, ManagerGone, ProfilesChanged, ProfileTouched, SupplicantGone
from .._network.handover_record import HandoverRecord
from .._radio import csme
from .._radio.nl80211 import Nl80211
from .._radio.rfkill import RfkillEvent
from .._radio.values import Radio
from .._system.dhcp import ask_through_pipe
from .._system.errors import FleetError
from .._system.run_folder import Lock
from .._system.statemachine import Machine
from .._system.systemd import Log
from .account import Account
from .attachment import Attachment
from .places import PLACES, Places
from .view import View

#: After news of profiles, seconds until they are looked at: whoever changes them changes several, one after the other.
_NEWS_SECONDS = 2.0
#: Seconds until a pin that could not be undone is tried again.
_UNDO_SECONDS = 2.0
#: Seconds between looks at the link whose end the rest of a pin waits for, should that not be heard.
_REST_SECONDS = 30.0
#: For how long after a handover's end a profile may be touched by that, in seconds: NetworkManager lets go of a device
#: within two of them on a slow machine.
_ECHO_SECONDS = 10.0
_NEWS = "news"


class Watched:
    """One radio that is guarded.

    Args:
        radio: the radio; it has an interface and a switch.
        nl: to ask the driver.
        policy: what to do where there is a choice.
        log: where to tell of it.
        places: where it keeps things.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        radio: Radio,
        nl: Nl80211,
        policy: GuardPolicy,
        log: Log,
        *,
        places: Places = PLACES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.radio = radio
        self.interface: str = radio.interface or ""
        self.policy = policy
        self._folder = places.run
        self._clock = clock
        self._lock = Lock(radio.phy, places.run)
        self._switch = radio.switch
        self._account = Account(radio, log, clock)
        #: Who runs the interface, and what tells of it.
        self.attachment = Attachment(radio, self._account, clock)
        #: Has the DHCP client asked anew where an address is long in coming, whatever made the connection.
        self._addressing = Addressing(policy.handover, self._look_for_address, self._ask_for_address, clock)
        #: When the last handover was decided.
        self._decided = -_ECHO_SECONDS
        #: Whether it was told that the rest of a pin stands.
        self._narrow = False
        self._rest = Rest(radio.phy, places.run)
        calls = Calls(partial(csme.request_ownership, nl, radio.ifindex or -1), ask_through_pipe, self._mark)
        self.hands = Hands(radio, None, calls, self._rest, places.run)
        # What goes wrong while the hands work, or while somebody is listened to, is told with the rest.
        self.hands.warnings = self._account.warnings
        self.view = View(radio, nl, self.attachment, self._account, places.notes, clock)
        self._machine: Machine[Guard] = Machine(
            Guard(),
            lambda state, event: guard.step(state, event, self.policy),
            self._do,
            _expired,
            self._account.trace.note,
            clock,
        )

    # -- how it stands ---------------------------------------------------------------------------------------------

    @property
    def due(self) -> Optional[float]:
        """When its next timer runs out, by the clock; None when none runs."""
        timers = [due for due in (self._machine.due, self._addressing.due, self.attachment.due) if due is not None]
        return min(timers) if timers else None

    @property
    def state(self) -> str:
        """How it stands, in a word: ``watching``, ``handover``, ``staying``, ``left``, ``retrying`` or ``held``."""
        return self._machine.state.word(waits=self._machine.due is not None) or (
            "held" if self.view.held else "watching"
        )

    @property
    def reason(self) -> Optional[str]:
        """Why CSME keeps the radio, as a code; None when it does not."""
        left = self._machine.state.left
        return Outcome.NO_CREDENTIALS.value if left is None and self.state == "held" else left

    @property
    def last(self) -> Optional[HandoverRecord]:
        """How its last handover went; None: there was none."""
        return self._account.last

    # -- who runs the interface ------------------------------------------------------------------------------------

    def attach(self, *, anew: bool = True) -> bool:
        """As ``Attachment.attach``."""
        new = self.attachment.attach(anew=anew)
        self.hands.supplicant = self.attachment.backend
        return new

    def detach(self) -> None:
        """Listen no more."""
        self.attachment.detach()
        self.hands.supplicant = None

    def supplicant_gone(self) -> None:
        """Take note that the supplicant ended. Its pin ended with it."""
        if not self.attachment.sources:
            return
        self._account.write("info", "wpa_supplicant ended")
        self.feed(SupplicantGone())
        self.detach()

    def manager_gone(self, why: str) -> None:
        """Take note that it has to be found out anew who runs the interface. A pin, which may still stand, is undone.

        Args:
            why: for people.
        """
        self._account.write("info", why)
        self._give_up()
        self._settle()
        self._addressing.feed(ManagerGone())
        self.detach()

    # -- what happens ----------------------------------------------------------------------------------------------

    def feed(self, event: GuardEvent) -> None:
        """Let the guard answer an event. A transport that fails ends what is under way, un-pinned."""
        self._advance(lambda: self._feed(event))

    def _feed(self, event: GuardEvent) -> None:
        if isinstance(event, AddressArrived):
            # It was read just now: what has run out before that comes first, or a late address passed for one in time.
            self._machine.expire()
        self._machine.feed(event)
        self._addressing.feed(event)

    def expire(self) -> None:
        """Let the guard answer the timers that have run out."""
        self._expire_guard()
        end = self.attachment.expire()
        if end is not None:
            self._heard_one(end)
        self._addressing.expire()
        self._account.flush()

    def _expire_guard(self) -> None:
        due = self._machine.due
        if due is None or due > self._clock():
            return
        if self.hands.pin is not None and self._machine.state.handover is None:
            self.hands.unpin()
        self._advance(self._machine.expire)

    def _advance(self, move: Callable[[], None]) -> None:
        try:
            move()
        except FleetError as error:
            self._account.write("error", str(error), code=error.code)
            self._give_up()
        self._settle()

    def _give_up(self) -> None:
        """End what is under way, un-pinned, and look again later."""
        self.hands.unpin()
        self._machine.state = Guard()
        for timer in messages.Timer:  # of what has ended: it would run out in what comes next
            self._machine.cancel_timer(timer)
        retry = self.policy.retry_seconds
        self._machine.set_timer(RETRY, retry[-1] if retry else _UNDO_SECONDS)

    def heard_rfkill(self, event: RfkillEvent) -> None:
        """Take a record of rfkill. One of another switch means nothing."""
        switch = self._switch
        if switch is None or event.index != switch.index:
            return
        news = self.hands.from_rfkill(event)
        if news is not None:
            changed = (event.soft, event.hard, event.reasons) != (switch.soft, switch.hard, switch.reasons)
            self._switch = replace(switch, soft=event.soft, hard=event.hard, reasons=event.reasons)
            # The kernel tells how things stand at every change of anything: only what is new here is news.
            if changed or not isinstance(news, (messages.BlockBack, messages.BlockGone)):
                self.feed(news)

    def heard_supplicant(self, source: Listener) -> None:
        """Take what the supplicant said.

        Args:
            source: where; one of the attachment's.
        """
        if source not in self.attachment.sources:  # an earlier one of the same round ended it
            return
        heard = self.attachment.read(source)
        if self._machine.state.unanswered:
            self.feed(guard.Spoke())
        for event in heard:
            self._heard_one(event)
        self._account.flush()

    def _heard_one(self, event: Event) -> None:
        if isinstance(event, SupplicantGone):
            self.supplicant_gone()
        elif isinstance(event, ManagerGone):
            self.manager_gone(event.why or f"{self.attachment.who} has it no more")
        elif isinstance(event, ProfilesChanged):
            self.profiles_changed()
        elif isinstance(event, ProfileTouched):
            # What a handover itself did to it is no news: it would be tried again and again.
            if self._clock() - self._decided >= _ECHO_SECONDS:
                self.profiles_changed()
        else:
            self.feed(event)
            if isinstance(event, Disconnected):
                self._advance(self._end_rest)

    def profiles_changed(self) -> None:
        """Take note that profiles may have changed. It matters while CSME keeps the radio for want of one."""
        if self._machine.state.left is not None:
            self._machine.set_timer(_NEWS, _NEWS_SECONDS)

    def look(self) -> None:
        """Let the guard see how the radio stands, whatever it knew."""
        try:
            event = self._look()
        except FleetError as error:
            self._account.write("error", str(error), code=error.code)
            self._settle()
            return
        self.feed(event)

    def read_address(self) -> None:
        """See whether there is an address, where news of one may have been lost."""
        if self.hands.look_for_address():
            self.feed(AddressArrived())

    def _look_for_address(self) -> Optional[bool]:
        there = self.hands.look_for_address()
        if there:
            self._advance(lambda: self._machine.feed(AddressArrived()))
        return there

    def _ask_for_address(self) -> None:
        handover = self._machine.state.handover
        waits = handover is not None and handover.outcome is None
        client = self.hands.ask_for_address(in_handover=waits)
        if client is not None:
            self._account.write("info", f"no address came yet; {client.value} is asked anew")

    def gone(self) -> None:
        """Take note that the interface or the radio went away, and let go of everything."""
        self.feed(messages.InterfaceGone())
        self._end()
        self.detach()
        self._lock.release()

    def stop(self) -> None:
        """End in an orderly way: what is pinned is undone."""
        self._end()
        self.detach()
        self._lock.release()

    # -- what is done ----------------------------------------------------------------------------------------------

    def _do(self, action: GuardAction) -> Optional[GuardEvent]:
        if isinstance(action, guard.Look):
            return self._look()
        if isinstance(action, guard.Tell):
            self._tell(action.outcome)
        elif isinstance(action, messages.SetTimer):
            self._machine.set_timer(action.timer, action.seconds)
        elif isinstance(action, messages.CancelTimer):
            self._machine.cancel_timer(action.timer)
        else:
            return self.hands.do(action)
        return None

    def _look(self) -> GuardEvent:
        """Read how the radio stands.

        Raises:
            FleetError: the driver or the lock can't be used.
        """
        self._end_rest()
        switch = self._switch
        if not self.view.held:
            self.view.wanted = None
        if switch is None or switch.reasons is None or switch.soft or switch.off:
            return guard.Unusable()
        if not self._lock.acquire():
            return guard.Busy()
        if self._machine.state.handover is None and self.hands.pin is None:
            # Whoever held the lock before may have been killed.
            undo_journal(self.radio.phy, self.hands.supplicant, self._folder)
            if not self._rest.stands and self.hands.supplicant is not None:
                undo_journal(journal_of(self.radio.phy), self.hands.supplicant, self._folder)
        if not switch.hard:
            return self.view.of_host() if self._machine.state.forbidden else guard.Free()
        if self._machine.state.handover is None:
            self._account.trace.begin()
        required = self.policy.handover.require_credentials
        return self.view.of_csme(required=required)

    def _end_rest(self) -> None:
        """Undo the rest of the last pin if its link is over. What can't be done now is tried again."""
        supplicant = self.hands.supplicant
        if not self._rest.stands or supplicant is None:
            return
        try:
            if self._lock.acquire():
                # Under a block there is no link, whatever the supplicant still says.
                self._rest.end(supplicant, now=self._switch is not None and self._switch.hard)
        except FleetError as error:
            self._account.write_once("rest", "warning", f"{STUCK}: {error}")

    def _end(self) -> None:
        """Undo what is pinned, and the rest of what was: nobody will be here at the end of the link."""
        self.hands.unpin(now=True)
        if self.hands.supplicant is not None:
            try:
                self._rest.end(self.hands.supplicant, now=True)
            except FleetError as error:
                self.hands.warnings.append(f"{STUCK}: {error}. The journal keeps them for the next start")
        self._account.flush()

    def _settle(self) -> None:
        """Bring what depends on the guard's state up to date: lock, leftovers, warnings."""
        self._account.flush()
        if self._machine.state.handover is not None:
            return
        if self.hands.pin is None:
            self._lock.release()
            if self._rest.stands and self._machine.due is None:
                self._machine.set_timer(RETRY, _REST_SECONDS)
        elif self._machine.due is None:
            # It could not be undone: it is tried again until it is.
            self._machine.set_timer(RETRY, _UNDO_SECONDS)
        if self._rest.stands != self._narrow:
            self._narrow = self._rest.stands
            self._account.forget("rest")
            if self._narrow:
                self._account.write("info", NARROW)

    # -- what is told ----------------------------------------------------------------------------------------------

    def _mark(self, name: str) -> None:
        self._account.trace.mark(name)
        if name == "requested":
            self._account.write("info", f"asking CSME for the radio{network_name(self.view.wanted)}")

    def _tell(self, outcome: Outcome) -> None:
        if outcome is not Outcome.NO_CREDENTIALS:
            self._decided = self._clock()
        self._account.ended(outcome, self.view.wanted, self.attachment.who, self.view.obstacle)


def _expired(timer: Any) -> Any:
    return Changed() if timer == _NEWS else messages.Expired(timer)
