# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection's documents against their JSON Schemas, on the controller: every error, by its path, without a value.

``jsonschema`` words its errors with the value that is wrong, which may be a passphrase. So its texts are not used: what
is told here is made from the schema, the path, and names. Of names, only those that look like an option's are told.
"""

from __future__ import annotations

import difflib
import functools
import json
import re
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple, Union

from ansible_collections.vpro.fleet.plugins.module_utils._network.parsing import duplicates, parse_profile

SCHEMAS = Path(__file__).resolve().parents[1] / "schemas"

#: Where in a document: keys of mappings and indices of lists.
Location = Tuple[Union[str, int], ...]
#: Where, and what is wrong there.
Fault = Tuple[Location, str]

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
#: A key of a document that a message may show: it looks like the name of an option.
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}\Z")
#: What people call JSON's types.
_TYPES: Mapping[str, str] = {
    "array": "list",
    "boolean": "boolean (true or false)",
    "integer": "whole number",
    "null": "null",
    "number": "number",
    "object": "mapping",
    "string": "text",
}


class SchemaUnknown(Exception):
    """There is no schema of that name."""


class LibraryMissing(Exception):
    """The controller lacks ``jsonschema``."""


def schema_names() -> List[str]:
    """Return the names of the collection's schemas."""
    return sorted(path.name[: -len(".schema.json")] for path in SCHEMAS.glob("*.schema.json"))


@functools.cache
def load_schema(name: str) -> Dict[str, Any]:
    """Return a schema of the collection.

    Raises:
        SchemaUnknown: there is none of that name.
    """
    if _NAME.match(name) is None or name not in schema_names():
        raise SchemaUnknown(f"there is no schema {name!r}; the collection has {', '.join(schema_names())}")
    found: Dict[str, Any] = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    return found


def errors_of(document: Any, schema: str, root: str = "") -> List[str]:
    """Return everything that is wrong with a document, each with its path; nothing in it repeats a value.

    Args:
        document: the document, in JSON types.
        schema: the schema's name, ``amt_wifi_profiles``.
        root: what paths begin with: the name of the variable that has the document.

    Raises:
        SchemaUnknown: there is no schema of that name.
        LibraryMissing: there is no ``jsonschema`` here, or one before 4.0.
    """
    document = plain(document)
    faults = set(_against(document, load_schema(schema)))
    if schema in _BEYOND:
        faults |= set(_BEYOND[schema](document, {location for location, _message in faults}))
    ordered = sorted(faults, key=lambda fault: ([_sortable(part) for part in fault[0]], fault[1]))
    return [f"{_path(location, root)}: {message}".lstrip(": ") for location, message in ordered]


def plain(value: Any) -> Any:
    """Return a document in Python's own types: Ansible hands lazily templated and tagged ones to its plugins."""
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    # An encrypted value becomes its text here, and so does a date, which JSON has not.
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
    """Yield what one of jsonschema's errors says, in words that are ours."""
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
        yield here, f"is no {' or '.join(_TYPES[kind] for kind in _listed(wanted))}"
    elif isinstance(schema, Mapping) and "x-message" in schema:
        yield here, str(schema["x-message"])
    else:
        yield here, _WORDING.get(str(rule), lambda _wanted: "is not allowed here")(wanted)


def _enum(wanted: Any) -> str:
    return f"is none of {', '.join(json.dumps(each).strip(chr(34)) for each in wanted)}"


#: What each keyword of a schema demands; the value that fails is never part of it.
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
    """Say that a key is unknown. One that is no name at all may be a value in the wrong place."""
    if not isinstance(name, str) or _KEY.match(name) is None:
        return here, "has a key that is unknown, and no name"
    known = list(schema.get("properties", {}))
    near = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
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
    """Yield what is wrong with profiles beyond their schema: sizes in bytes, an SSID that is declared twice.

    A profile in which the schema found something is left out, since it would be told the same in other words.
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
    """Let any file be: those that profiles name are the laptop's."""
    return None


_BEYOND: Mapping[str, Callable[[Any, Set[Location]], Iterator[Fault]]] = {"amt_wifi_profiles": _beyond_profiles}
