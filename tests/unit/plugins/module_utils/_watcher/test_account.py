# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told of one guarded radio: how loud, how often, and what is kept of its last handover."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import SUCCESSES, Outcome
from ansible_collections.vpro.fleet.plugins.module_utils._handover.words import BOOK
from ansible_collections.vpro.fleet.plugins.module_utils._network.limits import Obstacle
from ansible_collections.vpro.fleet.plugins.module_utils._radio.values import Switch
from ansible_collections.vpro.fleet.plugins.module_utils._watcher import account
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.account import Account
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._handover.fake_story import PART
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_guarded import NETWORK, Book, radio

WHERE = {"amt_wifi_interface": "wlan0", "amt_wifi_radio": "phy0"}
DISABLED = Obstacle("is disabled", "Enable it", disabled=True)


class Told:
    """An account, its log, and the clock that it goes by."""

    def __init__(self) -> None:
        self.now = 100.0
        self.log = Book()
        self.account = Account(radio(), self.log, lambda: self.now)  # type: ignore[arg-type]

    def ended(self, outcome: Outcome, wanted: Any = NETWORK, who: Any = "NetworkManager", obstacle: Any = None) -> bool:
        return self.account.ended(outcome, wanted, who, obstacle)


@pytest.fixture
def told() -> Told:
    return Told()


def test_each_line_says_which_radio_it_is_about(told: Told) -> None:
    told.account.write("info", "it is so", code="x")
    assert told.log.lines == [("info", "wlan0: it is so")]
    assert told.log.fields == [{**WHERE, "code": "x"}]


def test_what_is_found_out_again_is_told_once(told: Told) -> None:
    for text in ("it is so", "it is so", "it is otherwise", "it is so"):
        told.account.write_once("a subject", "info", text)
    assert [text for _level, text in told.log.lines] == [
        "wlan0: it is so",
        "wlan0: it is otherwise",
        "wlan0: it is so",
    ]
    told.account.write_once("another subject", "warning", "it is so")
    assert told.log.lines[3:] == [("warning", "wlan0: it is so")]


def test_what_is_forgotten_is_told_again(told: Told) -> None:
    told.account.write_once("a subject", "info", "it is so")
    told.account.write_once("another", "info", "it is so")
    told.account.forget("a subject")
    told.account.forget("nothing that was ever told")
    told.account.write_once("a subject", "info", "it is so")
    told.account.write_once("another", "info", "it is so")
    assert len(told.log.lines) == 3


def test_each_warning_is_told_once(told: Told) -> None:
    told.account.warnings += ["the first", "the second"]
    told.account.flush()
    told.account.flush()
    told.account.warnings.append("the third")
    told.account.flush()
    assert told.log.lines == [("warning", f"wlan0: {text}") for text in ("the first", "the second", "the third")]


# -- one handover ------------------------------------------------------------------------------------------------------


def test_a_handover_that_succeeded(told: Told) -> None:
    trace = told.account.trace
    trace.begin()
    for name, seconds in (("requested", 0.05), ("connected", 0.2), ("address", 0.3)):
        told.now += seconds
        trace.mark(name)
    told.ended(Outcome.PROTECTED)
    assert told.log.lines == [("info", f"wlan0: {BOOK[Outcome.PROTECTED].what} ('corp', psk, channel 6)")]
    assert told.log.fields == [
        {
            **WHERE,
            "amt_wifi_outcome": "protected",
            "amt_wifi_block_to_request_ms": 50,
            "amt_wifi_request_to_connected_ms": 200,
            "amt_wifi_request_to_address_ms": 500,
        }
    ]
    last = told.account.last
    assert last is not None
    assert (last.outcome, last.request_to_address_ms, last.session_kept) == (Outcome.PROTECTED, 500, None)
    assert not trace.open


#: The handovers that did not begin, unless CSME was asked before.
REFUSALS = (Outcome.NO_CREDENTIALS, Outcome.CSME_UNREADABLE)


def test_a_connection_that_can_not_be_read_is_told_of_once(told: Told) -> None:
    for _look in range(2):
        assert not told.ended(Outcome.CSME_UNREADABLE, wanted=PART)
    ((level, text),) = told.log.lines
    assert level == "warning"
    assert "('corp', psk, unknown channel, not readable: There is no channel 255). Report what could not be" in text
    assert told.account.last is None


@pytest.mark.parametrize("outcome", REFUSALS)
def test_a_handover_that_ended_so_after_a_request_is_kept(told: Told, outcome: Outcome) -> None:
    for _handover in range(2):
        told.account.trace.begin()
        told.account.trace.mark("requested")
        assert told.ended(outcome)
        last = told.account.last
        assert last is not None
        assert (last.outcome, last.session_kept, last.request_to_connected_ms) == (outcome, None, None)
    assert len(told.log.lines) == 2, "each handover is news"
    # The next look asks for nothing. It is no handover, and hides none.
    told.account.trace.begin()
    assert not told.ended(Outcome.NO_CREDENTIALS)
    assert told.account.last is last


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome not in REFUSALS])
def test_only_a_success_is_no_warning_and_each_is_kept(told: Told, outcome: Outcome) -> None:
    told.ended(outcome, wanted=None)
    ((level, text),) = told.log.lines
    assert level == ("info" if outcome in SUCCESSES else "warning")
    assert text == f"wlan0: {BOOK[outcome].of('NetworkManager')}"
    assert told.account.last is not None
    assert told.account.last.outcome is outcome
    told.ended(outcome, wanted=None)
    assert len(told.log.lines) == 2, "each handover is news"


@pytest.mark.parametrize(
    ("who", "obstacle", "said"),
    [
        (
            "NetworkManager",
            None,
            "no enabled profile of NetworkManager can join CSME's network ('corp', psk, channel 6). Add one with",
        ),
        (
            "wpa_supplicant",
            DISABLED,
            "the profile of wpa_supplicant for CSME's network ('corp', psk, channel 6) is disabled. Enable it",
        ),
        (None, None, "neither wpa_supplicant nor NetworkManager can be used to join CSME's network ('corp'"),
        (None, DISABLED, "neither wpa_supplicant nor NetworkManager can be used to join CSME's network ('corp'"),
    ],
)
def test_why_csme_keeps_its_radio(told: Told, who: Any, obstacle: Any, said: str) -> None:
    told.ended(Outcome.NO_CREDENTIALS, who=who, obstacle=obstacle)
    ((level, text),) = told.log.lines
    assert level == "warning"
    assert text.startswith(f"wlan0: CSME keeps the radio, because {said}")
    assert told.account.last is None, "it is no handover"


def test_a_radio_that_csme_keeps_is_told_again_where_something_is_new(told: Told) -> None:
    told.ended(Outcome.NO_CREDENTIALS)
    told.ended(Outcome.NO_CREDENTIALS)
    assert len(told.log.lines) == 1
    told.ended(Outcome.NO_CREDENTIALS, wanted=replace(NETWORK, ssid=b"other"))
    assert len(told.log.lines) == 2, "another network"
    told.ended(Outcome.NO_CREDENTIALS, wanted=replace(NETWORK, ssid=b"other"), obstacle=DISABLED)
    assert len(told.log.lines) == 3, "another reason"
    told.ended(Outcome.DENIED)
    told.ended(Outcome.NO_CREDENTIALS, wanted=replace(NETWORK, ssid=b"other"), obstacle=DISABLED)
    assert len(told.log.lines) == 5, "a handover was between them"
    assert told.account.last is not None
    assert told.account.last.outcome is Outcome.DENIED


@pytest.mark.parametrize("names", [(), ("dell-wifi",)])
def test_a_platforms_switch_that_switches_the_radio_off_is_named(
    told: Told, monkeypatch: pytest.MonkeyPatch, names: Tuple[str, ...]
) -> None:
    found = tuple(Switch(9, "wlan", name, True, False, frozenset(), None) for name in names)
    monkeypatch.setattr(f"{account.__name__}.platform_switches", lambda: found)
    told.ended(Outcome.SWITCH_OFF)
    ((level, text),) = told.log.lines
    assert (level, "dell-wifi" in text) == ("warning", bool(names))
