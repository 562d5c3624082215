# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running a program to its end, with a timeout."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import Sequence

from .errors import NotFound, TimedOut, TransportFailed


@dataclass(frozen=True)
class Finished:
    """How a program ended: its exit status, and what it wrote to standard output and standard error."""

    status: int
    out: bytes
    err: bytes


def run(argv: Sequence[str], timeout: float, *, descriptors: Sequence[int] = ()) -> Finished:
    """Run a program to its end. Its standard input is empty.

    Args:
        argv: the program and its arguments.
        timeout: seconds that the program may take. After that it is killed.
        descriptors: open files of this process that the program inherits.

    Raises:
        NotFound: there is no such program.
        TimedOut: the program took too long.
        TransportFailed: the program could not be started.
    """
    try:
        # Ansible's AnsibleModule.run_command has no timeout, and most callers run without Ansible.
        # pylint: disable-next=ansible-bad-function
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            pass_fds=descriptors,
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError:
        raise NotFound(f"there is no program {argv[0]}") from None
    except subprocess.TimeoutExpired:
        raise TimedOut(f"{argv[0]} took longer than {timeout:g} s") from None
    except OSError as error:
        number = error.errno or 0
        raise TransportFailed(f"{argv[0]} can't be run: {os.strerror(number)}", errno=number) from error
    return Finished(done.returncode, done.stdout, done.stderr)
