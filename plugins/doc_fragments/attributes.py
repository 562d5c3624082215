# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Attributes that the modules of the collection share."""

    DOCUMENTATION = r"""
options: {}
attributes:
  platform:
    description: The operating systems that the module runs on.
    support: full
    platforms: Linux
"""

    # For the modules that users call. Only the role watcher calls amt_wifi_watcher_files, which does not have this.
    GROUP = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/vpro.fleet.amt_wifi) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - vpro.fleet.amt_wifi
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
    details:
      - This module changes nothing.
  diff_mode:
    description: >-
      Will return details on what has changed (or possibly needs changing in C(check_mode)), when in
      diff mode.
    support: N/A
    details:
      - This module changes nothing.
  idempotent:
    description: When run twice in a row with the same arguments, the second invocation does not change anything.
    support: full
    details:
      - This module changes nothing.
"""

    # Used together with INFO.
    FACTS = r"""
options: {}
attributes:
  facts:
    description: Action returns an C(ansible_facts) dictionary that will update existing host facts.
    support: full
"""

    ACTION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: >-
      Will return details on what has changed (or possibly needs changing in C(check_mode)), when in
      diff mode.
    support: full
  idempotent:
    description: When run twice in a row with the same arguments, the second invocation does not change anything.
    support: full
"""
