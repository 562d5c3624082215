# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Having a DHCP client begin anew by its own program, as root may."""

from __future__ import annotations

from typing import Dict, Tuple

from . import program
from .dhcp import Client
from .errors import TransportFailed

#: Bound of one program, in seconds: as long as it runs, a handover hears nothing. On a laptop of 1000 MIPS it is over
#: after 30 ms.
_SECONDS = 1.0
#: networkctl(1), dhcpcd(8). A renewal would do nothing where there is no lease yet. Left to itself, dhcpcd begins after
#: a random pause, and then looks for five seconds whether somebody else has the address: CSME does not wait as long.
_COMMANDS: Dict[Client, Tuple[str, ...]] = {
    Client.NETWORKD: ("networkctl", "reconfigure"),
    Client.DHCPCD: ("dhcpcd", "--rebind", "--nodelay", "--noarp"),
}


def ask(client: Client, interface: str) -> None:
    """Have a client begin anew, as root.

    Raises:
        NotFound, TimedOut, TransportFailed: it could not be asked, or refused.
    """
    argv = (*_COMMANDS[client], interface)
    done = program.run(argv, _SECONDS)
    if done.status:
        said = done.err.decode("utf-8", "backslashreplace").strip()
        raise TransportFailed(f"{' '.join(argv)} ended with {done.status}: {said}")
