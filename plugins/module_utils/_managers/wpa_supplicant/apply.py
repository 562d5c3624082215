# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bringing declared networks into wpa_supplicant's file, and into the wpa_supplicant that runs.

The file is the record of the secrets, since the supplicant does not tell them. The supplicant has those of the file if
it started after the file's last change, or if the last change was made here and the supplicant got the same. A note
below ``/run`` says which file and which supplicant that was. It has no secret in it.

What may fail goes first, and all of it can be undone: the new file is written beside the old one, new networks are made
and left disabled, and what a build of the supplicant may refuse is tried on a network made for that. Then the file is
replaced, by a rename. Only then are the networks changed that exist. So a value that the supplicant refuses never gets
into the file, where it would keep the supplicant from starting. A disk that is full changes nothing that runs.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Dict, FrozenSet, Iterator, List, Optional, Sequence, Tuple

from ..._network.declared import ProfilesRequest
from ..._network.pin import Pin
from ..._network.report import Shown, by_name, networks
from ..._network.values import ssid_text
from ..._radio import sysfs
from ..._system.errors import FleetError, NotFound, SupplicantRefused
from ..._system.run_folder import FOLDER, note_name, read_journal, write_journal
from . import conf as _wpa_conf
from .conf import CONF_PATH, ConfFile
from .conf_networks import Entry, FilePlan, default_header, plan_file
from .control import CONTROL_DIRECTORIES, WpaCtrl, control_socket
from .networks import commit, discard, prepare, read_networks
from .networks_plan import Desired, Plan, plan, without_pin


@dataclass(frozen=True)
class Places:
    """Where things are; a test has its own."""

    #: The control sockets.
    sockets: Tuple[str, ...] = CONTROL_DIRECTORIES
    #: Locks and notes.
    folder: str = FOLDER
    #: What stands for ``/`` in sysfs.
    root: str = "/"


class _RunningNetworks:
    """The running supplicant of an interface; or the reason why there is none to talk to."""

    def __init__(self, request: ProfilesRequest, places: Places, trouble: Optional[FleetError]) -> None:
        self._request = request
        self._places = places
        self._trouble = trouble
        self._ctrl: Optional[WpaCtrl] = None
        self._socket = ""
        self._radio: Optional[str] = None
        self._built: Tuple[int, ...] = ()
        self._proof: Optional[FrozenSet[str]] = None
        self.plan = Plan()
        #: What the supplicant has is what is declared.
        self.applied = False
        #: It was asked to change what it has, and may have done a part of it even if ``applied`` is false.
        self.touched = False
        self.reason: Optional[str] = None
        self.warnings: List[str] = []

    def enter(self, stack: ExitStack) -> None:
        """Find the supplicant."""
        with self._reaching():
            if self._trouble is not None:
                raise self._trouble
            with suppress(NotFound):
                self._radio = sysfs.phy_of(self._request.interface, self._places.root)
            self._socket = control_socket(self._request.interface, self._places.sockets)
            self._ctrl = stack.enter_context(WpaCtrl(self._socket))

    def look(self, conf: ConfFile, entries: Sequence[Entry]) -> None:
        """Find out what is to be done."""
        ctrl = self._ctrl
        if ctrl is None:
            return
        with self._reaching():
            removable = None if self._request.declared.prune else frozenset(self._request.declared.absent)
            networks = read_networks(ctrl, {entry.ssid: entry.form for entry in entries}, removable)
            pin = self._pin()
            if pin is not None:
                networks = without_pin(networks, pin)
            self._proof = self._read_note(conf)
            desired = [_desired(entry, self._proof) for entry in entries]
            self.plan = plan(networks, desired, connected=ctrl.status().connected)
            self.applied = True

    def prepare(self, undo: ExitStack) -> None:
        """Do what the supplicant may refuse, and give *undo* what takes it back.

        Raises:
            SupplicantRefused: it does.
        """
        ctrl = self._ctrl
        if ctrl is not None and self.applied:
            with self._reaching(refusal_is_failure=True):
                self._built = prepare(ctrl, self.plan)
                undo.callback(discard, ctrl, self._built)

    def commit(self, identity: Optional[Tuple[int, int]], file: FilePlan) -> None:
        """Do the rest, and note that file and supplicant now agree.

        Args:
            identity: the file's.
            file: what it has.
        """
        if self._ctrl is not None and self.applied:
            self.touched = True
            with self._reaching():
                commit(self._ctrl, self.plan, self._built)
                for ssid in self.plan.unsure:
                    self.warnings.append(_UNSURE.format(ssid_text(ssid)))
                self._write_note(identity, file)

    @contextmanager
    def _reaching(self, *, refusal_is_failure: bool = False) -> Iterator[None]:
        """Take a supplicant that can't be reached, now or any more, for a reason and no failure."""
        try:
            yield
        except FleetError as error:
            if refusal_is_failure and isinstance(error, SupplicantRefused):
                raise
            self._ctrl = None
            self.applied = False
            self.reason = str(error)

    def _pin(self) -> Optional[Pin]:
        """Return the pin of a handover that is under way, or was killed: only check mode ever finds one."""
        if self._radio is None:
            return None
        with suppress(FleetError):
            entry = read_journal(self._radio, self._places.folder)
            return None if entry is None else Pin.from_dict(entry.get("pin"))
        return None

    # -- the note -------------------------------------------------------------------------------------------------

    def _read_note(self, conf: ConfFile) -> Optional[FrozenSet[str]]:
        """Return the SSIDs, in hex, of which it is not known what secrets the supplicant has; None: of none it is."""
        socket = self._identity()
        if conf.identity is None or socket is None:
            return None
        if conf.identity[1] < socket[1]:
            return frozenset()  # it read the file as it is
        with suppress(FleetError):
            entry = read_journal(self._name(), self._places.folder) or {}
            unsure = entry.get("unsure")
            same = entry.get("file") == list(conf.identity) and entry.get("socket") == list(socket)
            if same and isinstance(unsure, list):
                return frozenset(map(str, unsure))
        return None

    def _write_note(self, identity: Optional[Tuple[int, int]], file: FilePlan) -> None:
        """Note what is known now. Of a network that was not declared it is no more than before: nobody looked at it."""
        socket = self._identity()
        if identity is not None and socket is not None:
            others = {ssid.hex() for ssid in file.ssids} - {entry.ssid.hex() for entry in file.entries}
            unsure = (others if self._proof is None else others & self._proof) | {s.hex() for s in self.plan.unsure}
            entry = {"file": list(identity), "socket": list(socket), "unsure": sorted(unsure)}
            write_journal(self._name(), entry, self._places.folder)

    def _identity(self) -> Optional[Tuple[int, int]]:
        """Return which control socket this is, and when it was made: that is when the supplicant read its file."""
        try:
            status = os.stat(self._socket)
        except OSError:
            return None
        return status.st_ino, status.st_ctime_ns

    def _name(self) -> str:
        return note_name(self._request.interface)


_UNSURE = (
    "network '{}' carries the link, and the file has changed since wpa_supplicant read it: whether it has the declared "
    "secret can't be told, and to set it again would drop the link. Run the task again when the laptop is not "
    "connected there, or restart wpa_supplicant"
)


def _desired(entry: Entry, proof: Optional[FrozenSet[str]]) -> Desired:
    proven = entry.known and proof is not None and entry.ssid.hex() not in proof
    return Desired(entry.ssid, entry.form, entry.extras, proven, entry.stale, entry.rebuild)


def bring(
    request: ProfilesRequest, places: Places, check_mode: bool, trouble: Optional[FleetError] = None
) -> Dict[str, Any]:
    """Bring the file, and the supplicant that runs, to the declared state; return the module's result.

    Args:
        request: what is asked for.
        places: where things are.
        check_mode: find out what would happen, and change nothing.
        trouble: why the supplicant that runs must be left alone; None: it need not be.

    Raises:
        FleetError: the file can't be read or written. Nothing is changed then.
    """
    runtime = _RunningNetworks(request, places, trouble)
    with ExitStack() as stack:
        runtime.enter(stack)
        # Not before: what was read while a handover was waited for may be old.
        conf = _wpa_conf.read(request.path or CONF_PATH.format(interface=request.interface))
        file = plan_file(conf, request.declared, default_header())
        runtime.look(conf, file.entries)
        if not check_mode:
            runtime.commit(_replace(conf, file, runtime), file)
    return _result(request, conf, file, runtime)


def _replace(conf: ConfFile, file: FilePlan, runtime: _RunningNetworks) -> Optional[Tuple[int, int]]:
    """Prepare the runtime and replace the file, or leave both as they were; return the file's identity."""
    identity = conf.identity
    with ExitStack() as files, ExitStack() as undo:
        replace_file = None
        if file.changes and file.text is not None:
            replace_file = files.enter_context(_wpa_conf.staged(conf.path, file.text))
        runtime.prepare(undo)
        if replace_file is not None:
            identity = replace_file()
        undo.pop_all()
    return identity


def _result(request: ProfilesRequest, conf: ConfFile, file: FilePlan, runtime: _RunningNetworks) -> Dict[str, Any]:
    todo = runtime.plan if runtime.applied or runtime.touched else Plan()
    warnings = list(runtime.warnings)
    if runtime.reason is not None:
        about = "this is about the file alone; a running wpa_supplicant may have something else"
        warnings.append(f"{about}: {runtime.reason}")
    return {
        "changed": file.changes or todo.changes,
        "interface": request.interface,
        "file": {"changed": file.changes, "path": conf.path},
        "runtime": {"changed": todo.changes, "applied": runtime.applied, "reason": runtime.reason},
        "networks": networks(
            request.declared, {"file": (file.before, file.after), "runtime": (todo.before, todo.after)}
        ),
        "diff": {
            "before": {"file": _file_shown(conf.mode, file, file.before), "runtime": by_name(todo.before)},
            "after": {"file": _file_shown(_wpa_conf.MODE, file, file.after), "runtime": by_name(todo.after)},
        },
        "warnings": warnings,
    }


def _file_shown(mode: Optional[int], file: FilePlan, shown: Shown) -> Dict[str, Any]:
    """Return one side of the file's diff, with its permissions if it is there and is written."""
    document: Dict[str, Any] = {"networks": by_name(shown)}
    if file.changes and mode is not None:
        document["mode"] = f"{mode:04o}"
    return document
