# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why AMT itself could have no session over wireless on this laptop, so that there is none to keep.

These are warnings: a handover would succeed, but nobody can be connected. This file does no I/O. The codes are stable,
and ``docs/readiness.md`` explains each.
"""

from __future__ import annotations

import re
from typing import Iterator, Optional, Tuple

from .._firmware.replies import LanInterface
from .._firmware.values import ABSENT, CONSUMER, DISABLED, PROVISIONED, UNREADABLE, Amt
from .known import Blocker, Known

#: The first AMT with the wireless link protection that iwlmei knows: that of Tiger Lake (the help text of
#: CONFIG_IWLMEI, drivers/net/wireless/intel/iwlwifi/Kconfig of the kernel).
_FIRST_VERSION = 15

_STATES = {
    CONSUMER: Blocker(
        "amt_consumer", "the firmware has no AMT, so no administrator can have a session. Nothing can be done"
    ),
    DISABLED: Blocker(
        "amt_disabled", "AMT is switched off, so no administrator can have a session. Switch it on in the BIOS"
    ),
}
_NOT_PROVISIONED = Blocker(
    "amt_not_provisioned",
    "AMT is not provisioned, so no administrator can have a session. Provision it, for example with rpc-go",
)


def amt_warnings(known: Known) -> Tuple[Blocker, ...]:
    """Return why AMT could have no session over wireless. There is none if AMT could not be read."""
    return () if known.amt is None else tuple(_all(known, known.amt))


def _all(known: Known, amt: Amt) -> Iterator[Blocker]:
    if amt.state == ABSENT:
        # A driver that offers CSME's radio has found CSME by another way.
        if not any(radio.can_request for radio in known.radios):
            yield Blocker("amt_absent", f"{amt.reason}, so no administrator can have a session")
        return
    if amt.state in _STATES:
        yield _STATES[amt.state]
        return
    if amt.state == UNREADABLE:
        return
    if amt.state != PROVISIONED:
        yield _NOT_PROVISIONED
    version = None if amt.codes is None else amt.codes.parts.get("AMT")
    if _is_too_old(version):
        yield Blocker(
            "amt_too_old",
            f"AMT {version} is older than {_FIRST_VERSION}, the first with sessions over wireless that iwlmei can take "
            "over. Nothing can be done",
        )
    if amt.interfaces is not None:
        yield from _of_wireless(known, amt.interfaces.get("wireless"))


def _is_too_old(version: Optional[str]) -> bool:
    major = re.match(r"[0-9]+", version or "")
    return major is not None and int(major.group()) < _FIRST_VERSION


def _of_wireless(known: Known, wireless: Optional[LanInterface]) -> Iterator[Blocker]:
    if wireless is None:
        yield Blocker(
            "amt_wireless_missing", "AMT has no wireless interface, so it can have no session over this laptop's radio"
        )
        return
    if not wireless.enabled:
        yield Blocker(
            "amt_wireless_disabled",
            "AMT's wireless interface is switched off. Switch it on in AMT (CIM_WiFiPort, state S0)",
        )
    macs = {radio.mac for radio in known.radios if radio.can_request and radio.mac}
    if macs and wireless.mac not in macs:
        yield Blocker(
            "amt_mac_differs",
            f"AMT's wireless interface has the MAC address {wireless.mac}, but the radio has "
            f"{', '.join(sorted(macs))}. Look whether the wireless card was exchanged",
        )
