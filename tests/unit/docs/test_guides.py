# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The administrator's pages: what they name is there, and what an administrator may meet is in them."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any, Dict, FrozenSet, Iterator, Set, Tuple

import pytest
import yaml

from ansible_collections.vpro.fleet.plugins.module_utils._handover import policy, words
from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import SUCCESSES, Outcome
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import command
from ansible_collections.vpro.fleet.tests.schema import TREE, schema

DOCS = TREE / "docs"
GUIDES = [DOCS / f"{name}.md" for name in ("getting-started", "inventory", "onboarding", "scale", "troubleshooting")]
TROUBLESHOOTING = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
ROLES = ("supplicant", "watcher")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def named() -> FrozenSet[str]:
    """Return every word that the page on troubleshooting has as code."""
    return frozenset(re.findall(r"`([^`\n]+)`", TROUBLESHOOTING))


# -- what an administrator may meet ------------------------------------------------------------------------------------


def test_every_reason_not_to_be_ready_can_be_looked_up() -> None:
    codes = set(schema("amt_wifi_facts")["$defs"]["blocker"]["properties"]["code"]["enum"])
    assert codes - named() == set()


def error_codes(module: Path) -> Set[str]:
    """Return the codes that a module documents for its failures."""
    for node in ast.parse(module.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "RETURN":
            document: Dict[str, Any] = yaml.safe_load(ast.literal_eval(node.value))
            code = document.get("error", {}).get("contains", {}).get("code", {})
            return {found for line in code.get("description", ()) for found in re.findall(r"V\((\w+)\)", line)}
    return set()


@pytest.mark.parametrize("module", sorted((TREE / "plugins" / "modules").glob("*.py")), ids=lambda path: path.stem)
def test_every_failure_of_a_module_can_be_looked_up(module: Path) -> None:
    assert error_codes(module) - named() == set()


def test_the_codes_of_failures_are_found_where_they_are_documented() -> None:
    assert {"denied", "events_lost"} <= error_codes(TREE / "plugins" / "modules" / "amt_wifi_ownership.py")


def test_everything_that_the_watcher_says_can_be_looked_up() -> None:
    reasons = {outcome.value for outcome in set(Outcome) - SUCCESSES} | {policy.IDLE}
    assert reasons - named() == set()
    states = schema("amt_wifi_watcher_state")["properties"]["state"]["enum"]
    assert set(states) - named() == set()
    for sentence in command._SENTENCES.values():
        assert f"| {sentence} |" in TROUBLESHOOTING
    # Every outcome has a sentence in the journal.
    assert set(words.BOOK) == set(Outcome)


# -- what the pages name -----------------------------------------------------------------------------------------------


def role_variables() -> Set[str]:
    found: Set[str] = set()
    for role in ROLES:
        path = TREE / "roles" / role / "meta" / "argument_specs.yml"
        found |= set(yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"])
    return found


@pytest.mark.parametrize("page", GUIDES, ids=lambda path: path.stem)
def test_every_variable_of_a_role_is_one(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    used = set(re.findall(r"\b((?:supplicant|watcher)_[a-z_]+)\b", text))
    codes = set(schema("amt_wifi_facts")["$defs"]["blocker"]["properties"]["code"]["enum"])
    outcomes = {outcome.value for outcome in Outcome} | {"supplicant_refused"}
    assert used - role_variables() - codes - outcomes == set()


def blocks() -> Iterator[Tuple[str, Any]]:
    """Yield each YAML of the guides, with the page that it is in."""
    for page in GUIDES:
        for kind, text in _FENCE.findall(page.read_text(encoding="utf-8")):
            if kind == "yaml":
                yield page.stem, yaml.safe_load(text)


def test_what_the_pages_show_of_an_example_is_in_it() -> None:
    inventory = DOCS / "examples" / "inventory"
    group_vars = yaml.safe_load((inventory / "group_vars" / "all.yml").read_text(encoding="utf-8"))
    roll_out = yaml.safe_load((DOCS / "examples" / "roll_out.yml").read_text(encoding="utf-8"))
    shown = [block for _page, block in blocks()]
    assert any(block.items() <= group_vars.items() for block in shown if "ansible_facts_modules" in block)
    (play,) = [block for block in shown if isinstance(block, list) and "hosts" in block[0]]
    assert play[0] == {**roll_out[0], "hosts": "all"}
    (groups,) = [block for block in shown if isinstance(block, dict) and block.get("plugin")]
    assert groups["plugin"] == yaml.safe_load((inventory / "20-groups.yml").read_text(encoding="utf-8"))["plugin"]
