# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the DHCP client of an interface, and, for the watcher, make it start again.

systemd-networkd and dhcpcd can be asked to start again. NetworkManager has a DHCP client of its own, which its wing
asks (``_managers/networkmanager``). Any other client is left alone.

A task runs as root, and uses the client's own program (``_system/dhcp_program.py``). The watcher does not run as root:
it writes the interface's name into a pipe of systemd's, and systemd starts a unit that asks the client (role
``watcher``).
"""

from __future__ import annotations

import os
from enum import Enum
from typing import Callable, Optional, Tuple

from . import networkd
from .errors import AccessDenied, FleetError, NotFound, TransportFailed
from .files import read_text
from .process import is_alive

#: The values of DHCP= (systemd.network(5), systemd.syntax(7), and older ones that networkd still accepts). networkd
#: ignores any other value, and also an empty one.
_NO_DHCP = frozenset({"no", "n", "false", "f", "off", "0", "none"})
_BY_IPV6_ALONE = frozenset({"ipv6", "v6"})
_DHCP = frozenset({"yes", "y", "true", "t", "on", "1", "ipv4", "both", "v4"}) | _BY_IPV6_ALONE
#: Where dhcpcd writes its process id. One dhcpcd serves all interfaces, or a single one (dhcpcd(8), FILES).
_DHCPCD_PIDS = ("run/dhcpcd/pid", "run/dhcpcd/{}.pid", "run/dhcpcd/{}-4.pid")
#: The pipes of the units that the role watcher installs. The last part is the client's name.
_PIPE = "run/amt-wifi-watcher-address-{}"


class Client(Enum):
    """A DHCP client that can be asked to start again."""

    NETWORKD = "networkd"
    DHCPCD = "dhcpcd"

    @property
    def loses_its_first_message(self) -> bool:
        """Whether the client sends its first message before the port is open, so that the message is lost.

        systemd-networkd starts as soon as the interface has a link. dhcpcd waits for a moment.
        """
        return self is Client.NETWORKD


def find_client(
    interface: str, ifindex: int, root: str = "/", alive: Optional[Callable[[int], bool]] = None
) -> Optional[Client]:
    """Return the DHCP client of an interface, or None when there is none that can be asked.

    Args:
        interface: the interface's name.
        ifindex: the interface's index.
        root: the directory that stands for ``/``.
        alive: a function that says whether the process with an id runs. When it is None, the kernel is asked.
    """
    if networkd_with_dhcp(ifindex, root) is not None:
        return Client.NETWORKD
    return Client.DHCPCD if dhcpcd_runs(interface, root, alive) else None


def networkd_with_dhcp(ifindex: int, root: str = "/") -> Optional[Tuple[str, Optional[networkd.Settings]]]:
    """Return the file with which systemd-networkd runs DHCP on a link, and its settings. Return None if it does not.

    The settings are None if they can't be read. Then networkd counts as one that runs DHCP.

    Args:
        ifindex: the interface's index.
        root: the directory that stands for ``/``.
    """
    found = networkd_file(ifindex, root)
    return None if found is None or (found[1] is not None and not turns_dhcp_on(found[1])) else found


def networkd_file(ifindex: int, root: str = "/") -> Optional[Tuple[str, Optional[networkd.Settings]]]:
    """Return the file with which systemd-networkd configures a link, and its settings, whether or not it runs DHCP.

    The result is None if networkd does not configure the link. The settings are None if they can't be read. The
    arguments are those of ``networkd_with_dhcp``.
    """
    try:
        said = networkd.read_link(ifindex, root)
    except FleetError:
        return None
    # A link that was configured before keeps that state while networkd waits for an address on a new connection.
    file = said.get("NETWORK_FILE")
    if not file or said.get("ADMIN_STATE") not in ("configuring", "configured"):
        return None
    try:
        return file, networkd.read_settings(file, root)
    except FleetError:
        return file, None


def dhcpcd_runs(interface: str, root: str = "/", alive: Optional[Callable[[int], bool]] = None) -> bool:
    """Say whether a dhcpcd serves an interface. The arguments are those of ``find_client``."""
    alive = alive or is_alive
    for path in _DHCPCD_PIDS:
        try:
            pid = read_text(os.path.join(root, path.format(interface)), 32).strip()
        except FleetError:
            continue
        if pid.isdigit() and alive(int(pid)):
            return True
    return False


def turns_dhcp_on(settings: networkd.Settings, *, ipv4: bool = False) -> bool:
    """Say whether the settings of one of systemd-networkd's files turn DHCP on.

    Args:
        settings: the settings.
        ipv4: whether only DHCP for IPv4 counts.
    """
    # When there are several settings, the last one that networkd understands counts.
    known = [value.lower() for value in settings.get(("Network", "DHCP"), ()) if value.lower() in _NO_DHCP | _DHCP]
    return bool(known) and known[-1] in (_DHCP - _BY_IPV6_ALONE if ipv4 else _DHCP)


def ask_through_pipe(client: Client, interface: str, root: str = "/") -> None:
    """Make a client start again, by writing into the pipe of the role's unit. This does not wait for the client.

    Args:
        client: the client.
        interface: the name of the interface that needs an address.
        root: the directory that stands for ``/``.

    Raises:
        NotFound: the unit is not installed.
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
            "the unit that asks for an address is not installed", where=path, remedy="Apply the role watcher again"
        ) from None
    except PermissionError:
        raise AccessDenied("this user may not start the unit that asks for an address", where=path) from None
    except OSError as error:
        number = error.errno or 0
        raise TransportFailed(f"writing to the pipe failed: {os.strerror(number)}", where=path, errno=number) from error
