# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CSME of a laptop with the engine, as scenes and tests know it: what the stand-in does, by the real iwlmei."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from ..errors import LabError
from ..laptop.control import INTERFACE, Laptop
from ..laptop.guest import Guest
from ..laptop.radios import FIRMWARE
from .ap import BSSID, AccessPoint
from .csme import Csme, LogLine, begin_station
from .engine import LOG, Engine

#: What the engine calls some of what the stand-in's log has.
_EVENTS: Mapping[str, Tuple[str, ...]] = {"grant": ("grant", "unblock")}


class EngineCsme(Csme):
    """CSME of one laptop with the engine.

    Args:
        laptop: whose.
        begun: whether its firmware runs; None: nobody knows.
    """

    def __init__(self, laptop: Laptop, begun: Optional[bool] = None) -> None:
        super().__init__(laptop.guest)
        self._laptop = laptop
        self._engine = Engine(laptop)
        self._begun = begun

    def asked(self, times: int = 1) -> str:
        """See :class:`.csme.Csme`: since its log was cleared."""
        return f'[ $(grep -c \'"event": "request"\' {LOG}) -ge {times} ]'

    @property
    def granted(self) -> str:
        """See :class:`.csme.Csme`."""
        return f'grep -q \'"event": "grant"\' {LOG}'

    def control(self, command: str) -> None:
        """Refuse: no driver does what the stand-in's commands are for, beside what has a method here.

        Raises:
            LabError: always.
        """
        raise LabError(f"the real iwlmei does not do {command!r}: that is for the stand-in")

    def state(self) -> Dict[str, str]:
        """Return how CSME stands, as the stand-in tells it."""
        told = self._do("state")
        return {
            "owner": "host" if told["owner"] == "HOST" else "csme",
            "link_protection": str(int(told["link_protection"])),
            "requests": str(told["requests"]),
            "grants": str(told["grants"]),
            "connection": told["connection"],
        }

    def log(self) -> Tuple[LogLine, ...]:
        """Return what happened so far, with the stand-in's names."""
        lines: List[LogLine] = []
        for noted in self._engine.log():
            name = noted.get("event")
            if name is None:
                continue
            if name == "take" and noted["why"] == "deadline":
                name = "takeback"
            for each in _EVENTS.get(name, (name,)):
                lines.append(LogLine(noted["at"] / 1e9, each, ""))
        return tuple(lines)

    def clear_log(self) -> None:
        """Forget what happened so far."""
        self._engine.clear_log()

    def connection(
        self,
        *,
        ssid: bytes,
        bssid: str = BSSID,
        channel: int = 6,
        auth: int = 7,
        cipher: int = 4,
        band: Optional[int] = None,
    ) -> None:
        """Set the connection that CSME reports."""
        if band is not None:
            raise LabError("iwlmvm reports no band")
        told = {"ssid": ssid.hex(), "bssid": bssid, "channel": channel, "auth": auth, "cipher": cipher}
        self._do("connection", connection=told)

    def reports_none(self) -> None:
        """Have no connection. Real firmware then reports one without a name."""
        self._do("connection", connection={})

    def answers(self, how: str, after: float = 0.0) -> None:
        """See :class:`.csme.Csme`."""
        self._do("behaviour", answer=how, delay=after)

    def waits(self, seconds: float) -> None:
        """See :class:`.csme.Csme`."""
        self._do("behaviour", deadline=seconds)

    def roaming(self, forbidden: bool) -> None:
        """See :class:`.csme.Csme`: to the host that has the radio, an open session is one that forbids to roam.

        CSME is content with the host's connection by then, if it was not before.
        """
        self._do("content")
        self.protects(forbidden)

    def protects(self, session: bool) -> None:
        """See :class:`.csme.Csme`."""
        self._do("connection", link_protection=session)

    def begin(self, generation: str) -> None:
        """See :class:`.csme.Csme`. The generation is the kernel's.

        Raises:
            LabError: the laptop's kernel is of the other one.
        """
        there = "driver" if self._engine.driver_managed else "userspace"
        if generation not in (there, ""):
            raise LabError(f"this kernel is {there}-managed, and not {generation}-managed")

    def own(self, link_protection: bool = True) -> None:
        """See :class:`.csme.Csme`."""
        self._do("own", link_protection=link_protection)

    def quiet(self) -> None:
        """See :class:`.csme.Csme`. When real firmware says it is not known."""
        self._do("behaviour", tells=False)

    def take(self, wait: bool = True) -> None:
        """Take the radio. The host may ask for it at once.

        Args:
            wait: return when CSME has it.
        """
        if not wait:
            self._do("take")
            return
        before = self._do("state")["takes"]
        self._do("take")
        self._laptop.wait_until("CSME's ownership", lambda: self._do("state")["takes"] > before, pause=0.05)

    @property
    def blocks_at_once(self) -> bool:
        """See :class:`.csme.Csme`: not below a driver-managed kernel."""
        return not self._engine.driver_managed

    def block(self) -> None:
        """See :class:`.csme.Csme`. A driver-managed kernel took the radio when its interface came up: take it back.

        Raises:
            LabError: the host does not connect.
        """
        if self._engine.driver_managed:
            self._laptop.wait_until("the host's connection", lambda: bool(self._do("state")["host_link"]), 60)
            self.take()

    def release(self) -> None:
        """End the session, and offer the radio: the driver asks for it by itself."""
        self._do("connection", link_protection=False)
        self._do("offer")

    def connect(self, ap: AccessPoint, leave: str = "deauth") -> None:
        """See :class:`.csme.Csme`."""
        begin_station(self._guest, ap)
        self._begin()
        self._engine.join(ap, leave)

    def leaves(self, how: str) -> None:
        """See :class:`.csme.Csme`."""
        self._do("leave", how=how)

    def disconnect(self) -> None:
        """End CSME's station."""
        self._guest.stop("csme-address")
        self._guest.stop("csme-supplicant")

    def _begin(self) -> None:
        """Start the firmware unless it runs."""
        if self._begun is None:
            self._begun = self._engine.connected
        if not self._begun:
            # Nobody has asked for the radio when CSME begins.
            self._guest.check(f"ip link set {INTERFACE} down")
            self._engine.start()
            self._begun = True

    def _do(self, what: str, **arguments: object) -> Mapping[str, Any]:
        self._begin()
        return self._engine.do(what, **arguments)


class _Lines(Guest):
    """Writes down as lines of a shell what a CSME has its laptop do."""

    def __init__(self) -> None:  # not the parent's: there is no channel
        self.lines: List[str] = []

    def write(self, path: str, text: str, mode: Optional[int] = None) -> None:
        self.lines.append(f"echo '{text}' >{path}")

    def ask(self, path: str, text: str) -> str:
        self.lines.append(f"python3 {FIRMWARE} --ask '{text}'")
        return ""


def as_script(laptop: Laptop, do: Callable[[Csme], None]) -> str:
    """Return the lines by which a laptop's shell has CSME do something, in a moment that only the laptop knows.

    Args:
        laptop: whose CSME.
        do: what it is told; nothing that waits, or reads.
    """
    guest, script = laptop.guest, _Lines()
    laptop.guest = script
    try:
        do(csme_of(laptop, begun=True))
        return "\n".join(script.lines)
    finally:
        laptop.guest = guest


def csme_of(laptop: Laptop, begun: Optional[bool] = None) -> Csme:
    """Return the CSME of a laptop: the stand-in, or the engine.

    Args:
        laptop: whose.
        begun: whether the engine's firmware runs; None: nobody knows.
    """
    return EngineCsme(laptop, begun) if laptop.engine else Csme(laptop.guest)
