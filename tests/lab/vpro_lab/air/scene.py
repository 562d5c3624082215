# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A whole scene: a laptop whose radio CSME holds for a live session, ready for a handover."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

from ..errors import LabError
from ..laptop import networkmanager
from ..laptop.control import MAC, Laptop
from ..laptop.dhcp import identify
from .ap import DEFAULT_CHANNEL, DEFAULT_SSID, AccessPoint
from .csme import Csme
from .firmware import csme_of
from .security import keyfile, network_block
from .session import Session, SessionRecord
from .timeline import Timeline, timeline

#: Names of other networks that a laptop of a fleet knows and that are not on the air.
OTHER_NETWORKS = (b"home", b"hotel", b"airport")


@dataclass(frozen=True)
class Scene:
    """A laptop, its air, and the session."""

    laptop: Laptop
    ap: AccessPoint
    csme: Csme
    session: Session

    def was_asked(self) -> bool:
        """Say whether somebody asked for ownership since the stand-in's log was cleared."""
        return any(line.event == "request" for line in self.csme.log())

    def check_request(self, output: str) -> None:
        """Make sure that somebody has asked for ownership.

        Raises:
            LabError: nobody has; the message carries *output*.
        """
        if not self.was_asked():
            raise LabError(f"nobody asked for ownership:\n{output}")


def surround(
    laptop: Laptop,
    *,
    security: str = "wpa2-psk",
    ssid: bytes = DEFAULT_SSID,
    channel: int = DEFAULT_CHANNEL,
    leave: str = "deauth",
    session: bool = True,
    generation: str = "",
    capture: bool = False,
    ap_extra: str = "",
    radios: int = 3,
    second: str = "",
) -> Scene:
    """Reset *laptop*'s air and build all of the scene but what the laptop itself runs.

    Args:
        laptop: a booted laptop.
        security: of the access point, see :data:`vpro_lab.air.security.SECURITY`.
        ssid: the network's name.
        channel: the access point's channel.
        leave: how CSME's station leaves the air at a grant, ``deauth`` or ``silent``.
        session: whether the operator opens a session.
        generation: the kernel's, ``userspace`` or ``driver``-managed; empty: with the engine what it is, else the
            first.
        capture: keep what the access point sees for the artifacts.
        ap_extra: lines for hostapd's configuration.
        radios: how many there are, see :meth:`Laptop.radios`.
        second: another interface whose radio CSME may own.
    """
    laptop.radios(radios, second=second)
    ap = AccessPoint(laptop.guest)
    csme = csme_of(laptop, begun=False)
    ap.start(security, ssid=ssid, channel=channel, mac=MAC, extra=ap_extra)
    if capture:
        ap.capture()
    csme.begin(generation)
    csme.connect(ap, leave)
    csme.own()
    scene = Scene(laptop, ap, csme, Session(laptop.guest))
    if session:
        scene.session.open()
    return scene


def stage(
    laptop: Laptop,
    *,
    security: str = "wpa2-psk",
    ssid: bytes = DEFAULT_SSID,
    credentials: bool = True,
    group: str = "netdev",
    start: bool = True,
    extra: str = "",
    identity: bool = True,
    **surroundings: Any,
) -> Scene:
    """Reset *laptop*'s air and build the scene: CSME connected and holding the radio, the operator's session open.

    Args:
        laptop: a booted laptop.
        security: of the access point, see :data:`vpro_lab.air.security.SECURITY`.
        ssid: the network's name.
        credentials: whether who runs the laptop's radio has a profile for the network.
        group: who may use wpa_supplicant's control socket beside root.
        start: whether who runs the radio is started; its configuration is there in any case.
        extra: lines for the profile, where NetworkManager runs the radio.
        identity: whether systemd-networkd identifies the laptop by its MAC address, which is not its default.
        surroundings: of :func:`surround`.
    """
    if laptop.manager == "networkmanager":
        # The engine's CSME begins with an interface that is down, which NetworkManager alone may have set down.
        networkmanager.forget(laptop, stop=not start or laptop.engine)
        scene = surround(laptop, security=security, ssid=ssid, **surroundings)
        mine = {"corp": keyfile("corp", security, ssid, extra)} if credentials else {}
        others = {other.decode(): keyfile(other.decode(), "wpa2-psk", other) for other in OTHER_NETWORKS}
        networkmanager.configure(laptop, {**mine, **others})
        if start:
            laptop.guest.check(f"systemctl start {laptop.service}")
            if credentials:
                scene.csme.block()
        return scene
    if identity:
        identify(laptop)
    scene = surround(laptop, security=security, ssid=ssid, **surroundings)
    networks = "".join(network_block("wpa2-psk", other) for other in OTHER_NETWORKS)
    if credentials:
        networks += network_block(security, ssid)
    laptop.supplicant(networks, group=group, start=start)
    if start and credentials:
        scene.csme.block()
    return scene


def resume(laptop: Laptop, security: str) -> Scene:
    """Return the scene that *laptop* is in: :func:`stage` built it with its defaults, before the laptop was saved.

    Args:
        laptop: one that was restored.
        security: of the access point.
    """
    scene = Scene(laptop, AccessPoint(laptop.guest), csme_of(laptop, begun=True), Session(laptop.guest))
    scene.ap.security = security
    scene.session.is_open = True
    return scene


def without_networks(laptop: Laptop) -> None:
    """Have who runs the laptop's radio run, with no profile at all."""
    if laptop.manager == "networkmanager":
        networkmanager.forget(laptop)
    else:
        laptop.supplicant("")


@dataclass(frozen=True)
class Observation:
    """What the lab itself saw of one handover: nothing in it comes from the collection under test."""

    timeline: Timeline
    session: Optional[SessionRecord]

    @property
    def kept(self) -> bool:
        """Whether the session lives."""
        return self.session is not None and self.session.kept

    @property
    def largest_silence(self) -> float:
        """The session's largest silence since a second before the request, in seconds."""
        assert self.session is not None
        return self.session.largest_silence(self.timeline.request - 1.0)


def settle(scene: Scene, seconds: float) -> None:
    """Wait until the session is lost or *seconds* have passed since the ownership request, by the laptop's clock."""
    request = next(line.t for line in scene.csme.log() if line.event == "request")

    def over() -> bool:
        return scene.laptop.guest.monotonic() - request >= seconds or (
            scene.session.is_open and scene.session.record().lost_at is not None
        )

    scene.laptop.wait_until("the handover's end", over, seconds + 60, pause=0.5)


def observe(scene: Scene) -> Observation:
    """Return what became of the handover that was just made on *scene*; the recorder must have been started."""
    recorded = scene.laptop.recorded()
    session = scene.session.record() if scene.session.is_open else None
    return Observation(timeline(scene.csme.log(), recorded), session)
