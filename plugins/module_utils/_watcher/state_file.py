# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writing the watcher's state to a file that everybody may read.

``plugins/schemas/amt_wifi_watcher_state.schema.json`` describes the document.
"""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Iterable, List, Optional, Protocol

from .._network.handover_record import HandoverRecord
from .._radio.connection import ssid_facts
from .._radio.values import Radio
from .._system.denied import remedy_for
from .._system.errors import TransportFailed
from .._system.replacing import replacing
from .attachment import Attachment
from .state import STATE_PATH
from .view import View

#: The version of the document. A change that readers have to follow raises it.
STATE_SCHEMA_VERSION = 1
#: The states of radios, the most important first.
_ORDER: List[str] = ["handover", "retrying", "left", "held", "staying", "watching"]


class Guarded(Protocol):
    """The values of a guarded radio that go into the state file."""

    radio: Radio
    attachment: Attachment
    view: View

    @property
    def state(self) -> str:
        """The radio's state, as one word."""

    @property
    def reason(self) -> Optional[str]:
        """The code that says why CSME keeps the radio, or why nobody can use it. It is None when neither is so."""

    @property
    def last(self) -> Optional[HandoverRecord]:
        """The record of the radio's last handover, or None when there was none."""


def document(version: str, radios: Iterable[Guarded], *, lacks: Optional[str] = None) -> Dict[str, Any]:
    """Return the state of the watcher that runs in this process, as a document of JSON types.

    Args:
        version: the version of the watcher.
        radios: the radios that it guards.
        lacks: what the machine lacks, as a text for people. None means that the watcher can work.
    """
    guarded = tuple(radios)
    states = [each.state for each in guarded]
    lasts = [each.last for each in guarded if each.last is not None]
    last = max(lasts, key=lambda last: last.at or "", default=None)
    return {
        "schema_version": STATE_SCHEMA_VERSION,
        "version": version,
        "pid": os.getpid(),
        "state": "lacking" if lacks is not None else min(states, key=_ORDER.index, default="no_radio"),
        "lacks": lacks,
        "radios": [_radio(each) for each in guarded],
        "last_handover": None if last is None else last.as_dict(),
    }


def _radio(guarded: Guarded) -> Dict[str, Any]:
    wanted = guarded.view.wanted if guarded.state in ("left", "retrying", "held") else None
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
            **ssid_facts(wanted.ssid),
            "auth": wanted.auth,
        },
    }


def write_state(document: Dict[str, Any], path: str = STATE_PATH) -> None:
    """Write the state atomically: a reader finds the old state or the new one. Everybody may read it.

    Raises:
        TransportFailed: the file could not be written.
    """
    try:
        with replacing(path, 0o644) as descriptor, open(descriptor, "w", encoding="ascii", closefd=False) as handle:
            json.dump(document, handle)
    except OSError as error:
        remedy = remedy_for(error, path, "Apply the role vpro.fleet.watcher again")
        what = f"the file can't be written: {error.strerror}"
        raise TransportFailed(what, where=path, remedy=remedy, errno=error.errno or 0) from error
