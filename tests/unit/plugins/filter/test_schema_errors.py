# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter ``schema_errors``, and the schema of profiles beside the module that takes them."""

from __future__ import annotations

import builtins
import datetime
import json
from typing import Any, Dict, List, Mapping

import jsonschema
import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.vpro.fleet.plugins.filter.schema_errors import FilterModule, schema_errors
from ansible_collections.vpro.fleet.plugins.module_utils._network.declared import InvalidProfiles
from ansible_collections.vpro.fleet.plugins.module_utils._network.parsing import parse_profiles
from ansible_collections.vpro.fleet.plugins.module_utils._profile_options import PROFILE
from ansible_collections.vpro.fleet.plugins.plugin_utils import _documents

#: Every secret of this file begins so.
CANARY = "canary-5d1a"
EAP = {"method": "peap", "identity": "me", "password": CANARY, "ca_cert": "/ca.pem"}


def profile(**options: Any) -> Dict[str, Any]:
    return {"ssid": "corp", "security": "psk", "passphrase": CANARY, **options}


def errors(document: Any, schema: str = "amt_wifi_profiles", name: str = "") -> List[str]:
    found = schema_errors(document, schema, name)
    assert CANARY not in "\n".join(found)
    return found


# --- what it says ---


@pytest.mark.parametrize("schema", _documents.schema_names())
def test_each_schema_is_one(schema: str) -> None:
    jsonschema.Draft202012Validator.check_schema(_documents.load_schema(schema))


def test_a_document_without_errors() -> None:
    assert errors([profile(), {"ssid": "b", "security": "eap", "eap": EAP}]) == []
    assert errors([]) == []


def test_all_errors_at_once_by_path_in_order() -> None:
    documents = [
        {"ssid": "a", "security": "psk", "pasphrase": CANARY},
        profile(ssid="b", priority=CANARY, pmf=CANARY, bssid=CANARY, hidden="yes"),
        CANARY,
        {"ssid": "d", "security": "eap", "eap": {**EAP, "phase2": "gtc", CANARY + " x": 1}},
        {"ssid": "a", "security": "open"},
        *[profile(ssid=f"{n}") for n in range(6)],
        {"ssid": "ä" * 20, "security": "open"},
    ]
    assert errors(documents, name="networks") == [
        "networks[0].pasphrase: is unknown; did you mean passphrase?",
        "networks[0].passphrase: is missing",
        "networks[1].bssid: is not the MAC address of an access point, such as 02:00:00:00:01:00",
        "networks[1].hidden: is not a boolean (true or false)",
        "networks[1].pmf: is not one of disabled, optional, required",
        "networks[1].priority: is not a whole number",
        "networks[2]: is not a mapping",
        "networks[3].eap: has an unknown key that does not look like a name",
        "networks[3].eap.phase2: is not one of mschapv2, pap",
        "networks[4].ssid: the SSID is declared twice, first by profiles[0]. Declare each SSID only once",
        "networks[11].ssid: has 40 bytes, but an SSID has 1 to 32",
    ]


def test_paths_without_a_root_begin_with_the_documents_keys() -> None:
    document = {
        "supplicant_interfaces": ["wlan0", "a/b", "wlan0"],
        "supplicant_country": "de",
        "supplicant_prune": True,
        "supplicant_require_usable": False,
        "supplicant_profiles": [],
        "supplicant_backend": "iwd",
        "supplicant_address": "none",
    }
    assert errors(document, "supplicant_role") == [
        "supplicant_backend: is not one of auto, wpa_supplicant, networkmanager",
        "supplicant_country: is neither empty nor the two capital letters of a country",
        "supplicant_interfaces: has an element twice",
        "supplicant_interfaces[1]: is not the name of a network interface",
        "supplicant_profiles: is empty, and with supplicant_prune every network would be removed",
    ]
    assert errors(CANARY, "supplicant_role") == ["is not a mapping"]


#: A keyword, a schema with it, a value that it refuses, and what is said.
WORDS: List[Any] = [
    ({"const": 3}, CANARY, "is not 3"),
    ({"minimum": 3}, 2, "is less than 3"),
    ({"maximum": 3}, 4, "is more than 3"),
    ({"maxLength": 3}, CANARY, "has more than 3 characters"),
    ({"minLength": 30}, CANARY, "has fewer than 30 characters"),
    ({"minLength": 1}, "", "is empty"),
    ({"maxItems": 0}, [CANARY], "has more than 0 elements"),
    ({"minItems": 2}, [CANARY], "has fewer than 2 elements"),
    ({"maxProperties": 0}, {CANARY: 1}, "has more than 0 keys"),
    ({"minProperties": 1}, {}, "is empty"),
    ({"pattern": "^x"}, CANARY, "does not have the form ^x"),
    ({"type": ["string", "null"]}, 5, "is not text or null; quote it"),
    ({"type": "string"}, datetime.date(2026, 1, 31), "is not text; quote it"),
    ({"type": "string"}, [CANARY], "is not text"),
    ({"oneOf": [{"const": 1}, {"const": 2}]}, CANARY, "is not allowed here"),
    ({"oneOf": [{"const": 1}], "x-message": "is not one"}, CANARY, "is not one"),
    (False, CANARY, "is not allowed here"),
    ({"propertyNames": {"maxLength": 2}}, {CANARY: 1}, "has more than 2 characters"),
    (
        {"patternProperties": {"^x": True}, "additionalProperties": False},
        {"x1": 1, "y": 2},
        "y: is unknown; the known names are ",
    ),
    ({"properties": {"a": {"not": {}}}}, {"a": CANARY}, "a: is not allowed here"),
    ({"additionalProperties": {"type": "null"}}, {CANARY + " ": 1}, "[...]: is not null"),
]


@pytest.mark.parametrize(("schema", "value", "text"), WORDS)
def test_no_keyword_tells_the_value(schema: Any, value: Any, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_documents, "load_schema", lambda _name: schema)
    assert errors(value, "anything") == [text]


def test_values_of_ansible_are_taken_for_what_they_are() -> None:
    class Lazy(Dict[str, Any]):
        """As Ansible's own: a mapping that is made when it is looked at."""

    class Secret:
        """As an encrypted value: its text is the secret."""

        def __str__(self) -> str:
            return CANARY

    assert errors((Lazy(profile(passphrase=Secret())),)) == []
    assert errors([{"ssid": False, "security": "psk", "passphrase": 1402433619}], name="x") == [
        "x[0].passphrase: is not text; quote it",
        "x[0].ssid: is not text; quote it",
    ]
    assert errors([profile(passphrase=Secret(), priority=Secret())]) == ["[0].priority: is not a whole number"]


def test_what_can_not_be_validated(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("nothing", "../../galaxy", ""):
        with pytest.raises(AnsibleFilterError, match=r"the collection has .*amt_wifi_profiles"):
            schema_errors([], name)
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "jsonschema":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(AnsibleFilterError, match="needs the Python library jsonschema"):
        schema_errors([], "amt_wifi_profiles")


def test_ansible_finds_it() -> None:
    assert FilterModule().filters() == {"schema_errors": schema_errors}


# --- the schema and the module say the same ---

_TYPES = {"str": "string", "path": "string", "bool": "boolean", "int": "integer", "dict": "object"}


def resolved(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> Dict[str, Any]:
    """Return a schema with what it refers to."""
    found = dict(schema)
    parts = [found, *found.get("allOf", [])]
    for part in parts:
        if "$ref" in part:
            found = {**resolved(whole["$defs"][part["$ref"].rpartition("/")[2]], whole), **found}
    return found


def compare(schema: Mapping[str, Any], options: Mapping[str, Any], whole: Mapping[str, Any]) -> None:
    assert set(schema["properties"]) == set(options)
    for name, option in options.items():
        told = resolved(schema["properties"][name], whole)
        assert told.get("enum") == option.get("choices"), name
        assert told.get("default") == option.get("default"), name
        if "choices" not in option:
            assert told["type"] == _TYPES[option["type"]], name
        if "options" in option:
            compare(told, option["options"], whole)


def test_the_schema_has_the_modules_options() -> None:
    schema = _documents.load_schema("amt_wifi_profiles")
    compare(schema["$defs"]["profile"], PROFILE, schema)


_EDGES = st.sampled_from(["", "x", "a" * 8, "a" * 63, "0" * 64, "g" * 64, "a" * 129, "a" * 300, "tab\there", "ä" * 17])
_FILES = st.sampled_from(["/etc/hostname", "relative", "/key.p12", "/key.pfx", "/" + "a" * 900, ""])
_EAP_VALUES: Dict[str, Any] = {
    "method": st.sampled_from(["tls", "peap", "ttls"]),
    "identity": _EDGES,
    "anonymous_identity": _EDGES,
    "password": _EDGES,
    "phase2": st.sampled_from(["mschapv2", "pap"]),
    "validate_server": st.booleans(),
    "ca_cert": _FILES,
    "domain_suffix_match": st.sampled_from(["example.org", "a;b.c", ";", "a b", ""]),
    "client_cert": _FILES,
    "private_key": _FILES,
    "private_key_password": _EDGES,
}
_VALUES: Dict[str, Any] = {
    "ssid": _EDGES,
    "ssid_hex": st.sampled_from(["", "00", "0", "zz", "aa" * 32, "aa" * 33]),
    "security": st.sampled_from(["open", "owe", "psk", "sae", "psk+sae", "eap"]),
    "passphrase": _EDGES,
    "hidden": st.booleans(),
    "priority": st.sampled_from([0, -(2**31), 2**31 - 1, 2**31]),
    "pmf": st.sampled_from(["disabled", "optional", "required"]),
    "bssid": st.sampled_from(["02:00:00:00:01:00", "00:00:00:00:00:00", "01:00:00:00:00:00", "02-00", ""]),
    "enabled": st.booleans(),
}
_TLS = {"method": "tls", "identity": "me", "ca_cert": "/ca", "client_cert": "/c", "private_key": "/k"}
_EAP_BASES = [EAP, {**EAP, "method": "ttls", "phase2": "pap"}, _TLS, {**_TLS, "private_key": "/k.p12"}, {}]


def _changed(base: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
    """Return a mapping with a few of its options set, and a few gone: most things are right, as with people."""
    picked = st.lists(st.sampled_from(sorted(values)), max_size=2, unique=True)
    return st.tuples(
        picked.flatmap(lambda names: st.fixed_dictionaries({name: values[name] for name in names})),
        st.sampled_from([(), (), (), *((name,) for name in base)]),
    ).map(lambda pair: {name: value for name, value in {**base, **pair[0]}.items() if name not in pair[1]})


_EAPS = st.sampled_from(_EAP_BASES).flatmap(lambda base: _changed(base, _EAP_VALUES))
_BASES = st.sampled_from(
    [{"ssid": "a", "security": each} for each in ("open", "owe")]
    + [{"ssid": "b", "security": each, "passphrase": "a" * 9} for each in ("psk", "sae", "psk+sae")]
    + [{"ssid_hex": "cc", "security": "eap", "eap": EAP}]
)
_PROFILES = _BASES.flatmap(lambda base: _changed(base, {**_VALUES, "eap": _EAPS}))


@settings(max_examples=400, deadline=None)
@given(st.lists(_PROFILES, max_size=3))
def test_what_the_module_takes_has_no_error_and_nothing_else_has_none(documents: List[Dict[str, Any]]) -> None:
    wrong: List[Any] = []
    try:
        parse_profiles(documents, lambda _path: None)
    except InvalidProfiles as refused:
        wrong = refused.details["problems"]
    found = schema_errors(documents, "amt_wifi_profiles")
    assert bool(found) == bool(wrong), json.dumps([documents, found, wrong])
