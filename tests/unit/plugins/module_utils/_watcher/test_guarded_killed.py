# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is left when the guard of a radio is killed, and undone in its next life."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover import effects, undo
from ansible_collections.vpro.fleet.plugins.module_utils._handover.messages import RoamingAllowed, RoamingForbidden
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import control
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.backend import WpaSupplicant
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.deferred import Deferred
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.listener import Listener
from ansible_collections.vpro.fleet.plugins.module_utils._radio import csme
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_guarded import Laptop, hand_over


class Killed(BaseException):
    """SIGKILL: nothing of the process runs any more."""


class Life:
    """Counts everything that a guard does to the outside, and ends it before the one that is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fatal: int) -> None:
        self.done = 0
        self.fatal = fatal
        self._wrap(monkeypatch, control.ControlSocket, "_exchange")
        for name in ("write_journal", "clear_journal"):
            self._wrap(monkeypatch, effects, name)
        self._wrap(monkeypatch, csme, "request_ownership")

    def _wrap(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        whole = getattr(owner, name)

        def counted(*arguments: Any) -> Any:
            if 0 <= self.fatal <= self.done:
                raise Killed
            self.done += 1
            return whole(*arguments)

        monkeypatch.setattr(owner, name, counted)


def live(laptop: Laptop) -> None:
    """A whole story: handover, hold, end of the session."""
    watched = laptop.watched()
    try:
        watched.attach()
        watched.look()
        hand_over(watched)
        watched.feed(RoamingForbidden())
        watched.feed(RoamingAllowed())
    except Killed:
        pass
    # The kernel closes what a dead process had open.
    watched._lock.release()
    for source in watched.attachment.sources:
        if isinstance(source, Listener):
            source._monitor._drop()
        else:
            source.close()
    laptop.made.remove(watched)


# A process that is killed does not close its sockets itself.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_killed_before_any_action_and_started_again_it_undoes_what_was_left(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        life = Life(patch, -1)
        live(laptop)
    assert laptop.as_before
    assert life.done > 20
    left = 0
    for fatal in range(life.done):
        with monkeypatch.context() as patch:
            Life(patch, fatal)
            live(laptop)
        left += not laptop.as_before
        undo.undo_journals(
            lambda manager, interface: WpaSupplicant(interface, laptop.path, Deferred("phy0", laptop.places)),
            laptop.places,
        )
        assert laptop.as_before, f"killed before action {fatal}"
        # And once more is no harm.
        assert undo.undo_journals(lambda manager, interface: None, laptop.places) == []
    assert left > 5, "the pin is there for a while"
