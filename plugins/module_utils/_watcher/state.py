# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading the state file and the unit of the watcher (``amt-wifi-watcher``)."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, FrozenSet, Iterable, List, Optional, Tuple

from .._network.handover_record import HandoverRecord
from .._system.errors import DecodeFailed, NotFound
from .._system.files import read_text
from .._system.printable import printable, quoted
from .._system.reading import Reading
from .report import WatcherReport

UNIT = "amt-wifi-watcher.service"
#: The folders of systemd's units (systemd.unit(5)). The last one counts where /lib is not merged with /usr/lib.
_UNIT_FOLDERS = (
    "etc/systemd/system",
    "run/systemd/system",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
)
#: The watcher writes this file. The folder is its RuntimeDirectory, which systemd removes when the watcher ends.
STATE_PATH = "/run/amt-wifi-watcher/state.json"
#: Characters. A state is much smaller than a kilobyte.
_STATE_MAX = 65536


def read_watcher(reading: Reading, root: str = "/") -> WatcherReport:
    """Return what is known of the watcher.

    Args:
        reading: remembers that the state could not be read.
        root: the directory that stands for ``/``.
    """
    installed = any(os.path.exists(os.path.join(root, folder, UNIT)) for folder in _UNIT_FOLDERS)
    found = reading.attempt("watcher", lambda: _read_state(root))
    if found is None:
        return WatcherReport(installed, None)
    running, document = found
    return report_of(document, installed=installed, running=running)


def report_of(document: Dict[str, Any], *, installed: bool = True, running: Optional[bool] = True) -> WatcherReport:
    """Return what a state file says.

    Args:
        document: the document in the file.
        installed: whether the watcher's unit is installed.
        running: whether the watcher that wrote the file runs.
    """
    lacks = _field(document, "lacks", str)
    radios = _radios(document.get("radios"))
    return WatcherReport(
        installed=installed,
        # A watcher that waits for something does no handover, so nothing may be held back for it.
        running=running if lacks is None else False,
        version=_field(document, "version", str),
        state=_field(document, "state", str),
        last_handover=_last_handover(document.get("last_handover")),
        held=_held(radios),
        managers={str(radio.get("interface")): radio["manager"] for radio in radios if "manager" in radio},
        left=_left(radios),
        busy=_busy(radios) if running else frozenset(),
        lacks=lacks if running else None,
    )


def _read_state(root: str) -> Tuple[bool, Dict[str, Any]]:
    """Return whether the watcher that wrote the state file still runs, and the document in the file.

    The document is empty when there is no file.
    """
    path = os.path.join(root, STATE_PATH.lstrip("/"))
    try:
        # The folder is the watcher's user's, who must not make root read another file or wait for ever.
        text = read_text(path, _STATE_MAX, follow=False)
    except NotFound:
        return False, {}
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DecodeFailed("the watcher's state is not JSON", where=path, remedy=f"Restart {UNIT}") from error
    if not isinstance(document, dict):
        raise DecodeFailed("the watcher's state is not a mapping", where=path, remedy=f"Restart {UNIT}")
    pid = _field(document, "pid", int)
    return pid is not None and os.path.isdir(os.path.join(root, "proc", str(pid))), document


def _radios(document: Any) -> List[Dict[str, Any]]:
    """Return the radios in the state document, without what is none."""
    return [radio for radio in document if isinstance(radio, dict)] if isinstance(document, list) else []


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
