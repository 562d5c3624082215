# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkManager as who runs an interface, over D-Bus: its profiles, its settings, its signals.

Begin with ``backend``, which is what ``_network/backend.py`` asks for. It imports ``_network``, ``_radio`` and
``_system``.
"""
