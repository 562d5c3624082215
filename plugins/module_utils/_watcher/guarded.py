# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One radio that the watcher guards: the guard's machine, its hands, and the supplicant that it listens to."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, Callable, Dict, List, Optional, Tuple

from .._handover import guard as _guard
from .._handover.addressing import Addressing
from .._handover.deferred import Rest, journal_of
from .._handover.effects import Hands
from .._handover.guard import (
    RETRY,
    Busy,
    Changed,
    Free,
    Guard,
    GuardAction,
    GuardEvent,
    GuardPolicy,
    Look,
    Spoke,
    Tell,
    Unanswered,
    Unusable,
)
from .._handover.machine import Phase
from .._handover.messages import (
    AddressArrived,
    BlockBack,
    Blocked,
    BlockGone,
    CancelTimer,
    Expired,
    InterfaceGone,
    SetTimer,
    Timer,
)
from .._handover.policy import Outcome
from .._handover.undo import undo_journal
from .._handover.words import _HELD, _LEVELS, _NARROW, _NOBODY, _SENTENCES, _STUCK, _UNUSABLE, _name
from .._managers.networkmanager.records import networkmanager_was_here
from .._managers.who import OverIwd, backend_from_within
from .._network.backend import NETWORKMANAGER, WPA_SUPPLICANT, Listener
from .._network.events import (
    Connected,
    Disconnected,
    Event,
    ManagerGone,
    ProfilesChanged,
    ProfileTouched,
    SupplicantGone,
)
from .._network.profile import Obstacle, find_obstacle, find_profile
from .._radio import csme
from .._radio.connection import CsmeConnection
from .._radio.nl80211 import Nl80211
from .._radio.rfkill import NOT_OWNER, RfkillEvent
from .._radio.values import Radio
from .._system.dhcp import ask_through_pipe
from .._system.errors import AccessDenied, FleetError, LibraryMissing, NotFound
from .._system.run_folder import FOLDER, Lock
from .._system.statemachine import Machine
from .._system.systemd import Log
from . import bring_up_note
from .bring_up_note import is_held
from .state import Last

#: After news of profiles, seconds until they are looked at: whoever changes them changes several, one after the other.
_NEWS_SECONDS = 2.0
#: Seconds until a pin that could not be undone is tried again.
_UNDO_SECONDS = 2.0
#: Seconds between looks at the link whose end the rest of a pin waits for, should that not be heard.
_REST_SECONDS = 30.0
#: How long a radio that is to be taken without credentials waits for a supplicant that is not there yet, in seconds:
#: as long as a slow boot may take to start it after the watcher.
_SUPPLICANT_SECONDS = 30.0
#: Seconds until a supplicant is looked for once more, where NetworkManager may be about to come to the interface: half
#: a minute in all, as long as its start takes on a slow machine.
_ATTACH_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
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
        folder: where lock and journal are.
        notes: where the note of a bring-up that is held back would be.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        radio: Radio,
        nl: Nl80211,
        policy: GuardPolicy,
        log: Log,
        *,
        folder: str = FOLDER,
        notes: str = bring_up_note.FOLDER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.radio = radio
        self.interface: str = radio.interface or ""
        self._nl = nl
        self.policy = policy
        self._log = log
        self._folder = folder
        self._notes = notes
        self._clock = clock
        self._lock = Lock(radio.phy, folder)
        self._since = clock()
        self._switch = radio.switch
        self._trace: List[Tuple[str, float]] = []
        self._told = 0
        self._trouble = ""
        #: Why the profiles could not be read when that was tried last; nothing when they could.
        self._unread = ""
        self._said: Optional[Tuple[str, Optional[CsmeConnection]]] = None
        #: CSME's connection while it keeps the radio; None when it has none, or the host owns the radio.
        self.wanted: Optional[CsmeConnection] = None
        #: What keeps the profile for it from carrying it on; None: there is none, or one that can.
        self._obstacle: Optional[Obstacle] = None
        self.last: Optional[Last] = None
        #: Whether a supplicant's bring-up of the interface is held back, for want of a profile.
        self.held = False
        #: Has the DHCP client asked anew where an address is long in coming, whatever made the connection.
        self._addressing = Addressing(policy.handover, self._look_for_address, self._ask_for_address, clock)
        #: What tells of the supplicant; nothing without one.
        self.sources: Tuple[Listener, ...] = ()
        #: When to look for one again, and how often that was done; None: something has to happen first.
        self._again: Optional[float] = None
        self._tries = 0
        #: When the last handover was decided.
        self._decided = -_ECHO_SECONDS
        #: Whether it was told that the rest of a pin stands, and why it could not be undone when that was tried last.
        self._narrow = False
        self._stuck = ""
        self._rest = Rest(radio.phy, folder)
        self.hands = Hands(radio, nl, None, {}, folder, self._mark, rest=self._rest, ask=ask_through_pipe)
        self._machine: Machine[Guard] = Machine(
            Guard(), lambda guard, event: _guard.step(guard, event, self.policy), self._do, _expired, self._note, clock
        )

    # -- how it stands ---------------------------------------------------------------------------------------------

    @property
    def due(self) -> Optional[float]:
        """When its next timer runs out, by the clock; None when none runs."""
        listeners = (source.due for source in self.sources)
        timers = [
            each for each in (self._machine.due, self._addressing.due, self._again, *listeners) if each is not None
        ]
        return min(timers) if timers else None

    @property
    def state(self) -> str:
        """How it stands, in a word: ``watching``, ``handover``, ``holding``, ``left``, ``retrying`` or ``held``."""
        guard = self._machine.state
        if guard.handover is not None:
            return "holding" if guard.handover.phase is Phase.HOLDING else "handover"
        if guard.left is not None:
            return "retrying" if self._machine.due is not None else "left"
        return "held" if self.held else "watching"

    @property
    def reason(self) -> Optional[str]:
        """Why CSME keeps the radio, as a code; None when it does not."""
        left = self._machine.state.left
        return Outcome.NO_CREDENTIALS.value if left is None and self.state == "held" else left

    # -- the supplicant --------------------------------------------------------------------------------------------

    @property
    def due_to_attach(self) -> bool:
        """Whether it is time to look again for a supplicant that was about to come."""
        return self._again is not None and self._again <= self._clock()

    def attach(self, *, anew: bool = True) -> bool:
        """Listen to who runs the interface, if somebody does and nobody listens yet; say whether that is new.

        Args:
            anew: something happened that may have brought a supplicant; not: it is only looked again.
        """
        if self.sources:
            return False
        self._tries = 0 if anew else self._tries + 1
        self._again = None
        try:
            backend = backend_from_within(self.interface, self.radio.ifindex)
            self.sources = tuple(backend.listen(self.hands.warnings.append))
        except FleetError as error:
            # NetworkManager takes its name on the bus, and comes to the interface, without a word that is heard here.
            if self._tries < len(_ATTACH_SECONDS) and networkmanager_was_here():
                self._again = self._clock() + _ATTACH_SECONDS[self._tries]
            if isinstance(error, NotFound) and not isinstance(error, OverIwd):
                return False
            # Told once: this is tried again at every change below /run.
            if str(error) != self._trouble:
                level = "warning" if isinstance(error, (AccessDenied, LibraryMissing, OverIwd)) else "info"
                self._log.write(level, f"{self.interface}: the supplicant can't be used: {error}", **self._fields())
            self._trouble = str(error)
            return False
        self._trouble = ""
        self.hands.supplicant = backend
        self._log.write("info", f"{self.interface}: listening to {self._who}", **self._fields())
        return True

    @property
    def manager(self) -> Optional[str]:
        """Who runs the interface, as a backend calls itself; None when nobody does."""
        return None if self.hands.supplicant is None else self.hands.supplicant.manager

    @property
    def _who(self) -> str:
        return "NetworkManager" if self.manager == NETWORKMANAGER else "wpa_supplicant"

    def supplicant_gone(self) -> None:
        """Take note that the supplicant ended: its pin ended with it."""
        if not self.sources:
            return
        self._log.write("info", f"{self.interface}: wpa_supplicant ended", **self._fields())
        self.feed(SupplicantGone())
        self.detach()

    def manager_gone(self, why: str) -> None:
        """Take note that it has to be found out anew who runs the interface. A pin, which may still stand, is undone.

        Args:
            why: for people.
        """
        self._log.write("info", f"{self.interface}: {why}", **self._fields())
        self._give_up()
        self._settle()
        self._addressing.feed(ManagerGone())
        self.detach()

    def detach(self) -> None:
        """Listen no more."""
        for source in self.sources:
            source.close()
        self.sources = ()
        self.hands.supplicant = None
        self._again = None
        self._since = self._clock()

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
        for source in self.sources:
            try:
                source.expire()
            except FleetError as error:
                self._lost(error)
                break
        self._addressing.expire()
        self._warn()

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
            self._log.write("error", f"{self.interface}: {error}", code=error.code, **self._fields())
            self._give_up()
        self._settle()

    def _give_up(self) -> None:
        """End what is under way, un-pinned, and look again later."""
        self.hands.unpin()
        self._machine.state = Guard()
        for timer in Timer:  # of what has ended: it would run out in what comes next
            self._machine.cancel_timer(timer)
        retry = self.policy.retry_seconds
        self._machine.set_timer(RETRY, retry[-1] if retry else _UNDO_SECONDS)

    def heard_rfkill(self, event: RfkillEvent) -> None:
        """Take a record of rfkill; one of another switch means nothing."""
        switch = self._switch
        if switch is None or event.index != switch.index:
            return
        news = self.hands.from_rfkill(event)
        if news is not None:
            changed = (event.soft, event.hard, event.reasons) != (switch.soft, switch.hard, switch.reasons)
            self._switch = replace(switch, soft=event.soft, hard=event.hard, reasons=event.reasons)
            # The kernel tells how things stand at every change of anything: only what is new here is news.
            if changed or not isinstance(news, (BlockBack, BlockGone)):
                self.feed(news)

    def heard_supplicant(self, source: Listener) -> None:
        """Take what the supplicant said.

        Args:
            source: where; one of ``sources``.
        """
        if source not in self.sources:  # an earlier one of the same round ended it
            return
        try:
            events = tuple(source.read())
        except FleetError as error:
            self._lost(error)
            return
        if self._machine.state.unanswered:
            self.feed(Spoke())
        for event in events:
            if isinstance(event, SupplicantGone):
                self.supplicant_gone()
                return
            if isinstance(event, ManagerGone):
                self.manager_gone(f"{self._who} has it no more")
                return
            self._heard_one(event)
        self._warn()

    def _lost(self, error: FleetError) -> None:
        """Take note that nothing more is heard of who runs the interface."""
        # Of wpa_supplicant's own socket that is the end; behind the bus, a pin may still stand.
        if self.manager == WPA_SUPPLICANT:
            self.supplicant_gone()
        else:
            self.manager_gone(str(error))

    def _heard_one(self, event: Event) -> None:
        if isinstance(event, ProfilesChanged):
            self.profiles_changed()
            return
        if isinstance(event, ProfileTouched):
            # What a handover itself did to it is no news: it would be tried again and again.
            if self._clock() - self._decided >= _ECHO_SECONDS:
                self.profiles_changed()
            return
        self.feed(event)
        if isinstance(event, Disconnected):
            self._advance(self._end_rest)

    def profiles_changed(self) -> None:
        """Take note that profiles may have changed. It matters while CSME keeps the radio for want of one."""
        if self._machine.state.left is not None:
            self._machine.set_timer(_NEWS, _NEWS_SECONDS)

    def look_for_hold(self) -> None:
        """See whether somebody holds back the supplicant's bring-up, or does so no more."""
        held = is_held(self.interface, self._notes)
        if held == self.held:
            return
        self.held = held
        if not held:
            self._log.write("info", f"{self.interface}: its bring-up is held back no more", **self._fields())
            return
        try:
            self.wanted = csme.connection(self._nl, self.radio.ifindex or -1)
        except FleetError as error:
            self._log.write("warning", f"{self.interface}: {error}", code=error.code, **self._fields())
        self._log.write("warning", f"{self.interface}: {_HELD}{_name(self.wanted)}", **self._fields())

    def look(self) -> None:
        """Let the guard see how the radio stands, whatever it knew."""
        try:
            event = self._look()
        except FleetError as error:
            self._log.write("error", f"{self.interface}: {error}", code=error.code, **self._fields())
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
            self._log.write(
                "info", f"{self.interface}: no address came yet; {client.value} is asked anew", **self._fields()
            )

    def gone(self) -> None:
        """Take note that the interface or the radio went away, and let go of everything."""
        self.feed(InterfaceGone())
        self._end()
        self.detach()
        self._lock.release()

    def stop(self) -> None:
        """End in order: what is pinned is undone."""
        self._end()
        self.detach()
        self._lock.release()

    # -- what is done ----------------------------------------------------------------------------------------------

    def _do(self, action: GuardAction) -> Optional[GuardEvent]:
        if isinstance(action, Look):
            return self._look()
        if isinstance(action, Tell):
            self._tell(action.outcome)
        elif isinstance(action, SetTimer):
            self._machine.set_timer(action.timer, action.seconds)
        elif isinstance(action, CancelTimer):
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
        if not self.held:
            self.wanted = None
        if switch is None or switch.reasons is None or switch.soft:
            return Unusable()
        if switch.hard and switch.reasons != NOT_OWNER:
            return Unusable()
        if not self._lock.acquire():
            return Busy()
        if self._machine.state.handover is None and self.hands.pin is None:
            # Whoever held the lock before may have been killed.
            undo_journal(self.radio.phy, self.hands.supplicant, self._folder)
            if not self._rest.stands and self.hands.supplicant is not None:
                undo_journal(journal_of(self.radio.phy), self.hands.supplicant, self._folder)
        return self._csme() if switch.hard else self._host()

    def _end_rest(self) -> None:
        """Undo the rest of the last pin if its link is over; what can't be done now is tried again."""
        supplicant = self.hands.supplicant
        if not self._rest.stands or supplicant is None:
            return
        try:
            if self._lock.acquire():
                # Under a block there is no link, whatever the supplicant still says.
                self._rest.end(supplicant, now=self._switch is not None and self._switch.hard)
        except FleetError as error:
            if str(error) != self._stuck:  # told once
                self._stuck = str(error)
                self.hands.warnings.append(f"{_STUCK}: {error}")

    def _end(self) -> None:
        """Undo what is pinned, and the rest of what was: nobody will be here at the end of the link."""
        self.hands.unpin(now=True)
        if self.hands.supplicant is not None:
            try:
                self._rest.end(self.hands.supplicant, now=True)
            except FleetError as error:
                self.hands.warnings.append(f"{_STUCK}: {error}. The journal keeps them for the next start")
        self._warn()

    def _csme(self) -> GuardEvent:
        if not self._trace or self._machine.state.handover is None:
            self._trace = [("blocked", self._clock())]
        connection = csme.connection(self._nl, self.radio.ifindex or -1)
        self.wanted, self._obstacle = connection, None
        if connection is None:
            return Blocked(None, None)
        if self.hands.supplicant is None:
            waited = self._clock() - self._since
            required = self.policy.handover.require_credentials
            return Blocked(connection, None) if required or waited > _SUPPLICANT_SECONDS else Busy()
        try:
            profiles = self.hands.supplicant.profiles(connection.ssid)
        except FleetError as error:
            if str(error) != self._unread:  # told once: this is tried again and again
                self._unread = str(error)
                self._log.write("warning", f"{self.interface}: its profiles can't be read: {error}", **self._fields())
            return Unanswered()
        self._unread = ""
        self.hands.profiles = {profile.id: profile for profile in profiles}
        wanted = (connection.ssid, connection.auth, connection.bssid, connection.frequencies)
        profile = find_profile(profiles, *wanted)
        self._obstacle = find_obstacle(profiles, *wanted) if profile is None else None
        return Blocked(connection, None if profile is None else profile.id)

    def _host(self) -> GuardEvent:
        if self.hands.supplicant is None or not self._machine.state.forbidden:
            return Free()
        try:
            status = self.hands.supplicant.status()
            if not status.connected or status.network_id is None or status.ssid is None:
                return Free()
            profiles = self.hands.supplicant.profiles(status.ssid)
        except FleetError:
            return Free()
        self.hands.profiles = {profile.id: profile for profile in profiles}
        return Free(status.network_id, status.bssid)

    def _settle(self) -> None:
        """Bring what depends on the guard's state up to date: lock, leftovers, warnings."""
        self._warn()
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
            self._narrow, self._stuck = self._rest.stands, ""
            if self._narrow:
                self._log.write("info", f"{self.interface}: {_NARROW}", **self._fields())

    def _warn(self) -> None:
        for warning in self.hands.warnings[self._told :]:
            self._log.write("warning", f"{self.interface}: {warning}", **self._fields())
        self._told = len(self.hands.warnings)

    # -- what is told ----------------------------------------------------------------------------------------------

    def _mark(self, name: str) -> None:
        self._trace.append((name, self._clock()))
        if name == "requested":
            network = _name(self.wanted)
            self._log.write("info", f"{self.interface}: asking CSME for the radio{network}", **self._fields())

    def _note(self, event: Any) -> None:
        if isinstance(event, Connected):
            self._trace.append(("connected", self._clock()))
        elif isinstance(event, AddressArrived):
            self._trace.append(("address", self._clock()))

    def _ms(self, name: str, since: str = "requested") -> Optional[int]:
        begun = next((at for seen, at in self._trace if seen == since), None)
        at = next((at for seen, at in self._trace if seen == name and begun is not None and at >= begun), None)
        return None if at is None or begun is None else round((at - begun) * 1000)

    def _tell(self, outcome: Outcome) -> None:
        if outcome is not Outcome.NO_CREDENTIALS:
            self._decided = self._clock()
        kept = {Outcome.PROTECTED: True, Outcome.TAKEN_BACK: False, Outcome.NOT_CONNECTED: False}.get(outcome)
        if outcome is not Outcome.NO_CREDENTIALS:
            self.last = Last(
                outcome=outcome.value,
                at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                request_to_connected_ms=self._ms("connected"),
                request_to_address_ms=self._ms("address"),
                session_kept=kept,
            )
        sentence = _SENTENCES[outcome].format(who=self._who)
        if outcome is Outcome.NO_CREDENTIALS:
            if self.hands.supplicant is None:
                sentence = _NOBODY
            elif self._obstacle is not None:
                sentence = _UNUSABLE.format(who=self._who, what=self._obstacle.what, remedy=self._obstacle.remedy)
            again, self._said = self._said == (sentence, self.wanted), (sentence, self.wanted)
            if again:  # looked at once more, for news that changed nothing
                return
        else:
            self._said = None
        self._log.write(
            _LEVELS.get(outcome, "warning"),
            f"{self.interface}: {sentence}{_name(self.wanted)}",
            **self._fields(),
            amt_wifi_outcome=outcome.value,
            amt_wifi_block_to_request_ms=self._ms("requested", "blocked"),
            amt_wifi_request_to_connected_ms=self._ms("connected"),
            amt_wifi_request_to_address_ms=self._ms("address"),
        )

    def _fields(self) -> Dict[str, Any]:
        return {"amt_wifi_interface": self.interface, "amt_wifi_radio": self.radio.phy}


def _expired(timer: Any) -> Any:
    return Changed() if timer == _NEWS else Expired(timer)
