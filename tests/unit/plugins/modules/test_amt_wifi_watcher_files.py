# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module for the watcher's files: the package as a whole, the files around it, and their end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.vpro.fleet.plugins.module_utils import _watcher_files
from ansible_collections.vpro.fleet.plugins.module_utils._system.exclusive import alone
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.report import WatcherReport
from ansible_collections.vpro.fleet.plugins.modules import amt_wifi_watcher_files as module

HOUSE = Path(__file__).resolve().parents[4] / "plugins" / "module_utils"
#: The glue to Ansible.
PORCH = {"_module.py", "_profile_options.py", "_watcher_files.py"}
ERRORS = "_system/errors.py"


class Task:
    """A laptop whose files are below a folder, and tasks on it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.package = folder / "lib" / "amt-wifi-watcher" / "vpro_fleet"
        self.config = folder / "etc" / "watcher" / "config.json"
        self.command = folder / "sbin" / "watcher"
        self._capsys = capsys

    def run(self, *, check: bool = False, **options: Any) -> Dict[str, Any]:
        files: List[Dict[str, Any]] = [
            {"path": str(self.command), "content": "#!/bin/sh\n", "executable": True},
            {"path": str(self.config), "content": "{}\n", "validate": "grep -q {} %s"},
        ]
        arguments = {
            "package": str(self.package),
            "version": "1.2.3",
            "python": sys.executable,
            "folders": [str(self.package.parent), str(self.config.parent)],
            "files": files,
            "_ansible_check_mode": check,
            **options,
        }
        with patch_module_args(arguments), pytest.raises(SystemExit):
            module.main()
        result: Dict[str, Any] = json.loads(self._capsys.readouterr().out)
        return result


@pytest.fixture
def task(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Task:
    monkeypatch.setattr(module, "read_watcher", lambda _reading: WatcherReport(installed=False, running=False))
    monkeypatch.setattr(_watcher_files, "LOCK", str(tmp_path / "lock"))
    return Task(tmp_path, capsys)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of a few files: each task compiles all that it finds."""
    carried = _watcher_files.carried()
    monkeypatch.setattr(
        _watcher_files, "carried", lambda: {name: carried[name] for name in ("_system/__init__.py", ERRORS)}
    )


def tree(folder: Path) -> Dict[str, Any]:
    """Return all that is below a folder."""
    found: Dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        found[str(path)] = (path.stat().st_mode, path.stat().st_ino, path.read_bytes() if path.is_file() else b"")
    return found


def test_from_nothing_and_back(task: Task, tmp_path: Path) -> None:
    before = tree(tmp_path)
    checked = task.run(check=True)
    assert tree(tmp_path) == before
    made = task.run()
    parts = [*(task.package.parent, task.config.parent), task.package, task.command, task.config]
    assert made["changes"] == checked["changes"] == [str(part) for part in parts]
    assert made["diff"] == checked["diff"]
    # Byte for byte what the collection has, without the glue to Ansible.
    names = {path.relative_to(HOUSE).as_posix() for path in HOUSE.rglob("*.py")} - PORCH
    made_of = {path.relative_to(task.package).as_posix() for path in task.package.rglob("*") if path.is_file()}
    assert {path for path in made_of if "__pycache__" not in path} == {*names, "VERSION", "__init__.py"}
    assert all((task.package / name).read_bytes() == (HOUSE / name).read_bytes() for name in names)
    assert (task.package / "VERSION").read_text() == "1.2.3\n"
    assert oct(task.command.stat().st_mode)[-3:] == "755"
    after = tree(tmp_path)
    assert task.run()["changed"] is False
    assert task.run(check=True)["changed"] is False
    assert tree(tmp_path) == after

    gone = task.run(state="absent", check=True)
    assert tree(tmp_path) == after
    assert task.run(state="absent")["changes"] == gone["changes"]
    # Its own parents stay: they are the distribution's.
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")} == {"etc", "lib", "sbin"}
    assert task.run(state="absent")["changed"] is False


def test_the_package_runs_without_ansible_and_needs_to_write_nothing(task: Task) -> None:
    task.run()
    code = (
        f"import sys; sys.path.insert(0, {str(task.package.parent)!r});"
        "import vpro_fleet._watcher.loop, vpro_fleet._facts.gather; sys.exit('ansible' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-I", "-v", "-c", code], capture_output=True, text=True, check=True)
    # The bytecode was taken as it is, for each file.
    assert f"matches {task.package}/_watcher/loop.py" in done.stderr
    assert f"wrote '{task.package}" not in done.stderr


#: A controller that installs one version again and again.
_CONTROLLER = """
import sys
from ansible.module_utils.testing import patch_module_args
from ansible_collections.vpro.fleet.plugins.module_utils import _watcher_files
from ansible_collections.vpro.fleet.plugins.modules import amt_wifi_watcher_files as module
lock, package, version = sys.argv[1:]
names = [f"part{number}.py" for number in range(20)]
_watcher_files.LOCK = lock
_watcher_files.carried = lambda: {name: f"VERSION = {version!r}\\n".encode() for name in names}
for _time in range(4):
    with patch_module_args({"package": package, "version": version, "python": sys.executable}):
        try:
            module.main()
        except SystemExit as ended:
            assert not ended.code
"""


def test_two_controllers_at_the_same_time_leave_one_whole_package(task: Task, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    controllers = [
        subprocess.Popen(
            [sys.executable, "-c", _CONTROLLER, str(tmp_path / "lock"), str(task.package), version],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for version in ("1.0.0", "2.0.0")
    ]
    told = [controller.communicate(timeout=120) for controller in controllers]
    assert [controller.returncode for controller in controllers] == [0, 0], told
    version = (task.package / "VERSION").read_text().strip()
    sources = [path for path in task.package.iterdir() if path.name.startswith("part")]
    assert len(sources) == 20
    assert {path.read_text() for path in sources} == {f"VERSION = {version!r}\n"}
    assert [path.name for path in task.package.parent.iterdir()] == ["vpro_fleet"]


@pytest.mark.usefixtures("few")
def test_another_task_is_waited_for_and_named(task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_watcher_files, "LOCK_SECONDS", 0.1)
    with alone(str(tmp_path / "lock"), "", 0):
        assert task.run(check=True)["changed"] is True
        failed = task.run()
        assert failed["error"]["code"] == "timed_out"
        assert "another task installs or removes the watcher" in failed["msg"]
        assert task.run(state="absent")["error"]["code"] == "timed_out"
        assert not task.package.exists()
    assert task.run()["changed"] is True


@pytest.mark.usefixtures("few")
def test_a_new_package_that_is_not_whole_does_not_replace_the_old_one(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    task.run(version="1.2.2")
    before = tree(task.package)
    compiled = _watcher_files.Package._compile

    def and_lose_a_file(package: Any, folder: str) -> None:
        compiled(package, folder)
        os.unlink(os.path.join(folder, ERRORS))

    with monkeypatch.context() as patch:
        patch.setattr(_watcher_files.Package, "_compile", and_lose_a_file)
        failed = task.run()
    assert failed["error"]["code"] == "transport_failed"
    assert ERRORS in failed["msg"]
    assert tree(task.package) == before
    assert [path.name for path in task.package.parent.iterdir()] == ["vpro_fleet"]
    # The same if the last step fails.
    rename = os.rename
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", lambda old, new: rename(old, new) if not old.endswith("/new") else _full())
        assert task.run()["error"]["code"] == "transport_failed"
    assert tree(task.package) == before
    # What a killed run left goes with the next one.
    for name in ("vpro_fleet.new", "vpro_fleet.old", ".vpro_fleet-abc"):
        (task.package.parent / name).mkdir()
    assert task.run()["changed"] is True
    assert [path.name for path in task.package.parent.iterdir()] == ["vpro_fleet"]


def _full() -> None:
    raise OSError(28, "No space left on device")


def edit(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def loosen(path: Path) -> None:
    path.chmod(0o666)


def remove(path: Path) -> None:
    path.unlink()


def link(path: Path) -> None:
    path.rename(path.with_suffix(".moved"))
    path.symlink_to(path.with_suffix(".moved"))


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("harm", [edit, loosen, remove, link])
@pytest.mark.parametrize("name", ["VERSION", ERRORS, "__init__.py"])
def test_whatever_happened_to_the_package_is_mended(task: Task, harm: Any, name: str) -> None:
    task.run()
    harm(task.package / name)
    mended = task.run()
    assert mended["changes"] == [str(task.package)]
    assert name in mended["diff"][0]["before"] + mended["diff"][0]["after"]
    assert (task.package / ERRORS).read_bytes() == (HOUSE / ERRORS).read_bytes()
    assert task.run()["changed"] is False


@pytest.mark.usefixtures("few")
def test_what_an_older_version_had_is_gone(task: Task) -> None:
    task.run(version="1.2.2")
    (task.package / "_obsolete.py").write_text("")
    (task.package / "sub").mkdir()
    told = task.run()["diff"][0]
    assert told["before"].splitlines()[0].startswith("VERSION: ")
    assert [line.split(":")[0] for line in told["before"].splitlines()] == ["VERSION", "_obsolete.py", "sub/"]
    assert [line.split(":")[0] for line in told["after"].splitlines()] == ["VERSION"]
    assert not (task.package / "_obsolete.py").exists()
    assert not (task.package / "sub").exists()
    # Nothing of the exchange is left beside it.
    assert [path.name for path in task.package.parent.iterdir()] == ["vpro_fleet"]


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("touch", ["source", "bytecode"])
def test_bytecode_that_does_not_fit_is_made_anew(task: Task, touch: str) -> None:
    task.run()
    source = task.package / ERRORS
    if touch == "source":
        os.utime(source, (1, 1))
    else:
        next((source.parent / "__pycache__").glob("errors.*")).write_bytes(b"short")
    assert task.run()["changed"] is True
    assert task.run()["changed"] is False


def test_a_python_that_can_not_compile_it_keeps_the_old_package(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    task.run()
    before = tree(task.package)
    monkeypatch.setattr(_watcher_files, "carried", lambda: {"_new.py": b"match x:\n  syntax error\n"})
    failed = task.run()
    assert failed["error"]["code"] == "package_unusable"
    assert "_new.py" in failed["msg"]
    assert tree(task.package) == before


def test_a_python_that_is_not_there(task: Task) -> None:
    assert task.run(check=True, python="/nowhere/python3")["changed"] is True
    assert task.run(python="/nowhere/python3")["error"]["code"] == "not_found"
    assert not task.package.exists()


def test_a_file_that_is_not_validated_stays_as_it_was(task: Task) -> None:
    task.run()
    bad = [{"path": str(task.config), "content": "bad\n", "validate": "sh -c 'echo field idle >&2; exit 1' %s"}]
    failed = task.run(files=bad)
    assert failed["error"]["code"] == "validation_failed"
    assert "field idle" in failed["msg"]
    assert task.config.read_text() == "{}\n"


def test_a_stricter_mask_does_not_keep_the_watcher_from_its_package(task: Task) -> None:
    mask = os.umask(0o077)
    try:
        task.run()
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(mask)
    for path in (task.package, *task.package.rglob("*"), task.config.parent, task.config):
        assert path.stat().st_mode & 0o044 == 0o044, path


@pytest.mark.parametrize(
    ("watcher", "needed"),
    [
        (WatcherReport(True, True, version="1.2.2"), True),
        (WatcherReport(True, True, version="1.2.3"), False),
        (WatcherReport(True, False), False),
        (WatcherReport(True, None), False),
    ],
)
def test_a_watcher_of_another_version_that_runs_is_told(
    task: Task, monkeypatch: pytest.MonkeyPatch, watcher: WatcherReport, needed: bool
) -> None:
    monkeypatch.setattr(module, "read_watcher", lambda _reading: watcher)
    result = task.run(check=True)
    assert (result["installed"], result["restart_needed"]) == (True, needed)
