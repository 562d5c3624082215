# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The watcher's configuration: what the laptop checks by itself is what the schema says on the controller."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vpro.fleet.plugins.module_utils._watcher_config import (
    BadConfiguration,
    Config,
    parse_config,
    read_config,
)

SCHEMAS = Path(__file__).resolve().parents[4] / "plugins" / "schemas"
SCHEMA: Dict[str, Any] = json.loads((SCHEMAS / "amt_wifi_watcher_config.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

_NAMES = st.one_of(
    st.sampled_from(["wlan0", "wlp0s20f3", "", ".", "..", "a/b", "a b", "x" * 16, "a:b"]), st.text(max_size=17)
)
_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([-1, 0, 1, 900, 901, 60.0, 60.5, 1e3]),
    st.sampled_from(["take", "leave", "info", "debug", "warning", "error", "yes"]),
    st.lists(_NAMES, max_size=2),
    st.lists(st.one_of(st.none(), st.integers(), st.booleans()), max_size=2),
    st.just({}),
)
_SETTINGS = st.sampled_from([*SCHEMA["properties"], "unknown"])
_DOCUMENTS = st.one_of(st.dictionaries(_SETTINGS, _VALUES, max_size=3), _VALUES)


@given(document=_DOCUMENTS)
def test_the_laptop_and_the_schema_agree(document: Any) -> None:
    try:
        parse_config(document)
        taken = True
    except BadConfiguration:
        taken = False
    assert taken == VALIDATOR.is_valid(document), document


def test_the_defaults_are_the_schemas() -> None:
    defaults = {name: prop["default"] for name, prop in SCHEMA["properties"].items()}
    assert parse_config(defaults) == parse_config({}) == Config()


def test_every_wrong_field_is_named() -> None:
    with pytest.raises(BadConfiguration) as caught:
        parse_config({"idle": "maybe", "hold_roaming": "yes", "interfaces": "wlan0", "colour": 1}, "/a/file")
    for part in ("idle", "hold_roaming", "interfaces", "colour", "/a/file"):
        assert part in str(caught.value)


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    assert read_config(str(path)) == Config(), "none is the defaults"
    path.write_text('{"interfaces": ["wlan0"], "log_level": "debug"}')
    assert read_config(str(path)) == Config(interfaces=("wlan0",), log_level="debug")
    for content in ("", "[", "{} {}", "\xff", "[" * 100000):
        path.write_bytes(content.encode("latin-1"))
        with pytest.raises(BadConfiguration, match=r"no JSON|more than"):
            read_config(str(path))
    with pytest.raises(BadConfiguration, match="can't be read"):
        read_config(str(tmp_path))
