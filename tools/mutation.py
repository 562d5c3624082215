# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Change the code of ``plugins/module_utils`` in a thousand small ways, and see whether the unit tests notice.

Names of files (``_radio/csme``) choose what is changed; without any it is all rooms below ``_watcher``. ``make
mutation`` runs this in an environment that has mutmut; docs/mutation.md tells what came of it.

Each module is changed in a copy of the tree of its own, ``build/mutation/ROOM/FILE``, under the name that the tests
import it by, and tried with its own tests alone. What survived is in ``survivors.diff`` there. A second run tries what
was not killed again, and whatever changed since.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from collections import Counter
from contextlib import chdir
from pathlib import Path

TREE = Path(__file__).resolve().parent.parent
WORK = TREE / "build" / "mutation"
COLLECTION = Path("ansible_collections/vpro/fleet")
HOUSE = COLLECTION / "plugins" / "module_utils"
TESTS = COLLECTION / "tests" / "unit" / "plugins"
#: The rooms that are run by being named alone.
NAMED = frozenset({"_watcher", "_facts", "_tasks", "porch"})

#: The tests of what has no file of tests by its own name, or is tested by others beside it.
TESTED_BY = {
    "_profile_options": ["modules/test_amt_wifi_profiles"],
    "_watcher_files": ["modules/test_amt_wifi_watcher_files"],
}
#: Tests in processes of their own that must not find mutmut, which a changed file needs.
ALONE = ["test_without_pyroute2_everything_imports_and_use_names_the_package"]

#: What mutmut's exit codes say. A test that never ended has noticed as well as one that failed.
KILLED, SURVIVED, UNTESTED, TIMEOUT = "killed", "survived", "no test", "timeout"
RESULTS = {0: SURVIVED, 1: KILLED, 3: KILLED, 5: UNTESTED, 33: UNTESTED}
#: What survived in the words of a text for people: a string with a space in it.
IN_WORDS = "in words"
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')

#: Of hypothesis: the same examples every time, and the first that fails is enough.
CONFTEST = """\
from hypothesis import Phase, settings

phases = [Phase.explicit, Phase.generate]
settings.register_profile("quick", deadline=None, database=None, derandomize=True, phases=phases)
settings.load_profile("quick")
"""


def lines(items: list[str]) -> str:
    """Return *items* as an array of TOML."""
    return "[" + ", ".join(json.dumps(item) for item in items) + "]"


def tests_of(module: str) -> list[str]:
    """Return the files of tests of *module*: ``test_FILE``, and ``test_FILE_SUBJECT`` where one would be too long.

    ``test_netlink_codec_loading`` is of ``netlink_codec`` and not of ``netlink``: the longest name counts.
    ``test_module`` is of ``_module``: its name leaves the underscore out.
    """
    room, _slash, name = module.rpartition("/")
    name = name.removeprefix("_")
    files = {path.stem.removeprefix("_") for path in (TREE / "plugins" / "module_utils" / room).glob("*.py")}
    found = []
    for path in sorted((TREE / "tests" / "unit" / "plugins" / "module_utils" / room).glob("test_*.py")):
        stem = path.stem.removeprefix("test_")
        tested = max((each for each in files if f"{stem}_".startswith(f"{each}_")), key=len, default="")
        if tested == name:
            found.append(str(Path("module_utils", room, path.stem)))
    return found or [str(Path("module_utils", room, f"test_{name}"))]


def prepare(module: str) -> Path:
    """Lay out a copy of the tree in which *module* alone is changed; return its folder."""
    place = WORK / module
    # What each test reaches. mutmut keeps it for a test whose name it knows, however that test has changed.
    (place / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)
    tracked = subprocess.run(
        [
            "git",
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
            "--",
            ":!tests/lab",
            ":!pyproject.toml",
        ],
        cwd=TREE,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, tracked.stdout.split("\0")):
        if (TREE / name).is_file():
            (place / COLLECTION / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TREE / name, place / COLLECTION / name)
    tests = TESTED_BY.get(module) or tests_of(module)
    arguments = ["--import-mode=importlib"]
    for plugin in ("cacheprovider", "cov", "xdist", "faulthandler", "junitxml"):
        arguments += ["-p", f"no:{plugin}"]
    (place / COLLECTION / "tests" / "unit" / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (place / "pyproject.toml").write_text(
        f"""\
[tool.pytest.ini_options]
pythonpath = ["."]
[tool.mutmut]
source_paths = ["{HOUSE}"]
only_mutate = ["*/{module}.py"]
also_copy = ["ansible_collections"]
pytest_add_cli_args = {lines([*arguments, "-k", f"not ({' or '.join(ALONE)})"])}
pytest_add_cli_args_test_selection = {lines([str(TESTS / f"{test}.py") for test in tests])}
timeout_constant = 2.0
timeout_multiplier = 5.0
use_git_change_detection = false
""",
        encoding="utf-8",
    )
    return place


def results(module: str) -> dict[str, str]:
    """Return what became of each change of *module*; one that was not tried has an empty word."""
    meta = WORK / module / "mutants" / HOUSE / f"{module}.py.meta"
    if not meta.is_file():
        return {}
    codes = json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
    return {name: "" if code is None else RESULTS.get(code, TIMEOUT) for name, code in codes.items()}


def run_mutmut(place: Path, names: list[str]) -> None:
    """Try the changes of those names, or all of which nothing is known; its output is shown as it comes."""
    command = [str(Path(sys.executable).with_name("mutmut")), "run", "--max-children", "1", *names]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    status = subprocess.run(command, cwd=place, env=environment, check=False).returncode
    if status != 0:
        raise SystemExit(f"mutation: mutmut ended with {status}; its folder is {place}")


def try_changes(module: str) -> Counter[str]:
    """Try all changes of *module*, or those that no test failed for the last time; return how many ended how."""
    # Where others use the machine, tests that are slow for once look as if they never ended.
    again = [name for name, result in results(module).items() if result != KILLED]
    place = prepare(module)
    run_mutmut(place, again)
    # Those that are named are tried whatever is known of them; those of which nothing is known any more, without.
    if "" in results(module).values():
        run_mutmut(place, [])
    ended = results(module)
    # mutmut keeps the settings of the folder that it first saw.
    importlib.import_module("mutmut.configuration").reset_config()
    diff = importlib.import_module("mutmut.mutation.diff_apply").get_diff_for_mutant
    with chdir(place), open("survivors.diff", "w", encoding="utf-8") as file:
        for name, result in ended.items():
            if result in (SURVIVED, UNTESTED):
                text = diff(name)
                if result == SURVIVED and only_words(text):
                    ended[name] = IN_WORDS
                file.write(f"# {name}: {ended[name]}\n{text}\n")
    return Counter(ended.values())


def only_words(diff: str) -> bool:
    """Say whether a change is one of a text for people alone, which no test repeats word by word."""

    def without(string: re.Match[str]) -> str:
        return "" if " " in string[0] else string[0]

    before, after = (
        [STRING.sub(without, line[1:]) for line in diff.splitlines() if line.startswith(sign) and line[1:2] != sign]
        for sign in "-+"
    )
    return before == after


def row(name: str, ended: Counter[str]) -> str:
    """Return one line of the table."""
    total = sum(ended.values()) - ended[IN_WORDS]
    noticed = ended[KILLED] + ended[TIMEOUT]
    score = f"{100 * noticed / total:5.1f} %" if total else "      -"
    return f"{name:<40}{total:7}{noticed:9}{ended[IN_WORDS]:10}{ended[SURVIVED]:10}{ended[UNTESTED]:10}  {score}"


def main(modules: list[str]) -> int:
    """Run it over *modules*, each shown when it is done; return the exit status."""
    rooms = runpy.run_path(str(TREE / "tests" / "rooms.py"))
    unknown = [module for module in modules if module not in rooms["FILES"]]
    if unknown:
        print(f"mutation: no such file: {', '.join(unknown)}", file=sys.stderr)
        return 2
    chosen = modules or [module for module in rooms["FILES"] if rooms["room_of"](module) not in NAMED]
    done: dict[str, Counter[str]] = {}
    for number, module in enumerate(chosen, start=1):
        print(f"\nmutation: {module} ({number} of {len(chosen)})", flush=True)
        done[module] = try_changes(module)
        print(f"\n{row(module, done[module])}", flush=True)
    print(f"\n{'file':<40}{'changes':>7}{'noticed':>9}{'in words':>10}{'survived':>10}{'untested':>10}    score")
    for module, ended in done.items():
        print(row(module, ended))
    print(row("all", sum(done.values(), Counter())))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
