# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The evidence that a running wpa_supplicant has the secrets of its file."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import conf
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import loaded as loaded_module
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.control import WpaCtrl
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.loaded import (
    Loaded,
    RunningSupplicant,
    supplicant_of,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system import process
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.wpa_supplicant.fake_provisioning import (
    CANARY,
    OTHER,
    Laptop,
    eap,
    laptop_of,
    psk,
    start_process,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_supplicant import FakeNetwork

SECOND = 10**9
HOUR = 3600 * SECOND


@pytest.fixture
def laptop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Laptop]:
    yield from laptop_of(tmp_path, monkeypatch)


def linked(laptop: Laptop) -> None:
    """Have a file that was declared, and a supplicant that has read it and is connected by EAP."""
    laptop.start()
    laptop.declare(eap())
    laptop.restart().connect(b"corp")
    (Path(laptop.places.run) / "profiles-wlan0.journal").unlink()
    assert laptop.declare(eap())["changed"] is False


def edit(laptop: Laptop) -> None:
    laptop.conf.write_text(laptop.text().replace(CANARY, OTHER))  # by somebody else


def sure(laptop: Laptop) -> bool:
    """Say whether the supplicant is known to have the file's secrets."""
    with WpaCtrl(str(laptop.supplicant.path)) as ctrl:
        supplicant = supplicant_of(ctrl, laptop.machine.places)
    return Loaded("wlan0", laptop.places).unsure(conf.read(str(laptop.conf)), supplicant) is not None


# --- what looked like evidence, and was none ---


@pytest.mark.parametrize("touch", ["chmod", "nothing"])
def test_a_socket_that_changes_hands_after_an_edit_is_no_evidence(laptop: Laptop, touch: str) -> None:
    linked(laptop)
    edit(laptop)
    time.sleep(0.1)
    if touch == "chmod":  # like chown, it changes the socket's ctime
        os.chmod(laptop.supplicant.path, 0o770)
    result = laptop.declare(eap(password=OTHER))
    assert "'corp' carries the link" in result["warnings"][0]
    laptop.supplicant.current, laptop.supplicant.state = None, "SCANNING"
    assert laptop.declare(eap(password=OTHER))["runtime"]["changed"] is True
    assert laptop.supplicant.network(b"corp").secret("password") == OTHER.encode()
    assert laptop.declare(eap(password=OTHER))["changed"] is False


@pytest.mark.parametrize("socket_touched", [False, True])
@pytest.mark.parametrize("step", [-HOUR, HOUR])
def test_a_step_of_the_clock_after_the_start_is_no_evidence(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch, step: int, socket_touched: bool
) -> None:
    """The file is edited after the supplicant's start, before the step forward or after the step back."""
    linked(laptop)
    (Path(laptop.places.run) / "profiles-wlan0.journal").unlink()
    edit(laptop)
    if socket_touched:
        os.chmod(laptop.supplicant.path, 0o770)
    monkeypatch.setattr(time, "time_ns", lambda now=time.time_ns: now() + step)
    conf_now = conf.read(str(laptop.conf))
    assert conf_now.identity is not None
    if step < 0:  # the edit is stamped with the new clock
        conf_now = replace(conf_now, identity=(conf_now.identity[0], conf_now.identity[1] + step))
    with WpaCtrl(str(laptop.supplicant.path)) as ctrl:
        supplicant = supplicant_of(ctrl, laptop.machine.places)
    assert Loaded("wlan0", laptop.places).unsure(conf_now, supplicant) is None


def test_a_supplicant_that_reads_another_file_is_not_known_to_have_this_one(laptop: Laptop) -> None:
    laptop.conf.write_text("")
    laptop.start()
    assert sure(laptop)
    for words in ("-c/other.conf", "-c\0/other.conf", "-cwlan0.conf", "-u"):
        laptop.machine.write(f"proc/{os.getpid()}/cmdline", f"wpa_supplicant\0{words}\0")
        assert not sure(laptop)
    for words in (f"-c{laptop.conf}", f"-B\0-c\0{laptop.conf}", f"-c/other\0-I\0{laptop.conf}"):
        laptop.machine.write(f"proc/{os.getpid()}/cmdline", f"wpa_supplicant\0{words}\0")
        assert sure(laptop)


@pytest.mark.parametrize("what", ["stat", "cmdline", "boot_id"])
def test_what_the_kernel_does_not_tell_makes_it_unknown(laptop: Laptop, what: str) -> None:
    laptop.start()
    laptop.declare(psk())
    assert sure(laptop)
    path = "sys/kernel/random/boot_id" if what == "boot_id" else f"{os.getpid()}/{what}"
    (laptop.machine.path / "proc" / path).unlink()
    assert not sure(laptop)
    result = laptop.declare(psk(), check_mode=True)
    assert result["runtime"]["changed"] is True


# --- evidence ---


def test_what_this_code_gave_stays_known_whatever_happens_to_the_socket_and_the_clock(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    laptop.start()
    laptop.declare(eap())
    os.chmod(laptop.supplicant.path, 0o770)
    os.utime(laptop.supplicant.path, (1, 1))
    for step in (-HOUR, HOUR):
        monkeypatch.setattr(time, "time_ns", lambda now=time.time_ns, step=step: now() + step)
        assert laptop.declare(eap())["changed"] is False


def test_a_supplicant_that_starts_after_the_note_is_known_although_the_clock_was_set(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    laptop.start()
    laptop.declare(eap())
    laptop.restart()
    monkeypatch.setattr(time, "time_ns", lambda now=time.time_ns: now() - HOUR)
    assert laptop.declare(eap())["changed"] is False


def rewritten(laptop: Laptop, change: Callable[[Dict[str, Any]], None]) -> None:
    note = Path(laptop.places.run) / "profiles-wlan0.journal"
    document = json.loads(note.read_text())
    change(document)
    note.write_text(json.dumps(document))


@pytest.mark.parametrize(
    "change",
    [
        lambda note: note.update(boot="another"),
        lambda note: note.update(supplicant=[1, *note["supplicant"][1:]]),
        lambda note: note["supplicant"].__setitem__(1, note["supplicant"][1] - 1),
        lambda note: note["supplicant"].__setitem__(2, note["supplicant"][2] + 1),
        lambda note: note["file"].__setitem__(0, note["file"][0] + 1),
        lambda note: note["file"].__setitem__(1, note["file"][1] + 1),
        lambda note: note.update(digest="0" * 64),
        lambda note: note.update(salt="0" * 64),
        lambda note: note.update(salt="no hex"),
        lambda note: note.pop("salt"),
        lambda note: note.update(supplicant=None, seen="1"),
    ],
)
def test_a_note_about_anything_else_is_no_evidence(laptop: Laptop, change: Callable[[Dict[str, Any]], None]) -> None:
    laptop.start()
    laptop.declare(psk())
    assert sure(laptop)
    rewritten(laptop, change)
    assert not sure(laptop)


def test_a_change_that_the_file_systems_clock_does_not_show_is_seen_in_the_content(laptop: Laptop) -> None:
    laptop.start()
    laptop.declare(psk())
    before = conf.read(str(laptop.conf))
    with WpaCtrl(str(laptop.supplicant.path)) as ctrl:
        supplicant = supplicant_of(ctrl, laptop.machine.places)
    loaded = Loaded("wlan0", laptop.places)
    assert loaded.unsure(before, supplicant) == frozenset()
    assert loaded.unsure(replace(before, text=str(before.text).replace(CANARY, OTHER)), supplicant) is None


def test_without_a_file_or_a_supplicant_nothing_is_known(laptop: Laptop) -> None:
    loaded = Loaded("wlan0", laptop.places)
    assert loaded.unsure(conf.read(str(laptop.conf)), None) is None
    laptop.start()
    laptop.declare(psk())
    assert loaded.unsure(conf.read(str(laptop.conf)), None) is None


def test_a_network_set_by_hand_and_a_file_of_before_the_start(laptop: Laptop) -> None:
    """Without a note: the file is older than the supplicant, by both clocks."""
    laptop.conf.write_text('network={\n\tssid="home"\n\tpsk="' + CANARY + '"\n}\n')
    laptop.start()._append(FakeNetwork({"ssid": '"x"'}))
    assert sure(laptop)


@pytest.mark.parametrize("folder", [False, True])
@pytest.mark.parametrize("note", [False, True])
def test_a_link_that_was_turned_after_the_start_is_no_evidence(laptop: Laptop, folder: bool, note: bool) -> None:
    """The supplicant read another file by the same name. This one is old, too."""
    laptop.conf.write_text("")
    if note:
        laptop.declare(psk())
    others = laptop.folder / "others"
    others.mkdir()
    (others / laptop.conf.name).write_text("")
    link = laptop.folder / "link"
    name = link / laptop.conf.name if folder else link
    for turned, expected in ((False, True), (True, False)):
        link.unlink(missing_ok=True)
        link.symlink_to(laptop.folder if folder else laptop.conf)
        if not turned:
            time.sleep(0.1)
            laptop.supplicant.start(laptop.conf)
            start_process(laptop.machine, os.getpid(), str(name))
        assert sure(laptop) is expected


def test_a_link_that_leads_nowhere_or_in_a_circle_is_no_evidence(laptop: Laptop) -> None:
    one, other = laptop.folder / "one", laptop.folder / "other"
    one.symlink_to(other)
    other.symlink_to(one)
    for path in (one, laptop.folder / "missing" / "x"):
        assert loaded_module._turned(str(path)) == sys.maxsize


def test_a_process_is_told_by_its_start(laptop: Laptop) -> None:
    start_process(laptop.machine, 7, "/a.conf", 1234)
    start = process.started(7, laptop.machine.root)
    assert start == ("this-boot", 1234)
    assert start.since_boot == 1234 * SECOND // os.sysconf("SC_CLK_TCK")
    assert process.arguments(7, laptop.machine.root)[:2] == ("/sbin/wpa_supplicant", "-c/a.conf")
    one = RunningSupplicant(7, start, 5, 6, ())
    assert one.identity == [7, 1234, 5]
