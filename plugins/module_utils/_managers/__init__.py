# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The managers of interfaces: finding which one runs an interface, and what conflicts with it.

Each manager has its own wing, a folder in this room. Begin with ``who``. This room imports its wings, ``_network``,
``_radio`` and ``_system``. A wing imports neither the other wing nor the files beside the wings.
"""
