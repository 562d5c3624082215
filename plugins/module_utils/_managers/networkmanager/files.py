# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What NetworkManager is told of an interface by its configuration, and by udev: to leave it alone, to go through iwd.

NetworkManager tells neither on its bus. Who tells it later to take an interface (its property ``Managed``) overrules
its ``[device]`` sections and udev, and it does not look at them again (``nm_device_set_unmanaged_by_user_conf``). So
that has to be known before. Of its language for devices (NetworkManager.conf(5), "Device List Format") only what names
interfaces and kinds of devices is understood here; the rest may be meant for any interface.
"""

from __future__ import annotations

import fnmatch
import os
import re
from contextlib import suppress
from typing import Dict, Iterable, Iterator, List, Optional

from ..._radio import sysfs
from ..._system.errors import FleetError
from ..._system.files import names_in, read_text
from . import records

#: Where NetworkManager's configuration is, in the order in which it is read (``read_entire_config``). A file hides one
#: of its name in a folder before it; between the second and the third comes the file itself.
_FOLDERS = ("usr/lib/NetworkManager/conf.d", "run/NetworkManager/conf.d", "etc/NetworkManager/conf.d")
_FILE = "etc/NetworkManager/NetworkManager.conf"
#: What means no, and yes, to NetworkManager (``_nm_utils_ascii_str_to_bool``).
_NO, _YES = frozenset({"0", "no", "false", "off"}), frozenset({"1", "yes", "true", "on"})
#: Where udev keeps what it knows of an interface, by ifindex, and how it writes a property.
_UDEV = "run/udev/data/n{index}"
_UDEV_PROPERTY = re.compile(r"^E:NM_UNMANAGED=(\S+)$", re.MULTILINE)

#: What to do where ``is_over_iwd`` says yes.
IWD_REMEDY = "Take 'wifi.backend=iwd' out of NetworkManager's configuration, and restart it"

Sections = Dict[str, Dict[str, str]]


def leaves_alone(interface: str, root: str = "/") -> bool:
    """Say whether NetworkManager is told to leave an interface alone.

    At a doubt it is: a ``[device]`` section that may be meant for the interface counts.

    Args:
        interface: the interface's name.
        root: the directory that stands for ``/``.

    Raises:
        FleetError: there is no such interface, or something of this can't be read.
    """
    index = sysfs.index_of(interface, root)
    if records.networkmanager_manages(index, root) is False or _udev_says_so(index, root):
        return True
    sections = _read(interface, root)
    left = sections.get("keyfile", {}).get("unmanaged-devices", "")
    if _means(left, interface) or _ifupdown_has(interface, sections, root):
        return True
    return any(
        name.startswith("device") and section.get("managed", "").lower() in _NO and _may_mean(section, interface)
        for name, section in sections.items()
    )


def is_over_iwd(interface: str, root: str = "/") -> bool:
    """Say whether NetworkManager, where it runs an interface, does so through iwd rather than wpa_supplicant.

    By its configuration: that iwd runs says nothing, and an interface that is blocked is with neither of them. At a
    doubt it does: a section that says so and may be meant for the interface counts.

    Args:
        interface: the interface's name.
        root: the directory that stands for ``/``.
    """
    try:
        sections = _read(interface, root)
    except FleetError:  # this user may not read it
        return False
    for name, section in sections.items():
        backend = section.get("wifi.backend")
        if backend is not None and name.startswith("device") and _may_mean(section, interface):
            return backend.lower() == "iwd"
    return False


def default_address(interface: str, root: str = "/") -> Optional[str]:
    """Return the MAC address, or the word for one, that NetworkManager gives an interface by default.

    It is that for profiles that say nothing of it: ``wifi.cloned-mac-address`` of a ``[connection]`` section. Where a
    section may be meant for the interface, it counts. None: the configuration says nothing, or this user can't read it.

    Args:
        interface: the interface's name.
        root: the directory that stands for ``/``.
    """
    try:
        sections = _read(interface, root)
    except FleetError:
        return None
    for name, section in sections.items():
        if name.startswith("connection") and _may_mean(section, interface):
            if section.get(_CLONED):
                return section[_CLONED].lower()
            if section.get(_RANDOMIZATION, "").lower() in _ALWAYS:
                return "random"
    return None


#: The default of a profile's ``cloned-mac-address`` (NetworkManager.conf(5)), and the setting that was there before it
#: (NM_SETTING_MAC_RANDOMIZATION_ALWAYS is 2).
_CLONED = "wifi.cloned-mac-address"
_RANDOMIZATION = "wifi.mac-address-randomization"
_ALWAYS = frozenset({"2", "always"})


def _may_mean(section: Dict[str, str], interface: str) -> bool:
    return "match-device" not in section or _means(section["match-device"], interface) is not False


def _udev_says_so(index: int, root: str) -> bool:
    try:
        found = _UDEV_PROPERTY.search(read_text(os.path.join(root, _UDEV.format(index=index))))
    except FleetError:
        return False
    return found is not None and found.group(1).lower() in _YES


def _ifupdown_has(interface: str, sections: Sections, root: str) -> bool:
    """Say whether NetworkManager leaves an interface to ifupdown: what that knows, unless it is told otherwise."""
    plugins = re.split(r"[,;\s]+", sections.get("main", {}).get("plugins", ""))
    if "ifupdown" not in plugins or sections.get("ifupdown", {}).get("managed", "").lower() in _YES:
        return False
    known = re.compile(rf"^\s*iface\s+{re.escape(interface)}\s", re.MULTILINE)
    folder = os.path.join(root, "etc/network/interfaces.d")
    paths = [os.path.join(root, "etc/network/interfaces"), *(os.path.join(folder, name) for name in names_in(folder))]
    for path in paths:
        with suppress(FleetError):
            if known.search(read_text(path)):
                return True
    return False


# -- its configuration ------------------------------------------------------------------------------------------------


def _read(interface: str, root: str) -> Sections:
    """Return NetworkManager's configuration, without what the watcher adds to it for an interface.

    What counts first of ``[device]`` sections comes first: that of later files, and within a file what is above.

    Raises:
        AccessDenied, NotFound, TransportFailed: a file can't be read.
    """
    sections: Sections = {}
    order: List[str] = []
    own = os.path.basename(records.networkmanager_wait_file(interface, root))
    for path in _paths(root):
        if os.path.basename(path) == own:
            continue
        section: Dict[str, str] = {}
        known = len(order)
        for line in read_text(path).splitlines():
            text = line.strip()
            if text.startswith("[") and text.endswith("]"):
                if text[1:-1] not in sections:
                    order.insert(known, text[1:-1])
                section = sections.setdefault(text[1:-1], {})
            elif "=" in text and not text.startswith("#"):
                key, _equals, value = (part.strip() for part in text.partition("="))
                _set(section, key, value)
    # One without a name of its own comes last.
    order.reverse()
    return {name: sections[name] for name in sorted(order, key=lambda name: name in ("device", "connection"))}


def _paths(root: str) -> Iterator[str]:
    """Yield the files that there are, in the order in which they count."""
    folders: List[List[str]] = []
    for folder in _FOLDERS:
        folders.append(sorted(name for name in names_in(os.path.join(root, folder)) if name.endswith(".conf")))
    for number, folder in enumerate(_FOLDERS):
        if number == len(_FOLDERS) - 1 and os.path.exists(os.path.join(root, _FILE)):
            yield os.path.join(root, _FILE)
        hidden = {name for later in folders[number + 1 :] for name in later}
        yield from (os.path.join(root, folder, name) for name in folders[number] if name not in hidden)


def _set(section: Dict[str, str], key: str, value: str) -> None:
    """Take a line in: ``key=`` sets, ``key+=`` adds to a list, ``key-=`` takes out of it."""
    name = key.rstrip("+-")
    old = section.get(name, "")
    if key.endswith("+"):
        value = f"{old};{value}"
    elif key.endswith("-"):
        gone = set(_specs(value))
        value = ";".join(each for each in _specs(old) if each not in gone)
    section[name] = value


# -- whom it means ----------------------------------------------------------------------------------------------------


def _specs(text: str) -> List[str]:
    return [each.strip() for each in re.split("[,;]", text) if each.strip()]


def _means(text: str, interface: str) -> Optional[bool]:
    """Say whether a list of devices means a wireless interface; None: it may (``nm_match_spec_device``)."""
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
    if not colon:  # a name alone, which counts in what is meant and not in what is left out
        return bare and spec == interface
    return None


def _any(answers: Iterable[Optional[bool]]) -> Optional[bool]:
    """Return whether one of the answers is yes; None: one may be."""
    found = list(answers)
    return True if True in found else None if None in found else False


__all__ = ["IWD_REMEDY", "default_address", "is_over_iwd", "leaves_alone"]
