# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a handover went, as it is told."""

from __future__ import annotations

from dataclasses import fields

from ansible_collections.vpro.fleet.plugins.module_utils._network.handover_record import HandoverRecord


def test_all_of_a_record_is_told_by_its_own_names() -> None:
    record = HandoverRecord("protected", "2026-11-22T08:00:00Z", 221, 290, True)
    told = record.as_dict()
    assert told == {
        "outcome": "protected",
        "at": "2026-11-22T08:00:00Z",
        "request_to_connected_ms": 221,
        "request_to_address_ms": 290,
        "session_kept": True,
    }
    assert [*told] == [field.name for field in fields(record)]
    assert HandoverRecord(**told) == record
