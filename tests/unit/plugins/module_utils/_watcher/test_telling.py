# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the watcher tells of itself, also where its file can't be written."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import FleetError, NotFound, TransportFailed
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.telling import Telling, status_of
from ansible_collections.vpro.fleet.tests.schema import check_watcher_state
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_guarded import Book


class Disk:
    """A place for the state that may be full."""

    def __init__(self) -> None:
        self.trouble: Optional[FleetError] = None
        self.states: List[Dict[str, Any]] = []

    def write(self, state: Dict[str, Any]) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.states.append(check_watcher_state(state))


def test_a_full_disk_is_told_once_and_written_to_when_there_is_room(systemd: Callable[[], List[str]]) -> None:
    disk, log = Disk(), Book()
    telling = Telling("1.2.3", log, disk.write)  # type: ignore[arg-type]
    disk.trouble = TransportFailed("no space")
    for _time in range(3):
        telling.report(())
    assert log.lines == [("warning", "the state can't be written: no space")]
    assert (telling.written, systemd()) == (None, [])
    disk.trouble = None
    telling.report(())
    telling.report(())
    assert [state["state"] for state in disk.states] == ["no_radio"], "once there is room, without a change"
    assert systemd() == ["STATUS=Watches no radio: CSME can own none, or the configuration names others"]
    assert status_of(()) == "Watches no radio: CSME can own none, or the configuration names others"


def test_what_the_machine_lacks() -> None:
    disk = Disk()
    telling = Telling("1.2.3", Book(), disk.write)  # type: ignore[arg-type]
    telling.lack(NotFound("this kernel has no rfkill", remedy="Load the kernel module rfkill"))
    telling.report(())
    assert [(state["state"], state["lacks"]) for state in disk.states] == [
        ("lacking", "this kernel has no rfkill. Load the kernel module rfkill"),
        ("no_radio", None),
    ]
