# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the documents of the collection have to look like. For the unit tests and for the lab.

``from ansible_collections.vpro.fleet.tests.schema import check_facts``
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any, Dict

import jsonschema

TREE = Path(__file__).resolve().parents[1]


@functools.cache
def schema(name: str) -> Dict[str, Any]:
    """Return a schema of the collection by its name (``amt_wifi_facts``), after a check that it is one."""
    text = (TREE / "plugins" / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8")
    found: Dict[str, Any] = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(found)
    return found


def check_facts(facts: Any) -> Dict[str, Any]:
    """Return the facts (``ansible_facts['amt_wifi']``) as they are.

    Raises:
        AssertionError: they are not as the schema says; it names every error by its path.
    """
    return _check("amt_wifi_facts", "the facts are", facts)


def check_watcher_state(state: Any) -> Dict[str, Any]:
    """Return the watcher's state as it is.

    Raises:
        AssertionError: it is not as the schema says; it names every error by its path.
    """
    return _check("amt_wifi_watcher_state", "the watcher's state is", state)


def _check(name: str, what: str, document: Any) -> Dict[str, Any]:
    found = jsonschema.Draft202012Validator(schema(name)).iter_errors(document)
    errors = sorted(found, key=lambda error: error.json_path)
    told = "\n".join(f"{error.json_path}: {error.message}" for error in errors)
    if told:
        raise AssertionError(f"{what} not as plugins/schemas/{name}.schema.json says:\n{told}")
    known: Dict[str, Any] = document
    return known
