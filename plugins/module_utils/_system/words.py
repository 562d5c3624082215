# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happened and what to do about it, as texts for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Words:
    """The text about an outcome.

    Attributes:
        what: what happened, as a sentence without its full stop. ``{who}`` stands for the manager of the interface.
        remedy: what to do about it, as sentences without the last full stop. It is empty when there is nothing to do.
    """

    what: str
    remedy: str = ""

    def of(self, who: Optional[str]) -> str:
        """Return ``what`` with the manager's name. Without a manager, *who* is None."""
        return self.what.format(who=who or "the supplicant")
