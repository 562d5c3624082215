# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running a module's work under Ansible, and turning its result or error into Ansible's."""

from __future__ import annotations

from typing import Any, Callable, Dict

from ansible.module_utils.basic import AnsibleModule

from ._system.errors import FleetError


def run(module: AnsibleModule, work: Callable[[], Dict[str, Any]]) -> None:
    """Do a module's work, and exit with its result or its error.

    Args:
        module: the module that runs.
        work: does the work and returns the module's result. It may raise a ``FleetError``.
    """
    try:
        result = work()
    except FleetError as error:
        _warn(module, error.details)
        module.fail_json(msg=str(error), error=error.as_dict(), **error.details)
    _warn(module, result)
    module.exit_json(**result)


def _warn(module: AnsibleModule, result: Dict[str, Any]) -> None:
    """Take the warnings out of a result and give them to Ansible, which shows them to the administrator."""
    for text in result.pop("warnings", []):
        module.warn(text)
