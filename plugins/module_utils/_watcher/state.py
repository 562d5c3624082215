# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading the state file and the unit of the watcher (``amt-wifi-watcher``)."""

from __future__ import annotations

import json
import os
from functools import partial
from typing import Any, Dict, FrozenSet, Iterable, List, Optional

from .._network.handover_record import HandoverRecord
from .._system.errors import DecodeFailed, NotFound
from .._system.files import read_text
from .._system.places import PLACES, Places
from .._system.printable import printable, quoted
from .._system.process import is_alive
from .._system.reading import Reading
from .._system.systemd import UNIT_FOLDERS
from .report import WatcherReport

UNIT = "amt-wifi-watcher.service"
#: The watcher writes this file. The folder is its RuntimeDirectory, which systemd removes when the watcher ends.
STATE_PATH = "/run/amt-wifi-watcher/state.json"
#: Characters. A state is much smaller than a kilobyte.
_STATE_MAX = 65536


def read_watcher(reading: Reading, places: Places = PLACES) -> WatcherReport:
    """Return what is known of the watcher.

    Args:
        reading: remembers that the state could not be read.
        places: where the files are.
    """
    installed = any(os.path.exists(places.at(folder, UNIT)) for folder in UNIT_FOLDERS)
    found = reading.attempt("watcher", partial(read_state, places))
    if found is None:
        return WatcherReport(installed, None)
    return report_of(found, installed=installed)


def report_of(document: Dict[str, Any], *, installed: bool = True) -> WatcherReport:
    """Return what a state says.

    Args:
        document: what ``read_state`` returned.
        installed: whether the watcher's unit is installed.
    """
    if not document:
        return WatcherReport(installed, running=False)
    lacks = _field(document, "lacks", str)
    radios = radios_of(document)
    return WatcherReport(
        installed=installed,
        # A watcher that waits for something does no handover, so nothing may be held back for it.
        running=lacks is None,
        version=_field(document, "version", str),
        state=_field(document, "state", str),
        last_handover=_last_handover(document.get("last_handover")),
        held=_held(radios),
        managers={str(radio.get("interface")): radio["manager"] for radio in radios if "manager" in radio},
        left=_left(radios),
        watched=frozenset(str(radio.get("interface")) for radio in radios) if "radios" in document else None,
        busy=_busy(radios),
        lacks=lacks,
    )


def read_state(places: Places = PLACES) -> Dict[str, Any]:
    """Return the document in the state file. It is empty if there is none, or if the watcher that wrote it has ended.

    All code that reports on the watcher uses this function, so that the reports agree.

    Args:
        places: where the files are.

    Raises:
        AccessDenied, TransportFailed: the file can't be read.
        DecodeFailed: the file is damaged.
    """
    path = places.at(STATE_PATH)
    try:
        # The folder is the watcher's user's, who must not make root read another file or wait for ever.
        text = read_text(path, _STATE_MAX, follow=False)
    except NotFound:
        return {}
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DecodeFailed("the watcher's state is not JSON", where=path, remedy=f"Restart {UNIT}") from error
    if not isinstance(document, dict):
        raise DecodeFailed("the watcher's state is not a mapping", where=path, remedy=f"Restart {UNIT}")
    pid = _field(document, "pid", int)
    return document if pid is not None and is_alive(pid, places.root) else {}


def radios_of(document: Dict[str, Any]) -> List[Dict[str, Any]]:
    """Return the radios in a state. Malformed entries are left out."""
    radios = document.get("radios")
    return [radio for radio in radios if isinstance(radio, dict)] if isinstance(radios, list) else []


def _held(radios: Iterable[Dict[str, Any]]) -> Dict[str, str]:
    found: Dict[str, str] = {}
    for radio in radios:
        if radio.get("state") == "held":
            wanted = radio.get("wanted")
            found[str(radio.get("interface"))] = network_of(wanted) if isinstance(wanted, dict) else "CSME's network"
    return found


def _left(radios: Iterable[Dict[str, Any]]) -> Dict[str, str]:
    from .._handover.policy import IDLE  # loaded only where it is needed

    found: Dict[str, str] = {}
    for radio in radios:
        if radio.get("state") in ("left", "retrying"):
            reason = radio.get("reason")
            if isinstance(reason, str) and reason != IDLE:  # with idle, the watcher was told to leave the radio
                found[str(radio.get("interface"))] = reason
    return found


def network_of(wanted: Dict[str, Any]) -> str:
    """Return the network in a state document (``wanted``) as text for people."""
    auth = printable(str(wanted.get("auth") or "unknown security").encode("utf-8", "replace"))
    try:
        # This is exact. The text in the document may be another version's, or have anything in it.
        return f"{quoted(bytes.fromhex(str(wanted.get('ssid_hex'))))} ({auth})"
    except ValueError:
        return f"a network whose name is not known ({auth})"


def _busy(radios: Iterable[Dict[str, Any]]) -> FrozenSet[str]:
    return frozenset(str(radio.get("interface")) for radio in radios if radio.get("state") in ("handover", "staying"))


def _last_handover(document: Any) -> Optional[HandoverRecord]:
    if not isinstance(document, dict):
        return None
    return HandoverRecord(
        outcome=_field(document, "outcome", str),
        at=_field(document, "at", str),
        request_to_connected_ms=_field(document, "request_to_connected_ms", int),
        request_to_address_ms=_field(document, "request_to_address_ms", int),
        session_kept=_field(document, "session_kept", bool),
    )


def _field(document: Dict[str, Any], name: str, kind: type) -> Any:
    """Return a value of the document, or None when it is missing or has another type.

    The watcher may be of another version than this code.
    """
    value = document.get(name)
    # For Python, a bool is an int, but here it is not a number.
    return value if isinstance(value, kind) and isinstance(value, bool) == (kind is bool) else None
