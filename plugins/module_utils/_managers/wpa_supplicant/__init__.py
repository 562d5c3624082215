# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""wpa_supplicant as the manager of an interface: its control interface, its file and its networks.

Begin with ``backend``, which implements the protocol ``Backend`` of ``_network/backend.py``. This wing imports
``_network``, ``_radio`` and ``_system``.
"""
