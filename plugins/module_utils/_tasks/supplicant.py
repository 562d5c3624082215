# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two settings of a wpa_supplicant that do not belong to a network: the group of its control interface, the country."""

from __future__ import annotations

import grp
import importlib.util
import os
import re
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .._managers.choice import choose
from .._managers.conflicts import Conflict, InterfaceSources
from .._managers.wpa_supplicant import conf as _wpa_conf
from .._managers.wpa_supplicant.conf import CONF_PATH, ConfFile
from .._managers.wpa_supplicant.control import CONTROL_DIRECTORIES, WpaCtrl, control_socket
from .._managers.wpa_supplicant.loaded import Loaded, supplicant_of
from .._managers.wpa_supplicant.loading import check_loads
from .._network.backend import NETWORKMANAGER, WPA_SUPPLICANT
from .._network.declared import Declaration
from .._radio import sysfs
from .._system import run_folder
from .._system.errors import FleetError, NotFound, Refused
from .._system.reading import Reading
from .._watcher.bring_up_note import is_held
from .._watcher.state import read_watcher
from .profiles import request_for

#: The folder of the control sockets.
_DIRECTORY = "/run/wpa_supplicant"
_GROUP = re.compile(r"[a-z_][a-z0-9_-]{0,30}\Z")
_COUNTRY = re.compile(r"[A-Z]{2}\Z")
#: Settings that have to be off. A supplicant that writes its file undoes what the modules write to it. One that gives
#: the interface another MAC address ends CSME's session.
_OFF = ("update_config", "mac_addr")
#: Seconds to wait for another task that changes networks on this laptop. The modules for profiles wait as long.
_OTHERS_WAIT = 120.0
#: The most seconds that a task may wait for the end of a handover or session, and the pause between two looks.
_WAIT_MAX = 3600
_LOOK_SECONDS = 1.0
#: Seconds to wait for the control socket of a supplicant that was just started.
_SOCKET_WAIT = 5.0


@dataclass(frozen=True)
class Options:
    """The options of the module ``amt_wifi_supplicant``, which documents them."""

    interface: str
    group: str
    path: Optional[str] = None
    country: Optional[str] = None
    backend: str = WPA_SUPPLICANT
    wait: int = 0


def set_settings(text: str, wanted: Mapping[str, str], path: str = "") -> str:
    """Return a configuration with some settings changed. Every network, comment and other setting stays.

    A setting keeps its place, and a new one goes to the top. If several lines set one, only the last of them stays,
    because only that one takes effect.

    Raises:
        DecodeFailed: the file is so damaged that it can't be divided into its parts.
    """
    parts = list(_wpa_conf.parse(text, path))
    left = dict(wanted)
    for index in reversed(range(len(parts))):
        part = parts[index]
        if isinstance(part, str):
            lines = _wpa_conf.as_block(part)
            here = {name: value for name, value in left.items() if name in lines.variables}
            differs = frozenset(name for name, value in here.items() if lines.variables[name] != value)
            parts[index] = _wpa_conf.edit(lines, here, differs, frozenset(wanted) - frozenset(left)).text
            left = {name: value for name, value in left.items() if name not in here}
    return "".join(f"{name}={value}\n" for name, value in left.items()) + _wpa_conf.render(tuple(parts))


class RunningSettings:
    """The settings of an interface's running supplicant."""

    def __init__(self, interface: InterfaceSources, wanted: Mapping[str, str], gid: Optional[int]) -> None:
        self._interface = interface
        self._loaded = Loaded(interface.name, interface.places)
        self._wanted = wanted
        self._gid = gid
        self.socket: Optional[str] = None
        self.restart_needed = False
        self.before: Dict[str, str] = {}
        self.after: Dict[str, str] = {}

    def look(self) -> None:
        """Read the supplicant's settings, and find out which of them to change."""
        if not self._interface.running:
            return
        self.restart_needed = True
        with suppress(NotFound):
            self.socket = _wait_socket(self._interface.name)
            with WpaCtrl(self.socket) as ctrl:
                has = {name: ctrl.request(f"GET {name}").strip() for name in (*self._wanted, *_OFF)}
            groups = {os.stat(path).st_gid for path in (self.socket, os.path.dirname(self.socket))}
            same = has["ctrl_interface"].replace("DIR=/var/run/", "DIR=/run/") == self._wanted["ctrl_interface"]
            self.restart_needed = not same or groups != {self._gid}
            self._differ(has)

    def _differ(self, has: Mapping[str, str]) -> None:
        wanted = {**self._wanted, **dict.fromkeys(_OFF, "0")}
        for name in ("country", *_OFF):
            # Some builds of the supplicant do not tell a setting, and answer FAIL.
            if name in wanted and has[name] not in (wanted[name], "FAIL"):
                self.before[name], self.after[name] = has[name], wanted[name]

    def spare_the_link(self) -> List[str]:
        """Leave the country alone, because the watcher hands the interface over, or keeps it at its access point.

        Return a warning if another country was to be set. With another country, the kernel ends a link on a channel
        that is not allowed there (``reg_check_chans_work`` in linux/net/wireless/reg.c, 60 s later), and with it CSME's
        session.
        """
        name = self._interface.name
        if "country" not in self.after:
            return []
        old, new = self.before.pop("country"), self.after.pop("country")
        return [
            f"the running wpa_supplicant keeps the country {old or '(none)'} instead of {new}, because "
            f"amt-wifi-watcher or another task hands {name} over, or the watcher keeps it at its access point for a "
            "session of CSME. The change could end that session. The file has the new country. Run this again when the "
            "session is over"
        ]

    def apply(self) -> None:
        """Set in the running supplicant what can be set there.

        Raises:
            SupplicantRefused: the supplicant refuses a value.
        """
        if self.socket is not None and self.after:
            with WpaCtrl(self.socket) as ctrl:
                for name, value in self.after.items():
                    ctrl.command(f"SET {name} {value}")

    def carry_note(self, old: ConfFile, text: str, identity: Tuple[int, int]) -> None:
        """Keep the note of the modules for profiles valid. It says which secrets the supplicant has.

        The note names the file as it was before this write, which changed no secret. Without a new note, those modules
        would set every secret again.

        Args:
            old: the file before this write.
            text: the file's text now.
            identity: the file's identity now.
        """
        with suppress(FleetError):
            if self.socket is None:  # a supplicant that starts later reads the file as it is now
                self._loaded.write(identity, text, None, ())
                return
            with WpaCtrl(self.socket) as ctrl:
                supplicant = supplicant_of(ctrl, self._interface.places)
            unsure = self._loaded.unsure(old, supplicant)
            if unsure is not None:
                self._loaded.write(identity, text, supplicant, unsure)


def is_busy(interface: str, wait: float = 0.0) -> bool:
    """Say whether somebody works on the radio of an interface now.

    That may be the watcher, which hands the radio over or keeps the host at its access point for a session of CSME, or
    another task.

    Args:
        interface: the interface's name.
        wait: seconds to wait for the end of that.
    """
    deadline = time.monotonic() + wait
    while interface in read_watcher(Reading()).busy or _is_locked(interface):
        if time.monotonic() >= deadline:
            return True
        time.sleep(_LOOK_SECONDS)
    return False


def _is_locked(interface: str) -> bool:
    with suppress(NotFound):
        radio = sysfs.phy_of(interface)
        return radio is not None and run_folder.is_locked(radio)
    return False


def _wait_socket(interface: str) -> str:
    """Return the control socket of a running supplicant, which may have started only a moment ago.

    Raises:
        NotFound: the supplicant has no control socket.
    """
    deadline = time.monotonic() + _SOCKET_WAIT
    while True:
        try:
            return control_socket(interface, CONTROL_DIRECTORIES)
        except NotFound:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.2)


def _settings_of(options: Options) -> Tuple[str, str, Dict[str, str]]:
    """Check the options. Return the interface, the path and the settings.

    Raises:
        Refused: an option is not valid.
    """
    interface, group, country = options.interface, options.group, options.country
    try:
        request_for(interface, options.path, Declaration())
    except FleetError as error:
        raise Refused("invalid_option", str(error)) from None
    if _GROUP.match(group) is None:
        raise Refused("invalid_option", f"group: {group!r} can't be the name of a group")
    if not 0 <= options.wait <= _WAIT_MAX:
        raise Refused("invalid_option", f"wait: {options.wait} is not between 0 and {_WAIT_MAX} seconds")
    settings = {"ctrl_interface": f"DIR={_DIRECTORY} GROUP={group}"}
    if country is not None:
        if _COUNTRY.match(country) is None:
            raise Refused("invalid_option", f"country: {country!r} is not a country code of two capital letters")
        settings["country"] = country
    return interface, options.path or CONF_PATH.format(interface=interface), settings


def _refuse(conflicts: Sequence[Conflict], interface: str) -> None:
    if not conflicts:
        return
    if len(conflicts) == 1:
        only = conflicts[0]
        error = Refused("conflict", only.what, where=only.where, remedy=only.remedy)
    else:
        texts = [str(Refused("", each.what, where=each.where, remedy=each.remedy)) for each in conflicts]
        error = Refused("conflict", f"there are {len(conflicts)} conflicts about {interface}: " + "; ".join(texts))
    error.details = {"conflicts": [each.as_dict() for each in conflicts]}
    raise error


def _gid(group: str, *, check_mode: bool) -> Optional[int]:
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        if check_mode:  # outside of check mode, an earlier task may make the group
            return None
        remedy = f"Run 'groupadd --system {group}'. wpa_supplicant does not start if its group does not exist"
        raise Refused("group_missing", f"there is no group {group} on the laptop", remedy=remedy) from None


def ensure(options: Options, *, check_mode: bool) -> Dict[str, Any]:
    """Set the control interface and the country in a supplicant's file, and in the supplicant if it runs.

    Args:
        options: the module's options.
        check_mode: change nothing.

    Returns:
        The module's result.

    Raises:
        Refused: an option is not valid, another program runs the interface or would, the group does not exist, or
            wpa_supplicant could not read the file.
        FleetError: the file or the supplicant could not be read or changed.
    """
    name, path, wanted = _settings_of(options)
    choice = choose(options.backend, name)
    if choice.backend == NETWORKMANAGER:
        return _left_to_networkmanager(name)
    interface = InterfaceSources(name, path)
    try:
        _refuse(interface.conflicts(), name)
    except Refused as error:
        error.details["warnings"] = list(choice.warnings)
        raise
    running = RunningSettings(interface, wanted, _gid(options.group, check_mode=check_mode))
    if options.wait:
        is_busy(name, options.wait)
    with ExitStack() as stack:
        if not check_mode:
            stack.enter_context(run_folder.lock("profiles", _OTHERS_WAIT))
        conf = _wpa_conf.read(path)
        text = conf.text or ""
        has = _wpa_conf.settings_of(_wpa_conf.parse(text, path))
        settings = {**wanted, **{name: "0" for name in _OFF if has.get(name, "0") != "0"}}
        if not text:  # this is the default, but in a new file it tells readers what to expect
            settings["update_config"] = "0"
        new = set_settings(text, settings, path)
        changes = new != conf.text or not conf.private
        running.look()
        # Other tasks may have taken a while.
        busy = is_busy(name)
        warnings = [*choice.warnings, *(running.spare_the_link() if busy else ())]
        check_loads(interface.program, new, conf.text, path)
        if not check_mode:
            # The supplicant may refuse a value. It is asked first, so that such a value never gets into the file, where
            # it would keep the supplicant from starting.
            running.apply()
            if changes:
                running.carry_note(conf, new, _wpa_conf.write(conf.path, new))
            if changes or running.after:
                run_folder.announce()
    shown = {key: value for key, value in has.items() if key in settings}
    return {
        "changed": changes or bool(running.after),
        "interface": name,
        "backend": choice.backend,
        "file": {"changed": changes, "path": conf.path},
        "runtime": {"changed": bool(running.after), "running": interface.running},
        "restart_needed": running.restart_needed,
        "busy": busy,
        "held": is_held(name),
        "present": interface.index is not None,
        "program": interface.program,
        "service": interface.service,
        "template": interface.template,
        "library": True,
        "warnings": warnings,
        "diff": {
            "before": {"file": _with_mode(shown, conf.mode), "runtime": running.before},
            "after": {"file": _with_mode({**shown, **settings}, _wpa_conf.MODE), "runtime": running.after},
        },
    }


def _left_to_networkmanager(name: str) -> Dict[str, Any]:
    """Return the module's result where NetworkManager runs the interface. Nothing is set there."""
    return {
        "changed": False,
        "interface": name,
        "backend": NETWORKMANAGER,
        "file": {"changed": False, "path": None},
        "runtime": {"changed": False, "running": False},
        "restart_needed": False,
        "busy": False,
        "held": False,
        "present": True,
        "program": None,
        "service": None,
        "template": None,
        # This only looks for the library, and does not load it.
        "library": importlib.util.find_spec("jeepney") is not None,
        "diff": {"before": {}, "after": {}},
    }


def _with_mode(settings: Mapping[str, str], mode: Optional[int]) -> Dict[str, str]:
    return {**settings, **({} if mode is None else {"mode": f"{mode:04o}"})}
