# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wireless networks as values: as a task declares them, as they are found on a laptop, and as they are pinned.

``backend`` defines what a manager of an interface (wpa_supplicant or NetworkManager) must be able to do for a handover,
and ``events`` what it reports. Begin with ``backend``. This room does no I/O, and imports only ``_system``.
"""
