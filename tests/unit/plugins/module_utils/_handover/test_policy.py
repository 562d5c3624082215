# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a handover is to be made."""

from __future__ import annotations

from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import Policy


def test_a_request_takes_its_answer_csmes_deadline_and_the_grace_after_it() -> None:
    policy = Policy(answer_seconds=1.5, deadline_seconds=3.0, grace_seconds=0.25, confirm_seconds=9.0)
    assert policy.attempt_seconds == 4.75


def test_the_usual_time_is_enough_for_a_request() -> None:
    policy = Policy()
    assert policy.attempt_seconds <= policy.timeout_seconds
