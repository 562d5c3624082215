# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether declared networks can carry CSME's session on is said when they are written: NetworkManager."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._network.declared import Eap, NetworkProfile
from ansible_collections.vpro.fleet.plugins.module_utils._network.limits import Target
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import Refused
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import profiles
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.networkmanager.fake_provisioning import (
    CANARY,
    PSK,
    THERE,
    Laptop,
    happened,
    laptop_of,
    peap,
    psk,
    tls,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_bus import DBusError, FakeBus
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import BSSID, OTHER_BSSID
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_networkmanager import SETTINGS


@pytest.fixture
def laptop(tmp_path: Path, fake_bus: FakeBus, monkeypatch: pytest.MonkeyPatch) -> Iterator[Laptop]:
    yield from laptop_of(tmp_path, fake_bus, monkeypatch)


def csme_on(monkeypatch: pytest.MonkeyPatch, connection: Optional[Target]) -> None:
    """Let CSME have a connection. Reading it is what test_radio.py is about."""
    monkeypatch.setattr(profiles, "csmes_connection", lambda _interface, _root: connection)


@pytest.mark.parametrize(
    "declared",
    [
        NetworkProfile(b"x", "open", pmf="disabled"),
        NetworkProfile(b"x", "owe", pmf="required"),
        psk(pmf="disabled"),
        psk(pmf="required"),
        NetworkProfile(b"x", "sae", CANARY, pmf="required", bssid=BSSID),
        NetworkProfile(b"x", "psk+sae", CANARY),
        peap(),
        tls(None),
    ],
)
def test_what_is_usable_is_not_spoken_of(laptop: Laptop, declared: NetworkProfile) -> None:
    for _run in range(2):
        result = laptop.declare(declared, require_usable=True)
        assert (result["obstacles"], result["warnings"]) == ([], [])


TKIP = {**PSK, "pairwise": ("as", ["tkip"]), "psk-flags": ("u", 1)}


def test_what_a_profile_was_restricted_to_is_no_obstacle_any_more(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    csme_on(monkeypatch, Target(b"corp", "psk", BSSID, (5180,), "ccmp"))
    wireless = {
        "band": ("s", "bg"),
        "bssid": ("ay", bytes.fromhex(OTHER_BSSID.replace(":", ""))),
        "assigned-mac-address": ("s", "random"),
    }
    laptop.put(security=TKIP, wireless=wireless, connection={"autoconnect": ("b", False)})
    result = laptop.declare(psk(), require_usable=True)
    assert (happened(result), result["obstacles"]) == ({"corp": "changed"}, [])


@pytest.mark.parametrize(
    ("declared", "csme", "what"),
    [
        (psk(pmf="disabled"), Target(b"corp", "sae", BSSID, (5180,)), "can't join the network"),
        (psk(bssid=OTHER_BSSID), Target(b"corp", "psk", BSSID, (5180,)), "is restricted to another access point"),
        (psk(), Target(b"corp", "eap", BSSID, (5180,)), "can't join the network"),
    ],
)
def test_the_network_that_csme_is_on_has_to_fit(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch, declared: NetworkProfile, csme: Target, what: str
) -> None:
    csme_on(monkeypatch, csme)
    for check_mode in (True, False):
        with pytest.raises(Refused, match="Nothing was changed") as caught:
            laptop.declare(declared, peap(), check_mode=check_mode, require_usable=True)
        assert caught.value.as_dict()["code"] == "unusable_network"
        assert laptop.manager.writes == []
    checked = laptop.declare(declared, check_mode=True)
    for result in (checked, laptop.declare(declared), laptop.declare(declared)):
        ((found,), (warning,)) = result["obstacles"], result["warnings"]
        assert (found["places"], found["code"]) == (["file", "runtime"], "profile_unfit")
        assert what in found["what"]
        assert warning.startswith("network 'corp' can't carry CSME's session on: its profile ")
    assert laptop.declare(psk(b"another"), require_usable=True)["obstacles"] == []


def test_files_of_eap_have_to_be_there_but_not_in_check_mode(laptop: Laptop, tmp_path: Path) -> None:
    """In check mode, an earlier task may have been going to create them."""
    key = tmp_path / "key.pem"
    declared = NetworkProfile(b"corp", "eap", eap=Eap("tls", "me", client_cert=THERE, private_key=str(key)))
    assert laptop.declare(declared, check_mode=True, require_usable=True)["obstacles"] == []
    with pytest.raises(Refused, match=r"names a file that does not exist .private-key: .*Nothing was changed"):
        laptop.declare(declared, require_usable=True)
    (found,) = laptop.declare(declared)["obstacles"]
    assert found["what"] == f"the profile names a file that does not exist (private-key: {key})"
    key.touch()
    assert laptop.declare(declared, require_usable=True)["obstacles"] == []


def test_where_the_address_comes_from_stays_and_is_judged(laptop: Laptop) -> None:
    path = laptop.put(security=PSK, ipv4={"method": ("s", "manual")})
    for _run in range(2):
        result = laptop.declare(psk(), require_usable=True)
        assert result["obstacles"] == []
        assert result["warnings"] == [
            "network 'corp' may lose CSME's session: the profile 'Theirs' gives the host a fixed IPv4 address "
            "(ipv4.method: manual), which may be another than CSME's. Set ipv4.method to auto"
        ]
    laptop.manager.profiles[path]["ipv4"]["method"] = ("s", "disabled")
    with pytest.raises(Refused, match=r"gives the interface no IPv4 address of its network .ipv4.method: disabled"):
        laptop.declare(psk(), require_usable=True)


def test_networkmanager_has_the_last_word_after_a_change(laptop: Laptop) -> None:
    """What it makes of a profile is known only then, and what was changed is said."""
    add = laptop.bus.methods[SETTINGS, "org.freedesktop.NetworkManager.Settings.AddConnection2"]

    def otherwise(settings: Any, flags: int, rest: Any) -> Any:
        settings["802-11-wireless"]["assigned-mac-address"] = ("s", "stable")
        return add(settings, flags, rest)

    laptop.bus.methods[SETTINGS, "org.freedesktop.NetworkManager.Settings.AddConnection2"] = otherwise
    with pytest.raises(Refused, match="This was only known after the stored profiles and") as caught:
        laptop.declare(psk(), require_usable=True)
    assert caught.value.details["changed"] is True
    assert [each["code"] for each in caught.value.details["obstacles"]] == ["mac_address_differs"]
    assert laptop.ssids() == [b"corp"]


def test_where_it_can_not_be_asked_after_a_change_what_was_planned_counts(laptop: Laptop) -> None:
    listed = iter([True])
    listing = laptop.bus.methods[SETTINGS, "org.freedesktop.NetworkManager.Settings.ListConnections"]

    def once() -> Any:
        if not next(listed, False):
            raise DBusError("org.freedesktop.DBus.Error.AccessDenied", "no more")
        return listing()

    laptop.bus.methods[SETTINGS, "org.freedesktop.NetworkManager.Settings.ListConnections"] = once
    result = laptop.declare(psk(), require_usable=True)
    assert (result["changed"], result["obstacles"]) == (True, [])
