# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Netlink messages of a made-up kind, with an attribute of each type.

Test files import from here by this file's full name.
"""

from __future__ import annotations

import contextlib
import logging
from typing import Any, Iterator, List, Tuple

from ansible_collections.vpro.fleet.plugins.module_utils._radio import netlink_codec
from ansible_collections.vpro.fleet.plugins.module_utils._radio.netlink import NetlinkSocket
from ansible_collections.vpro.fleet.plugins.module_utils._system.patience import Patience

ATTRIBUTES = (
    (1, "BYTE", "uint8"),
    (2, "SHORT", "uint16"),
    (3, "WORD", "uint32"),
    (4, "LONG", "uint64"),
    (5, "MAC", "l2addr"),
    (6, "FLAG", "flag"),
    (7, "BYTES", "cdata"),
)
#: The flag bits of an attribute's number: none, NLA_F_NESTED, NLA_F_NET_BYTEORDER, and both.
FLAGS = (0, 0x8000, 0x4000, 0xC000)
WHERE = "a test"


def bare() -> Any:
    return netlink_codec.message_class("nla", ATTRIBUTES)


def genl() -> Any:
    return netlink_codec.message_class("genlmsg", ATTRIBUTES)


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Fail when pyroute2 logs: it logs a traceback for what it cannot decode."""
    records: List[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[assignment]
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
    assert not records


def ask(sock: NetlinkSocket, *, dump: bool = False, timeout: float = 2.0) -> Tuple[bytes, ...]:
    sock._patience = Patience(timeout)
    return sock.request("Asking", genl(), 20, {"cmd": 1, "version": 1}, [("WORD", 7)], dump=dump)
