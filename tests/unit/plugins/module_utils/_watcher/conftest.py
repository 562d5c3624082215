# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A laptop whose radio is guarded; a machine on which the watcher runs, and systemd above it."""

from __future__ import annotations

import gc
import os
import signal
import socket
import tempfile
from pathlib import Path
from typing import Callable, Iterator, List

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover import effects
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import pinning
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.backend import WpaSupplicant
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.deferred import Deferred
from ansible_collections.vpro.fleet.plugins.module_utils._network.backend import Backend
from ansible_collections.vpro.fleet.plugins.module_utils._radio import own_address
from ansible_collections.vpro.fleet.plugins.module_utils._system.dhcp import Client
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import NotFound
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
from ansible_collections.vpro.fleet.plugins.module_utils._watcher import attachment, guarded, loop, view
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_guarded import (
    Laptop,
    LateWidening,
    Manager,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_loop import Events, Machine, Service


@pytest.fixture
def laptop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Laptop]:
    made = Laptop(tmp_path)
    backend = WpaSupplicant("wlan0", made.path, Deferred("phy0", made.places))
    monkeypatch.setattr(f"{attachment.__name__}.backend_from_within", lambda interface, ifindex, places: backend)
    monkeypatch.setattr(f"{view.__name__}.csme.connection", lambda nl, ifindex: made.connection)
    monkeypatch.setattr(f"{guarded.__name__}.csme.request_ownership", made.request)
    monkeypatch.setattr(f"{effects.__name__}.rtnetlink.addresses", lambda ifindex: made.addresses)
    monkeypatch.setattr(f"{own_address.__name__}.sysfs.mac_of", lambda ifname, root="/": made.mac)
    monkeypatch.setattr(f"{own_address.__name__}.sysfs.permanent_mac_of", lambda ifname, root="/": "02:00:00:00:00:00")
    monkeypatch.setattr(f"{effects.__name__}.dhcp.find_client", lambda interface, ifindex, root: made.client)
    monkeypatch.setattr(f"{pinning.__name__}._RETRY_SECONDS", 0.0)
    yield made
    for watched in made.made:
        watched.stop()
    made.supplicant.stop()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> List[str]:
    """The interfaces for which the DHCP client was asked anew."""
    names: List[str] = []

    def ask(client: Client, interface: str, root: str) -> None:
        names.append(f"{client.value} {interface}")

    monkeypatch.setattr(f"{guarded.__name__}.ask_through_pipe", ask)
    return names


@pytest.fixture
def late(laptop: Laptop) -> LateWidening:
    return LateWidening(laptop)


@pytest.fixture
def manager(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> Manager:
    made = Manager("wlan0", laptop.path, Deferred("phy0", laptop.places))
    monkeypatch.setattr(f"{attachment.__name__}.backend_from_within", lambda interface, ifindex, places: made)
    return made


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    made = Machine(tmp_path)
    module = loop.__name__

    class Pollless:
        """The kernel's epoll refuses a file; nothing is waited for here."""

        def register(self, descriptor: int, mask: int) -> None:
            pass

        def unregister(self, descriptor: int) -> None:
            pass

    def no_supplicant(interface: str, ifindex: int, places: Places) -> Backend:
        raise NotFound("none")

    monkeypatch.setattr(f"{module}.Nl80211", Events)
    monkeypatch.setattr(f"{module}.Nl80211Events", Events)
    monkeypatch.setattr(f"{module}.select.epoll", Pollless)
    monkeypatch.setattr(f"{module}.read_radios", made.read)
    monkeypatch.setattr(f"{attachment.__name__}.backend_from_within", no_supplicant)
    monkeypatch.setattr(f"{view.__name__}.csme.connection", lambda nl, ifindex: made.connection)
    yield made
    for watcher in made.watchers:
        for source in (watcher._nl, watcher._events, watcher._rfkill, watcher._addresses):
            if source is not None:
                source.close()


@pytest.fixture
def service(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGIO)
    handlers = {number: signal.getsignal(number) for number in numbers}
    made = Service(machine, monkeypatch)
    yield made
    wake = signal.set_wakeup_fd(-1)
    for number, handler in handlers.items():
        signal.signal(number, handler)
    gc.unfreeze()
    if wake >= 0:
        os.close(wake)


@pytest.fixture
def systemd(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], List[str]]]:
    """What systemd was told so far."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"{folder}/notify")
        sock.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", f"{folder}/notify")
        monkeypatch.setenv("WATCHDOG_USEC", "100000")
        monkeypatch.delenv("WATCHDOG_PID", raising=False)

        def heard() -> List[str]:
            told: List[str] = []
            while True:
                try:
                    told.append(sock.recv(4096).decode())
                except BlockingIOError:
                    return told

        yield heard
