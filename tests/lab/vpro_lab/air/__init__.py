# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is around a laptop: the access point, CSME's station, the operator's session, and the scene of all of them.

Begin with ``scene``. Nothing here runs Ansible. This room imports ``laptop``, ``engine`` and what all rooms use.
"""
