# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkManager as the manager of an interface: its profiles, settings and signals, over D-Bus.

Begin with ``backend``, which implements the protocol ``Backend`` of ``_network/backend.py``. This wing imports
``_network``, ``_radio`` and ``_system``.
"""
