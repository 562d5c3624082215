# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who runs DHCP on an interface, and how the watcher has it begin anew.

NetworkManager has a DHCP client of its own, which begins when the port is open, so there is nothing to ask. A client
that is none of these is left alone.

A task is root, and asks by the client's own program (``_system/dhcp_program.py``). The watcher is not: it writes the
interface's name into a pipe, and systemd starts the unit behind it, which asks (role ``watcher``).
"""

from __future__ import annotations

import os
from enum import Enum
from typing import Callable, Optional

from . import networkd
from .errors import AccessDenied, FleetError, NotFound, TransportFailed
from .files import read_text

#: The values of DHCP= (systemd.network(5), systemd.syntax(7), and the older ones that networkd still takes). It ignores
#: any other, an empty one among them.
_NO_DHCP = frozenset({"no", "n", "false", "f", "off", "0", "none"})
_DHCP = frozenset({"yes", "y", "true", "t", "on", "1", "ipv4", "ipv6", "both", "v4", "v6"})
#: Where dhcpcd keeps its process id: one for all interfaces, or for one (dhcpcd(8), FILES).
_DHCPCD_PIDS = ("run/dhcpcd/pid", "run/dhcpcd/{}.pid", "run/dhcpcd/{}-4.pid")
#: The pipes of the role's units.
_PIPE = "run/amt-wifi-watcher-address-{}"


class Client(Enum):
    """Who runs DHCP."""

    NETWORKD = "networkd"
    DHCPCD = "dhcpcd"

    @property
    def loses_its_first_message(self) -> bool:
        """Whether it begins at once, so that its first message comes before the port is open. dhcpcd does not."""
        return self is Client.NETWORKD


def find_client(
    interface: str, ifindex: int, root: str = "/", alive: Optional[Callable[[int], bool]] = None
) -> Optional[Client]:
    """Return who is about to get an address for an interface by DHCP; None: nobody who can be asked.

    Args:
        interface: its name.
        ifindex: its index.
        root: the directory that stands for ``/``.
        alive: says whether a process of an id runs; None: the kernel is asked.
    """
    alive = alive or _is_alive
    try:
        said = networkd.read_link(ifindex, root)
    except FleetError:
        said = {}
    # One that was configured stays so while it waits for an address on a connection that came again.
    file = said.get("NETWORK_FILE")
    if file and said.get("ADMIN_STATE") in ("configuring", "configured") and _networkd_runs_dhcp(root, file):
        return Client.NETWORKD
    for path in _DHCPCD_PIDS:
        try:
            pid = read_text(os.path.join(root, path.format(interface)), 32).strip()
        except FleetError:
            continue
        if pid.isdigit() and alive(int(pid)):
            return Client.DHCPCD
    return None


def _networkd_runs_dhcp(root: str, network_file: str) -> bool:
    """Say whether systemd-networkd runs DHCP on the links of one of its files. One that can't be read counts as yes."""
    try:
        chosen = networkd.read_settings(network_file, root).get(("Network", "DHCP"), [])
    except FleetError:
        return True
    # Of several the last counts that networkd understands.
    known = [value.lower() for value in chosen if value.lower() in _NO_DHCP | _DHCP]
    return bool(known) and known[-1] in _DHCP


def _is_alive(pid: int) -> bool:
    """Say whether there is such a process; it may be one that this user does not see in /proc."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def ask_through_pipe(client: Client, interface: str, root: str = "/") -> None:
    """Have a client begin anew, as whoever may write into the pipe of the role's unit. Does not wait for that.

    Raises:
        NotFound: there is no such unit.
        AccessDenied, TransportFailed: the pipe can't be written.
    """
    path = os.path.join(root, _PIPE.format(client.value))
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.write(descriptor, f"{interface}\n".encode())
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise NotFound(
            "there is no unit that asks for an address", where=path, remedy="Apply the role watcher again"
        ) from None
    except PermissionError:
        raise AccessDenied("the unit that asks for an address is not for this user", where=path) from None
    except OSError as error:
        number = error.errno or 0
        raise TransportFailed(f"writing this failed: {os.strerror(number)}", where=path, errno=number) from error
