# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tasks that a person can ask for. Each file has the name of its module. ``command`` is the watcher's command line.

Begin with ``ownership``. This room may import every other room.
"""
