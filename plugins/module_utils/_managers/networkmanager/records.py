# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkManager's files below ``/run``, and the file that the collection writes there for NetworkManager.

Reading files needs neither D-Bus nor privilege, and can't block. *places* says where the files are.
"""

from __future__ import annotations

import os
import re
from typing import Optional

from ..._system.errors import NotFound
from ..._system.files import read_text
from ..._system.places import PLACES, Places

#: NetworkManager's folder of state (NMRUNDIR). NetworkManager makes it at its start, and it stays when it ends.
_NETWORKMANAGER_FOLDER = "run/NetworkManager"
#: NetworkManager's own record of a device, by ifindex (NM_CONFIG_DEVICE_STATE_DIR in its nm-config.h).
NETWORKMANAGER_DEVICES = f"{_NETWORKMANAGER_FOLDER}/devices"


def networkmanager_was_here(places: Places = PLACES) -> bool:
    """Say whether NetworkManager has run since the boot."""
    return os.path.isdir(places.at(_NETWORKMANAGER_FOLDER))


def networkmanager_manages(ifindex: int, places: Places = PLACES) -> Optional[bool]:
    """Return whether NetworkManager has recorded that it manages an interface, or that it does not.

    The answer is None when it has recorded neither. That is so for an interface that its configuration excludes, and
    for one that has been blocked since NetworkManager started (``nm_manager_write_device_state``). The record stays
    when NetworkManager ends.

    Raises:
        AccessDenied, TransportFailed: the record cannot be read.
    """
    try:
        record = read_text(places.at(NETWORKMANAGER_DEVICES, str(ifindex)))
    except NotFound:
        return None
    # The record is a keyfile of GLib. Only its first group, [device], has this key.
    match = re.search(r"^managed=(true|false)$", record, re.MULTILINE)
    return None if match is None else match.group(1) == "true"


def networkmanager_wait_file(interface: str, places: Places = PLACES) -> str:
    """Return the path of the file that makes NetworkManager leave an interface alone while it is held back.

    The file is a part of NetworkManager's configuration that does not outlive the boot.
    """
    return places.at(_NETWORKMANAGER_FOLDER, "conf.d", f"amt-wifi-watcher-{interface}.conf")


def networkmanager_waits(interface: str, places: Places = PLACES) -> bool:
    """Say whether an interface is held back that NetworkManager will manage later."""
    return os.path.exists(networkmanager_wait_file(interface, places))
