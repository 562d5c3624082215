# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for the end of another process."""

from __future__ import annotations

import os
import select
from typing import Any, Iterable

from .errors import NotFound, TransportFailed


class ProcessEnd:
    """The end of a process, as something that can be waited for.

    Args:
        pid: the process's id.

    Raises:
        NotFound: there is none of that id.
        TransportFailed: the kernel refused.
    """

    def __init__(self, pid: int) -> None:
        try:
            self._descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            raise NotFound(f"process {pid} has ended") from None
        except OSError as error:
            number = error.errno or 0
            raise TransportFailed(f"process {pid} can't be watched: {os.strerror(number)}", errno=number) from error

    def fileno(self) -> int:
        """Return the descriptor, which is readable once the process has ended."""
        return self._descriptor

    def read(self) -> Iterable[Any]:
        """Return one piece of news: it is called when the process has ended."""
        return (self,) if select.select([self], [], [], 0)[0] else ()

    def close(self) -> None:
        """Watch it no more; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
