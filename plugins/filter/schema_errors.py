# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter ``vpro.fleet.schema_errors``."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

from ansible.errors import AnsibleFilterError

from ansible_collections.vpro.fleet.plugins.plugin_utils import _documents

DOCUMENTATION = r"""
name: schema_errors
short_description: Validate a document against a schema of this collection
version_added: 1.0.0
author:
  - The vpro.fleet developers (@vpro-fleet)
description:
  - Validates a document against one of the JSON Schemas of the collection, on the controller, and returns all errors
    at once.
  - No error repeats a value of the document, so that a passphrase does not get into the output. The errors are safe to
    show.
options:
  _input:
    description: The document.
    type: raw
    required: true
  schema:
    description:
      - The schema's name, which is the name of its file in C(plugins/schemas) without C(.schema.json).
    type: str
    required: true
  name:
    description:
      - The text that the paths of errors begin with. This is usually the name of the variable that has the document.
    type: str
    default: ''
requirements:
  - jsonschema 4.0 or newer, on the controller.
notes:
  - Types are strict. C("10") is not a number and C("yes") is not a boolean, even if a module would accept them.
  - For the schema V(amt_wifi_profiles), the filter also returns errors that the module would find and a schema can't
    express, such as an SSID that is declared twice.
  - A schema can set the text of an error with the keyword C(x-message) beside C(pattern), C(not) or another keyword.
    Without it, the text is made from the keyword.
seealso:
  - module: vpro.fleet.amt_wifi_profiles
"""

EXAMPLES = r"""
- name: Validate the networks before anything is changed
  ansible.builtin.assert:
    that: errors | length == 0
    fail_msg: "{{ errors | join('\n') }}"
    quiet: true
  vars:
    errors: "{{ fleet_networks | vpro.fleet.schema_errors('amt_wifi_profiles', name='fleet_networks') }}"
"""

RETURN = r"""
_value:
  description: The errors in the order of the document, each as path and reason. The list is empty if there are none.
  type: list
  elements: str
  sample:
    - "fleet_networks[1].passphrase: is missing"
    - "fleet_networks[3].pasphrase: is unknown; did you mean passphrase?"
"""


def schema_errors(document: Any, schema: str, name: str = "") -> List[str]:
    """Return all errors in a document.

    Args:
        document: the document.
        schema: the schema's name.
        name: the text that the paths of errors begin with.

    Raises:
        AnsibleFilterError: there is no such schema, or ``jsonschema`` is not installed on the controller.
    """
    try:
        return _documents.errors_of(document, schema, name)
    except (_documents.SchemaUnknown, _documents.LibraryMissing) as error:
        raise AnsibleFilterError(f"vpro.fleet.schema_errors: {error}") from error


class FilterModule:
    """The class in which Ansible looks for filters."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"schema_errors": schema_errors}
