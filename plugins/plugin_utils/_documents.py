# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Validation of the collection's documents against their JSON Schemas, on the controller.

All errors are returned, each with its path. No error contains a value of the document. The texts of ``jsonschema``
contain the wrong value, which may be a passphrase, so they are not used. The texts here are made from the schema, the
path and names of keys. A name is used only if it looks like the name of an option.
"""

from __future__ import annotations

import datetime
import difflib
import functools
import json
import re
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple, Union

from ansible_collections.vpro.fleet.plugins.module_utils._network.parsing import duplicates, parse_profile

SCHEMAS = Path(__file__).resolve().parents[1] / "schemas"

#: A place in a document: the keys of mappings and the indices of lists that lead to it.
Location = Tuple[Union[str, int], ...]
#: An error: its place, and its text.
Fault = Tuple[Location, str]

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
#: A key of a document that a message may show: it looks like the name of an option.
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}\Z")
#: What YAML makes of text without quotes.
_UNQUOTED = (bool, int, float, datetime.date)
#: JSON's types in words.
_TYPES: Mapping[str, str] = {
    "array": "a list",
    "boolean": "a boolean (true or false)",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "a mapping",
    "string": "text",
}


class SchemaUnknown(Exception):
    """There is no schema of that name."""


class LibraryMissing(Exception):
    """``jsonschema`` is not installed on the controller."""


def schema_names() -> List[str]:
    """Return the names of the collection's schemas."""
    return sorted(path.name[: -len(".schema.json")] for path in SCHEMAS.glob("*.schema.json"))


@functools.cache
def load_schema(name: str) -> Dict[str, Any]:
    """Return a schema of the collection.

    Raises:
        SchemaUnknown: there is no schema of that name.
    """
    if _NAME.match(name) is None or name not in schema_names():
        raise SchemaUnknown(f"there is no schema {name!r}, the collection has {', '.join(schema_names())}")
    found: Dict[str, Any] = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    return found


def errors_of(document: Any, schema: str, root: str = "") -> List[str]:
    """Return all errors in a document, each with its path. No error repeats a value.

    Args:
        document: the document, in JSON types.
        schema: the schema's name, such as ``amt_wifi_profiles``.
        root: the beginning of each path. It is the name of the variable that has the document.

    Raises:
        SchemaUnknown: there is no schema of that name.
        LibraryMissing: ``jsonschema`` is not installed, or older than 4.0.
    """
    document = plain(document)
    faults = set(_against(document, load_schema(schema)))
    if schema in _BEYOND:
        faults |= set(_BEYOND[schema](document, {location for location, _message in faults}))
    ordered = sorted(faults, key=lambda fault: ([_sortable(part) for part in fault[0]], fault[1]))
    return [f"{_path(location, root)}: {message}".lstrip(": ") for location, message in ordered]


def plain(value: Any) -> Any:
    """Return a document in Python's own types. Ansible gives its plugins values of special types (lazy or tagged)."""
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    # YAML makes a date of text such as 2026-01-31. It stays one, so that it is not taken for the text that was written.
    if value is None or isinstance(value, (bool, int, float, datetime.date)):
        return value
    # An encrypted value becomes its text here.
    return str(value)


# --- the schema -----------------------------------------------------------------------------------------------------


def _against(document: Any, schema: Mapping[str, Any]) -> Iterator[Fault]:
    try:
        from jsonschema import Draft202012Validator
    except ImportError as missing:
        raise LibraryMissing("the controller needs the Python library jsonschema, 4.0 or newer") from missing
    for error in Draft202012Validator(schema).iter_errors(document):
        yield from _faults(error)


def _faults(error: Any) -> Iterator[Fault]:
    """Yield the errors that one error of jsonschema stands for, with texts that have no values in them."""
    here: Location = tuple(error.absolute_path)
    rule, wanted, schema = error.validator, error.validator_value, error.schema
    if rule == "required":
        for name in wanted:
            if name not in error.instance:
                yield (*here, name), "is missing"
    elif rule == "additionalProperties":
        for name in error.instance:
            if not _foreseen(name, schema):
                yield _unknown(here, name, schema)
    elif rule == "type":
        quote = "; quote it" if "string" in _listed(wanted) and isinstance(error.instance, _UNQUOTED) else ""
        yield here, f"is not {' or '.join(_TYPES[kind] for kind in _listed(wanted))}{quote}"
    elif isinstance(schema, Mapping) and "x-message" in schema:
        yield here, str(schema["x-message"])
    else:
        yield here, _WORDING.get(str(rule), lambda _wanted: "is not allowed here")(wanted)


def _enum(wanted: Any) -> str:
    return f"is not one of {', '.join(json.dumps(each).strip(chr(34)) for each in wanted)}"


#: The error text for each keyword of a schema. It contains what the keyword demands, and never the wrong value.
_WORDING: Mapping[str, Callable[[Any], str]] = {
    "const": lambda wanted: f"is not {json.dumps(wanted)}",
    "enum": _enum,
    "maxItems": lambda wanted: f"has more than {wanted} elements",
    "maxLength": lambda wanted: f"has more than {wanted} characters",
    "maxProperties": lambda wanted: f"has more than {wanted} keys",
    "maximum": lambda wanted: f"is more than {wanted}",
    "minItems": lambda wanted: "is empty" if wanted == 1 else f"has fewer than {wanted} elements",
    "minLength": lambda wanted: "is empty" if wanted == 1 else f"has fewer than {wanted} characters",
    "minProperties": lambda wanted: "is empty" if wanted == 1 else f"has fewer than {wanted} keys",
    "minimum": lambda wanted: f"is less than {wanted}",
    "pattern": lambda wanted: f"does not have the form {wanted}",
    "uniqueItems": lambda _wanted: "has an element twice",
}


def _listed(value: Any) -> Sequence[str]:
    return [value] if isinstance(value, str) else list(value)


def _foreseen(name: Any, schema: Mapping[str, Any]) -> bool:
    patterns = schema.get("patternProperties", {})
    return name in schema.get("properties", {}) or any(re.search(each, str(name)) for each in patterns)


def _unknown(here: Location, name: Any, schema: Mapping[str, Any]) -> Fault:
    """Return the error for an unknown key.

    A key that does not look like a name is not shown, because it may be a value in the wrong place.
    """
    if not isinstance(name, str) or _KEY.match(name) is None:
        return here, "has an unknown key that does not look like a name"
    known = list(schema.get("properties", {}))
    near = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"the known names are {', '.join(known)}"
    return (*here, name), f"is unknown; {hint}"


def _sortable(part: Union[str, int]) -> Tuple[int, int, str]:
    return (0, part, "") if isinstance(part, int) else (1, 0, part)


def _path(location: Location, root: str) -> str:
    text = root
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _KEY.match(str(part)):
            text += f".{part}" if text else str(part)
        else:
            text += "[...]"
    return text


# --- what a schema can't say ----------------------------------------------------------------------------------------


def _beyond_profiles(document: Any, known: Set[Location]) -> Iterator[Fault]:
    """Yield the errors in profiles that a schema can't find, such as sizes in bytes and an SSID that is declared twice.

    A profile in which the schema found errors is left out. Otherwise the same errors would appear again in other words.
    """
    if not isinstance(document, list):
        return
    for index, each in enumerate(document):
        if isinstance(each, dict) and not any(location[:1] == (index,) for location in known):
            _profile, problems = parse_profile(each, "", _anything)
            for problem in problems:
                yield (index, *problem.field.split(".")), problem.message
    for problem in duplicates([each if isinstance(each, dict) else {} for each in document]):
        label = re.match(r"profiles\[(\d+)\]", problem.profile)
        if label is not None:
            yield (int(label.group(1)), *problem.field.split(".")), problem.message


def _anything(_path: str) -> Optional[str]:
    """Accept any file. The files that profiles name are on the laptop, so the controller can't check them."""
    return None


_BEYOND: Mapping[str, Callable[[Any, Set[Location]], Iterator[Fault]]] = {"amt_wifi_profiles": _beyond_profiles}
