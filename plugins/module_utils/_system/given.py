# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rejecting option values that YAML has turned from text into a number or a boolean."""

from __future__ import annotations

from typing import Any, Optional


def not_text(value: Any) -> Optional[str]:
    """Return what is wrong with a value that has to be text, or None if it is text.

    YAML makes another number of ``012345670123``, and false of ``no``. So what was written can't be found out from such
    a value.
    """
    if isinstance(value, str):
        return None
    if isinstance(value, bool):
        return "is not text but a boolean (true or false); quote it"
    if isinstance(value, (int, float)):
        return "is not text but a number; quote it"
    return "is not text"
