# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom the watcher listens to on an interface: somebody who can't be used, and somebody who is about to come."""

from __future__ import annotations

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.who import OverIwd
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.backend import WpaSupplicant
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import AccessDenied, NotFound
from ansible_collections.vpro.fleet.plugins.module_utils._watcher import attachment
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._watcher.fake_guarded import FREE, Laptop


@pytest.mark.parametrize("error", [AccessDenied("not for this user"), OverIwd("through iwd"), NotFound("none")])
def test_a_supplicant_that_can_not_be_used_is_told_once(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refused(interface: str, ifindex: int) -> WpaSupplicant:
        raise error

    monkeypatch.setattr(f"{attachment.__name__}.backend_from_within", refused)
    watched = laptop.watched()
    assert not watched.attach()
    assert not watched.attach()
    assert laptop.log.text.count("can't be used") == isinstance(error, (AccessDenied, OverIwd))


def test_networkmanager_that_is_about_to_come_is_looked_for_a_while(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(interface: str, ifindex: int) -> WpaSupplicant:
        raise NotFound("none")

    monkeypatch.setattr(f"{attachment.__name__}.backend_from_within", nobody)
    watched = laptop.watched(FREE)
    watched.attach()
    assert watched.due is None, "where it never ran there is nothing to wait for"
    monkeypatch.setattr(f"{attachment.__name__}.networkmanager_was_here", lambda: True)
    begun = laptop.now
    watched.attach()
    looks = 0
    while watched.due is not None:
        assert not watched.attachment.due_to_attach
        laptop.now = watched.due
        assert watched.attachment.due_to_attach
        watched.attach(anew=False)
        looks += 1
    assert (looks, laptop.now - begun) == (6, 31.5)
