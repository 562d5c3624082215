# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The radio: netlink, nl80211, rfkill, sysfs, the driver, and what Intel's vendor commands say of CSME.

Begin with ``radio``: one radio, joined from all of these. It imports ``_system`` alone.
"""
