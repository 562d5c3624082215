# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The glue to Ansible: the one file of the module_utils that knows it."""

from __future__ import annotations

from typing import Any, Callable, Dict

from ansible.module_utils.basic import AnsibleModule

from ._system.errors import FleetError


def run(module: AnsibleModule, work: Callable[[], Dict[str, Any]]) -> None:
    """Do a module's work and exit with what it returns, or with a clear failure.

    Args:
        module: the module that runs.
        work: does the work; returns the module's result.
    """
    try:
        result = work()
    except FleetError as error:
        _warn(module, error.details)
        module.fail_json(msg=str(error), error=error.as_dict(), **error.details)
    _warn(module, result)
    module.exit_json(**result)


def _warn(module: AnsibleModule, result: Dict[str, Any]) -> None:
    """Hand the warnings in a result to Ansible, which shows them to the administrator."""
    for text in result.pop("warnings", []):
        module.warn(text)
