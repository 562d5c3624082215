# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make a DHCP client start again with the client's own program, which needs root."""

from __future__ import annotations

from typing import Dict, Tuple

from . import program
from .dhcp import Client
from .errors import TransportFailed

#: Timeout of one program, in seconds. While the program runs, the handover does not read its events. On a laptop of
#: 1000 MIPS the program ends after 30 ms.
_SECONDS = 1.0
#: networkctl(1), dhcpcd(8). A renewal would do nothing while networkd has no lease yet. Without these options, dhcpcd
#: starts after a random pause, and then probes for five seconds whether another machine has the address. CSME does not
#: wait that long.
_COMMANDS: Dict[Client, Tuple[str, ...]] = {
    Client.NETWORKD: ("networkctl", "reconfigure"),
    Client.DHCPCD: ("dhcpcd", "--rebind", "--nodelay", "--noarp"),
}


def ask(client: Client, interface: str) -> None:
    """Make a client start again for an interface. This needs root.

    Raises:
        NotFound, TimedOut, TransportFailed: the program could not be run, or it failed.
    """
    argv = (*_COMMANDS[client], interface)
    done = program.run(argv, _SECONDS)
    if done.status:
        said = done.err.decode("utf-8", "backslashreplace").strip()
        raise TransportFailed(f"{' '.join(argv)} ended with {done.status}: {said}")
