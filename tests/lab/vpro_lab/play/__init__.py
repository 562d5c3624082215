# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Ansible does to a laptop: modules and playbooks, the roles, a handover that is watched, the demo.

Laptops that go on from a snapshot are here, too, since some of them have the roles. Begin with ``playbook``. It imports
``laptop`` and ``air``.
"""
