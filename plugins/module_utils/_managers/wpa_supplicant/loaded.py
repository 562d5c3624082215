# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evidence that a running wpa_supplicant has the secrets of its file. The supplicant does not tell its secrets.

There are two kinds of evidence. Either this code made the file's last change and gave the supplicant the same: a note
below ``/run`` says that. Or the supplicant read the file at its start, and the file has not changed since. Without
evidence, the secrets count as unknown.

- A file is known by its inode number and ctime, and its content by a digest. A file system's ctime may be coarse.
- A supplicant is known by its process, which the kernel names (``SO_PASSCRED``), by the process's start in clock ticks
  since the boot, by the boot's name, and by the inode of its control socket. None of these changes with ``chown`` or
  with a step of the clock.
- Whether a supplicant started after a note was written is decided by the clock that counts from the boot. If there is
  no note from this boot, file times have to be compared with the start. The start is taken by the present wall clock,
  and by the mtime of the control socket, which shows the clock of that moment (``chown`` does not change an mtime). If
  the clock was set meanwhile, older file times can't be compared with the start. So one step of the clock, in either
  direction, makes the answer "unknown", and never a wrong yes.

The note is for root alone. With the salt in it, somebody could try out whether a guessed passphrase gives the digest.
"""

from __future__ import annotations

import hmac
import os
import stat
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Dict, FrozenSet, Iterable, List, Optional, Tuple

from ..._system.errors import FleetError
from ..._system.places import PLACES, Places
from ..._system.process import Started, arguments, boot_id, since_boot, started
from ..._system.run_folder import note_name, read_journal, write_journal
from .conf import ConfFile
from .control import WpaCtrl

#: ns. The kernel stamps files with a clock that ticks every 4 to 10 ms, and a process's start is known to 10 ms.
_TICKS = 50_000_000
#: How many parts of a path are followed. Linux follows 40 symbolic links (MAXSYMLINKS).
_MOST_STEPS = 200
#: Bytes of salt, as many as the digest has.
_SALT = 32
#: The options of wpa_supplicant that name a configuration file (wpa_supplicant(8)).
_FILE_OPTIONS = ("-c", "-I")


@dataclass(frozen=True)
class RunningSupplicant:
    """A running wpa_supplicant."""

    pid: int
    started: Started
    #: The inode of its control socket, and when that was made (mtime in ns).
    socket: int
    socket_made: int
    #: Its command line.
    arguments: Tuple[str, ...]

    @property
    def identity(self) -> List[int]:
        """The numbers that tell it from every other supplicant of this boot."""
        return [self.pid, self.started.ticks, self.socket]

    def names_of(self, path: str) -> Tuple[str, ...]:
        """Return the names of a file on its command line. It reads these files at its start."""
        words = self.arguments
        named = [word[2:] for word in words if word.startswith(_FILE_OPTIONS)]
        named += [word for option, word in zip(words, words[1:]) if option in _FILE_OPTIONS]
        return tuple(name for name in named if name.startswith("/") and os.path.realpath(name) == path)

    def was_started_after(self, changed: int) -> bool:
        """Say whether it certainly started after a file's ctime, in ns. If the clock was set meanwhile, that is no."""
        return changed + _TICKS < min(self.started.realtime, self.socket_made)


def supplicant_of(ctrl: WpaCtrl, places: Places = PLACES) -> Optional[RunningSupplicant]:
    """Return the supplicant at the other end of a connection, or None if the kernel does not tell enough about it.

    Args:
        ctrl: the connection.
        places: where the files are.

    Raises:
        NotFound, TimedOut, TransportFailed: the supplicant did not answer.
    """
    pid = ctrl.pid()
    try:
        status = os.stat(ctrl.path)
        return RunningSupplicant(
            pid, started(pid, places.root), status.st_ino, status.st_mtime_ns, arguments(pid, places.root)
        )
    except (FleetError, OSError):
        return None


class Loaded:
    """What is known of the secrets that the supplicant of one interface has.

    Args:
        interface: the interface's name.
        places: where the files are.
    """

    def __init__(self, interface: str, places: Places = PLACES) -> None:
        self._name = note_name(interface)
        self._places = places

    def unsure(self, conf: ConfFile, supplicant: Optional[RunningSupplicant]) -> Optional[FrozenSet[str]]:
        """Return the SSIDs, in hex, of the networks for which it is not known which secrets the supplicant has.

        None means that it is not known for any network.

        Args:
            conf: the file as it is.
            supplicant: the running supplicant, or None if it is not known.
        """
        if conf.identity is None or conf.text is None or supplicant is None:
            return None
        note = self._note(conf, supplicant.started.boot)
        if note.get("supplicant") == supplicant.identity:
            return frozenset(map(str, note["unsure"]))
        names = supplicant.names_of(conf.path)
        # A link on the way may have been turned since, so that the supplicant read another file.
        if not names or not all(supplicant.was_started_after(_turned(name)) for name in names):
            return None
        seen = note.get("seen")
        if isinstance(seen, int) and seen < supplicant.started.since_boot:
            return frozenset()
        return frozenset() if supplicant.was_started_after(conf.identity[1]) else None

    def _note(self, conf: ConfFile, boot: str) -> Dict[str, Any]:
        """Return the note if it is about this file, this content and this boot. Otherwise, return an empty one."""
        with suppress(FleetError, ValueError, TypeError):
            note = read_journal(self._name, self._places, private=True) or {}
            same = note.get("boot") == boot and note.get("file") == list(conf.identity or ())
            digest = _digest(bytes.fromhex(note["salt"]), conf.text or "") if same and "salt" in note else ""
            if digest and hmac.compare_digest(digest, str(note.get("digest"))) and isinstance(note.get("unsure"), list):
                return note
        return {}

    def write(
        self, identity: Tuple[int, int], text: str, supplicant: Optional[RunningSupplicant], unsure: Iterable[str]
    ) -> None:
        """Write the note that the file is as it is now, and that the supplicant has the secrets of the file.

        Args:
            identity: the file's identity, as in ``ConfFile``.
            text: the file's text.
            supplicant: the supplicant that has the secrets, or None if there is none.
            unsure: the SSIDs, in hex, of the networks for which that is not known.

        Raises:
            FleetError: the note can't be written.
        """
        salt = os.urandom(_SALT)
        entry = {
            "boot": boot_id(self._places.root),
            "file": list(identity),
            "salt": salt.hex(),
            "digest": _digest(salt, text),
            "seen": since_boot(),
            "supplicant": None if supplicant is None else supplicant.identity,
            "unsure": sorted(unsure),
        }
        write_journal(self._name, entry, self._places, private=True)


def _turned(name: str) -> int:
    """Return the ctime in ns of the symbolic link on the way to a file that changed last. It is 0 without any link."""
    latest, here = 0, "/"
    parts = [part for part in name.split("/") if part]
    for _step in range(_MOST_STEPS):
        if not parts:
            return latest
        here = os.path.normpath(os.path.join(here, parts.pop(0)))
        try:
            status = os.lstat(here)
            target = os.readlink(here) if stat.S_ISLNK(status.st_mode) else ""
        except OSError:
            break
        if target:
            latest = max(latest, status.st_ctime_ns)
            here = "/" if target.startswith("/") else os.path.dirname(here)
            parts = [part for part in target.split("/") if part] + parts
    return sys.maxsize  # it can't be followed, so it is as if it had changed just now


def _digest(salt: bytes, text: str) -> str:
    return hmac.new(salt, text.encode("utf-8", "surrogateescape"), "sha256").hexdigest()
