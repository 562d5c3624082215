# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What EAP lacks in a profile: a password, a key, or a file. It is one predicate for all managers, and does no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Iterable, Optional, Tuple

from .._system.printable import printable
from .limits import Obstacle

#: Says whether a file exists, or returns None if this user can't find out.
Exists = Callable[[str], Optional[bool]]

#: EAP methods that need a password, or a key for the inner method.
_BY_PASSWORD = frozenset({"PEAP", "TTLS", "FAST", "TEAP", "MSCHAPV2", "GTC", "MD5", "LEAP", "PWD"})
TLS = "TLS"


@dataclass(frozen=True)
class EapMethod:
    """One method of EAP that a profile allows, and what the profile has for it.

    Attributes:
        name: wpa_supplicant's name of the method whose credentials count. It is the inner method if that one is TLS.
        password: whether there is a password. It is None if that is not known.
        key: the setting for the private key of TLS.
        has_key: whether the private key is set, in a file or elsewhere.
        files: the settings whose files are read for the method, with the files' paths.
    """

    name: str
    password: Optional[bool] = None
    key: str = ""
    has_key: bool = False
    files: Tuple[Tuple[str, bytes], ...] = ()


def not_known(_path: str) -> Optional[bool]:
    """Say that nothing is known of a file, as in a dry run: in a real run, an earlier task may create it."""
    return None


def eap_obstacle(methods: Iterable[EapMethod], exists: Exists) -> Optional[Obstacle]:
    """Return what EAP lacks, or None if it lacks nothing, or that is not known. One method that can work is enough.

    Args:
        methods: the methods that a profile allows.
        exists: says whether a file exists.
    """
    found = None
    for method in methods:
        found = _lacks(method, exists)
        if found is None:
            return None
    return found


def _lacks(method: EapMethod, exists: Exists) -> Optional[Obstacle]:
    if method.name in _BY_PASSWORD and method.password is False:
        return Obstacle(f"has no password, which EAP-{method.name} needs", "Give it the password")
    if method.name == TLS and not method.has_key:
        return Obstacle(f"has no {method.key}, which EAP-TLS needs", "Give it the key, and its certificate")
    for name, path in method.files:
        # The names of files are bytes. Python has these characters for those that are not UTF-8.
        if path.startswith(b"/") and exists(path.decode("utf-8", "surrogateescape")) is False:
            what = f"names a file that does not exist ({name}: {printable(path)})"
            return Obstacle(what, "Copy the file to that path")
    return None
