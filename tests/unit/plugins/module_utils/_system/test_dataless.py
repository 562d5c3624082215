# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Events and actions that carry nothing."""

from __future__ import annotations

from ansible_collections.vpro.fleet.plugins.module_utils._system.dataless import Dataless


class Came(Dataless):
    """Something."""


class Went(Dataless):
    """Something else."""


def test_one_is_equal_to_those_of_its_own_class_alone() -> None:
    assert Came() == Came()
    assert len({Came(), Came(), Went()}) == 2
