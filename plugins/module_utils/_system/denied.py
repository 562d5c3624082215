# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person can do when the kernel refuses to read, write or replace a file."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct
from contextlib import suppress
from typing import Optional

#: FS_IOC_GETFLAGS, and two of the flags that it returns (linux/include/uapi/linux/fs.h). _IOR('f', 1, long) is encoded
#: as in asm-generic/ioctl.h: 2 for reading in bits 30 and 31, the size from bit 16, and the letter from bit 8.
_GET_FLAGS = 2 << 30 | struct.calcsize("l") << 16 | ord("f") << 8 | 1
_IMMUTABLE, _APPEND_ONLY = 0x10, 0x20


def user() -> str:
    """Return who runs this, as the subject of a sentence."""
    return "root" if os.geteuid() == 0 else "this user"


def remedy_for(error: OSError, path: str, otherwise: str) -> str:
    """Return what a person can do about an error of the system. The text is empty when that is not known.

    Args:
        error: the error.
        path: the file or folder that was to be read, written or replaced.
        otherwise: the remedy when a user other than root lacks a right.
    """
    if error.errno in (errno.EACCES, errno.EPERM):
        return _for_root(path) if os.geteuid() == 0 else otherwise
    if error.errno == errno.EROFS:
        return (
            "The file system is read-only. Mount it writable (mount -o remount,rw). If it was writable before, the "
            "kernel's log says why it is not any more"
        )
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "Free space and inodes on this file system (df, df -i), or raise the quota"
    return ""


def _for_root(path: str) -> str:
    for each in (path, os.path.dirname(path)):
        flags = _flags(each)
        if flags is not None and flags & _IMMUTABLE:
            return f"The attribute i makes {each} immutable, also for root. Take it away (chattr -i {each})"
        if flags is not None and flags & _APPEND_ONLY:
            return f"With the attribute a, one can only append to {each}. Take it away (chattr -a {each})"
    return (
        "Root has no right to this either. Look for a security policy (SELinux, AppArmor), the kernel's lockdown, a "
        "container or service without the capability, or a network file system that does not trust root"
    )


def _flags(path: str) -> Optional[int]:
    """Return the attributes of a file or folder (lsattr(1)), or None when it has none or they can't be read."""
    with suppress(OSError):
        # Only files and folders have attributes. To a device, the same number may mean something else.
        if not stat.S_ISREG(mode := os.lstat(path).st_mode) and not stat.S_ISDIR(mode):
            return None
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            answer = fcntl.ioctl(descriptor, _GET_FLAGS, bytes(struct.calcsize("l")))
            # The kernel writes an int, although the request's number names a long.
            return int(struct.unpack_from("=I", answer)[0])
        finally:
            os.close(descriptor)
    return None
