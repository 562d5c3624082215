# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The watcher's state, as everybody may read it."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Dict, List, Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._network.handover_record import HandoverRecord
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import TransportFailed
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.state_file import document, write_state
from ansible_collections.vpro.fleet.tests.schema import check_watcher_state
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._handover.fake_story import PART
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_guarded import NETWORK, radio


def test_what_was_written_is_read_by_anybody(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    before = os.umask(0o077)
    try:
        write_state({"pid": 1, "longer": "than the new one"}, str(path))
        write_state({"pid": 2}, str(path))
    finally:
        os.umask(before)
    assert json.loads(path.read_text()) == {"pid": 2}
    assert path.stat().st_mode & 0o777 == 0o644
    assert os.listdir(tmp_path) == ["state.json"]


def test_a_state_that_can_not_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.json"
    write_state({"pid": 1}, str(path))

    def full(_old: str, _new: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(TransportFailed, match="No space left on device") as caught:
        write_state({"pid": 2}, str(path))
    assert (caught.value.where, caught.value.errno) == (str(path), errno.ENOSPC)
    assert json.loads(path.read_text()) == {"pid": 1}
    assert os.listdir(tmp_path) == ["state.json"]
    with pytest.raises(TransportFailed):
        write_state({}, str(tmp_path / "none" / "state.json"))


# -- what is in it -----------------------------------------------------------------------------------------------------


def guarded(state: str = "watching", **changes: Any) -> Any:
    """A guarded radio, as far as its state is told."""
    named: Dict[str, Any] = {
        "radio": radio(),
        "attachment": SimpleNamespace(sources=(), manager=None),
        "view": SimpleNamespace(wanted=None),
        "state": state,
        "reason": None,
        "last": None,
    }
    return SimpleNamespace(**{**named, **changes})


def told(*radios: Any) -> Dict[str, Any]:
    return check_watcher_state(document("1.2.3", radios))


def test_a_watcher_without_a_radio() -> None:
    assert told() == {
        "schema_version": 1,
        "version": "1.2.3",
        "pid": os.getpid(),
        "state": "no_radio",
        "lacks": None,
        "radios": [],
        "last_handover": None,
    }


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("handover", "retrying"),
        ("retrying", "left"),
        ("left", "held"),
        ("held", "staying"),
        ("staying", "watching"),
        ("handover", "watching"),
    ],
)
def test_of_several_radios_the_state_that_matters_most_is_the_watchers(first: str, second: str) -> None:
    for radios in ((guarded(first), guarded(second)), (guarded(second), guarded(first))):
        assert told(*radios)["state"] == first


@pytest.mark.parametrize("manager", ["wpa_supplicant", "networkmanager"])
def test_what_is_told_of_a_radio(manager: str) -> None:
    kept = guarded(
        "left",
        reason="no_credentials",
        attachment=SimpleNamespace(sources=(object(),), manager=manager),
        view=SimpleNamespace(wanted=replace(NETWORK, ssid=b"corp\xff")),
    )
    assert told(kept)["radios"] == [
        {
            "phy": "phy0",
            "interface": "wlan0",
            "state": "left",
            "reason": "no_credentials",
            "supplicant": True,
            "manager": manager,
            "wanted": {"ssid": "corp\\xff", "ssid_hex": "636f7270ff", "auth": "psk"},
        }
    ]


def test_what_is_not_known_of_the_network_is_null() -> None:
    part = replace(PART, ssid=None, auth=None)
    (one,) = told(guarded("retrying", reason="csme_unreadable", view=SimpleNamespace(wanted=part)))["radios"]
    assert one["wanted"] == {"ssid": None, "ssid_hex": None, "auth": None}


def test_nothing_is_wanted_where_csme_does_not_keep_the_radio() -> None:
    (one,) = told(guarded(view=SimpleNamespace(wanted=NETWORK)))["radios"]
    assert (one["wanted"], one["supplicant"], one["manager"]) == (None, False, None)


def record(at: Optional[str], outcome: str = "protected") -> HandoverRecord:
    return HandoverRecord(outcome, at, 221, 290, True)


@pytest.mark.parametrize(
    ("times", "last"),
    [
        (["2026-11-22T08:00:00Z"], 0),
        (["2026-11-22T08:00:00Z", "2026-11-22T07:59:59Z"], 0),
        (["2026-11-22T08:00:00Z", "2026-11-22T08:00:01Z", "2026-11-21T23:00:00Z"], 1),
        # Nobody knows when.
        ([None, "2026-11-22T08:00:00Z"], 1),
    ],
)
def test_the_last_handover_is_that_of_any_radio(times: List[Optional[str]], last: int) -> None:
    radios: Tuple[Any, ...] = (guarded(), *(guarded(last=record(at)) for at in times))
    assert document("1.2.3", radios)["last_handover"] == record(times[last]).as_dict()
