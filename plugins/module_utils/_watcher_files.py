# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Installing and removing the watcher's files on a laptop, for the module ``amt_wifi_watcher_files``.

These are the watcher's Python package, which is ``module_utils`` without the files that import Ansible, and further
files such as its configuration.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import struct
import tempfile
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pkgutil import walk_packages
from typing import Any, Dict, Iterable, List, Optional, Set, Union

from ansible.module_utils.basic import AnsibleModule

from ._system.errors import FleetError, NotFound, Refused, TimedOut, TransportFailed
from ._system.program import run

# Ansible sends a module together with all files that it imports, directly or not. This import is unused, but it makes
# Ansible send the watcher's command, and so the whole watcher.
from ._tasks import command as _command  # noqa: F401

#: The files that import Ansible. The watcher does not need them.
_PORCH = ("_module", "_profile_options", "_watcher_files")
_BYTECODE = "__pycache__"
_FOLDER = "folder"
#: Endings of the names of those folders that are created for drop-ins.
_DROP_IN_FOLDERS = (".service.d", ".network.d")
#: Timeout of a command in seconds. A slow and busy laptop needs a few seconds to compile the package.
_COMMAND_SECONDS = 120
#: The lock of the module. Several controllers may install the watcher at the same time. Only root may write in /run.
LOCK = "/run/amt-wifi-watcher-files.lock"
#: Seconds to wait for another task. It may have to compile the package twice on a slow laptop.
LOCK_SECONDS = 2.0 * _COMMAND_SECONDS
#: The beginning of a .pyc file (PEP 552): magic number, flags, and the time and size of its source.
_PYC_HEADER = struct.Struct("<4sIII")


def carried() -> Dict[str, bytes]:
    """Return the files of ``module_utils`` that Ansible sent with this module, by their paths in it.

    The files that import Ansible are left out.
    """
    house = import_module(__name__.rpartition(".")[0])
    found: Dict[str, bytes] = {}
    for each in walk_packages(house.__path__, f"{house.__name__}."):
        path = each.name[len(house.__name__) + 1 :].replace(".", "/")
        spec = find_spec(each.name)
        if spec is None or spec.origin is None or path in _PORCH:
            continue
        # This reads the file from the archive that Ansible sends, or from a folder.
        data = spec.loader.get_data(spec.origin)  # type: ignore[union-attr]
        found[f"{path}/__init__.py" if each.ispkg else f"{path}.py"] = data
    return found


class Package:
    """The watcher's Python package.

    Args:
        path: the package's folder.
        files: the wanted content of the package's files, by their paths in the package.
        python: the Python that runs the package.
    """

    def __init__(self, path: str, files: Dict[str, bytes], python: str) -> None:
        self.path = path
        self._files = files
        self._python = python
        self._tag = tag = _cache_tag(python)
        before = _look(path, tag)
        after = {name: _describe(data) for name, data in files.items()}
        if tag is not None:
            after.update({name: f"{after[name]}, compiled" for name in files if name.endswith(".py")})
        after.update(dict.fromkeys(_folders(files), _FOLDER))
        self._wanted = after
        self.changed = before != after
        # There are many files, so the diff shows only those that differ.
        names = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
        self.before = "".join(f"{name}: {before[name]}\n" for name in names if name in before)
        self.after = "".join(f"{name}: {after[name]}\n" for name in names if name in after)

    def apply(self) -> None:
        """Replace the old package by the new one.

        Raises:
            NotFound, TransportFailed, Refused: the new package could not be compiled, or is not as it has to be. The
                old one stays.
        """
        parent, name = os.path.split(self.path)
        os.makedirs(parent, exist_ok=True)
        own = tempfile.mkdtemp(prefix=f".{name}-", dir=parent)
        new, old = os.path.join(own, "new"), os.path.join(own, "old")
        try:
            self._build(new)
            if os.path.lexists(self.path):
                os.rename(self.path, old)
            os.rename(new, self.path)
        finally:
            if os.path.lexists(old) and not os.path.lexists(self.path):
                os.rename(old, self.path)
            _remove(own)
        # This is what killed runs left. Nobody else works here, because the module holds a lock.
        for each in os.listdir(parent):
            if each in (f"{name}.new", f"{name}.old") or each.startswith(f".{name}-"):
                _remove(os.path.join(parent, each))

    def _build(self, new: str) -> None:
        """Write the new package into a folder, compile it, and check it."""
        os.mkdir(new)
        for name in sorted(_folders(self._files)):
            os.mkdir(os.path.join(new, name))
        for name, data in self._files.items():
            _write(os.path.join(new, name), data)
        self._compile(new)
        found = _look(new, self._tag)
        wrong = sorted(name for name in {*found, *self._wanted} if found.get(name) != self._wanted.get(name))
        if wrong:
            raise TransportFailed(
                f"the new package is not as it was written: {', '.join(wrong[:3])}",
                where=self.path,
                remedy="Something else changes these files. The old package stays. Run the task again",
            )

    def _compile(self, folder: str) -> None:
        """Compile the files in a folder. The bytecode names them by the package's path, where they will be moved."""
        argv = [self._python, "-I", "-m", "compileall", "-q", "-s", folder, "-p", self.path, folder]
        try:
            done = run(argv, _COMMAND_SECONDS)
        except NotFound:
            raise NotFound("the Python for the watcher does not exist", where=self._python) from None
        except TimedOut:
            raise TransportFailed("compiling the package took too long", where=self._python) from None
        if done.status:
            told = (done.out + done.err).decode("utf-8", "replace").strip()
            raise Refused("package_unusable", f"this Python can't run the watcher: {told}", where=self._python)


class Folder:
    """A folder that must exist, owned by root."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.before = _attributes(path, stat.S_ISDIR)
        self.after = _wanted(0o755)
        self.changed = self.before != self.after

    def apply(self) -> None:
        """Create the folder, and set its owner and mode."""
        os.makedirs(self.path, exist_ok=True)
        _own(self.path, 0o755)


class File:
    """A file outside of the package.

    Args:
        module: the module that runs.
        options: one element of the module's option ``files``.
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
        # The diff shows owner and mode only if they are wrong.
        differ = attributes not in ("", _wanted(self._mode))
        self.before = (attributes if differ else "") + text
        self.after = (_wanted(self._mode) if differ else "") + self._content

    def apply(self) -> None:
        """Replace the old file by the new one.

        Raises:
            Refused: the command that validates the new file failed.
        """
        new = os.path.join(self._module.tmpdir, os.path.basename(self.path))
        _remove(new)
        _write(new, self._content.encode())
        if self._validate is not None:
            rc, out, err = self._module.run_command(self._validate.replace("%s", new))
            if rc:
                said = (err or out).strip()
                raise Refused("validation_failed", f"the validation of the new file failed: {said}", where=self.path)
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        # Ansible's function also sets the SELinux label that belongs to the file's path.
        self._module.atomic_move(new, self.path)
        _own(self.path, self._mode)


class Gone:
    """A file or folder that must not exist."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.changed = os.path.lexists(path)
        self.before = "present\n" if self.changed else ""
        self.after = ""

    def apply(self) -> None:
        """Remove the file or folder. If it was the last drop-in in its folder, remove that folder too."""
        _remove(self.path)
        folder = os.path.dirname(self.path)
        if folder.endswith(_DROP_IN_FOLDERS):
            with suppress(OSError):  # the folder still has other drop-ins
                os.rmdir(folder)


Part = Union[Package, Folder, File, Gone]


def _cache_tag(python: str) -> Optional[str]:
    """Return the cache tag of a Python, a part of the names of its bytecode files. It is None if it can't be read."""
    argv = [python, "-I", "-S", "-c", "import sys; print(sys.implementation.cache_tag)"]
    try:
        done = run(argv, _COMMAND_SECONDS)
    except FleetError:
        return None
    return done.out.decode("ascii", "replace").strip() if done.status == 0 else None


def _folders(files: Iterable[str]) -> Set[str]:
    """Return all folders in the paths of files. Each ends with a slash."""
    return {f"{name[:end]}/" for name in files for end in range(len(name)) if name[end] == "/"}


def _look(path: str, tag: Optional[str]) -> Dict[str, str]:
    """Return a description of each file and folder in a package's folder, by the path in the package.

    If the folder itself is missing, or its owner or mode is wrong, the entry ``.`` says so.
    """
    attributes = _attributes(path, stat.S_ISDIR)
    found = {} if attributes == _wanted(0o755) else {".": attributes.strip() or "absent"}
    if attributes:
        _look_into(path, "", tag, found)
    return found


def _look_into(package: str, folder: str, tag: Optional[str], found: Dict[str, str]) -> None:
    """Add the descriptions of all files and folders in a folder of a package to *found*."""
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
    """Return the description of a file in a package."""
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
    """Say whether a file has bytecode that was compiled from its current content."""
    folder, name = os.path.split(path)
    source = os.stat(path)
    try:
        with open(os.path.join(folder, _BYTECODE, f"{name[:-3]}.{tag}.pyc"), "rb") as handle:
            _magic, flags, at, size = _PYC_HEADER.unpack(handle.read(_PYC_HEADER.size))
    except (OSError, struct.error):
        return False
    return (flags, at, size) == (0, int(source.st_mtime) & 0xFFFFFFFF, source.st_size & 0xFFFFFFFF)


def _attributes(path: str, is_kind: Any) -> str:
    """Return owner and mode of a file or folder in words. The text is empty if there is none of that kind."""
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    if not is_kind(status.st_mode):
        return ""
    return f"owner {status.st_uid}:{status.st_gid}, mode {stat.S_IMODE(status.st_mode):04o}\n"


def _wanted(mode: int) -> str:
    """Return the wanted owner and mode, in the form of ``_attributes``."""
    return f"owner {os.geteuid()}:{os.getegid()}, mode {mode:04o}\n"


def _own(path: str, mode: int) -> None:
    os.chown(path, os.geteuid(), os.getegid())
    os.chmod(path, mode)


def _write(path: str, data: bytes) -> None:
    with open(path, "xb") as handle:
        os.fchmod(handle.fileno(), 0o644)
        handle.write(data)
        handle.flush()
        # Without this, the file could be empty after a power cut.
        os.fsync(handle.fileno())


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def parts(module: AnsibleModule) -> List[Part]:
    """Return all files and folders that the module's options name, in the order in which to change them."""
    given = module.params
    package = os.path.normpath(given["package"])
    if given["state"] == "absent":
        inner = [package, *(each["path"] for each in given["files"])]
        # The files that make the system start the watcher are removed first, and the watcher's program last.
        return [Gone(path) for path in (*reversed(inner), *reversed(given["folders"]))]
    files = {"VERSION": f"{given['version']}\n".encode(), "__init__.py": b"", **carried()}
    return [
        *map(Folder, given["folders"]),
        Package(package, files, given["python"]),
        *(File(module, each) for each in given["files"]),
        *map(Gone, given["obsolete"]),
    ]
