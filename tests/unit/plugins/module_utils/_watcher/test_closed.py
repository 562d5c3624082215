# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bringing up what the driver closed."""

from __future__ import annotations

from pathlib import Path
from typing import List, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover.guard import GuardEvent, Unanswered
from ansible_collections.vpro.fleet.plugins.module_utils._handover.messages import Blocked
from ansible_collections.vpro.fleet.plugins.module_utils._network.limits import Obstacle
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import FleetError, NotFound, TransportFailed
from ansible_collections.vpro.fleet.plugins.module_utils._watcher import closed
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.account import Account
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.closed import Closed
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._network.fake_profile import make
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_guarded import (
    FREE,
    NETWORK,
    Book,
    radio,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import Machine


class Interface:
    """An interface, its kernel and CSME."""

    obstacle: Optional[Obstacle] = None
    managed = True
    held = False

    def __init__(self, files: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.files = files
        self.now = 100.0
        self.shut = False
        self.error: Optional[FleetError] = None
        self.brought_up: List[int] = []
        self.csme: GuardEvent = Blocked(None, None)
        self.asks: Optional[bool] = True
        self.log = Book()
        account = Account(radio(FREE), self.log, lambda: self.now)  # type: ignore[arg-type]
        self.flags(up=True)
        monkeypatch.setattr(f"{closed.__name__}.rtnetlink.bring_up", self._bring_up)
        monkeypatch.setattr(closed, "asks_by_itself", lambda root: self.asks)
        self.closed = Closed(radio(FREE), self, account, lambda: self.shut, files.places, lambda: self.now)  # type: ignore[arg-type]

    def flags(self, *, up: bool) -> None:
        self.files.write("sys/class/net/wlan0/flags", "0x1003\n" if up else "0x1002\n")

    def of_csme(self, *, required: bool) -> GuardEvent:
        assert required
        return self.csme

    def _bring_up(self, ifindex: int) -> None:
        self.brought_up.append(ifindex)
        if self.error is not None:
            raise self.error
        self.flags(up=True)

    def goes_down(self) -> None:
        self.flags(up=False)
        self.closed.heard(3, up=False)

    def is_closed(self) -> None:
        """Let the driver close it."""
        self.closed.new_era("iwlmei was unbound from CSME")
        self.goes_down()

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.closed.expire()

    @property
    def warned(self) -> List[str]:
        return [line for level, line in self.log.lines if level == "warning"]


@pytest.fixture
def interface(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Interface:
    return Interface(Machine(tmp_path), monkeypatch)


def test_what_the_driver_closed_is_brought_up(interface: Interface) -> None:
    interface.closed.expire()
    interface.is_closed()
    assert interface.closed.due == 101.0
    assert interface.brought_up == []
    interface.passes(1.0)
    assert interface.brought_up == [3]
    assert interface.warned == [
        "wlan0: the driver closed the interface (iwlmei was unbound from CSME), so it is brought up"
    ]
    assert interface.closed.due is None


def test_what_did_not_come_up_after_a_grant_is_brought_up(interface: Interface) -> None:
    interface.shut = True
    interface.goes_down()
    interface.closed.asked()
    interface.shut = False
    interface.closed.read()
    interface.error = TransportFailed("CSME did not answer")
    interface.passes(0.5)
    interface.closed.handed_over()
    interface.error = None
    interface.passes(2.0)
    assert interface.brought_up == [3, 3]
    what = "wlan0: the interface did not come up after a block, "
    assert interface.warned == [
        f"{what}and it can't be brought up: CSME did not answer",
        f"{what}so it is brought up",
    ]


def test_an_old_report_says_nothing_of_what_was_after_the_request(interface: Interface) -> None:
    """The link is lost before the interface goes down, and both are heard of after the request."""
    interface.shut = True
    interface.flags(up=False)
    interface.closed.asked()
    interface.closed.heard(3, up=True)
    interface.closed.heard(3, up=False)
    interface.shut = False
    interface.closed.read()
    interface.passes(0.5)
    assert interface.brought_up == [3]


@pytest.mark.parametrize("asks", [True, False, None])
def test_csme_may_own_the_radio_of_an_interface_that_is_down(interface: Interface, asks: Optional[bool]) -> None:
    interface.asks = asks
    assert not interface.closed.owner_unknown
    interface.goes_down()
    assert interface.closed.owner_unknown is (asks is not False)
    interface.shut = True
    assert not interface.closed.owner_unknown, "the block says it"


def test_what_somebody_set_down_stays_down(interface: Interface) -> None:
    interface.goes_down()
    interface.closed.new_era("the laptop slept")
    interface.closed.read()
    assert interface.closed.due is None


def test_another_interface_is_another_matter(interface: Interface) -> None:
    interface.closed.new_era("the laptop slept")
    interface.closed.heard(4, up=False)
    assert interface.closed.due is None


def test_one_that_came_up_meanwhile_is_left_alone(interface: Interface) -> None:
    interface.is_closed()
    interface.flags(up=True)
    interface.passes(1.0)
    assert (interface.brought_up, interface.closed.due) == ([], None)


def test_one_that_is_blocked_meanwhile_is_left_alone(interface: Interface) -> None:
    interface.is_closed()
    interface.shut = True
    interface.passes(1.0)
    assert (interface.brought_up, interface.closed.due) == ([], None)


@pytest.mark.parametrize("error", [TransportFailed("CSME did not answer"), NotFound("no firmware")])
def test_it_is_tried_again_and_told_once(interface: Interface, error: FleetError) -> None:
    interface.error = error
    interface.is_closed()
    for pause in (1.0, 2.0, 4.0):
        interface.passes(pause)
    assert interface.brought_up == [3, 3, 3]
    (line,) = interface.warned
    assert line.endswith(f"(iwlmei was unbound from CSME), and it can't be brought up: {error}")
    interface.error = None
    interface.passes(8.0)
    assert interface.warned[1].endswith("so it is brought up")


@pytest.mark.parametrize("managed", [True, False])
def test_what_a_sleep_unblocks_is_brought_up_for_its_manager(interface: Interface, managed: bool) -> None:
    interface.managed = managed
    interface.shut = True
    interface.goes_down()
    interface.shut = False
    interface.closed.new_era("the laptop slept")
    interface.closed.read()
    interface.passes(3.9)
    assert interface.brought_up == []
    interface.passes(0.1)
    assert interface.brought_up == ([3] if managed else [])
    why = "so it is brought up" if managed else "because neither wpa_supplicant nor NetworkManager runs it"
    assert interface.warned[0].startswith("wlan0: the interface did not come up after a block (the laptop slept)")
    assert interface.warned[0].endswith(why)


def lifts(interface: Interface) -> None:
    """Let a block come and go, and the interface stay down."""
    interface.shut = True
    interface.goes_down()
    interface.shut = False
    interface.closed.read()


def test_what_stays_down_after_a_block_is_brought_up(interface: Interface) -> None:
    lifts(interface)
    interface.passes(0.4)
    assert interface.brought_up == []
    interface.passes(0.1)
    assert interface.brought_up == [3]
    assert interface.warned == ["wlan0: the interface did not come up after a block, so it is brought up"]


@pytest.mark.parametrize(("managed", "held"), [(False, False), (True, True)])
def test_a_manager_that_has_not_started_brings_it_up_itself(interface: Interface, managed: bool, held: bool) -> None:
    interface.managed, interface.held = managed, held
    lifts(interface)
    interface.passes(0.5)
    assert (interface.brought_up, interface.closed.due, interface.warned) == ([], None, [])


@pytest.mark.parametrize(
    ("is_new", "carriers", "expected"), [(True, "0", [3]), (False, "0", []), (True, "1", []), (True, "x", [])]
)
def test_a_new_interface_that_had_no_connection_is_brought_up_for_its_manager(
    interface: Interface, is_new: bool, carriers: str, expected: List[int]
) -> None:
    interface.flags(up=False)
    interface.files.write("sys/class/net/wlan0/carrier_up_count", f"{carriers}\n")
    interface.closed.is_new = is_new
    interface.closed.managed()
    interface.passes(4.0)
    assert interface.brought_up == expected
    if expected:
        assert interface.warned == ["wlan0: the new interface did not come up, so it is brought up"]


def test_a_handover_has_decided_about_the_session(interface: Interface) -> None:
    """CSME has given the radio away, so its connection is no question any more."""
    interface.csme = Blocked(NETWORK, None)
    interface.closed.asked()
    lifts(interface)
    interface.passes(0.5)
    assert interface.brought_up == [3]
    interface.closed.handed_over()
    interface.is_closed()
    interface.passes(1.0)
    assert interface.brought_up == [3], "a handover that is over has not"


def test_an_interface_that_is_gone_is_left_alone(interface: Interface) -> None:
    interface.is_closed()
    (interface.files.path / "sys/class/net/wlan0/flags").unlink()
    (interface.files.path / "sys/class/net/wlan0").rmdir()
    interface.error = NotFound("no such device")
    interface.passes(1.0)
    assert interface.brought_up == [3]


@pytest.mark.parametrize(
    ("asks", "seen", "brought_up"),
    [
        (True, Blocked(NETWORK, None), False),
        (False, Blocked(NETWORK, None), True),
        (True, Blocked(NETWORK, make()), True),
        (True, Unanswered(), True),
    ],
    ids=["no profile", "the driver does not ask", "a profile", "nobody answers"],
)
def test_a_session_that_no_profile_can_carry_on_is_not_ended(
    interface: Interface, asks: bool, seen: GuardEvent, brought_up: bool
) -> None:
    interface.asks, interface.csme = asks, seen
    interface.is_closed()
    interface.passes(1.0)
    assert bool(interface.brought_up) is brought_up
    if not brought_up:
        assert "It is not brought up, because that could end a session of CSME" in interface.warned[0]
        interface.csme = Blocked(None, None)
        interface.passes(2.0)
        assert interface.brought_up == [3]
