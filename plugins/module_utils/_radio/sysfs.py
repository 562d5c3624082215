# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts about the kernel and about network interfaces, read from procfs, sysfs and the folder of kernel modules.

Only ``debugfs_number`` needs privilege. Every function takes ``root``, the directory that stands for ``/``.
"""

from __future__ import annotations

import errno
import os
import re
from typing import Optional, Tuple

from .._system.errors import DecodeFailed, NotFound, TransportFailed
from .._system.files import list_folder, read_bytes, read_text
from .values import Release

_NO_SYSFS = "Mount sysfs. A container may lack it on purpose"
#: A device name that the kernel accepts (``dev_valid_name``): shorter than IFNAMSIZ, no slash, colon or white space.
_INTERFACE_NAME = re.compile(r"(?!\.{1,2}\Z)[^/:\s\0]{1,15}\Z")


def release(root: str = "/") -> Release:
    """Return the running kernel's release.

    Raises:
        DecodeFailed: the release does not begin with two numbers.
        NotFound, AccessDenied, TransportFailed: procfs cannot be read.
    """
    path = os.path.join(root, "proc/sys/kernel/osrelease")
    # The watcher's sandbox does not show the file (ProcSubset=pid, systemd.exec(5)). The kernel tells it anyway.
    text = os.uname().release if root == "/" else read_text(path)
    match = re.match(r"([0-9]+)\.([0-9]+)", text)
    if match is None:
        raise DecodeFailed(f"'{text}' is not a kernel release", where=path)
    return Release(text=text, version=(int(match.group(1)), int(match.group(2))))


def module_loaded(name: str, root: str = "/") -> bool:
    """Say whether a kernel module is loaded and live. A built-in one counts as loaded if it has parameters.

    In the name, ``-`` and ``_`` are the same.

    Raises:
        NotFound: there is no sysfs.
        AccessDenied, TransportFailed: sysfs cannot be read.
    """
    modules = os.path.join(root, "sys/module")
    directory = os.path.join(modules, name.replace("-", "_"))
    if not os.path.isdir(directory):
        if not os.path.isdir(modules):
            raise NotFound("sysfs does not show the kernel modules", where=modules, remedy=_NO_SYSFS)
        return False
    try:
        # A module that is just being loaded or unloaded serves no devices. Built-in code has no initstate.
        return read_text(os.path.join(directory, "initstate")) == "live"
    except NotFound:
        return os.path.isdir(directory)


def module_out_of_tree(name: str, root: str = "/") -> bool:
    """Say whether a kernel module is loaded that was not built together with the kernel (a backport, DKMS).

    Raises:
        AccessDenied, TransportFailed: sysfs cannot be read.
    """
    try:
        # TAINT_OOT_MODULE (linux/Documentation/ABI/testing/sysfs-module, "taint"). Built-in code has no such file.
        return "O" in read_text(os.path.join(root, "sys/module", name.replace("-", "_"), "taint"))
    except NotFound:
        return False


def module_types(name: str, root: str = "/") -> Optional[bytes]:
    """Return the type information (BTF) of a loaded kernel module, which has the names of its functions and arguments.

    It is None when there is none: before Linux 5.11, and for a module that was built without it
    (linux/Documentation/ABI/testing/sysfs-kernel-btf).

    Raises:
        AccessDenied, TransportFailed: it cannot be read.
    """
    path = os.path.join(root, "sys/kernel/btf", name.replace("-", "_"))
    try:
        return read_bytes(path)
    except NotFound:
        return None


def module_available(name: str, release: str, root: str = "/") -> bool:
    """Say whether there is a module of that name for the kernel *release*, as a file or built in.

    Raises:
        NotFound, AccessDenied, TransportFailed: as ``module_file``.
    """
    return module_file(name, release, root) is not None


def module_file(name: str, release: str, root: str = "/") -> Optional[str]:
    """Return the path of the module of that name in the folder of the kernel *release*, or None if there is none.

    This reads depmod's lists, as ``modprobe`` does. A file that is listed but does not exist any more does not count.
    What is built in has a path in these lists as well, and no file there.

    Raises:
        NotFound: there are no lists (a container, or a kernel without modules).
        AccessDenied, TransportFailed: the lists cannot be read.
    """
    folder = os.path.join(root, "lib/modules", release)
    built_in = os.path.join(folder, "modules.builtin")
    listed = _listed(name, built_in) if os.path.exists(built_in) else ()
    if listed:
        return listed[0]
    listed = _listed(name, os.path.join(folder, "modules.dep"))
    return next((path for path in listed if os.path.exists(os.path.join(folder, path))), None)


def _listed(name: str, path: str) -> Tuple[str, ...]:
    """Return the paths of the module files called *name* in one of depmod's lists.

    Each line has one file. In ``modules.dep``, a colon and the files that it needs come after it.
    """
    content = read_bytes(path)
    wanted = f"{name}.ko".encode()
    if wanted not in content:  # the list has thousands of lines, and splitting them takes time
        return ()
    files = (line.partition(b":")[0].strip() for line in content.split(b"\n"))
    # The name of a compressed file has one more ending: .gz, .xz or .zst.
    return tuple(os.fsdecode(file) for file in files if (os.path.basename(file) + b".").startswith(wanted + b"."))


def driver_of(ifname: str, root: str = "/") -> Optional[str]:
    """Return the name of an interface's driver (``iwlwifi``), or None for an interface without a device.

    Raises:
        NotFound: there is no such interface.
    """
    return _link(_interface(ifname, root), "device/driver")


def wireless_interfaces(root: str = "/") -> Tuple[str, ...]:
    """Return the names of all wireless interfaces, sorted.

    Raises:
        NotFound, AccessDenied, TransportFailed: sysfs cannot be read.
    """
    folder = os.path.join(root, "sys/class/net")
    return tuple(sorted(name for name in list_folder(folder) if os.path.exists(os.path.join(folder, name, "phy80211"))))


def index_of(ifname: str, root: str = "/") -> int:
    """Return an interface's index.

    Raises:
        NotFound: there is no such interface.
        DecodeFailed: sysfs does not have a number there.
        AccessDenied, TransportFailed: sysfs cannot be read.
    """
    return _number(os.path.join(_interface(ifname, root), "ifindex"))


def mei_client_driver(uuid: str, root: str = "/") -> Optional[str]:
    """Return the driver that is bound to a client of the management engine.

    It is None when there is no such client, or no driver is bound to it.

    Args:
        uuid: the UUID of the client, in lower case.
        root: the directory that stands for ``/``.

    Raises:
        NotFound: there is no sysfs.
        AccessDenied, TransportFailed: sysfs cannot be read.
    """
    buses = os.path.join(root, "sys/bus")
    if not os.path.isdir(buses):
        raise NotFound("sysfs does not show the devices", where=buses, remedy=_NO_SYSFS)
    folder = os.path.join(buses, "mei/devices")
    try:
        # They are called <controller>-<uuid> since Linux 5.5 (mei_cl_bus_set_name). iwlmei came later, with 5.17.
        names = [name for name in list_folder(folder) if name.endswith(f"-{uuid}")]
    except NotFound:  # the machine has no management engine, or the kernel does not support its bus
        return None
    drivers = (_link(os.path.join(folder, name), "driver") for name in sorted(names))
    return next((driver for driver in drivers if driver is not None), None)


def debugfs_number(name: str, root: str = "/") -> int:
    """Return the number in a file of debugfs, such as ``iwlmei/status``. This needs root.

    Raises:
        NotFound: there is no such file, or debugfs is not mounted.
        DecodeFailed: the file does not hold a number.
        AccessDenied, TransportFailed: the file cannot be read.
    """
    return _number(os.path.join(root, "sys/kernel/debug", name))


def phy_of(ifname: str, root: str = "/") -> Optional[str]:
    """Return the radio of an interface (``phy0``), or None for an interface that is not wireless.

    Raises:
        NotFound: there is no such interface.
    """
    return _link(_interface(ifname, root), "phy80211")


def mac_of(ifname: str, root: str = "/") -> str:
    """Return an interface's current MAC address, in lower case with colons.

    Raises:
        NotFound: there is no such interface.
        AccessDenied, TransportFailed: sysfs cannot be read.
    """
    return read_text(os.path.join(_interface(ifname, root), "address")).lower()


def permanent_mac_of(ifname: str, root: str = "/") -> str:
    """Return the permanent MAC address of the radio that an interface belongs to, in lower case with colons.

    Raises:
        NotFound: there is no such interface, or it is not wireless.
        AccessDenied, TransportFailed: sysfs cannot be read.
    """
    return read_text(os.path.join(_interface(ifname, root), "phy80211", "macaddress")).lower()


def carrier(ifname: str, root: str = "/") -> Optional[bool]:
    """Say whether an interface has a link. The answer is None while the interface is down: the kernel does not know.

    Raises:
        NotFound: there is no such interface.
        AccessDenied, TransportFailed: sysfs cannot be read.
    """
    try:
        return read_text(os.path.join(_interface(ifname, root), "carrier")) == "1"
    except TransportFailed as error:
        if error.errno == errno.EINVAL:  # the answer of carrier_show() for an interface that is down
            return None
        raise


def is_up(ifname: str, root: str = "/") -> bool:
    """Say whether an administrator or a supplicant has set an interface up. It need not have a link.

    Raises:
        NotFound: there is no such interface.
        DecodeFailed: sysfs does not have a number there.
        AccessDenied, TransportFailed: sysfs cannot be read.
    """
    path = os.path.join(_interface(ifname, root), "flags")
    text = read_text(path)
    try:
        return bool(int(text, 16) & 1)  # IFF_UP (linux/if.h)
    except ValueError as error:
        raise DecodeFailed(f"{text[:40]!a} is not a number", where=path) from error


def carrier_ups(ifname: str, root: str = "/") -> int:
    """Return how many times an interface has got a link since the driver created the interface.

    Raises:
        NotFound: there is no such interface.
        DecodeFailed: sysfs does not have a number there.
        AccessDenied, TransportFailed: sysfs cannot be read.
    """
    return _number(os.path.join(_interface(ifname, root), "carrier_up_count"))


def operstate(ifname: str, root: str = "/") -> str:
    """Return an interface's RFC 2863 state: ``up``, ``down``, ``dormant``, ``unknown``, ...

    Raises:
        NotFound: there is no such interface.
        AccessDenied, TransportFailed: sysfs cannot be read.
    """
    return read_text(os.path.join(_interface(ifname, root), "operstate"))


def _interface(ifname: str, root: str) -> str:
    """Return an interface's directory. An invalid name such as ``../x`` must not lead out of sysfs.

    Raises:
        NotFound: there is no such interface.
    """
    directory = os.path.join(root, "sys/class/net", ifname)
    if _INTERFACE_NAME.match(ifname) is None or not os.path.isdir(directory):
        raise NotFound(f"there is no network interface {ifname!r}", remedy="'ip link' lists the interfaces")
    return directory


def _link(directory: str, name: str) -> Optional[str]:
    """Return the last part of the path that a symbolic link leads to, or None when there is no such link."""
    path = os.path.join(directory, name)
    return os.path.basename(os.path.realpath(path)) if os.path.exists(path) else None


def _number(path: str) -> int:
    text = read_text(path)
    if re.fullmatch(r"[0-9]{1,20}", text) is None:
        raise DecodeFailed(f"{text[:40]!a} is not a number", where=path)
    return int(text)
