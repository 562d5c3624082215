# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which kernel boots next, as GRUB's own files tell it. No other boot loader is read, and nothing is guessed.

``/etc/default/grub`` only says what the menu should become. So this reads the menu that GRUB will read (``grub.cfg``),
the variables that it loads (``grubenv``), and the entries in Fedora's style (BLS, ``/boot/loader/entries``).
"""

from __future__ import annotations

import os
import re
from typing import Dict, List, Optional, Tuple

from .._system.errors import NotFound
from .._system.files import names_in, read_bytes, read_text

#: Where a menu can be. Fedora, Red Hat Enterprise Linux and SUSE have the second one.
_FOLDERS = ("boot/grub", "boot/grub2")
_BLS = "boot/loader/entries"
#: The boot loader's name, since a boot by systemd-boot or GRUB 2.12 (systemd's Boot Loader Interface).
_LOADER = "sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
_VALUE = r"'[^'\n]*'|\"[^\"\n]*\"|\S+"
_DEFAULT = re.compile(rf"^[ \t]*set default=({_VALUE})", re.MULTILINE)
#: The head of an entry or submenu: its title, and its id if it has one.
_HEAD = re.compile(rf"(?:menuentry|submenu)\s+({_VALUE})(?:.*?\s(?:--id|\$\{{?menuentry_id_option\}}?)\s+({_VALUE}))?")
_MENU_COMMAND = re.compile(r"(?:menuentry|submenu)\s")
_RELEASE = re.compile(r"/vmlinuz-([0-9][\w.+~-]*)\Z")
_IMAGE_COMMANDS = ("linux", "linux16", "linuxefi")


class _Entry:
    """An entry of the menu, or a submenu.

    Args:
        names: by which the default can name it.
        image: the path of its kernel.
    """

    def __init__(self, names: Tuple[str, ...], image: Optional[str] = None) -> None:
        self.names = names
        self.image = image
        self.entries: List[_Entry] = []


def next_kernel(root: str = "/") -> Optional[str]:
    """Return the release of the kernel that boots next, or None if GRUB's files do not tell it for certain.

    Args:
        root: the directory that stands for ``/``.

    Raises:
        AccessDenied, TransportFailed: a file cannot be read.
    """
    if not _grub_boots(root):
        return None
    for place in (os.path.join(root, folder) for folder in _FOLDERS):
        try:
            menu = read_text(os.path.join(place, "grub.cfg"))
        except NotFound:
            continue
        # The menu ends with that file, which may change the default.
        if os.path.exists(os.path.join(place, "custom.cfg")):
            return None
        default = _default(menu, _variables(os.path.join(place, "grubenv")))
        entries = None if default is None else _entries(menu, root)
        image = None if default is None or entries is None else _image(entries, default)
        named = _RELEASE.search(image or "")
        # Some distributions do not call an image by its release (Arch: vmlinuz-linux).
        return named.group(1) if named and os.path.isdir(os.path.join(root, "lib/modules", named.group(1))) else None
    return None


def order(release: str) -> List[List[Tuple[bool, int, str]]]:
    """Return a key that sorts releases as rpm does: by the numbers in them, and a number counts as newer than text."""
    return [
        [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in re.findall("[0-9]+|[a-z]+", piece)]
        for piece in release.lower().split("-")
    ]


def _grub_boots(root: str) -> bool:
    """Say whether GRUB may have booted this machine. A menu stays where another boot loader has replaced GRUB."""
    try:
        return read_bytes(os.path.join(root, _LOADER))[4:].decode("utf-16-le", "replace").startswith("GRUB")
    except NotFound:
        return True


def _variables(path: str) -> Dict[str, str]:
    """Return the variables of a ``grubenv``."""
    try:
        lines = read_text(path).splitlines()
    except NotFound:
        return {}
    pairs = (line.partition("=") for line in lines if not line.startswith("#"))
    return {name: value for name, _equals, value in pairs if value}


def _default(menu: str, variables: Dict[str, str]) -> Optional[str]:
    """Return which entry the menu boots: its number, its name, or a path of these with ``>`` between. Empty: the first.

    It is None when the menu decides that by more than what grub-mkconfig writes.
    """
    values = [value.strip("'\"") for value in _DEFAULT.findall(menu)]
    if "${next_entry}" in values:  # grub-reboot: for one boot
        values.remove("${next_entry}")
        if "next_entry" in variables:
            return variables["next_entry"]
    if "${boot_counter}" in menu:  # Fedora's 08_fallback_counting: the second entry, after boots that failed
        if "boot_counter" in variables:
            return None
        if "1" in values:
            values.remove("1")
    if len(values) > 1:
        return None
    value = values[0] if values else ""
    if value == "${saved_entry}":
        return variables.get("prev_saved_entry", variables.get("saved_entry", ""))
    return None if "$" in value else value


def _entries(menu: str, root: str) -> Optional[List[_Entry]]:
    """Return the entries of a menu. It is None when the menu is not written as grub-mkconfig writes it."""
    stack = [_Entry(())]
    for line in menu.splitlines():
        words = line.strip()
        if words.endswith("{") and not words.startswith("#"):
            head = _HEAD.match(words)
            block = _Entry(() if head is None else tuple(name.strip("'\"") for name in head.groups() if name))
            if _MENU_COMMAND.match(words):
                stack[-1].entries.append(block)
            stack.append(block)  # a function as well
        elif words == "}" and len(stack) > 1:
            stack.pop()
        elif words == "blscfg":
            found = _bls(root)
            if found is None:
                return None
            stack[-1].entries += found
        elif words == "}" or _MENU_COMMAND.match(words):
            return None
        elif words.startswith("linux"):
            command, *arguments = words.split()
            if command in _IMAGE_COMMANDS and arguments:
                stack[-1].image = arguments[0]
    return stack[0].entries if len(stack) == 1 else None


def _bls(root: str) -> Optional[List[_Entry]]:
    """Return the entries of Fedora's style, in GRUB's order: the newest first.

    GRUB sorts by the files' names, which begin with the machine's id. It is None when there are several of these.
    """
    folder = os.path.join(root, _BLS)
    names = [name[: -len(".conf")] for name in names_in(folder) if name.endswith(".conf")]
    if len({name.partition("-")[0] for name in names}) > 1 or any(mark in name for name in names for mark in "~^"):
        return None
    entries = []
    for name in sorted(names, key=lambda name: order(name.partition("-")[2]), reverse=True):
        lines = (line.split(None, 1) for line in read_text(os.path.join(folder, f"{name}.conf")).splitlines())
        values = {line[0]: line[1] for line in lines if len(line) == 2}
        entries.append(_Entry((name, values.get("title", "")), values.get("linux")))
    return entries


def _image(entries: List[_Entry], default: str) -> Optional[str]:
    """Return the path of the kernel that the default boots. A submenu boots its first entry."""
    while True:
        first, _greater, default = default.partition(">")
        if re.fullmatch("[0-9]{0,3}", first):
            chosen = entries[int(first or 0) :][:1]
        else:
            chosen = [entry for entry in entries if first in entry.names][:1]
        if not chosen:
            return None
        if not chosen[0].entries:
            return chosen[0].image
        entries = chosen[0].entries
