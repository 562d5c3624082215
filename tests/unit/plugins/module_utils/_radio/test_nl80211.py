# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""nl80211 asked and heard, against a scripted kernel."""

from __future__ import annotations

import errno
import struct
import time
from pathlib import Path
from typing import Any, Callable, List, Type

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._radio import netlink
from ansible_collections.vpro.fleet.plugins.module_utils._radio.netlink import MalformedEvent
from ansible_collections.vpro.fleet.plugins.module_utils._radio.nl80211 import Nl80211, Nl80211Events
from ansible_collections.vpro.fleet.plugins.module_utils._radio.nl80211_messages import (
    MlmeEvent,
    Station,
    VendorCommand,
    Wiphy,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    AccessDenied,
    DecodeFailed,
    FleetError,
    NotFound,
    TimedOut,
    TransportFailed,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system.patience import Patience
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._radio.fake_nl80211 import (
    FAMILY,
    ROAMING,
    bss,
    interface,
    pairs,
    part,
    station,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.conftest import (
    BUSY,
    Kernel,
    ack,
    attribute,
    done,
    generic,
    sequence_of,
    u8,
    u16,
    u32,
)

GROUPS = {b"config": 6, b"scan": 7, b"mlme": 9, b"vendor": 11}
Answer = Callable[[bytes, int], List[bytes]]


def script(kernel: Kernel, answer: Answer = lambda _request, _sequence: []) -> None:
    """Let *kernel* know nl80211, and answer other requests by *answer*."""
    listed = b"".join(attribute(i, attribute(1, n + b"\0") + u32(2, g)) for i, (n, g) in enumerate(GROUPS.items(), 1))

    def respond(request: bytes) -> List[bytes]:
        sequence = sequence_of(request)
        if request[4] == 16:
            return [generic(16, 1, u16(1, FAMILY), attribute(7, listed), sequence=sequence), ack(sequence)]
        return answer(request, sequence)

    kernel.answer = respond


def numbered(data: bytes, sequence: int) -> bytes:
    return data[:8] + struct.pack("=I", sequence) + data[12:]


def test_wiphys(kernel: Kernel) -> None:
    script(kernel, lambda _r, s: [numbered(part(0), s) + numbered(part(0, pairs(197, (1, 2))), s), done(s)])
    with Nl80211() as nl:
        assert nl.wiphys() == (Wiphy(0, "phy0", frozenset({VendorCommand(1, 2)}), ()),)
    assert kernel.requests[-1] == generic(FAMILY, 1, attribute(174), flags=0x301, sequence=2)
    assert kernel.fileno() == -1


def test_interfaces(kernel: Kernel) -> None:
    replies = interface(), interface(ifindex=b"", ifname=b"")
    script(kernel, lambda _r, s: [*(numbered(reply, s) for reply in replies), done(s)])
    with Nl80211() as nl:
        assert [found.name for found in nl.interfaces()] == ["wlan0"]
    assert kernel.requests[-1] == generic(FAMILY, 5, flags=0x301, sequence=2)


def test_station(kernel: Kernel) -> None:
    peer = station(attribute(17, struct.pack("=II", 0xFE, 1 << 6)), mac=b"abcdef")
    script(kernel, lambda _r, s: [numbered(peer, s), numbered(station(u8(7, 0xC4)), s), done(s)])
    with Nl80211() as nl:
        assert nl.station(5) == Station("02:00:de:ad:be:ef", -60)
        assert kernel.requests[-1] == generic(FAMILY, 17, u32(3, 5), flags=0x301, sequence=2)
        script(kernel, lambda _r, s: [done(s)])
        assert nl.station(5) is None


def test_ssid(kernel: Kernel) -> None:
    other, mine = bss(b"\x00\x05other", u32(9, 0)), bss(b"\x00\x04corp", u32(9, 1))
    script(kernel, lambda _r, s: [numbered(other, s), numbered(mine, s), done(s)])
    with Nl80211() as nl:
        assert nl.ssid(5) == b"corp"
        assert kernel.requests[-1] == generic(FAMILY, 32, u32(3, 5), flags=0x301, sequence=2)
        script(kernel, lambda _r, s: [done(s)])
        assert nl.ssid(5) is None


def test_vendor(kernel: Kernel) -> None:
    script(kernel, lambda _r, s: [generic(FAMILY, 103, u32(1, 0), attribute(197, ROAMING), sequence=s), ack(s)])
    with Nl80211() as nl:
        assert nl.vendor(5, 0x1735, 0x2D) == ROAMING
        expected = [u32(3, 5), u32(195, 0x1735), u32(196, 0x2D)]
        assert kernel.requests[-1] == generic(FAMILY, 103, *expected, flags=0x05, sequence=2)
        assert nl.vendor(5, 0x1735, 0x2D, b"\1\2\3\4") == ROAMING
        expected.append(attribute(197, b"\1\2\3\4"))
        assert kernel.requests[-1] == generic(FAMILY, 103, *expected, flags=0x05, sequence=3)


def test_vendor_with_an_ack_only(kernel: Kernel) -> None:
    script(kernel, lambda _r, s: [ack(s)])
    with Nl80211() as nl:
        assert nl.vendor(5, 0x1735, 0x30) is None


def test_vendor_with_an_empty_answer(kernel: Kernel) -> None:
    script(kernel, lambda _r, s: [generic(FAMILY, 103, attribute(197), sequence=s), ack(s)])
    with Nl80211() as nl:
        assert nl.vendor(5, 0x1735, 0x30) == b""
        script(kernel, lambda _r, s: [generic(FAMILY, 103, u32(1, 0), sequence=s), ack(s)])
        with pytest.raises(DecodeFailed, match="VENDOR_DATA is missing") as caught:
            nl.vendor(5, 0x1735, 0x30)
        assert caught.value.where == "Vendor command 0x001735/0x30 on interface 5"


def test_an_answer_that_does_not_come_is_waited_for_as_long_as_asked(kernel: Kernel) -> None:
    script(kernel, lambda _r, _s: [])
    with Nl80211() as nl:
        nl._socket._patience = Patience(0.05)
        begun = time.monotonic()
        with pytest.raises(TimedOut, match="Vendor command 0x001735/0x30 on interface 5"):
            nl.vendor(5, 0x1735, 0x30)
        assert time.monotonic() - begun < BUSY / 2


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda nl: nl.wiphys(), "Listing the radios"),
        (lambda nl: nl.interfaces(), "Listing the wireless interfaces"),
        (lambda nl: nl.station(5), "Reading the link of interface 5"),
        (lambda nl: nl.ssid(5), "Reading the access points of interface 5"),
    ],
)
def test_a_refusal_says_what_was_asked(kernel: Kernel, ask: Callable[[Nl80211], Any], words: str) -> None:
    script(kernel, lambda _r, s: [ack(s, errno.EINVAL)])
    with Nl80211() as nl, pytest.raises(TransportFailed, match=words) as caught:
        ask(nl)
    assert caught.value.where == "nl80211"


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.EPERM, AccessDenied), (errno.ENODEV, NotFound), (errno.EINVAL, TransportFailed)]
)
def test_vendor_refused(kernel: Kernel, number: int, kind: Type[FleetError]) -> None:
    script(kernel, lambda _r, s: [ack(s, number)])
    with Nl80211() as nl, pytest.raises(kind, match="Vendor command 0x001735/0x2d on interface 5"):
        nl.vendor(5, 0x1735, 0x2D)


def test_events(kernel: Kernel) -> None:
    script(kernel)
    with Nl80211Events(["vendor", "mlme"]) as events:
        assert kernel.groups == [11, 9]
        assert events.fileno() == kernel.fileno()
        assert events.read() == ()
        kernel.queue(generic(FAMILY, 48, u32(3, 5)))
        kernel.queue(b"\xff" * 24)
        kernel.queue(generic(16, 1))  # of another family
        kernel.queue(OSError(errno.ENOBUFS, "No buffer space available"))
        kernel.queue(generic(FAMILY, 46, u32(3, 5)) + generic(FAMILY, 103))
        assert events.read() == (MlmeEvent(48, "disconnect", None, 5, None, None),)
        (malformed,) = events.read()
        assert isinstance(malformed, MalformedEvent)
        assert "nl80211 events" in malformed.reason
        assert events.read() == ()
        with pytest.raises(netlink.EventsLost):
            events.read()
        good, bad = events.read()
        assert good == MlmeEvent(46, "connect", None, 5, None, None)
        assert isinstance(bad, MalformedEvent)
        assert events.read() == ()


def test_an_unknown_group(kernel: Kernel) -> None:
    script(kernel)
    with pytest.raises(NotFound, match="no event group weather") as caught:
        Nl80211Events(["vendor", "weather"])
    assert caught.value.where == "nl80211"
    assert kernel.fileno() == -1  # nothing is left open


@pytest.mark.parametrize("build", [Nl80211, lambda: Nl80211Events(["vendor"])])
def test_no_wireless(kernel: Kernel, build: Callable[[], Any]) -> None:
    kernel.answer = lambda request: [ack(sequence_of(request), errno.ENOENT)]
    with pytest.raises(NotFound, match="no netlink family nl80211") as caught:
        build()
    assert "cfg80211" in caught.value.remedy
    assert kernel.fileno() == -1


@pytest.mark.skipif(Path("/sys/class/ieee80211").exists(), reason="this machine has nl80211")
@pytest.mark.parametrize("build", [Nl80211, lambda: Nl80211Events(["vendor"])])
def test_really_no_wireless(build: Callable[[], Any]) -> None:
    with pytest.raises((NotFound, TransportFailed)) as caught:
        build()
    if isinstance(caught.value, TransportFailed):
        pytest.skip(f"no generic netlink here: {caught.value}")
