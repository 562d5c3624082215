# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of the programs that run wireless interfaces are at work on this machine, and on which interface.

Read from procfs and ``/run``, which needs no D-Bus and no privilege, and waits for nobody. Every function takes
``root``, the directory that stands for ``/``.
"""

from __future__ import annotations

import os
import re
from typing import AbstractSet, FrozenSet, Optional

from .._system.errors import AccessDenied, FleetError, NotFound
from .._system.reading import list_folder, names_in, read_text

#: NetworkManager's folder of state, which it makes at its start and which outlives it (NMRUNDIR).
_NETWORKMANAGER_FOLDER = "run/NetworkManager"
#: NetworkManager's own record of a device, by ifindex (NM_CONFIG_DEVICE_STATE_DIR in its nm-config.h).
NETWORKMANAGER_DEVICES = f"{_NETWORKMANAGER_FOLDER}/devices"


def running(names: AbstractSet[str], root: str = "/") -> FrozenSet[str]:
    """Return those of the programs *names* that run, in this network namespace as far as that can be told.

    An interface belongs to one network namespace, and so does whoever runs it; only root may see another's process's.

    Args:
        names: as the kernel has them (``comm``), at most 15 characters.
        root: the directory that stands for ``/``.

    Raises:
        AccessDenied: procfs shows a user only the user's own processes (``hidepid``), so nobody knows.
        NotFound, TransportFailed: there is no procfs.
    """
    proc = os.path.join(root, "proc")
    processes = [name for name in list_folder(proc) if name.isdecimal()]
    try:
        read_text(os.path.join(proc, "1/comm"))  # there is always one, and it is never an ordinary user's
    except (AccessDenied, NotFound) as error:
        raise AccessDenied("the processes of others are hidden", where=proc, remedy="Run this as root") from error
    here = _network_namespace(os.path.join(proc, "self"))
    found = set()
    for process in processes:
        folder = os.path.join(proc, process)
        try:
            name = read_text(os.path.join(folder, "comm"))
        except FleetError:  # it ended meanwhile
            continue
        if name in names and _network_namespace(folder) in (here, None):
            found.add(name)
    return frozenset(found)


def _network_namespace(process: str) -> Optional[str]:
    """Return what names the network namespace of a process; None when it must not be known."""
    try:
        return os.readlink(os.path.join(process, "ns/net"))
    except OSError:
        return None


def networkmanager_was_here(root: str = "/") -> bool:
    """Say whether NetworkManager ran since the boot. Where it never did, nobody has to be asked about it."""
    return os.path.isdir(os.path.join(root, _NETWORKMANAGER_FOLDER))


def networkmanager_manages(ifindex: int, root: str = "/") -> Optional[bool]:
    """Return what a NetworkManager that runs has recorded of an interface: whether it manages it.

    None when it has recorded neither. It writes so for an interface that its configuration excludes, and for one that
    was blocked ever since NetworkManager began (``nm_manager_write_device_state``). The record outlives NetworkManager.

    Raises:
        AccessDenied, TransportFailed: the record cannot be read.
    """
    try:
        record = read_text(os.path.join(root, NETWORKMANAGER_DEVICES, str(ifindex)))
    except NotFound:
        return None
    # A keyfile of GLib; [device] is its first group, and no other has such a key.
    match = re.search(r"^managed=(true|false)$", record, re.MULTILINE)
    return None if match is None else match.group(1) == "true"


def networkmanager_wait_file(interface: str, root: str = "/") -> str:
    """Return the file that has NetworkManager leave an interface alone while the watcher holds its bring-up back.

    It is NetworkManager's configuration of this boot alone.
    """
    return os.path.join(root, _NETWORKMANAGER_FOLDER, "conf.d", f"amt-wifi-watcher-{interface}.conf")


def networkmanager_waits(interface: str, root: str = "/") -> bool:
    """Say whether NetworkManager leaves an interface alone now, and will run it once its bring-up may go on."""
    return os.path.exists(networkmanager_wait_file(interface, root))


def supplicant_is_enabled(interface: str, root: str = "/") -> bool:
    """Say whether systemd starts a wpa_supplicant for an interface at boot, by a service of that one's own."""
    service = f"wpa_supplicant@{instance(interface)}.service"
    for folder in ("etc/systemd/system", "run/systemd/system"):
        at = os.path.join(root, folder)
        for wanting in names_in(at):
            if wanting.endswith((".wants", ".requires")) and os.path.lexists(os.path.join(at, wanting, service)):
                return True
    return False


def instance(name: str) -> str:
    """Return a name as the instance of a unit of systemd's: ``wpa_supplicant@INSTANCE.service`` (systemd.unit(5))."""
    return "".join(c if re.match(r"[A-Za-z0-9:_.]", c) else "".join(f"\\x{b:02x}" for b in c.encode()) for c in name)
