# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make ``.venv`` with everything in ``requirements/``, and the link that makes the collection importable.

Does nothing when the requirements and the Python are those of the last time. pip runs with the configuration of the
machine; its output is kept in ``build/setup.log``.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

TREE = Path(__file__).resolve().parent.parent
VENV = TREE / ".venv"
STAMP = VENV / "requirements.sha256"
LOG = TREE / "build" / "setup.log"
LINK = TREE / "build" / "collections" / "ansible_collections" / "vpro" / "fleet"

#: The oldest Python that ansible-core 2.19 runs on.
OLDEST = (3, 11)

#: Seconds between two lines of progress when nobody watches at a terminal.
QUIET_FOR = 10.0


def main() -> int:
    """Bring the link and the environment up to date; return the exit status."""
    if sys.version_info < OLDEST:
        found = f"{sys.executable} is Python {sys.version_info[0]}.{sys.version_info[1]}"
        return fail(f"{found}, but 3.11 or newer is needed. Name one: make setup PYTHON=python3.12")
    make_link()
    requirements = sorted((TREE / "requirements").glob("*.txt"))
    # The interpreter itself, also when this runs inside the environment that is about to be replaced.
    python = os.path.realpath(sys.executable)
    wanted = fingerprint(python, requirements)
    if STAMP.is_file() and STAMP.read_text(encoding="ascii") == wanted:
        return 0
    if VENV.is_symlink():
        return fail(".venv is a link, and what it points to would be emptied. Remove the link, then run this again")

    print(f"setup: making .venv with Python {sys.version.split()[0]}; the first time this takes a minute or two")
    LOG.parent.mkdir(exist_ok=True)
    LOG.write_bytes(b"")
    if run([python, "-m", "venv", "--clear", str(VENV)]) != 0:
        return fail("Python's venv could not make .venv. On Debian and Ubuntu it is in python3-venv: make setup")
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    for path in requirements:
        pip += ["--requirement", str(path)]
    if run(pip) != 0:
        return fail("pip could not install the requirements")
    STAMP.write_text(wanted, encoding="ascii")
    print("setup: .venv is ready")
    return 0


def make_link() -> None:
    """Let ``build/collections`` hold the tree under the name that Python and Ansible look for."""
    target = os.path.relpath(TREE, LINK.parent)
    if LINK.is_symlink() and os.readlink(LINK) == target:
        return
    LINK.parent.mkdir(parents=True, exist_ok=True)
    LINK.unlink(missing_ok=True)
    LINK.symlink_to(target)


def fingerprint(python: str, requirements: list[Path]) -> str:
    """Return a digest of all that decides what the environment holds, and of where it is."""
    digest = hashlib.sha256(f"{python} {sys.version} {VENV}".encode())
    for path in requirements:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def run(command: list[str]) -> int:
    """Run *command* with its output in the log, and show where it is; return its exit status."""
    at_terminal = sys.stdout.isatty()
    began = shown = time.monotonic()
    with LOG.open("a", encoding="utf-8") as log:
        # Its standard input is closed: nothing may wait for an answer that nobody can give.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert process.stdout is not None
        for line in process.stdout:
            log.write(line)
            now = time.monotonic()
            if at_terminal or now - shown >= QUIET_FOR:
                shown = now
                text = f"setup: {now - began:3.0f} s  {line.strip()[:70]}"
                print(f"\r\033[K{text}" if at_terminal else text, end="" if at_terminal else "\n", flush=True)
        if at_terminal:
            print("\r\033[K", end="", flush=True)
        return process.wait()


def fail(reason: str) -> int:
    """Say why it ended, with the last lines of the log when there is one; return the exit status."""
    if LOG.is_file():
        sys.stderr.writelines(line + "\n" for line in LOG.read_text(encoding="utf-8").splitlines()[-15:])
    print(f"setup: {reason}.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
