# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module for wpa_supplicant's settings as a whole, on a laptop without a supplicant."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any, Dict, List

import pytest
import yaml
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args

from ansible_collections.vpro.fleet.plugins.module_utils._managers import conflicts
from ansible_collections.vpro.fleet.plugins.module_utils._managers.choice import Choice
from ansible_collections.vpro.fleet.plugins.module_utils._system import run_folder
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import supplicant
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.report import WatcherReport
from ansible_collections.vpro.fleet.plugins.modules import amt_wifi_supplicant as module


def run(capsys: pytest.CaptureFixture[str], **options: Any) -> Dict[str, Any]:
    with patch_module_args({"interface": "wlan9", "group": "root", **options}), pytest.raises(SystemExit):
        module.main()
    result: Dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


@pytest.fixture
def no_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A laptop on which no wpa_supplicant is installed, and a file to configure."""
    monkeypatch.setattr(conflicts, "PROGRAMS", ())
    places = Places(str(tmp_path))
    (tmp_path / "run").mkdir()
    lock = run_folder.lock
    monkeypatch.setattr(run_folder, "lock", lambda name, wait: lock(name, wait, places))
    announce = run_folder.announce
    monkeypatch.setattr(run_folder, "announce", lambda: announce(places))
    return tmp_path / "wlan9.conf"


def test_a_file_comes_and_stays(no_runtime: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = {"path": str(no_runtime), "country": "DE"}
    checked = run(capsys, **options, _ansible_check_mode=True, _ansible_diff=True)
    assert checked["changed"] is True
    assert checked["diff"]["after"]["file"]["country"] == "DE"
    assert not no_runtime.exists()
    news = Path(Places(str(no_runtime.parent)).news)
    assert not news.exists()
    made = run(capsys, **options)
    assert (made["changed"], made["restart_needed"], made["present"], made["program"]) == (True, False, False, None)
    assert no_runtime.read_text() == (
        "ctrl_interface=DIR=/run/wpa_supplicant GROUP=root\ncountry=DE\nupdate_config=0\n"
    )
    assert no_runtime.stat().st_mode & 0o777 == 0o600
    news.unlink()  # the watcher was told
    assert run(capsys, **options)["changed"] is False
    assert not news.exists()
    no_runtime.chmod(0o644)
    assert run(capsys, **options)["changed"] is True


def test_update_config_is_turned_off(no_runtime: Path, capsys: pytest.CaptureFixture[str]) -> None:
    no_runtime.write_text("update_config=1\n")
    run(capsys, path=str(no_runtime))
    assert no_runtime.read_text() == "ctrl_interface=DIR=/run/wpa_supplicant GROUP=root\nupdate_config=0\n"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"interface": "a/b"}, "invalid_option"),
        ({"group": "a b"}, "invalid_option"),
        ({"group": "root\nx=y"}, "invalid_option"),
        ({"country": "de"}, "invalid_option"),
        ({"path": "/"}, "invalid_option"),
        ({"country": False}, "invalid_option"),
        ({"group": 0}, "invalid_option"),
        ({"wait": -1}, "invalid_option"),
        ({"wait": 3601}, "invalid_option"),
        ({"group": "no-such-group-here"}, "group_missing"),
    ],
)
def test_refusals(no_runtime: Path, capsys: pytest.CaptureFixture[str], options: Dict[str, Any], code: str) -> None:
    result = run(capsys, **{"path": str(no_runtime), **options})
    assert result["failed"] is True
    assert result["error"]["code"] == code
    assert not no_runtime.exists()


@pytest.mark.parametrize("interface", ["wlan9", "wlan0"])
def test_what_the_watcher_is_in_the_middle_of_is_told(
    no_runtime: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, interface: str
) -> None:
    report = WatcherReport(installed=True, running=True, busy=frozenset({interface}))
    monkeypatch.setattr(supplicant, "read_watcher", lambda _reading: report)
    assert run(capsys, path=str(no_runtime))["busy"] is (interface == "wlan9")


def test_conflicts_come_first(
    no_runtime: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fights = [conflicts.Conflict("iwd takes wlan9", "iwd.service", "Stop it"), conflicts.Conflict("b", "c", "d")]
    monkeypatch.setattr(conflicts.InterfaceSources, "conflicts", lambda _self: fights)
    result = run(capsys, path=str(no_runtime), group="no-such-group-here")
    assert result["msg"] == "there are 2 conflicts about wlan9: iwd takes wlan9 (iwd.service). Stop it; b (c). d"
    assert [each["what"] for each in result["conflicts"]] == ["iwd takes wlan9", "b"]
    assert not no_runtime.exists()


@pytest.mark.parametrize("installed", [True, False])
def test_where_networkmanager_runs_it_there_is_nothing_to_set(
    no_runtime: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    find = importlib.util.find_spec

    def found(name: str, package: Any = None) -> Any:
        return (object() if installed else None) if name == "jeepney" else find(name, package)

    with monkeypatch.context() as patched:
        patched.setattr(supplicant, "choose", lambda _asked, _interface: Choice("networkmanager"))
        patched.setattr(importlib.util, "find_spec", found)
        result = run(capsys, path=str(no_runtime), backend="auto", country="DE")
    assert (result["changed"], result["backend"], result["library"]) == (False, "networkmanager", installed)
    assert result["file"] == {"changed": False, "path": None}
    assert not no_runtime.exists()
    # The role asks the same of every interface.
    assert set(run(capsys, path=str(no_runtime))) == set(result)


def test_why_networkmanager_could_not_be_asked_is_told_beside_a_conflict(
    no_runtime: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    choice = Choice("wpa_supplicant", ("it could not be asked",))
    monkeypatch.setattr(supplicant, "choose", lambda _asked, _interface: choice)
    told: List[str] = []
    monkeypatch.setattr(basic.AnsibleModule, "warn", lambda _self, text: told.append(text))
    made = run(capsys, path=str(no_runtime), backend="auto")
    assert (made["backend"], made["library"], told) == ("wpa_supplicant", True, ["it could not be asked"])
    fights = [conflicts.Conflict("NetworkManager runs, and may take wlan9", "/run", "Make it unmanaged")]
    monkeypatch.setattr(conflicts.InterfaceSources, "conflicts", lambda _self: fights)
    assert run(capsys, path=str(no_runtime), backend="auto")["error"]["code"] == "conflict"
    assert told == ["it could not be asked"] * 2


def test_the_country_that_yaml_takes_for_false_is_to_be_quoted(
    no_runtime: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run(capsys, path=str(no_runtime), country=yaml.safe_load("NO"))
    assert result["msg"] == "country: is not text but a boolean (true or false); quote it"
    assert run(capsys, path=str(no_runtime), country="NO")["changed"] is True
