# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bringing a laptop's wireless networks to the declared state: in wpa_supplicant's file, and in what runs.

Where NetworkManager runs the interface, ``_managers/networkmanager/apply.py`` does the work; what follows is about
wpa_supplicant.

The file is the record of the secrets, since the supplicant does not tell them: it has those that the file had, if it
started after the file's last change, or if the last change was made here and the supplicant got the same (a note below
``/run`` says which file and which supplicant that was; it has no secret in it).

What may fail goes first, and all of it can be undone: the new file is written beside the old one, new networks are made
and left disabled, and what a build of the supplicant may refuse is tried on a network made for that. Then the file is
replaced, by a rename, and only then are the networks changed that exist. So a value that the supplicant refuses never
gets into the file, where it would keep the supplicant from starting, and a disk that is full changes nothing that runs.
"""

from __future__ import annotations

import os
import re
import traceback
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Callable, Dict, FrozenSet, Iterator, List, Optional, Sequence, Tuple

from .._handover.effects import undo_journal
from .._managers import services
from .._managers.choice import AUTO, choose
from .._managers.networkmanager.settings import unfit
from .._managers.who import NETWORKMANAGER
from .._managers.wpa_supplicant import conf as _wpa_conf
from .._managers.wpa_supplicant.backend import CONTROL_DIRECTORIES, Pin, WpaSupplicant, control_socket
from .._managers.wpa_supplicant.conf import CONF_PATH, ConfFile
from .._managers.wpa_supplicant.conf_networks import Entry, FilePlan, default_header, plan_file
from .._managers.wpa_supplicant.control import WpaCtrl
from .._managers.wpa_supplicant.networks import (
    Desired,
    Plan,
    commit,
    discard,
    plan,
    prepare,
    read_networks,
    without_pin,
)
from .._network.parsing import Declaration, InvalidProfiles, Problem, ssid_text
from .._network.report import Shown, by_name, networks
from .._radio import sysfs
from .._system.detached import run_detached
from .._system.errors import FleetError, NotFound, Refused, SupplicantRefused, TimedOut, TransportFailed
from .._system.run_folder import FOLDER, lock, note_name, read_journal, write_journal

#: What the kernel takes for a device name (``dev_valid_name``): below IFNAMSIZ, no slash, colon or white space.
_INTERFACE = re.compile(r"(?!\.{1,2}\Z)[^/:\s\0]{1,15}\Z")
#: Seconds to wait for a handover on the radio to end: longer than one takes.
_RADIO_WAIT = 45.0
#: Seconds to wait for another task that changes networks on this laptop.
_OTHERS_WAIT = 120.0
#: Seconds for all of it, with the time that a slow machine needs for a hundred networks.
_ALL = _RADIO_WAIT + _OTHERS_WAIT + 120.0


@dataclass(frozen=True)
class Places:
    """Where things are; a test has its own."""

    #: The control sockets.
    sockets: Tuple[str, ...] = CONTROL_DIRECTORIES
    #: Locks and notes.
    folder: str = FOLDER
    #: What stands for ``/`` in sysfs.
    root: str = "/"


@dataclass(frozen=True)
class Request:
    """What a task asks for: networks, on an interface."""

    interface: str
    #: The configuration file; None: the usual one.
    path: Optional[str]
    declared: Declaration
    #: Whom the networks are configured with, as ``_backend_choice`` knows them.
    backend: str = AUTO


def request_for(interface: str, path: Optional[str], declared: Declaration, backend: str = AUTO) -> Request:
    """Return a request whose interface and path are fit for use.

    Raises:
        InvalidProfiles: one of them is not.
    """
    problems = []
    if _INTERFACE.match(interface) is None:
        problems.append(Problem("", "interface", f"{interface!r} is no name of a network interface"))
    if path is not None and (not path.startswith("/") or path.endswith("/") or "\0" in path):
        problems.append(Problem("", "path", f"{path!r} is no absolute path of a file"))
    if problems:
        raise InvalidProfiles(problems)
    return Request(interface, path, declared, backend)


def check_file(path: str) -> Optional[str]:
    """Say what is wrong with a certificate or key file on this laptop; None if nothing is."""
    try:
        with open(path, "rb") as handle:
            return None if handle.read(1) else f"the file {path} is empty"
    except FileNotFoundError:
        return f"there is no file {path} on the laptop"
    except IsADirectoryError:
        return f"{path} is a directory"
    except OSError as error:
        return f"the file {path} can't be read: {os.strerror(error.errno or 0)}"


# --- the runtime ----------------------------------------------------------------------------------------------------


class _Runtime:
    """The running supplicant of an interface; or the reason why there is none to talk to."""

    def __init__(self, request: Request, places: Places) -> None:
        self._request = request
        self._places = places
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

    def enter(self, stack: ExitStack, *, check_mode: bool) -> None:
        """Find the supplicant, wait for handovers to end and undo what a killed one left."""
        with self._reaching():
            with suppress(NotFound):
                self._radio = sysfs.phy_of(self._request.interface, self._places.root)
                self._refuse_networkmanager()
            self._socket = control_socket(self._request.interface, self._places.sockets)
            if not check_mode and self._radio is not None:
                stack.enter_context(lock(self._radio, _RADIO_WAIT, self._places.folder))
                supplicant = WpaSupplicant(self._request.interface, self._socket)
                if undo_journal(self._radio, supplicant, self._places.folder):
                    self.warnings.append(f"a pin that a handover left on {self._request.interface} was undone")
            self._ctrl = stack.enter_context(WpaCtrl(self._socket))

    def _refuse_networkmanager(self) -> None:
        """Leave alone a supplicant that NetworkManager runs: it would undo any change, and reads no file of its."""
        root = self._places.root
        # The record outlives NetworkManager.
        if services.running({"NetworkManager"}, root):
            index = sysfs.index_of(self._request.interface, root)
            if services.networkmanager_manages(index, root):
                raise Refused(
                    "networkmanager",
                    f"NetworkManager runs {self._request.interface}, and wpa_supplicant reads no file there",
                    remedy="Use the backend networkmanager, or make it unmanaged there (nmcli device set), and start "
                    "wpa_supplicant@.service for it",
                )

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


# --- both -----------------------------------------------------------------------------------------------------------


#: What is done on a laptop: takes the request, the places, and whether nothing is to be changed; returns the result.
_Work = Callable[[Request, Places, bool], Dict[str, Any]]


def provision(request: Request, check_mode: bool, places: Optional[Places] = None) -> Dict[str, Any]:
    """Bring who runs the interface to the declared state, and return the module's result.

    Args:
        request: what is asked for.
        check_mode: find out what would happen, and change nothing.
        places: where things are.

    Raises:
        Refused: it could not be done; its reason is the code of the error that it was. No error has a secret in it.
        InvalidProfiles: NetworkManager runs the interface, and can't have what is asked for.
        TimedOut: it took too long, and goes on.
        FleetError: who runs the interface can't be told.
    """
    at = places or Places()
    choice = choose(request.backend, request.interface, at.root, at.sockets)
    work = _by_wpa_supplicant
    if choice.backend == NETWORKMANAGER:
        problems = unfit(request.interface, request.path, request.declared.profiles)
        if problems:
            raise InvalidProfiles(problems)
        # Loaded where it is needed alone, and now: what runs detached may outlive the file that Ansible loads from.
        from .._managers.networkmanager.apply import bring

        def work(request: Request, places: Places, check_mode: bool) -> Dict[str, Any]:
            radio = sysfs.phy_of(request.interface, places.root)
            return bring(request.interface, radio, request.declared, check_mode, _RADIO_WAIT, places.folder)

    if check_mode:
        answer = _guarded(work, request, at, check_mode=True)
    else:
        try:
            # The task may have come in over the link that this changes.
            answer = run_detached(lambda: _guarded(work, request, at, check_mode=False), _ALL)
        except TimedOut as late:
            what = f"the networks were not brought up to date within {_ALL:.0f} s"
            raise TimedOut(what, remedy=late.remedy) from None
    error = answer.get("error")
    if error is not None:
        raise Refused(error["code"], error["what"], where=error["where"], remedy=error["remedy"])
    result: Dict[str, Any] = answer["result"]
    return {**result, "backend": choice.backend, "warnings": [*choice.warnings, *result["warnings"]]}


def _guarded(work: _Work, request: Request, places: Places, *, check_mode: bool) -> Dict[str, Any]:
    """Do the work, alone on this laptop; return its result or its error as JSON types."""
    try:
        with ExitStack() as stack:
            if not check_mode:
                stack.enter_context(_alone(places))
            return {"result": work(request, places, check_mode)}
    except FleetError as error:
        return {"error": error.as_dict()}
    except Exception as error:  # its text might have a value in it; its place says enough
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{os.path.basename(frame.filename)}:{frame.lineno}"
        return {"error": TransportFailed(f"unexpected {type(error).__name__}", where=where).as_dict()}


@contextmanager
def _alone(places: Places) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            stack.enter_context(lock("profiles", _OTHERS_WAIT, places.folder))
        except TimedOut as error:
            raise TimedOut(
                f"another task changes this laptop's networks and did not end within {_OTHERS_WAIT:.0f} s",
                where=error.where,
                remedy="Run the task again when it has ended",
            ) from None
        yield


def _by_wpa_supplicant(request: Request, places: Places, check_mode: bool) -> Dict[str, Any]:
    runtime = _Runtime(request, places)
    with ExitStack() as stack:
        runtime.enter(stack, check_mode=check_mode)
        # Not before: what was read while a handover was waited for may be old.
        conf = _wpa_conf.read(request.path or CONF_PATH.format(interface=request.interface))
        file = plan_file(conf, request.declared, default_header())
        runtime.look(conf, file.entries)
        if not check_mode:
            runtime.commit(_replace(conf, file, runtime), file)
    return _result(request, conf, file, runtime)


def _replace(conf: ConfFile, file: FilePlan, runtime: _Runtime) -> Optional[Tuple[int, int]]:
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


def _result(request: Request, conf: ConfFile, file: FilePlan, runtime: _Runtime) -> Dict[str, Any]:
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
