# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the watcher's command says, and what its exit statuses tell the units that run it."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._facts import gather
from ansible_collections.vpro.fleet.plugins.module_utils._handover.words import LOOKS_AGAIN
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import TransportFailed
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import command
from ansible_collections.vpro.fleet.plugins.module_utils._watcher import bring_up, bring_up_networkmanager, state

RADIO = {"phy": "phy0", "interface": "wlan0", "state": "watching", "reason": None, "wanted": None, "supplicant": True}


@pytest.fixture
def alarms(monkeypatch: pytest.MonkeyPatch) -> List[int]:
    """The times after which the kernel would end the command."""
    asked: List[int] = []
    monkeypatch.setattr(signal, "alarm", asked.append)
    return asked


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What "status" says of a state."""

    def tell(radios: List[Dict[str, Any]], last: Any = None) -> str:
        path = tmp_path / "state.json"
        path.write_text(json.dumps({"version": "1.2.3", "pid": os.getpid(), "radios": radios, "last_handover": last}))
        monkeypatch.setattr(state, "STATE_PATH", str(path))
        assert command.main(["status"]) == 0
        return capsys.readouterr().out

    return tell


def test_a_state_without_a_radio(told: Callable[..., str]) -> None:
    assert told([]).splitlines() == [
        f"amt-wifi-watcher 1.2.3 (process {os.getpid()})",
        "  it watches no radio: CSME can own none, or the configuration names others",
    ]


def test_a_state_with_nothing_to_do(told: Callable[..., str]) -> None:
    assert told([RADIO]).splitlines()[1:] == ["  wlan0 (phy0): nothing to do"]


def test_a_block_that_nobody_can_explain_is_not_called_nothing(told: Callable[..., str]) -> None:
    assert told([{**RADIO, "reason": "kernel_too_old"}]).splitlines()[1:] == [
        "  wlan0 (phy0): it is not known who owns the radio",
        "    because: kernel_too_old",
        "    the kernel gives no reason when the radio is blocked, so it is not known whether CSME owns it. "
        "Install Linux 5.17 or newer",
    ]


def test_an_interface_that_is_down_may_be_csmes(told: Callable[..., str]) -> None:
    assert told([{**RADIO, "reason": "owner_unknown"}]).splitlines()[1:] == [
        "  wlan0 (phy0): it is not known who owns the radio",
        "    because: owner_unknown",
        "    the interface is down, and with this driver, CSME may own its radio without a block. Start the program "
        "that runs the interface, or bring the interface up. The driver asks CSME for the radio then",
    ]


def test_an_interface_that_is_held_back(told: Callable[..., str]) -> None:
    assert told([{**RADIO, "state": "held", "reason": "no_credentials"}]).splitlines()[1] == (
        "  wlan0 (phy0): its bring-up is held back, because it could end a session of CSME"
    )


def test_a_state_in_which_something_is_missing(told: Callable[..., str]) -> None:
    wanted = {"ssid": "corp\\xff", "ssid_hex": "636f7270ff", "auth": "psk"}
    left = {**RADIO, "state": "left", "reason": "no_credentials", "wanted": wanted, "supplicant": False}
    assert told([left, {**RADIO, "interface": "wlan1", "state": "of a newer version"}]).splitlines()[1:] == [
        "  wlan0 (phy0): CSME keeps the radio",
        "    because: no_credentials",
        f"    when it looked last, no profile of the host could carry CSME's connection on. {LOOKS_AGAIN}",
        "    add a profile for 'corp\\xff' (psk)",
        "    neither wpa_supplicant nor NetworkManager can be used for it",
        "  wlan1 (phy0): of a newer version",
    ]


def test_no_profile_is_asked_for_where_another_reason_keeps_the_radio(told: Callable[..., str]) -> None:
    wanted = {"ssid": "corp", "ssid_hex": "636f7270", "auth": "psk"}
    assert told([{**RADIO, "state": "retrying", "reason": "taken_back", "wanted": wanted}]).splitlines()[1:] == [
        "  wlan0 (phy0): CSME keeps the radio, and the watcher will try again",
        "    because: taken_back",
        "    CSME gave the radio away and took it back, because it did not hear in time that the host was connected. "
        "Check that the access point answers and that the credentials are right. The steps show how far the handover "
        f"came. If the host was connected, a warning may say why CSME did not hear of it. {LOOKS_AGAIN}",
        "    CSME's network: 'corp' (psk)",
    ]


def test_a_watcher_that_waits_for_what_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "state.json"
    lacking = {"version": "1.2.3", "pid": os.getpid(), "state": "lacking", "lacks": "this kernel has no rfkill"}
    path.write_text(json.dumps(lacking))
    monkeypatch.setattr(state, "STATE_PATH", str(path))
    assert command.main(["status"]) == 1
    assert "waits for what is missing: this kernel has no rfkill" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "amt-wifi-watcher does not run"),
        # It was killed, and nobody has removed what it wrote.
        ('{"pid": 4194305, "version": "1.2.3", "radios": []}', "amt-wifi-watcher does not run"),
        ("{", "the watcher's state is not JSON"),
        ("[]", "the watcher's state is not a mapping"),
    ],
)
def test_a_state_of_no_watcher_is_no_state(
    text: Optional[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "state.json"
    if text is not None:
        path.write_text(text)
    monkeypatch.setattr(state, "STATE_PATH", str(path))
    assert command.main(["status"]) == 1
    shown = capsys.readouterr()
    assert (shown.out, said in shown.err) == ("", True)


def test_a_state_of_another_version_is_shown_as_far_as_it_goes(told: Callable[..., str]) -> None:
    assert told([{"interface": "wlan0", "state": "left", "reason": "denied"}, 7]).splitlines()[1:] == [
        "  wlan0 (None): CSME keeps the radio",
        "    because: denied",
        "    CSME denied the host the radio, or did not answer. "
        "End the remote session, or try again when it has ended. " + LOOKS_AGAIN,
        "    neither wpa_supplicant nor NetworkManager can be used for it",
    ]


@pytest.mark.parametrize(("took", "sentence"), [(290, ", address after 290 ms"), (None, "")])
def test_the_last_handover(told: Callable[..., str], took: Any, sentence: str) -> None:
    last = {"outcome": "protected", "at": "2026-11-22T08:00:00Z", "request_to_address_ms": took}
    assert told([], last).splitlines()[-1] == f"  last handover: protected at 2026-11-22T08:00:00Z{sentence}"


@pytest.mark.parametrize(
    ("blockers", "status", "said"),
    [
        ([], 0, "A handover would succeed here now\n"),
        (
            [{"code": "no_supplicant", "message": "Nobody runs it"}, {"code": "no_profile", "message": "None fits"}],
            1,
            "no_supplicant: Nobody runs it\nno_profile: None fits\n",
        ),
    ],
)
def test_the_verdict(
    blockers: List[Dict[str, str]],
    status: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(gather, "collect", lambda *, firmware: {"readiness": {"blockers": blockers}})
    assert command.main(["check"]) == status
    assert capsys.readouterr().out == said


@pytest.mark.parametrize(("may", "status"), [(True, 0), (False, command.NOT_YET)])
def test_whether_an_interface_may_be_brought_up(
    may: bool, status: int, alarms: List[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: List[str] = []

    def may_bring_up(interface: str) -> bool:
        asked.append(interface)
        return may

    monkeypatch.setattr(bring_up, "may_bring_up", may_bring_up)
    assert command.main(["bring-up", "wlan0"]) == status
    assert asked == ["wlan0"]
    assert len(alarms) == 1, "the supplicant's start does not wait for whatever keeps the answer"


def test_holding_back_has_no_end_but_its_own(
    alarms: List[int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bring_up, "hold_back", lambda interface, tell: tell(f"{interface}: waits"))
    monkeypatch.setattr(bring_up_networkmanager, "bring_up", lambda interface, tell: tell(f"{interface}: is given"))
    assert command.main(["hold", "wlan0"]) == 0
    assert command.main(["hold-networkmanager", "wlan1"]) == 0
    assert capsys.readouterr().out == "wlan0: waits\nwlan1: is given\n"
    assert alarms == []


def test_before_networkmanager_starts(
    alarms: List[int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bring_up_networkmanager, "hold_before_start", lambda: ["wlan0"])
    assert command.main(["before-networkmanager"]) == 0
    assert capsys.readouterr().out == "wlan0: NetworkManager leaves it alone until it may be brought up\n"
    assert len(alarms) == 1, "the boot does not wait for whatever keeps the answer"


def test_a_failure_is_one_line_and_a_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*, firmware: bool) -> None:
        raise TransportFailed("the kernel refused", where="netlink")

    monkeypatch.setattr(gather, "collect", fails)
    monkeypatch.setattr(sys, "argv", ["amt-wifi-watcher", "check"])
    assert command.main() == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("amt-wifi-watcher: ")
    assert "the kernel refused" in err


def test_the_version_is_what_the_role_wrote_beside_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "__file__", str(tmp_path / "_tasks" / "command.py"))
    (tmp_path / "_tasks").mkdir()
    (tmp_path / "VERSION").write_text("9.8.7\n")
    with pytest.raises(SystemExit) as ended:
        command.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == "amt-wifi-watcher 9.8.7\n"


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config.json"
    config.write_text("{}")
    assert command.main(["check-config", str(config)]) == 0
    config.write_text('{"idle": 1}')
    assert command.main(["check-config", str(config)]) == 1
    assert "idle has to be one of" in capsys.readouterr().err
    assert command.main(["check-config", str(tmp_path / "confg.json")]) == 1
    told = capsys.readouterr()
    assert (told.out, "there is no such file" in told.err) == ("", True)
    monkeypatch.setattr(f"{command.__name__}.PATH", str(tmp_path / "none.json"))
    assert command.main(["check-config"]) == 0
    assert "none.json: there is no such file, so the defaults apply" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        command.main([])
    ran: List[str] = []
    monkeypatch.setattr(f"{command.__name__}.watch", ran.append)
    assert command.main(["run"]) == 0
    assert ran == ["unknown"]
