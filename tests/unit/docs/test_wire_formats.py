# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of docs/wire-formats.md are those of the code, both ways."""

from __future__ import annotations

import ast
import json
import re
import struct
from dataclasses import fields
from enum import IntEnum
from types import ModuleType
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Set, Tuple, Type

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._handover import policy
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager import names as names_
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import codec, control
from ansible_collections.vpro.fleet.plugins.module_utils._network import values
from ansible_collections.vpro.fleet.plugins.module_utils._network.pin import Pin
from ansible_collections.vpro.fleet.plugins.module_utils._radio import (
    csme,
    netlink,
    netlink_codec,
    nl80211,
    nl80211_messages,
    rfkill,
    rtnetlink,
)
from ansible_collections.vpro.fleet.plugins.module_utils._watcher import config, state_file
from ansible_collections.vpro.fleet.plugins.module_utils._watcher.config import Config
from ansible_collections.vpro.fleet.tests.schema import TREE, schema

PAGE = (TREE / "docs" / "wire-formats.md").read_text(encoding="utf-8")
HOUSE = TREE / "plugins" / "module_utils"
WING = HOUSE / "_managers" / "networkmanager"
#: What speaks on the bus: the bus itself, then what speaks to NetworkManager.
BUS = ("_system/dbus.py", *(path.relative_to(HOUSE).as_posix() for path in sorted(WING.glob("*.py"))))
#: What the page calls pyroute2's types of attributes.
TYPES = {
    "uint8": "u8",
    "uint16": "u16",
    "uint32": "u32",
    "uint64": "u64",
    "cdata": "bytes",
    "l2addr": "MAC address",
    "flag": "flag",
}
#: What the page calls the formats of ``struct``, and how many bytes they have.
FORMATS = {"B": ("u8", 1), "H": ("u16", 2), "I": ("u32", 4)}


def table(heading: str) -> List[Dict[str, str]]:
    """Return the first table below a heading, a mapping a row, without the marks of code."""
    section = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert section is not None, f"there is no heading {heading!r}"
    lines = re.findall(r"^\|(.*)\|$", section.group(1), re.MULTILINE)
    names, _rule, *rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    assert all(len(row) == len(names) for row in rows), f"a row below {heading!r} has another number of cells"
    return [dict(zip(names, (cell.replace("`", "") for cell in row))) for row in rows]


def numbers(heading: str, value: str = "Number", name: str = "Name") -> Dict[str, int]:
    rows = table(heading)
    found = {row[name]: int(row[value], 0) for row in rows}
    assert len(found) == len(rows), f"a name comes twice below {heading!r}"
    return found


def listed(text: str) -> Dict[str, int]:
    """Return what a cell lists: names, each with its number."""
    return {name: int(number) for name, number in re.findall(r"(\w+) (\d+)", text)}


def constants(module: ModuleType, pattern: str) -> Dict[str, int]:
    return {name: value for name, value in vars(module).items() if re.match(pattern, name) and isinstance(value, int)}


def attributes(heading: str) -> Set[Tuple[int, str, str]]:
    return {(int(row["Number"], 0), row["Name"], row["Type"]) for row in table(heading)}


def decoded(*layouts: netlink_codec.Attributes) -> Set[Tuple[int, str, str]]:
    return {(number, name, TYPES[kind]) for layout in layouts for number, name, kind in layout}


def layout(heading: str) -> List[Tuple[str, int, str]]:
    return [(row["Field"], int(row["Offset"]), row["Type"]) for row in table(heading)]


def packed(names: Iterable[str], formats: str) -> List[Tuple[str, int, str]]:
    """Return name, offset and type of the fields of an unpadded structure."""
    offset, found = 0, []
    for name, format_ in zip(names, formats):
        kind, size = FORMATS[format_]
        found.append((name, offset, kind))
        offset += size
    return found


# --- the kernel -----------------------------------------------------------------------------------------------------


def test_netlink() -> None:
    names = ("length", "type", "flags", "sequence", "port")
    assert layout("Message header") == packed(names, netlink_codec.HEADER.format.lstrip("="))
    assert numbers("Numbers of netlink") == constants(netlink, r"(NETLINK|NLM|SOL|GENL|CTRL)_|NLMSG_")


def test_nl80211() -> None:
    assert numbers("Commands of nl80211") == constants(nl80211, r"CMD_")
    messages = (nl80211_messages.WIPHY, nl80211_messages.INTERFACE, nl80211_messages.STATION, nl80211_messages.SCAN)
    assert attributes("Attributes of nl80211") == decoded(*messages, nl80211_messages.VENDOR, nl80211_messages._EVENT)
    assert attributes("Attributes within STA_INFO and BSS") == decoded(
        nl80211_messages._STA_INFO, nl80211_messages._BSS
    )
    assert nl80211_messages._TDLS_PEER == 1 << 6
    assert (nl80211_messages._ASSOCIATED, nl80211_messages._ELEMENT_SSID, nl80211_messages._PAIR.size) == (1, 0, 8)


def test_events_of_nl80211() -> None:
    groups = {row["Group"]: listed(row["Commands"]) for row in table("Events of nl80211")}
    known = {
        "config": nl80211_messages.CONFIG_COMMANDS,
        "scan": nl80211_messages.SCAN_COMMANDS,
        "mlme": nl80211_messages.MLME_COMMANDS,
    }
    assert groups == {
        "vendor": {},
        **{group: {name: number for number, name in commands.items()} for group, commands in known.items()},
    }


def test_intels_vendor_messages() -> None:
    assert f"OUI `{csme.INTEL_OUI:#08x}`" in PAGE
    commands = numbers("Commands and events of Intel", "Subcommand")
    assert commands == constants(csme, r"(GET_CSME|HOST_GET|ROAMING_FORBIDDEN)_")
    assert attributes("Attributes of Intel") == decoded(csme._CONNECTION, csme._ROAMING)
    assert {f"ATTR_{name}": number for name, number in numbers("Attributes of Intel").items()} == constants(
        csme, r"ATTR_"
    )


@pytest.mark.parametrize(
    ("heading", "kind"),
    [("Authentication modes of CSME", csme.AuthMode), ("Ciphers of CSME", csme.Cipher)],
)
def test_csmes_own_numbers(heading: str, kind: Type[IntEnum]) -> None:
    assert numbers(heading) == {each.name: each.value for each in kind}
    labels = {row["Name"]: row["In the facts"] for row in table(heading)}
    assert labels == {each.name: getattr(each, "label") for each in kind}  # noqa: B009 - an enumeration has none


def test_what_is_required_of_csmes_connection() -> None:
    required = {row["Name"] for row in table("Attributes of Intel") if "Required." in f"{row['What it is']}."}
    assert required == {"ADDR", "SSID", "AUTH_MODE", "CHANNEL_NUM"}
    assert required == set(csme._NEEDED)


def test_rfkill() -> None:
    rows = layout("Record of rfkill")
    names = [name for name, _offset, _kind in rows]
    assert rows == packed(names, rfkill._EVENT.format.lstrip("=") + "B")
    assert (rfkill._EVENT.size, rfkill._EXTENDED_SIZE) == (8, rows[-1][1] + 1)
    assert f"ioctl(fd, {rfkill._IOCTL_MAX_SIZE:#x}, &{rfkill._EXTENDED_SIZE})" in PAGE
    values = {row["Field"]: listed(row["Values"]) for row in table("Values of rfkill")}
    assert values == {"type": numbered(rfkill._TYPES), "op": numbered(rfkill._OPERATIONS)}
    assert numbers("Reasons of a hard block", "Bit") == numbered(rfkill._REASONS)


def numbered(names: Iterable[str]) -> Dict[str, int]:
    return {name: number for number, name in enumerate(names)}


def test_rtnetlink() -> None:
    assert numbers("Numbers of rtnetlink") == constants(rtnetlink, r"RTM_|RTNLGRP_|IFA_")
    names = [name for name, _format in rtnetlink._FIELDS]
    formats = "".join(format_ for _name, format_ in rtnetlink._FIELDS)
    assert layout("Address message") == packed(names, formats)
    assert struct.calcsize(f"={formats}") == struct.calcsize(formats), "the kernel would have padded it"
    assert attributes("Attributes of an address") == decoded(rtnetlink._ADDRESS)


# --- the supplicants ------------------------------------------------------------------------------------------------


def test_limits_of_the_control_interface() -> None:
    limits = numbers("Limits of the control interface", "Bytes", "Where")
    known: Dict[str, int] = {}
    for module in (control, codec, values):
        known.update(constants(module, r"_?[A-Z_]+_MAX$"))
    assert limits == known


def calls(tree: ast.AST, *names: str) -> Iterator[List[str]]:
    """Yield the texts among the arguments of each call of a method; an f-string counts up to its first value."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names:
            yield [text for text in map(text_of, [*node.args, *(each.value for each in node.keywords)]) if text]


def text_of(node: Optional[ast.AST]) -> str:
    if isinstance(node, ast.JoinedStr) and node.values:
        return text_of(node.values[0])
    if isinstance(node, ast.Constant):
        return (
            node.value.decode() if isinstance(node.value, bytes) else node.value if isinstance(node.value, str) else ""
        )
    return ""


def trees() -> Iterator[Tuple[str, ast.AST]]:
    for path in sorted(HOUSE.rglob("*.py")):
        yield path.relative_to(HOUSE).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def test_commands_of_the_control_interface() -> None:
    sent: Set[str] = set()
    for _name, tree in trees():
        texts = [text for texts in calls(tree, "request", "command", "_exchange", "send") for text in texts]
        # Some are put into a variable or a list first.
        texts += [
            text for node in ast.walk(tree) for text in [text_of(node)] if re.match(r"[A-Z]+_NETWORKS?( |$)", text)
        ]
        sent.update(match.group(1) for text in texts for match in [re.match(r"([A-Z][A-Z_]+)( |$)", text)] if match)
    assert {row["Command"] for row in table("Commands of the control interface")} == sent


def test_escapes_of_the_control_interface() -> None:
    row = next(row for row in table("Text in and out") if "printf" in row["Form"])
    assert set(re.findall(r"\\(.)", row["Form"])) == {*(letter.decode() for letter in values._ESCAPES), "x"}


def names(heading: str, column: str) -> Set[str]:
    return {name for row in table(heading) for name in row[column].split(", ")}


def test_methods_on_d_bus() -> None:
    asked: Set[str] = set()
    for name, tree in trees():
        if name in BUS:
            for texts in calls(tree, "call", "call_each", "begin"):
                asked.update(text for text in texts[:2] if re.fullmatch(r"[A-Z][A-Za-z]+2?", text))
    # It is put together apart from its call.
    assert 'PROPERTIES, "Set", "ssv"' in (WING / "client.py").read_text(encoding="utf-8")
    assert names("Methods on D-Bus", "Method") == asked | {"Set"}


def test_properties_on_d_bus() -> None:
    listed_ = names("Properties on D-Bus", "Property")
    sources = "".join((HOUSE / path).read_text(encoding="utf-8") for path in BUS[1:])
    for name in listed_:
        assert f'"{name}"' in sources, name
    read = {texts[-1] for _name, tree in trees() for texts in bus_reads(tree)}
    assert read <= listed_


def bus_reads(tree: ast.AST) -> Iterator[List[str]]:
    """Yield the texts of calls that read one property from the bus."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "self._bus.get":
            yield [text for text in map(text_of, node.args) if text]


def test_settings_of_a_profile() -> None:
    source = (WING / "connection.py").read_text(encoding="utf-8")
    listed_ = names("Settings of a profile", "Setting") | names("Settings of a profile", "Keys")
    for name in listed_:
        assert f'"{name}"' in source, name
    settings = r"(?:general|wireless|security|match|eap)"
    read = set(re.findall(rf'\b{settings}(?:\.get\(|\[)"([a-z-]+)"', source))
    assert len(read) > 10
    assert read <= listed_


def test_signals_on_d_bus() -> None:
    known = names("Signals on D-Bus", "Signal")
    sources = "".join(path.read_text(encoding="utf-8") for path in (HOUSE / BUS[0], WING / "listener.py"))
    for name in known:
        assert f'"{name}"' in sources, name
    heard = set(re.findall(r'(?:signal\.member == |member=|"member": )"([A-Z]\w+)"', sources))
    assert len(heard) > 5
    assert heard <= known


def test_device_states_of_networkmanager() -> None:
    states = numbers("Device states of NetworkManager")
    assert states == {name: getattr(names_, name) for name in states}
    assert states == constants(names_, r"[A-Z]+$")


# --- our own --------------------------------------------------------------------------------------------------------


def documented(heading: str) -> Dict[str, str]:
    return {row["Field"]: row["JSON type"] for row in table(heading)}


def test_the_journal() -> None:
    pin = Pin("wlan0", 1, "", "02:00:00:00:00:01", (2412,), None, (), ((2, "00"),))
    document = json.loads(json.dumps(pin.as_dict()))
    kinds = {str: "string", int: "number", list: "array", bool: "boolean"}
    nullable = {"previous_bssid": "string or null", "socket": "number or null"}
    assert list(document) == [each.name for each in fields(Pin)] == list(documented("The journal"))
    for name, kind in documented("The journal").items():
        value = document[name]
        assert kind == (nullable[name] if value is None else kinds[type(value)]), name


def schema_kinds(properties: Mapping[str, Any]) -> Dict[str, str]:
    """Return the JSON types that a schema's properties may have, in the page's words."""
    return {name: " or ".join(sorted(kinds(each), key="null".__eq__)) for name, each in properties.items()}


def kinds(part: Mapping[str, Any]) -> Set[str]:
    if "$ref" in part:
        return {"object"}
    if "oneOf" in part:
        return {kind for each in part["oneOf"] for kind in kinds(each)}
    if "enum" in part or "const" in part:
        values = part.get("enum", [part.get("const")])
        return {"null" if each is None else "number" if isinstance(each, int) else "string" for each in values}
    found = part["type"] if isinstance(part["type"], list) else [part["type"]]
    return {"number" if each == "integer" else each for each in found}


def test_the_watchers_state() -> None:
    state = schema("amt_wifi_watcher_state")
    assert documented("Fields of the state") == schema_kinds(state["properties"])
    assert documented("Fields of a radio") == schema_kinds(state["$defs"]["radio"]["properties"])
    assert {row["Reason"] for row in table("Reasons of the state")} == set(policy.REASONS)
    assert documented("Fields of a handover") == schema_kinds(state["$defs"]["handover"]["properties"])
    assert f"Schema version {state_file.STATE_SCHEMA_VERSION}." in PAGE
    told = re.search(r"^\| `state` \| string \| (Of .*) \|$", PAGE, re.MULTILINE)
    assert told is not None
    order = re.findall(r"`(\w+)`", told.group(1))
    assert order == [*state_file._ORDER, "no_radio", "lacking"]
    assert set(order) == set(state["properties"]["state"]["enum"])


def test_the_watchers_configuration() -> None:
    rows = {row["Field"]: row for row in table("Fields of the configuration")}
    defaults = json.loads(json.dumps({each.name: getattr(Config(), each.name) for each in fields(Config)}))
    assert {name: json.loads(row["Default"]) for name, row in rows.items()} == defaults
    for name, choices in config._CHOICES.items():
        assert set(rows[name]["Values"].split(", ")) == set(choices)
    assert rows["hold_bring_up_seconds"]["Values"] == f"0 to {config.HOLD_BRING_UP_MAX}"
    assert f"at most {config._SIZE_MAX} bytes" in PAGE
