# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rest of a pin, as the watcher ends it and tells of it. ``test_guarded_rest.py`` has its whole life."""

from __future__ import annotations

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.deferred import NARROW
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_guarded import LateWidening


def test_a_rest_is_told_once_and_ended_with_its_link(late: LateWidening) -> None:
    rest = late.watched._remainder
    assert rest.stands
    for _time in range(2):
        rest.tell()
    assert late.laptop.log.text.count(NARROW) == 1
    rest.end_if_over(blocked=False)
    assert rest.stands, "the link is there"
    late.lose()
    rest.end_if_over(blocked=False)
    assert not rest.stands
    rest.tell()
    assert late.laptop.log.text.count(NARROW) == 1


def test_a_rest_that_can_not_be_ended_is_told_once_and_tried_again(late: LateWidening) -> None:
    rest = late.watched._remainder
    late.refuse()
    for _time in range(2):
        rest.end_if_over(blocked=True)
    assert rest.stands
    assert len([level for level, _line in late.laptop.log.lines if level == "warning"]) == 1
    late.lose()
    rest.end_now()
    assert not rest.stands
