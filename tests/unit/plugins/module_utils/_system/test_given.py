# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What YAML makes of a value that has to be text."""

from __future__ import annotations

from typing import Any, Optional

import pytest
import yaml

from ansible_collections.vpro.fleet.plugins.module_utils._system.given import not_text


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ("corp", None),
        ("'012345670123'", None),
        ("''", None),
        ("012345670123", "is not text but a number; quote it"),
        ("1.5", "is not text but a number; quote it"),
        # For Python, a bool is an int.
        ("no", "is not text but a boolean (true or false); quote it"),
        ("[a]", "is not text"),
        ("{a: b}", "is not text"),
        ("null", "is not text"),
        ("2026-11-30", "is not text"),
    ],
)
def test_what_yaml_made_of_what_was_written(written: str, wrong: Optional[str]) -> None:
    made: Any = yaml.safe_load(written)
    assert not_text(made) == wrong
