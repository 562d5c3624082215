# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkManager's names: a profile's number and its path on the bus."""

from __future__ import annotations

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.names import number_of, path_of


@pytest.mark.parametrize("number", [0, 7, 4711])
def test_a_profile_is_known_by_its_number(number: int) -> None:
    assert path_of(number) == f"/org/freedesktop/NetworkManager/Settings/{number}"
    assert number_of(path_of(number)) == number


@pytest.mark.parametrize("path", ["/", "", "/org/freedesktop/NetworkManager/Settings/x"])
def test_what_ends_with_no_number_is_no_profile(path: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        number_of(path)
