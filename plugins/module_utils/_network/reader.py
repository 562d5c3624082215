# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading the parameters of a declared profile, and collecting the errors in them."""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, Sequence

from .._system.given import not_text
from .._system.printable import quoted
from .declared import Problem

#: How many characters of a name a message shows.
_SHOWN = 64


def label_of(parameters: Any, index: Optional[int] = None) -> str:
    """Return the name of a profile in messages, such as ``profiles[0] 'corp-wifi'``.

    Args:
        parameters: the profile's parameters as the task gives them. They may be wrong.
        index: the profile's place in a list, or None when there is only one profile.
    """
    place = "profile" if index is None else f"profiles[{index}]"
    known = parameters if isinstance(parameters, Mapping) else {}
    name = known.get("ssid") or known.get("ssid_hex")
    if not isinstance(name, str):
        return place
    return f"{place} {quoted(name[:_SHOWN].encode('utf-8', 'surrogatepass'))}"


class Reader:
    """The parameters of one profile, and the errors that were found in them."""

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
        """Return a reader for a parameter that is a mapping. It adds to the same list of errors."""
        value = self.parameters.get(name)
        inner = Reader(value if isinstance(value, Mapping) else {}, self.label, f"{name}.")
        inner.problems = self.problems
        return inner

    def choice(self, name: str, choices: Sequence[str], default: str = "") -> str:
        value = self.parameters.get(name)
        if value is None:
            if not default:
                self.fail(name, f"is missing. It is one of {', '.join(choices)}")
            return default
        if not self.is_text(name):
            return default
        if value not in choices:
            self.fail(name, f"must be one of {', '.join(choices)}")
            return default
        return str(value)

    def is_text(self, name: str) -> bool:
        """Say whether a parameter is text. If it is not, that is an error."""
        wrong = not_text(self.parameters.get(name))
        if wrong is not None:
            self.fail(name, wrong)
        return wrong is None

    def text(self, name: str, limit: int) -> Optional[str]:
        """Return a text without control characters, or None if it was not given or is wrong.

        The text may be a secret, so no error repeats it.

        Args:
            name: the parameter.
            limit: how many bytes the text may have in UTF-8.
        """
        value = self.parameters.get(name)
        if value is None:
            return None
        if not self.is_text(name):
            return None
        if not value:
            self.fail(name, "is empty")
            return None
        if any(ord(character) < 0x20 or ord(character) == 0x7F for character in value):
            where = "ends with a line break" if value.rstrip("\r\n").isprintable() else "has a control character in it"
            self.fail(name, f"{where}, but it must be one line")
            return None
        try:
            size = len(value.encode("utf-8"))
        except UnicodeEncodeError:
            self.fail(name, "can't be encoded as UTF-8")
            return None
        if size > limit:
            self.fail(name, f"has {size} bytes, but at most {limit} are possible")
            return None
        return str(value)

    def forbid(self, name: str, reason: str) -> None:
        if self.given(name):
            self.fail(name, reason)
