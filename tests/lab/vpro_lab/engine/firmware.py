# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The firmware: it serves the device, and does what the lab says.

A command is a JSON object, one a line, and so is its answer: ``{"state": {...}}`` or ``{"error": "..."}``. ``do`` says
what to do:

- ``state``: nothing;
- ``behaviour``, with fields of :class:`.ownership.Behaviour`;
- ``connection``, with ``link_protection``, and ``connection`` as :class:`.sap.Connection` (SSID and BSSID in
  hexadecimal): what CSME has now, which it tells the host;
- ``station``, with ``interface``, ``namespace``, ``phy_file`` (a file with the radio's name), ``leave``, ``cable`` and
  ``mac``: CSME's own network from now on, see :mod:`.station`;
- ``leave``, with ``how``: how that station leaves the air at a grant;
- ``own``, with ``link_protection``: CSME owns the NIC, and takes it if the host has it;
- ``content``: the deadline is over;
- ``mute``, with ``on``: whether SAP does not start from now on;
- ``personality``, with ``name``: what AMT is, see :data:`.personality.PERSONALITIES`. ``asked`` of the state has all
  that PTHI and MKHI were ever asked;
- ``twist``, with ``client`` and ``how``: what becomes of the answers of PTHI or MKHI, see :data:`.amt.TWISTS`;
- ``amt``, with ``on``; ``take``; ``offer``: see :class:`.ownership.Csme`;
- ``later``, with ``seconds`` and ``command``: what to do then, also while the laptop's own programs are frozen;
- ``deaf``: CSME reads nothing of what iwlmei says until SAP starts again;
- ``raw``, with ``hex``: bytes for the queue of notifications, as they are; a space begins the next ones, which come
  when the host has read those before. ``raw`` of the state is how many are still to come, and ``raw_sent`` how many
  went into the queue: none does while SAP is down;
- ``reset``: the firmware crashes and starts again;
- ``power_off``: the device goes, and the firmware ends when the host has said goodbye.

The log has a JSON object for each message and each thing that CSME did, with ``at``, the time in nanoseconds
(CLOCK_MONOTONIC).
"""

from __future__ import annotations

import json
import time
from collections import deque
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Callable, Deque, Dict, Mapping, Optional, TextIO

from . import amt, hbm, sap, shared
from .bus import Bus, Client
from .device import Device, HostReset
from .nic import Register
from .ownership import ANSWERS, Csme
from .personality import PERSONALITIES
from .sap import Connection, NicOwner
from .station import LEAVES, Cable, Radio
from .timers import Timers
from .wlan import Wlan

#: The addresses of the clients on the bus.
_WLAN, _PTHI, _MKHI = 7, 8, 9
#: The pause between two looks whether the host has read a message that was sent as it is, in seconds.
_BREATH = 0.001


class Firmware:
    """The engine's firmware, with what it is told to do.

    Args:
        device: which it serves.
        log: where it writes what happens.
        version: of SAP.
    """

    def __init__(self, device: Device, log: TextIO, version: int) -> None:
        self._device = device
        self._log = log
        self.timers = Timers()
        self.csme = Csme(self.timers, self._note, nic=Register())
        self.wlan = Wlan(self.csme, device.memory, self._record, version)
        self.csme.attach(self.wlan)
        self.cable: Optional[Cable] = None
        self._radio: Optional[Radio] = None
        self._raws: Deque[bytes] = deque()
        self._raw_sent = 0
        self.amt = amt.Amt()
        clients: Mapping[int, Client] = {_WLAN: self.wlan, _PTHI: self.amt.pthi, _MKHI: self.amt.mkhi}
        self._bus = Bus(clients, {sap.BUFFER: _WLAN}, device.write)
        self._commands: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
            "state": self._do_nothing,
            "behaviour": self._behaviour,
            "connection": self._connection,
            "station": self._station,
            "leave": self._leave,
            "own": self._own,
            "content": self._content,
            "mute": self._mute,
            "personality": self._personality,
            "twist": self._twist,
            "amt": self._amt,
            "take": self._take,
            "offer": self._offer,
            "later": self._later,
            "deaf": self._deaf,
            "raw": self._raw,
            "reset": self._reset,
            "power_off": self._power_off,
        }

    def serve(self) -> bool:
        """Take what the host says; return False when there is no device any more."""
        message = self._device.read()
        if message is None:
            return False
        with suppress(HostReset):
            if message == hbm.RESET:
                self._note("host_reset", {})
                self._bus.reset()
                self._device.ready()
            else:
                self._receive(message)
        return True

    def carry(self) -> None:
        """Have the host send what CSME sends over its radio."""
        while self.cable is not None:
            frame = self.cable.read()
            if frame is None:
                return
            with suppress(HostReset):
                self.wlan.transmit([frame])

    def _receive(self, message: bytes) -> None:
        try:
            self._bus.receive(message)
        except (hbm.Malformed, shared.QueueCorrupt) as error:
            self._note("malformed", {"text": str(error)})

    def obey(self, line: bytes) -> bytes:
        """Do what a command says; return the answer."""
        try:
            command = json.loads(line)
            with suppress(HostReset):
                self._commands[command["do"]](command)
        except (KeyError, TypeError, ValueError) as error:
            return json.dumps({"error": f"{type(error).__name__}: {error}"}).encode()
        return json.dumps({"state": self.state()}).encode()

    def state(self) -> Dict[str, object]:
        """Return how CSME stands."""
        known = self.csme.state
        return {
            "owner": known.owner.name,
            "amt": known.amt,
            "sap": self.wlan.started,
            "connection": known.connection.text,
            "driver_up": known.driver_up,
            "link_protection": known.link_protection,
            "host_link": known.host is not None,
            "mac": known.mac.hex(":"),
            "radio": known.radio,
            "raw": len(self._raws),
            "raw_sent": self._raw_sent,
            "asked": self.amt.asked,
            **known.counts,
        }

    def _do_nothing(self, command: Mapping[str, Any]) -> None:
        pass

    def _behaviour(self, command: Mapping[str, Any]) -> None:
        if command.get("answer", ANSWERS[0]) not in ANSWERS:
            raise ValueError(f"no answer: {command['answer']}")
        for name, value in command.items():
            if name != "do":
                if not hasattr(self.csme.behaviour, name):
                    raise ValueError(f"no behaviour: {name}")
                setattr(self.csme.behaviour, name, value)
        self.csme.hold()

    def _connection(self, command: Mapping[str, Any]) -> None:
        told = command.get("connection")
        connection = None
        if told is not None:
            texts = {name: _bytes(told[name]) for name in ("ssid", "bssid") if name in told}
            connection = Connection(**{**told, **texts})
        self.csme.tell_connection(connection, command.get("link_protection"))

    def _station(self, command: Mapping[str, Any]) -> None:
        if command["leave"] not in LEAVES:
            raise ValueError(f"no way to leave: {command['leave']}")
        if self.cable is not None:
            raise ValueError("CSME has a network already")
        namespace = command["namespace"]
        try:
            phy = Path(command["phy_file"]).read_text(encoding="ascii").strip()
            radio = Radio(command["interface"], namespace, phy, command["leave"])
            self.cable = Cable(command["cable"], namespace, _bytes(command["mac"]))
        except OSError as error:
            raise ValueError(str(error)) from error
        self._radio = radio
        self.csme.settle(radio, self.cable)

    def _leave(self, command: Mapping[str, Any]) -> None:
        if self._radio is None:
            raise ValueError("CSME has no station")
        if command["how"] not in LEAVES:
            raise ValueError(f"no way to leave: {command['how']}")
        self._radio.leaves = command["how"]

    def _own(self, command: Mapping[str, Any]) -> None:
        self.csme.tell_connection(link_protection=command["link_protection"])
        if self.csme.state.owner is NicOwner.HOST:
            self.csme.take()

    def _content(self, command: Mapping[str, Any]) -> None:
        self.csme.be_content()

    def _mute(self, command: Mapping[str, Any]) -> None:
        self.wlan.mute = command["on"]

    def _amt(self, command: Mapping[str, Any]) -> None:
        self.csme.switch_amt(command["on"])

    def _personality(self, command: Mapping[str, Any]) -> None:
        self.amt.personality = PERSONALITIES[command["name"]]

    def _twist(self, command: Mapping[str, Any]) -> None:
        teller = {"pthi": self.amt.pthi, "mkhi": self.amt.mkhi}[command["client"]]
        teller.twist = amt.TWISTS[command["how"]]

    def _take(self, command: Mapping[str, Any]) -> None:
        self.csme.take()

    def _offer(self, command: Mapping[str, Any]) -> None:
        self.csme.offer()

    def _later(self, command: Mapping[str, Any]) -> None:
        later = command["command"]
        self.timers.after(command["seconds"], partial(self._commands[later["do"]], later))

    def _deaf(self, command: Mapping[str, Any]) -> None:
        self.wlan.deaf = True

    def _raw(self, command: Mapping[str, Any]) -> None:
        whole = [bytes.fromhex(each) for each in command["hex"].split()]
        if not self._raws:
            self.timers.after(0.0, self._send_raw)
        self._raws.extend(whole)

    def _send_raw(self) -> None:
        # The host has to be served meanwhile: it lets each doorbell ring only when it has answered the one before.
        if self._raws and self.wlan.heard:
            self._raw_sent += self.wlan.raw(self._raws.popleft())
        if self._raws:
            self.timers.after(_BREATH, self._send_raw)

    def _reset(self, command: Mapping[str, Any]) -> None:
        self._raws.clear()
        self._device.reset()

    def _power_off(self, command: Mapping[str, Any]) -> None:
        self._device.power_off()

    def _note(self, event: str, details: Mapping[str, object]) -> None:
        self._write({"event": event, **details})

    def _record(self, sender: str, kind: int, name: str, payload: bytes) -> None:
        self._write({"from": sender, "type": kind, "name": name, "size": len(payload), "hex": payload.hex()})

    def _write(self, line: Mapping[str, object]) -> None:
        self._log.write(json.dumps({"at": time.monotonic_ns(), **line}) + "\n")


def _bytes(text: str) -> bytes:
    """Return what is written in hexadecimal, or as a MAC address."""
    return bytes.fromhex(text.replace(":", ""))
