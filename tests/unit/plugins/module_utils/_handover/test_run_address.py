# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A handover that waits for an address: what counts as one, and who is asked for it."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import Outcome
from ansible_collections.vpro.fleet.plugins.module_utils._network.limits import Obstacle
from ansible_collections.vpro.fleet.plugins.module_utils._radio.netlink import EventsLost
from ansible_collections.vpro.fleet.plugins.module_utils._radio.rtnetlink import Address, AddressEvent
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import TransportFailed
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._handover.fake_transports import (
    CONNECTED,
    GONE,
    LEASE,
    POLICY,
    Laptop,
    connected,
)


def test_an_address_that_stands_already_counts(laptop: Laptop) -> None:
    laptop.addresses = (LEASE.address,)

    def answer() -> None:
        laptop.rfkill.say(GONE)
        laptop.monitor.say(CONNECTED)

    laptop.answers = [answer]
    assert laptop.run().outcome is Outcome.PROTECTED


def test_an_address_that_does_not_come_is_asked_for(laptop: Laptop) -> None:
    laptop.answers = [connected(laptop)]
    laptop.on_ask = lambda: laptop.address.say(LEASE)
    report = laptop.run()
    assert report.outcome is Outcome.PROTECTED
    assert laptop.asks == 1
    names = [step.name for step in report.steps]
    assert names[names.index("connected") :] == ["connected", "address_asked", "address", "unpinned"]
    assert report.warnings == ()


def test_it_is_asked_for_a_few_times_only(laptop: Laptop) -> None:
    laptop.answers = [connected(laptop)]
    assert laptop.run().outcome is Outcome.CONNECTED
    assert laptop.asks == 3


def test_nobody_is_asked_where_an_address_is_there_or_nobody_runs_dhcp(laptop: Laptop) -> None:
    laptop.answers = [laptop.connects]
    assert laptop.run().outcome is Outcome.PROTECTED
    laptop.pipes()
    laptop.answers = [connected(laptop)]
    laptop.client = None
    assert laptop.run().outcome is Outcome.CONNECTED
    assert laptop.asks == 0


def test_a_client_that_can_not_be_asked_does_not_end_it(laptop: Laptop) -> None:
    def refuse() -> None:
        raise TransportFailed("it said no")

    laptop.answers = [connected(laptop)]
    laptop.on_ask = refuse
    report = laptop.run()
    assert report.outcome is Outcome.CONNECTED
    assert "it said no" in report.warnings[0]


def test_an_address_that_was_late_is_told_and_protects_nothing(laptop: Laptop) -> None:
    policy = replace(POLICY, deadline_seconds=0.005, grace_seconds=1.0)
    laptop.answers = [connected(laptop)]
    laptop.on_ask = lambda: laptop.address.say(LEASE)
    report = laptop.run(policy)
    assert report.outcome is Outcome.CONNECTED
    assert report.request_to_address_ms is not None


def test_an_address_heard_of_late_is_no_address_in_time(laptop: Laptop) -> None:
    """A process that stood still meanwhile hears of the address and of the deadline at once."""
    laptop.answers = [connected(laptop)]

    def stand_still() -> None:
        laptop.clock.now += 0.2
        laptop.address.say(LEASE)

    laptop.on_ask = stand_still
    assert laptop.run().outcome is Outcome.CONNECTED


def test_addresses_that_do_not_count(laptop: Laptop) -> None:
    def answer() -> None:
        laptop.rfkill.say(GONE)
        laptop.monitor.say(CONNECTED)
        laptop.address.say(AddressEvent(True, 4, LEASE.address))  # another interface
        laptop.address.say(AddressEvent(False, 3, LEASE.address))  # removed
        laptop.address.say(AddressEvent(True, 3, Address("fe80::1", 64, "inet6", 253)))  # link-local

    laptop.answers = [answer]
    report = laptop.run()
    assert report.outcome is Outcome.CONNECTED
    assert report.request_to_address_ms is None


def test_lost_address_events_are_read_anew(laptop: Laptop) -> None:
    def overrun() -> None:
        laptop.rfkill.say(GONE)
        laptop.monitor.say(CONNECTED)
        laptop.address.fail = EventsLost("overrun")
        laptop.address.say(None)
        laptop.addresses = (LEASE.address,)

    laptop.answers = [overrun]
    assert laptop.run().outcome is Outcome.PROTECTED


def test_an_address_of_ipv6_does_not_count(laptop: Laptop) -> None:
    """CSME waits for DHCP. A unique local address of IPv6 says nothing of that."""
    laptop.answers = [connected(laptop)]
    laptop.on_ask = lambda: laptop.address.say(AddressEvent(True, 3, Address("fd00::7", 64, "inet6", 0)))
    report = laptop.run()
    assert (report.outcome, report.request_to_address_ms) == (Outcome.CONNECTED, None)
    assert laptop.asks == 3


def test_a_host_with_another_mac_address_is_not_called_protected(laptop: Laptop) -> None:
    laptop.mac = "02:00:00:00:00:99"
    laptop.answers = [laptop.connects]
    report = laptop.run()
    assert (report.outcome, report.request_to_address_ms) == (Outcome.CONNECTED, 0)
    assert report.warnings == (
        "wlan0 has the MAC address 02:00:00:00:00:99, but CSME uses its radio's (02:00:00:00:00:00). Give the "
        "interface its permanent address. Look for macchanger, for rules of udev, and for MACAddress= in "
        "systemd-networkd's files",
    )


def test_a_host_that_the_network_may_take_for_another_is_not_called_protected(laptop: Laptop) -> None:
    laptop.doubt = Obstacle("it is somebody else", "Be the same")
    laptop.answers = [laptop.connects]
    report = laptop.run()
    assert report.outcome is Outcome.CONNECTED
    assert report.warnings == ("it is somebody else. Be the same",)
