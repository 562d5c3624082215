# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of a supplicant that are no network's: in its file, as it reads them, and what goes along."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vpro.fleet.plugins.module_utils._managers import conflicts
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import conf
from ansible_collections.vpro.fleet.plugins.module_utils._system import run_folder
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import supplicant

CONF = "/etc/wpa_supplicant/wpa_supplicant-wlan0.conf"
WANTED = {"ctrl_interface": "DIR=/run/wpa_supplicant GROUP=watchers", "country": "DE"}


# --- the file ---


def test_a_new_file() -> None:
    assert supplicant.set_settings("", WANTED) == "ctrl_interface=DIR=/run/wpa_supplicant GROUP=watchers\ncountry=DE\n"


def test_everything_else_stays() -> None:
    text = (
        "# first\nap_scan=1\n  country=US  # ours\nctrl_interface=/old\n"
        'network={\n\tssid="country=FR"\n\tcountry=XX\n}\n# between\nctrl_interface=DIR=/newer\n'
        'cred={\n\trealm="x"\n}\n'
    )
    assert supplicant.set_settings(text, WANTED) == (
        "# first\nap_scan=1\n  country=DE  # ours\n"
        'network={\n\tssid="country=FR"\n\tcountry=XX\n}\n# between\n'
        'ctrl_interface=DIR=/run/wpa_supplicant GROUP=watchers\ncred={\n\trealm="x"\n}\n'
    )


_LINES = st.sampled_from(
    [
        *("# comment\n", "\n", "country=US\n", " country=DE # why\n", "ctrl_interface=/x\n", "ap_scan=1\x0b\n"),
        *("network={\n\tssid=00\n\tcountry=US\n}\n", "cred={\n\tdomain=x\n}\n", "update_config=1\n", "\x85\u2028\n"),
    ]
)


@given(st.lists(_LINES).map("".join))
def test_any_file(text: str) -> None:
    made = supplicant.set_settings(text, WANTED)
    found = conf.settings_of(conf.parse(made))
    assert {name: found[name] for name in WANTED} == WANTED
    assert supplicant.set_settings(made, WANTED) == made

    def others(lines: str) -> List[str]:
        return [each for each in lines.split("\n") if not each.lstrip(" ").startswith(("country=", "ctrl_interface="))]

    assert others(made) == others(text)


# --- the note that the modules for profiles keep ---


@pytest.mark.parametrize(
    ("file", "note", "unsure"),
    [
        ((1, 5), None, []),  # the supplicant read the file after its last change
        ((1, 2**63), None, None),  # nobody knows what it has
        ((1, 2**63), {"file": [1, 2**63], "unsure": ["61"]}, ["61"]),
        ((1, 2**63), {"file": [2, 2**63], "unsure": ["61"]}, None),
        (None, None, None),
    ],
)
def test_the_note_goes_along_with_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: Any, note: Any, unsure: Any
) -> None:
    (tmp_path / "socket").touch()
    (tmp_path / "proc").mkdir()
    status = (tmp_path / "socket").stat()
    socket = [status.st_ino, status.st_ctime_ns]
    written: Dict[str, Any] = {}
    monkeypatch.setattr(run_folder, "read_journal", lambda _name: note and {**note, "socket": socket})
    monkeypatch.setattr(run_folder, "write_journal", written.__setitem__)
    runtime = supplicant.RunningSettings(conflicts.Interface("wlan0", "", str(tmp_path)), WANTED, 0)
    runtime.socket = str(tmp_path / "socket")
    runtime.carry_note(file, (3, 4))
    assert written == (
        {} if unsure is None else {"profiles-wlan0": {"file": [3, 4], "socket": socket, "unsure": unsure}}
    )
