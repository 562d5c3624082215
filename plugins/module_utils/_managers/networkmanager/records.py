# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What NetworkManager leaves below ``/run``, and what is left there for it.

It is read from files, which needs no D-Bus and no privilege, and waits for nobody. Every function takes ``root``, the
directory that stands for ``/``.
"""

from __future__ import annotations

import os
import re
from typing import Optional

from ..._system.errors import NotFound
from ..._system.files import read_text

#: NetworkManager's folder of state, which it makes at its start and which outlives it (NMRUNDIR).
_NETWORKMANAGER_FOLDER = "run/NetworkManager"
#: NetworkManager's own record of a device, by ifindex (NM_CONFIG_DEVICE_STATE_DIR in its nm-config.h).
NETWORKMANAGER_DEVICES = f"{_NETWORKMANAGER_FOLDER}/devices"


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
