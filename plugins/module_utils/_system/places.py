# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the files of a laptop are."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Places:
    """The files of a laptop. All of them are below one directory, so that a test gives one value: a tree of its own.

    Netlink and D-Bus always reach this machine itself.

    Attributes:
        root: the directory that stands for ``/``.
    """

    root: str = "/"

    def at(self, path: str, *names: str) -> str:
        """Return where a file is.

        Args:
            path: the file's path on a laptop, or that of a folder. It is absolute, or relative to ``/``.
            names: where the file is below that folder.
        """
        return os.path.join(self.root, path.lstrip("/"), *names)

    @property
    def run(self) -> str:
        """The folder of locks, journals, messages and the profile modules' notes (``run_folder.py``).

        Its owner is root or, where the watcher is installed, the watcher's user. Others can't read it, because a
        journal names networks.
        """
        return self.at("/run/vpro-fleet")

    @property
    def news(self) -> str:
        """The file whose times are set when networks may have changed (``run_folder.announce``)."""
        return f"{self.run}.news"

    @property
    def holds(self) -> str:
        """The folder of the notes about interfaces that are held back (``_watcher/bring_up_note.py``).

        It is the RuntimeDirectory of the service that holds them back. It belongs to root.
        """
        return self.at("/run/amt-wifi-watcher-hold")


#: The files of this machine.
PLACES = Places()
