# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The resident event loop: it waits for the kernel and the supplicants, and lets each radio's guard answer.

It sleeps until something happens. What it may have missed (an overrun, a driver that was loaded anew) it reads anew.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import time
from contextlib import suppress
from functools import partial
from typing import Any, Callable, Dict, Optional, Tuple

from .._handover.guard import Changed
from .._handover.messages import RoamingAllowed, RoamingForbidden
from .._handover.undo import undo_journals
from .._managers.who import TELLING_DIRECTORIES, backend_by_name
from .._network.backend import Listener
from .._radio import csme
from .._radio.netlink import EventsLost
from .._radio.nl80211 import Nl80211, Nl80211Events
from .._radio.nl80211_messages import ConfigEvent, VendorEvent
from .._radio.radio import read_radios
from .._radio.rfkill import RfkillEvent, RfkillEvents
from .._radio.rtnetlink import AddressEvents
from .._radio.values import Radio
from .._system.directories import Directories
from .._system.errors import FleetError, NotFound
from .._system.run_folder import FOLDER
from .._system.systemd import Log, notify, watchdog_seconds
from .bring_up_note import FOLDER as HOLD_FOLDER
from .bring_up_note import held_interfaces
from .config import Config, read_config
from .guarded import Watched
from .places import Places
from .policy import policy_of
from .state_file import document, write_state

#: A change in one of these may bring a supplicant, a profile, or the note of a bring-up that is held back.
_DIRECTORIES = (*TELLING_DIRECTORIES, HOLD_FOLDER)
#: The share of systemd's watchdog time after which it gets a sign of life (sd_watchdog_enabled(3): half).
_WATCHDOG_SHARE = 0.5


class Watcher:
    """Watches all radios of the machine that CSME can own.

    Args:
        version: what the state says of this program.
        config: what it is to do.
        path: where it reads its configuration anew.
        log: where it tells of what it does.
        folder: where locks and journals are.
    """

    def __init__(self, version: str, config: Config, path: str, log: Log, folder: str = FOLDER) -> None:
        self._version = version
        self._config = config
        self._config_path = path
        self._log = log
        self._folder = folder
        self._radios: Dict[str, Watched] = {}
        self._handlers: Dict[int, Callable[[], None]] = {}
        self._epoll = select.epoll()
        self._nl: Optional[Nl80211] = None
        self._events: Optional[Nl80211Events] = None
        self._stopping = False
        self._scan_wanted = False
        self._written: Optional[Dict[str, Any]] = None

    # -- the life of the service -----------------------------------------------------------------------------------

    def run(self) -> None:
        """Watch until SIGTERM or SIGINT; then undo what is pinned.

        Raises:
            FleetError: rfkill or netlink can't be used at all.
        """
        self._rfkill = RfkillEvents()
        self._addresses = AddressEvents()
        wake = self._signals()
        self._directories = Directories(_DIRECTORIES)
        self._listen(self._rfkill.fileno(), self._heard_rfkill)
        self._listen(self._addresses.fileno(), self._heard_addresses)
        self._listen(wake, lambda: self._heard_signals(wake))
        try:
            self._undo()
            # The standing switches, which rfkill tells at first, are read with the radios.
            self._rfkill.read()
            self._reopen()
            self._report()
            notify("READY=1", f"STATUS={self._status()}")
            # What is there now stays: collecting looks at what comes after alone, which takes next to nothing.
            gc.collect()
            gc.freeze()
            beat = watchdog_seconds()
            while not self._stopping:
                self._wait(None if beat is None else beat * _WATCHDOG_SHARE)
                self._report()
                if beat is not None:
                    notify("WATCHDOG=1")
        finally:
            notify("STOPPING=1")
            for watched in self._radios.values():
                watched.stop()
            self._directories.close()

    def _signals(self) -> int:
        """Let signals come in through a descriptor; return it."""
        readable, writable = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGIO):
            signal.signal(number, lambda _number, _frame: None)
        signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
        return readable

    def _undo(self) -> None:
        """Undo what an earlier life left, before anything else."""
        try:
            for radio in undo_journals(backend_by_name, self._folder):
                self._log.write("warning", f"a pin that was left on {radio} is undone", amt_wifi_radio=radio)
        except FleetError as error:
            self._log.write("error", f"a pin that was left can't be undone: {error}", code=error.code)

    def _wait(self, beat: Optional[float]) -> None:
        """Wait for the next thing to happen, and answer it."""
        due = [watched.due for watched in self._radios.values() if watched.due is not None]
        timeout = max(0.0, min(due) - time.monotonic()) if due else None
        if beat is not None:
            timeout = beat if timeout is None else min(timeout, beat)
        # An early end of the wait would only come back here, but in a busy loop: round up to epoll's milliseconds.
        for descriptor, _event in self._epoll.poll(None if timeout is None else timeout + 0.001):
            handler = self._handlers.get(descriptor)
            if handler is not None:  # an earlier one of this round may have closed it
                handler()
        for watched in list(self._radios.values()):
            self._advance(watched, watched.expire)
            if watched.attachment.due_to_attach:
                self._attach(watched, anew=False)
        # What follows takes longer than a handover can spare, and what a handover needs does not wait for it.
        if any(watched.state == "handover" for watched in self._radios.values()):
            return
        if self._scan_wanted:
            self._scan_wanted = False
            self._scan()
        # pyroute2's messages refer to themselves. Left to Python's own collector, which waits for thousands of objects,
        # those of a few radios that come and go add a megabyte to what stays resident.
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
        for event in self._rfkill.read():
            if not isinstance(event, RfkillEvent) or event.type != "wlan":
                continue
            known = any(
                w.radio.switch is not None and w.radio.switch.index == event.index for w in self._radios.values()
            )
            # A radio that came, or one that CSME can own after all: its driver may have learnt of CSME later.
            news = event.op == "add" or event.owner == "csme"
            if event.op == "del" or (news and not known):
                self._switch_moved()
            for watched in list(self._radios.values()):
                watched.heard_rfkill(event)

    def _switch_moved(self) -> None:
        """See to a radio that came or went.

        Perhaps all of nl80211 was loaded anew; then the sockets of before hear nothing.
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
            self._log.write("warning", "the kernel dropped events; everything is read anew")
            self._scan()
            for watched in self._radios.values():
                watched.look()
            return
        for event in events:
            # A device without a network interface (P2P) comes and goes with every supplicant.
            if isinstance(event, ConfigEvent) and (event.ifindex is not None or "wiphy" in event.name):
                self._scan_wanted = True
            elif isinstance(event, VendorEvent):
                self._heard_vendor(event)

    def _heard_vendor(self, event: VendorEvent) -> None:
        if (event.vendor_id, event.subcmd) != (csme.INTEL_OUI, csme.ROAMING_FORBIDDEN_EVENT):
            return
        try:
            forbidden = csme.decode_roaming_forbidden(event.data).forbidden
        except FleetError as error:
            self._log.write("warning", f"an event of CSME's is malformed: {error}", code=error.code)
            return
        for watched in self._radios.values():
            if event.ifindex in (None, watched.radio.ifindex):
                word = "forbids" if forbidden else "allows"
                self._log.write(
                    "info", f"{watched.interface}: CSME {word} roaming", amt_wifi_interface=watched.interface
                )
                watched.feed(RoamingForbidden() if forbidden else RoamingAllowed())

    def _heard_addresses(self) -> None:
        try:
            news = self._addresses.read()
        except EventsLost:
            for watched in self._radios.values():
                watched.read_address()
            return
        for heard in news:
            for watched in self._radios.values():
                event = watched.hands.from_address(heard)
                if event is not None:
                    watched.feed(event)

    def _heard_signals(self, descriptor: int) -> None:
        numbers = set(os.read(descriptor, 4096))
        if numbers & {signal.SIGTERM, signal.SIGINT}:
            self._stopping = True
        if signal.SIGHUP in numbers:
            self._reload()
        if signal.SIGIO in numbers:
            self._directories.refresh()
            # A radio may have learnt of CSME after it came, which nothing else tells of while nothing is blocked.
            self._scan_wanted |= any(interface not in self._radios for interface in held_interfaces())
            for watched in self._radios.values():
                self._attach(watched)
                watched.view.look_for_bring_up()
                watched.profiles_changed()

    # -- radios and supplicants ------------------------------------------------------------------------------------

    def _reopen(self) -> None:
        """Open nl80211 anew, and see which radios there are."""
        if self._events is not None:
            self._ignore(self._events.fileno())
            self._events.close()
        if self._nl is not None:
            self._nl.close()
        self._nl = self._events = None
        try:
            # The events first: what comes while the radios are read is not missed.
            self._events = Nl80211Events(("config", "vendor"))
            self._nl = Nl80211()
        except NotFound:
            self._log.write("info", "the kernel has no wireless yet")
        if self._events is not None and self._nl is not None:
            self._listen(self._events.fileno(), self._heard_events)
        self._scan(forget=True)

    def _scan(self, forget: bool = False) -> None:
        """See which radios there are; *forget* lets go of those known, whose sockets are not open any more."""
        found: Dict[str, Radio] = {}
        if self._nl is not None:
            try:
                radios, _unreadable = read_radios(self._nl)
            except NotFound:  # nl80211 went away, and all radios with it
                radios = ()
            except FleetError as error:
                self._log.write("warning", f"the radios can't be listed: {error}", code=error.code)
                return
            wanted = self._config.interfaces
            found = {
                radio.interface: radio
                for radio in radios
                if radio.interface is not None and radio.can_be_guarded and (not wanted or radio.interface in wanted)
            }
        for interface, watched in list(self._radios.items()):
            if forget or _identity(found.get(interface)) != _identity(watched.radio):
                self._drop(watched)
        for interface, radio in found.items():
            if interface not in self._radios and self._nl is not None:
                self._add(radio, self._nl)

    def _add(self, radio: Radio, nl: Nl80211) -> None:
        watched = Watched(radio, nl, policy_of(self._config), self._log, places=Places(self._folder))
        self._radios[watched.interface] = watched
        self._log.write("info", f"{watched.interface}: watching its radio ({radio.phy})", **_fields(radio))
        self._attach(watched)
        watched.view.look_for_bring_up()
        watched.look()

    def _drop(self, watched: Watched) -> None:
        self._detach(watched)
        watched.gone()
        del self._radios[watched.interface]
        self._log.write("info", f"{watched.interface}: watched no more", **_fields(watched.radio))

    def _attach(self, watched: Watched, *, anew: bool = True) -> None:
        if not watched.attach(anew=anew):
            return
        for source in watched.attachment.sources:
            self._listen(source.fileno(), partial(self._heard_supplicant, watched, source))
        # They may hold events that came while it attached, which no wait tells of.
        for source in watched.attachment.sources:
            self._heard_supplicant(watched, source)
        watched.feed(Changed())

    def _detach(self, watched: Watched) -> None:
        self._forget(self._descriptors(watched))

    def _heard_supplicant(self, watched: Watched, source: Listener) -> None:
        self._advance(watched, partial(watched.heard_supplicant, source))

    def _advance(self, watched: Watched, move: Callable[[], None]) -> None:
        """Do something that may show that who runs the interface is gone. Then look for another."""
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
        """Read the configuration anew. A bad one is refused, and the old one stays in force."""
        notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            self._config = read_config(self._config_path)
        except FleetError as error:
            self._log.write(
                "error", f"the configuration is refused, the old one stays in force: {error}", code=error.code
            )
        else:
            self._log.level = self._config.log_level
            self._log.write("info", "the configuration is read anew")
            policy = policy_of(self._config)
            for watched in self._radios.values():
                watched.policy = policy
            self._scan()
        for watched in self._radios.values():
            watched.feed(Changed())
        notify("READY=1")

    def _status(self) -> str:
        if not self._radios:
            return "No radio that CSME can own"
        return ", ".join(f"{watched.interface}: {watched.state}" for watched in self._radios.values())

    def _report(self) -> None:
        """Bring the state file up to date, if anything in it changed."""
        state = document(self._version, self._radios.values())
        if state == self._written:
            return
        try:
            write_state(state)
        except FleetError as error:
            self._log.write("warning", f"the state can't be written: {error}", code=error.code)
        self._written = state
        notify(f"STATUS={self._status()}")


def _identity(radio: Optional[Radio]) -> Any:
    """Return what must not change while a radio is watched."""
    if radio is None or radio.switch is None:
        return None
    return radio.phy, radio.ifindex, radio.switch.index


def _fields(radio: Radio) -> Dict[str, Any]:
    return {"amt_wifi_interface": radio.interface, "amt_wifi_radio": radio.phy}
