# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may lose a session although a handover would succeed."""

from __future__ import annotations

from dataclasses import replace
from typing import Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._facts.known import Blocker
from ansible_collections.vpro.fleet.plugins.module_utils._facts.readiness import blockers, warnings
from ansible_collections.vpro.fleet.plugins.module_utils._network.limits import (
    DHCP_IDENTITY,
    HOST_LINK,
    Limits,
    Obstacle,
)
from ansible_collections.vpro.fleet.plugins.module_utils._network.profile import Profile
from ansible_collections.vpro.fleet.tests.schema import schema
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._facts.codes import WARNINGS
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._facts.test_readiness import (
    FITS,
    PART,
    READY,
    profiles,
    radio,
)

DOUBT = Obstacle("it is somebody else", "Be the same", code=DHCP_IDENTITY)
DOUBTED = replace(FITS, doubt=DOUBT)
WARNING = Blocker(DHCP_IDENTITY, "wlan0: it is somebody else. Be the same")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ((FITS,), ()),
        ((DOUBTED,), (WARNING,)),
        ((DOUBTED, replace(DOUBTED, id=9)), (WARNING,)),
        # Another profile goes first, or this one is not used.
        ((DOUBTED, replace(FITS, id=9, priority=5)), ()),
        ((replace(DOUBTED, enabled=False),), ()),
        ((replace(DOUBTED, ssid=b"elsewhere"),), ()),
        ((), ()),
    ],
)
def test_the_profile_that_carries_it_on_is_warned_of(found: Tuple[Profile, ...], expected: Tuple[Blocker, ...]) -> None:
    assert warnings(replace(READY, **profiles(*found))) == expected
    # The same if the channel of the connection can't be read: CSME may be on another one soon.
    assert warnings(replace(READY, **profiles(*found), **radio(csme=None, part=PART))) == expected
    assert not [blocker for blocker in blockers(replace(READY, **profiles(*found))) if blocker.code == DHCP_IDENTITY]


def test_without_a_connection_of_csmes_every_profile_is_warned_of() -> None:
    idle = {**radio(csme=None), **profiles(FITS, replace(DOUBTED, ssid=b"elsewhere"))}
    assert warnings(replace(READY, **idle)) == (WARNING,)
    assert warnings(replace(READY, radios=())) == ()


def test_a_cipher_by_which_csme_may_not_hear_of_the_host_is_warned_of() -> None:
    rare = replace(FITS, limits=Limits(ciphers=frozenset({"ccmp", "ccmp-256"})))
    for csme in (radio(), radio(csme=None)):
        (warning,) = warnings(replace(READY, **profiles(rare), **csme))
        assert (warning.code, warning.message[:7]) == (HOST_LINK, "wlan0: ")
    tkip = replace(READY.radios[0].csme, cipher="tkip")  # type: ignore[type-var]
    (warning,) = warnings(replace(READY, **profiles(FITS), **radio(csme=tkip)))
    assert (warning.code, "TKIP" in warning.message) == (HOST_LINK, True)


def test_the_schema_has_every_code() -> None:
    assert schema("amt_wifi_facts")["$defs"]["warning"]["properties"]["code"]["enum"] == sorted(WARNINGS)
