# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CSME behind the real iwlmei: a management engine in software, and what stands between it and a laptop's radio.

It takes the place of the stand-in: a laptop has the one or the other.
"""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List, Mapping

from ..engine import sap
from ..engine.sap import MeMessage
from ..errors import LabError
from ..laptop.control import INTERFACE, MAC, Laptop
from ..laptop.engine import install_engine
from ..laptop.radios import DRIVERS_UP, FIRMWARE, FIRMWARE_SOCKET
from ..progress import Progress
from .ap import AccessPoint
from .csme import ADDRESSES, CABLE, NAMESPACE, RADIO, begin_station, wait_for_station
from .security import SECURITY
from .session import Session

#: What the firmware writes down.
LOG = "/run/csme-engine.log"
_OUTPUT = "/run/csme-engine.out"
_STATUS = "/sys/kernel/debug/iwlmei/status"
#: Waits until iwlmei says that SAP is up.
_CONNECTED = f'for i in $(seq 600); do [ "$(cat {_STATUS} 2>/dev/null)" = 1 ] && exit; sleep 0.05; done; exit 1'
_HARD = f"cat /sys/class/net/{INTERFACE}/phy80211/rfkill*/hard"
#: What iwlmei's debug messages say of each that it sends, and of each that it has got (``mei/main.c``). Its trace
#: events say more, but Debian's 6.1 is configured without them.
_TOLD = re.compile(r"iwlmei \S+: (Sending|Got a new SAP message: type) (\d+)")


class Engine:
    """The engine of one laptop.

    Args:
        laptop: whose. It has to have the engine, see :func:`vpro_lab.laptop.engine.install_engine`.
    """

    def __init__(self, laptop: Laptop) -> None:
        self._laptop = laptop

    def load(self, *, radios: int = 3) -> None:
        """Load the drivers, as a boot does: radios without CSME."""
        self._laptop.occupied()
        self._laptop.guest.check(DRIVERS_UP.format(count=radios))

    def start(self, *, version: int = 4) -> None:
        """Start the firmware, and wait until iwlmei has connected with it.

        Args:
            version: the newest of SAP that it knows.
        """
        argv = ["python3", FIRMWARE, "--sap", str(version)]
        self._laptop.guest.spawn("csme-engine", argv, _OUTPUT)
        self._laptop.guest.check(_CONNECTED)

    def surround(self, *, security: str = "wpa2-psk", leave: str = "deauth", extra: str = "") -> Session:
        """Build a whole scene: CSME holds the radio for a live session, over an access point.

        Args:
            security: of the access point, see :data:`vpro_lab.air.security.SECURITY`.
            leave: how CSME's station leaves the air at a grant, ``deauth`` or ``silent``.
            extra: lines for hostapd, see :meth:`.ap.AccessPoint.start`.
        """
        guest = self._laptop.guest
        self._laptop.radios()
        ap = AccessPoint(guest)
        ap.start(security, mac=MAC, extra=extra)
        begin_station(guest, ap)
        # Nobody has asked for the radio when CSME begins.
        guest.check(f"ip link set {INTERFACE} down")
        self.start()
        self.join(ap, leave)
        self.do("connection", link_protection=True)
        session = Session(guest)
        session.open()
        return session

    def join(self, ap: AccessPoint, leave: str) -> None:
        """Have CSME's own station, which was started, on the air of an access point, and tell the host of it.

        Args:
            ap: which.
            leave: see :meth:`surround`.
        """
        network = {"interface": RADIO, "namespace": NAMESPACE, "leave": leave, "cable": CABLE, "mac": MAC}
        self.do("station", phy_file="/run/csme-phy", **network)
        self._laptop.guest.check(ADDRESSES)
        wait_for_station(self._laptop.guest)
        scheme = SECURITY[ap.security]
        told = {"ssid": ap.ssid.hex(), "bssid": ap.bssid, "channel": ap.channel}
        self.do("connection", connection={**told, "auth": scheme.auth, "cipher": scheme.cipher})

    @property
    def driver_managed(self) -> bool:
        """Whether the laptop's kernel asks for the radio when the interface comes up, and limits scans."""
        return [int(part) for part in self._laptop.image.kernel_release.split(".")[:2]] >= [6, 4]

    @property
    def blocked(self) -> bool:
        """Whether the laptop's radio is blocked."""
        return self._laptop.guest.check(_HARD).strip() == "1"

    @property
    def connected(self) -> bool:
        """Whether iwlmei says that SAP is up."""
        return self._laptop.guest.run(f"cat {_STATUS}").out.strip() == "1"

    def state(self) -> Mapping[str, Any]:
        """Return how CSME stands."""
        return self.do("state")

    def do(self, what: str, **arguments: object) -> Mapping[str, Any]:
        """Have CSME do something, see :mod:`vpro_lab.engine.firmware`; return how it stands then.

        Raises:
            LabError: it refused.
        """
        command = json.dumps({"do": what, **arguments})
        told = self._laptop.guest.ask(FIRMWARE_SOCKET, command)
        if not told:  # what is written down for a boot is not answered
            return {}
        answer: Dict[str, Any] = json.loads(told)
        if "error" in answer:
            raise LabError(f"the engine refused {command}: {answer['error']}")
        state: Mapping[str, Any] = answer["state"]
        return state

    def owns(self, connection: Mapping[str, object], *, link_protection: bool = True) -> None:
        """Let CSME be connected, with a session or without, and tell the host."""
        self.do("connection", connection=connection, link_protection=link_protection)

    def log(self) -> List[Dict[str, Any]]:
        """Return what happened so far: messages both ways, and what CSME did."""
        return [json.loads(line) for line in self._laptop.guest.read(LOG).splitlines()]

    def clear_log(self) -> None:
        """Forget what happened so far."""
        self._laptop.guest.write(LOG, "")

    def noted(self, name: str) -> List[Dict[str, Any]]:
        """Return what CSME noted of a kind since it last took the radio, in order."""
        lines = self.log()
        taken = [number for number, line in enumerate(lines) if line.get("event") == "take"]
        return [line for line in lines[taken[-1] if taken else 0 :] if line.get("event") == name]

    def said(self) -> List[str]:
        """Return the names of all messages so far without doorbells, those of CSME with a ``>`` before them."""
        return [
            ("> " if line["from"] == "csme" else "") + line["name"]
            for line in self.log()
            if "from" in line and line["name"] != MeMessage.CHECK_SHARED_AREA.name
        ]

    def told_by_iwlmei(self) -> List[str]:
        """Return the same as iwlmei itself tells it, without those by which SAP starts."""
        return [
            ("" if how == "Sending" else "> ") + sap.name_of(int(number))
            for how, number in _TOLD.findall(self._laptop.guest.check("dmesg"))
        ]


def installed(laptop: Laptop) -> Engine:
    """Return the engine of a laptop that may have had the stand-in before. It has no radios now."""
    install_engine(laptop, Progress(quiet=True))
    return Engine(laptop)
