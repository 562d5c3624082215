# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the watcher's configuration means for a handover."""

from __future__ import annotations

from ansible_collections.vpro.fleet.plugins.module_utils._watcher.config import Config
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.policy import policy_of


def test_the_choices_of_a_configuration() -> None:
    policy = policy_of(Config(idle="leave", no_credentials="take", stay_at_access_point=False))
    assert (policy.take_idle, policy.handover.require_credentials, policy.handover.stay) == (False, False, False)
    policy = policy_of(Config())
    assert (policy.take_idle, policy.handover.require_credentials, policy.handover.stay) == (True, True, True)
