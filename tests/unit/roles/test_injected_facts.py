# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts are read from ``ansible_facts``: ansible-core 2.20 deprecates the variables that were injected for each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterator

import pytest

TREE = Path(__file__).resolve().parents[3]

#: What begins like an injected fact and is none: Ansible's own variables, settings of a host, and names of packages.
NO_FACT = re.compile(
    r"ansible_(become\w*|builder|check_mode|collections|config|connection|core|diff_mode|facts|facts_modules"
    r"|facts_parallel|failed_result|failed_task|host|lint|loop|navigator|password|pipelining|play_hosts|playbook"
    r"|play_name|port|python_interpreter|role_name|run_tags|runner|search_path|shell_\w+|skip_tags|ssh_\w+|test|user"
    r"|verbosity|version)"
)
#: The collection's own fact as a variable, which a module's or a file's name is not.
OWN = re.compile(r"(?<![\w./'\"])amt_wifi(?=[.\[])")
#: Reads the cache of facts, whose names they have there.
CACHE = TREE / "docs" / "examples" / "inventory" / "20-groups.yml"

#: Sphinx's settings, which no play reads: a file of Ansible's documentation has such a name.
SITE = TREE / "docs" / "conf.py"


def read() -> Iterator[Path]:
    """Yield all that users run or may copy from."""
    for folder in ("docs", "extensions", "plugins", "roles"):
        for pattern in ("*.j2", "*.md", "*.py", "*.yml"):
            yield from (TREE / folder).rglob(pattern)
    yield TREE / "README.md"


def injected(text: str, prose: bool = False) -> set[str]:
    """Return the injected facts that a text reads; prose may name a part of the collection's own by its path."""
    found = {name for name in re.findall(r"\bansible_[a-z0-9_]+", text) if NO_FACT.fullmatch(name) is None}
    return found if prose else found | set(OWN.findall(text))


def test_no_fact_is_read_as_a_variable_of_its_own() -> None:
    files = [path for path in read() if path not in (CACHE, SITE)]
    assert len(files) > 100
    found = {
        str(path.relative_to(TREE)): injected(path.read_text(encoding="utf-8"), prose=path.suffix == ".md")
        for path in files
    }
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("when: ansible_os_family == 'Debian'", {"ansible_os_family"}),
        ("when: ansible_facts['os_family'] == 'Debian'", set()),
        ("that: amt_wifi.supported", {"amt_wifi"}),
        ("that: ansible_facts['amt_wifi'].supported", set()),
        ("path: amt_wifi_facts.schema.json", set()),
    ],
)
def test_injected_facts_are_told_from_the_others(text: str, names: set[str]) -> None:
    assert injected(text) == names
