# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Telling the watcher's state, in a file that everybody may read.
``plugins/schemas/amt_wifi_watcher_state.schema.json`` describes the document."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import Any, Dict, Iterable, List, Optional, Protocol

from .._network.handover_record import HandoverRecord
from .._radio.values import Radio
from .._system.errors import TransportFailed
from .attachment import Attachment
from .state import STATE_PATH
from .view import View

#: Raised when a reader of the document has to change.
STATE_SCHEMA_VERSION = 1
#: The states of radios, what matters most first.
_ORDER: List[str] = ["handover", "retrying", "left", "held", "staying", "watching"]


class Guarded(Protocol):
    """One guarded radio, as far as its state is told."""

    radio: Radio
    attachment: Attachment
    view: View

    @property
    def state(self) -> str:
        """How it stands, in a word."""

    @property
    def reason(self) -> Optional[str]:
        """Why CSME keeps the radio, as a code; None when it does not."""

    @property
    def last(self) -> Optional[HandoverRecord]:
        """How its last handover went; None: there was none."""


def document(version: str, radios: Iterable[Guarded]) -> Dict[str, Any]:
    """Return the state of a watcher, which this process is.

    Args:
        version: the watcher's.
        radios: what it guards.
    """
    guarded = tuple(radios)
    states = [each.state for each in guarded]
    lasts = [each.last for each in guarded if each.last is not None]
    last = max(lasts, key=lambda last: last.at or "", default=None)
    return {
        "schema_version": STATE_SCHEMA_VERSION,
        "version": version,
        "pid": os.getpid(),
        "state": min(states, key=_ORDER.index) if states else "no_radio",
        "radios": [_radio(each) for each in guarded],
        "last_handover": None if last is None else last.as_dict(),
    }


def _radio(guarded: Guarded) -> Dict[str, Any]:
    wanted = guarded.view.wanted if guarded.reason is not None else None
    return {
        "phy": guarded.radio.phy,
        "interface": guarded.radio.interface,
        "state": guarded.state,
        "reason": guarded.reason,
        "supplicant": bool(guarded.attachment.sources),
        "manager": guarded.attachment.manager,
        "wanted": None
        if wanted is None
        else {
            "ssid": wanted.ssid.decode("utf-8", "backslashreplace"),
            "ssid_hex": wanted.ssid.hex(),
            "auth": wanted.auth,
        },
    }


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
