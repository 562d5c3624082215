# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading values that may be missing or unreadable, and keeping a list of those that could not be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, List, Optional, Tuple, TypeVar

from .errors import FleetError

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Unreadable:
    """A value that could not be read, and the reason.

    Attributes:
        what: the value's place in the facts document (``radios.phy0.csme``).
        why: the error and its remedy, for people.
        code: the error's code (``FleetError.code``), for programs. It is ``unexpected`` for a fault of the collection.
    """

    what: str
    why: str
    code: str = field(default="", compare=False)


class Reading:
    """Reads one value after another, and remembers those that could not be read."""

    def __init__(self) -> None:
        self._unreadable: List[Unreadable] = []

    @property
    def unreadable(self) -> Tuple[Unreadable, ...]:
        """The values that could not be read, in the order of the attempts."""
        return tuple(self._unreadable)

    def add(self, *unreadable: Unreadable) -> None:
        """Remember values that another reader could not read."""
        self._unreadable.extend(unreadable)

    def failed(self, what: str, error: FleetError) -> None:
        """Remember that reading *what* ended with *error*."""
        self.add(Unreadable(what, str(error), error.code))

    def attempt(self, what: str, read: Callable[[], _Value]) -> Optional[_Value]:
        """Return the result of *read*. When it fails, remember the error for *what*, and return None."""
        try:
            return read()
        except FleetError as error:
            self.failed(what, error)
        except Exception as error:
            # If the facts module failed, gather_facts would fail for the whole fleet. So a fault in this code costs one
            # value only.
            self.add(Unreadable(what, f"unexpected {type(error).__name__}: {error}. Please report this", "unexpected"))
        return None
