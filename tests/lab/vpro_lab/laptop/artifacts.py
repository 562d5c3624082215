# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What explains a failure, kept of a laptop that ends."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from .control import Laptop

#: What is kept of each command's output, by the name of the file.
_COMMANDS = {
    "journal.txt": "journalctl -b -o short-monotonic --no-pager",
    "supplicant.txt": "journalctl -b -u 'wpa_supplicant*' -o short-monotonic --no-pager",
    "dmesg.txt": "dmesg",
    "csme-log.txt": "cat /sys/kernel/debug/csme_standin/log /sys/kernel/debug/csme_standin/control",
    "csme-engine.txt": "cat /run/csme-engine.log /run/csme-engine.out",
    "rfkill.txt": "grep . /sys/class/rfkill/*/* 2>/dev/null",
    "network.txt": "ip -s addr; iw dev; for n in ap csme; do ip -n $n -s addr; ip -n $n route; done",
}


def keep_artifacts(laptop: Laptop, folder: Path) -> None:
    """Copy everything that explains a failure to *folder*: journal, dmesg, logs of all processes, captures.

    Of a laptop that does not answer any more it is the console alone, with what its kernel said last.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(laptop.folder / "console.log", folder / "console.log")
    if not laptop.alive:
        return
    for name, command in _COMMANDS.items():
        done = laptop.guest.run(command)
        (folder / name).write_text(done.out + done.err, encoding="utf-8")
    for path in laptop.guest.run("ls /run/lab-*.log /run/lab-*.pcap 2>/dev/null").out.split():
        subprocess.run(
            ["scp", "-q", "-F", str(laptop.config), f"laptop:{path}", str(folder / Path(path).name)], check=False
        )
