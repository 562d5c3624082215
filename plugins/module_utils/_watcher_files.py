# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The watcher's files on a laptop: its package, which is the house without the porch, and the files around it.

For the module ``amt_wifi_watcher_files``.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import struct
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pkgutil import walk_packages
from typing import Any, Dict, Iterable, List, Optional, Set, Union

from ansible.module_utils.basic import AnsibleModule

from ._system.errors import FleetError, NotFound, Refused, TimedOut, TransportFailed
from ._system.program import run

# A module brings along what it imports, and what that imports in turn: with the command, the whole of the watcher.
from ._tasks import command as _command  # noqa: F401

#: What is for Ansible alone.
_PORCH = ("_module", "_profile_options", "_watcher_files")
_BYTECODE = "__pycache__"
_FOLDER = "folder"
#: What the names of folders for drop-ins end with, of those that are made here.
_DROP_IN_FOLDERS = (".service.d", ".network.d")
#: Seconds for a command; a loaded machine without much of a CPU needs a few to compile the package.
_COMMAND_SECONDS = 120
#: What a .pyc begins with (PEP 552): magic number, flags, and time and size of its source.
_PYC_HEADER = struct.Struct("<4sIII")


def carried() -> Dict[str, bytes]:
    """Return the files of the house that came along with this module, by their paths in it. The porch stays here."""
    house = import_module(__name__.rpartition(".")[0])
    found: Dict[str, bytes] = {}
    for each in walk_packages(house.__path__, f"{house.__name__}."):
        path = each.name[len(house.__name__) + 1 :].replace(".", "/")
        spec = find_spec(each.name)
        if spec is None or spec.origin is None or path in _PORCH:
            continue
        # Out of the archive that Ansible sends, or out of a folder.
        data = spec.loader.get_data(spec.origin)  # type: ignore[union-attr]
        found[f"{path}/__init__.py" if each.ispkg else f"{path}.py"] = data
    return found


class Package:
    """The Python package.

    Args:
        path: its folder.
        files: what is to be in it, by the path in it.
        python: the Python that runs it.
    """

    def __init__(self, path: str, files: Dict[str, bytes], python: str) -> None:
        self.path = path
        self._files = files
        self._python = python
        tag = _cache_tag(python)
        before = _look(path, tag)
        after = {name: _describe(data) for name, data in files.items()}
        if tag is not None:
            after.update({name: f"{after[name]}, compiled" for name in files if name.endswith(".py")})
        after.update(dict.fromkeys(_folders(files), _FOLDER))
        self.changed = before != after
        # Of so many files, only what differs is worth a look.
        names = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
        self.before = "".join(f"{name}: {before[name]}\n" for name in names if name in before)
        self.after = "".join(f"{name}: {after[name]}\n" for name in names if name in after)

    def apply(self) -> None:
        """Put the new package into the place of the old one.

        Raises:
            NotFound, TransportFailed: it could not be made; the old one stays.
        """
        new, old = f"{self.path}.new", f"{self.path}.old"
        _remove(new)
        _remove(old)
        os.makedirs(new)
        for name in sorted(_folders(self._files)):
            os.mkdir(os.path.join(new, name))
        for name, data in self._files.items():
            _write(os.path.join(new, name), data)
        self._compile(new)
        if os.path.lexists(self.path):
            os.rename(self.path, old)
        os.rename(new, self.path)
        _remove(old)

    def _compile(self, folder: str) -> None:
        """Compile the files of a folder as those of the package, which they become."""
        argv = [self._python, "-I", "-m", "compileall", "-q", "-s", folder, "-p", self.path, folder]
        try:
            done = run(argv, _COMMAND_SECONDS)
        except NotFound:
            raise NotFound("there is no Python for the watcher", where=self._python) from None
        except TimedOut:
            raise TransportFailed("compiling the package took too long", where=self._python) from None
        if done.status:
            told = (done.out + done.err).decode("utf-8", "replace").strip()
            raise Refused("package_unusable", f"this Python can't run the watcher: {told}", where=self._python)


class Folder:
    """A folder of root's."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.before = _attributes(path, stat.S_ISDIR)
        self.after = _wanted(0o755)
        self.changed = self.before != self.after

    def apply(self) -> None:
        """Make it."""
        os.makedirs(self.path, exist_ok=True)
        _own(self.path, 0o755)


class File:
    """A further file.

    Args:
        module: the module that runs.
        options: as the module's option ``files`` has them.
    """

    def __init__(self, module: AnsibleModule, options: Dict[str, Any]) -> None:
        self.path: str = options["path"]
        self._module = module
        self._validate: Optional[str] = options["validate"]
        self._mode = 0o755 if options["executable"] else 0o644
        self._content: str = options["content"]
        attributes = _attributes(self.path, stat.S_ISREG)
        text = ""
        if attributes:
            with open(self.path, encoding="utf-8", errors="backslashreplace", newline="") as handle:
                text = handle.read()
        self.changed = (attributes, text) != (_wanted(self._mode), self._content)
        # Attributes are shown where they differ alone: a diff is for people.
        differ = attributes not in ("", _wanted(self._mode))
        self.before = (attributes if differ else "") + text
        self.after = (_wanted(self._mode) if differ else "") + self._content

    def apply(self) -> None:
        """Put the new file into the place of the old one.

        Raises:
            Refused: the command that has to validate it did not.
        """
        new = os.path.join(self._module.tmpdir, os.path.basename(self.path))
        _remove(new)
        _write(new, self._content.encode())
        if self._validate is not None:
            rc, out, err = self._module.run_command(self._validate.replace("%s", new))
            if rc:
                raise Refused("validation_failed", f"it was not validated: {(err or out).strip()}", where=self.path)
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        # It keeps SELinux content: the new file gets the label that belongs to the place.
        self._module.atomic_move(new, self.path)
        _own(self.path, self._mode)


class Gone:
    """Something that is not to be there."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.changed = os.path.lexists(path)
        self.before = "present\n" if self.changed else ""
        self.after = ""

    def apply(self) -> None:
        """Remove it; with the last of a unit's drop-ins, their folder."""
        _remove(self.path)
        folder = os.path.dirname(self.path)
        if folder.endswith(_DROP_IN_FOLDERS):
            with suppress(OSError):  # somebody has others in it
                os.rmdir(folder)


Part = Union[Package, Folder, File, Gone]


def _cache_tag(python: str) -> Optional[str]:
    """Return what the names of a Python's bytecode have in them; None if it does not tell."""
    argv = [python, "-I", "-S", "-c", "import sys; print(sys.implementation.cache_tag)"]
    try:
        done = run(argv, _COMMAND_SECONDS)
    except FleetError:
        return None
    return done.out.decode("ascii", "replace").strip() if done.status == 0 else None


def _folders(files: Iterable[str]) -> Set[str]:
    """Return the folders in which files are, by their paths: a slash ends each."""
    return {f"{name[:end]}/" for name in files for end in range(len(name)) if name[end] == "/"}


def _look(path: str, tag: Optional[str]) -> Dict[str, str]:
    """Return what is in a package's folder by its path in it, in words; nothing when there is no such folder."""
    attributes = _attributes(path, stat.S_ISDIR)
    found = {} if attributes == _wanted(0o755) else {".": attributes.strip() or "absent"}
    if attributes:
        _look_into(path, "", tag, found)
    return found


def _look_into(package: str, folder: str, tag: Optional[str], found: Dict[str, str]) -> None:
    """Add what is in a folder of a package, and below it."""
    for name in os.listdir(os.path.join(package, folder)):
        if name == _BYTECODE:
            continue
        inner = os.path.join(package, folder, name)
        attributes = _attributes(inner, stat.S_ISDIR)
        if attributes:
            found[f"{folder}{name}/"] = _FOLDER if attributes == _wanted(0o755) else f"{_FOLDER}, {attributes.strip()}"
            _look_into(package, f"{folder}{name}/", tag, found)
        else:
            found[folder + name] = _look_at(inner, tag)


def _look_at(path: str, tag: Optional[str]) -> str:
    """Return what a file of a package is, in words."""
    attributes = _attributes(path, stat.S_ISREG)
    if not attributes:
        return "no file"
    with open(path, "rb") as handle:
        told = _describe(handle.read())
    if attributes != _wanted(0o644):
        told += f", {attributes.strip()}"
    if tag is not None and path.endswith(".py") and _is_compiled(path, tag):
        told += ", compiled"
    return told


def _describe(data: bytes) -> str:
    return f"{len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()[:16]}"


def _is_compiled(path: str, tag: str) -> bool:
    """Say whether the bytecode of a file is there, and made from it as it is."""
    folder, name = os.path.split(path)
    source = os.stat(path)
    try:
        with open(os.path.join(folder, _BYTECODE, f"{name[:-3]}.{tag}.pyc"), "rb") as handle:
            _magic, flags, at, size = _PYC_HEADER.unpack(handle.read(_PYC_HEADER.size))
    except (OSError, struct.error):
        return False
    return (flags, at, size) == (0, int(source.st_mtime) & 0xFFFFFFFF, source.st_size & 0xFFFFFFFF)


def _attributes(path: str, is_kind: Any) -> str:
    """Return owner and mode in words; empty when there is nothing, or something of another kind."""
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    if not is_kind(status.st_mode):
        return ""
    return f"owner {status.st_uid}:{status.st_gid}, mode {stat.S_IMODE(status.st_mode):04o}\n"


def _wanted(mode: int) -> str:
    """Return, as ``_attributes`` has them, those of what is made here."""
    return f"owner {os.geteuid()}:{os.getegid()}, mode {mode:04o}\n"


def _own(path: str, mode: int) -> None:
    os.chown(path, os.geteuid(), os.getegid())
    os.chmod(path, mode)


def _write(path: str, data: bytes) -> None:
    with open(path, "xb") as handle:
        os.fchmod(handle.fileno(), 0o644)
        handle.write(data)
        handle.flush()
        # A laptop that is switched off a moment later must not boot with empty files.
        os.fsync(handle.fileno())


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def parts(module: AnsibleModule) -> List[Part]:
    """Return all that the module's options are about, in the order in which it is to be applied."""
    given = module.params
    package = os.path.normpath(given["package"])
    if given["state"] == "absent":
        inner = [package, *(each["path"] for each in given["files"])]
        # Whatever tells the system of the watcher goes first, the watcher's program last.
        return [Gone(path) for path in (*reversed(inner), *reversed(given["folders"]))]
    files = {"VERSION": f"{given['version']}\n".encode(), "__init__.py": b"", **carried()}
    return [
        *map(Folder, given["folders"]),
        Package(package, files, given["python"]),
        *(File(module, each) for each in given["files"]),
        *map(Gone, given["obsolete"]),
    ]
