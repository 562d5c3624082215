# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks brought to the declared state: handovers on the radio, check mode, what is told, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import apply
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.backend import WpaSupplicant
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.deferred import Deferred
from ansible_collections.vpro.fleet.plugins.module_utils._network.declared import (
    Declaration,
    InvalidProfiles,
    NetworkProfile,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system import detached, run_folder
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import Refused, TimedOut
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import profiles
from ansible_collections.vpro.fleet.plugins.module_utils._tasks.profiles import provision, request_for
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.wpa_supplicant.fake_provisioning import (
    CANARY,
    OTHER,
    Laptop,
    eap,
    happened,
    laptop_of,
    psk,
    sae,
)


@pytest.fixture
def laptop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Laptop]:
    yield from laptop_of(tmp_path, monkeypatch)


def test_without_the_interface_the_file_is_written(laptop: Laptop) -> None:
    request = request_for("wlan9", str(laptop.conf), Declaration((psk(),)))
    result = provision(request, False, laptop.places)
    assert (result["file"]["changed"], result["runtime"]["applied"]) == (True, False)


def test_networkmanagers_interface_is_left_alone_where_the_file_was_asked_for(laptop: Laptop) -> None:
    laptop.start()
    laptop.machine.networkmanager("true")
    result = laptop.declare(psk(), backend="wpa_supplicant")
    assert result["backend"] == "wpa_supplicant"
    assert (result["file"]["changed"], result["runtime"]["applied"]) == (True, False)
    assert "NetworkManager runs wlan0" in result["runtime"]["reason"]
    assert laptop.supplicant.requests == []


def test_the_watcher_is_told_unless_nothing_may_change(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    laptop.start()
    news = Path(laptop.places.news)
    laptop.declare(psk(), check_mode=True)
    assert not news.exists()
    laptop.declare(psk())
    news.unlink()
    # A part may have been done before a failure.

    def breaks(*_arguments: Any) -> Any:
        raise TimedOut("wpa_supplicant did not answer")

    monkeypatch.setattr(apply, "bring", breaks)
    with pytest.raises(Refused, match="did not answer"):
        laptop.declare(psk())
    assert news.exists()


# -- handovers --------------------------------------------------------------------------------------------------------


def pinned(laptop: Laptop) -> None:
    """Leave a pin behind, as a killed handover does."""
    supplicant = WpaSupplicant("wlan0", str(laptop.supplicant.path), Deferred("phy7", laptop.places))
    profile = next(p for p in supplicant.profiles() if p.ssid == b"home")
    pin = supplicant.pin(profile, "02:00:00:00:01:00", [2437])
    run_folder.write_journal("phy7", {"pin": pin.as_dict()}, laptop.places)


def test_a_pin_that_a_killed_handover_left_is_undone_first(laptop: Laptop) -> None:
    fake = laptop.start()
    fake.state = "INTERFACE_DISABLED"
    laptop.declare(psk(), psk(b"b"))
    before = laptop.text()
    pinned(laptop)
    assert fake.networks[1].disabled
    checked = laptop.declare(psk(), psk(b"b"), check_mode=True)
    assert checked["changed"] is False, "the pin is no difference"
    result = laptop.declare(psk(), psk(b"b"))
    assert (result["changed"], laptop.text()) == (False, before)
    assert "a pin that a handover left" in result["warnings"][0]
    assert "bssid" not in fake.network(b"home").variables
    assert not fake.networks[1].disabled
    assert run_folder.read_journal("phy7", laptop.places) is None


def test_a_handover_at_work_is_not_fought(laptop: Laptop) -> None:
    fake = laptop.start()
    fake.state = "INTERFACE_DISABLED"
    laptop.declare(psk(), psk(b"b"))
    pinned(laptop)
    with run_folder.lock("phy7", 0, laptop.places):
        result = laptop.declare(psk(passphrase=OTHER), psk(b"b"))
    assert (result["file"]["changed"], result["runtime"]["applied"]) == (True, False)
    assert "works on phy7" in result["runtime"]["reason"]
    assert fake.changes == []
    # The pin is in the supplicant and not in the file.
    assert fake.network(b"home").variables["bssid"] == "02:00:00:00:01:00"
    assert "bssid" not in laptop.text()
    result = laptop.declare(psk(passphrase=OTHER), psk(b"b"))
    assert happened(result) == (True, False, True, True)
    assert fake.network(b"home").variables["psk"] == f'"{OTHER}"'


def test_two_tasks_take_turns(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "_OTHERS_WAIT", 0.1)
    with run_folder.lock("profiles", 0, laptop.places), pytest.raises(Refused, match="another task") as caught:
        laptop.declare(psk())
    assert caught.value.as_dict()["code"] == "timed_out"
    assert not laptop.conf.exists()


# -- check mode, results, errors --------------------------------------------------------------------------------------


def test_check_mode_tells_what_would_happen_and_changes_nothing(laptop: Laptop) -> None:
    fake = laptop.start()
    laptop.declare(psk(), eap())
    before, networks = laptop.text(), {n: dict(x.variables) for n, x in fake.networks.items()}
    declared = (psk(passphrase=OTHER), eap(hidden=True), sae())
    checked = laptop.declare(*declared, check_mode=True)
    assert fake.changes == []
    assert laptop.text() == before
    assert {n: dict(x.variables) for n, x in fake.networks.items()} == networks
    done = laptop.declare(*declared)
    assert checked == done


def test_check_mode_without_anything_there(laptop: Laptop) -> None:
    result = laptop.declare(psk(), check_mode=True)
    assert happened(result) == (True, True, False, False)
    assert list(laptop.folder.glob("*.conf*")) == []
    assert not os.path.exists(laptop.places.run)


def test_a_diff_shows_only_what_changes(laptop: Laptop) -> None:
    laptop.start()
    laptop.declare(psk(), psk(b"b"))
    diff = laptop.declare(psk(passphrase=OTHER), psk(b"b"), NetworkProfile(b"new", "open", pmf="disabled"))["diff"]
    assert set(diff["before"]["file"]["networks"]) == set(diff["before"]["runtime"]) == {"home"}
    assert set(diff["after"]["file"]["networks"]) == set(diff["after"]["runtime"]) == {"home", "new"}
    assert diff["before"]["file"]["networks"]["home"]["psk"] == "(set)"
    assert diff["after"]["file"]["networks"]["home"]["psk"] == "(changed)"
    nothing = laptop.declare(psk(passphrase=OTHER), psk(b"b"))["diff"]
    assert nothing["before"] == nothing["after"]


def test_a_diff_shows_permissions_that_change(laptop: Laptop) -> None:
    laptop.declare(psk())
    laptop.conf.chmod(0o644)
    diff = laptop.declare(psk())["diff"]
    assert (diff["before"]["file"]["mode"], diff["after"]["file"]["mode"]) == ("0644", "0600")


def test_an_unexpected_error_does_not_show_what_it_was_about(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise ValueError(CANARY)

    monkeypatch.setattr(apply, "plan_file", fail)
    for check_mode in (False, True):
        with pytest.raises(Refused) as caught:
            laptop.declare(psk(), check_mode=check_mode)
        assert "unexpected ValueError" in str(caught.value)
        assert CANARY not in str(caught.value) + repr(caught.value.__cause__)


def test_it_goes_on_in_a_process_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No supplicant here: a process with threads had better not fork."""
    pids: List[int] = []
    real = detached.run_detached

    def spy(work: Callable[[], Dict[str, Any]], timeout: float) -> Dict[str, Any]:
        answer = real(lambda: {**work(), "pid": os.getpid()}, timeout)
        pids.append(answer.pop("pid"))
        return answer

    monkeypatch.setattr(profiles, "run_detached", spy)
    places = Places(str(tmp_path))
    result = provision(request_for("wlan0", str(tmp_path / "x.conf"), Declaration((psk(),))), False, places)
    assert result["file"] == {"changed": True, "path": str(tmp_path / "x.conf")}
    assert pids != [os.getpid()]
    assert len(pids) == 1


def test_a_work_that_does_not_end_is_told_as_such(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(_work: Any, _timeout: float) -> Dict[str, Any]:
        raise TimedOut("the work did not end", remedy="Run the task again to see how it ended.")

    monkeypatch.setattr(profiles, "run_detached", late)
    with pytest.raises(TimedOut, match="the networks were not brought up to date"):
        laptop.declare(psk())


@pytest.mark.parametrize(
    ("interface", "path", "fields"),
    [
        ("", None, ["interface"]),
        ("..", None, ["interface"]),
        ("a/b", None, ["interface"]),
        ("x" * 16, None, ["interface"]),
        ("a b", "relative", ["interface", "path"]),
        ("wlan0", "/etc/", ["path"]),
        ("wlan0", "/a\0b", ["path"]),
    ],
)
def test_places_that_are_none(interface: str, path: Optional[str], fields: List[str]) -> None:
    with pytest.raises(InvalidProfiles) as caught:
        request_for(interface, path, Declaration())
    assert [problem["field"] for problem in caught.value.details["problems"]] == fields


def test_files_that_profiles_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good, empty = tmp_path / "ca.pem", tmp_path / "empty"
    good.write_text("x")
    empty.touch()
    assert profiles.check_file(str(good)) is None
    assert "is empty" in str(profiles.check_file(str(empty)))
    assert "there is no file" in str(profiles.check_file(str(tmp_path / "none")))
    assert "is a directory" in str(profiles.check_file(str(tmp_path)))
    os.mkfifo(tmp_path / "fifo")
    assert "is not a regular file" in str(profiles.check_file(str(tmp_path / "fifo")))
    monkeypatch.setattr("builtins.open", _refuse)
    assert "can't be read: Permission denied" in str(profiles.check_file(str(good)))


def _refuse(*_arguments: object) -> None:
    raise PermissionError(13, "Permission denied")
