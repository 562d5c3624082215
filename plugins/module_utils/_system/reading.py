# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading what may not be there or not be readable, and keeping account of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, List, Optional, Tuple, TypeVar

from .errors import FleetError

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Unreadable:
    """Something that could not be read, and why.

    Attributes:
        what: its place in the facts document (``radios.phy0.csme``).
        why: what happened and what to do about it, for people.
        code: the error's code (``FleetError.code``), for programs; empty when there was no error of the collection's.
    """

    what: str
    why: str
    code: str = field(default="", compare=False)


class Reading:
    """Reads one thing after the other, and remembers what could not be read."""

    def __init__(self) -> None:
        self._unreadable: List[Unreadable] = []

    @property
    def unreadable(self) -> Tuple[Unreadable, ...]:
        """What could not be read, in the order of the attempts."""
        return tuple(self._unreadable)

    def add(self, *unreadable: Unreadable) -> None:
        """Remember what another reader could not read."""
        self._unreadable.extend(unreadable)

    def failed(self, what: str, error: FleetError) -> None:
        """Remember that reading *what* ended with *error*."""
        self.add(Unreadable(what, str(error), error.code))

    def attempt(self, what: str, read: Callable[[], _Value]) -> Optional[_Value]:
        """Return what *read* returns; None, and a note, when it fails in whatever way."""
        try:
            return read()
        except FleetError as error:
            self.failed(what, error)
        except Exception as error:
            # Facts that fail take gather_facts of a whole fleet with them; a fault of ours costs its own field alone.
            self.add(Unreadable(what, f"unexpected {type(error).__name__}: {error}. Please report this", "unexpected"))
        return None
