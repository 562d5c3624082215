# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The watcher: the service that guards all radios of a laptop, and the code that holds interfaces back at a boot.

Begin with ``loop``. This room imports ``_handover``, ``_managers``, and the rooms that these import.
"""
