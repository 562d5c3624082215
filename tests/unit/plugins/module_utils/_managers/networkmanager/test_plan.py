# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be done with NetworkManager's profiles: without NetworkManager. test_nm_provision.py does it."""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.connection import Connection
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.plan import (
    NmPlan,
    Stored,
    concerned,
    plan_connections,
)
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.settings import new_settings, wanted
from ansible_collections.vpro.fleet.plugins.module_utils._network.declared import Declaration, NetworkProfile
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_networkmanager import profile as theirs

CANARY = "canary-0f3e"
OTHER = "canary-of-another"


def psk(ssid: bytes = b"corp", passphrase: str = CANARY, **changes: Any) -> NetworkProfile:
    return NetworkProfile(ssid, "psk", passphrase, **changes)


def stored(settings: Any, **changes: Any) -> Stored:
    """A profile as NetworkManager has it; of the connection only its network matters here."""
    ssid = settings["802-11-wireless"]["ssid"][1]
    connection = Connection(
        number=1,
        path="/1",
        name="x",
        ssid=ssid,
        key_mgmt=frozenset(),
        bssid=None,
        mac=None,
        band=None,
        channel=0,
        autoconnect=True,
        priority=0,
        interface=None,
        owned=False,
        credentials=frozenset(),
    )
    return Stored(connection, settings, **changes)


def ours(declared: NetworkProfile, uuid: str = "ours", **changes: Any) -> Stored:
    return stored(new_settings(wanted(declared, "wlan0"), "ours", uuid), **changes)


def planned(there: List[Stored], *profiles: NetworkProfile, **rest: Any) -> NmPlan:
    numbers = iter(range(100))
    return plan_connections(there, Declaration(profiles, **rest), "wlan0", lambda: f"new-{next(numbers)}")


def steps(plan: NmPlan) -> List[Tuple[str, str, str]]:
    def what(old: Optional[Stored], new: Any) -> str:
        return "add" if old is None else "remove" if new is None else "update"

    return [(what(step.old, step.new), step.name, step.uuid) for step in plan.steps]


def test_what_is_as_declared_needs_nothing() -> None:
    assert planned([ours(psk()), ours(psk(b"home"))], psk(b"home"), psk()) == NmPlan()


def test_what_is_not_on_the_disk_is_written_as_it_is() -> None:
    assert steps(planned([ours(psk(), saved=False)], psk())) == [("update", "corp", "ours")]


def test_what_is_changed_comes_first_and_what_is_removed_last() -> None:
    there = [
        *(ours(psk(b"gone"), "gone"), ours(psk(b"twice"), "first"), ours(psk(b"twice"), "second")),
        *(ours(psk(b"thrice"), "a"), ours(psk(b"thrice"), "b"), ours(psk(passphrase=OTHER))),
    ]
    plan = planned(there, psk(b"new"), psk(b"twice"), psk(b"thrice"), psk(), absent=(b"gone", b"never there"))
    assert steps(plan) == [
        ("update", "corp", "ours"),
        ("add", "new", "new-0"),
        ("remove", "twice", "second"),
        ("remove", "thrice", "b"),
        ("remove", "gone", "gone"),
    ]


def test_what_nobody_spoke_of_stays_unless_pruned() -> None:
    there = [stored(theirs(b"theirs"))]
    assert planned(there, psk(), absent=(b"x",)).steps[1:] == ()
    assert steps(planned(there, prune=True)) == [("remove", "theirs", f"uuid-of-{b'theirs'.hex()}")]


def test_of_several_the_one_in_use_stays_or_one_of_the_right_kind() -> None:
    unlike, like = stored(theirs(uuid="unlike")), ours(psk(), "like")
    assert ("remove", "corp", "unlike") in steps(planned([unlike, like], psk()))
    in_use = stored(theirs(uuid="in use"), active=True)
    assert ("remove", "corp", "like") in steps(planned([like, in_use], psk()))
    neither = [stored(theirs(uuid="one")), stored(theirs(uuid="two"))]
    assert [step for step in steps(planned(neither, psk())) if step[0] == "remove"] == [("remove", "corp", "two")]


def test_what_another_interface_is_connected_by_is_neither_taken_nor_pruned() -> None:
    used = stored(theirs(uuid="used"), elsewhere=("wlan1", "wlan2"))
    for there, done in (
        ([used], [("add", "corp", "new-0")]),
        ([used, ours(psk())], []),
        ([used, ours(psk()), ours(psk(), "second")], [("remove", "corp", "second")]),
    ):
        plan = planned(there, psk(), prune=True)
        assert steps(plan) == done
        (warning,) = plan.warnings
        assert warning.startswith(
            "profile 'x' for network 'corp' stays, because it carries the link of wlan1 and wlan2"
        )
    pruned = planned([used, ours(psk(b"old"))], prune=True)
    assert steps(pruned) == [("remove", "old", "ours")]
    assert len(pruned.warnings) == 1
    # Nothing is said of what was not to go.
    assert planned([used], psk(b"home")).warnings == ()
    # One that this interface uses too is the one that is kept for it.
    both = ours(psk(), active=True, elsewhere=("wlan1",))
    assert planned([both], psk()) == NmPlan()


def test_a_network_that_is_named_as_absent_goes_and_whose_link_ends_is_told() -> None:
    used = stored(theirs(uuid="used"), elsewhere=("wlan1",))
    plan = planned([used], absent=(b"corp",))
    assert steps(plan) == [("remove", "corp", "used")]
    assert plan.warnings == ("profile 'x' for network 'corp' is removed, which ends the connection of wlan1",)


@pytest.mark.parametrize(
    ("declared", "active", "warned"),
    [
        (psk(passphrase=OTHER), True, True),
        (psk(passphrase=OTHER), False, False),
        (psk(priority=5), True, False),
        (psk(priority=5, hidden=True), True, True),
        (psk(), True, False),
    ],
)
def test_a_link_that_goes_on_as_it_is_is_warned_of(declared: NetworkProfile, active: bool, warned: bool) -> None:
    plan = planned([ours(psk(), active=active)], declared)
    assert ["network 'corp' carries the link" in warning for warning in plan.warnings] == ([True] if warned else [])


def test_which_profiles_secrets_have_to_be_read() -> None:
    there = [ours(psk()), ours(psk(b"old")), ours(psk(b"theirs"))]
    for declared, ssids in (
        (Declaration((psk(),)), [b"corp"]),
        (Declaration(absent=(b"old",)), [b"old"]),
        (Declaration((psk(),), prune=True), [b"corp", b"old", b"theirs"]),
    ):
        assert [each.connection.ssid for each in concerned(there, declared)] == ssids


def test_what_is_told_has_no_secret_and_every_secret_is_known() -> None:
    plan = planned([ours(psk(passphrase=OTHER)), ours(psk(b"gone"))], psk(), psk(b"new"), absent=(b"gone",))
    assert [ssid for ssid, _shown in plan.before] == [b"corp", b"gone"]
    assert [ssid for ssid, _shown in plan.after] == [b"corp", b"new"]
    assert plan.before[0][1]["802-11-wireless-security.psk"] == "(set)"
    assert plan.after[0][1]["802-11-wireless-security.psk"] == "(changed)"
    assert CANARY not in str(plan.before + plan.after)
    assert OTHER not in str(plan.before + plan.after)
    assert [step.secrets for step in plan.steps] == [(OTHER, CANARY), (CANARY,), (CANARY,)]


@pytest.mark.parametrize(
    ("declared", "clear"), [(NetworkProfile(b"corp", "owe", pmf="required"), True), (psk(), False)]
)
def test_secrets_that_networkmanager_would_keep_are_to_be_cleared(declared: NetworkProfile, clear: bool) -> None:
    (step,) = planned([ours(psk(passphrase=OTHER))], declared).steps
    assert step.clear == clear
    assert step.changed
