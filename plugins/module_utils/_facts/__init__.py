# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gathering the facts of a laptop, and deciding whether a handover would succeed on it now.

Begin with ``gather``. This room imports every room except ``_tasks``.
"""
