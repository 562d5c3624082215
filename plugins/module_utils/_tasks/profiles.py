# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bringing a laptop's wireless networks to the declared state.

This finds out which manager runs the interface, waits for handovers on the radio, and undoes the pin that a killed
handover left. Then ``apply`` in the manager's wing does the work.
"""

from __future__ import annotations

import errno
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
from .._network.backend import AUTO, NETWORKMANAGER, WPA_SUPPLICANT
from .._network.declared import Declaration, InvalidProfiles, Problem, ProfilesRequest
from .._network.limits import JoinedConnection, target_of
from .._radio import sysfs
from .._radio.radio import csmes_connection
from .._system.detached import run_detached
from .._system.errors import FleetError, NotFound, Refused, TimedOut, TransportFailed
from .._system.files import NoRegularFile, open_regular
from .._system.places import PLACES, Places
from .._system.run_folder import announce, lock

#: A device name that the kernel accepts (``dev_valid_name``): shorter than IFNAMSIZ, no slash, colon or white space.
_INTERFACE = re.compile(r"(?!\.{1,2}\Z)[^/:\s\0]{1,15}\Z")
#: Seconds to wait until a handover on the radio has ended. A handover takes less.
_RADIO_WAIT = 45.0
#: Seconds to wait for another task that changes networks on this laptop.
_OTHERS_WAIT = 120.0
#: Seconds for the whole work. The last part is the time that a slow machine needs for a hundred networks.
_ALL = _RADIO_WAIT + _OTHERS_WAIT + 120.0


def request_for(
    interface: str,
    path: Optional[str],
    declared: Declaration,
    backend: str = AUTO,
    *,
    require_usable: bool = False,
) -> ProfilesRequest:
    """Return a request after checking its interface and path.

    Raises:
        InvalidProfiles: the interface or the path is not valid.
    """
    problems = []
    if _INTERFACE.match(interface) is None:
        problems.append(Problem("", "interface", f"{interface!r} can't be the name of a network interface"))
    if path is not None and (not path.startswith("/") or path.endswith("/") or "\0" in path):
        problems.append(Problem("", "path", f"{path!r} is not an absolute path of a file"))
    if problems:
        raise InvalidProfiles(problems)
    return ProfilesRequest(interface, path, declared, backend, require_usable)


def check_file(path: str) -> Optional[str]:
    """Return what is wrong with a certificate or key file on this laptop, or None if it can be used."""
    try:
        with open(open_regular(path), "rb") as handle:
            return None if handle.read(1) else f"the file {path} is empty"
    except FileNotFoundError:
        return f"there is no file {path} on the laptop"
    except NoRegularFile as error:
        return f"{path} is a directory" if error.errno == errno.EISDIR else f"{path} is not a regular file"
    except OSError as error:
        return f"the file {path} can't be read: {os.strerror(error.errno or 0)}"


#: The function that does the work on a laptop. It takes the request, the places, whether to change nothing (check
#: mode), why the radio's lock could not be taken or its pin not be undone (None if all went well), and CSME's
#: connection (None if there is none). It returns the result.
_Work = Callable[[ProfilesRequest, Places, bool, Optional[FleetError], Optional[JoinedConnection]], Dict[str, Any]]


def provision(request: ProfilesRequest, check_mode: bool, places: Places = PLACES) -> Dict[str, Any]:
    """Bring the networks of an interface's manager to the declared state, and return the module's result.

    Args:
        request: the task's request.
        check_mode: find out what would change, and change nothing.
        places: where the files are.

    Raises:
        Refused: the work failed. The reason is the code of the error that ended it. No error contains a secret. If a
            declared network can't carry CSME's connection on, and the request demands that it can, ``details`` say why.
        InvalidProfiles: NetworkManager runs the interface, and can't have the declared networks.
        TimedOut: the work took too long. It goes on.
        FleetError: it is not known which manager runs the interface.
    """
    choice = choose(request.backend, request.interface, places)
    work: _Work = apply.bring
    if choice.backend == NETWORKMANAGER:
        problems = unfit(request.interface, request.path, request.declared.profiles)
        if problems:
            raise InvalidProfiles(problems)
        # This is loaded only where it is needed. It is loaded now, because the detached work may outlive the file from
        # which Ansible loads modules.
        from .._managers.networkmanager.apply import bring

        def work(
            request: ProfilesRequest,
            places: Places,
            check_mode: bool,
            trouble: Optional[FleetError],
            csme: Optional[JoinedConnection],
        ) -> Dict[str, Any]:
            # A lock that is still held then belongs to the watcher, during a stay. Its pin does not matter here: it is
            # in NetworkManager's wpa_supplicant, and changes no profile.
            if trouble is not None and not isinstance(trouble, TimedOut):
                raise trouble
            return bring(request, sysfs.phy_of(request.interface, places.root), check_mode, csme)

    if check_mode:
        answer = _guarded(work, choice.backend, request, places, check_mode=True)
    else:
        try:
            # The task may use the very link that this changes, so the work runs detached.
            answer = run_detached(lambda: _guarded(work, choice.backend, request, places, check_mode=False), _ALL)
        except TimedOut as late:
            what = f"the networks were not brought up to date within {_ALL:.0f} s"
            raise TimedOut(what, remedy=late.remedy) from None
    error = answer.get("error")
    if error is not None:
        refused = Refused(error["code"], error["what"], where=error["where"], remedy=error["remedy"])
        refused.details = answer.get("details", {})
        raise refused
    result: Dict[str, Any] = answer["result"]
    return {**result, "backend": choice.backend, "warnings": [*choice.warnings, *result["warnings"]]}


def _guarded(
    work: _Work, manager: str, request: ProfilesRequest, places: Places, *, check_mode: bool
) -> Dict[str, Any]:
    """Do the work under the locks of the laptop's profiles and of the radio. Return its result or error as JSON."""
    try:
        with ExitStack() as stack:
            undone, trouble = False, None
            if not check_mode:
                stack.enter_context(_alone(places))
            try:
                if manager == WPA_SUPPLICANT:
                    refuse_networkmanagers(request.interface, places)
                if not check_mode:
                    undone = _take_radio(stack, manager, request, places)
            except FleetError as error:
                trouble = error
            reported = csmes_connection(request.interface, places.root) if request.declared.profiles else None
            if not check_mode:  # the watcher is told even if the work fails, because a part of it may have been done
                stack.callback(announce, places)
            result = work(request, places, check_mode, trouble, target_of(reported))
            if undone:
                text = f"a pin that a handover left on {request.interface} was undone"
                result["warnings"] = [text, *result["warnings"]]
            return {"result": result}
    except FleetError as error:
        return {"error": error.as_dict(), "details": error.details}
    except Exception as error:  # its text might contain a secret, so only its type and place are reported
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{os.path.basename(frame.filename)}:{frame.lineno}"
        return {"error": TransportFailed(f"unexpected {type(error).__name__}", where=where).as_dict()}


def _take_radio(stack: ExitStack, manager: str, request: ProfilesRequest, places: Places) -> bool:
    """Take the radio's lock, and undo the pin that a killed handover left. Say whether there was such a pin.

    Raises:
        FleetError: the lock can't be taken, or the pin can't be undone.
    """
    radio = _radio_of(request, places)
    backend = backend_by_name(manager, request.interface, places)
    if radio is None or backend is None:
        return False
    stack.enter_context(lock(radio, _RADIO_WAIT, places))
    return undo_journal(radio, backend, places)


def _radio_of(request: ProfilesRequest, places: Places) -> Optional[str]:
    """Return the name of an interface's radio (``phy0``), or None when it has none or the interface does not exist."""
    try:
        return sysfs.phy_of(request.interface, places.root)
    except NotFound:
        return None


@contextmanager
def _alone(places: Places) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            stack.enter_context(lock("profiles", _OTHERS_WAIT, places))
        except TimedOut as error:
            raise TimedOut(
                f"another task changes this laptop's networks and did not end within {_OTHERS_WAIT:.0f} s",
                where=error.where,
                remedy="Run the task again when it has ended",
            ) from None
        yield
