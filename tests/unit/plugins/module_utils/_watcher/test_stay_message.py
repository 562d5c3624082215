# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A watcher that is started again in the middle of a stay: CSME's word that roaming is forbidden is not lost."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover.messages import RoamingAllowed, RoamingForbidden
from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import Policy
from ansible_collections.vpro.fleet.plugins.module_utils._system import run_folder
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import TransportFailed
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.account import Account
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.guarded import Watched
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.stay_message import (
    SECONDS,
    Kept,
    leave_stay,
    take_stay,
)
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
        self.places = Places(str(folder))
        self.path = Path(self.places.run) / "stay-wlan0.message"
        self.now = 500.0
        self.log = Book()
        self.account = Account(radio(), self.log, lambda: self.now)  # type: ignore[arg-type]

    def leave(self, confirm_seconds: Optional[float] = None) -> None:
        leave_stay(radio(), Kept(BSSID, confirm_seconds), self.account, self.places, lambda: self.now)

    def take(self, **changes: Any) -> Optional[Kept]:
        return take_stay(replace(radio(), **changes), self.account, self.places, lambda: self.now)


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    return Notes(tmp_path)


def test_a_message_is_heard_once_and_only_by_its_own_user(notes: Notes) -> None:
    assert notes.take() is None
    notes.leave()
    assert notes.path.stat().st_mode & 0o777 == 0o600
    assert Path(notes.places.run).stat().st_mode & 0o777 == 0o700
    assert run_folder.journals(notes.places) == [], "it is no journal of a pin"
    assert notes.take() == Kept(BSSID)
    assert notes.take() is None
    assert os.listdir(notes.places.run) == []


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.0, Kept(BSSID)), (SECONDS, Kept(BSSID)), (SECONDS + 0.1, None), (-1.0, None)]
)
def test_an_old_message_is_not_believed(notes: Notes, seconds: float, told: Optional[Kept]) -> None:
    notes.leave()
    notes.now += seconds
    assert notes.take() == told
    assert not notes.path.exists()


@pytest.mark.parametrize(("seconds", "rest"), [(0.0, 12.0), (9.5, 2.5), (12.0, None), (-SECONDS, None)])
def test_a_stay_that_csme_has_not_confirmed_is_believed_for_the_rest_of_its_time(
    notes: Notes, seconds: float, rest: Optional[float]
) -> None:
    notes.leave(12.0)
    assert '"at"' not in notes.path.read_text(), "an older watcher would take it for CSME's word"
    notes.now += seconds
    assert notes.take() == (None if rest is None else Kept(BSSID, rest))
    assert not notes.path.exists()


def test_a_message_about_another_interface_of_the_same_name_is_not_believed(notes: Notes) -> None:
    notes.leave()
    assert notes.take(ifindex=9) is None
    assert not notes.path.exists()


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "{}", '{"ifindex": 3, "bssid": "x"}', '{"ifindex": 3, "bssid": "x", "until": NaN}'),
        *('{"ifindex": 3, "bssid": 7, "at": 500.0}', '{"ifindex": 3, "bssid": "x", "at": "now"}'),
        *('{"ifindex": 3, "bssid": 7, "until": 501.0}', '{"ifindex": 3, "bssid": "x", "until": "soon"}'),
    ],
)
def test_a_damaged_message_is_removed_and_not_believed(notes: Notes, text: str) -> None:
    notes.path.parent.mkdir(parents=True)
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


#: Seconds that CSME has for its word.
CONFIRM = Policy().confirm_seconds


@pytest.fixture
def boot(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets so many seconds pass, by the watcher's clock and by that of the boot."""
    monkeypatch.setattr("time.clock_gettime", lambda clock: laptop.now)

    def let_pass(seconds: float) -> None:
        laptop.now += seconds

    return let_pass


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
    assert watched.kept == Kept(BSSID)
    watched.stop()
    assert laptop.as_before, "nothing is left pinned while no watcher runs"
    again = restarted(laptop)
    assert (again.state, again.kept) == ("staying", Kept(BSSID))
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


def test_a_stay_goes_on_for_the_rest_of_the_time_that_csme_has_for_its_word(
    laptop: Laptop, boot: Callable[[float], None]
) -> None:
    watched = stayed(laptop, forbidden=False)
    boot(5.0)
    assert watched.kept == Kept(BSSID, CONFIRM - 5.0)
    watched.stop()
    assert laptop.as_before
    boot(2.0)
    again = restarted(laptop)
    assert (again.state, again.kept) == ("staying", Kept(BSSID, CONFIRM - 7.0))
    assert f"stays at its access point for {CONFIRM - 7.0:.1f} s" in laptop.log.text
    boot(CONFIRM - 7.1)
    again.expire()
    assert again.state == "staying"
    boot(0.2)
    again.expire()
    assert (again.state, laptop.as_before) == ("watching", True)


def test_csmes_word_to_the_next_watcher_confirms_the_stay(laptop: Laptop, boot: Callable[[float], None]) -> None:
    stayed(laptop, forbidden=False).stop()
    again = restarted(laptop)
    again.feed(RoamingForbidden())
    boot(2 * CONFIRM)
    again.expire()
    assert (again.state, again.kept) == ("staying", Kept(BSSID))


def test_a_stay_whose_time_is_over_is_not_begun_again(laptop: Laptop, boot: Callable[[float], None]) -> None:
    stayed(laptop, forbidden=False).stop()
    boot(CONFIRM)
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
    assert watched.kept is None
