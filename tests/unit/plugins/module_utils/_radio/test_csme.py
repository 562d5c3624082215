# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roaming event, and asking the driver for CSME's connection and for the radio."""

from __future__ import annotations

import errno
from typing import Any, List, Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._radio import csme
from ansible_collections.vpro.fleet.plugins.module_utils._radio.csme import RoamingReport
from ansible_collections.vpro.fleet.plugins.module_utils._radio.nl80211 import Nl80211
from ansible_collections.vpro.fleet.plugins.module_utils._radio.nl80211_messages import VendorCommand, Wiphy
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    AccessDenied,
    DecodeFailed,
    TransportFailed,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._radio.fake_csme import (
    ADDR,
    AUTH_MODE,
    BSSID,
    CHANNEL_NUM,
    ROAMING_FORBIDDEN,
    SSID,
    STA_CIPHER,
    VIF_ADDR,
    joined,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._radio.fake_netlink import FLAGS
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.conftest import attribute, u8, u32

# -- the roaming event ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize(("value", "forbidden"), [(0, False), (1, True)])
def test_roaming(value: int, forbidden: bool, flag: int) -> None:
    address = attribute(VIF_ADDR | flag, BSSID)
    state = u8(ROAMING_FORBIDDEN | flag, value)
    expected = RoamingReport("02:00:de:ad:be:ef", forbidden)
    assert csme.decode_roaming_forbidden(address + state) == expected
    assert csme.decode_roaming_forbidden(state + attribute(0x7F, b"x") + address) == expected
    assert csme.decode_roaming_forbidden(state) == RoamingReport(None, forbidden)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        attribute(VIF_ADDR, BSSID),
        u8(ROAMING_FORBIDDEN, 2),
        u32(ROAMING_FORBIDDEN, 1),
        attribute(ROAMING_FORBIDDEN),
        u8(ROAMING_FORBIDDEN, 1) + attribute(VIF_ADDR, b"123"),
        u8(ROAMING_FORBIDDEN, 1) + b"\0\0",
    ],
)
def test_malformed_roaming(data: bytes) -> None:
    with pytest.raises(DecodeFailed, match=r"[Aa]ttribute|bytes") as caught:
        csme.decode_roaming_forbidden(data)
    assert caught.value.where == "roaming event"


# -- asking the driver ------------------------------------------------------------------------------------------------


class Driver(Nl80211):
    """nl80211 with one vendor command's outcome written down."""

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome
        self.asked: List[Tuple[int, ...]] = []

    def vendor(self, ifindex: int, vendor_id: int, subcmd: int, data: bytes = b"") -> Optional[bytes]:
        self.asked.append((ifindex, vendor_id, subcmd, len(data)))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        answer: Optional[bytes] = self.outcome
        return answer


def test_connection() -> None:
    driver = Driver(joined())
    found = csme.connection(driver, 3)
    assert found == csme.decode_connection(joined())
    assert driver.asked == [(3, 0x001735, 0x2D, 0)]


def test_csme_has_reported_no_connection() -> None:
    assert csme.connection(Driver(TransportFailed("x", errno=errno.EINVAL)), 3) is None


def test_csme_has_reported_that_it_has_no_connection() -> None:
    # What mainline's iwlmvm answers of a report that is all zeros, as CSME sends it when a driver comes up.
    nothing = {
        "AUTH_MODE": u32(AUTH_MODE, 0),
        "SSID": attribute(SSID, b""),
        "STA_CIPHER": u32(STA_CIPHER, 0),
        "CHANNEL_NUM": u8(CHANNEL_NUM, 0),
        "ADDR": attribute(ADDR, bytes(6)),
    }
    assert csme.connection(Driver(joined(**nothing)), 3) is None
    for name in ("SSID", "ADDR"):
        del (some := dict(nothing))[name]
        assert csme.connection(Driver(joined(**some)), 3) is not None, name


def test_an_answer_without_data_is_no_connection_that_could_be_judged() -> None:
    with pytest.raises(DecodeFailed, match="without an answer") as caught:
        csme.connection(Driver(None), 3)
    assert caught.value.where == "CSME connection"


def test_errors_of_asking_for_the_connection_are_raised() -> None:
    for error in (AccessDenied("x"), TransportFailed("x", errno=errno.EOPNOTSUPP)):
        with pytest.raises(type(error)):
            csme.connection(Driver(error), 3)
    with pytest.raises(DecodeFailed):
        csme.connection(Driver(b"rubbish"), 3)


@pytest.mark.parametrize(
    ("outcome", "well"), [(None, True), (b"", True), (TransportFailed("x", errno=errno.ETIMEDOUT), False)]
)
def test_request_ownership(outcome: Any, well: bool) -> None:
    driver = Driver(outcome)
    assert csme.request_ownership(driver, 3) is well
    assert driver.asked == [(3, 0x001735, 0x30, 0)]


def test_errors_of_requesting_ownership_are_raised() -> None:
    for error in (AccessDenied("x"), TransportFailed("x", errno=errno.EOPNOTSUPP)):
        with pytest.raises(type(error)):
            csme.request_ownership(Driver(error), 3)


@pytest.mark.parametrize("info", [False, True])
@pytest.mark.parametrize("ownership", [False, True])
@pytest.mark.parametrize("event", [False, True])
def test_supports(info: bool, ownership: bool, event: bool) -> None:
    commands = {VendorCommand(0x001735, 0x32), VendorCommand(0x001234, 0x2D)}
    if info:
        commands.add(VendorCommand(0x001735, 0x2D))
    if ownership:
        commands.add(VendorCommand(0x001735, 0x30))
    events = (VendorCommand(0x001735, 0x2D), *([VendorCommand(0x001735, 0x32)] if event else []))
    assert csme.supports(Wiphy(0, "phy0", frozenset(commands), events)) == csme.Support(info, ownership, event)
