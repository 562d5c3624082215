# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run ``ansible-test`` over a copy of the tree, on every Python that this machine has.

ansible-test wants the collection at ``ansible_collections/vpro/fleet`` in a git work tree, finds other Pythons as
``python3.N`` on the path (``tools/pythons.py`` prints one with all), and keeps environments below the home directory.
All of that is given to it under ``build/ansible-test``, so that it neither sees nor leaves anything elsewhere. It is
the ansible-test of the environment that this runs in. Arguments are handed on to it:
``python tools/run_ansible_test.py sanity --test pylint``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

TREE = Path(__file__).resolve().parent.parent
#: For each environment its own, so that several can run at a time.
ROOT = TREE / "build" / "ansible-test" / Path(sys.prefix).name
COPY = ROOT / "ansible_collections" / "vpro" / "fleet"
HOME = ROOT / "home"

#: Runs in place of the pip installer that ansible-test downloads, without the internet. Its arguments are packages,
#: which is one version of pip, and options of that installer. ansible-test makes an environment for each of its tests,
#: and the same pip goes into each. So it is installed and compiled once for a Python, and copied from then on.
BOOTSTRAP = """\
import os
import shutil
import subprocess
import sys
import sysconfig

packages = sorted(argument for argument in sys.argv[1:] if not argument.startswith("-"))
name = "{{}}-{{}}.{{}}".format("-".join(packages), *sys.version_info)
kept = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
if not os.path.exists(kept):
    new = kept + ".new"
    shutil.rmtree(new, ignore_errors=True)
    pip = [{python!r}, "-m", "pip", "--python", sys.executable, "--disable-pip-version-check"]
    # Its programs are not wanted: ansible-test runs the module.
    subprocess.check_call(pip + ["install", "--no-deps", "--compile", "--target", new] + packages)
    shutil.rmtree(os.path.join(new, "bin"), ignore_errors=True)
    os.rename(new, kept)
shutil.copytree(kept, sysconfig.get_path("purelib"), dirs_exist_ok=True)
"""


def copy_tree() -> None:
    """Make ``COPY`` equal to the tracked and the new files of the tree; what git ignores stays as it is."""
    listed = git(TREE, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    wanted = {name for name in listed if name and os.path.lexists(TREE / name)}
    if not (COPY / ".git").is_dir():
        COPY.mkdir(parents=True, exist_ok=True)
        git(COPY, "init", "--quiet")
    for name in git(COPY, "ls-files", "-z", "--others", "--exclude-standard").split("\0"):
        if name and name not in wanted:
            (COPY / name).unlink()
    for name in sorted(wanted):
        target = COPY / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        shutil.copy2(TREE / name, target, follow_symlinks=False)


def git(folder: Path, *arguments: str) -> str:
    """Return what git prints when run in *folder*."""
    return subprocess.run(["git", *arguments], cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout


def make_home() -> None:
    """Lay out the home directory: pip's settings and cache, and the pip bootstrap."""
    for name in (".config/pip", ".cache/pip"):
        source, link = Path.home() / name, HOME / name
        if source.is_dir() and not link.is_symlink():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(source)
    # ansible-test hands no PIP_ variable on, so they become the other file that pip reads.
    settings = {"quiet": "2"}  # only errors: ansible-test itself says what it installs
    settings |= {name[4:].lower(): value for name, value in os.environ.items() if name.startswith("PIP_")}
    lines = [f"{name.replace('_', '-')} = {value}\n" for name, value in settings.items()]
    (HOME / ".pip").mkdir(parents=True, exist_ok=True)
    (HOME / ".pip" / "pip.conf").write_text("[global]\n" + "".join(lines), encoding="utf-8")
    cache = HOME / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in pip_versions():
        script = cache / f"get_pip_{version.replace('.', '_')}.py"
        script.write_text(BOOTSTRAP.format(python=sys.executable), encoding="utf-8")


def pip_versions() -> set[str]:
    """Return the versions of pip that ansible-test asks for; without any it downloads the installer itself."""
    spec = find_spec("ansible_test")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("ansible-test is not in this environment: run it by make sanity")
    source = Path(spec.submodule_search_locations[0]) / "_internal" / "python_requirements.py"
    return set(re.findall(r"\bpip='([\d.]+)'", source.read_text(encoding="utf-8")))


def main(command: str, arguments: list[str]) -> NoReturn:
    """Become ansible-test."""
    copy_tree()
    make_home()
    environment = {**os.environ, "HOME": str(HOME)}
    # A copy of the collection further up the path would be taken for another one.
    environment.pop("ANSIBLE_COLLECTIONS_PATH", None)
    os.chdir(COPY)
    program = str(Path(sys.executable).parent / "ansible-test")
    os.execve(program, [program, command, "--local", *arguments], environment)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
