# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folders that the watcher uses below ``/run``."""

from __future__ import annotations

from typing import NamedTuple

from .._system.run_folder import FOLDER
from . import bring_up_note


class Places(NamedTuple):
    """The folders of a guarded radio.

    Attributes:
        run: the folder of its lock and its journal.
        notes: the folder of the notes about interfaces that are held back.
    """

    run: str = FOLDER
    notes: str = bring_up_note.FOLDER


#: The usual folders.
PLACES = Places()
