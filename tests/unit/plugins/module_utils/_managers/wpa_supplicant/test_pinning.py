# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a pin sets in wpa_supplicant, and what undoes it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Callable, List, Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.backend import WpaSupplicant
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.deferred import Deferred
from ansible_collections.vpro.fleet.plugins.module_utils._network.pin import Pin
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import SupplicantRefused, TimedOut
from ansible_collections.vpro.fleet.plugins.module_utils._system.patience import Patience
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.wpa_supplicant.fake_pinning import (
    FakeNetwork,
    FakeSupplicant,
    profile_of,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.wpa_supplicant.patience import (
    wait_briefly,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import BSSID, OTHER_BSSID


def test_pinning_the_current_network_keeps_the_link(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    fake.state, fake.current = "COMPLETED", 3
    fake.networks[3].temp_disabled = True
    supplicant.unpin(supplicant.pin(profile_of(supplicant, 3), BSSID, [2437]))
    assert not fake.link_dropped


@pytest.mark.parametrize("state", ["INTERFACE_DISABLED", "DISCONNECTED"])
def test_a_network_that_was_set_aside_after_failures_is_taken_back_into_use(
    fake: FakeSupplicant, supplicant: WpaSupplicant, state: str
) -> None:
    """It must not be tried through a blocked interface with the scan results of before."""
    fake.state = state
    supplicant.pin(profile_of(supplicant, 5), BSSID, [2437])
    assert fake.changes[-3:] == ["DISABLE_NETWORK 5", "BSS_FLUSH 0", "ENABLE_NETWORK 5"]
    assert not fake.networks[5].temp_disabled


@pytest.mark.parametrize("step", range(5))
def test_a_crash_at_any_step_is_undone_from_the_journal(
    fake: FakeSupplicant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """From some step on nothing answers any more, the undoing included; later another process finds the journal."""
    before = fake.snapshot()
    deferred = Deferred("phy0", Places(str(tmp_path)))
    supplicant = WpaSupplicant("wlan0", fake.path, deferred)
    changes: List[str] = []

    def silence(_change: str) -> Optional[str]:
        return "" if len(fake.changes) > step else None

    def silenced(command: str) -> bool:
        if command.partition(" ")[0] in ("SET_NETWORK", "ENABLE_NETWORK", "DISABLE_NETWORK"):
            changes.append(command)
            return fake.hook is silence and len(changes) > step
        return False

    wait_briefly(monkeypatch, silenced)
    profile = profile_of(supplicant, 1)
    journal = tmp_path / "journal"

    def record(pin: Pin) -> None:
        journal.write_text(json.dumps(pin.as_dict()))

    fake.hook = silence
    with pytest.raises(TimedOut):
        supplicant.pin(profile, BSSID, [2437], record)
    assert (fake.networks == before) == (step == 0)

    fake.hook = lambda _change: None
    supplicant.unpin(Pin.from_dict(json.loads(journal.read_text())))
    assert fake.networks == before


@pytest.mark.parametrize(
    ("capability", "frequencies"),
    [
        ("Mode[G] Channels:\n 1 = 2412 MHz\n 2 = 2417 MHz\nMode[A] Channels:\n 36 = 5180 MHz\n", (2412,)),
        ("Mode[G] Channels:\n 1 = 2412 MHz\nMode[A] Channels:\n 1 = 5955 MHz (NO_IR)\n", (2412, 5955)),
        ("Mode[A] Channels:\n 36 = 5180 MHz\n", (2412, 5955)),  # better all than none
        ("FAIL\n", (2412, 5955)),
    ],
)
def test_a_frequency_that_the_radio_does_not_have_is_not_scanned(
    fake: FakeSupplicant, supplicant: WpaSupplicant, capability: str, frequencies: Tuple[int, ...]
) -> None:
    """The kernel refuses the whole scan for one such frequency."""
    fake.capability = capability
    assert supplicant.pin(profile_of(supplicant, 1), BSSID, [2412, 5955]).frequencies == frequencies


@pytest.mark.parametrize("number", [0, 1, 3, 5])
@pytest.mark.parametrize("state", ["INTERFACE_DISABLED", "DISCONNECTED", "SCANNING", "ASSOCIATING", "COMPLETED"])
def test_unpin_restores_everything_and_a_second_one_does_nothing(
    fake: FakeSupplicant, supplicant: WpaSupplicant, number: int, state: str
) -> None:
    fake.networks[5].temp_disabled = False
    before = fake.snapshot()
    fake.state = state
    if state in ("ASSOCIATING", "COMPLETED"):
        fake.current = number
    pin = supplicant.pin(profile_of(supplicant, number), BSSID, [2437])
    assert fake.networks != before
    assert supplicant.unpin(pin) is True
    assert fake.networks == before
    assert not pin.stands(supplicant.profiles())
    assert not fake.link_dropped
    del fake.changes[:]
    assert supplicant.unpin(pin) is False
    assert fake.changes == []


def test_unpin_of_a_network_with_an_access_point_of_its_own(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    fake.networks[5].temp_disabled = False
    pin = supplicant.pin(profile_of(supplicant, 5), BSSID, [2437])
    assert pin.previous_bssid == OTHER_BSSID
    supplicant.unpin(pin)
    assert profile_of(supplicant, 5).bssid == OTHER_BSSID


@pytest.mark.parametrize(
    ("state", "search"),
    [("INTERFACE_DISABLED", []), ("COMPLETED", []), ("SCANNING", ["SCAN"]), ("INACTIVE", ["SCAN"])],
)
def test_a_search_begins_when_all_is_undone_and_only_where_one_goes_on(
    fake: FakeSupplicant, supplicant: WpaSupplicant, state: str, search: List[str]
) -> None:
    del fake.networks[5]
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437])
    del fake.changes[:]
    fake.state = state
    supplicant.unpin(pin)
    assert fake.changes == [
        "ENABLE_NETWORK 0 no-connect",
        "ENABLE_NETWORK 3 no-connect",
        "SET_NETWORK 1 scan_freq 2412 2437",
        "SET_NETWORK 1 bssid any",
        *search,
    ]


def test_a_supplicant_that_restarted_has_nothing_to_undo(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    before = fake.snapshot()
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437])
    fake.networks = before
    del fake.changes[:]
    assert not pin.stands(supplicant.profiles())
    assert supplicant.unpin(pin) is False
    assert fake.changes == []


def test_ids_that_now_belong_to_others_are_left_alone(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437])
    pinned = {"bssid": BSSID, "scan_freq": "2437"}
    fake.networks = {number: FakeNetwork(b"new", dict(pinned), disabled=True) for number in (0, 1, 3, 5)}
    del fake.changes[:]
    assert supplicant.unpin(pin) is False
    assert fake.changes == []


def test_what_somebody_else_changed_meanwhile_stays(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437])
    fake.networks[1].variables.update(bssid=OTHER_BSSID, scan_freq="5180")
    supplicant.unpin(pin)
    assert fake.networks[1].variables["bssid"] == OTHER_BSSID
    assert fake.networks[1].variables["scan_freq"] == "5180"
    assert not any(fake.networks[number].disabled for number in (0, 1, 3, 5))


def test_a_pinned_network_that_was_removed_does_not_keep_the_others_out(
    fake: FakeSupplicant, supplicant: WpaSupplicant
) -> None:
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437])
    del fake.networks[1], fake.networks[3]
    assert supplicant.unpin(pin) is True
    assert [network.disabled for network in fake.networks.values()] == [False, True, False]


# --- what somebody disabled stays disabled ---


@pytest.mark.parametrize(("undo", "told"), [(WpaSupplicant.unpin, True), (WpaSupplicant.loosen, "")])
@pytest.mark.parametrize("number", [1, 5])
def test_a_pinned_network_that_somebody_disabled_stays_disabled(
    fake: FakeSupplicant, supplicant: WpaSupplicant, undo: Callable[[WpaSupplicant, Pin], Any], told: Any, number: int
) -> None:
    fake.networks[5].temp_disabled = False
    pin = supplicant.pin(profile_of(supplicant, number), BSSID, [2437])
    fake.networks[number].disabled = True
    assert undo(supplicant, pin) == told
    assert [each for each in (0, 1, 3, 5) if fake.networks[each].disabled] == [number]


def test_a_network_that_somebody_disabled_in_a_stay_stays_disabled(
    fake: FakeSupplicant, supplicant: WpaSupplicant
) -> None:
    pin = supplicant.stay(profile_of(supplicant, 1), BSSID)
    fake.networks[1].disabled = fake.networks[3].disabled = True
    supplicant.unpin(pin)
    assert fake.networks[1].disabled
    assert fake.networks[3].disabled


@pytest.mark.parametrize("number", [1, 5])
def test_a_configuration_that_was_read_again_says_itself_what_is_disabled(
    fake: FakeSupplicant, supplicant: WpaSupplicant, number: int
) -> None:
    """RECONFIGURE gives the same networks the same ids, and undoes the pin (seen with 2.10)."""
    fake.networks[5].temp_disabled = False
    before = fake.snapshot()
    pin = supplicant.pin(profile_of(supplicant, number), BSSID, [2437])
    fake.networks = before
    fake.networks[0].disabled = fake.networks[3].disabled = True  # they were enabled by hand
    assert supplicant.unpin(pin) is False
    assert fake.networks[0].disabled
    assert fake.networks[3].disabled


def test_a_pin_ends_with_its_supplicant_even_if_all_looks_the_same(
    fake: FakeSupplicant, supplicant: WpaSupplicant, tmp_path: Path
) -> None:
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437])
    del fake.changes[:]
    os.rename(fake.path, tmp_path / "kept")  # so that its inode is not given out again
    again = FakeSupplicant(tmp_path / "wlan0")
    try:
        again.networks = fake.networks
        assert not supplicant.stands(pin)
        assert supplicant.unpin(pin) is False
        assert supplicant.loosen(pin) == ""
        assert again.changes == []
    finally:
        os.rename(tmp_path / "kept", fake.path)
        fake.stop()
        again._thread.join(0)


def test_a_socket_that_gets_another_owner_is_still_the_supplicants(
    fake: FakeSupplicant, supplicant: WpaSupplicant
) -> None:
    before = fake.snapshot()
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437])
    os.chmod(fake.path, 0o700)
    supplicant.unpin(pin)
    before[5].temp_disabled = True
    assert fake.networks == before


def test_the_network_that_somebody_selected_stays_the_only_one(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437])
    for number, network in fake.networks.items():  # SELECT_NETWORK 3
        network.disabled = number != 3
    supplicant.unpin(pin)
    assert [number for number, network in fake.networks.items() if not network.disabled] == [3]
    assert "bssid" not in fake.networks[1].variables


def test_a_crash_that_left_the_pinned_network_disabled_is_mended(
    fake: FakeSupplicant, supplicant: WpaSupplicant
) -> None:
    fake.state = "DISCONNECTED"
    pin = supplicant.pin(profile_of(supplicant, 5), BSSID, [2437])
    assert pin.resets
    fake.networks[5].disabled = True
    supplicant.unpin(pin)
    assert not fake.networks[5].disabled


def test_a_pin_to_the_network_s_own_access_point_is_undone(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    fake.networks[5].temp_disabled = False
    before = fake.snapshot()
    supplicant.unpin(supplicant.pin(profile_of(supplicant, 5), OTHER_BSSID, [2437]))
    assert fake.networks == before


def test_a_network_that_goes_away_during_unpin_is_no_error(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437])

    def vanish(change: str) -> Optional[str]:
        if change.startswith("ENABLE_NETWORK 0"):
            del fake.networks[0]
        return None

    fake.hook = vanish
    assert supplicant.unpin(pin) is True
    assert not fake.networks[3].disabled


def test_a_refusal_is_told_after_everything_else_was_undone(fake: FakeSupplicant, supplicant: WpaSupplicant) -> None:
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437])
    fake.hook = lambda change: "FAIL\n" if change.startswith("ENABLE_NETWORK 0") else None
    with pytest.raises(SupplicantRefused, match="ENABLE_NETWORK"):
        supplicant.unpin(pin)
    assert [fake.networks[number].disabled for number in (0, 1, 3, 5)] == [True, False, False, False]
    assert fake.networks[1].variables["bssid"] == BSSID, "it shows that the pin stands"
    fake.hook = lambda _change: None
    supplicant.unpin(pin)
    assert not fake.networks[0].disabled
    assert "bssid" not in fake.networks[1].variables


@pytest.mark.parametrize("variable", ["bssid", "scan_freq"])
def test_a_refused_variable_is_told_and_tried_again(
    fake: FakeSupplicant, supplicant: WpaSupplicant, variable: str
) -> None:
    before = fake.snapshot()
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437])
    fake.hook = lambda change: "FAIL\n" if change.startswith(f"SET_NETWORK 1 {variable}") else None
    with pytest.raises(SupplicantRefused, match="SET_NETWORK"):
        supplicant.unpin(pin)
    fake.hook = lambda _change: None
    supplicant.unpin(pin)
    assert fake.networks == before


@pytest.mark.parametrize("step", range(5))
def test_an_unpin_that_breaks_off_is_finished_by_the_next(
    fake: FakeSupplicant, supplicant: WpaSupplicant, places: Places, step: int
) -> None:
    before = fake.snapshot()
    pin = supplicant.pin(profile_of(supplicant, 1), BSSID, [2437])
    del fake.changes[:]
    fake.hook = lambda _change: "" if len(fake.changes) > step else None
    with pytest.raises(TimedOut):
        WpaSupplicant("wlan0", fake.path, Deferred("phy0", places), Patience(0.05)).unpin(pin)
    fake.hook = lambda _change: None
    supplicant.unpin(pin)
    assert fake.networks == before
