# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether Secure Boot keeps modules out that nobody signed. The facts and the role ``driver`` both ask here."""

from __future__ import annotations

import os
from typing import Optional, Tuple

from .._system.errors import DecodeFailed, NotFound
from .._system.files import list_folder, read_bytes

_EFI = "sys/firmware/efi"
#: Says whether Secure Boot is on (UEFI Specification, "Globally Defined Variables").
_FIRMWARE = "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#: 1 where somebody has switched shim's validation off ("mokutil --disable-validation"). Then the kernel takes any
#: module (efi_get_secureboot, linux/drivers/firmware/efi/libstub/secureboot.c).
_SHIM = "MokSBStateRT-605dab50-e046-4300-abb6-3dd810dd8b23"
#: A file of efivarfs has four bytes of attributes, little-endian, and then the value: here one byte, 0 or 1.
_ATTRIBUTES = 4
#: The attribute of a variable that outlives a boot (EFI_VARIABLE_NON_VOLATILE). shim makes its own anew at each boot,
#: so the kernel does not believe one that has it.
_KEPT = 1


def is_on(root: str = "/") -> bool:
    """Say whether Secure Boot is on, and shim checks what it starts. A machine without UEFI does not have it.

    Args:
        root: the directory that stands for ``/``.

    Raises:
        NotFound, AccessDenied, TransportFailed: the firmware's variables can't be read.
        DecodeFailed: a variable is not what it has to be.
    """
    if not os.path.isdir(os.path.join(root, _EFI)):
        return False
    folder = os.path.join(root, _EFI, "efivars")
    firmware = _variable(os.path.join(folder, _FIRMWARE))
    if firmware is None and not _mounted(folder):
        remedy = "Mount them (mount -t efivarfs efivarfs /sys/firmware/efi/efivars)"
        raise NotFound("the firmware's variables are not mounted", where=folder, remedy=remedy)
    if firmware is None or not firmware[1]:  # a firmware that does not know Secure Boot, or has it off
        return False
    shim = _variable(os.path.join(folder, _SHIM))
    return shim is None or not shim[1] or bool(shim[0] & _KEPT)


def _mounted(folder: str) -> bool:
    try:
        return bool(list_folder(folder))
    except NotFound:
        return False


def _variable(path: str) -> Optional[Tuple[int, bool]]:
    """Return a variable's attributes and value, or None if there is no such variable."""
    try:
        data = read_bytes(path, _ATTRIBUTES + 2)
    except NotFound:
        return None
    if len(data) != _ATTRIBUTES + 1 or data[_ATTRIBUTES] > 1:
        raise DecodeFailed(f"'{data.hex()}' says nothing about Secure Boot", where=path)
    return int.from_bytes(data[:_ATTRIBUTES], "little"), data[_ATTRIBUTES] == 1
