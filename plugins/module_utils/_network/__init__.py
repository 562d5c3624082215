# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network as somebody declares it, as it is found on a laptop, and as it is pinned.

What whoever runs an interface must be able to do, and what it says, is here too. Begin with ``backend``. There is no
I/O here. It imports ``_system`` alone.
"""
