#!/usr/bin/python
# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: amt_wifi_watcher_files
short_description: Install or remove all files of the watcher on a laptop
version_added: 1.0.0
author:
  - The vpro.fleet developers (@vpro-fleet)
description:
  - Copies those files of this collection that the watcher runs into a folder of the laptop, as a Python package, byte
    for byte. Their version and their bytecode are added.
  - Then writes further files that belong to the watcher. With O(state=absent), removes all of these files.
  - The package is replaced as a whole. Files that only the old version had are removed. The new package is written
    into a folder of its own, and replaces the old one only if it is complete.
  - Only one task at a time works on a laptop's files. If several controllers use this module, the second task waits for
    the first one, up to four minutes, and fails after that.
  - The role P(vpro.fleet.watcher#role) uses this module, and does everything else that is needed, such as the restart
    of the watcher.
options:
  state:
    description:
      - With V(absent), the package, O(files) and O(folders) are removed, including everything in these folders.
    type: str
    choices: [present, absent]
    default: present
  package:
    description:
      - The folder of the Python package. This module may remove any file in it.
      - The folder's name is the name of the package.
    type: path
    required: true
  version:
    description:
      - The collection's version. It is written to the file C(VERSION) in the package.
    type: str
    required: true
  python:
    description:
      - The Python that the watcher runs with. It also compiles the bytecode.
    type: path
    default: /usr/bin/python3
  folders:
    description:
      - Folders that are created. Their owner is root, and their mode is 0755.
    type: list
    elements: path
    default: []
  files:
    description:
      - Further files. They are written in this order, after the package, and their owner is root.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The path of the file.
        type: path
        required: true
      content:
        description: The text of the file.
        type: str
        required: true
      executable:
        description: Whether the file is a program. Then its mode is 0755, otherwise 0644.
        type: bool
        default: false
      validate:
        description:
          - A command that checks the new file. The old file is replaced only if it succeeds. C(%s) in the command
            stands for the path of the new file.
        type: str
  obsolete:
    description:
      - Files that are removed, after all other files are written.
    type: list
    elements: path
    default: []
extends_documentation_fragment:
  - vpro.fleet.attributes
  - vpro.fleet.attributes.action
notes:
  - The watcher's user can't write to the package, so the watcher can't store bytecode itself. Without bytecode the
    watcher would start more slowly and use more memory.
  - If O(python) can't compile the package, the module fails, and the old package stays.
  - One task for all files is much faster than a task for each file, which would take a second or two more per file on a
    slow laptop.
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
  description: The paths of the package, O(folders) and files that were changed.
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
  description: Whether the running watcher has another version than the installed files, so that it has to be restarted.
  type: bool
  returned: success
  sample: false
"""

import os
from contextlib import ExitStack
from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vpro.fleet.plugins.module_utils import _module, _watcher_files
from ansible_collections.vpro.fleet.plugins.module_utils._system.denied import remedy_for, user
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import AccessDenied, FleetError, TransportFailed
from ansible_collections.vpro.fleet.plugins.module_utils._system.exclusive import alone
from ansible_collections.vpro.fleet.plugins.module_utils._system.reading import Reading
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.state import read_watcher


def work(module: AnsibleModule) -> Dict[str, Any]:
    """Do the module's work.

    Raises:
        FleetError: a file could not be written, the package could not be compiled, or another task took too long.
    """
    try:
        with ExitStack() as stack:
            if not module.check_mode:
                another = "another task installs or removes the watcher"
                stack.enter_context(alone(_watcher_files.LOCK, another, _watcher_files.LOCK_SECONDS))
            # The laptop is read under the lock, because the other task may just have changed it.
            return _bring(module)
    except OSError as error:
        raise _failed(error) from error


def _bring(module: AnsibleModule) -> Dict[str, Any]:
    watcher = read_watcher(Reading())
    changes = [part for part in _watcher_files.parts(module) if part.changed]
    if not module.check_mode:
        # With a stricter umask of root, the watcher's user could not read the files.
        mask = os.umask(0o022)
        try:
            for part in changes:
                part.apply()
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
    remedy = remedy_for(error, where, "Run the task with become: true")
    if isinstance(error, PermissionError):
        return AccessDenied(f"{user()} may not write this file", where=where, remedy=remedy)
    return TransportFailed(f"can't write: {error.strerror}", where=where, remedy=remedy, errno=error.errno or 0)


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
