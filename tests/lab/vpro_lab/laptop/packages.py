# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packages for a laptop, which has no network but the lab's: Debian's through this machine, Python's from a folder."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Sequence

from ..errors import LabError
from .control import Laptop

#: Where a laptop's end of the way out listens.
_SOCKS_PORT = 1080
_APT_CONF = "/etc/apt/apt.conf.d/zz-lab-way-out"
_WHEELS = "/srv/wheels"
#: Seconds until ssh has set up the way out.
_WAY_OUT_SECONDS = 60.0


@contextmanager
def debian_packages(laptop: Laptop) -> Iterator[None]:
    """Let a laptop's apt reach the archive that its image was made from, with this machine's network.

    Raises:
        LabError: ssh does not make the way, or the archive can't be reached.
    """
    # ssh(1), -R with a port alone: a SOCKS proxy in the laptop whose connections leave from here.
    argv = ["ssh", "-F", str(laptop.config), "-S", "none", "-N", "-R", f"127.0.0.1:{_SOCKS_PORT}", "laptop"]
    way = subprocess.Popen([*argv, "-o", "ExitOnForwardFailure=yes"], stdin=subprocess.DEVNULL)
    try:
        laptop.wait_until("the way to this machine's network", lambda: _leads_out(laptop, way), _WAY_OUT_SECONDS)
        laptop.guest.write(_APT_CONF, f'Acquire::http::Proxy "socks5h://127.0.0.1:{_SOCKS_PORT}";\n')
        laptop.guest.check("apt-get -q update --error-on=any", timeout=300)
        yield
    finally:
        way.terminate()
        way.wait()
        laptop.guest.run(f"rm -f {_APT_CONF}")


def _leads_out(laptop: Laptop, way: subprocess.Popen[bytes]) -> bool:
    if way.poll() is not None:
        raise LabError("ssh made the laptop no way to this machine's network")
    return f":{_SOCKS_PORT} " in laptop.guest.check("ss -ltn")


def python_packages(laptop: Laptop, requirements: Sequence[str], folder: Path) -> None:
    """Have a laptop's pip find packages in a folder of its own: what this machine's pip finds for that laptop.

    Args:
        laptop: which.
        requirements: as pip takes them. What they need comes along.
        folder: where the files are put on this machine; empty.

    Raises:
        LabError: pip finds none that run on the laptop's Python.
    """
    python = laptop.guest.check("python3 -c 'import sys; print(*sys.version_info[:2], sep=\".\")'").strip()
    argv = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(folder), "--only-binary", ":all:"]
    done = subprocess.run(
        [*argv, "--python-version", python, *requirements], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise LabError(f"pip has no packages for Python {python}: {done.stderr}")
    laptop.guest.check(f"mkdir -p {_WHEELS}")
    laptop.send(list(folder.iterdir()), _WHEELS)
    laptop.guest.write("/etc/pip.conf", f"[global]\nno-index = true\nfind-links = {_WHEELS}\n")
