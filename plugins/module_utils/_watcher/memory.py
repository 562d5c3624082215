# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A setting of this process's memory."""

from __future__ import annotations

import ctypes
from contextlib import suppress

PR_SET_THP_DISABLE = 41  # linux/include/uapi/linux/prctl.h


def use_small_pages() -> None:
    """Ask the kernel to use no transparent huge pages for this process from now on (prctl(2)). A refusal is ignored.

    Some distributions, such as Debian, always use them. There, each page can keep two megabytes resident, although a
    small program fills only a part of it.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)
