# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command amt-wifi-watcher, below the line that names its interpreter.

Its package lies apart, so that nothing else on the machine imports it by accident.
"""

import sys

sys.path.insert(0, "/usr/lib/amt-wifi-watcher")

from vpro_fleet._watcher_cli import main

sys.exit(main())
