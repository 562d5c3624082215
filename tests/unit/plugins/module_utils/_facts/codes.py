# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The codes of the warnings of readiness."""

from __future__ import annotations

from ansible_collections.vpro.fleet.plugins.module_utils._network.limits import DHCP_IDENTITY, FIXED_ADDRESS, HOST_LINK

#: The codes of warnings about AMT. Their cases are in test_amt_readiness.py.
OF_AMT = {
    "amt_absent",
    "amt_consumer",
    "amt_disabled",
    "amt_mac_differs",
    "amt_not_provisioned",
    "amt_too_old",
    "amt_wireless_disabled",
    "amt_wireless_missing",
}
#: The codes of warnings. Those about the next boot have their cases in test_readiness_kernel.py.
NEXT_BOOT = {"next_kernel_refuses_iwlmei", "next_kernel_without_iwlmei"}
WARNINGS = {DHCP_IDENTITY, FIXED_ADDRESS, HOST_LINK, *NEXT_BOOT, *OF_AMT}
