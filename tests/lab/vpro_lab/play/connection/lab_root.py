# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible's way into a root of Debian's below a folder of this machine: the lab's build host."""

from __future__ import annotations

import os
import shlex
import shutil
from typing import Any, Tuple

from ansible.plugins.connection.local import Connection as Local

DOCUMENTATION = """
name: lab_root
short_description: Run tasks in a root below a folder
description:
  - Runs each command in the root, with this machine's devices and processes, as root or as a user who looks like it.
author: The vpro.fleet developers (@vpro-fleet)
options:
  root:
    description: The folder.
    type: path
    required: true
    vars:
      - name: lab_root
"""

#: The mounts are in a namespace of the command's own, so they go with it.
_ENTERED = 'mount --rbind /dev "$0/dev" && mount --rbind /proc "$0/proc" && exec chroot "$0" /bin/sh -c "$1"'


class Connection(Local):  # type: ignore[misc]
    """The way into a root."""

    transport = "lab_root"

    def exec_command(self, cmd: str, in_data: Any = None, sudoable: bool = True) -> Tuple[int, bytes, bytes]:
        """Run a command; return its exit status, and what it wrote to both outputs."""
        mapped = [] if os.geteuid() == 0 else ["--map-root-user"]
        argv = ["unshare", "--mount", *mapped, "sh", "-c", _ENTERED, self.get_option("root"), cmd]
        done: Tuple[int, bytes, bytes] = super().exec_command(shlex.join(argv), in_data, sudoable)
        return done

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy a file into the root."""
        shutil.copyfile(in_path, self._inside(out_path))

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy a file out of the root."""
        shutil.copyfile(self._inside(in_path), out_path)

    def _inside(self, path: str) -> str:
        return str(self.get_option("root")) + path
