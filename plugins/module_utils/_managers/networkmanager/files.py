# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkManager's configuration of an interface, and udev's: whether to leave it alone, whether to use iwd.

NetworkManager does not tell this on the bus. If its property ``Managed`` is set later, that overrules the ``[device]``
sections and udev, and NetworkManager does not evaluate them again (``nm_device_set_unmanaged_by_user_conf``). So this
has to be known before. Of the format for lists of devices (NetworkManager.conf(5), "Device List Format"), only names of
interfaces and kinds of devices are understood here. Any other entry counts as one that may mean the interface.
"""

from __future__ import annotations

import fnmatch
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Callable, Dict, FrozenSet, Iterable, Iterator, List, Optional

from ..._radio import sysfs
from ..._system.errors import FleetError
from ..._system.files import names_in, read_text
from ..._system.places import PLACES, Places
from ..._system.udev import properties
from . import records

#: The folders of NetworkManager's configuration, in the order in which they are read (``read_entire_config``). A file
#: hides files of the same name in earlier folders. ``_FILE`` is read between the second and the third folder.
_FOLDERS = ("usr/lib/NetworkManager/conf.d", "run/NetworkManager/conf.d", "etc/NetworkManager/conf.d")
_FILE = "etc/NetworkManager/NetworkManager.conf"
#: The words for no and yes in NetworkManager's configuration (``_nm_utils_ascii_str_to_bool``).
_NO, _YES = frozenset({"0", "no", "false", "off"}), frozenset({"1", "yes", "true", "on"})
#: The property in udev's record of an interface.
_UDEV_PROPERTY = "NM_UNMANAGED"

#: The remedy when ``is_over_iwd`` says yes.
IWD_REMEDY = "Remove 'wifi.backend=iwd' from NetworkManager's configuration, and restart NetworkManager"

Section = Dict[str, str]
Sections = Dict[str, Section]


def leaves_alone(interface: str, places: Places = PLACES) -> bool:
    """Say whether NetworkManager is told to leave an interface alone.

    In doubt the answer is yes: a ``[device]`` section that may mean the interface counts.

    Args:
        interface: the interface's name.
        places: where the files are.

    Raises:
        FleetError: there is no such interface, or a file can't be read.
    """
    index = sysfs.index_of(interface, places.root)
    if records.networkmanager_manages(index, places) is False or _udev_says_so(index, places):
        return True
    sections = _read(interface, places)
    left = sections.get("keyfile", {}).get("unmanaged-devices", "")
    if _means(left, interface) or _ifupdown_has(interface, sections, places):
        return True
    return any(
        name.startswith("device")
        and section.get("managed", "").lower() in _NO
        and _is_for(section, interface) is not False
        for name, section in sections.items()
    )


def is_over_iwd(interface: str, places: Places = PLACES) -> bool:
    """Say whether NetworkManager's configuration makes it run an interface through iwd, and not wpa_supplicant.

    Other signs do not help: iwd may run for another reason, and a blocked interface belongs to neither of them. In
    doubt the answer is yes: a section that says so and may mean the interface counts. A file that this user can't read
    counts as one that says nothing.

    Args:
        interface: the interface's name.
        places: where the files are.
    """
    return "iwd" in _candidates(_read(interface, places, skip=True), "device", interface, _backend)


@dataclass(frozen=True)
class Defaults:
    """What NetworkManager's configuration sets for the profiles of an interface that leave it open.

    Attributes:
        address: the MAC address, or the word for one (``wifi.cloned-mac-address``). None means that it sets none.
        client_id: the identifier of the DHCP client, or the word for one (``ipv4.dhcp-client-id``), likewise.
    """

    address: Optional[str] = None
    client_id: Optional[str] = None


def defaults(interface: str, places: Places = PLACES) -> Defaults:
    """Return what NetworkManager's configuration sets for profiles in its ``[connection]`` sections.

    If it is not certain which section counts, the value that could change the host's MAC address or DHCP identity is
    returned. A file that this user can't read counts as one that says nothing.

    Args:
        interface: the interface's name.
        places: where the files are.
    """
    sections = _read(interface, places, skip=True)
    return Defaults(
        address=_worst(_candidates(sections, "connection", interface, _address), _OWN_ADDRESS),
        client_id=_worst(_candidates(sections, "connection", interface, _client_id), _OWN_IDENTIFIER),
    )


def _candidates(sections: Sections, kind: str, interface: str, read: Callable[[Section], str]) -> List[str]:
    """Return the values that may count for an interface, in lower case.

    NetworkManager takes the first section that has the value and means the interface. Sections before that count, too,
    if it is not certain whether they mean the interface.

    Args:
        sections: NetworkManager's configuration.
        kind: how the names of the sections begin.
        interface: the interface's name.
        read: returns a section's value, or an empty text.
    """
    found: List[str] = []
    for name, section in sections.items():
        value = read(section) if name.startswith(kind) else ""
        means = _is_for(section, interface)
        if value and means is not False:
            found.append(value.lower())
            if means:
                break
    return found


def _worst(values: List[str], harmless: FrozenSet[str]) -> Optional[str]:
    """Return the first value that is not harmless, or else the first, or None without any."""
    return next((value for value in values if value not in harmless), values[0] if values else None)


def _backend(section: Section) -> str:
    return section.get("wifi.backend", "")


def _address(section: Section) -> str:
    return section.get(_CLONED) or ("random" if section.get(_RANDOMIZATION, "").lower() in _ALWAYS else "")


def _client_id(section: Section) -> str:
    return section.get(_CLIENT_ID, "")


#: The default of a profile's ``cloned-mac-address`` (NetworkManager.conf(5)), and the setting that was there before it
#: (NM_SETTING_MAC_RANDOMIZATION_ALWAYS is 2).
_CLONED = "wifi.cloned-mac-address"
_RANDOMIZATION = "wifi.mac-address-randomization"
_CLIENT_ID = "ipv4.dhcp-client-id"
_ALWAYS = frozenset({"2", "always"})
#: The values with which the host is the same for the network as CSME, as far as these settings go.
_OWN_ADDRESS, _OWN_IDENTIFIER = frozenset({"permanent", "preserve"}), frozenset({"mac", "perm-mac"})


def _is_for(section: Section, interface: str) -> Optional[bool]:
    """Say whether a section means an interface, or return None if it may. One without ``match-device`` means all."""
    return _means(section.get("match-device", "*"), interface)


def _udev_says_so(index: int, places: Places) -> bool:
    with suppress(FleetError):
        return properties(index, places.root).get(_UDEV_PROPERTY, "").lower() in _YES
    return False


def _ifupdown_has(interface: str, sections: Sections, places: Places) -> bool:
    """Say whether NetworkManager leaves an interface to ifupdown: its plugin is on, and ifupdown's files name it."""
    plugins = re.split(r"[,;\s]+", sections.get("main", {}).get("plugins", ""))
    if "ifupdown" not in plugins or sections.get("ifupdown", {}).get("managed", "").lower() in _YES:
        return False
    known = re.compile(rf"^\s*iface\s+{re.escape(interface)}\s", re.MULTILINE)
    folder = places.at("etc/network/interfaces.d")
    paths = [places.at("etc/network/interfaces"), *(os.path.join(folder, name) for name in names_in(folder))]
    for path in paths:
        with suppress(FleetError):
            if known.search(read_text(path)):
                return True
    return False


# -- its configuration ------------------------------------------------------------------------------------------------


def _read(interface: str, places: Places, *, skip: bool = False) -> Sections:
    """Return NetworkManager's configuration, without the file that the watcher adds for an interface.

    The section that counts first comes first: sections of later files, and within a file the upper ones.

    Args:
        interface: the interface's name.
        root: the directory that stands for ``/``.
        skip: leave out files that can't be read.

    Raises:
        AccessDenied, NotFound, TransportFailed: a file can't be read.
    """
    sections: Sections = {}
    order: List[str] = []
    own = os.path.basename(records.networkmanager_wait_file(interface, places))
    for path in _paths(places):
        if os.path.basename(path) == own:
            continue
        try:
            lines = read_text(path).splitlines()
        except FleetError:
            if not skip:
                raise
            continue
        section: Section = {}
        known = len(order)
        for line in lines:
            text = line.strip()
            if text.startswith("[") and text.endswith("]"):
                if text[1:-1] not in sections:
                    order.insert(known, text[1:-1])
                section = sections.setdefault(text[1:-1], {})
            elif "=" in text and not text.startswith("#"):
                key, _equals, value = (part.strip() for part in text.partition("="))
                _set(section, key, value)
    # A section without a name of its own comes last.
    order.reverse()
    return {name: sections[name] for name in sorted(order, key=lambda name: name in ("device", "connection"))}


def _paths(places: Places) -> Iterator[str]:
    """Yield the existing files, in the order in which NetworkManager reads them."""
    folders: List[List[str]] = []
    for folder in _FOLDERS:
        folders.append(sorted(name for name in names_in(places.at(folder)) if name.endswith(".conf")))
    for number, folder in enumerate(_FOLDERS):
        if number == len(_FOLDERS) - 1 and os.path.exists(places.at(_FILE)):
            yield places.at(_FILE)
        hidden = {name for later in folders[number + 1 :] for name in later}
        yield from (places.at(folder, name) for name in folders[number] if name not in hidden)


def _set(section: Dict[str, str], key: str, value: str) -> None:
    """Apply a line: ``key=`` sets a value, ``key+=`` adds to a list, and ``key-=`` removes from it."""
    name = key.rstrip("+-")
    old = section.get(name, "")
    if key.endswith("+"):
        value = f"{old};{value}"
    elif key.endswith("-"):
        gone = set(_specs(value))
        value = ";".join(each for each in _specs(old) if each not in gone)
    section[name] = value


# -- which interfaces a list means ------------------------------------------------------------------------------------


def _specs(text: str) -> List[str]:
    return [each.strip() for each in re.split("[,;]", text) if each.strip()]


def _means(text: str, interface: str) -> Optional[bool]:
    """Say whether a list of devices means a wireless interface, or return None if it may (``nm_match_spec_device``)."""
    wanted: List[str] = []
    excepted: List[str] = []
    for spec in _specs(text):
        negative = spec.startswith("except:")
        (excepted if negative else wanted).append(spec[len("except:") :] if negative else spec)
    meant = _any(_matches(spec, interface, bare=True) for spec in wanted) if wanted else bool(excepted)
    left_out = _any(_matches(spec, interface, bare=False) for spec in excepted)
    if left_out or meant is False:
        return False
    return None if left_out is None or meant is None else True


def _matches(spec: str, interface: str, *, bare: bool) -> Optional[bool]:
    kind, colon, value = spec.partition(":")
    if spec == "*":
        return True
    if kind == "interface-name":
        return interface == value[1:] if value.startswith("=") else fnmatch.fnmatchcase(interface, value.lstrip("~"))
    if kind == "type":
        return value == "wifi"
    if not colon:  # a name without a kind, which counts in the list, but not after "except:"
        return bare and spec == interface
    return None


def _any(answers: Iterable[Optional[bool]]) -> Optional[bool]:
    """Return whether one of the answers is yes, or None if one may be."""
    found = list(answers)
    return True if True in found else None if None in found else False


__all__ = ["IWD_REMEDY", "Defaults", "defaults", "is_over_iwd", "leaves_alone"]
