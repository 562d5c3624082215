# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command ``amt-wifi-watcher``: it runs the service, answers questions about it, and holds interfaces back."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any, Dict, List, Optional, TextIO

from .._system.errors import FleetError
from .._system.files import read_text
from .._system.systemd import Log
from .._system.words import Words
from .._watcher.config import PATH, BadConfiguration, Config, read_config
from .._watcher.report import WatcherReport
from .._watcher.state import network_of, radios_of, read_state, report_of

#: The exit status of "bring-up" that means "not yet". With any other status, the supplicant starts.
NOT_YET = 3
#: The most seconds that such a decision may take. It takes 0.1 s, or 1 s while an emulated machine boots.
_DECISION_SECONDS = 15


def main(arguments: Optional[List[str]] = None) -> int:
    """Run one command, and return its exit status.

    Args:
        arguments: the command line. None takes that of this process.
    """
    if arguments is None:
        arguments = sys.argv[1:]
    version = _version()
    try:
        if arguments == ["run"]:
            # This comes before the parser of arguments, which would cost the service a megabyte of memory.
            from .._watcher.memory import use_small_pages

            use_small_pages()

            watch(version)
            return 0
        return _command(arguments, version)
    except FleetError as error:
        _tell(f"amt-wifi-watcher: {error}", sys.stderr)
        return 1


def _command(arguments: List[str], version: str) -> int:
    import argparse

    parser = argparse.ArgumentParser(
        prog="amt-wifi-watcher", description="Takes a vPro laptop's radio from CSME without ending CSME's session."
    )
    parser.add_argument("--version", action="version", version=f"amt-wifi-watcher {version}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("run", help="watch the radios. The watcher's unit runs this")
    commands.add_parser("status", help="show what the watcher does")
    commands.add_parser("check", help="show whether a handover would succeed now, and if not, why. It changes nothing")
    bring_up = commands.add_parser(
        "bring-up",
        help="decide whether an interface may be brought up now. "
        f"The exit status {NOT_YET} means not yet. wpa_supplicant's unit runs this",
    )
    hold = commands.add_parser("hold", help="wait until an interface may be brought up. The watcher's unit runs this")
    commands.add_parser(
        "before-networkmanager",
        help="keep NetworkManager from interfaces that must not be brought up yet. NetworkManager's unit runs this",
    )
    give = commands.add_parser(
        "hold-networkmanager",
        help="wait until NetworkManager may bring an interface up. The watcher's unit runs this",
    )
    for command in (bring_up, hold, give):
        command.add_argument("interface")
    check_config = commands.add_parser("check-config", help="check a configuration file, and show what is wrong in it")
    check_config.add_argument("file", nargs="?", default=PATH, help=f"the file to check (default: {PATH})")
    options = parser.parse_args(arguments)
    if options.command == "status":
        return _status()
    if options.command == "check":
        return _check()
    if options.command == "bring-up":
        from .._watcher.bring_up import may_bring_up

        # The supplicant does not wait longer than this, no matter what blocks the decision.
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
            _tell(f"{interface}: NetworkManager leaves it alone until it may be brought up")
        return 0
    if options.command == "hold-networkmanager":
        from .._watcher.bring_up_networkmanager import bring_up as bring_up_well

        bring_up_well(options.interface, _tell)
        return 0
    there = os.path.exists(options.file)
    if not there and options.file != PATH:
        raise BadConfiguration("there is no such file", where=options.file)
    read_config(options.file)
    verdict = "the configuration is valid" if there else "there is no such file, so the defaults apply"
    _tell(f"{options.file}: {verdict}")
    return 0


def _tell(line: str, stream: Optional[TextIO] = None) -> None:
    stream = stream or sys.stdout
    stream.write(f"{line}\n")
    # This may be a pipe or the journal, and its reader shall have the line now.
    stream.flush()


def _version() -> str:
    """Return the collection's version, which the role writes beside the rooms."""
    try:
        return read_text(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "VERSION"))
    except FleetError:
        return "unknown"


def _status() -> int:
    state = read_state()
    if not state:
        _tell("amt-wifi-watcher does not run. Start it with: systemctl start amt-wifi-watcher", sys.stderr)
        return 1
    report = report_of(state)
    if report.lacks is not None:
        _tell(f"amt-wifi-watcher can't work here, and waits for what is missing: {report.lacks}", sys.stderr)
        return 1
    _tell(f"amt-wifi-watcher {report.version} (process {state['pid']})")
    radios = radios_of(state)
    if not radios:
        _tell("  it watches no radio: CSME can own none, or the configuration names others")
    for radio in radios:
        _tell_radio(radio, report)
    last = report.last_handover
    if last is not None:
        took = last.request_to_address_ms
        _tell(f"  last handover: {last.outcome} at {last.at}" + (f", address after {took} ms" if took else ""))
    return 0


def _tell_radio(radio: Dict[str, Any], report: WatcherReport) -> None:
    """Show one radio of a state. The watcher may be of another version, so a value may be missing."""
    word, reason, wanted = radio.get("state"), radio.get("reason"), radio.get("wanted")
    sentence = _held() if word == "held" else _SENTENCES.get(str(word), word)
    if word == "watching" and reason:
        sentence = _UNKNOWN if _why_unknown(reason) else _OFF
    _tell(f"  {radio.get('interface')} ({radio.get('phy')}): {sentence}")
    if reason:
        _tell(f"    because: {reason}")
    why = report.why_left(str(radio.get("interface"))) or (_why_off(reason) if word == "watching" else None)
    if why is not None:
        _tell(f"    {why}")
    if isinstance(wanted, dict):
        # With any other reason, the host already has a profile for the network.
        network = "add a profile for" if reason == "no_credentials" else "CSME's network:"
        _tell(f"    {network} {network_of(wanted)}")
    if not radio.get("supplicant"):
        _tell("    neither wpa_supplicant nor NetworkManager can be used for it")


def _held() -> str:
    from .._handover.words import HELD

    return HELD


def _why_off(reason: Any) -> Optional[str]:
    """Return why neither the host nor CSME can use a radio, or why its owner is not known, and what to do.

    It is None if there is no such reason.
    """
    from .._handover.policy import Outcome
    from .._handover.words import words_of
    from .._radio.rfkill import platform_switches

    unknown = _why_unknown(reason)
    if unknown is not None:
        return f"{unknown.what}. {unknown.remedy}"
    if reason not in (Outcome.AIRPLANE_MODE.value, Outcome.SWITCH_OFF.value):
        return None
    words = words_of(Outcome(reason), None, platform_switches)
    return f"{words.of(None)}. {words.remedy}"


def _why_unknown(reason: Any) -> Optional[Words]:
    """Return why it is not known who owns a radio, or None if that is not the reason."""
    from .._handover.policy import KERNEL_TOO_OLD, OWNER_UNKNOWN
    from .._radio.switched_off import INTERFACE_DOWN, NO_REASON

    return {KERNEL_TOO_OLD: NO_REASON, OWNER_UNKNOWN: INTERFACE_DOWN}.get(reason)


#: The sentence about a watched radio if there is a reason, which is why neither the host nor CSME can use it.
_OFF = "nobody can use the radio now"
_UNKNOWN = "it is not known who owns the radio"
_SENTENCES = {
    "watching": "nothing to do",
    "handover": "a handover is under way",
    "staying": "kept at its access point while CSME forbids roaming",
    "left": "CSME keeps the radio",
    "retrying": "CSME keeps the radio, and the watcher will try again",
}


def _check() -> int:
    from .._facts.gather import collect

    facts = collect(firmware=False)
    blockers = facts["readiness"]["blockers"]
    for blocker in blockers:
        _tell(f"{blocker['code']}: {blocker['message']}")
    if not blockers:
        _tell("A handover would succeed here now")
    return 1 if blockers else 0


def watch(version: str, path: str = PATH) -> None:
    """Run the service until it is told to end.

    Args:
        version: the collection's version, for the state file.
        path: the configuration file.

    Raises:
        FleetError: rfkill ended.
    """
    from .._watcher.loop import Watcher

    log = Log()
    try:
        config = read_config(path)
    except FleetError as error:
        # The role and check-config mostly prevent this. If the service ended here, systemd would only start it again.
        config = Config()
        log.write("error", f"the configuration is not valid, so the defaults apply: {error}", code=error.code)
    log.level = config.log_level
    Watcher(version, config, path, log).run()
