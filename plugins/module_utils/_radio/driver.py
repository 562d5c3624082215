# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine's support for CSME: the kernel, its driver for CSME, and how host and CSME share a radio."""

from __future__ import annotations

import os
from typing import Optional, Tuple

from .._system.reading import Reading
from . import sysfs
from .values import DRIVER_MANAGED, FIRST_KERNEL, Iwlmei, Platform, Release

#: The driver that talks to CSME.
IWLMEI = "iwlmei"
#: The management engine's client for wireless (linux/drivers/net/wireless/intel/iwlwifi/mei/main.c).
_WIRELESS_CLIENT = "13280904-7792-4fcb-a1aa-5e70cbb1e865"
#: The op modes of iwlwifi. Each one drives another generation of radios. Only the first one knows CSME, so it is looked
#: for first.
_OP_MODES = ("iwlmvm", "iwlmld")
#: The op mode's function that blocks the radio for iwlmei (mvm/ops.c in that folder). An op mode that was built without
#: iwlmei may lack it.
_BLOCKS = b"\0iwl_mvm_mei_rfkill\0"
#: An argument of that function since Linux 6.4. By it, the driver blocks the radio only when CSME takes it.
_TAKING = b"\0csme_taking_ownership\0"
#: IWL_MEI_STATUS_SAP_CONNECTED in iwlmei's debugfs file "status" (same source).
_SAP_CONNECTED = 1 << 0


def read_platform(reading: Reading, root: str = "/") -> Platform:
    """Return the machine's kernel and drivers as far as CSME needs them.

    Args:
        reading: remembers each value that could not be read. That value is None in the result.
        root: the directory that stands for ``/``.
    """
    release = reading.attempt("kernel.release", lambda: sysfs.release(root))
    out_of_tree, shown = reading.attempt("kernel.generation", lambda: _seen(root)) or (None, None)
    return Platform(
        release=release,
        iwlmei=_read_iwlmei(reading, release, root),
        op_mode=reading.attempt(
            "kernel.op_mode", lambda: next((name for name in _OP_MODES if sysfs.module_loaded(name, root)), None)
        ),
        out_of_tree=out_of_tree is True,
        asks=_asks(release, out_of_tree, shown),
    )


def binding(root: str = "/") -> Optional[int]:
    """Return a number that changes each time iwlmei is bound to the management engine's client for wireless.

    It is the inode of the binding in sysfs. kernfs counts these numbers up. It is None when iwlmei is not bound, or
    sysfs does not show that.

    Args:
        root: the directory that stands for ``/``.
    """
    folder = os.path.join(root, "sys/bus/mei/drivers", IWLMEI)
    try:
        names = [name for name in os.listdir(folder) if name.endswith(f"-{_WIRELESS_CLIENT}")]
        return os.lstat(os.path.join(folder, names[0])).st_ino if names else None
    except OSError:
        return None


def asks_by_itself(root: str = "/") -> Optional[bool]:
    """Say whether the driver asks CSME for the radio by itself when the interface is brought up.

    Return None if this can't be determined. Treat None as yes: that is safe. Then an interface that is down
    does not count as the host's, and its bring-up waits for a profile that fits.

    Args:
        root: the directory that stands for ``/``.
    """
    reading = Reading()
    out_of_tree, shown = reading.attempt("driver", lambda: _seen(root)) or (None, None)
    return _asks(reading.attempt("release", lambda: sysfs.release(root)), out_of_tree, shown)


def _seen(root: str) -> Tuple[bool, Optional[bool]]:
    """Return whether the loaded driver was not built together with the kernel, and whether it shows that it asks.

    The latter is None when the driver shows nothing. Where it shows something, the kernel's version does not matter.
    """
    types = sysfs.module_types(_OP_MODES[0], root)
    shown = None if types is None or _BLOCKS not in types else _TAKING in types
    return sysfs.module_out_of_tree(_OP_MODES[0], root), shown


def _asks(release: Optional[Release], out_of_tree: Optional[bool], shown: Optional[bool]) -> Optional[bool]:
    """Say whether the driver asks by itself.

    A driver may be newer than its kernel's version says, but not older: a driver is not built for later kernels than
    those that it was written for. So a kernel of the newer generation proves that the driver asks. A kernel of the
    older one proves the opposite only if the driver came with the kernel, and the kernel is not a vendor's with newer
    drivers. A kernel that is older than iwlmei proves nothing: a driver that knows CSME is newer than such a kernel.

    Args:
        release: the kernel's release, or None when it is not known.
        out_of_tree: whether the driver was not built together with the kernel. None means that it is not known.
        shown: what the driver itself shows.
    """
    if shown is not None or release is None:
        return shown
    if release.version >= DRIVER_MANAGED:
        return True
    if release.version < FIRST_KERNEL or release.backported or out_of_tree is not False:
        return None
    return False


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
    """Return how host and CSME share a radio on this machine.

    Args:
        platform: see ``read_platform``.
        offered: whether any radio offers Intel's vendor commands. It is None when that is not known.

    Returns:
        ``userspace_managed``: CSME is asked for the radio only when a program requests it.
        ``driver_managed``: the driver asks CSME by itself when the interface is brought up.
        ``unsupported``: the radio's op mode does not support CSME.
        ``none``: the kernel does not support CSME.
        None: it is not known which of these it is.
    """
    if offered is None:
        offered = platform.iwlmei.loaded or None
    if offered:
        if platform.asks is None:
            return None
        return "driver_managed" if platform.asks else "userspace_managed"
    if platform.op_mode not in (None, _OP_MODES[0]):
        return "unsupported"
    if offered is False or platform.iwlmei.available is False:
        return "none"
    return None
