# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine whose radios a test chooses, and a watcher on it: above its transports, or as the whole service.

Test files import from here by this file's full name.
"""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, Dict, List, Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._radio.connection import CsmeConnection
from ansible_collections.vpro.fleet.plugins.module_utils._radio.values import Radio, Switch
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import FleetError
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
from ansible_collections.vpro.fleet.plugins.module_utils._watcher import links, loop, state_file
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.config import Config
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.loop import Watcher
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.telling import Telling
from ansible_collections.vpro.fleet.tests.schema import check_watcher_state
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_guarded import Book

NOT_OWNER = frozenset({"not_owner"})
EPOLL = select.epoll
NETWORK = CsmeConnection(b"corp\xff", "02:00:00:00:01:00", 6, None, (2437,), "psk", "ccmp", None, None)


def radio(number: int = 0, *, able: bool = True, blocked: bool = False) -> Radio:
    reasons = NOT_OWNER if blocked else frozenset()
    switch = Switch(7 + number, "wlan", f"phy{number}", False, blocked, reasons, f"phy{number}")
    owner = "csme" if blocked else "host"
    mac = "02:00:00:00:00:00"
    return Radio(
        f"phy{number}", f"wlan{number}", 3 + number, mac, "iwlwifi", owner, switch, able, able, True, None, None
    )


class Events:
    """A source of events with a real descriptor."""

    def __init__(self, groups: Tuple[str, ...] = ()) -> None:
        self.descriptor = os.open(os.devnull, os.O_RDONLY)
        self.heard: List[Any] = []
        self.closed = False

    #: It has no timer.
    due: Optional[float] = None

    def expire(self) -> None:
        pass

    def fileno(self) -> int:
        return self.descriptor

    def read(self) -> Tuple[Any, ...]:
        heard, self.heard = self.heard, []
        for each in heard:
            if isinstance(each, Exception):
                raise each
        return tuple(heard)

    def interfaces(self) -> Tuple[()]:
        return ()

    def close(self) -> None:
        if not self.closed:
            os.close(self.descriptor)
        self.closed = True


class Machine:
    """A machine whose radios a test chooses."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.radios: Tuple[Radio, ...] = (radio(),)
        self.trouble: Optional[FleetError] = None
        self.connection: Optional[CsmeConnection] = None
        self.log = Book()
        self.config = folder / "config.json"
        self.watchers: List[Watcher] = []

    def watcher(self, config: Config = Config()) -> Watcher:  # noqa: B008
        made = Watcher("1.2.3", config, str(self.config), self.log, Places(str(self.folder)))  # type: ignore[arg-type]
        made._rfkill = Events()  # type: ignore[assignment]
        made._addresses = Events()  # type: ignore[assignment]
        made._links = SimpleNamespace(look=lambda: None)  # type: ignore[assignment]
        made._reopen()
        self.watchers.append(made)
        return made

    def read(self, nl: object) -> Tuple[Tuple[Radio, ...], Tuple[()]]:
        if self.trouble is not None:
            raise self.trouble
        return self.radios, ()


def names(watcher: Watcher) -> List[str]:
    return sorted(watcher._radios)


def document(watcher: Watcher) -> Dict[str, Any]:
    """Return the watcher's state, which has to be as the schema says."""
    return check_watcher_state(state_file.document(watcher._telling._version, watcher._radios.values()))


class Told(Events):
    """A source whose descriptor is readable while there is something to read."""

    def __init__(self, groups: Tuple[str, ...] = ()) -> None:
        super().__init__(groups)
        os.close(self.descriptor)
        self.descriptor, self._end = os.pipe()

    def tell(self, *events: Any) -> None:
        self.heard += events
        os.write(self._end, b"x")

    def read(self) -> Tuple[Any, ...]:
        if self.heard:
            os.read(self.descriptor, 1)
        return super().read()

    def close(self) -> None:
        if not self.closed:
            os.close(self._end)
        super().close()


class Service:
    """The whole service, with everything that it waits for, and what it tells systemd."""

    def __init__(self, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rfkill, self.addresses = Told(), Told()
        self.watched_folder = machine.folder / "watched"
        self.watched_folder.mkdir()
        monkeypatch.setattr(f"{loop.__name__}.select.epoll", EPOLL)
        monkeypatch.setattr(loop, "RfkillEvents", lambda: self.rfkill)
        monkeypatch.setattr(loop, "AddressEvents", lambda: self.addresses)
        monkeypatch.setattr(f"{links.__name__}.LinkEvents", Told)
        monkeypatch.setattr(loop, "Nl80211Events", Told)
        monkeypatch.setattr(loop, "_DIRECTORIES", ("/watched",))
        monkeypatch.setattr(loop, "undo_journals", self.undo)
        self.left: List[str] = []
        #: What happens after SIGTERM.
        self.after: List[Callable[[], object]] = []
        self.undo_error: Optional[FleetError] = None
        self.watcher = Watcher("1.2.3", Config(), str(machine.config), machine.log, Places(str(machine.folder)))  # type: ignore[arg-type]
        self.watcher._telling = Telling("1.2.3", machine.log, lambda document: None)  # type: ignore[arg-type]
        machine.watchers.append(self.watcher)

    def undo(self, supplicant_of: object, places: Places) -> List[str]:
        if self.undo_error is not None:
            raise self.undo_error
        return self.left

    def run(self, *steps: Callable[[], object]) -> None:
        """Run it until it is ready, each step is done, and SIGTERM ends it."""

        def go() -> None:
            try:
                until(lambda: self.watcher._telling.written is not None)
                for step in steps:
                    step()
            finally:
                os.kill(os.getpid(), signal.SIGTERM)
            for step in self.after:
                step()

        thread = threading.Thread(target=go)
        thread.start()
        try:
            self.watcher.run()
        finally:
            thread.join()


def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)
