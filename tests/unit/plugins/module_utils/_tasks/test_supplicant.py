# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of a supplicant that are no network's: in its file, as it reads them, and what goes along."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import FrozenSet, Iterator, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vpro.fleet.plugins.module_utils._managers import conflicts
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import conf
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import supplicant
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.report import WatcherReport
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.wpa_supplicant.fake_provisioning import (
    CANARY,
    OTHER,
    Laptop,
    eap,
    laptop_of,
    psk,
)

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


# --- what the watcher is in the middle of ---


def in_the_middle_of(monkeypatch: pytest.MonkeyPatch, *looks: FrozenSet[str]) -> List[float]:
    """Have the watcher say at each look what it is in the middle of. Return the pauses between the looks."""
    left, pauses, now = list(looks), [], [0.0]

    def look(_reading: object) -> WatcherReport:
        return WatcherReport(installed=True, running=True, busy=left.pop(0) if len(left) > 1 else left[0])

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(supplicant, "read_watcher", look)
    monkeypatch.setattr(supplicant, "time", SimpleNamespace(sleep=sleep, monotonic=lambda: now[0]))
    return pauses


MINE, OTHERS = frozenset({"wlan0"}), frozenset({"wlan1"})
NONE: FrozenSet[str] = frozenset()


@pytest.mark.parametrize(
    ("looks", "wait", "busy", "waited"),
    [
        ([NONE], 45, False, 0),
        ([OTHERS], 45, False, 0),
        ([MINE], 0, True, 0),
        ([MINE], 45, True, 45),
        ([MINE, MINE, MINE, OTHERS], 45, False, 3),
    ],
)
def test_the_end_of_a_session_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, looks: List[FrozenSet[str]], wait: int, busy: bool, waited: int
) -> None:
    pauses = in_the_middle_of(monkeypatch, *looks)
    assert supplicant.is_busy("wlan0", wait) is busy
    assert sum(pauses) == waited


def test_another_task_on_the_radio_is_waited_for_too(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = in_the_middle_of(monkeypatch, NONE)
    locked = [True, True, False, True]
    monkeypatch.setattr(
        f"{supplicant.__name__}.sysfs.phy_of", lambda interface: {"wlan0": "phy0", "eth0": None}[interface]
    )
    monkeypatch.setattr(f"{supplicant.__name__}.run_folder.is_locked", lambda radio: radio == "phy0" and locked.pop(0))
    assert (supplicant.is_busy("wlan0", 45), sum(pauses)) == (False, 2)
    assert supplicant.is_busy("wlan0")
    assert not supplicant.is_busy("eth0")


def test_the_country_is_not_changed_below_a_session(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    runtime = supplicant.RunningSettings(conflicts.InterfaceSources("wlan0", "", Places(str(tmp_path))), WANTED, 0)
    assert runtime.spare_the_link() == [], "nothing changes"
    runtime._differ({"country": "US", "update_config": "1", "mac_addr": "0"})
    (warning,) = runtime.spare_the_link()
    assert runtime.after == {"update_config": "0"}
    assert runtime.before.keys() == runtime.after.keys()
    assert "keeps the country US instead of DE" in warning


# --- the note that the modules for profiles keep ---


@pytest.fixture
def laptop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Laptop]:
    yield from laptop_of(tmp_path, monkeypatch)


def rewrite(laptop: Laptop, *, running: bool = True) -> None:
    """Change a setting in the file, as the module does."""
    settings = supplicant.RunningSettings(conflicts.InterfaceSources("wlan0", "", laptop.places), WANTED, 0)
    settings.socket = str(laptop.supplicant.path) if running else None
    old = conf.read(str(laptop.conf))
    text = "country=DE\n" + (old.text or "")
    settings.carry_note(old, text, conf.write(old.path, text))


def test_the_note_goes_along_with_the_file(laptop: Laptop) -> None:
    laptop.start()
    laptop.declare(eap())
    for _time in range(2):
        rewrite(laptop)
        assert laptop.declare(eap())["changed"] is False
    laptop.restart()
    rewrite(laptop)
    assert laptop.declare(eap())["changed"] is False


def test_what_was_not_known_before_the_write_is_not_known_after_it(laptop: Laptop) -> None:
    laptop.start()
    laptop.declare(eap())
    os.utime(laptop.conf)
    rewrite(laptop)
    assert laptop.declare(eap())["runtime"]["changed"] is True
    laptop.declare(eap(), psk(b"b"))
    laptop.conf.write_text(laptop.text().replace(CANARY, OTHER))
    laptop.declare(psk(b"b", OTHER))  # the other one stays in doubt
    rewrite(laptop)
    assert laptop.declare(psk(b"b", OTHER))["changed"] is False
    assert laptop.declare(eap(password=OTHER))["runtime"]["changed"] is True


def test_a_supplicant_that_starts_after_the_write_is_known_to_have_read_it(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    laptop.start()
    laptop.declare(eap())
    laptop.supplicant.stop()
    rewrite(laptop, running=False)
    laptop.start()
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() - 3600 * 10**9)  # the file's times say nothing any more
    assert laptop.declare(eap())["changed"] is False
