# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading the Wi-Fi radio: netlink, nl80211, rfkill, sysfs, the driver and the kernels that have it, and
Intel's vendor commands about CSME.

Begin with ``radio``, which joins all of these into one value for each radio. This room imports only ``_system``.
"""
