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

from ansible_collections.vpro.fleet.plugins.module_utils._watcher.config import (
    BadConfiguration,
    Config,
    parse_config,
    read_config,
)

SCHEMAS = Path(__file__).resolve().parents[5] / "plugins" / "schemas"
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


INTERFACES = "interfaces has to be a list of names of network interfaces"
SETTINGS = "hold_bring_up_seconds, idle, interfaces, log_level, no_credentials, stay_at_access_point"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "it is not a mapping of settings"),
        ({"colour": 1}, f"colour is not a setting (the settings are {SETTINGS})"),
        ({"idle": "maybe"}, "idle has to be one of take, leave"),
        ({"no_credentials": None}, "no_credentials has to be one of leave, take"),
        ({"log_level": 1}, "log_level has to be one of error, warning, info, debug"),
        ({"stay_at_access_point": "yes"}, "stay_at_access_point has to be true or false"),
        ({"hold_bring_up_seconds": 901}, "hold_bring_up_seconds has to be a number from 0 to 900"),
        *(({"interfaces": [name]}, INTERFACES) for name in ("", ".", "..", "a/b", "a b", "x" * 16, 1)),
        ({"interfaces": "wlan0"}, INTERFACES),
        ({"interfaces": ["wlan0", "a:b"]}, INTERFACES),
    ],
)
def test_a_wrong_field_is_named_with_what_it_has_to_be(document: Any, words: str) -> None:
    with pytest.raises(BadConfiguration) as caught:
        parse_config(document, "/a/file")
    assert (caught.value.what, caught.value.where) == (words, "/a/file")
    assert caught.value.remedy == ("Correct the file, then reload the watcher" if document else "")


def test_every_wrong_field_is_named() -> None:
    with pytest.raises(BadConfiguration) as caught:
        parse_config({"idle": "maybe", "stay_at_access_point": "yes", "interfaces": "wlan0", "size": 1, "colour": 1})
    assert [part.split()[0] for part in caught.value.what.split("; ")] == [
        *("colour", "size", "idle", "stay_at_access_point", "interfaces"),
    ]


def test_what_is_set_is_taken_and_the_rest_is_the_default() -> None:
    config = parse_config({"interfaces": ["wlan0"], "hold_bring_up_seconds": 60.0, "stay_at_access_point": False})
    assert config == Config(interfaces=("wlan0",), hold_bring_up_seconds=60, stay_at_access_point=False)
    assert isinstance(config.hold_bring_up_seconds, int)
    assert parse_config({"hold_bring_up_seconds": 0}).hold_bring_up_seconds == 0
    assert parse_config({"hold_bring_up_seconds": 900}).hold_bring_up_seconds == 900


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    assert read_config(str(path)) == Config(), "none is the defaults"
    path.write_text('{"interfaces": ["wlan0"], "log_level": "debug"}')
    assert read_config(str(path)) == Config(interfaces=("wlan0",), log_level="debug")
    for content in ("", "[", "{} {}", "\xff", "[" * 100000):
        path.write_bytes(content.encode("latin-1"))
        with pytest.raises(BadConfiguration, match=r"not JSON|more than"):
            read_config(str(path))
    with pytest.raises(BadConfiguration, match="it can't be read: Is a directory") as caught:
        read_config(str(tmp_path))
    assert caught.value.where == str(tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [("[", "it is not JSON"), ("{}" + " " * 65535, "it has more than 65536 bytes"), ('{"idle": 1}', "idle has to be")],
)
def test_a_file_that_is_wrong_is_named(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(content)
    with pytest.raises(BadConfiguration, match=words) as caught:
        read_config(str(path))
    assert caught.value.where == str(path)


def test_a_file_may_be_as_long_as_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text("{}" + " " * 65534)
    assert read_config(str(path)) == Config()
