# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A watcher that is started again in the middle of a stay: CSME's word that roaming is forbidden is not lost."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover.messages import RoamingAllowed, RoamingForbidden
from ansible_collections.vpro.fleet.plugins.module_utils._system import run_folder
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import TransportFailed
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.account import Account
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.guarded import Watched
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.stay_message import SECONDS, leave_stay, take_stay
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_guarded import (
    BSSID,
    FREE,
    QUIET,
    Book,
    Laptop,
    hand_over,
    radio,
)


class Notes:
    """A folder of messages, and a clock."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder / "run")
        self.path = folder / "run" / "stay-wlan0.message"
        self.now = 500.0
        self.log = Book()
        self.account = Account(radio(), self.log, lambda: self.now)  # type: ignore[arg-type]

    def leave(self, bssid: str = BSSID) -> None:
        leave_stay(radio(), bssid, self.account, self.folder, lambda: self.now)

    def take(self, **changes: Any) -> Optional[str]:
        return take_stay(replace(radio(), **changes), self.account, self.folder, lambda: self.now)


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    return Notes(tmp_path)


def test_a_message_is_heard_once_and_only_by_its_own_user(notes: Notes) -> None:
    assert notes.take() is None
    notes.leave()
    assert notes.path.stat().st_mode & 0o777 == 0o600
    assert Path(notes.folder).stat().st_mode & 0o777 == 0o700
    assert run_folder.journals(notes.folder) == [], "it is no journal of a pin"
    assert notes.take() == BSSID
    assert notes.take() is None
    assert os.listdir(notes.folder) == []


@pytest.mark.parametrize(("seconds", "told"), [(0.0, BSSID), (SECONDS, BSSID), (SECONDS + 0.1, None), (-1.0, None)])
def test_an_old_message_is_not_believed(notes: Notes, seconds: float, told: Optional[str]) -> None:
    notes.leave()
    notes.now += seconds
    assert notes.take() == told
    assert not notes.path.exists()


def test_a_message_about_another_interface_of_the_same_name_is_not_believed(notes: Notes) -> None:
    notes.leave()
    assert notes.take(ifindex=9) is None
    assert not notes.path.exists()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"ifindex": 3, "bssid": 7, "at": 500.0}', '{"ifindex": 3, "bssid": "x", "at": "now"}'],
)
def test_a_damaged_message_is_removed_and_not_believed(notes: Notes, text: str) -> None:
    notes.path.parent.mkdir()
    notes.path.write_text(text)
    assert notes.take() is None
    assert not notes.path.exists()
    notes.path.symlink_to(notes.path.parent.parent / "elsewhere")
    assert notes.take() is None


def test_a_message_that_can_not_be_written_or_removed_is_told(notes: Notes, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_path: str, _mode: int = 0) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(run_folder, "replacing", full)
        notes.leave()
    notes.leave()
    with monkeypatch.context() as patch:
        patch.setattr("os.unlink", full)
        assert notes.take() is None, "it would be heard again and again"
    assert [level for level, _line in notes.log.lines] == ["warning", "warning"]


# -- over a restart ----------------------------------------------------------------------------------------------------


def connect(laptop: Laptop, bssid: str = BSSID) -> None:
    laptop.supplicant.connect(b"corp")
    status = f"wpa_state=COMPLETED\nbssid={bssid}\nssid=corp\nid=1\nkey_mgmt=WPA-PSK\n"
    laptop.supplicant.hook = lambda request: status if request == "STATUS" else QUIET(request)


def stayed(laptop: Laptop, *, forbidden: bool = True) -> Watched:
    """Return a watched radio that was handed over, and stays."""
    watched = laptop.watched()
    watched.attach()
    watched.look()
    connect(laptop)
    hand_over(watched)
    if forbidden:
        watched.feed(RoamingForbidden())
    assert watched.state == "staying"
    return watched


def restarted(laptop: Laptop) -> Watched:
    """Return the radio in the next process of the watcher."""
    watched = laptop.watched(FREE)
    watched.attach()
    watched.look()
    watched.resume()
    return watched


def test_a_stay_goes_on_after_a_restart_until_csme_allows_roaming(laptop: Laptop) -> None:
    watched = stayed(laptop)
    assert watched.kept_at == BSSID
    watched.stop()
    assert laptop.as_before, "nothing is left pinned while no watcher runs"
    again = restarted(laptop)
    assert (again.state, again.kept_at) == ("staying", BSSID)
    assert laptop.supplicant.network(b"corp").variables["bssid"] == BSSID
    again.feed(RoamingAllowed())
    assert (again.state, laptop.as_before) == ("watching", True)
    again.stop()
    assert restarted(laptop).state == "watching", "the message was heard once"


def test_a_host_that_is_elsewhere_by_now_does_not_stay(laptop: Laptop) -> None:
    stayed(laptop).stop()
    connect(laptop, "02:00:00:00:09:00")
    assert restarted(laptop).state == "watching"
    assert laptop.as_before


def test_without_csmes_word_there_is_nothing_to_tell(laptop: Laptop) -> None:
    watched = stayed(laptop, forbidden=False)
    assert watched.kept_at is None
    watched.stop()
    assert restarted(laptop).state == "watching"
    watched = stayed(laptop)
    watched.gone()
    assert restarted(laptop).state == "watching", "the radio is another one by then"


def test_a_watcher_that_fails_in_a_stay_tells_nobody(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = stayed(laptop)

    def fails() -> None:
        raise TransportFailed("the driver went away")

    monkeypatch.setattr(watched._machine, "expire", fails)
    watched._machine.set_timer("a timer", 0.0)
    watched.expire()
    assert watched.kept_at is None
