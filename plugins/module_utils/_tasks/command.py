# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command ``amt-wifi-watcher``: the service, and what it can tell a person."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Any, Dict, List, Optional, TextIO

from .._system.errors import FleetError, LibraryMissing, NotFound
from .._system.files import read_text
from .._system.systemd import Log
from .._watcher.config import PATH, BadConfiguration, Config, read_config
from .._watcher.state import STATE_PATH

#: What the exit status of "bring-up" says: not yet. Any other lets the supplicant go on.
NOT_YET = 3
#: For that decision, in seconds. It takes a tenth of one, or one on an emulated machine that boots.
_DECISION_SECONDS = 15
#: How long the service waits before it ends for want of pyroute2, in seconds: below its unit's TimeoutStartSec of 30.
LIBRARY_PAUSE_SECONDS = 20


def main(arguments: Optional[List[str]] = None) -> int:
    """Run one command; return its exit status.

    Args:
        arguments: the command line; None takes this process's.
    """
    if arguments is None:
        arguments = sys.argv[1:]
    version = _version()
    try:
        if arguments == ["run"]:
            # Before anything that the resident does not need: a parser of arguments alone costs it a megabyte.
            from .._watcher.memory import use_small_pages

            use_small_pages()

            watch(version)
            return 0
        return _command(arguments, version)
    except FleetError as error:
        _tell(f"amt-wifi-watcher: {error}", sys.stderr)
        if arguments == ["run"] and isinstance(error, LibraryMissing):
            # systemd starts it again a second after its end, and nobody installs a library within a second.
            time.sleep(LIBRARY_PAUSE_SECONDS)
        return 1


def _command(arguments: List[str], version: str) -> int:
    import argparse

    parser = argparse.ArgumentParser(
        prog="amt-wifi-watcher", description="Hands a vPro laptop's radio over from CSME without losing its session."
    )
    parser.add_argument("--version", action="version", version=f"amt-wifi-watcher {version}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("run", help="watch the radios; systemd runs this, and it takes nothing else")
    commands.add_parser("status", help="tell what the watcher does")
    commands.add_parser("check", help="tell whether a handover would succeed here, and if not, why; touches nothing")
    bring_up = commands.add_parser(
        "bring-up",
        help=f"say whether an interface may be brought up; exit status {NOT_YET}: not yet. For wpa_supplicant's unit",
    )
    hold = commands.add_parser("hold", help="wait until an interface may be brought up. For a service of the watcher's")
    commands.add_parser(
        "before-networkmanager", help="have NetworkManager wait with what must not be brought up. For its unit"
    )
    give = commands.add_parser(
        "hold-networkmanager", help="wait until NetworkManager may have an interface. For a service of the watcher's"
    )
    for command in (bring_up, hold, give):
        command.add_argument("interface")
    check_config = commands.add_parser("check-config", help="tell whether a configuration is right")
    check_config.add_argument("file", nargs="?", default=PATH, help=f"default: {PATH}")
    options = parser.parse_args(arguments)
    if options.command == "status":
        return _status()
    if options.command == "check":
        return _check()
    if options.command == "bring-up":
        from .._watcher.bring_up import may_bring_up

        # Whatever keeps it: the supplicant does not wait for it.
        signal.alarm(_DECISION_SECONDS)
        return 0 if may_bring_up(options.interface) else NOT_YET
    if options.command == "hold":
        from .._watcher.bring_up import hold_back

        hold_back(options.interface, _tell)
        return 0
    if options.command == "before-networkmanager":
        from .._watcher.bring_up_networkmanager import hold_before_start

        signal.alarm(_DECISION_SECONDS)
        for interface in hold_before_start():
            _tell(f"{interface}: NetworkManager leaves it alone until it is decided")
        return 0
    if options.command == "hold-networkmanager":
        from .._watcher.bring_up_networkmanager import bring_up as bring_up_well

        bring_up_well(options.interface, _tell)
        return 0
    there = os.path.exists(options.file)
    if not there and options.file != PATH:
        raise BadConfiguration("there is no such file", where=options.file)
    read_config(options.file)
    _tell(f"{options.file}: {'right' if there else 'not there, so the defaults hold'}")
    return 0


def _tell(line: str, stream: Optional[TextIO] = None) -> None:
    stream = stream or sys.stdout
    stream.write(f"{line}\n")
    # Who waits for more is told what there is by now.
    stream.flush()


def _version() -> str:
    """Return the collection's version, which the role writes beside the rooms."""
    try:
        return read_text(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "VERSION"))
    except FleetError:
        return "unknown"


def _status() -> int:
    try:
        state: Dict[str, Any] = json.loads(read_text(STATE_PATH))
    except NotFound:
        _tell("amt-wifi-watcher does not run (systemctl start amt-wifi-watcher)", sys.stderr)
        return 1
    _tell(f"amt-wifi-watcher {state['version']} (process {state['pid']})")
    if not state["radios"]:
        _tell("  no radio that CSME can own")
    for radio in state["radios"]:
        _tell(f"  {radio['interface']} ({radio['phy']}): {_SENTENCES.get(radio['state'], radio['state'])}")
        if radio["reason"]:
            _tell(f"    because: {radio['reason']}")
        if radio["wanted"]:
            wanted = radio["wanted"]
            # After another reason the host has one: whoever is told to make it looks in the wrong place.
            word = "wanted: a profile for" if radio["reason"] == "no_credentials" else "CSME's network:"
            # As a literal: an SSID may hold anything, also what a terminal would obey.
            _tell(f"    {word} {wanted['ssid']!r} ({wanted['auth']})")
        if not radio["supplicant"]:
            _tell("    neither wpa_supplicant nor NetworkManager is there, or can be used")
    last = state["last_handover"]
    if last:
        took = last["request_to_address_ms"]
        _tell(f"  last handover: {last['outcome']} at {last['at']}" + (f", address after {took} ms" if took else ""))
    return 0


_SENTENCES = {
    "watching": "nothing to do",
    "handover": "a handover is under way",
    "staying": "kept at its access point while CSME forbids roaming",
    "left": "CSME keeps the radio",
    "held": "its bring-up is held back, so that a session of CSME's lives",
    "retrying": "CSME keeps the radio; it will be tried again",
}


def _check() -> int:
    from .._facts.gather import collect

    facts = collect()
    blockers = facts["readiness"]["blockers"]
    for blocker in blockers:
        _tell(f"{blocker['code']}: {blocker['message']}")
    if not blockers:
        _tell("A handover would succeed here now")
    return 1 if blockers else 0


def watch(version: str, path: str = PATH) -> None:
    """Be the service.

    Raises:
        FleetError: the machine has no rfkill, or no netlink that can be used.
    """
    from .._watcher.loop import Watcher

    log = Log()
    try:
        config = read_config(path)
    except FleetError as error:
        # The role and check-config keep it from coming to this. Ending would only be answered by another start.
        config = Config()
        log.write("error", f"the configuration is refused, the defaults are in force: {error}", code=error.code)
    log.level = config.log_level
    Watcher(version, config, path, log).run()
