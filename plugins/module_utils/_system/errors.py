# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors of the collection: what happened, where, and what to do about it.

Every error that a person can meet is one of these. ``_module.py`` turns them into ``fail_json``;
nothing else formats them.
"""

from __future__ import annotations

from typing import Any, ClassVar, Dict


class FleetError(Exception):
    """Base of all errors that the collection raises on purpose.

    Args:
        what: one sentence that says what went wrong.
        where: the file, socket, interface or message concerned. It is empty when *what* names it.
        remedy: one sentence that says what the administrator can do. It is empty when there is nothing to do.
    """

    #: The stable, documented identifier of this kind of error.
    code: ClassVar[str] = "error"

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy
        #: Further results of JSON types. A failing module returns them beside its message.
        self.details: Dict[str, Any] = {}

    def __str__(self) -> str:
        text = self.what
        if self.where:
            text = f"{text} ({self.where})"
        if self.remedy:
            text = f"{text}. {self.remedy}"
        return text

    def as_dict(self) -> Dict[str, str]:
        """Return the error as the mapping that modules hand to Ansible."""
        return {"code": self.code, "what": self.what, "where": self.where, "remedy": self.remedy}


class LibraryMissing(FleetError):
    """A Python library that the laptop must have is not installed, or too old."""

    code = "library_missing"


class AccessDenied(FleetError):
    """The kernel, the supplicant or a service refused because the user lacks privilege."""

    code = "access_denied"


class NotFound(FleetError):
    """The thing asked for (a family, an interface, a network, a socket) does not exist."""

    code = "not_found"


class DecodeFailed(FleetError):
    """A message from the kernel, the firmware or the supplicant is malformed."""

    code = "decode_failed"


class TransportFailed(FleetError):
    """A socket, device, file or process failed. ``errno`` is the system's error number, or 0 when there is none."""

    code = "transport_failed"

    def __init__(self, what: str, *, where: str = "", remedy: str = "", errno: int = 0) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.errno = errno


class TimedOut(FleetError):
    """An answer did not come within the time allowed."""

    code = "timed_out"


class SupplicantRefused(FleetError):
    """The supplicant answered FAIL or UNKNOWN COMMAND, or a D-Bus service answered with an error of its own."""

    code = "supplicant_refused"


class FirmwareRefused(FleetError):
    """The firmware answered that it did not do what it was asked. ``status`` is the number that it gave as the reason.

    Args:
        call: the name of the call.
        status: the number.
    """

    code = "firmware_refused"

    def __init__(self, call: str, status: int) -> None:
        super().__init__(f"the firmware refused {call} with the status {status:#x}")
        self.status = status


class Refused(FleetError):
    """The collection declines to do what was asked, for a reason that has a stable code of its own.

    ``reason`` is one of the codes that ``amt_wifi_ownership`` documents, such as ``airplane_mode``.
    """

    code = "refused"

    def __init__(self, reason: str, what: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.reason = reason

    def as_dict(self) -> Dict[str, str]:
        """Return the error as a mapping whose code is the reason."""
        return {**super().as_dict(), "code": self.reason}
