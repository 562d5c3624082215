# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What any supplicant backend does for a handover, and wpa_supplicant doing it.

A pin narrows one network to one access point and its channels, and puts the other enabled networks out of the way:
wpa_supplicant narrows a scan only when every enabled network has a ``scan_freq``. It changes ``bssid`` and
``scan_freq`` alone; any other variable would throw away the network's cached keys. Nothing is ever saved: a pin ends
with the supplicant that has it.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import (
    Any,
    Callable,
    Dict,
    FrozenSet,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Protocol,
    Sequence,
    Tuple,
)

from ..._system.errors import AccessDenied, DecodeFailed, FleetError, NotFound, SupplicantRefused
from ..._system.process import ProcessEnd
from .control import (
    DEFAULT_TIMEOUT,
    NOT_FOR_THIS_USER,
    CommandUnsafe,
    Network,
    SupplicantEvent,
    SupplicantStatus,
    WpaCtrl,
    WpaMonitor,
    encode_bssid,
    encode_frequencies,
    encode_ssid,
)

__all__ = [
    "CONTROL_DIRECTORIES",
    "MANAGER_GONE",
    "PROFILE_TOUCHED",
    "Backend",
    "Obstacle",
    "Pin",
    "Profile",
    "Source",
    "SupplicantStatus",
    "WpaSupplicant",
    "control_socket",
    "find_obstacle",
    "find_profile",
]

#: Where distributions keep the control sockets.
CONTROL_DIRECTORIES: Tuple[str, ...] = ("/run/wpa_supplicant", "/var/run/wpa_supplicant")

_PSK = frozenset({"WPA-PSK", "WPA-PSK-SHA256", "FT-PSK"})
_SAE = frozenset({"SAE", "FT-SAE", "SAE-EXT-KEY", "FT-SAE-EXT-KEY"})
_EAP = frozenset({"WPA-EAP", "WPA-EAP-SHA256", "WPA-EAP-SHA384", "FT-EAP", "FT-EAP-SHA384"})
_EAP_SUITE_B = frozenset({"WPA-EAP-SUITE-B", "WPA-EAP-SUITE-B-192"})
#: The key managements that can join what CSME calls by this name. Its "open" is neither OWE nor WEP.
_KEY_MGMT: Mapping[str, FrozenSet[str]] = {
    "open": frozenset({"NONE"}),
    "psk": _PSK,
    "sae": _SAE,
    "eap": _EAP | _EAP_SUITE_B,
}
#: An event's name, beside wpa_supplicant's own: who runs the interface has to be found out anew. A pin may still stand.
MANAGER_GONE = "MANAGER-GONE"
#: Another: a profile may have been changed, or only been used.
PROFILE_TOUCHED = "PROFILE-TOUCHED"
#: wpa_supplicant's states in which it looks for a network, and would take the first that comes.
_SEARCHING = frozenset({"DISCONNECTED", "INACTIVE", "SCANNING"})
#: Those in which there is a link, with its keys or with keys on their way.
_LINKED = frozenset({"4WAY_HANDSHAKE", "GROUP_HANDSHAKE", "COMPLETED"})


@dataclass(frozen=True)
class Obstacle:
    """What keeps a profile from carrying CSME's connection on.

    Attributes:
        what: it, in words that follow "the profile".
        remedy: what to do about it, a sentence without its full stop.
        disabled: it is only that nobody enabled it.
    """

    what: str
    remedy: str
    disabled: bool = False


@dataclass(frozen=True)
class Profile:
    """A network that the supplicant is configured for."""

    id: int
    ssid: bytes
    key_mgmt: FrozenSet[str]
    enabled: bool
    bssid: Optional[str]
    #: MHz; empty: every frequency.
    scan_freq: Tuple[int, ...]
    #: The supplicant uses it, or tries to.
    current: bool
    #: The higher is taken first.
    priority: int = 0
    #: Which of psk, sae_password, identity, eap, wep_key are configured; never what they are.
    credentials: FrozenSet[str] = frozenset()
    #: It is for the access point of ``bssid`` alone, and no pin can change that.
    bound: bool = False
    #: Why it is of no use to this interface when a laptop boots, whatever CSME is on. It is not enabled then.
    obstacle: Optional[Obstacle] = None
    #: MHz, every one that it may be on, which no pin can change; None: any.
    channels: Optional[FrozenSet[int]] = None
    #: It is for this interface or its device alone: no other radio can be using it.
    own: bool = False

    def can_join(self, auth: str) -> bool:
        """Say whether this profile could join a network by ``open``, ``psk``, ``sae`` or ``eap`` by itself."""
        if not self.key_mgmt & _KEY_MGMT.get(auth, frozenset()):
            return False
        # As wpas_network_disabled() has it: one that may use a PSK and has none is not used, for EAP neither.
        if self.key_mgmt & (_PSK | _SAE) and not (
            "psk" in self.credentials or (self.key_mgmt & _SAE and "sae_password" in self.credentials)
        ):
            return False
        if auth == "psk":
            return "psk" in self.credentials
        if auth == "eap":
            # wpa_supplicant's default key_mgmt names EAP too; only these say that it is meant.
            return bool(self.credentials & {"identity", "eap"})
        return auth != "open" or "wep_key" not in self.credentials


def find_profile(
    profiles: Iterable[Profile],
    ssid: bytes,
    auth: str,
    bssid: Optional[str] = None,
    frequencies: Sequence[int] = (),
) -> Optional[Profile]:
    """Return the enabled profile that can join CSME's network.

    Of several, the highest priority, then the interface's own before one that another may be using, then the lowest id.

    Args:
        profiles: as a backend gives them.
        ssid: CSME's SSID, compared byte by byte.
        auth: CSME's authentication: ``open``, ``psk``, ``sae``, ``eap``; anything else fits nothing.
        bssid: CSME's access point; None: not known.
        frequencies: MHz; every one that CSME's channel can mean; none: not known.
    """
    fitting = (
        profile
        for profile in profiles
        if profile.ssid == ssid and not any(_obstacles(profile, auth, bssid, frequencies))
    )
    return min(fitting, key=lambda profile: (-profile.priority, not profile.own, profile.id), default=None)


def find_obstacle(
    profiles: Iterable[Profile],
    ssid: bytes,
    auth: Optional[str],
    bssid: Optional[str] = None,
    frequencies: Sequence[int] = (),
) -> Optional[Obstacle]:
    """Return what keeps the profile from joining CSME's network that comes nearest to it; None: there is none for it.

    Arguments as for ``find_profile``, which found nothing; without *auth* key management and credentials do not matter.
    """
    mine = [tuple(_obstacles(each, auth, bssid, frequencies)) for each in profiles if each.ssid == ssid]
    # The later its first obstacle is, the less is missing.
    nearest = max(mine, key=lambda each: next((at for at, found in enumerate(each) if found), 0), default=())
    return next((found for found in nearest if found), None)


def _obstacles(
    profile: Profile, auth: Optional[str], bssid: Optional[str], frequencies: Sequence[int]
) -> Iterator[Optional[Obstacle]]:
    """Yield what keeps a profile from joining CSME's network, the worst first; None for each that does not."""
    unfit = Obstacle(
        f"can't join it: it has {', '.join(sorted(profile.key_mgmt))}, or lacks a credential",
        "Give it a key management and credentials that fit",
    )
    yield None if auth is None or profile.key_mgmt & _KEY_MGMT.get(auth, frozenset()) else unfit
    yield profile.obstacle
    yield None if auth is None or profile.can_join(auth) else unfit
    elsewhere = profile.bound and bssid is not None and profile.bssid != bssid
    yield (
        Obstacle(f"is for another access point than CSME's ({bssid}) alone", "Take that out of the profile")
        if elsewhere
        else None
    )
    off = bool(frequencies) and profile.channels is not None and profile.channels.isdisjoint(frequencies)
    yield Obstacle("is for another band or channel than CSME's alone", "Take that out of the profile") if off else None
    yield None if profile.enabled else Obstacle("is disabled", "Enable it", disabled=True)


@dataclass(frozen=True)
class Pin:
    """What a pin changed and how it was before: all that undoing it needs. A journal keeps it as JSON.

    Networks are known by id and SSID, because a supplicant that restarted gives the ids out anew.
    """

    interface: str
    network_id: int
    ssid_hex: str
    bssid: str
    #: MHz.
    frequencies: Tuple[int, ...]
    previous_bssid: Optional[str]
    #: MHz; empty: every frequency.
    previous_scan_freq: Tuple[int, ...]
    #: The other networks that were enabled: id and SSID in hex.
    disabled: Tuple[Tuple[int, str], ...]
    #: Who has it, as a backend calls itself: what the numbers mean depends on that.
    manager: str = "wpa_supplicant"

    def as_dict(self) -> Dict[str, Any]:
        """Return the pin as a mapping for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: Any) -> Pin:
        """Return the pin that ``as_dict`` gave, after JSON or not.

        Raises:
            DecodeFailed: it is not one.
        """
        try:
            pin = cls(
                interface=_typed(document["interface"], str),
                network_id=_typed(document["network_id"], int),
                ssid_hex=_typed(document["ssid_hex"], str),
                bssid=_typed(document["bssid"], str),
                frequencies=tuple(_typed(frequency, int) for frequency in document["frequencies"]),
                previous_bssid=None if document["previous_bssid"] is None else _typed(document["previous_bssid"], str),
                previous_scan_freq=tuple(_typed(frequency, int) for frequency in document["previous_scan_freq"]),
                disabled=tuple((_typed(number, int), _typed(ssid, str)) for number, ssid in document["disabled"]),
                manager=_typed(document.get("manager", "wpa_supplicant"), str),
            )
            encode_bssid(pin.bssid)
            encode_bssid(pin.previous_bssid)
            encode_frequencies(pin.frequencies + pin.previous_scan_freq)
        except (FleetError, KeyError, TypeError, ValueError) as error:
            reason = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise DecodeFailed(f"this is no record of a pin: {reason}") from error
        return pin

    def holds(self, profiles: Iterable[Profile]) -> bool:
        """Say whether the supplicant still has this pin: not after a restart, or when somebody changed the network."""
        return any(
            profile.id == self.network_id
            and profile.ssid.hex() == self.ssid_hex
            and profile.bssid == self.bssid
            and profile.scan_freq == self.frequencies
            for profile in profiles
        )


def _typed(value: Any, kind: type) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):  # True is no network id
        raise TypeError(f"{value!r:.80} is not of type {kind.__name__}")
    return value


class Source(Protocol):
    """Something that can be waited for and read."""

    def fileno(self) -> int:
        """Return the descriptor to wait for."""

    def read(self) -> Iterable[Any]:
        """Return what has come, without waiting."""

    def close(self) -> None:
        """Let go of it."""


class Backend(Protocol):
    """What a handover asks of whatever runs the WLAN interface."""

    @property
    def interface(self) -> str:
        """The name of the interface."""

    @property
    def manager(self) -> str:
        """What its pins say of who has them."""

    def status(self) -> SupplicantStatus:
        """Return what the supplicant is doing."""

    def profiles(self, ssid: Optional[bytes] = None) -> Tuple[Profile, ...]:
        """Return every configured network, or those of one SSID."""

    def pin(
        self,
        profile: Profile,
        bssid: str,
        frequencies: Sequence[int],
        record: Optional[Callable[[Pin], None]] = None,
    ) -> Pin:
        """Narrow the supplicant to one access point; all of it or nothing. See WpaSupplicant.pin."""

    def hold(self, profile: Profile, bssid: str, record: Optional[Callable[[Pin], None]] = None) -> Pin:
        """Keep the supplicant at the access point that it is connected to. See WpaSupplicant.hold."""

    def widen(self, pin: Pin) -> bool:
        """Let later scans see every channel again, and keep the rest of a pin. See WpaSupplicant.widen."""

    def look_again(self, pin: Pin) -> None:
        """Have the frequencies of a pin scanned once more, after a scan that found nothing."""

    def end_scan(self, pin: Pin) -> None:
        """End the scan that runs, unless it can only be of a pin's frequencies, and have those scanned."""

    def holds(self, pin: Pin) -> bool:
        """Say whether a pin still stands."""

    def unpin(self, pin: Pin) -> bool:
        """Undo a pin; again and again if need be. See WpaSupplicant.unpin."""

    def loosen(self, pin: Pin) -> bool:
        """Undo of a pin what drops no link; say whether that was all of it. See WpaSupplicant.loosen."""

    def end_rest(self, pin: Pin, *, now: bool = False) -> bool:
        """Undo what ``loosen`` left; say whether that is done. See WpaSupplicant.end_rest."""

    def listen(self, warn: Callable[[str], None]) -> Sequence[Source]:
        """Return what to wait for: each gives SupplicantEvents, and the supplicant's end as one of them."""


class WpaSupplicant:
    """wpa_supplicant over its control socket. Every call opens a connection of its own, so restarts do not matter.

    Args:
        interface: the name of the interface.
        path: its control socket, see ``control_socket``.
        timeout: seconds for each answer.
    """

    manager = "wpa_supplicant"

    def __init__(self, interface: str, path: str, timeout: float = DEFAULT_TIMEOUT) -> None:
        self._interface = interface
        self._path = path
        self._timeout = timeout

    @property
    def interface(self) -> str:
        """The name of the interface."""
        return self._interface

    def _connect(self) -> WpaCtrl:
        return WpaCtrl(self._path, self._timeout)

    def status(self) -> SupplicantStatus:
        """Return what the supplicant is doing.

        Raises:
            NotFound, AccessDenied, TimedOut, TransportFailed, DecodeFailed: as WpaCtrl.
        """
        with self._connect() as ctrl:
            return ctrl.status()

    def profiles(self, ssid: Optional[bytes] = None) -> Tuple[Profile, ...]:
        """Return every configured network, by ascending id; with *ssid* those of that SSID alone, which is faster.

        Raises:
            NotFound, AccessDenied, TimedOut, TransportFailed, DecodeFailed: as WpaCtrl.
        """
        with self._connect() as ctrl:
            found = (_profile(ctrl, n) for n in ctrl.networks() if ssid is None or n.ssid == ssid)
            return tuple(profile for profile in found if profile is not None)

    def pin(
        self,
        profile: Profile,
        bssid: str,
        frequencies: Sequence[int],
        record: Optional[Callable[[Pin], None]] = None,
    ) -> Pin:
        """Narrow the supplicant to one access point of a profile's network.

        A link to that network stays as it is. A link to another network is dropped: its network gets disabled.
        Networks that are only set aside for some seconds (TEMP-DISABLED) count as enabled, here as in
        wpa_supplicant's own scan; the pinned one is taken back into use.

        Args:
            profile: an enabled one, as ``profiles`` gave it.
            bssid: the access point.
            frequencies: MHz; every one that it may be on.
            record: called with the pin before the first change, for a journal; what it raises stops the pin.

        Raises:
            NotFound: the network is gone, changed or disabled meanwhile, or the supplicant is.
            CommandUnsafe: *bssid* or *frequencies* is none.
            SupplicantRefused, TimedOut, AccessDenied, TransportFailed, DecodeFailed: a step failed. What was changed
                is undone as far as the supplicant lets it; where that is in doubt, ``unpin`` can be called again.
        """
        if not frequencies:
            raise CommandUnsafe("a pin needs at least one frequency to scan", where=self._interface)
        with self._connect() as ctrl:
            networks = ctrl.networks()
            mine = _find(networks, profile.id, profile.ssid.hex())
            if mine is None or mine.disabled:
                raise NotFound(f"network {profile.id} is gone, changed or disabled meanwhile", where=self._path)
            pin = Pin(
                interface=self._interface,
                network_id=mine.id,
                ssid_hex=encode_ssid(mine.ssid),
                bssid=encode_bssid(bssid),
                frequencies=_known(ctrl, _frequencies(encode_frequencies(frequencies))),
                previous_bssid=mine.bssid,
                previous_scan_freq=_frequencies(ctrl.get(mine.id, "scan_freq")),
                disabled=tuple((n.id, n.ssid.hex()) for n in networks if not n.disabled and n.id != mine.id),
            )
            if record is not None:
                record(pin)
            try:
                _apply(ctrl, pin, mine)
            except BaseException:
                with suppress(FleetError):  # the first error says more; the journal still has the pin
                    self.unpin(pin)
                raise
        return pin

    def hold(self, profile: Profile, bssid: str, record: Optional[Callable[[Pin], None]] = None) -> Pin:
        """Keep the supplicant at one access point of a profile's network, and touch nothing else.

        ``bssid`` alone changes, which wpa_supplicant allows without dropping the link. The other networks stay
        enabled: while there is a link they are not tried.

        Args:
            profile: the one that is connected, as ``profiles`` gave it.
            bssid: the access point that it is connected to.
            record: called with the pin before the change, for a journal; what it raises stops the change.

        Raises:
            NotFound: the network is gone or changed meanwhile, or the supplicant is.
            CommandUnsafe: *bssid* is none.
            SupplicantRefused, TimedOut, AccessDenied, TransportFailed, DecodeFailed: it was not done, or, where that is
                in doubt, ``unpin`` can be called.
        """
        with self._connect() as ctrl:
            mine = _find(ctrl.networks(), profile.id, profile.ssid.hex())
            if mine is None:
                raise NotFound(f"network {profile.id} is gone or changed meanwhile", where=self._path)
            scan_freq = _frequencies(ctrl.get(mine.id, "scan_freq"))
            pin = Pin(
                interface=self._interface,
                network_id=mine.id,
                ssid_hex=encode_ssid(mine.ssid),
                bssid=encode_bssid(bssid),
                frequencies=scan_freq,
                previous_bssid=mine.bssid,
                previous_scan_freq=scan_freq,
                disabled=(),
            )
            if record is not None:
                record(pin)
            ctrl.set(pin.network_id, "bssid", pin.bssid)
        return pin

    def widen(self, pin: Pin) -> bool:
        """Give the pinned network its former frequencies back; the pin to the access point stays.

        To be called as soon as the narrow scan runs, before a connection stands. wpa_supplicant up to 2.10 at least
        flushes a network's PMKSA cache when its ``scan_freq`` changes, and drops a link that came from that cache:
        every SAE and EAP one. (Seen with 2.10; ``bssid`` is exempt there.)

        Returns:
            Whether anything was set back.

        Raises:
            NotFound, SupplicantRefused, TimedOut, AccessDenied, TransportFailed, DecodeFailed: as ``unpin``.
        """
        with self._connect() as ctrl:
            commands = _widen_scan(ctrl, pin, ctrl.networks())
            # Asked last: once it authenticates it is too late. Then the frequencies may have to wait (``loosen``).
            if not commands or ctrl.status().state not in _SEARCHING:
                return False
            for command in commands:
                ctrl.command(command)
        return True

    def look_again(self, pin: Pin) -> None:
        """Have the frequencies of a pin scanned at once, and what they have joined.

        Raises:
            NotFound, SupplicantRefused, TimedOut, AccessDenied, TransportFailed: as WpaCtrl.
        """
        with self._connect() as ctrl:
            ctrl.scan(pin.frequencies)

    def end_scan(self, pin: Pin) -> None:
        """Nothing to do: its own scans are of a pin's frequencies alone."""
        del pin

    def holds(self, pin: Pin) -> bool:
        """Say whether a pin still stands. Raises as ``profiles``."""
        return pin.holds(self.profiles())

    def listen(self, warn: Callable[[str], None]) -> Sequence[Source]:
        """Return the supplicant's events, and the end of its process.

        Args:
            warn: has nothing to be told here.

        Raises:
            NotFound, AccessDenied, TimedOut, TransportFailed, SupplicantRefused: as WpaMonitor.
        """
        monitor = WpaMonitor(self._path, self._timeout)
        try:
            return monitor, _Ending(monitor.pid())
        except FleetError:
            monitor.close()
            raise

    def unpin(self, pin: Pin) -> bool:
        """Undo a pin: the machine can roam again, and finds other networks.

        The link stays, but for one by SAE or EAP where ``widen`` was not called before it stood: that drops once.

        Only what still stands as the pin left it is set back. So a second call, a supplicant that restarted with its
        own configuration, networks that are gone and networks that somebody changed are all left alone.

        Returns:
            Whether anything was set back.

        Raises:
            NotFound: the supplicant is not there (its pin is gone with it), or the pin is another interface's.
            SupplicantRefused: it refused a step; the others were done.
            TimedOut, AccessDenied, TransportFailed, DecodeFailed: as WpaCtrl; call again.
        """
        with self._of(pin) as ctrl:
            return _undo(ctrl, pin)

    def loosen(self, pin: Pin) -> bool:
        """Undo of a pin what drops no link: all of it but the frequencies of a link by SAE or EAP.

        Those are left where ``widen`` came too late. Until ``end_rest`` gives them back, a supplicant that has no other
        network looks on these channels alone.

        Returns:
            Whether that was all of it.

        Raises:
            FleetError: as ``unpin``.
        """
        with self._of(pin) as ctrl:
            _undo(ctrl, pin, frequencies=False)
            return _end_rest(ctrl, pin)

    def end_rest(self, pin: Pin, *, now: bool = False) -> bool:
        """Give the pinned network its former frequencies back, and touch nothing else.

        Args:
            pin: as ``loosen`` had it.
            now: whether that drops a link or not; otherwise it waits for the end of such a link.

        Returns:
            Whether it is done.

        Raises:
            FleetError: as ``unpin``.
        """
        with self._of(pin) as ctrl:
            return _end_rest(ctrl, pin, now=now)

    def _of(self, pin: Pin) -> WpaCtrl:
        """Connect, for a pin of this interface.

        Raises:
            NotFound: it is another interface's; or as WpaCtrl.
        """
        if pin.interface != self._interface:
            raise NotFound(f"this pin belongs to {pin.interface}", where=self._interface)
        return self._connect()


class _Ending(ProcessEnd):
    """The end of wpa_supplicant's process, which says nothing when it is killed, as what it says when it ends."""

    def read(self) -> Iterable[Any]:
        return tuple(SupplicantEvent("CTRL-EVENT-TERMINATING", 3) for _end in super().read())


def control_socket(interface: str, directories: Sequence[str] = CONTROL_DIRECTORIES) -> str:
    """Return the path of the control socket for an interface.

    Raises:
        NotFound: no wpa_supplicant offers one (it does not run, or only over D-Bus).
        AccessDenied: a directory is closed to this user, so nobody knows.
    """
    denied = ""
    if interface and interface not in (".", "..") and "/" not in interface:
        for directory in directories:
            path = os.path.join(directory, interface)
            try:
                if stat.S_ISSOCK(os.stat(path).st_mode):
                    return path
            except PermissionError:
                denied = denied or directory
            except (OSError, ValueError):
                continue
    if denied:
        raise AccessDenied(
            "the supplicant's control directory is not for this user",
            where=denied,
            remedy=NOT_FOR_THIS_USER,
        )
    raise NotFound(
        f"no wpa_supplicant offers a control socket for {interface!r}",
        where=", ".join(directories),
        remedy="Start wpa_supplicant for this interface, with ctrl_interface in its configuration",
    )


def _frequencies(text: Optional[str]) -> Tuple[int, ...]:
    words = (text or "").split()
    if not all(re.fullmatch(r"[0-9]{1,6}", word) for word in words):
        raise DecodeFailed("scan_freq is no list of frequencies", where=ascii(words)[:80])
    return tuple(int(word) for word in words)


def _known(ctrl: WpaCtrl, frequencies: Tuple[int, ...]) -> Tuple[int, ...]:
    """Return those of *frequencies* that the radio has.

    A channel number can mean two frequencies, one of them at 6 GHz. The kernel refuses a whole scan for one frequency
    that the radio does not have (nl80211_trigger_scan). Where the supplicant does not tell, all of them stay.
    """
    has = {int(number) for number in re.findall(r"= ([0-9]{4}) MHz", ctrl.request("GET_CAPABILITY freq"))}
    return tuple(frequency for frequency in frequencies if frequency in has) or frequencies


def _profile(ctrl: WpaCtrl, network: Network) -> Optional[Profile]:
    """Ask for the rest of a network; None when it went away since it was listed."""
    key_mgmt = frozenset((ctrl.get(network.id, "key_mgmt") or "").split())
    if not key_mgmt:  # never empty on a network that exists
        return None
    asked: List[str] = []
    if key_mgmt & _PSK:
        asked += ["psk"]
    if key_mgmt & _SAE:
        asked += ["psk", "sae_password"]
    if key_mgmt & _KEY_MGMT["eap"]:
        asked += ["identity", "eap"]
    credentials = {name for name in asked if ctrl.get(network.id, name) not in (None, '""')}
    if "NONE" in key_mgmt and any(ctrl.get(network.id, f"wep_key{number}") for number in range(4)):
        credentials.add("wep_key")
    priority = ctrl.get(network.id, "priority") or "0"
    return Profile(
        id=network.id,
        ssid=network.ssid,
        key_mgmt=key_mgmt,
        enabled=not network.disabled,
        bssid=network.bssid,
        scan_freq=_frequencies(ctrl.get(network.id, "scan_freq")),
        current=network.current,
        priority=int(priority) if re.fullmatch(r"-?[0-9]{1,10}", priority) else 0,
        credentials=frozenset(credentials),
    )


def _find(networks: Iterable[Network], network_id: int, ssid_hex: str) -> Optional[Network]:
    return next((n for n in networks if n.id == network_id and n.ssid.hex() == ssid_hex), None)


def _apply(ctrl: WpaCtrl, pin: Pin, mine: Network) -> None:
    """Pin. DISABLE_NETWORK one by one, not SELECT_NETWORK.

    SELECT_NETWORK would also override an administrator's DISCONNECT and, with scan results of the last seconds,
    associate through an interface that is still blocked: the supplicant then no longer scans when the block lifts.
    """
    ctrl.set(pin.network_id, "bssid", encode_bssid(pin.bssid))
    ctrl.set(pin.network_id, "scan_freq", encode_frequencies(pin.frequencies))
    for network_id, _ssid in pin.disabled:
        ctrl.command(f"DISABLE_NETWORK {network_id}")
    if mine.temp_disabled and not mine.current:
        # The only way to end the time-out; on the current network the first of the two would drop the link.
        ctrl.command(f"DISABLE_NETWORK {pin.network_id}")
        ctrl.command(f"ENABLE_NETWORK {pin.network_id}")


def _undo(ctrl: WpaCtrl, pin: Pin, *, frequencies: bool = True) -> bool:
    """Undo a pin, its frequencies with the rest unless told otherwise; say whether there was anything to set back.

    Raises:
        SupplicantRefused: it refused a step; the others were done.
    """

    def commands() -> List[str]:
        networks = ctrl.networks()
        widening = _widen_scan(ctrl, pin, networks) if frequencies else []
        return _widen_access_points(pin, networks) + widening + _enable(ctrl, pin, networks)

    refusal: Optional[SupplicantRefused] = None
    given = commands()
    for command in given:
        try:
            ctrl.command(command)
        except SupplicantRefused as error:
            refusal = error
    # A network that went away between the listing and its command needs nothing any more.
    if refusal is not None and commands():
        raise refusal
    return bool(given)


def _end_rest(ctrl: WpaCtrl, pin: Pin, *, now: bool = False) -> bool:
    """Give the frequencies of a pin back, *now* or if that drops no link; say whether that is done."""
    commands = _widen_scan(ctrl, pin, ctrl.networks())
    # Asked last: it has to be true when the frequencies change.
    if commands and not now and _dropped_by_frequencies(ctrl.status(), pin):
        return False
    for command in commands:
        ctrl.command(command)
    return True


def _dropped_by_frequencies(status: SupplicantStatus, pin: Pin) -> bool:
    """Say whether a link stands that a change of the pinned network's frequencies would drop.

    It does where the link's key is in the network's PMKSA cache: every one but with a plain passphrase, or none.
    """
    if status.state not in _LINKED or status.network_id not in (None, pin.network_id):
        return False
    return status.key_mgmt is None or not ("PSK" in status.key_mgmt or status.key_mgmt == "NONE")


def _widen_access_points(pin: Pin, networks: Iterable[Network]) -> List[str]:
    """Return the command that gives the pinned network its former access points back."""
    mine = _find(networks, pin.network_id, pin.ssid_hex)
    if mine is not None and mine.bssid == pin.bssid != pin.previous_bssid:
        return [f"SET_NETWORK {mine.id} bssid {encode_bssid(pin.previous_bssid)}"]
    return []


def _widen_scan(ctrl: WpaCtrl, pin: Pin, networks: Iterable[Network]) -> List[str]:
    """Return the command that gives the pinned network its former frequencies back."""
    if _find(networks, pin.network_id, pin.ssid_hex) is None:
        return []
    if _frequencies(ctrl.get(pin.network_id, "scan_freq")) == pin.frequencies != pin.previous_scan_freq:
        return [f"SET_NETWORK {pin.network_id} scan_freq {encode_frequencies(pin.previous_scan_freq)}"]
    return []


def _enable(ctrl: WpaCtrl, pin: Pin, networks: Iterable[Network]) -> List[str]:
    """Return the commands that enable the networks again: the pinned one too, should a crash have left it disabled.

    Each with ``no-connect``, so that the first does not start a connection that the next, of higher priority, should
    have had; the last one without it, if the supplicant is searching. It is not while it has a link, and under a
    block it searches by itself when the block lifts (see ``_apply`` for what goes wrong otherwise).
    """
    before = ((pin.network_id, pin.ssid_hex), *pin.disabled)
    found = [_find(networks, network_id, ssid_hex) for network_id, ssid_hex in before]
    commands = [f"ENABLE_NETWORK {network.id} no-connect" for network in found if network and network.disabled]
    if commands and ctrl.status().state in _SEARCHING:
        commands[-1] = commands[-1][: -len(" no-connect")]
    return commands
