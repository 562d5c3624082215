# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting on a machine that lacks something: out of the boot's way, said once, and over when the thing is there."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Callable, Iterator, List

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import FleetError, LibraryMissing, NotFound
from ansible_collections.vpro.fleet.plugins.module_utils._system.pauses import slow_pause
from ansible_collections.vpro.fleet.plugins.module_utils._watcher import lacking
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.lacking import until_there
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.signals import wake_descriptor
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_guarded import Book
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_loop import until


@pytest.fixture
def wake() -> Iterator[int]:
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGIO)
    handlers = {number: signal.getsignal(number) for number in numbers}
    descriptor = wake_descriptor()
    yield descriptor
    os.close(signal.set_wakeup_fd(-1))
    os.close(descriptor)
    for number, handler in handlers.items():
        signal.signal(number, handler)


class Thing:
    """Something that the service needs. It is there or not."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = folder / "rfkill"
        self.error: FleetError = NotFound("this kernel has no rfkill")
        self.looks = 0
        self.told: List[str] = []
        self.log = Book()
        monkeypatch.setattr(lacking, "places", lambda: (str(folder),))
        monkeypatch.setattr(lacking, "SETTLE_SECONDS", 0.05)

    def attempt(self) -> None:
        self.looks += 1
        if not self.path.exists():
            raise self.error

    def wait(self, wake: int, *steps: Callable[[], object]) -> bool:
        """Wait for it. Each step happens after one look more."""

        def go() -> None:
            for number, step in enumerate(steps, start=1):
                until(lambda number=number: self.looks >= number)  # type: ignore[misc]
                time.sleep(0.05)
                step()

        thread = threading.Thread(target=go)
        thread.start()
        try:
            return until_there(self.attempt, wake, self.log, lambda error: self.told.append(str(error)))  # type: ignore[arg-type]
        finally:
            thread.join()


@pytest.fixture
def thing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Thing:
    return Thing(tmp_path, monkeypatch)


def send(number: int) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


def test_a_machine_that_lacks_nothing_waits_for_nothing(
    thing: Thing, wake: int, systemd: Callable[[], List[str]]
) -> None:
    thing.path.touch()
    assert thing.wait(wake)
    assert (thing.looks, thing.log.lines, thing.told, systemd()) == (1, [], [], [])


def test_the_boot_goes_on_and_what_comes_is_noticed_without_polling(
    thing: Thing, wake: int, systemd: Callable[[], List[str]]
) -> None:
    heard: List[str] = []

    def told() -> bool:
        heard.extend(systemd())
        return "WATCHDOG=1" in heard

    def come() -> None:
        until(told)  # systemd does not kill it meanwhile
        thing.path.touch()

    begun = time.monotonic()
    assert thing.wait(wake, come)
    assert time.monotonic() - begun < slow_pause(0) / 2, "an event brought the look forward"
    assert heard[0] == "READY=1\nSTATUS=Waits for what is missing: this kernel has no rfkill"
    assert [level for level, _line in thing.log.lines] == ["error", "info"]
    assert thing.told == ["this kernel has no rfkill"]


def test_it_is_said_once_and_again_only_if_it_is_something_else(
    thing: Thing, wake: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lacking, "slow_pause", (0.05, *6 * [0.1]).__getitem__)

    def another() -> None:
        thing.error = LibraryMissing("pyroute2 can't be used")

    assert thing.wait(wake, *3 * [lambda: None], another, lambda: None, thing.path.touch)
    assert thing.told == ["this kernel has no rfkill", "pyroute2 can't be used"]
    assert [level for level, _line in thing.log.lines] == ["error", "error", "info"]


def test_the_looks_become_rarer(thing: Thing, wake: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: List[float] = []

    def pause(seconds: float, wake: int, folders: object) -> frozenset[int]:
        pauses.append(seconds)
        if len(pauses) == 7:
            return frozenset({signal.SIGIO})
        return frozenset({signal.SIGTERM} if len(pauses) == 9 else ())

    monkeypatch.setattr(lacking, "_pause", pause)
    assert not thing.wait(wake)
    assert pauses == [60.0, 120.0, 240.0, 480.0, 600.0, 600.0, 600.0, 60.0, 120.0]


def test_a_stop_ends_the_wait(thing: Thing, wake: int) -> None:
    assert not thing.wait(wake, send(signal.SIGTERM))
    assert [level for level, _line in thing.log.lines] == ["error"]


def test_a_reload_looks_at_once_and_is_not_lost(thing: Thing, wake: int) -> None:
    def reload() -> None:
        os.kill(os.getpid(), signal.SIGHUP)

    assert thing.wait(wake, reload, thing.path.touch)
    assert signal.SIGHUP in os.read(wake, 100), "the loop hears it, and reads the configuration"


def test_the_folders_are_those_of_devices_and_of_libraries() -> None:
    found = lacking.places()
    assert found[0] == "/dev"
    assert any((Path(path) / "pyroute2").is_dir() for path in found)
