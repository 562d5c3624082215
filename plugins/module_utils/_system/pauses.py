# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pauses between looks for a change that no event may report."""

from __future__ import annotations

from typing import Tuple

#: The slow pauses, in seconds. The last one is repeated. They are long, because each look wakes the processor. They are
#: not longer, because a person who mended something may wait for the next look.
SLOW_SECONDS: Tuple[float, ...] = (60.0, 120.0, 240.0, 480.0, 600.0)


def slow_pause(looks: int) -> float:
    """Return the seconds until the next look.

    Args:
        looks: how many slow looks there were already. 0 begins anew.
    """
    return SLOW_SECONDS[min(looks, len(SLOW_SECONDS) - 1)]
