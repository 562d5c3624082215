# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters by which iwlmei tells what of the host's traffic is for CSME: CSME_FILTERS of ``mei/sap.h``."""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass
from typing import Tuple

#: How many of a kind there are (``struct iwl_sap_oob_filters``).
_FLEX, _IPV6, _ETHERNET, _VLAN = 14, 4, 5, 4
#: ``struct iwl_sap_csme_filters`` before the filters: mode, MAC address, and filters that iwlmei does not use.
_UNUSED = struct.Struct("<I6s2x1728s")
#: ``struct iwl_sap_flex_filter``: source and destination port, which are big-endian, and flags.
_FLEX_FILTER = struct.Struct(">HHBx")
_ETHERNET_FILTER = struct.Struct("<6sB")
#: ``struct iwl_sap_ipv4_filter``: the address is in network order.
_IPV4_FILTER = struct.Struct("<4sI")


class Flex(enum.IntFlag):
    """``enum iwl_sap_flex_filter_flags``. COPY: the host gets it as well."""

    COPY = 1
    ENABLED = 2
    IPV6 = 4
    IPV4 = 8
    TCP = 16
    UDP = 32


class Ipv4(enum.IntFlag):
    """``enum iwl_sap_ipv4_filter_flags``. PASS: for CSME. COPY: the host gets it as well."""

    ICMP_PASS = 1
    ICMP_COPY = 2
    ARP_REQUEST_PASS = 4
    ARP_REQUEST_COPY = 8
    ARP_RESPONSE_PASS = 16
    ARP_RESPONSE_COPY = 32


@dataclass(frozen=True)
class PortFilter:
    """TCP or UDP for CSME. A port of 0 is any."""

    destination: int
    flags: Flex
    source: int = 0


#: AMT's own ports, which the host never gets: web and WS-MAN (16992, 16993), redirection (16994, 16995), remote
#: control (623, 664), VNC (5900).
AMT_PORTS: Tuple[int, ...] = (16992, 16993, 16994, 16995, 623, 664, 5900)
#: DHCP's answers, of which CSME gets a copy.
DHCP_CLIENT_PORT = 68


@dataclass(frozen=True)
class Filters:
    """What CSME wants to have.

    Args:
        ports: TCP and UDP; at most 14.
        ipv4: ARP and ICMP.
        address: to which the latter are; four bytes, and 0 for any.
    """

    ports: Tuple[PortFilter, ...] = (
        *(PortFilter(port, Flex.ENABLED | Flex.TCP) for port in AMT_PORTS),
        PortFilter(DHCP_CLIENT_PORT, Flex.ENABLED | Flex.UDP | Flex.COPY),
    )
    ipv4: Ipv4 = (
        Ipv4.ARP_REQUEST_PASS
        | Ipv4.ARP_REQUEST_COPY
        | Ipv4.ARP_RESPONSE_PASS
        | Ipv4.ARP_RESPONSE_COPY
        | Ipv4.ICMP_PASS
        | Ipv4.ICMP_COPY
    )
    address: bytes = bytes(4)

    def pack(self) -> bytes:
        """Return the payload of CSME_FILTERS.

        Raises:
            ValueError: there are too many.
        """
        if len(self.ports) > _FLEX:
            raise ValueError(f"{len(self.ports)} filters of ports; there is room for {_FLEX}")
        flex = b"".join(_FLEX_FILTER.pack(each.source, each.destination, each.flags) for each in self.ports)
        return b"".join(
            (
                _UNUSED.pack(0, bytes(6), b""),
                flex.ljust(_FLEX * _FLEX_FILTER.size, b"\0"),
                bytes(4),  # ICMPv6
                bytes(4 * _IPV6),
                bytes(_ETHERNET_FILTER.size * _ETHERNET),
                bytes(1),
                _IPV4_FILTER.pack(self.address, self.ipv4),
                bytes(2 * _VLAN),
            )
        )
