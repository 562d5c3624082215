# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the kernel gives this process memory."""

from __future__ import annotations

import ctypes
from contextlib import suppress

PR_SET_THP_DISABLE = 41  # linux/include/uapi/linux/prctl.h


def use_small_pages() -> None:
    """Ask the kernel for no transparent huge pages from now on (prctl(2)). Where it refuses, all works as before.

    Where they are always used, as on Debian, each can make two megabytes resident of a small program that fills a part.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)
