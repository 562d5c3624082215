# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bringing a laptop's wireless networks to the declared state, whoever runs the interface.

It is decided who that is, handovers on the radio are waited for, and what a killed one left is undone. Then the wing of
whoever runs the interface does the work (its ``apply``).
"""

from __future__ import annotations

import os
import re
import traceback
from contextlib import ExitStack, contextmanager
from typing import Any, Callable, Dict, Iterator, Optional

from .._handover.undo import undo_journal
from .._managers.choice import choose, refuse_networkmanagers
from .._managers.networkmanager.settings import unfit
from .._managers.who import backend_by_name
from .._managers.wpa_supplicant import apply
from .._managers.wpa_supplicant.apply import Places
from .._network.backend import AUTO, NETWORKMANAGER, WPA_SUPPLICANT
from .._network.declared import Declaration, InvalidProfiles, Problem, ProfilesRequest
from .._radio import sysfs
from .._system.detached import run_detached
from .._system.errors import FleetError, NotFound, Refused, TimedOut, TransportFailed
from .._system.run_folder import lock

#: What the kernel takes for a device name (``dev_valid_name``): below IFNAMSIZ, no slash, colon or white space.
_INTERFACE = re.compile(r"(?!\.{1,2}\Z)[^/:\s\0]{1,15}\Z")
#: Seconds to wait for a handover on the radio to end: longer than one takes.
_RADIO_WAIT = 45.0
#: Seconds to wait for another task that changes networks on this laptop.
_OTHERS_WAIT = 120.0
#: Seconds for all of it, with the time that a slow machine needs for a hundred networks.
_ALL = _RADIO_WAIT + _OTHERS_WAIT + 120.0


def request_for(interface: str, path: Optional[str], declared: Declaration, backend: str = AUTO) -> ProfilesRequest:
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
    return ProfilesRequest(interface, path, declared, backend)


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


#: What is done on a laptop: takes the request, the places, whether nothing is to be changed, and why the radio could
#: not be had for it (None: it is ours); returns the result.
_Work = Callable[[ProfilesRequest, Places, bool, Optional[FleetError]], Dict[str, Any]]


def provision(request: ProfilesRequest, check_mode: bool, places: Optional[Places] = None) -> Dict[str, Any]:
    """Bring who runs the interface to the declared state, and return the module's result.

    Args:
        request: what is asked for.
        check_mode: find out what would happen, and change nothing.
        places: where things are.

    Raises:
        Refused: it could not be done. Its reason is the code of the error that it was. No error has a secret in it.
        InvalidProfiles: NetworkManager runs the interface, and can't have what is asked for.
        TimedOut: it took too long. The work goes on.
        FleetError: who runs the interface can't be told.
    """
    at = places or Places()
    choice = choose(request.backend, request.interface, at.root, at.sockets)
    work: _Work = apply.bring
    if choice.backend == NETWORKMANAGER:
        problems = unfit(request.interface, request.path, request.declared.profiles)
        if problems:
            raise InvalidProfiles(problems)
        # Loaded where it is needed alone, and now: what runs detached may outlive the file that Ansible loads from.
        from .._managers.networkmanager.apply import bring

        def work(
            request: ProfilesRequest, places: Places, check_mode: bool, trouble: Optional[FleetError]
        ) -> Dict[str, Any]:
            # A handover that is not over by then is the watcher's, which keeps the host at CSME's access point for as
            # long as the session lives. Its pin is the supplicant's, and no profile has any of it.
            if trouble is not None and not isinstance(trouble, TimedOut):
                raise trouble
            return bring(request.interface, sysfs.phy_of(request.interface, places.root), request.declared, check_mode)

    if check_mode:
        answer = _guarded(work, choice.backend, request, at, check_mode=True)
    else:
        try:
            # The task may have come in over the link that this changes.
            answer = run_detached(lambda: _guarded(work, choice.backend, request, at, check_mode=False), _ALL)
        except TimedOut as late:
            what = f"the networks were not brought up to date within {_ALL:.0f} s"
            raise TimedOut(what, remedy=late.remedy) from None
    error = answer.get("error")
    if error is not None:
        raise Refused(error["code"], error["what"], where=error["where"], remedy=error["remedy"])
    result: Dict[str, Any] = answer["result"]
    return {**result, "backend": choice.backend, "warnings": [*choice.warnings, *result["warnings"]]}


def _guarded(
    work: _Work, manager: str, request: ProfilesRequest, places: Places, *, check_mode: bool
) -> Dict[str, Any]:
    """Do the work, alone on this laptop and its radio; return its result or its error as JSON types."""
    try:
        with ExitStack() as stack:
            undone, trouble = False, None
            if not check_mode:
                stack.enter_context(_alone(places))
            try:
                if manager == WPA_SUPPLICANT:
                    refuse_networkmanagers(request.interface, places.root)
                if not check_mode:
                    undone = _take_radio(stack, manager, request, places)
            except FleetError as error:
                trouble = error
            result = work(request, places, check_mode, trouble)
            if undone:
                text = f"a pin that a handover left on {request.interface} was undone"
                result["warnings"] = [text, *result["warnings"]]
            return {"result": result}
    except FleetError as error:
        return {"error": error.as_dict()}
    except Exception as error:  # its text might have a value in it; its place says enough
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{os.path.basename(frame.filename)}:{frame.lineno}"
        return {"error": TransportFailed(f"unexpected {type(error).__name__}", where=where).as_dict()}


def _take_radio(stack: ExitStack, manager: str, request: ProfilesRequest, places: Places) -> bool:
    """Wait for handovers on the radio to end, and undo what one left that was killed; say whether there was such a pin.

    Raises:
        FleetError: the radio can't be had, or the pin can't be undone.
    """
    radio = _radio_of(request, places)
    backend = backend_by_name(manager, request.interface, places.sockets)
    if radio is None or backend is None:
        return False
    stack.enter_context(lock(radio, _RADIO_WAIT, places.folder))
    return undo_journal(radio, backend, places.folder)


def _radio_of(request: ProfilesRequest, places: Places) -> Optional[str]:
    """Return the name of an interface's radio (``phy0``); None: it has none, or there is no such interface."""
    try:
        return sysfs.phy_of(request.interface, places.root)
    except NotFound:
        return None


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
