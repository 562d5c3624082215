# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AMT itself: what the firmware of the management engine says of itself over the kernel's MEI driver.

Begin with ``amt``, which asks it everything. Nothing here changes the firmware, and nothing asks it for a secret:
``calls`` is the list of all that can be asked. This room imports only ``_system``.
"""
