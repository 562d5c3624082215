# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading what was declared, with the place of each mistake."""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, Sequence

from .declared import Problem
from .values import ssid_text

#: As much of a name as a message shows.
_SHOWN = 64


def label_of(parameters: Any, index: Optional[int] = None) -> str:
    """Return what messages call a profile.

    Args:
        parameters: the profile's parameters as the task gives them, perhaps wrong.
        index: its place in a list of profiles, None where there is only one.
    """
    place = "profile" if index is None else f"profiles[{index}]"
    known = parameters if isinstance(parameters, Mapping) else {}
    name = known.get("ssid") or known.get("ssid_hex")
    if not isinstance(name, str):
        return place
    shown = ssid_text(name.encode("utf-8", "surrogatepass"))
    return f"{place} '{shown[:_SHOWN]}'"


class Reader:
    """The parameters of one profile, and what was found wrong with them."""

    def __init__(self, parameters: Mapping[str, Any], label: str, prefix: str = "") -> None:
        self.parameters = parameters
        self.label = label
        self.prefix = prefix
        self.problems: List[Problem] = []

    def fail(self, name: str, message: str) -> None:
        self.problems.append(Problem(self.label, self.prefix + name, message))

    def given(self, name: str) -> bool:
        return self.parameters.get(name) is not None

    def inside(self, name: str) -> Reader:
        """Return a reader of a parameter that is a mapping; it adds to the same problems."""
        value = self.parameters.get(name)
        inner = Reader(value if isinstance(value, Mapping) else {}, self.label, f"{name}.")
        inner.problems = self.problems
        return inner

    def choice(self, name: str, choices: Sequence[str], default: str = "") -> str:
        value = self.parameters.get(name)
        if value is None:
            if not default:
                self.fail(name, f"is missing; it is one of {', '.join(choices)}")
            return default
        if value not in choices:
            self.fail(name, f"is one of {', '.join(choices)}")
            return default
        return str(value)

    def text(self, name: str, limit: int) -> Optional[str]:
        """Return a text without control characters, None if it was not given or is wrong. Never shows it."""
        value = self.parameters.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not value:
            self.fail(name, "is empty" if value == "" else "is no text")
            return None
        if any(ord(character) < 0x20 or ord(character) == 0x7F for character in value):
            where = "ends with a line break" if value.rstrip("\r\n").isprintable() else "has a control character in it"
            self.fail(name, f"{where}; it has to be on one line")
            return None
        try:
            size = len(value.encode("utf-8"))
        except UnicodeEncodeError:
            self.fail(name, "has something in it that is no text")
            return None
        if size > limit:
            self.fail(name, f"has {size} bytes, at most {limit} are possible")
            return None
        return value

    def forbid(self, name: str, reason: str) -> None:
        if self.given(name):
            self.fail(name, reason)
