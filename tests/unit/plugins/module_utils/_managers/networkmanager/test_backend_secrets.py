# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets that the system lacks."""

from __future__ import annotations

import os
from typing import Any, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.backend import NetworkManagerBackend
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.names import NM, NM_SETTINGS
from ansible_collections.vpro.fleet.plugins.module_utils._system import dbus, patience
from ansible_collections.vpro.fleet.plugins.module_utils._system.patience import Patience
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.networkmanager.fake_answers import (
    PSK,
    settings,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.networkmanager.fake_laptop import (
    Laptop,
    corp,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.clock import Clock
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_bus import DBusError
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_networkmanager import SETTINGS


def stores(laptop: Laptop, number: int, secrets: Any) -> None:
    """What the system has for a profile, or the name of the error that NetworkManager answers with."""

    def tell(name: str) -> Tuple[str, Tuple[Any]]:
        if isinstance(secrets, str):
            raise DBusError(secrets, "No agents were available for this request.")
        return "a{sa{sv}}", ({name: {key: ("s", value) for key, value in secrets.items()}},)

    laptop.bus.methods[f"{SETTINGS}/{number}", f"{NM_SETTINGS}.Connection.GetSecrets"] = tell


@pytest.mark.parametrize(
    ("secrets", "joins"),
    [
        ({"psk": "canary-0f3e"}, True),
        ({"psk": ""}, False),
        ({}, False),
        (f"{NM}.AgentManager.NoSecrets", False),
        # Nothing is known then.
        (f"{NM}.AgentManager.InvalidIdentifier", True),
        (f"{NM_SETTINGS}.PermissionDenied", True),
    ],
)
def test_a_profile_of_which_the_system_lacks_the_secret_can_join_nothing(
    backend: NetworkManagerBackend, laptop: Laptop, monkeypatch: pytest.MonkeyPatch, secrets: Any, joins: bool
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    stores(laptop, 7, secrets)
    profile = corp(backend)
    assert profile.can_join("psk") is joins
    what = None if profile.obstacle is None else profile.obstacle.what
    assert what == (None if joins else "needs a secret that NetworkManager does not have")
    assert "canary" not in repr(profile)
    everything = backend.as_stored(backend.profiles(), b"corp")
    assert [each.can_join("psk") for each in everything] == [joins, True]
    # What has an obstacle counts as not enabled, in the facts as well.
    assert [each.enabled for each in everything] == [joins, True]
    # Nothing is asked about other networks.
    asked = [path for path, name, _body in laptop.bus.calls if name == "GetSecrets"]
    assert set(asked) == {f"{SETTINGS}/7"}


def test_secrets_are_asked_for_by_root_alone_and_only_where_they_matter(
    backend: NetworkManagerBackend, laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4712)
    assert corp(backend).can_join("psk")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert len(backend.profiles()) == 2
    laptop.profiles[f"{SETTINGS}/7"] = settings(PSK, general={"autoconnect": False})
    assert not corp(backend).enabled
    laptop.profiles[f"{SETTINGS}/7"] = settings()
    assert corp(backend).can_join("open")
    assert laptop.bus.called("GetSecrets") == []


def test_a_secret_that_nobody_answers_about_may_be_there(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    stores(laptop, 7, {})
    clock = Clock(monkeypatch, patience, dbus)
    laptop.bus.silent.append("GetSecrets")
    laptop.bus.when_silent = lambda: clock.passes(60.0)
    assert corp(NetworkManagerBackend("wlan0", Patience(60.0))).can_join("psk")


def test_a_key_without_a_password_lacks_nothing(
    backend: NetworkManagerBackend, laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    stores(laptop, 7, f"{NM}.AgentManager.NoSecrets")
    for flags, joins in ((0, False), (4, True)):
        eap = {"eap": ["tls"], "private-key-password-flags": flags}
        laptop.profiles[f"{SETTINGS}/7"] = settings({"key-mgmt": "wpa-eap"}, eap)
        assert corp(backend).can_join("eap") is joins
