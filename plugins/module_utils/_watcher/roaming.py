# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What CSME says of roaming."""

from __future__ import annotations

from typing import Iterable

from .._handover.messages import RoamingAllowed, RoamingForbidden
from .._radio import csme
from .._radio.nl80211_messages import VendorEvent
from .._system.errors import FleetError
from .._system.systemd import Log
from .guarded import Watched


def hand_on(event: VendorEvent, radios: Iterable[Watched], log: Log) -> None:
    """Hand CSME's word on to the radio that it is about. Events about anything else are ignored.

    Args:
        event: an event of a driver.
        radios: the guarded radios.
        log: receives the log lines.
    """
    if (event.vendor_id, event.subcmd) != (csme.INTEL_OUI, csme.ROAMING_FORBIDDEN_EVENT):
        return
    try:
        forbidden = csme.decode_roaming_forbidden(event.data).forbidden
    except FleetError as error:
        log.write("warning", f"an event from CSME is malformed: {error}", code=error.code)
        return
    for watched in radios:
        if event.ifindex in (None, watched.radio.ifindex):
            word = "forbids" if forbidden else "allows"
            log.write("info", f"{watched.interface}: CSME {word} roaming", amt_wifi_interface=watched.interface)
            watched.feed(RoamingForbidden() if forbidden else RoamingAllowed())
