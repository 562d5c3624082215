# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of the managers of an interface."""

from __future__ import annotations

from ansible_collections.vpro.fleet.plugins.module_utils._network.backend import AUTO, BACKENDS, NAMES


def test_everybody_that_a_task_may_ask_for_has_a_name_for_people() -> None:
    assert {*BACKENDS} == {AUTO, *NAMES}
