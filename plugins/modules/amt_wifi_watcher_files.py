#!/usr/bin/python
# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: amt_wifi_watcher_files
short_description: The watcher's files on a laptop, all in one go
version_added: 1.0.0
author:
  - The vpro.fleet developers (@vpro-fleet)
description:
  - Puts those files of this collection that the watcher runs into a folder of the laptop, as a Python package, byte for
    byte, with their version and their bytecode; then further files that belong to it. Or removes all of them.
  - The package is replaced as a whole. A file that another version had is gone then, and a run that is interrupted
    leaves the old package or the new one, never some of each.
  - The role P(vpro.fleet.watcher#role) does all that is needed around it, the restart of the watcher included.
options:
  state:
    description:
      - With V(absent), the package, O(files) and O(folders) are removed, with all that is in them.
    type: str
    choices: [present, absent]
    default: present
  package:
    description:
      - The folder of the Python package. Everything in it belongs to this module.
      - Its name is the package's.
    type: path
    required: true
  version:
    description:
      - The collection's version. It is written to the file C(VERSION) of the package.
    type: str
    required: true
  python:
    description:
      - The Python that the watcher runs with. The bytecode is its own.
    type: path
    default: /usr/bin/python3
  folders:
    description:
      - Folders that are made, for root, with mode 0755.
    type: list
    elements: path
    default: []
  files:
    description:
      - Further files, which are written in this order, after the package. They are root's.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The file.
        type: path
        required: true
      content:
        description: Its text.
        type: str
        required: true
      executable:
        description: Whether it is a program. Its mode is 0755 then, and 0644 otherwise.
        type: bool
        default: false
      validate:
        description:
          - A command that has to succeed with the new file before that takes the place of the old one. C(%s) in it is
            the new file's path.
        type: str
  obsolete:
    description:
      - Files that are not to be there, last of all.
    type: list
    elements: path
    default: []
extends_documentation_fragment:
  - vpro.fleet.attributes
  - vpro.fleet.attributes.action
notes:
  - The watcher's user must not write to the package, and so its Python can't keep bytecode by itself. Without bytecode
    each start of the watcher would take longer, and its memory would be larger.
  - A package that O(python) can't compile is refused. The old one stays.
  - One task for all files takes a second or two less for each of them than a task for each would.
seealso:
  - module: vpro.fleet.amt_wifi_facts
"""

EXAMPLES = r"""
- name: Install the watcher's files
  vpro.fleet.amt_wifi_watcher_files:
    package: /usr/lib/amt-wifi-watcher/vpro_fleet
    version: 1.0.0
    files:
      - path: /usr/sbin/amt-wifi-watcher
        content: "{{ lookup('ansible.builtin.file', 'amt-wifi-watcher') ~ '\n' }}"
        executable: true
      - path: /etc/amt-wifi-watcher/config.json
        content: "{{ watcher_config | to_nice_json ~ '\n' }}"
        validate: /usr/sbin/amt-wifi-watcher check-config %s
    folders: [/etc/amt-wifi-watcher]
"""

RETURN = r"""
changes:
  description: What of the package, O(folders) and O(files) was changed, by path.
  type: list
  elements: str
  returned: success
  sample: [/etc/amt-wifi-watcher/config.json]
installed:
  description: Whether the laptop had the watcher's service before.
  type: bool
  returned: success
  sample: true
restart_needed:
  description: Whether the watcher that runs is of another version. It goes on with what it has loaded.
  type: bool
  returned: success
  sample: false
"""

import hashlib
import os
import shutil
import stat
import struct
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import Any, Dict, List, Optional, Union

from ansible.module_utils.basic import AnsibleModule

# A module brings along what it imports, and what that imports in turn: with the command, the whole of the watcher.
from ansible_collections.vpro.fleet.plugins.module_utils import _module, _watcher_cli
from ansible_collections.vpro.fleet.plugins.module_utils._errors import (
    AccessDenied,
    FleetError,
    NotFound,
    Refused,
    TimedOut,
    TransportFailed,
)
from ansible_collections.vpro.fleet.plugins.module_utils._program import run
from ansible_collections.vpro.fleet.plugins.module_utils._reading import Reading
from ansible_collections.vpro.fleet.plugins.module_utils._watcher_state import read_watcher

_BYTECODE = "__pycache__"
#: What the names of folders for drop-ins end with, of those that are made here.
_DROP_IN_FOLDERS = (".service.d", ".network.d")
#: Seconds for a command; a loaded machine without much of a CPU needs a few to compile the package.
_COMMAND_SECONDS = 120
#: What a .pyc begins with (PEP 552): magic number, flags, and time and size of its source.
_PYC_HEADER = struct.Struct("<4sIII")


def carried() -> Dict[str, bytes]:
    """Return the files of the collection that came along with this module, by name; the glue to Ansible is left out."""
    package = _watcher_cli.__name__.rpartition(".")[0]
    found: Dict[str, bytes] = {}
    for each in iter_modules(import_module(package).__path__):
        spec = find_spec(f"{package}.{each.name}")
        if each.name.startswith("_module") or each.ispkg or spec is None or spec.origin is None:
            continue
        # Out of the archive that Ansible sends, or out of a folder.
        found[f"{each.name}.py"] = spec.loader.get_data(spec.origin)  # type: ignore[union-attr]
    return found


class Package:
    """The Python package.

    Args:
        path: its folder.
        files: what is to be in it, by name.
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


def _look(path: str, tag: Optional[str]) -> Dict[str, str]:
    """Return what is in a package's folder by name, in words; nothing when there is no such folder."""
    found: Dict[str, str] = {}
    attributes = _attributes(path, stat.S_ISDIR)
    if attributes != _wanted(0o755):
        found["."] = attributes.strip() or "absent"
    if not attributes:
        return found
    for name in os.listdir(path):
        if name == _BYTECODE:
            continue
        inner = os.path.join(path, name)
        attributes = _attributes(inner, stat.S_ISREG)
        if not attributes:
            found[name] = "no file"
            continue
        with open(inner, "rb") as handle:
            found[name] = _describe(handle.read())
        if attributes != _wanted(0o644):
            found[name] += f", {attributes.strip()}"
        if tag is not None and name.endswith(".py") and _is_compiled(inner, tag):
            found[name] += ", compiled"
    return found


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


def work(module: AnsibleModule) -> Dict[str, Any]:
    """Do the module's work.

    Raises:
        FleetError: it could not be done.
    """
    watcher = read_watcher(Reading())
    changes = [part for part in parts(module) if part.changed]
    if not module.check_mode:
        # Where root's own mask is stricter, the watcher's user could not read what is made.
        mask = os.umask(0o022)
        try:
            for part in changes:
                part.apply()
        except OSError as error:
            raise _failed(error) from error
        finally:
            os.umask(mask)
    return {
        "changed": bool(changes),
        "changes": [part.path for part in changes],
        "installed": watcher.installed,
        "restart_needed": bool(watcher.running) and watcher.version != module.params["version"],
        "diff": [
            {"before_header": part.path, "after_header": part.path, "before": part.before, "after": part.after}
            for part in changes
        ],
    }


def _failed(error: OSError) -> FleetError:
    where = str(error.filename or "")
    if isinstance(error, PermissionError):
        return AccessDenied("no right to write this", where=where, remedy="Run the task with become: true")
    return TransportFailed(f"can't write: {error.strerror}", where=where, errno=error.errno or 0)


def main() -> None:
    """Run the module."""
    file = {
        "path": {"type": "path", "required": True},
        "content": {"type": "str", "required": True},
        "executable": {"type": "bool", "default": False},
        "validate": {"type": "str"},
    }
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "package": {"type": "path", "required": True},
            "version": {"type": "str", "required": True},
            "python": {"type": "path", "default": "/usr/bin/python3"},
            "folders": {"type": "list", "elements": "path", "default": []},
            "files": {"type": "list", "elements": "dict", "default": [], "options": file},
            "obsolete": {"type": "list", "elements": "path", "default": []},
        },
        supports_check_mode=True,
    )
    _module.run(module, lambda: work(module))


if __name__ == "__main__":
    main()
