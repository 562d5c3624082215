# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One radio that the watcher guards. Events go into the guard's state machine, and its actions are carried out."""

from __future__ import annotations

import time
from functools import partial
from typing import Any, Callable, Optional

from .._handover import guard, messages
from .._handover.addressing import Addressing
from .._handover.effects import Calls, Effects
from .._handover.guard import RETRY, SLOW, Changed, Guard, GuardAction, GuardEvent, GuardPolicy
from .._handover.messages import AddressArrived
from .._handover.policy import FAILED, OWNER_UNKNOWN, Outcome
from .._handover.words import network_name
from .._network.backend import Listener
from .._network.events import Disconnected, Event, ManagerGone, ProfilesChanged, ProfileTouched, SupplicantGone
from .._network.handover_record import HandoverRecord
from .._radio import csme
from .._radio.nl80211 import Nl80211
from .._radio.rfkill import RfkillEvent
from .._radio.values import Radio
from .._system.dhcp import ask_through_pipe
from .._system.errors import FleetError
from .._system.places import PLACES, Places
from .._system.run_folder import Lock
from .._system.statemachine import Machine
from .._system.systemd import Log
from .account import Account
from .attachment import Attachment
from .closed import Closed
from .followed import FollowedSwitch
from .remainder import Remainder
from .stay_message import Kept, leave_stay, take_stay
from .view import View

#: Seconds from a change of profiles to the next look at them. Often several profiles are changed one after another.
_NEWS_SECONDS = 2.0
#: Seconds until the next attempt to undo a pin that could not be undone. Its timer means nothing to the guard.
_UNDO_SECONDS = 2.0
#: Seconds between two looks at a link whose end ``Backend.settle`` waits for, in case the event of its end is missed.
_REST_SECONDS = 30.0
#: Seconds after the end of a handover in which the handover itself may have touched a profile. On a slow machine,
#: NetworkManager releases a device within two seconds.
_ECHO_SECONDS = 10.0
_NEWS = "news"
_UNDO = "undo"


class Watched:
    """One radio that is guarded.

    Args:
        radio: the radio. It has an interface and a switch.
        nl: the connection to the driver.
        policy: how to guard the radio.
        log: receives the log lines.
        places: where the files are.
        clock: returns the time in seconds, from a clock that never goes back.
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
        self._places = places
        self._clock = clock
        self._lock = Lock(radio.phy, places)
        self._switch = FollowedSwitch(radio.switch)
        self._account = Account(radio, log, clock)
        #: The interface's manager, and its listeners.
        self.attachment = Attachment(radio, self._account, places, clock)
        #: The time at which the outcome of the last handover was known.
        self._decided = -_ECHO_SECONDS
        at = (nl, radio.ifindex or -1)
        request, read = partial(csme.request_ownership, *at), partial(csme.connection, *at)
        calls = Calls(request, read, partial(ask_through_pipe, root=places.root), self._mark, self._waits)
        self.effects = Effects(radio, None, calls, settles=True, places=places)
        #: Makes the DHCP client ask again when an address is late, after a handover and after any other connection.
        self._addressing = Addressing(
            policy.handover, self.effects.look_for_address, self._address_found, self._ask_for_address, clock
        )
        self._remainder = Remainder(self.effects, self._lock, self._account)
        # The account logs the warnings of the effects and of the listeners.
        self.effects.warnings = self._account.warnings
        self.view = View(radio, nl, self.attachment, self._account, places, clock)
        self.closed = Closed(radio, self.view, self._account, lambda: self._switch.shut, places, clock)
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
        """The time, by the clock, at which the next timer runs out. None means that no timer runs."""
        timers = (self._machine.due, self._addressing.due, self.attachment.due, self.closed.due)
        return min((due for due in timers if due is not None), default=None)

    @property
    def state(self) -> str:
        """The state as one word: ``watching``, ``handover``, ``staying``, ``left``, ``retrying`` or ``held``."""
        word = self._machine.state.word(waits=self._machine.due_of(RETRY) is not None)
        return word or ("held" if self.view.held else "watching")

    @property
    def asked(self) -> bool:
        """Whether the end of a handover has to be waited for (``Guard.asked``)."""
        return self._machine.state.asked

    @property
    def reason(self) -> Optional[str]:
        """The code for why CSME keeps the radio, why nobody can use it, or why its owner is not known. Or None."""
        if self.state == "watching":
            return self._switch.why_off or (OWNER_UNKNOWN if self.closed.owner_unknown else None)
        return self._machine.state.left or (Outcome.NO_CREDENTIALS.value if self.state == "held" else None)

    @property
    def kept(self) -> Optional[Kept]:
        """The stay of the host at its access point, or None when the host may roam."""
        if self.effects.pin is None or self.state != "staying":
            return None
        due = self._machine.due_of(messages.Timer.CONFIRM)
        return Kept(self.effects.pin.bssid, None if due is None else due - self._clock())

    @property
    def last(self) -> Optional[HandoverRecord]:
        """The record of the last handover, or None when there was none."""
        return self._account.last

    # -- who runs the interface ------------------------------------------------------------------------------------

    def attach(self, *, anew: bool = True) -> bool:
        """Attach to the interface's manager. See ``Attachment.attach``."""
        new = self.attachment.attach(anew=anew)
        self.effects.backend = self.attachment.backend
        return new

    def detach(self) -> None:
        """Close the listeners, and forget the manager."""
        self.attachment.detach()
        self.effects.backend = None

    def supplicant_gone(self) -> None:
        """Handle the end of the supplicant. Its pin ended with it."""
        if self.attachment.sources:
            self._account.write("info", "wpa_supplicant ended")
            self.feed(SupplicantGone())
            self.detach()

    def manager_gone(self, why: str) -> None:
        """Handle the end of the manager. A pin, which may still be set, is undone. The manager has to be found again.

        Args:
            why: the reason, as a text for people.
        """
        self._account.write("info", why)
        if self._machine.state.handover is None:
            self._give_up()
        self.feed(ManagerGone())
        self.detach()

    # -- what happens ----------------------------------------------------------------------------------------------

    def feed(self, event: GuardEvent) -> None:
        """Give an event to the guard. If a transport fails, the handover or stay ends, and the pin is undone."""
        self._advance(lambda: self._feed(event))

    def _feed(self, event: GuardEvent) -> None:
        if isinstance(event, AddressArrived):
            # Timers that have run out come first. Otherwise a late address would count as one in time.
            self._machine.expire()
        self._account.hear(event)
        self._machine.feed(event)
        self._addressing.feed(event)

    def expire(self) -> None:
        """Handle the timers that have run out."""
        self._expire_guard()
        end = self.attachment.expire()
        if end is not None:
            self._heard_one(end)
        self._addressing.expire()
        self.closed.expire()
        self._account.flush()

    def _expire_guard(self) -> None:
        due = self._machine.due
        if due is None or due > self._clock():
            return
        if self.effects.pin is not None and self._machine.state.handover is None:
            self.effects.unpin()
        self._advance(self._machine.expire)

    def _advance(self, move: Callable[[], None]) -> None:
        try:
            move()
        except FleetError as error:
            self._account.write_once("failure", "error", str(error), code=error.code)
            self._give_up()
        self._settle()

    def _give_up(self) -> None:
        """Undo the pin, end the handover or stay, and look again later."""
        self.effects.unpin()
        undecided = self._machine.state.undecided
        self._machine.state = Guard(left=FAILED if self._switch.owned else None)
        for timer in (*messages.Timer, SLOW):  # a timer of this handover must not run out during the next one
            self._machine.cancel_timer(timer)
        self._machine.set_timer(RETRY, (self.policy.retry_seconds or (_UNDO_SECONDS,))[-1])
        if undecided:
            self._tell(Outcome.FAILED)

    def heard_rfkill(self, event: RfkillEvent) -> None:
        """Handle an event of rfkill. Events of other switches are ignored."""
        news = self.effects.from_rfkill(event) if self._switch.is_of(event) else None
        if news is None:
            return
        changed = self._switch.follow(event)
        # The kernel reports a switch at every change of any of its values. A block that is not new is ignored.
        if changed or not isinstance(news, (messages.BlockBack, messages.BlockGone)):
            self.feed(news)

    def heard_supplicant(self, source: Listener) -> None:
        """Handle the events of a listener.

        Args:
            source: one of the attachment's listeners.
        """
        if source not in self.attachment.sources:  # an earlier event of the same round closed it
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
            self.manager_gone(event.why or f"{self.attachment.who} does not manage it any more")
        elif isinstance(event, ProfilesChanged):
            self.profiles_changed()
        elif isinstance(event, ProfileTouched):
            # A change that the handover itself made is ignored. Otherwise the handover would be tried again and again.
            if self._clock() - self._decided >= _ECHO_SECONDS:
                self.profiles_changed()
        else:
            self.feed(event)
            if isinstance(event, Disconnected):
                self._advance(self._end_rest)

    def profiles_changed(self) -> None:
        """Handle a possible change of profiles. It matters only while CSME keeps the radio."""
        if self._machine.state.left is not None:
            self._machine.set_timer(_NEWS, _NEWS_SECONDS)

    def look(self) -> None:
        """Read the radio's state, and give it to the guard."""
        try:
            event = self._look()
        except FleetError as error:
            self._account.write_once("failure", "error", str(error), code=error.code)
            if self._machine.state.handover is None:
                self._give_up()
            self._settle()
            return
        self.feed(event)

    def read_address(self) -> None:
        """Look for an address, after events about addresses may have been lost."""
        answer = self.effects.look_for_address()
        if isinstance(answer, AddressArrived):
            self.feed(answer)

    def _address_found(self, event: AddressArrived) -> None:
        self._advance(lambda: self._machine.feed(event))

    def _waits(self) -> bool:
        return self._machine.state.undecided

    def _ask_for_address(self) -> None:
        client = self.effects.ask_for_address()
        if client is not None:
            self._account.write("info", f"no address came yet, so {client} is asked again")

    def gone(self) -> None:
        """Handle the end of the interface or the radio, and release everything."""
        self.feed(messages.InterfaceGone())
        self.stop()

    def resume(self) -> None:
        """Go on with the stay in which the watcher was stopped, if the host is still at that access point."""
        kept = take_stay(self.radio, self._account, self._places)
        if kept is not None and self.view.of_host().bssid == kept.bssid:
            self._account.write("info", kept.words)
            self.feed(kept.event)

    def stop(self) -> None:
        """Undo the pin, and what is left of one, and release everything. Tell the next watcher of a stay."""
        if self.kept is not None:
            leave_stay(self.radio, self.kept, self._account, self._places)
        self.effects.unpin(now=True)
        self._remainder.end_now()
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
            answer = self.effects.do(action)
            if isinstance(answer, messages.Seen):
                self.view.saw(answer, blocked=self._switch.blocked)
            return answer
        return None

    def _look(self) -> GuardEvent:
        """Read the radio's state, and return it as the answer to ``guard.Look``.

        Raises:
            FleetError: the driver or the lock can't be used.
        """
        self._end_rest()
        if not self.view.held:
            self.view.wanted = None
        if not self._switch.usable:
            return guard.Unusable()
        if not self._lock.acquire():
            return guard.Busy(self._switch.blocked)
        if self._machine.state.handover is None and self.effects.pin is None:
            self._remainder.undo_what_was_left(self.radio.phy, self._places)
        self._account.forget("failure")
        if not self._switch.blocked:
            return self.view.of_host() if self._machine.state.stays else guard.Free()
        if self._machine.state.handover is None:
            self._account.trace.begin()
        return self.view.of_csme(required=self.policy.handover.require_credentials)

    def _end_rest(self) -> None:
        self._remainder.end_if_over(blocked=self._switch.blocked)

    def _settle(self) -> None:
        """Update what depends on the guard's state: the lock, timers for what is left of a pin, and the log."""
        self._account.flush()
        if self._machine.state.handover is not None:
            return
        if self.effects.pin is None:
            self._lock.release()
            if self._remainder.stands and self._machine.due is None:
                self._machine.set_timer(RETRY, _REST_SECONDS)
        elif self._machine.due is None or self._machine.due > self._clock() + _UNDO_SECONDS:
            # The pin could not be undone. This is tried again until it succeeds, however long the guard waits.
            self._machine.set_timer(_UNDO, _UNDO_SECONDS)
        self._remainder.tell()

    # -- what is told ----------------------------------------------------------------------------------------------

    def _mark(self, name: str) -> None:
        self._account.trace.mark(name)
        if name == "requested":
            self.closed.asked()
            self._account.write("info", f"asking CSME for the radio{network_name(self.view.wanted)}")

    def _tell(self, outcome: Outcome) -> None:
        if self._account.ended(outcome, self.view.wanted, self.attachment.who, self.view.obstacle):
            self._decided = self._clock()
        self.closed.handed_over()


def _expired(timer: Any) -> Any:
    return Changed() if timer == _NEWS else messages.Expired(timer)
