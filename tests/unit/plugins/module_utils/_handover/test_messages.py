# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The messages of the handover's machine are values: they can be compared, and nobody can change one under way."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, is_dataclass
from typing import Any, List, get_args

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover import messages
from ansible_collections.vpro.fleet.plugins.module_utils._network import events
from ansible_collections.vpro.fleet.plugins.module_utils._system.dataless import Dataless

EVENTS, ACTIONS = set(get_args(messages.Event)), set(get_args(messages.Action))
OWN: List[Any] = [
    each
    for each in vars(messages).values()
    if is_dataclass(each) and getattr(each, "__module__", "") == messages.__name__
]


def test_each_message_is_an_event_or_an_action_and_none_is_both() -> None:
    assert EVENTS.isdisjoint(ACTIONS)
    assert {*OWN} == {each for each in EVENTS | ACTIONS if each.__module__ == messages.__name__}


def test_what_a_manager_reports_is_an_event_too() -> None:
    assert {*get_args(events.LinkEvent)} <= EVENTS


@pytest.mark.parametrize("kind", [each for each in OWN if issubclass(each, Dataless)])
def test_what_carries_no_data_equals_its_own_kind_alone(kind: Any) -> None:
    assert fields(kind) == ()
    assert (kind() == kind(), hash(kind()) == hash(kind())) == (True, True)
    assert [other for other in OWN if issubclass(other, Dataless) and other() == kind()] == [kind]


def test_nobody_changes_a_message_under_way() -> None:
    asked = messages.SetTimer(messages.Timer.ANSWER, 1.0)
    with pytest.raises(FrozenInstanceError):
        asked.seconds = 2.0  # type: ignore[misc]
