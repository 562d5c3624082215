# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the pages and examples show is there: options, roles, variables, commands, files.

The lab runs the playbooks in ``docs/examples`` and the modules' EXAMPLES on a laptop. Here it takes seconds to find
that an option has another name, and nothing else looks at the blocks of the pages.
"""

from __future__ import annotations

import ast
import json
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Set

import pytest
import yaml

from ansible_collections.vpro.fleet.plugins.plugin_utils._documents import errors_of
from ansible_collections.vpro.fleet.tests.schema import TREE
from ansible_collections.vpro.fleet.tests.unit.docs.commands import environment_of, needs_ansible, run

PAGES = [TREE / "README.md", *sorted(TREE.glob("docs/*.md")), *sorted(TREE.glob("roles/*/README.md"))]
#: The variables of each role, as documented for any of its entry points.
ROLES: Dict[str, Dict[str, Any]] = {
    path.parents[1].name: {
        name: option
        for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"].values()
        for name, option in entry["options"].items()
    }
    for path in sorted(TREE.glob("roles/*/meta/argument_specs.yml"))
}

needs_repository = pytest.mark.skipif(
    not (TREE / "Makefile").exists(), reason="this is the collection's artifact, which does not have all files"
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page, or an example from elsewhere."""

    place: str
    language: str
    text: str

    def documents(self) -> List[Any]:
        """Return what YAML it holds. What a tag of Ansible's stands for is not looked at."""
        return [document for document in yaml.load_all(self.text, Loader) if document is not None]

    def plays(self) -> List[Dict[str, Any]]:
        """Return what it holds as plays, a list of tasks as one; nothing where it is something else."""
        listed = [entry for document in self.documents() if isinstance(document, list) for entry in document]
        entries = [entry for entry in listed if isinstance(entry, dict)]
        if any("hosts" in entry or any(str(key).endswith("import_playbook") for key in entry) for entry in entries):
            return entries
        if any("block" in entry or any(re.fullmatch(r"\w+\.\w+\.\w+", str(key)) for key in entry) for entry in entries):
            return [{"hosts": "all", "tasks": entries}]
        return []


class Loader(yaml.SafeLoader):
    """Reads Ansible's tags (``!vault``, ``!unsafe``), too."""


def read_tagged(loader: Loader, suffix: str, node: yaml.Node) -> str:
    return str(node.value)


Loader.add_multi_constructor("!", read_tagged)


def blocks_of(text: str, name: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page that say their language."""
    for match in re.finditer(r"^( *)```(\w+)\n(.*?)^\1```$", text, re.DOTALL | re.MULTILINE):
        yield Block(f"{name}:{text.count(chr(10), 0, match.start()) + 1}", match[2], textwrap.dedent(match[3]))


def name_of(path: Path) -> str:
    return path.relative_to(TREE).as_posix()


def examples_of(path: Path) -> Block:
    """Return the EXAMPLES of a module."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["EXAMPLES"]:
            return Block(name_of(path), "yaml", ast.literal_eval(node.value))
    raise AssertionError(f"{path} has no EXAMPLES")


BLOCKS = [block for path in PAGES for block in blocks_of(path.read_text(encoding="utf-8"), name_of(path))]
#: All YAML that says how the collection is used.
EXAMPLES = [
    *(block for block in BLOCKS if block.language == "yaml"),
    *(Block(name_of(path), "yaml", path.read_text("utf-8")) for path in sorted(TREE.glob("docs/examples/**/*.yml"))),
    *(examples_of(path) for path in sorted(TREE.glob("plugins/modules/amt_*.py"))),
]


def of(language: str) -> pytest.MarkDecorator:
    """Have a test run for each block of a language."""
    found = [block for block in BLOCKS if block.language == language]
    return pytest.mark.parametrize("block", found, ids=[block.place for block in found])


every_page = pytest.mark.parametrize("page", PAGES, ids=name_of)
every_example = pytest.mark.parametrize("block", EXAMPLES, ids=[block.place for block in EXAMPLES])


@every_page
def test_a_block_says_what_it_is(page: Path) -> None:
    """Nothing looks at one that does not, or that says it in another way."""
    fences = re.findall(r"^ *```(.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert all(fences[::2])
    assert not any(fences[1::2])
    assert not {"yml", "sh", "bash", "shell", "shell-session"} & set(fences), "yaml, or console"


def test_blocks_are_found() -> None:
    assert {"console", "yaml"} <= {block.language for block in BLOCKS}


# --- options ---


@pytest.fixture(scope="module")
def modules(environment: Dict[str, str]) -> Dict[str, Dict[str, Any]]:
    """Each module's options as documented, by the module's full name."""
    names = [f"vpro.fleet.{path.stem}" for path in TREE.glob("plugins/modules/amt_*.py")]
    documented = json.loads(run(environment, "ansible-doc", "--type", "module", "--json", *names))
    return {name: found["doc"].get("options", {}) for name, found in documented.items()}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, str]:
    return environment_of(tmp_path_factory.mktemp("ansible"))


def mappings(value: Any) -> Iterator[Dict[str, Any]]:
    """Yield all mappings in a document, however deep."""
    if isinstance(value, dict):
        yield value
    for below in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from mappings(below)


def templated(value: Any) -> bool:
    return isinstance(value, str) and ("{{" in value or "{%" in value)


def wrong_options(given: Any, options: Mapping[str, Any], where: str) -> Iterator[str]:
    """Yield what is wrong with the options that a task gives, in their suboptions, too."""
    if given is None or templated(given):
        return
    if not isinstance(given, dict):
        yield f"{where}: its options are no mapping"
        return
    names = {name: option for key, option in options.items() for name in (key, *option.get("aliases", ()))}
    for name, value in given.items():
        option = names.get(name)
        if option is None:
            yield f"{where} has no option {name}"
        elif option.get("suboptions"):
            for element in value if isinstance(value, list) else [value]:
                yield from wrong_options(element, option["suboptions"], f"{where}: {name}")
        elif option.get("choices") and not templated(value):
            for element in value if isinstance(value, list) else [value]:
                if element not in option["choices"]:
                    yield f"{where}: {name} cannot be {element}"


def wrong_tasks(document: Any, modules: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield what is wrong where a document names a module or role of the collection."""
    for found in mappings(document):
        for key, value in found.items():
            if str(key).startswith("vpro.fleet."):
                if key in modules:
                    yield from wrong_options(value, modules[key], key)
                else:
                    yield f"there is no module {key}"
            elif str(key).rpartition(".")[2] in ("include_role", "import_role", "roles"):
                for role in value if isinstance(value, list) else [value]:
                    name = str(role.get("role", role.get("name")) if isinstance(role, dict) else role)
                    if name.startswith("vpro.fleet.") and name.rpartition(".")[2] not in ROLES:
                        yield f"there is no role {name}"


def wrong_variables(document: Any) -> Iterator[str]:
    """Yield what is wrong with the variables of the collection's roles, and with the networks among them."""
    for found in mappings(document):
        for role, options in ROLES.items():
            given = {key: value for key, value in found.items() if str(key).startswith(f"{role}_")}
            yield from wrong_options(given, options, f"vpro.fleet.{role}")
        if isinstance(found.get("supplicant_profiles"), list):
            yield from errors_of(found["supplicant_profiles"], "amt_wifi_profiles", "supplicant_profiles")


@needs_ansible
def test_the_options_of_an_example_are_there(modules: Dict[str, Dict[str, Any]]) -> None:
    """One test for all, as ansible-test asks for the modules' options anew for each test."""
    found = {
        block.place: [error for document in block.documents() for error in wrong_tasks(document, modules)]
        for block in EXAMPLES
    }
    assert {place: errors for place, errors in found.items() if errors} == {}


@every_example
def test_the_variables_of_an_example_are_the_roles(block: Block) -> None:
    assert [error for document in block.documents() for error in wrong_variables(document)] == []


@needs_ansible
def test_a_wrong_task_is_found(modules: Dict[str, Dict[str, Any]]) -> None:
    tasks = """
      - vpro.fleet.amt_wifi_owner:
      - block:
          - vpro.fleet.amt_wifi_ownership:
              pinned: true
      - vpro.fleet.amt_wifi_ownership:
          state: csme
          pin: "{{ pin }}"
      - vpro.fleet.amt_wifi_profiles: {interface: wlan0, profiles: [{ssid: a, security: eap, eap: {methods: tls}}]}
      - ansible.builtin.include_role: {name: vpro.fleet.supplicants}
      - hosts: all
        roles: [other.collection.role, vpro.fleet.watcher, {role: vpro.fleet.watch}]
    """
    assert list(wrong_tasks(yaml.safe_load(tasks), modules)) == [
        "there is no module vpro.fleet.amt_wifi_owner",
        "vpro.fleet.amt_wifi_ownership has no option pinned",
        "vpro.fleet.amt_wifi_ownership: state cannot be csme",
        "vpro.fleet.amt_wifi_profiles: profiles: eap has no option methods",
        "there is no role vpro.fleet.supplicants",
        "there is no role vpro.fleet.watch",
    ]


def test_a_wrong_variable_is_found() -> None:
    variables = """
      supplicant_profile: []
      watcher_loglevel: debug
      supplicant_backend: "{{ backend }}"
      supplicant_profiles: [{ssid: corp, security: wpa2, priority: 1}]
    """
    assert list(wrong_variables({"all": {"vars": yaml.safe_load(variables)}})) == [
        "vpro.fleet.supplicant has no option supplicant_profile",
        "vpro.fleet.watcher has no option watcher_loglevel",
        "supplicant_profiles[0].security: is not one of open, owe, psk, sae, psk+sae, eap",
    ]


# --- syntax ---


@needs_ansible
def test_the_playbooks_have_the_syntax_of_playbooks(environment: Dict[str, str], tmp_path: Path) -> None:
    """Tasks as well. One command for all, since its start takes longer than the rest."""
    for name in ("docs", "roles"):
        (tmp_path / name).symlink_to(TREE / name)
    playbooks = []
    for number, block in enumerate(EXAMPLES):
        plays = block.plays()
        if plays:
            playbook = tmp_path / f"{number}-{re.sub('[^a-zA-Z0-9]+', '-', block.place)}.yml"
            text = block.text if block.documents() == [plays] else json.dumps(plays, default=str)
            playbook.write_text(text, encoding="utf-8")
            playbooks.append(playbook.name)
    assert playbooks
    run(environment, "ansible-playbook", "--syntax-check", "-i", "localhost,", *playbooks, cwd=tmp_path)


def test_data_and_code_can_be_read() -> None:
    for block in BLOCKS:
        if block.language == "json":
            json.loads(block.text)
        elif block.language == "python":
            ast.parse(block.text, block.place)


# --- commands ---


def targets() -> Set[str]:
    """Return what ``make`` can be told to make."""
    return set(re.findall(r"^([a-z][a-z-]*):", (TREE / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def made(text: str) -> Set[str]:
    """Return the targets that commands name to ``make``."""
    unquoted = re.sub(r"\"[^\"\n]*\"|'[^'\n]*'|(?<=\S) +#.*", "", text)
    found = re.findall(r"(?:^|[$#;&|`(]) *make((?: +[^\s#;&|`)]+)+)", unquoted, re.MULTILINE)
    return {word for words in found for word in words.split() if not word.startswith("-") and "=" not in word}


def missing_files(text: str) -> Set[str]:
    """Return the files of the repository that commands name, and that are not there."""
    named = re.findall(r"(?<![\w./-])(?:docs|plugins|roles|tests|tools)/[\w./-]+", text)
    return {name for name in named if not (TREE / name).exists()}


def wrong_calls(text: str, modules: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield what is wrong where ``ansible`` is told to run a module of the collection, or the watcher to do a thing."""
    for match in re.finditer(r"""-m (vpro\.fleet\.\w+)(?:.* -a (?:"([^"]*)"|'([^']*)'|(\S+)))?""", text):
        given = dict.fromkeys(
            re.findall(r"(\w+)=", " ".join(filter(None, match.groups()[1:]))), "{{ what it is set to }}"
        )
        yield from wrong_tasks({match[1]: given}, modules)
    source = (TREE / "plugins" / "module_utils" / "_tasks" / "command.py").read_text(encoding="utf-8")
    known = re.findall(r"add_parser\(\s*\"([a-z-]+)\"", source)
    for match in re.finditer(r"^(?:.*[$#;&|] *|)amt-wifi-watcher ([a-z-]+)(?= |$)", text, re.MULTILINE):
        if match[1] not in known:
            yield f"there is no amt-wifi-watcher {match[1]}"


@needs_repository
@of("console")
def test_a_command_makes_what_make_can_make(block: Block) -> None:
    assert made(block.text) <= targets()


@needs_repository
@every_page
def test_a_page_names_what_make_can_make(page: Path) -> None:
    spans = re.findall(r"`[^`\n]+`", page.read_text(encoding="utf-8"))
    assert made("\n".join(spans)) <= targets()


@needs_repository
@of("console")
def test_a_command_names_files_that_are_there(block: Block) -> None:
    assert missing_files(block.text) == set()


@needs_ansible
def test_a_command_calls_what_is_there(modules: Dict[str, Dict[str, Any]]) -> None:
    found = {block.place: list(wrong_calls(block.text, modules)) for block in BLOCKS if block.language == "console"}
    assert {place: errors for place, errors in found.items() if errors} == {}


@needs_ansible
def test_a_wrong_command_is_found(modules: Dict[str, Dict[str, Any]]) -> None:
    text = """\
$ make setup && make -k lints ARGS="-k make all" V=1   # make it so
# amt-wifi-watcher state
amt-wifi-watcher 1.0.0 (process 612)
$ ansible all -m vpro.fleet.amt_wifi_airplane -a "enable=false"
$ ansible-playbook -i tests/inventory.json docs/examples/take_ownership.yml -e @build/docs/x.yml
"""
    assert made(text) == {"setup", "lints"}
    assert missing_files(text) == {"tests/inventory.json"}
    assert list(wrong_calls(text, modules)) == [
        "vpro.fleet.amt_wifi_airplane has no option enable",
        "there is no amt-wifi-watcher state",
    ]


# --- links ---


def anchors(page: Path) -> Set[str]:
    """Return the anchors of a page's headings, as code hosts make them."""
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ +(.*?) *$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(text: str, page: Path) -> Iterator[str]:
    """Yield the links of a page to files, or headings in them, that are not there."""
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target) is None:
            path, _hash, anchor = target.partition("#")
            file = page.parent / path if path else page
            if not file.exists() or (anchor and anchor not in anchors(file)):
                yield target


@needs_repository
@every_page
def test_a_link_leads_somewhere(page: Path) -> None:
    """The site's gate looks at the pages of the site alone, and the README is none."""
    assert list(dead_links(page.read_text(encoding="utf-8"), page)) == []


def test_a_dead_link_is_found() -> None:
    text = (
        "[a](README.md#licence) [b](#see-it) [c](#seen) [d](docs/none.md) [e](docs/lab.md#none) [f](https://x.example)"
    )
    assert list(dead_links(text, TREE / "README.md")) == ["#seen", "docs/none.md", "docs/lab.md#none"]
