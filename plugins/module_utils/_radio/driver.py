# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the machine has for CSME: the kernel, its driver for CSME, and the generation of both."""

from __future__ import annotations

from typing import Optional

from .._system.reading import Reading
from . import sysfs
from .values import Iwlmei, Platform, Release

#: The driver that talks to CSME.
IWLMEI = "iwlmei"
#: The management engine's client for wireless (linux/drivers/net/wireless/intel/iwlwifi/mei/main.c).
_WIRELESS_CLIENT = "13280904-7792-4fcb-a1aa-5e70cbb1e865"
#: Op modes of iwlwifi, one a generation of radios. The first alone knows of CSME, so it goes before the other.
_OP_MODES = ("iwlmvm", "iwlmld")
#: IWL_MEI_STATUS_SAP_CONNECTED in iwlmei's debugfs file "status" (same source).
_SAP_CONNECTED = 1 << 0


def read_platform(reading: Reading, root: str = "/") -> Platform:
    """Return what this machine has for CSME; what could not be read goes to *reading*.

    Args:
        reading: takes what could not be read.
        root: the directory that stands for ``/``.
    """
    release = reading.attempt("kernel.release", lambda: sysfs.release(root))
    return Platform(
        release=release,
        iwlmei=_read_iwlmei(reading, release, root),
        op_mode=reading.attempt(
            "kernel.op_mode", lambda: next((name for name in _OP_MODES if sysfs.module_loaded(name, root)), None)
        ),
    )


def _read_iwlmei(reading: Reading, release: Optional[Release], root: str) -> Iwlmei:
    loaded = reading.attempt("kernel.iwlmei.loaded", lambda: sysfs.module_loaded(IWLMEI, root))
    available: Optional[bool] = loaded or None
    if not loaded and release is not None:
        name = release.text
        available = reading.attempt("kernel.iwlmei.available", lambda: sysfs.module_available(IWLMEI, name, root))
    driver = reading.attempt("kernel.iwlmei.bound", lambda: (sysfs.mei_client_driver(_WIRELESS_CLIENT, root),))
    bound = None if driver is None else driver[0] == IWLMEI
    sap_connected: Optional[bool] = None
    if bound:
        sap_connected = reading.attempt(
            "kernel.iwlmei.sap_connected",
            lambda: bool(sysfs.debugfs_number(f"{IWLMEI}/status", root) & _SAP_CONNECTED),
        )
    return Iwlmei(available, loaded, bound, sap_connected)


def generation(platform: Platform, offered: Optional[bool]) -> Optional[str]:
    """Return how host and CSME share a radio here.

    ``userspace_managed``: nobody asks CSME unless told to. ``driver_managed``: bringing the interface up asks by
    itself. ``unsupported``: the radio's op mode knows nothing of CSME. ``none``: the kernel does not. None: not known.

    Args:
        platform: see ``read_platform``.
        offered: whether a radio offers Intel's vendor commands, whatever its driver; None when that is not known.
    """
    if offered is None:
        offered = platform.iwlmei.loaded or None
    if offered:
        if platform.release is None:
            return None
        return "driver_managed" if platform.release.driver_managed else "userspace_managed"
    if platform.op_mode not in (None, _OP_MODES[0]):
        return "unsupported"
    if offered is False or platform.iwlmei.available is False:
        return "none"
    return None
