# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policy of the watcher's handovers, from its configuration."""

from __future__ import annotations

from .._handover.guard import GuardPolicy
from .._handover.policy import Policy
from .config import Config

#: The most seconds that a handover may take. A session is lost much earlier, and a pin must not stay longer.
_HANDOVER_SECONDS = 20.0


def policy_of(config: Config) -> GuardPolicy:
    """Return the policy that follows from a configuration."""
    handover = Policy(
        stay=config.stay_at_access_point,
        require_credentials=config.no_credentials == "leave",
        timeout_seconds=_HANDOVER_SECONDS,
    )
    return GuardPolicy(handover=handover, take_idle=config.idle == "take")
