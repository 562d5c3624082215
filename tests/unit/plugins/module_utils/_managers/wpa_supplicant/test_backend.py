# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""wpa_supplicant as a backend: pinned, held, widened and listened to."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import List

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import backend
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.backend import WpaSupplicant
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.deferred import Deferred
from ansible_collections.vpro.fleet.plugins.module_utils._network.pin import Pin
from ansible_collections.vpro.fleet.plugins.module_utils._network.values import CommandUnsafe
from ansible_collections.vpro.fleet.plugins.module_utils._system import run_folder
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import NotFound, SupplicantRefused, TimedOut
from ansible_collections.vpro.fleet.plugins.module_utils._system.patience import Patience
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.wpa_supplicant.fake_pinning import (
    FakeNetwork,
    FakeSupplicant,
    profile_of,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import BSSID, OTHER_BSSID

# --- pin ---


def test_pin_narrows_one_network_and_remembers_the_rest(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID.upper(), [2437, 5975])
    assert pin == Pin(
        interface="wlan0",
        network_id=1,
        ssid_hex=b"home".hex(),
        bssid=BSSID,
        frequencies=(2437, 5975),
        previous_bssid=None,
        previous_scan_freq=(2412, 2437),
        disabled=((0, b"guest".hex()), (3, b"home".hex()), (5, b'\n"\xff'.hex())),
        socket=os.stat(fake.path).st_ino,
    )
    assert fake.changes == [
        f"SET_NETWORK 1 bssid {BSSID}",
        "SET_NETWORK 1 scan_freq 2437 5975",
        "DISABLE_NETWORK 0",
        "DISABLE_NETWORK 3",
        "DISABLE_NETWORK 5",
    ]
    assert pin.stands(supplicant.profiles())


def test_the_journal_is_written_before_the_first_change(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    recorded: List[Pin] = []

    def record(pin: Pin) -> None:
        assert fake.changes == []
        recorded.append(pin)

    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437], record)
    assert recorded == [pin]


def test_no_journal_no_pin(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    def fail(_pin: Pin) -> None:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        supplicant.pin(profile_of(supplicant, 1), BSSID, [2437], fail)
    assert fake.changes == []


@pytest.mark.parametrize(
    ("bssid", "frequencies"), [(BSSID, []), (BSSID, [0]), ("x\nSAVE_CONFIG", [2437]), ("", [2437])]
)
def test_nonsense_changes_nothing(
    fake: FakeSupplicant, supplicant: WpaSupplicant, bssid: str, frequencies: List[int]
) -> None:
    with pytest.raises(CommandUnsafe) as caught:
        supplicant.pin(profile_of(supplicant, 1), bssid, frequencies)
    assert fake.changes == []
    if not frequencies:
        assert str(caught.value) == "a pin needs at least one frequency to scan (wlan0)"


def test_a_profile_that_is_out_of_date_changes_nothing(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    profile = profile_of(supplicant, 1)
    fake.networks[1].disabled = True
    with pytest.raises(NotFound, match="network 1 is gone, changed or disabled meanwhile") as caught:
        supplicant.pin(profile, BSSID, [2437])
    assert caught.value.where == fake.path
    fake.networks[1] = FakeNetwork(b"other")
    with pytest.raises(NotFound):
        supplicant.pin(profile, BSSID, [2437])
    del fake.networks[1]
    with pytest.raises(NotFound):
        supplicant.pin(profile, BSSID, [2437])
    assert fake.changes == []


@pytest.mark.parametrize("step", range(5))
def test_a_refused_step_undoes_the_ones_before(fake: FakeSupplicant, supplicant: WpaSupplicant, step: int) -> None:
    before = fake.snapshot()
    profile = profile_of(supplicant, 1)
    fake.hook = lambda _change: "FAIL\n" if len(fake.changes) == step + 1 else None
    with pytest.raises(SupplicantRefused):
        supplicant.pin(profile, BSSID, [2437])
    assert fake.networks == before


def test_a_pin_of_another_interface(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437])
    with pytest.raises(NotFound, match="this pin belongs to wlan1") as caught:
        supplicant.unpin(replace(pin, interface="wlan1"))
    assert caught.value.where == "wlan0"


def test_no_supplicant_no_pin_to_undo(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437])
    fake.stop()
    with pytest.raises(NotFound):
        supplicant.unpin(pin)


def test_the_rest_of_another_interfaces_pin(fake: FakeSupplicant, supplicant: WpaSupplicant, places: Places) -> None:
    pin = replace(supplicant.pin(profile_of(supplicant, 1), BSSID, [5180]), interface="wlan1")
    with pytest.raises(NotFound, match="this pin belongs to wlan1"):
        supplicant.loosen(pin)
    Deferred("phy0", places).keep(pin)
    assert supplicant.settle()
    assert run_folder.journals(places) == []
    assert fake.networks[1].variables["scan_freq"] == "5180"


# --- hold ---


def test_hold_keeps_to_one_access_point_and_touches_nothing_else(
    fake: FakeSupplicant, supplicant: WpaSupplicant
) -> None:
    recorded: List[Pin] = []

    def record(pin: Pin) -> None:
        assert fake.changes == []
        recorded.append(pin)

    pin = supplicant.stay(profile_of(supplicant, 1), BSSID.upper(), record)
    assert pin == Pin(
        interface="wlan0",
        network_id=1,
        ssid_hex=b"home".hex(),
        bssid=BSSID,
        frequencies=(2412, 2437),
        previous_bssid=None,
        previous_scan_freq=(2412, 2437),
        disabled=(),
        socket=os.stat(fake.path).st_ino,
    )
    assert recorded == [pin]
    assert fake.changes == [f"SET_NETWORK 1 bssid {BSSID}"]
    assert supplicant.stands(pin)
    assert supplicant.unpin(pin) is True
    assert fake.changes[1:] == ["SET_NETWORK 1 bssid any"]
    assert not supplicant.stands(pin)


def test_hold_gives_a_network_its_own_access_point_back(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    fake.networks[5].disabled = True  # of the connected network it does not matter
    pin = supplicant.stay(profile_of(supplicant, 5), BSSID)
    assert (pin.previous_bssid, pin.frequencies) == (OTHER_BSSID, ())
    supplicant.unpin(pin)
    assert profile_of(supplicant, 5).bssid == OTHER_BSSID


def test_a_network_that_is_gone_or_changed_is_not_held(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    profile = profile_of(supplicant, 1)
    fake.networks[1].ssid = b"other"
    for _time in range(2):
        with pytest.raises(NotFound, match="network 1 is gone or changed meanwhile") as caught:
            supplicant.stay(profile, BSSID)
        assert caught.value.where == fake.path
        fake.networks.pop(1, None)
    assert fake.changes == []


# --- widen ---


def test_widen_gives_the_frequencies_back_and_keeps_the_access_point(
    fake: FakeSupplicant, supplicant: WpaSupplicant
) -> None:
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437])
    del fake.changes[:]
    # Too late, or too early: un-pinning will see to it.
    for fake.state in ("AUTHENTICATING", "ASSOCIATED", "COMPLETED", "INTERFACE_DISABLED"):
        assert supplicant.widen(pin) is False
    fake.state = "SCANNING"
    assert supplicant.widen(pin) is True
    assert len(fake.changes) == 1
    profile = profile_of(supplicant, 1)
    assert (profile.bssid, profile.scan_freq) == (BSSID, pin.previous_scan_freq)
    assert supplicant.widen(pin) is True, "it is the moment, and nothing is left to do"
    assert len(fake.changes) == 1
    # What is left of the pin is undone without touching the frequencies, which would drop a link by SAE or EAP.
    del fake.changes[:]
    assert supplicant.unpin(pin) is True
    assert not any("scan_freq" in change for change in fake.changes)


def test_widen_leaves_a_network_alone_that_is_not_the_pinned_one(
    fake: FakeSupplicant, supplicant: WpaSupplicant
) -> None:
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437])
    fake.state = "SCANNING"
    del fake.changes[:]
    supplicant.widen(replace(pin, ssid_hex="00"))
    assert fake.changes == []
    supplicant.widen(pin)
    assert len(fake.changes) == 1


def test_looking_again_is_at_the_channels_of_the_pin(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437, 5180])
    fake.state = "SCANNING"
    supplicant.widen(pin)
    del fake.changes[:]
    supplicant.look_again(pin)
    assert fake.changes == ["SCAN freq=2437,5180"]


# --- listen ---


def test_a_supplicant_is_not_waited_for_longer_than_told(tmp_path: Path, places: Places) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as silent:
        silent.bind(str(tmp_path / "wlan0"))
        patient = WpaSupplicant("wlan0", str(tmp_path / "wlan0"), Deferred("phy0", places), Patience(0.05))
        with pytest.raises(TimedOut, match=r"STATUS within 0\.05 s"):
            patient.status()
        with pytest.raises(TimedOut, match=r"ATTACH within 0\.05 s"):
            patient.listen(pytest.fail)


def test_listening_is_to_the_supplicant_and_to_the_end_of_its_process(
    fake: FakeSupplicant, supplicant: WpaSupplicant
) -> None:
    monitor, ending = supplicant.listen(pytest.fail)
    try:
        assert fake.asked == ["ATTACH", "PING"]
        assert (monitor.read(), ending.read()) == ((), ())
        assert min(monitor.fileno(), ending.fileno()) >= 0
    finally:
        monitor.close()
        ending.close()


def test_who_can_not_be_listened_to_is_let_go_of(
    fake: FakeSupplicant, supplicant: WpaSupplicant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(pid: int) -> None:
        raise NotFound(f"process {pid} has ended")

    monkeypatch.setattr(f"{backend.__name__}.listener.Ending", ended)
    with pytest.raises(NotFound, match=f"process {os.getpid()} has ended"):
        supplicant.listen(pytest.fail)
    deadline = time.monotonic() + 60
    while "DETACH" not in fake.asked and time.monotonic() < deadline:  # nobody waits for its answer
        time.sleep(0.01)
    assert fake.asked == ["ATTACH", "PING", "DETACH"]
