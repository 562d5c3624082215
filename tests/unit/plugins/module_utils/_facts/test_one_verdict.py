# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the watcher's status says, and what the readiness and the command "check" say, is one verdict."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Dict, List, Mapping, Optional, Set

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._facts.known import Known
from ansible_collections.vpro.fleet.plugins.module_utils._facts.readiness import blockers
from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import (
    IDLE,
    OF_NOW,
    REASONS,
    SUCCESSES,
    Outcome,
)
from ansible_collections.vpro.fleet.plugins.module_utils._network.managed import Managed
from ansible_collections.vpro.fleet.plugins.module_utils._radio import rfkill
from ansible_collections.vpro.fleet.plugins.module_utils._radio.values import Switch
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import command
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.state import report_of
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.state_file import document
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._facts.test_readiness import (
    OWNED,
    PART,
    RADIO,
    READY,
)

#: A switch of the platform that is soft-blocked.
WIRELESS_KEY = Switch(9, "wlan", "hp-wifi", True, False, frozenset(), None)
#: Why CSME may keep a radio that the watcher wants.
KEPT = [
    *dict.fromkeys([*(each.value for each in Outcome if each not in SUCCESSES), *REASONS, "of a newer version"]),
]
KEPT.remove(IDLE)
#: What else may be found on the laptop: changes of what is known, and the codes that say so.
FOUND: Mapping[str, Any] = {
    "nothing": ({}, []),
    "no profile": ({"managed": {"wlan0": Managed("wlan0", "wpa_supplicant", profiles=())}}, ["no_profile"]),
    "no manager": ({"managed": {"wlan0": Managed("wlan0", "none")}}, ["no_supplicant"]),
    "a channel unknown": ({"radios": (replace(RADIO, csme=None, part=PART),)}, ["csme_unreadable"]),
}


def state(word: str, reason: Optional[str], interface: str = "wlan0") -> Dict[str, Any]:
    """Return the state of a watcher that watches one radio."""
    one: Any = SimpleNamespace(
        radio=replace(RADIO, interface=interface),
        attachment=SimpleNamespace(sources=(object(),), manager="wpa_supplicant"),
        view=SimpleNamespace(wanted=None),
        state=word,
        reason=reason,
        last=None,
    )
    return document("1.2.3", [one])


def known(told: Dict[str, Any], **changes: Any) -> Known:
    return replace(READY, watcher=report_of(told), **changes)


@pytest.fixture
def status(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def show(told: Dict[str, Any]) -> List[str]:
        monkeypatch.setattr(command, "read_state", lambda: told)
        assert command.main(["status"]) == 0
        return capsys.readouterr().out.splitlines()

    return show


@pytest.mark.parametrize("found", FOUND)
@pytest.mark.parametrize("reason", KEPT)
@pytest.mark.parametrize("word", ["left", "retrying"])
def test_a_radio_that_csme_keeps_is_not_ready_and_the_reason_is_the_same(
    status: Any, word: str, reason: str, found: str
) -> None:
    told = state(word, reason)
    shown = status(told)
    assert shown[1].startswith("  wlan0 (phy0): CSME keeps the radio")
    assert shown[2] == f"    because: {reason}"
    changes, codes = FOUND[found]
    verdict = blockers(known(told, **changes))
    # What is so now is said once. What happened, only the watcher knows.
    alone = reason in OF_NOW and codes
    assert [each.code for each in verdict] == [*codes, *([] if alone else ["left_to_csme"])]
    if not alone:
        assert verdict[-1].message.endswith(shown[3].strip()), "in the same words"


def test_a_radio_that_the_watcher_was_told_to_leave_is_ready(status: Any) -> None:
    told = state("left", IDLE)
    assert status(told)[1:] == ["  wlan0 (phy0): CSME keeps the radio", "    because: idle"]
    assert blockers(known(told)) == ()


@pytest.mark.parametrize(
    ("reason", "soft", "reasons"), [("airplane_mode", True, {"not_owner"}), ("switch_off", False, {"signal"})]
)
def test_a_radio_that_nobody_can_use_is_named_by_both(
    status: Any, monkeypatch: pytest.MonkeyPatch, reason: str, soft: bool, reasons: Set[str]
) -> None:
    monkeypatch.setattr(f"{rfkill.__name__}.platform_switches", lambda: (WIRELESS_KEY,))
    told = state("watching", reason)
    switch = replace(OWNED, soft=soft, reasons=frozenset(reasons))
    (blocker,) = blockers(known(told, radios=(replace(RADIO, switch=switch, platform=(WIRELESS_KEY,)),)))
    shown = status(told)
    assert (blocker.code, shown[2]) == (reason, f"    because: {reason}")
    assert blocker.message.endswith(shown[3].rpartition(". ")[2])
    assert ("hp-wifi" in shown[3]) == ("hp-wifi" in blocker.message) == (reason == "switch_off")


@pytest.mark.parametrize(("owner", "codes"), [("csme", ["left_to_csme"]), ("host", [])])
def test_a_radio_that_the_watcher_does_not_watch_is_left_to_csme(owner: str, codes: List[str]) -> None:
    radios = (replace(RADIO, owner=owner),)
    for told in (state("watching", None, "wlan1"), document("1.2.3", [])):
        verdict = blockers(known(told, radios=radios))
        assert [each.code for each in verdict] == codes
        assert all("it does not watch it" in each.message for each in verdict)
    older = {key: value for key, value in told.items() if key != "radios"}
    assert blockers(known(older, radios=radios)) == (), "this one does not tell what it watches"


def test_of_a_watcher_that_does_not_run_both_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [each.code for each in blockers(known({}))] == ["watcher_not_running"]
    monkeypatch.setattr(command, "read_state", dict)
    assert command.main(["status"]) == 1
