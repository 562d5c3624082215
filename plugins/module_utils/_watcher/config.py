# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The watcher's configuration: a JSON file, checked field by field.

``plugins/schemas/amt_wifi_watcher_config.schema.json`` describes the same settings for the controller. There, a library
checks the schema. Laptops do not have that library. A change here needs the same change in the schema.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields
from typing import Any, Dict, Tuple

from .._system.errors import FleetError
from .._system.systemd import PRIORITIES

PATH = "/etc/amt-wifi-watcher/config.json"
#: Bytes. A configuration is much smaller than a kilobyte.
_SIZE_MAX = 65536
#: The most seconds that an interface can be held back. systemd ends a hold after a longer time
#: (roles/watcher/files/amt-wifi-watcher-hold@.service).
HOLD_BRING_UP_MAX = 900
#: A device name that the kernel accepts (dev_valid_name): shorter than IFNAMSIZ (linux/if.h), no slash, colon or white
#: space.
_INTERFACE = re.compile(r"[^/:\s]{1,15}\Z")
_CHOICES: Dict[str, Tuple[str, ...]] = {
    "idle": ("take", "leave"),
    "no_credentials": ("leave", "take"),
    "log_level": tuple(PRIORITIES),
}


class BadConfiguration(FleetError):
    """The configuration is wrong. The message names the field."""

    code = "bad_configuration"


@dataclass(frozen=True)
class Config:
    """The watcher's settings.

    Attributes:
        interfaces: the interfaces whose radios are watched. When it is empty, every radio that CSME can own is.
        idle: whether to ``take`` or ``leave`` a radio that CSME owns without a connection.
        no_credentials: whether to ``take`` or ``leave`` a radio whose connection the host could not carry on.
        stay_at_access_point: whether to keep the host at its access point while CSME forbids roaming.
        hold_bring_up_seconds: how many seconds an interface is held back at most, where its bring-up would end a
            session that the host could not carry on (driver-managed kernels). 0 means that it is not held back. If CSME
            is connected to a network for which the host has no profile, a laptop waits so long at each boot, with or
            without a session. So the default is short.
        log_level: ``debug``, ``info``, ``warning`` or ``error``.
    """

    interfaces: Tuple[str, ...] = ()
    idle: str = "take"
    no_credentials: str = "leave"
    stay_at_access_point: bool = True
    hold_bring_up_seconds: int = 120
    log_level: str = "info"

    def wants(self, interface: str) -> bool:
        """Say whether the radio of an interface is to be watched."""
        return not self.interfaces or interface in self.interfaces


def read_config(path: str = PATH) -> Config:
    """Return the configuration in a file, or the defaults when there is no such file.

    Raises:
        BadConfiguration: the file can't be read, is not JSON, or has a wrong field.
    """
    try:
        with open(path, "rb") as handle:
            data = handle.read(_SIZE_MAX + 1)
    except FileNotFoundError:
        return Config()
    except OSError as error:
        raise BadConfiguration(f"it can't be read: {error.strerror}", where=path) from error
    if len(data) > _SIZE_MAX:
        raise BadConfiguration(f"it has more than {_SIZE_MAX} bytes", where=path)
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadConfiguration(f"it is not JSON: {error}", where=path) from error
    return parse_config(document, path)


def parse_config(document: Any, where: str = PATH) -> Config:
    """Return the configuration that a document describes.

    Args:
        document: the configuration as JSON types.
        where: the name of the document in errors.

    Raises:
        BadConfiguration: the document has wrong fields. The error names all of them.
    """
    if not isinstance(document, dict):
        raise BadConfiguration("it is not a mapping of settings", where=where)
    known = {each.name for each in fields(Config)}
    settings = ", ".join(sorted(known))
    wrong = [f"{name} is not a setting (the settings are {settings})" for name in sorted(set(document) - known)]
    for name, choices in _CHOICES.items():
        if name in document and document[name] not in choices:
            wrong.append(f"{name} has to be one of {', '.join(choices)}")
    if not isinstance(document.get("stay_at_access_point", True), bool):
        wrong.append("stay_at_access_point has to be true or false")
    seconds = document.get("hold_bring_up_seconds", 0)
    if isinstance(seconds, float) and seconds.is_integer():  # for JSON Schema, 60.0 is an integer
        seconds = int(seconds)
        document = {**document, "hold_bring_up_seconds": seconds}
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 <= seconds <= HOLD_BRING_UP_MAX:
        wrong.append(f"hold_bring_up_seconds has to be a number from 0 to {HOLD_BRING_UP_MAX}")
    interfaces = document.get("interfaces", [])
    if not isinstance(interfaces, list) or not all(
        isinstance(each, str) and _INTERFACE.match(each) and each not in (".", "..") for each in interfaces
    ):
        wrong.append("interfaces has to be a list of names of network interfaces")
    if wrong:
        raise BadConfiguration("; ".join(wrong), where=where, remedy="Correct the file, then reload the watcher")
    return Config(**{**document, "interfaces": tuple(interfaces)})
