# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes the laptop's own radio away and makes it anew, with the same MAC address, as a reload of its driver does.

It runs in the laptop. The attributes' numbers are those of ``mac80211_hwsim.h`` in the kernel's source.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import List, Tuple

from pyroute2.netlink import NLM_F_ACK, NLM_F_REQUEST, genlmsg
from pyroute2.netlink.generic import GenericNetlinkSocket

_NEW_RADIO, _DEL_RADIO = 4, 5
#: As the lab loads the module: two channels at a time make it scan by itself, as radios of Intel's do.
_CHANNELS = 2


class _Message(genlmsg):  # type: ignore[misc]
    nla_map = (
        (9, "HWSIM_ATTR_CHANNELS", "uint32"),
        (17, "HWSIM_ATTR_RADIO_NAME", "asciiz"),
        (22, "HWSIM_ATTR_PERM_ADDR", "l2addr"),
    )


def _message(command: int, attributes: List[Tuple[str, object]]) -> _Message:
    message = _Message()
    message["cmd"], message["version"], message["attrs"] = command, 1, attributes
    return message


def main(interface: str) -> None:
    """Reload the radio of an interface."""
    folder = Path("/sys/class/net") / interface
    name, address = ((folder / file).read_text().strip() for file in ("phy80211/name", "phy80211/macaddress"))
    netlink = GenericNetlinkSocket()
    try:
        netlink.bind("MAC80211_HWSIM", _Message)
        gone = _message(_DEL_RADIO, [("HWSIM_ATTR_RADIO_NAME", name)])
        netlink.nlm_request(gone, msg_type=netlink.prid, msg_flags=NLM_F_REQUEST | NLM_F_ACK)
        made = _message(_NEW_RADIO, [("HWSIM_ATTR_CHANNELS", _CHANNELS), ("HWSIM_ATTR_PERM_ADDR", address)])
        # The kernel would acknowledge it with the radio's number, which pyroute2 takes for the number of an error.
        netlink.put(made, msg_type=netlink.prid, msg_flags=NLM_F_REQUEST)
    finally:
        netlink.close()
    if not folder.exists():
        sys.exit(f"{interface} did not come back")


if __name__ == "__main__":
    main(*sys.argv[1:])
