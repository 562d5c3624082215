# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""wpa_supplicant as the backend of a handover.

A pin restricts one network to one access point and its channels, and disables the other enabled networks. The latter is
needed because wpa_supplicant restricts a scan only if every enabled network has a ``scan_freq``. A pin changes only
``bssid`` and ``scan_freq``, because a change of any other variable would remove the network's cached keys. Nothing is
saved, so a pin ends when the supplicant ends.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Callable, Optional, Sequence

from ..._network.backend import Listener, Record
from ..._network.pin import Pin
from ..._network.profile import Profile
from ..._network.values import CommandUnsafe, encode_bssid, encode_frequencies, encode_ssid
from ..._system.errors import FleetError, NotFound
from ..._system.patience import PATIENCE, Patience
from . import listener
from .control import WpaCtrl
from .deferred import NARROW, Deferred
from .monitor import WpaMonitor
from .numbers import frequencies_of
from .pinning import (
    SEARCHING,
    apply_pin,
    commands_to_widen,
    find_network,
    give_frequencies_back,
    is_reset,
    known_frequencies,
    retried,
    socket_of,
    undo_pin,
)
from .profiles import WpaProfiles


class WpaSupplicant(WpaProfiles):
    """wpa_supplicant on one interface, as the backend of a handover.

    Args:
        interface: the name of the interface.
        path: the path of its control socket, see ``control_socket``.
        deferred: the journal of frequencies that wait for the end of the radio's link.
        patience: how long to wait for answers.
    """

    def __init__(self, interface: str, path: str, deferred: Deferred, patience: Patience = PATIENCE) -> None:
        super().__init__(interface, path, patience)
        self._deferred = deferred
        #: The pin for the listener, from ``pin`` until the pin is undone.
        self._armed: Optional[Pin] = None
        #: The pin whose frequencies wait for the end of the link. The journal has it, too.
        self._waiting: Optional[Pin] = None

    def pin(
        self,
        profile: Profile,
        bssid: str,
        frequencies: Sequence[int],
        record: Optional[Record] = None,
    ) -> Pin:
        """Restrict the supplicant to one access point of a profile's network.

        A link to that network stays. A link to another network is dropped, because that network is disabled. A network
        that wpa_supplicant itself disabled for some seconds (TEMP-DISABLED) counts as enabled, as in wpa_supplicant's
        own scans. If the pinned network is one, this ends.

        Args:
            profile: an enabled profile, from ``profiles``.
            bssid: the address of the access point.
            frequencies: every frequency in MHz that the access point may be on.
            record: see ``Record``. If it raises an exception, nothing is pinned.

        Raises:
            NotFound: the network or the supplicant is gone, or the network was changed or disabled meanwhile.
            CommandUnsafe: *bssid* is not valid, or *frequencies* is empty or not valid.
            SupplicantRefused, TimedOut, AccessDenied, TransportFailed, DecodeFailed: a step failed. The steps before it
                are undone, if the supplicant allows that. ``unpin`` can be called to try that again.
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
                resets=is_reset(mine),
                socket=socket_of(self._path),
            )
            pin = self._deferred.covered_by(pin)
            if record is not None:
                record(pin)
            try:
                apply_pin(ctrl, pin)
            except BaseException:
                self._armed = None
                with suppress(FleetError):  # the first error is more useful, and the journal still has the pin
                    self._unpin(pin)
                raise
        self._armed = pin
        return pin

    def stay(self, profile: Profile, bssid: str, record: Optional[Record] = None) -> Pin:
        """Keep the supplicant at one access point of a profile's network, and change nothing else.

        Only ``bssid`` changes, which does not drop the link. The other networks stay enabled. The supplicant does not
        try them while there is a link.

        Args:
            profile: the connected profile, from ``profiles``.
            bssid: the address of the access point to which it is connected.
            record: see ``Record``. If it raises an exception, nothing is changed.

        Raises:
            NotFound: the network or the supplicant is gone, or the network was changed meanwhile.
            CommandUnsafe: *bssid* is not valid.
            SupplicantRefused, TimedOut, AccessDenied, TransportFailed, DecodeFailed: it failed. If it is not known
                whether the change was made, ``unpin`` can be called.
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
                socket=socket_of(self._path),
            )
            pin = self._deferred.covered_by(pin)
            if record is not None:
                record(pin)
            ctrl.set(pin.network_id, "bssid", pin.bssid)
        return pin

    def widen(self, pin: Pin) -> bool:
        """Give the pinned network its former frequencies back. It stays restricted to the access point.

        This must be called as soon as the scan of the pin's frequencies runs, and before there is a connection.
        wpa_supplicant, at least up to 2.10, flushes a network's PMKSA cache when its ``scan_freq`` changes. That drops
        a link whose keys came from the cache, which is every link by SAE or EAP. (Seen with 2.10. A change of ``bssid``
        does not do that.)

        Returns:
            Whether the supplicant was looking for a network, so that this could be done. If not, nothing was changed.

        Raises:
            NotFound, SupplicantRefused, TimedOut, AccessDenied, TransportFailed, DecodeFailed: see ``unpin``.
        """
        with self._connect() as ctrl:
            commands = commands_to_widen(ctrl, pin, ctrl.networks())
            # The state is asked for last. When the supplicant authenticates, it is too late to change the frequencies,
            # and they may have to wait (``loosen``).
            if ctrl.status().state not in SEARCHING:
                return False
            for command in commands:
                ctrl.command(command)
        return True

    def look_again(self, pin: Pin) -> None:
        """Scan the frequencies of a pin at once. The supplicant joins the network if it finds it there.

        Raises:
            NotFound, SupplicantRefused, TimedOut, AccessDenied, TransportFailed: see ``WpaCtrl``.
        """
        with self._connect() as ctrl:
            ctrl.scan(pin.frequencies)

    def stands(self, pin: Pin) -> bool:
        """Say whether a pin is still set. This raises the errors of ``profiles``."""
        return pin.belongs_to(socket_of(self._path)) and pin.stands(self.profiles())

    def listen(self, warn: Callable[[str], None]) -> Sequence[Listener]:
        """Return the listeners for the supplicant's events and for the end of its process.

        Args:
            warn: is called with a text for people when something that a pin needs could not be done.

        Raises:
            NotFound, AccessDenied, TimedOut, TransportFailed, SupplicantRefused: see ``WpaMonitor``.
        """
        monitor = WpaMonitor(self._path, self._patience)
        try:
            ending = listener.Ending(monitor.pid())
        except FleetError:
            monitor.close()
            raise
        return listener.Listener(monitor, self, lambda: self._armed, warn), ending

    def unpin(self, pin: Pin) -> bool:
        """Undo a pin, so that the host can roam and find other networks again.

        The link stays, with one exception: a link by SAE or EAP drops once if ``widen`` came too late for it.

        Only values that are still as the pin set them are set back, and only networks that this pin disabled are
        enabled (``Pin.keeps_out``). So this does nothing if it is called twice, after a restart of the supplicant, and
        to networks that are gone or that somebody changed or disabled.

        Returns:
            Whether anything was set back.

        Raises:
            NotFound: the supplicant is gone, and its pin with it. Or the pin belongs to another interface.
            SupplicantRefused: the supplicant refused a step. The other steps were done.
            TimedOut, AccessDenied, TransportFailed, DecodeFailed: see ``WpaCtrl``. This can be called again.
        """
        self._armed = None
        return retried(self._unpin, pin)

    def _unpin(self, pin: Pin) -> bool:
        with self._of(pin) as ctrl:
            return undo_pin(ctrl, pin)

    def loosen(self, pin: Pin) -> str:
        """Undo those parts of a pin that can be undone without dropping the link.

        If ``widen`` came too late for a link by SAE or EAP, the frequencies stay. Until ``settle`` gives them back, a
        supplicant without another network scans only these channels.

        Returns:
            ``NARROW`` if the frequencies stay, and else an empty text.

        Raises:
            FleetError: see ``unpin``. Or the journal of the frequencies can't be written.
        """
        self._armed = None
        if retried(self._loosen, pin):
            return ""
        self._deferred.keep(pin)
        self._waiting = pin
        return NARROW

    def _loosen(self, pin: Pin) -> bool:
        with self._of(pin) as ctrl:
            undo_pin(ctrl, pin, frequencies=False)
            return give_frequencies_back(ctrl, pin)

    def ask_for_address(self) -> bool:
        """Return False: wpa_supplicant has no DHCP client."""
        return False

    def may_test_addresses(self) -> bool:
        """Return False: wpa_supplicant has no DHCP client."""
        return False

    def settle(self, *, now: bool = False) -> bool:
        """Give the network of a pin its former frequencies back, if ``loosen`` left them. Change nothing else.

        Args:
            now: do it even if that drops the link. Otherwise it is not done while it would drop a link.

        Returns:
            Whether none are left. That is so, too, when the supplicant is gone, or they are another interface's.

        Raises:
            FleetError: see ``unpin``. Or the journal of the frequencies can't be read or removed.
        """
        pin = self._waiting or self._deferred.pin()
        if pin is None:
            return True
        with suppress(NotFound):
            if not retried(partial(self._settle, now=now), pin):
                return False
        self._waiting = None
        self._deferred.clear()
        return True

    def _settle(self, pin: Pin, *, now: bool) -> bool:
        with self._of(pin) as ctrl:
            return give_frequencies_back(ctrl, pin, now=now)

    def _of(self, pin: Pin) -> WpaCtrl:
        """Connect to the supplicant, after checking that a pin belongs to this interface.

        Raises:
            NotFound: the pin belongs to another interface. See also ``WpaCtrl``.
        """
        if pin.interface != self._interface:
            raise NotFound(f"this pin belongs to {pin.interface}", where=self._interface)
        return self._connect()
