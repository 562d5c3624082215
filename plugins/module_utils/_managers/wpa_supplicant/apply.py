# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bringing declared networks into wpa_supplicant's file, and into the running wpa_supplicant.

The supplicant does not tell its secrets, so the file is the record of them. ``loaded.py`` has the evidence that the
supplicant has the secrets of the file.

The steps that may fail come first, and all of them can be undone. The new file is written beside the old one. New
networks are made, but not enabled. Values that some builds of the supplicant refuse are tried on a temporary network.
Then a rename replaces the file. Only after that, existing networks are changed. So a value that the supplicant refuses
never gets into the file, where it would keep the supplicant from starting. And a full disk does not affect the running
supplicant.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import Any, Dict, FrozenSet, Iterator, List, Mapping, Optional, Sequence, Tuple

from ..._network.declared import ProfilesRequest
from ..._network.eap import Exists, not_known
from ..._network.limits import JoinedConnection, Obstacle
from ..._network.pin import Pin
from ..._network.profile import Profile
from ..._network.report import Shown, by_name, networks
from ..._network.verdict import FILE, RUNTIME, UnusableNetworks, Verdict, documents, judge
from ..._network.verdict import warnings as warnings_of
from ..._radio import sysfs
from ..._system.errors import FleetError, NotFound, SupplicantRefused
from ..._system.files import is_there
from ..._system.places import Places
from ..._system.printable import quoted
from ..._system.run_folder import read_journal
from . import conf as _wpa_conf
from .address import address_of_udev, changed_address
from .conf import CONF_PATH, ConfFile
from .conf_networks import FilePlan, NetworkEntry, default_header, plan_file
from .configured import profile_of, profiles_in
from .control import WpaCtrl, control_directories, control_socket
from .loaded import Loaded, RunningSupplicant, supplicant_of
from .loading import check_loads, installed_program
from .networks import commit, discard, prepare, read_networks
from .networks_plan import Desired, Plan, outcome, plan, without_pin
from .pinning import kept_out, socket_of
from .profiles import read_profiles, read_settings
from .variables import Found

#: Where no running wpa_supplicant can be reached.
FILE_ALONE = "this result is only about the file. A running wpa_supplicant may have other networks"


class _RunningNetworks:
    """The networks of the running supplicant, or the reason why it can't be changed."""

    def __init__(self, request: ProfilesRequest, places: Places, trouble: Optional[FleetError]) -> None:
        self._request = request
        self._places = places
        self._trouble = trouble
        self._ctrl: Optional[WpaCtrl] = None
        self._socket = ""
        self._radio: Optional[str] = None
        self._built: Tuple[int, ...] = ()
        self._loaded = Loaded(request.interface, places)
        self._supplicant: Optional[RunningSupplicant] = None
        self._proof: Optional[FrozenSet[str]] = None
        self._settings: Mapping[str, str] = {}
        #: What keeps the interface from using any network.
        self.other_address: Optional[Obstacle] = None
        #: The variables that the declared networks will have.
        self._foreseen: Tuple[Found, ...] = ()
        self.plan = Plan()
        #: Whether the supplicant has the declared networks, or will have them after the plan.
        self.applied = False
        #: Whether the supplicant was told to change networks. It may have done a part of it even if not ``applied``.
        self.touched = False
        self.reason: Optional[str] = None
        self.warnings: List[str] = []

    def enter(self, stack: ExitStack) -> None:
        """Connect to the supplicant."""
        with self._reaching():
            if self._trouble is not None:
                raise self._trouble
            with suppress(NotFound):
                self._radio = sysfs.phy_of(self._request.interface, self._places.root)
            self._socket = control_socket(self._request.interface, control_directories(self._places))
            self._ctrl = stack.enter_context(WpaCtrl(self._socket))

    def look(self, conf: ConfFile, entries: Sequence[NetworkEntry]) -> None:
        """Read the supplicant's networks, and plan the changes."""
        ctrl, places = self._ctrl, self._places
        self.other_address = address_of_udev(self._request.interface, places)
        if ctrl is None:
            return
        with self._reaching():
            removable = None if self._request.declared.prune else frozenset(self._request.declared.absent)
            if entries:
                self._settings = read_settings(ctrl)
                self.other_address = changed_address(ctrl, self._request.interface, self._settings, places)
            networks = read_networks(ctrl, {entry.ssid: entry.form for entry in entries}, removable, self._settings)
            pin = self._pin()
            if pin is not None and pin.belongs_to(socket_of(self._socket)):
                networks = without_pin(networks, pin, kept_out(pin, ctrl.networks()))
            self._supplicant = supplicant_of(ctrl, places)
            self._proof = self._loaded.unsure(conf, self._supplicant)
            desired = [_desired(entry, self._proof) for entry in entries]
            self.plan = plan(networks, desired, connected=ctrl.status().connected)
            self._foreseen = tuple(outcome(networks, desired, self.plan))
            self.applied = True

    def prepare(self, undo: ExitStack) -> None:
        """Carry out the steps that the supplicant may refuse. *undo* gets a function that takes them back.

        Raises:
            SupplicantRefused: the supplicant refuses a step.
        """
        ctrl = self._ctrl
        if ctrl is not None and self.applied:
            with self._reaching(refusal_is_failure=True):
                self._built = prepare(ctrl, self.plan)
                undo.callback(discard, ctrl, self._built)

    def commit(self, written: ConfFile, file: FilePlan) -> None:
        """Carry out the rest of the plan, and write the note that file and supplicant now agree.

        Args:
            written: the file as it is now.
            file: the file's plan.
        """
        if self._ctrl is not None and self.applied:
            self.touched = True
            with self._reaching():
                commit(self._ctrl, self.plan, self._built)
                for ssid in self.plan.unsure:
                    self.warnings.append(_UNSURE.format(quoted(ssid)))
                self._write_note(written, file)

    def profiles(self, exists: Exists) -> Tuple[Profile, ...]:
        """Return the declared networks as profiles: those that changed as the supplicant has them, others as planned.

        Before ``commit``, these are all as planned. There are none if the supplicant can't be changed.

        Args:
            exists: says whether a file that a network names exists.
        """
        if not self.applied or self._ctrl is None:
            return ()
        variables = enumerate(self._foreseen)
        planned = (profile_of(number, each, self._settings, exists, self.other_address) for number, each in variables)
        foreseen = tuple(profile for profile in planned if profile is not None)
        changed = {ssid for ssid, _shown in self.plan.after} if self.touched else set()
        if not changed:
            return foreseen
        # If they can't be read now, what was planned is the best answer, because the supplicant accepted it.
        with suppress(FleetError):
            networks = [network for network in self._ctrl.networks() if network.ssid in changed]
            found = read_profiles(self._ctrl, networks, self._settings, self.other_address)
            seen = {profile.ssid for profile in found}
            return (*found, *(profile for profile in foreseen if profile.ssid not in seen))
        return foreseen

    @contextmanager
    def _reaching(self, *, refusal_is_failure: bool = False) -> Iterator[None]:
        """Turn an error of the supplicant into ``reason``, so that the file is written without the supplicant."""
        try:
            yield
        except FleetError as error:
            if refusal_is_failure and isinstance(error, SupplicantRefused):
                raise
            self._ctrl = None
            self.applied = False
            self.reason = str(error)

    def _pin(self) -> Optional[Pin]:
        """Return the pin of a running or killed handover. Only check mode can find one, because it takes no lock."""
        if self._radio is None:
            return None
        with suppress(FleetError):
            entry = read_journal(self._radio, self._places)
            return None if entry is None else Pin.from_dict(entry.get("pin"))
        return None

    def _write_note(self, written: ConfFile, file: FilePlan) -> None:
        """Write the note. For networks that were not declared, the note says the same as before."""
        if written.identity is not None and self._supplicant is not None:
            others = {ssid.hex() for ssid in file.ssids} - {entry.ssid.hex() for entry in file.entries}
            unsure = (others if self._proof is None else others & self._proof) | {s.hex() for s in self.plan.unsure}
            self._loaded.write(written.identity, written.text or "", self._supplicant, unsure)


_UNSURE = (
    "network {} carries the link, and the file has changed since wpa_supplicant read it. So it is not known whether "
    "wpa_supplicant has the declared secret, and setting it again would drop the link. Run the task again when the "
    "laptop is not connected there, or restart wpa_supplicant"
)


def _desired(entry: NetworkEntry, proof: Optional[FrozenSet[str]]) -> Desired:
    proven = entry.known and proof is not None and entry.ssid.hex() not in proof
    return Desired(entry.ssid, entry.form, entry.extras, proven, entry.stale, entry.rebuild)


def bring(
    request: ProfilesRequest,
    places: Places,
    check_mode: bool,
    trouble: Optional[FleetError] = None,
    csme: Optional[JoinedConnection] = None,
) -> Dict[str, Any]:
    """Bring the file and the running supplicant to the declared state, and return the module's result.

    Args:
        request: the task's request.
        places: where the files are.
        check_mode: find out what would change, and change nothing.
        trouble: why the running supplicant must not be changed, or None if it may be.
        csme: CSME's connection, or None if there is none, or it is not known.

    Raises:
        UnusableNetworks: a declared network can't carry CSME's connection on, and the request demands that it can.
        Refused: wpa_supplicant would not start with the file.
        FleetError: the file can't be read or written. Nothing is changed then.
    """
    running = _RunningNetworks(request, places, trouble)
    with ExitStack() as stack:
        running.enter(stack)
        # The file is read only now. It may have changed while this waited for a handover.
        conf = _wpa_conf.read(request.path or CONF_PATH.format(interface=request.interface))
        file = plan_file(conf, request.declared, default_header())
        if file.text is not None:
            check_loads(installed_program(places), file.text, conf.text, conf.path)
        running.look(conf, file.entries)

        def judged() -> Tuple[Verdict, ...]:
            exists: Exists = not_known if check_mode else is_there
            text, profiles = file.text or "", request.declared.profiles
            found = profiles_in(text, conf.path, exists, running.other_address) if profiles else ()
            stored = judge(profiles, found, csme, FILE)
            return (*stored, *judge(profiles, running.profiles(exists), csme, RUNTIME))

        verdicts = judged()
        if verdicts and request.require_usable:
            raise UnusableNetworks(verdicts)
        if not check_mode:
            running.commit(_replace(conf, file, running), file)
            verdicts = judged()
    result = _result(request, conf, file, running, verdicts)
    if verdicts and request.require_usable:
        raise UnusableNetworks(verdicts, result)
    return result


def _replace(conf: ConfFile, file: FilePlan, running: _RunningNetworks) -> ConfFile:
    """Prepare the running supplicant and replace the file, or leave both as they were. Return the file as it is now."""
    written = conf
    with ExitStack() as files, ExitStack() as undo:
        replace_file = None
        if file.changes and file.text is not None:
            replace_file = files.enter_context(_wpa_conf.staged(conf.path, file.text))
        running.prepare(undo)
        if replace_file is not None:
            written = replace(conf, text=file.text, identity=replace_file())
        undo.pop_all()
    return written


def _result(
    request: ProfilesRequest,
    conf: ConfFile,
    file: FilePlan,
    running: _RunningNetworks,
    verdicts: Sequence[Verdict],
) -> Dict[str, Any]:
    todo = running.plan if running.applied or running.touched else Plan()
    warnings = [*running.warnings, *warnings_of(verdicts)]
    if running.reason is not None:
        warnings.append(f"{FILE_ALONE}: {running.reason}")
    return {
        "changed": file.changes or todo.changes,
        "interface": request.interface,
        "file": {"changed": file.changes, "path": conf.path},
        "runtime": {"changed": todo.changes, "applied": running.applied, "reason": running.reason},
        "networks": networks(
            request.declared, {"file": (file.before, file.after), "runtime": (todo.before, todo.after)}
        ),
        "diff": {
            "before": {"file": _file_shown(conf.mode, file, file.before), "runtime": by_name(todo.before)},
            "after": {"file": _file_shown(_wpa_conf.MODE, file, file.after), "runtime": by_name(todo.after)},
        },
        "obstacles": documents(verdicts),
        "warnings": warnings,
    }


def _file_shown(mode: Optional[int], file: FilePlan, shown: Shown) -> Dict[str, Any]:
    """Return one side of the file's diff. It contains the permissions if the file exists and is written."""
    document: Dict[str, Any] = {"networks": by_name(shown)}
    if file.changes and mode is not None:
        document["mode"] = f"{mode:04o}"
    return document
