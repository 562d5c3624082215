# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writing the watcher's state. ``plugins/schemas/amt_wifi_watcher_state.schema.json`` describes the document."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import Any, Dict

from .._system.errors import TransportFailed

#: Raised when a reader of the document has to change.
STATE_SCHEMA_VERSION = 1
#: Below the service's RuntimeDirectory, which systemd makes.
STATE_PATH = "/run/amt-wifi-watcher/state.json"


def write_state(document: Dict[str, Any], path: str = STATE_PATH) -> None:
    """Write the state so that a reader finds the old one or the new one, never half of one. Everybody may read it.

    Raises:
        TransportFailed: it could not be written.
    """
    partial = f"{path}.new"
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        with os.fdopen(descriptor, "w", encoding="ascii") as handle:
            os.fchmod(descriptor, 0o644)  # whatever the service's umask
            json.dump(document, handle)
        os.rename(partial, path)
    except OSError as error:
        with suppress(OSError):
            os.unlink(partial)
        raise TransportFailed(f"can't write: {error.strerror}", where=path, errno=error.errno or 0) from error
