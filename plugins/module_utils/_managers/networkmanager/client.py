# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkManager and the wpa_supplicant below it, over D-Bus: typed values out, a few calls in.

Names and numbers: NetworkManager's ``nm-dbus-interface.h`` and ``org.freedesktop.NetworkManager*.xml`` (1.42, 1.52);
hostap's ``doc/dbus.doxygen``.

``GetSettings`` leaves secrets out: whether the system may have one is told by its flags. Root can know whether it does
(``lacks_a_secret``); no secret outlives that question.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Dict, FrozenSet, Iterator, List, Mapping, Optional, Sequence, Tuple

from ..._system.dbus import PROPERTIES, SystemBus
from ..._system.errors import AccessDenied, DecodeFailed, NotFound, SupplicantRefused, TimedOut
from ..wpa_supplicant.control import decode_value

NM = "org.freedesktop.NetworkManager"
NM_PATH = "/org/freedesktop/NetworkManager"
NM_DEVICE = f"{NM}.Device"
NM_SETTINGS = f"{NM}.Settings"

#: NM_DEVICE_STATE_*.
UNMANAGED = 10
UNAVAILABLE = 20
DISCONNECTED = 30
PREPARE = 40

_NM_WIRELESS = f"{NM_DEVICE}.Wireless"
#: NM_WIFI_DEVICE_CAP_FREQ_6GHZ, which NetworkManager knows from 1.46 on, and where 6 GHz begins, in MHz.
_CAN_6_GHZ = 0x800
_6_GHZ = 5925

WPA = "fi.w1.wpa_supplicant1"
WPA_PATH = "/fi/w1/wpa_supplicant1"
WPA_INTERFACE = f"{WPA}.Interface"
WPA_NETWORK = f"{WPA}.Network"

#: NM_SETTING_SECRET_FLAG_NONE: the system stores the secret. _AGENT_OWNED: a user's agent has it. With any other nobody
#: stores it.
_SYSTEM, AGENT_OWNED = 0x0, 0x1
#: NM_SETTING_SECRET_FLAG_NOT_REQUIRED: of a file or token, that it opens without a password. Only then is nobody asked
#: for one that is not stored; for other secrets the flag changes nothing (need_secrets_tls, need_secrets_password).
NOT_REQUIRED = 0x4
_MAY_BE_NONE = ("private-key-password", "cert-password")
#: What the values of ``key-mgmt`` become in wpa_supplicant (nm_supplicant_config_add_setting_wireless_security):
#: ``wpa-psk`` brings SAE along where the supplicant has it.
_KEY_MGMT: Mapping[str, FrozenSet[str]] = {
    "none": frozenset({"NONE"}),
    "ieee8021x": frozenset({"IEEE8021X"}),
    "owe": frozenset({"OWE"}),
    "wpa-psk": frozenset({"WPA-PSK", "SAE"}),
    "sae": frozenset({"SAE"}),
    "wpa-eap": frozenset({"WPA-EAP"}),
    "wpa-eap-suite-b-192": frozenset({"WPA-EAP-SUITE-B-192"}),
}
#: Where ``pmf`` matters (same place): without it (1) there is no SAE, which needs it; with it required (3) only what
#: was made for it is left. With the other values of ``key-mgmt`` it is as they need it.
_BY_PMF: Mapping[Tuple[str, int], FrozenSet[str]] = {
    ("wpa-psk", 1): frozenset({"WPA-PSK"}),
    ("wpa-psk", 3): frozenset({"WPA-PSK-SHA256", "SAE"}),
    ("wpa-eap", 3): frozenset({"WPA-EAP-SHA256"}),
}
#: Devices that a profile is not for: the second name is that of NetworkManager 1.48 and later.
_DENIED = ("mac-address-blacklist", "mac-address-denylist")
#: What a profile may set about machines and devices beside names of interfaces, none of which is looked at here.
_CONDITIONS = ("driver", "path", "kernel-command-line")
#: A pattern's signs, and the rest of it, which a backslash keeps from being taken for one.
_PATTERN = re.compile(r"([&|]?)(!?)\\?(.*)", re.DOTALL)
#: The values of ``key-mgmt`` whose secret is ``psk``.
_BY_PSK = ("wpa-psk", "sae")
#: The secrets of 802.1X, in NetworkManager's setting of that name.
_EAP_SECRETS = ("password", "password-raw", "private-key-password", "phase2-private-key-password", "pin")
#: The certificates that may be on a token (PKCS#11), which has a password then; a file's has none, whatever its flags.
_CERTIFICATES = ("ca-cert", "client-cert", "phase2-ca-cert", "phase2-client-cert")
_SECURED = "802-11-wireless-security"
_WIRELESS = "802-11-wireless"


@dataclass(frozen=True)
class Connection:
    """A Wi-Fi profile of NetworkManager's.

    Attributes:
        number: the last part of its D-Bus path: it stays for as long as NetworkManager runs.
        path: its D-Bus path.
        name: as people see it.
        ssid: its bytes.
        key_mgmt: in wpa_supplicant's words.
        bssid: the one access point that it is for; None: any.
        mac: the one device that it is for, by its permanent address; None: any.
        band: ``bg`` or ``a``, the one band that it is for; None: any.
        channel: the one channel that it is for; 0: any.
        autoconnect: NetworkManager may use it by itself.
        priority: of autoconnect; the higher is taken first.
        interface: the one interface that it is for; None: any.
        owned: it is some user's alone, and of no use before that user has logged in.
        credentials: which of psk, identity, eap, wep_key the system holds; never what they are.
        denied: the devices that it is not for, by their permanent addresses.
        address: the MAC address that it gives the device, or a word for where that comes from (``random``, ``stable``,
            ...); None: NetworkManager's default.
        names: patterns of interfaces that it is for, see ``matches``; none: any.
        conditions: what else it sets about the machines and devices that it is for, by the settings' names.
        elsewhere: the flags that say of secrets which it needs that the system does not hold them, with their values.
    """

    number: int
    path: str
    name: str
    ssid: bytes
    key_mgmt: FrozenSet[str]
    bssid: Optional[str]
    mac: Optional[str]
    band: Optional[str]
    channel: int
    autoconnect: bool
    priority: int
    interface: Optional[str]
    owned: bool
    credentials: FrozenSet[str]
    denied: FrozenSet[str] = frozenset()
    address: Optional[str] = None
    names: Tuple[str, ...] = ()
    conditions: Tuple[str, ...] = ()
    elsewhere: Tuple[Tuple[str, int], ...] = ()


def connection_of(path: str, settings: Mapping[str, Mapping[str, Any]]) -> Optional[Connection]:
    """Return the Wi-Fi profile that settings describe; None when they are of another kind.

    Args:
        path: its D-Bus path.
        settings: as ``GetSettings`` gives them, plain.

    Raises:
        DecodeFailed: they are malformed.
    """
    wireless = settings.get(_WIRELESS)
    if wireless is None or wireless.get("mode", "infrastructure") != "infrastructure":
        return None
    try:
        general, security = settings["connection"], settings.get(_SECURED)
        ssid = wireless["ssid"]
        if not isinstance(ssid, bytes):
            raise TypeError("an SSID is bytes")
        match = settings.get("match", {})
        elsewhere = _elsewhere(security, settings.get("802-1x", {}))
        return Connection(
            number=number_of(path),
            path=path,
            name=str(general["id"]),
            ssid=ssid,
            key_mgmt=_key_mgmt(security),
            bssid=_mac(wireless.get("bssid", b"")),
            mac=_mac(wireless.get("mac-address", b"")),
            band=wireless.get("band") or None,
            channel=int(wireless.get("channel", 0)),
            autoconnect=bool(general.get("autoconnect", True)),
            priority=int(general.get("autoconnect-priority", 0)),
            interface=general.get("interface-name") or None,
            owned=bool(general.get("permissions")),
            credentials=_credentials(security, settings.get("802-1x", {}), elsewhere),
            denied=frozenset(str(mac).lower() for each in _DENIED for mac in wireless.get(each, ())),
            address=_assigned(wireless),
            names=tuple(map(str, match.get("interface-name", ()))),
            conditions=tuple(f"match.{each}" for each in _CONDITIONS if match.get(each)),
            elsewhere=elsewhere,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DecodeFailed(f"this is no Wi-Fi profile of NetworkManager's: {error!r:.80}", where=path) from error


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Say whether an interface is one of those that patterns name (nm-settings(5), "match").

    Each is a shell's, and one of several suffices; ``!`` inverts one, and ``&`` makes it one that all have to be.
    """
    one_of: List[bool] = []
    for pattern in patterns:
        found = _PATTERN.match(pattern)
        sign, inverted, glob = found.groups() if found else ("", "", pattern)
        fits = fnmatchcase(name, glob) != bool(inverted)
        if sign == "&" or (inverted and not sign):
            if not fits:
                return False
        else:
            one_of.append(fits)
    return any(one_of) or not one_of


def number_of(path: str) -> int:
    """Return the number of a profile of which the D-Bus path is known.

    Raises:
        ValueError: the path has none.
    """
    return int(path.rpartition("/")[2])


def path_of(number: int) -> str:
    """Return the D-Bus path of a profile of which the number is known."""
    return f"{NM_PATH}/Settings/{number}"


def _mac(octets: bytes) -> Optional[str]:
    """Return an address as text; None when there is none."""
    return ":".join(f"{octet:02x}" for octet in octets) or None


def _assigned(wireless: Mapping[str, Any]) -> Optional[str]:
    """Return the address that a profile gives the device, or a word. The bytes of old are there for addresses alone."""
    return str(wireless.get("assigned-mac-address", "")).lower() or _mac(wireless.get("cloned-mac-address", b""))


def _key_mgmt(security: Optional[Mapping[str, Any]]) -> FrozenSet[str]:
    if security is None:
        return _KEY_MGMT["none"]
    name = security["key-mgmt"]
    return _BY_PMF.get((name, int(security.get("pmf", 0))), _KEY_MGMT.get(name, frozenset()))


def _credentials(
    security: Optional[Mapping[str, Any]], eap: Mapping[str, Any], elsewhere: Tuple[Tuple[str, int], ...]
) -> FrozenSet[str]:
    if security is None:
        return frozenset()
    key_mgmt = security["key-mgmt"]
    if key_mgmt == "none":
        return frozenset({"wep_key"})
    if elsewhere:
        return frozenset()
    if key_mgmt in _BY_PSK:
        return frozenset({"psk"})
    return frozenset({"identity", "eap"}) if eap.get("eap") else frozenset()


def _elsewhere(security: Optional[Mapping[str, Any]], eap: Mapping[str, Any]) -> Tuple[Tuple[str, int], ...]:
    """Return the flags that say of a secret that the system does not hold it, of those that the profile needs."""
    if security is None:
        return ()
    if security["key-mgmt"] in _BY_PSK:
        setting, names = security, ["psk"]
    else:
        # Those of the methods that it may use; the flags of the others are not set.
        tokens = (f"{name}-password" for name in _CERTIFICATES if _is_on_a_token(eap, name))
        setting, names = eap, [*_EAP_SECRETS, *tokens]
    flags = ((name, int(setting.get(f"{name}-flags", _SYSTEM))) for name in names)
    return tuple((f"{name}-flags", value) for name, value in flags if not needs_nobody(name, value))


def needs_nobody(secret: str, flags: int) -> bool:
    """Say whether NetworkManager can do without anybody's session for a secret: the system stores it, or there is none.

    Args:
        secret: its key in NetworkManager's settings.
        flags: its flags there, NM_SETTING_SECRET_FLAG_*.
    """
    return flags == _SYSTEM or (secret.endswith(_MAY_BE_NONE) and bool(flags & NOT_REQUIRED))


#: Who answers GetSecrets where the system has no secret and no agent has any (NM_AGENT_MANAGER_ERROR_NO_SECRETS).
_NO_SECRETS = "NoSecrets"
#: The methods of EAP, and within others (phase 2), that take a password (eap_methods_table in nm-setting-8021x.c).
_BY_PASSWORD = frozenset({"leap", "pwd", "md5", "pap", "chap", "mschap", "mschapv2", "fast", "gtc"})


def is_asked_for(settings: Mapping[str, Mapping[str, Any]], held: FrozenSet[str]) -> bool:
    """Say whether NetworkManager, to bring a profile up, asks somebody for a secret that it needs and does not have.

    As ``need_secrets`` of its settings has it, but for whether a secret is right. What is not known here needs none.

    Args:
        settings: as ``GetSettings`` gives them, plain.
        held: the keys of the secrets that the system has.
    """
    if settings.get(_SECURED, {}).get("key-mgmt") in _BY_PSK:
        return "psk" not in held
    eap = settings.get("802-1x", {})
    return any(_eap_is_asked_for(str(method), eap, held) for method in eap.get("eap", ()))


def _eap_is_asked_for(method: str, eap: Mapping[str, Any], held: FrozenSet[str], phase: str = "") -> bool:
    if method in ("peap", "ttls") and not phase:
        inner = str(eap.get("phase2-auth") or eap.get("phase2-autheap"))
        return _eap_is_asked_for(inner, eap, held, "phase2-")
    if method == "tls":
        tokens = [f"{phase}{name}" for name in ("ca-cert", "client-cert") if _is_on_a_token(eap, f"{phase}{name}")]
        secrets = (f"{phase}private-key-password", *(f"{name}-password" for name in tokens))
        return any(name not in held and not eap.get(f"{name}-flags", _SYSTEM) & NOT_REQUIRED for name in secrets)
    if method in _BY_PASSWORD:
        return not held & {"password", "password-raw"}
    return method == "sim" and "pin" not in held


def _is_on_a_token(eap: Mapping[str, Any], name: str) -> bool:
    return bytes(eap.get(name, b"")).startswith(b"pkcs11:")


@dataclass(frozen=True)
class Device:
    """A wireless device that NetworkManager manages: its path, permanent address, and whether it knows 6 GHz."""

    path: str
    mac: Optional[str]
    can_6_ghz: bool

    def frequencies(self, wanted: Sequence[int]) -> Tuple[int, ...]:
        """Return those of some frequencies (MHz) that it may have; all of them where that leaves none.

        A channel number can mean two, one of them at 6 GHz, and the kernel refuses a whole scan for one frequency that
        the radio does not have.
        """
        return tuple(each for each in wanted if each < _6_GHZ or self.can_6_ghz) or tuple(wanted)


class NetworkManager:
    """NetworkManager, as far as a handover needs it.

    Args:
        bus: the system's bus.
    """

    def __init__(self, bus: SystemBus) -> None:
        self._bus = bus

    def version(self) -> str:
        """Return its version. Raises as ``SystemBus.call``, as all the others do."""
        return str(self._bus.get(NM, NM_PATH, NM, "Version"))

    def is_starting(self) -> bool:
        """Say whether it is still busy with its start: interfaces that it knew come up."""
        return bool(self._bus.get(NM, NM_PATH, NM, "Startup"))

    def device(self, interface: str, *, unmanaged: bool = False) -> Device:
        """Return an interface's device.

        Args:
            interface: the interface's name.
            unmanaged: it may be one that NetworkManager leaves alone.

        Raises:
            SupplicantRefused: NetworkManager has none.
            NotFound: it leaves it alone.
        """
        path: str = self._bus.call(NM, NM_PATH, NM, "GetDeviceByIpIface", "s", (interface,))[0]
        told = self._bus.get_all(NM, path, NM_DEVICE)
        if not unmanaged and (not told.get("Managed", True) or told.get("State") == UNMANAGED):
            raise NotFound(f"NetworkManager does not manage {interface}", where=f"D-Bus, {NM}")
        wireless = self._bus.get_all(NM, path, _NM_WIRELESS)
        return Device(
            path=path,
            mac=str(wireless.get("PermHwAddress", "")).lower() or None,
            can_6_ghz=bool(int(wireless.get("WirelessCapabilities", 0)) & _CAN_6_GHZ),
        )

    def settings(self, *, variants: bool = False) -> Iterator[Tuple[str, Any]]:
        """Return path and settings of each profile, of whatever kind, in the order in which NetworkManager gives them.

        Left out are those that this user may not read: they are listed to everybody, and told to root and to those in
        ``connection.permissions`` alone. Some other user's own is of no use to a handover.

        Args:
            variants: as for ``SystemBus.call``.
        """
        paths = self._bus.call(NM, f"{NM_PATH}/Settings", NM_SETTINGS, "ListConnections")[0]
        skip, interface = (NotFound, AccessDenied), f"{NM_SETTINGS}.Connection"
        return self._bus.call_each(NM, paths, interface, "GetSettings", variants=variants, skip=skip)

    def connections(self) -> Tuple[Connection, ...]:
        """Return the Wi-Fi profiles, in the order in which NetworkManager gives them.

        Raises:
            DecodeFailed: one of them is malformed.
        """
        found = []
        for path, settings in self.settings():
            connection = connection_of(path, settings)
            if connection is not None:
                found.append(connection)
        return tuple(found)

    def lacks_a_secret(self, path: str) -> bool:
        """Say whether a profile needs a secret that the system does not have. For root: no agent but its own is asked.

        Args:
            path: the profile's.

        Returns:
            False also where that can't be told.
        """
        with suppress(NotFound, AccessDenied, SupplicantRefused, TimedOut):
            settings = self._bus.call(NM, path, f"{NM_SETTINGS}.Connection", "GetSettings")[0]
            return is_asked_for(settings, self._held(path, "802-1x" if "802-1x" in settings else _SECURED))
        return False

    def _held(self, path: str, setting: str) -> FrozenSet[str]:
        """Return the keys of the secrets that the system has for a setting of a profile."""
        try:
            told = self._bus.call(NM, path, f"{NM_SETTINGS}.Connection", "GetSecrets", "s", (setting,))[0]
        except SupplicantRefused as error:
            if error.what.startswith(_NO_SECRETS):
                return frozenset()
            raise
        # The password of a private key may be an empty one.
        return frozenset(key for key, value in told.get(setting, {}).items() if value or key.endswith(_MAY_BE_NONE))

    def active(self, device: str) -> Optional[str]:
        """Return the path of the profile that a device is connected by, or about to be; None: none."""
        with suppress(NotFound, SupplicantRefused):  # it ended meanwhile
            used = self._bus.get(NM, device, NM_DEVICE, "ActiveConnection")
            if used != "/":
                return str(self._bus.get(NM, used, f"{NM}.Connection.Active", "Connection"))
        return None

    def used_elsewhere(self, device: str) -> Dict[str, Tuple[str, ...]]:
        """Return the profiles that other devices are connected by, or about to be: by path, the interfaces' names.

        Args:
            device: the path of the device that does not count.
        """
        found: Dict[str, Tuple[str, ...]] = {}
        for path in self._bus.get(NM, NM_PATH, NM, "ActiveConnections"):
            with suppress(NotFound, SupplicantRefused):  # it ended meanwhile
                told = self._bus.get_all(NM, path, f"{NM}.Connection.Active")
                others = [each for each in told["Devices"] if each != device]
                names = [str(self._bus.get(NM, each, NM_DEVICE, "Interface")) for each in others]
                if names:
                    profile = str(told["Connection"])
                    found[profile] = (*found.get(profile, ()), *names)
        return found

    def may_activate(self) -> str:
        """Return whether this user may bring profiles up, as NetworkManager itself decides when it comes to it.

        Its configuration (``main.auth-polkit``) may have it ask polkit, let everybody, or nobody but root. Asked
        beforehand it also has polkit started, which a handover can't wait for.

        Returns:
            ``yes``; ``no``; ``auth``: after a password, which nobody is there to give; ``unknown``: polkit, which it
            asks, is not there or fails, and it lets nobody but root.
        """
        permissions: Dict[str, str] = self._bus.call(NM, NM_PATH, NM, "GetPermissions")[0]
        return str(permissions.get(f"{NM}.network-control", "unknown"))

    def manage(self, device: str) -> None:
        """Begin to have NetworkManager take a device into use that it leaves alone."""
        self._bus.call(NM, device, PROPERTIES, "Set", "ssv", (NM_DEVICE, "Managed", ("b", True)))

    def activate(self, connection: str, device: str) -> None:
        """Begin to bring a profile up on a device; nothing is waited for."""
        self._bus.begin(NM, NM_PATH, NM, "ActivateConnection", "ooo", (connection, device, "/"))


@dataclass(frozen=True)
class SupplicantNetwork:
    """A network that NetworkManager gave to wpa_supplicant: its path, its SSID, the access point that it is kept to."""

    path: str
    ssid: Optional[bytes]
    bssid: Optional[str]


def network_of(path: str, properties: Mapping[str, str]) -> SupplicantNetwork:
    """Return the network that wpa_supplicant's own properties of it describe: text, as in its configuration file."""
    bssid = properties.get("bssid")
    return SupplicantNetwork(path, _ssid(properties.get("ssid")), bssid if bssid != "any" else None)


def _ssid(text: Optional[str]) -> Optional[bytes]:
    """Return the bytes of an SSID; None where there is none, or what is there is none."""
    with suppress(DecodeFailed):
        return decode_value(text) if text else None
    return None


class Supplicant:
    """The wpa_supplicant below NetworkManager, as far as a handover needs it.

    Args:
        bus: the system's bus.
    """

    def __init__(self, bus: SystemBus) -> None:
        self._bus = bus

    def interface(self, name: str) -> str:
        """Return the path of an interface.

        Raises:
            NotFound: wpa_supplicant does not run, or does not have it: NetworkManager adds it when the block lifts.
        """
        path: str = self._bus.call(WPA, WPA_PATH, WPA, "GetInterface", "s", (name,))[0]
        return path

    def properties(self, interface: str) -> Dict[str, Any]:
        """Return an interface's properties by name."""
        return self._bus.get_all(WPA, interface, WPA_INTERFACE)

    def state(self, interface: str) -> str:
        """Return an interface's state, in wpa_supplicant's own words."""
        return str(self._bus.get(WPA, interface, WPA_INTERFACE, "State"))

    def networks(self, interface: str) -> Tuple[SupplicantNetwork, ...]:
        """Return the networks of an interface."""
        paths: List[str] = self._bus.get(WPA, interface, WPA_INTERFACE, "Networks")
        found = []
        for path in paths:
            try:
                found.append(self.network(path))
            except NotFound:
                continue
        return tuple(found)

    def network(self, path: str) -> SupplicantNetwork:
        """Return one network.

        Raises:
            NotFound: it is gone.
        """
        return network_of(path, self._bus.get(WPA, path, WPA_NETWORK, "Properties"))

    def bssid(self, interface: str) -> Optional[str]:
        """Return the access point that an interface is connected to, or about to be; None: to none."""
        return self.network_in_use(interface)[1]

    def network_in_use(self, interface: str) -> Tuple[Optional[bytes], Optional[str]]:
        """Return the SSID and the access point that an interface is connected to, or about to be; None: to none."""
        try:
            bss = self.properties(interface).get("CurrentBSS", "/")
            if bss == "/":
                return None, None
            told = self._bus.get_all(WPA, bss, f"{WPA}.BSS")
        except (NotFound, SupplicantRefused):
            return None, None
        ssid = told.get("SSID")
        return ssid if isinstance(ssid, bytes) else None, _mac(told.get("BSSID", b""))

    def set_bssid(self, network: str, bssid: Optional[str]) -> None:
        """Keep a network to one access point; None: to none. The link stays."""
        self._bus.call(*self._kept(network, bssid))

    def end_scan(self, interface: str) -> None:
        """As ``abort_scan``, and wait for the answer.

        Raises:
            SupplicantRefused: no scan runs.
        """
        self._bus.call(WPA, interface, WPA_INTERFACE, "AbortScan")

    # -- begun: nothing is waited for ---------------------------------------------------------------------------------

    def keep_to(self, network: str, bssid: str) -> None:
        """As ``set_bssid``."""
        self._bus.begin(*self._kept(network, bssid))

    def scan(self, interface: str, ssid: bytes, frequencies: Sequence[int]) -> None:
        """Look for one network on some frequencies (MHz) alone."""
        # The second number is a channel's width, of which wpa_supplicant makes no use.
        channels = [(frequency, 20) for frequency in frequencies]
        asked = {"Type": ("s", "active"), "SSIDs": ("aay", [ssid]), "Channels": ("a(uu)", channels)}
        self._bus.begin(WPA, interface, WPA_INTERFACE, "Scan", "a{sv}", (asked,))

    def abort_scan(self, interface: str) -> None:
        """End the scan that runs."""
        self._bus.begin(WPA, interface, WPA_INTERFACE, "AbortScan")

    def reassociate(self, interface: str) -> None:
        """Leave the access point for one that the network may be joined at."""
        self._bus.begin(WPA, interface, WPA_INTERFACE, "Reassociate")

    @staticmethod
    def _kept(network: str, bssid: Optional[str]) -> Tuple[str, str, str, str, str, Tuple[Any, ...]]:
        """Return the call that keeps a network to an access point."""
        value = ("a{sv}", {"bssid": ("s", bssid or "any")})
        return WPA, network, PROPERTIES, "Set", "ssv", (WPA_NETWORK, "Properties", value)
