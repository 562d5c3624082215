# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading the state that systemd-networkd publishes for a link, and its settings with their drop-ins.

The ``.link`` files of systemd-udevd are in the same folders, and have the same format and drop-ins (systemd.link(5)).
"""

from __future__ import annotations

import os
from typing import Dict, Iterator, List, NamedTuple, Sequence, Tuple

from .errors import NotFound
from .files import list_folder, read_text

#: The folder with a file for each link, named by the interface's index. The file has lines of the form NAME=value.
_LINKS = "run/systemd/netif/links"
#: Where drop-ins may be, for a file in any of these folders (systemd.network(5)). A drop-in in an earlier folder hides
#: the drop-ins of the same name in later folders.
_FOLDERS = ("etc", "run", "usr/local/lib", "usr/lib")
#: How many characters of a file are read at most.
_SIZE_MAX = 65536

#: The values of each setting by its section and name, in the order in which networkd reads them. Sections and names are
#: case-sensitive, as they are for networkd.
Settings = Dict[Tuple[str, str], List[str]]


class FileSetting(NamedTuple):
    """One setting in a file.

    Attributes:
        file: the path of the file, which may be a drop-in.
        key: the section and the name.
        value: the value.
    """

    file: str
    key: Tuple[str, str]
    value: str


def read_link(ifindex: int, root: str = "/") -> Dict[str, str]:
    """Return the state that networkd publishes for a link: ``ADMIN_STATE``, ``NETWORK_FILE`` and others.

    Args:
        ifindex: the interface's index.
        root: the directory that stands for ``/``.

    Raises:
        NotFound: networkd does not run, or does not know the link.
        AccessDenied, TransportFailed: the file of the link can't be read.
    """
    text = read_text(os.path.join(root, _LINKS, str(ifindex)), _SIZE_MAX)
    return dict(line.partition("=")[::2] for line in text.splitlines() if not line.startswith("#"))


def read_settings(file: str, root: str = "/", *, without: Sequence[str] = ()) -> Settings:
    """Return the settings of one of networkd's files, followed by the settings of its drop-ins.

    Python's own parser keeps only the last of several settings of one name. For systemd all of them count.

    Args:
        file: the file's path.
        root: the directory that stands for ``/``.
        without: drop-ins of these names are left out.

    Raises:
        NotFound: the file does not exist.
        AccessDenied, TransportFailed: a file or a folder can't be read.
    """
    found: Settings = {}
    for entry in read_entries(file, root, without=without):
        found.setdefault(entry.key, []).append(entry.value)
    return found


def read_entries(file: str, root: str = "/", *, without: Sequence[str] = ()) -> Iterator[FileSetting]:
    """Yield the settings of one file, followed by those of its drop-ins, in the order in which systemd reads them.

    The arguments and errors are those of ``read_settings``.
    """
    drop_ins = (path for path in _drop_ins(root, os.path.basename(file)) if os.path.basename(path) not in without)
    for path in (os.path.join(root, file.lstrip("/")), *drop_ins):
        section = ""
        for line in map(str.strip, read_text(path, _SIZE_MAX).splitlines()):
            if line.startswith("["):
                section = line.strip("[]")
            elif line and line[0] not in "#;":
                name, _sign, value = line.partition("=")
                yield FileSetting(f"/{os.path.relpath(path, root)}", (section, name.strip()), value.strip())


def _drop_ins(root: str, name: str) -> List[str]:
    """Return the paths of the drop-ins of a file, in the order in which networkd reads them, which is by name.

    Raises:
        AccessDenied, TransportFailed: a folder of drop-ins can't be read.
    """
    found: Dict[str, str] = {}
    for folder in _FOLDERS:
        path = os.path.join(root, folder, "systemd/network", f"{name}.d")
        try:
            names = list_folder(path)
        except NotFound:
            continue
        for each in names:
            # A dangling symbolic link hides no drop-in of a later folder.
            if each.endswith(".conf") and os.path.exists(os.path.join(path, each)):
                found.setdefault(each, os.path.join(path, each))
    return [found[each] for each in sorted(found)]
