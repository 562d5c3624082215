# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who runs an interface, and what may fight over it. Each manager has a wing, a folder in here.

Begin with ``who``. It imports its wings, ``_network``, ``_radio`` and ``_system``. A wing imports neither another wing
nor this folder.
"""
