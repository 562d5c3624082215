# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A laptop: its disk image and virtual machine, the ways into it, its radios, and who runs them.

Begin with ``control``, which has the class ``Laptop``. It imports no other room.
"""
