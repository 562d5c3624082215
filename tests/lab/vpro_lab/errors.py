# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of the lab."""

from __future__ import annotations


class LabError(Exception):
    """Something in the lab did not work; the text says what, where, and what to look at."""
