# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a declaration is."""

from __future__ import annotations

from ansible_collections.vpro.fleet.plugins.module_utils._network import declared


def test_which_networks_a_declaration_removes() -> None:
    some = declared.Declaration(absent=(b"old",))
    assert [some.removes(ssid) for ssid in (b"old", b"other", None)] == [True, False, False]
    pruned = declared.Declaration(prune=True)
    assert [pruned.removes(ssid) for ssid in (b"old", None)] == [True, True]
