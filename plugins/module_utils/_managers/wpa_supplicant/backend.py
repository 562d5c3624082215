# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""wpa_supplicant doing what a handover asks of whoever runs an interface.

A pin narrows one network to one access point and its channels, and puts the other enabled networks out of the way:
wpa_supplicant narrows a scan only when every enabled network has a ``scan_freq``. It changes ``bssid`` and
``scan_freq`` alone; any other variable would throw away the network's cached keys. Nothing is ever saved: a pin ends
with the supplicant that has it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Callable, Optional, Sequence

from ..._network.backend import Listener, Record
from ..._network.pin import Pin
from ..._network.profile import Profile
from ..._network.values import CommandUnsafe, encode_bssid, encode_frequencies, encode_ssid
from ..._system.errors import FleetError, NotFound
from . import listener
from .control import DEFAULT_TIMEOUT, WpaCtrl
from .monitor import WpaMonitor
from .pinning import (
    SEARCHING,
    apply_pin,
    commands_to_widen,
    end_rest_of,
    find_network,
    frequencies_of,
    known_frequencies,
    undo_pin,
)
from .profiles import WpaProfiles


class WpaSupplicant(WpaProfiles):
    """wpa_supplicant, doing what a handover needs.

    Args:
        interface: the name of the interface.
        path: its control socket, see ``control_socket``.
        timeout: seconds for each answer.
    """

    def __init__(self, interface: str, path: str, timeout: float = DEFAULT_TIMEOUT) -> None:
        super().__init__(interface, path, timeout)
        #: The pin on the way to a connection, for who listens: from ``pin`` until it is undone.
        self._armed: Optional[Pin] = None

    def pin(
        self,
        profile: Profile,
        bssid: str,
        frequencies: Sequence[int],
        record: Optional[Record] = None,
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
            mine = find_network(networks, profile.id, profile.ssid.hex())
            if mine is None or mine.disabled:
                raise NotFound(f"network {profile.id} is gone, changed or disabled meanwhile", where=self._path)
            pin = Pin(
                interface=self._interface,
                network_id=mine.id,
                ssid_hex=encode_ssid(mine.ssid),
                bssid=encode_bssid(bssid),
                frequencies=known_frequencies(ctrl, frequencies_of(encode_frequencies(frequencies))),
                previous_bssid=mine.bssid,
                previous_scan_freq=frequencies_of(ctrl.get(mine.id, "scan_freq")),
                disabled=tuple((n.id, n.ssid.hex()) for n in networks if not n.disabled and n.id != mine.id),
            )
            if record is not None:
                pin = record(pin) or pin
            try:
                apply_pin(ctrl, pin, mine)
            except BaseException:
                with suppress(FleetError):  # the first error says more; the journal still has the pin
                    self.unpin(pin)
                raise
        self._armed = pin
        return pin

    def stay(self, profile: Profile, bssid: str, record: Optional[Record] = None) -> Pin:
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
            mine = find_network(ctrl.networks(), profile.id, profile.ssid.hex())
            if mine is None:
                raise NotFound(f"network {profile.id} is gone or changed meanwhile", where=self._path)
            scan_freq = frequencies_of(ctrl.get(mine.id, "scan_freq"))
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
                pin = record(pin) or pin
            ctrl.set(pin.network_id, "bssid", pin.bssid)
        return pin

    def widen(self, pin: Pin) -> bool:
        """Give the pinned network its former frequencies back; the pin to the access point stays.

        To be called as soon as the narrow scan runs, before a connection stands. wpa_supplicant up to 2.10 at least
        flushes a network's PMKSA cache when its ``scan_freq`` changes, and drops a link that came from that cache:
        every SAE and EAP one. (Seen with 2.10; ``bssid`` is exempt there.)

        Returns:
            Whether it was the moment for that: the supplicant looks for a network. If not, nothing was changed.

        Raises:
            NotFound, SupplicantRefused, TimedOut, AccessDenied, TransportFailed, DecodeFailed: as ``unpin``.
        """
        with self._connect() as ctrl:
            commands = commands_to_widen(ctrl, pin, ctrl.networks())
            # Asked last: once it authenticates it is too late. Then the frequencies may have to wait (``loosen``).
            if ctrl.status().state not in SEARCHING:
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

    def stands(self, pin: Pin) -> bool:
        """Say whether a pin still stands. Raises as ``profiles``."""
        return pin.stands(self.profiles())

    def listen(self, warn: Callable[[str], None]) -> Sequence[Listener]:
        """Return the supplicant's events, and the end of its process.

        Args:
            warn: told what could not be done for a pin.

        Raises:
            NotFound, AccessDenied, TimedOut, TransportFailed, SupplicantRefused: as WpaMonitor.
        """
        monitor = WpaMonitor(self._path, self._timeout)
        try:
            ending = listener.Ending(monitor.pid())
        except FleetError:
            monitor.close()
            raise
        return listener.Listener(monitor, self, lambda: self._armed, warn), ending

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
        self._armed = None
        with self._of(pin) as ctrl:
            return undo_pin(ctrl, pin)

    def loosen(self, pin: Pin) -> bool:
        """Undo of a pin what drops no link: all of it but the frequencies of a link by SAE or EAP.

        Those are left where ``widen`` came too late. Until ``end_rest`` gives them back, a supplicant that has no other
        network looks on these channels alone.

        Returns:
            Whether that was all of it.

        Raises:
            FleetError: as ``unpin``.
        """
        self._armed = None
        with self._of(pin) as ctrl:
            undo_pin(ctrl, pin, frequencies=False)
            return end_rest_of(ctrl, pin)

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
            return end_rest_of(ctrl, pin, now=now)

    def _of(self, pin: Pin) -> WpaCtrl:
        """Connect, to undo a pin of this interface.

        Raises:
            NotFound: it is another interface's; or as WpaCtrl.
        """
        if pin.interface != self._interface:
            raise NotFound(f"this pin belongs to {pin.interface}", where=self._interface)
        return self._connect()
