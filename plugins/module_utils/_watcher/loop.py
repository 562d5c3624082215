# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The watcher's event loop. It waits for events of the kernel and of managers, and gives them to each radio's guard.

When events may have been missed (a socket overran, or a driver was loaded again), it reads the state again.
"""

from __future__ import annotations

import gc
import select
import signal
import time
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any, Callable, Dict, Optional, Tuple, Union

from .._handover.guard import Changed
from .._handover.undo import undo_journals
from .._managers.who import TELLING_DIRECTORIES, backend_by_name
from .._network.backend import Listener
from .._radio.netlink import EventsLost
from .._radio.nl80211 import Nl80211, Nl80211Events
from .._radio.nl80211_messages import ConfigEvent, VendorEvent
from .._radio.radio import read_radios
from .._radio.rfkill import MalformedRecord, RfkillEvent, RfkillEvents
from .._radio.rtnetlink import AddressEvents
from .._radio.values import Radio
from .._system.directories import Directories
from .._system.errors import FleetError, NotFound
from .._system.places import PLACES, Places
from .._system.systemd import Log, Watchdog, notify
from .bring_up_note import held_interfaces
from .config import Config, read_config
from .guarded import Watched
from .lacking import until_there
from .links import Links
from .own_folder import OwnFolder
from .policy import policy_of
from .roaming import hand_on
from .shutdown import Shutdown
from .signals import ENDING, signals_heard, wake_descriptor
from .telling import Telling, status_of

#: A change in one of these folders may mean a new manager, a new profile, or a note that an interface is held back.
_DIRECTORIES = (*TELLING_DIRECTORIES, PLACES.holds)


class Watcher:
    """Watches all radios of the machine that CSME can own.

    Args:
        version: the watcher's version, for the state file.
        config: the configuration to begin with.
        path: the file from which a reload reads the configuration.
        log: receives the log lines.
        places: where the files are.
    """

    def __init__(self, version: str, config: Config, path: str, log: Log, places: Places = PLACES) -> None:
        self._config = config
        self._config_path = path
        self._log = log
        self._places = places
        self._radios: Dict[str, Watched] = {}
        self._handlers: Dict[int, Callable[[], None]] = {}
        self._epoll = select.epoll()
        self._nl: Optional[Nl80211] = None
        self._events: Optional[Nl80211Events] = None
        self._shutdown = Shutdown()
        self._scan_wanted = False
        self._own_folder = OwnFolder(places, log)
        self._telling = Telling(version, log)

    # -- the life of the service -----------------------------------------------------------------------------------

    def run(self) -> None:
        """First wait for what the machine lacks. Then watch until SIGTERM or SIGINT comes, and undo all pins.

        While CSME may still answer, or the host connects, that is carried through first (``shutdown.SECONDS``).

        Raises:
            FleetError: rfkill ended.
        """
        wake = wake_descriptor()
        if not until_there(self._open, wake, self._log, self._telling.lack):
            return
        self._directories = Directories([self._places.at(path) for path in _DIRECTORIES])
        self._listen(self._rfkill.fileno(), self._heard_rfkill)
        self._listen(self._addresses.fileno(), self._heard_addresses)
        self._listen(self._links.fileno(), self._links.read)
        self._listen(wake, lambda: self._heard_signals(wake))
        try:
            self._own_folder.begin()
            self._undo()
            # rfkill first reports the existing switches. They are not needed, because they are read with the radios.
            self._rfkill.read()
            self._reopen()
            self._telling.report(self._radios.values())
            notify("READY=1", f"STATUS={status_of(self._radios.values())}")
            # The objects that exist now stay. Without them, a collection takes very little time.
            gc.collect()
            gc.freeze()
            watchdog = Watchdog()
            while not self._shutdown.is_now(asked=self._asked):
                self._wait(watchdog.pause)
                self._telling.report(self._radios.values())
                watchdog.tell()
        finally:
            notify("STOPPING=1")
            for watched in self._radios.values():
                watched.stop()
            self._directories.close()

    def _open(self) -> None:
        """Open rfkill and netlink.

        Raises:
            FleetError: the machine lacks one of them, or pyroute2.
        """
        with ExitStack() as opened:  # what was opened is closed if the rest can't be
            self._rfkill = RfkillEvents()
            opened.callback(self._rfkill.close)
            self._addresses = AddressEvents()
            opened.callback(self._addresses.close)
            self._links = Links(self._radios, self._places)
            opened.pop_all()

    def _undo(self) -> None:
        """Undo the pins that an earlier process of the watcher left."""
        try:
            for radio in undo_journals(partial(backend_by_name, places=self._places), self._places):
                self._log.write("warning", f"a pin that was left on {radio} is undone", amt_wifi_radio=radio)
        except FleetError as error:
            self._log.write("error", f"a pin that was left can't be undone: {error}", code=error.code)

    @property
    def _hands_over(self) -> bool:
        return any(watched.state == "handover" for watched in self._radios.values())

    @property
    def _asked(self) -> bool:
        return any(watched.asked for watched in self._radios.values())

    def _wait(self, longest: Optional[float]) -> None:
        """Wait for the next event or timer, but no longer than some seconds, and handle it."""
        dues = (self._shutdown.due, *(watched.due for watched in self._radios.values()))
        due = min((each for each in dues if each is not None), default=None)
        timeout = None if due is None else max(0.0, due - time.monotonic())
        if longest is not None:
            timeout = longest if timeout is None else min(timeout, longest)
        # epoll counts milliseconds. The time is rounded up, because a wait that ends early would be repeated at once.
        ready = self._epoll.poll(None if timeout is None else timeout + 0.001)
        # It costs a tenth of what a request does, so in a handover only if something happened to an interface.
        if not self._hands_over or any(descriptor == self._links.fileno() for descriptor, _event in ready):
            self._links.look()
        for descriptor, _event in ready:
            handler = self._handlers.get(descriptor)
            if handler is not None:  # an earlier handler of this round may have closed it
                handler()
        for watched in list(self._radios.values()):
            self._advance(watched, watched.expire)
            if watched.attachment.due_to_attach:
                self._attach(watched, anew=False)
        # The rest takes too long to be done during a handover. A handover does not need it.
        if self._hands_over:
            return
        if self._scan_wanted:
            self._scan_wanted = False
            self._scan()
        if self._own_folder.was_replaced():
            self._shutdown.want(0.0)
        # pyroute2's messages are cyclic garbage. Those about a few radios that come and go would add a megabyte of
        # resident memory until Python's own collector begins, which waits for thousands of objects.
        gc.collect()

    def _listen(self, descriptor: int, handler: Callable[[], None]) -> None:
        self._handlers[descriptor] = handler
        self._epoll.register(descriptor, select.EPOLLIN)

    def _ignore(self, descriptor: int) -> None:
        if self._handlers.pop(descriptor, None) is not None:
            with suppress(OSError):  # closed already
                self._epoll.unregister(descriptor)

    # -- what is heard ---------------------------------------------------------------------------------------------

    def _heard_rfkill(self) -> None:
        moved = [self._follow(event) for event in self._rfkill.read()]
        if any(moved):
            self._switch_moved()

    def _follow(self, event: Union[RfkillEvent, MalformedRecord]) -> bool:
        """Give an event of a switch to the known radios. Return whether there may be other radios now."""
        if not isinstance(event, RfkillEvent) or event.type != "wlan":
            return False
        switches = [watched.radio.switch for watched in self._radios.values()]
        known = any(switch is not None and switch.index == event.index for switch in switches)
        for watched in list(self._radios.values()):
            watched.heard_rfkill(event)
            watched.closed.read()
        # The event may be about a new radio. Or CSME owns a radio that did not support it before, because its driver
        # found CSME only later.
        return event.op == "del" or ((event.op == "add" or event.owner == "csme") and not known)

    def _switch_moved(self) -> None:
        """Find out which radios there are after one came or went.

        If nl80211 as a whole was loaded again, the old sockets hear nothing, and new ones are opened.
        """
        try:
            if self._nl is not None:
                self._nl.interfaces()
                self._scan()
                return
        except FleetError:
            pass
        self._reopen()

    def _heard_events(self) -> None:
        if self._events is None:
            return
        try:
            events = self._events.read()
        except EventsLost:
            self._log.write("warning", "the kernel dropped events, so everything is read again")
            self._scan()
            for watched in self._radios.values():
                watched.look()
            return
        for event in events:
            # Events about a device without a network interface (P2P) are ignored: every supplicant makes such devices.
            if isinstance(event, ConfigEvent) and (event.ifindex is not None or "wiphy" in event.name):
                self._scan_wanted = True
            elif isinstance(event, VendorEvent):
                hand_on(event, self._radios.values(), self._log)

    def _heard_addresses(self) -> None:
        try:
            news = self._addresses.read()
        except EventsLost:
            for watched in self._radios.values():
                watched.read_address()
            return
        for heard in news:
            for watched in self._radios.values():
                event = watched.effects.from_address(heard)
                if event is not None:
                    watched.feed(event)

    def _heard_signals(self, descriptor: int) -> None:
        numbers = signals_heard(descriptor)
        if numbers & ENDING:
            if self._asked:
                self._log.write("info", "CSME was asked for a radio, so the watcher ends when that handover has ended")
            self._shutdown.want()
        if signal.SIGHUP in numbers:
            self._reload()
        if signal.SIGIO in numbers:
            self._directories.refresh()
            # A driver may have found CSME since the last scan. Without a block, only the note of a hold shows that.
            self._scan_wanted |= any(interface not in self._radios for interface in held_interfaces(self._places))
            for watched in self._radios.values():
                self._attach(watched)
                watched.view.look_for_bring_up()
                watched.profiles_changed()

    # -- radios and supplicants ------------------------------------------------------------------------------------

    def _reopen(self) -> None:
        """Open new nl80211 sockets, and find out which radios there are."""
        if self._events is not None:
            self._ignore(self._events.fileno())
            self._events.close()
        if self._nl is not None:
            self._nl.close()
        self._nl = self._events = None
        try:
            # The events are opened first, so that none is missed while the radios are read.
            self._events = Nl80211Events(("config", "vendor"))
            self._nl = Nl80211()
        except NotFound:
            self._log.write("info", "the kernel does not have nl80211 yet")
        if self._events is not None and self._nl is not None:
            self._listen(self._events.fileno(), self._heard_events)
        self._scan(forget=True)

    def _scan(self, forget: bool = False) -> None:
        """Find out which radios there are. With *forget*, first drop the known ones, whose sockets were closed."""
        # What a switch told before is older than what is read now. A new radio would take it for news.
        for event in self._rfkill.read():
            self._follow(event)
        found: Dict[str, Radio] = {}
        if self._nl is not None:
            try:
                radios, _unreadable = read_radios(self._nl)
            except NotFound:  # nl80211 went away, and all radios with it
                radios = ()
            except FleetError as error:
                self._log.write("warning", f"the radios can't be listed: {error}", code=error.code)
                return
            found = {
                radio.interface: radio
                for radio in radios
                if radio.interface is not None and radio.can_be_guarded and self._config.wants(radio.interface)
            }
        for interface, watched in list(self._radios.items()):
            radio = found.get(interface)
            if forget or radio is None or radio.identity != watched.radio.identity:
                self._drop(watched)
        for interface, radio in found.items():
            if interface not in self._radios and self._nl is not None:
                self._add(radio, self._nl, is_new=not forget)

    def _add(self, radio: Radio, nl: Nl80211, *, is_new: bool) -> None:
        watched = Watched(radio, nl, policy_of(self._config), self._log, places=self._places)
        watched.closed.is_new = is_new
        self._radios[watched.interface] = watched
        self._log.write("info", f"{watched.interface}: watching its radio ({radio.phy})", **_fields(radio))
        watched.view.look_for_bring_up()
        # A manager that was found is a reason to look, too. A handover may be under way after that.
        if not self._attach(watched):
            watched.look()
        watched.resume()

    def _drop(self, watched: Watched) -> None:
        self._detach(watched)
        watched.gone()
        del self._radios[watched.interface]
        self._log.write("info", f"{watched.interface}: its radio is not watched any more", **_fields(watched.radio))

    def _attach(self, watched: Watched, *, anew: bool = True) -> bool:
        """Find the manager of a radio's interface. Return whether there is a new one, for which the radio was read."""
        if not watched.attach(anew=anew):
            return False
        for source in watched.attachment.sources:
            self._listen(source.fileno(), partial(self._heard_supplicant, watched, source))
        # The listeners may have read events already while they were attached. epoll does not report these.
        for source in watched.attachment.sources:
            self._heard_supplicant(watched, source)
        watched.closed.managed()
        watched.feed(Changed())
        return True

    def _detach(self, watched: Watched) -> None:
        self._forget(self._descriptors(watched))

    def _heard_supplicant(self, watched: Watched, source: Listener) -> None:
        self._advance(watched, partial(watched.heard_supplicant, source))

    def _advance(self, watched: Watched, move: Callable[[], None]) -> None:
        """Call *move*, which may find that the interface's manager is gone. If so, look for a new one."""
        descriptors = self._descriptors(watched)
        move()
        if descriptors and not watched.attachment.sources:
            self._forget(descriptors)
            self._attach(watched)

    @staticmethod
    def _descriptors(watched: Watched) -> Tuple[int, ...]:
        return tuple(source.fileno() for source in watched.attachment.sources)

    def _forget(self, descriptors: Tuple[int, ...]) -> None:
        for descriptor in descriptors:
            self._ignore(descriptor)

    # -- configuration and state -----------------------------------------------------------------------------------

    def _reload(self) -> None:
        """Read the configuration again. If it is not valid, the old one still applies."""
        notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            self._config = read_config(self._config_path)
        except FleetError as error:
            self._log.write(
                "error", f"the configuration is not valid, so the old one still applies: {error}", code=error.code
            )
        else:
            self._log.level = self._config.log_level
            self._log.write("info", "the configuration was read again")
            policy = policy_of(self._config)
            for watched in self._radios.values():
                watched.policy = policy
            self._scan_wanted = self._hands_over  # a handover is carried through first
            if not self._scan_wanted:
                self._scan()
        for watched in self._radios.values():
            if self._config.wants(watched.interface):
                watched.feed(Changed())
        notify("READY=1")


def _fields(radio: Radio) -> Dict[str, Any]:
    return {"amt_wifi_interface": radio.interface, "amt_wifi_radio": radio.phy}
