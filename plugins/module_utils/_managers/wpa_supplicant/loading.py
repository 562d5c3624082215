# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finding out whether wpa_supplicant starts with a configuration, before the configuration is written.

The installed wpa_supplicant is asked. Where there is none, ``conf_check`` judges.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import FrozenSet, List, Optional, Tuple

from ..._system import program as _program
from ..._system.errors import FleetError, Refused
from ..._system.places import PLACES, Places
from .conf_check import faults, names_in
from .conf_lines import lines_of

#: The places of the program in distributions, below ``/``.
PROGRAMS: Tuple[str, ...] = ("usr/sbin/wpa_supplicant", "sbin/wpa_supplicant", "usr/bin/wpa_supplicant")
#: Seconds to wait for wpa_supplicant to read a file. It takes 0.1 s, or 0.5 s on an emulated machine.
_READ_WAIT = 20.0
#: The most lines that an error explains in words.
_EXPLAINED = 4


@dataclass(frozen=True)
class LoadResult:
    """Whether wpa_supplicant can read a configuration, and the lines that it blames if it can't."""

    loads: bool
    lines: FrozenSet[int] = frozenset()


def installed_program(places: Places = PLACES) -> Optional[str]:
    """Return the path of wpa_supplicant, or None if it is not installed. *places* says where the files are."""
    paths = (places.at(name) for name in PROGRAMS)
    return next((path for path in paths if os.path.exists(path)), None)


def check_loads(program: Optional[str], text: str, before: Optional[str], path: str) -> None:
    """Check that wpa_supplicant starts with a configuration that is to be written.

    Args:
        program: the path of wpa_supplicant, or None if it is not installed.
        text: the configuration.
        before: the configuration that the file has now. None means that there is no file.
        path: the file.

    Raises:
        Refused: it does not start with it. If that is so because of lines that the file has now, the error names them
            by their numbers in the file.
    """
    now = _verdict(program, text)
    if now.loads:
        return
    there = now if before == text else LoadResult(True) if before is None else _verdict(program, before)
    stay = frozenset(lines_of(text))
    lines = [] if before is None else lines_of(before)
    kept = frozenset(number for number in there.lines if number > len(lines) or lines[number - 1] in stay)
    if not there.loads and (kept or not there.lines):
        _refuse_file(before or "", kept, path)
    names = names_in(text)
    refused = sorted({names[number] for number in now.lines if number in names})
    raise Refused(
        "supplicant_refused",
        f"wpa_supplicant would not start with the declared networks ({', '.join(refused) or 'unknown variable'})",
        where=path,
        remedy="Declare what this build of wpa_supplicant supports. Nothing was changed",
    )


def _refuse_file(text: str, numbers: FrozenSet[int], path: str) -> None:
    # Only numbers and explanations are shown, because the lines themselves may contain a passphrase.
    at = f" (line {', '.join(map(str, sorted(numbers)))})" if numbers else ""
    explained: List[str] = [str(fault) for fault in faults(text) if fault.line in numbers]
    more = f": {'; '.join(explained[:_EXPLAINED])}" if explained else ""
    raise Refused(
        "configuration_unusable",
        f"wpa_supplicant can't read its configuration{at}, and would not start with it{more}",
        where=path,
        remedy="Repair the file",
    )


def _verdict(program: Optional[str], text: str) -> LoadResult:
    told = None if program is None else _ask(program, text)
    if told is not None:
        return told
    blamed = frozenset(fault.line for fault in faults(text))
    return LoadResult(not blamed, blamed)


def _ask(program: str, text: str) -> Optional[LoadResult]:
    """Return what wpa_supplicant says about a configuration, or None if it did not get to read it.

    It is started for an interface that does not exist, so that it ends as soon as it has read the file.
    """
    descriptor = os.memfd_create("wpa_supplicant.conf")
    try:
        _write(descriptor, text.encode("utf-8", "surrogateescape"))
        name = f"/proc/self/fd/{descriptor}"
        argv = [program, "-Dnl80211", "-ivpro-fleet-none", f"-c{name}"]
        done = _program.run(argv, _READ_WAIT, descriptors=[descriptor])
    except (OSError, FleetError):
        return None
    finally:
        os.close(descriptor)
    said = done.out + done.err
    if b"Failed to read or parse configuration" in said:
        return LoadResult(False, frozenset(int(line) for line in re.findall(rb"^Line (\d+): ", said, re.MULTILINE)))
    return LoadResult(True) if b"Successfully initialized wpa_supplicant" in said else None


def _write(descriptor: int, data: bytes) -> None:
    with os.fdopen(descriptor, "wb", closefd=False) as handle:
        handle.write(data)
