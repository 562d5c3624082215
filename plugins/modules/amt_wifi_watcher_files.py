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

import os
from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vpro.fleet.plugins.module_utils import _module
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import AccessDenied, FleetError, TransportFailed
from ansible_collections.vpro.fleet.plugins.module_utils._system.reading import Reading
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.state import read_watcher
from ansible_collections.vpro.fleet.plugins.module_utils._watcher_files import parts


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
