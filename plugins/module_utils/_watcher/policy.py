# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the watcher's configuration means for a handover."""

from __future__ import annotations

from .._handover.guard import GuardPolicy
from .._handover.policy import Policy
from .config import Config

#: Bound of one handover, in seconds. CSME's session is lost long before; a laptop must not stay pinned longer.
_HANDOVER_SECONDS = 20.0


def policy_of(config: Config) -> GuardPolicy:
    """Return the choices that a configuration makes."""
    handover = Policy(
        stay=config.stay_at_access_point,
        require_credentials=config.no_credentials == "leave",
        timeout_seconds=_HANDOVER_SECONDS,
    )
    return GuardPolicy(handover=handover, take_idle=config.idle == "take")
