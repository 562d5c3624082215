# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running a module's work under Ansible, and turning its result or error into Ansible's."""

from __future__ import annotations

import copy
from typing import Any, Callable, Dict, Iterator, Mapping, Tuple

from ansible.module_utils.basic import AnsibleModule

from ._system.errors import FleetError, Refused
from ._system.given import not_text


class StrictModule(AnsibleModule):  # type: ignore[misc]
    """A module that takes only text for an option that is text.

    Ansible turns anything else into text: the number that YAML made of 012345670123, or the False that it made of NO.

    Args:
        options: the module's argument specification.
    """

    def __init__(self, options: Dict[str, Any]) -> None:
        super().__init__(argument_spec=options, supports_check_mode=True)
        for name, wrong in not_texts(self.given, options):
            error = Refused("invalid_option", f"{name}: {wrong}")
            self.fail_json(msg=str(error), error=error.as_dict())

    def _load_params(self) -> None:
        """Keep a copy of the options as they were given. Ansible changes its own."""
        super()._load_params()
        #: The options as they were given, with the types that YAML or a template gave them.
        self.given: Dict[str, Any] = copy.deepcopy(self.params)


def not_texts(given: Mapping[Any, Any], options: Mapping[str, Any], within: str = "") -> Iterator[Tuple[str, str]]:
    """Yield each option that has to be text and is not, and what is wrong with it.

    Args:
        given: the options as they were given.
        options: the argument specification.
        within: the beginning of the options' names in messages.
    """
    for name, value in given.items():
        specified = options.get(name, {})
        if "options" in specified and isinstance(value, Mapping):
            yield from not_texts(value, specified["options"], f"{within}{name}.")
        elif specified.get("type") in ("str", "path") and value is not None:
            wrong = not_text(value)
            if wrong is not None:
                yield f"{within}{name}", wrong


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
