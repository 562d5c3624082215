# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CSME: the kernel module's control file, CSME's own station, and the data path that carries its session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Optional, Tuple

from ..errors import LabError
from ..laptop.control import INTERFACE, MAC
from ..laptop.guest import Guest
from .ap import ADDRESS, BSSID, LAPTOP_ADDRESS, AccessPoint
from .security import SECURITY, network_block

NAMESPACE = "csme"
RADIO = "csme0"
#: TCP port of the management session: the one AMT redirection uses (16994).
SESSION_PORT = 16994

_DEBUGFS = "/sys/kernel/debug"

#: CSME's end of the cable.
CABLE = "sap1"
#: CSME's end of the cable has the laptop's MAC and IP address, and a route of a higher metric, so that its traffic
#: takes the cable when its own radio is down. The address also stands on its loopback: the kernel drops a downed
#: interface's local route, and the session's socket must not notice.
ADDRESSES = f"""
set -e
ip -n csme addr add {LAPTOP_ADDRESS}/32 dev lo
ip -n csme link set {CABLE} up
ip -n csme addr add {LAPTOP_ADDRESS}/24 metric 200 dev {CABLE}
ip -n csme neigh replace {ADDRESS} lladdr {BSSID} dev {CABLE} nud permanent
ip -n csme addr add {LAPTOP_ADDRESS}/24 metric 100 dev {RADIO}
"""
#: The SAP path: what arrives on the laptop's radio for the session's port goes to CSME, and CSME's frames go out of
#: the radio.
_SAP_PATH = f"""
set -e
ip link add sap0 type veth peer name {CABLE} netns csme address {MAC}
ip link set sap0 up
tc qdisc add dev {INTERFACE} clsact
tc filter add dev {INTERFACE} ingress protocol ip flower ip_proto tcp dst_port {SESSION_PORT} \\
    action mirred egress redirect dev sap0
tc qdisc add dev sap0 clsact
tc filter add dev sap0 ingress matchall action mirred egress redirect dev {INTERFACE}
{ADDRESSES}"""
#: CSME shares the host's address: it sees what the host gets by DHCP, and uses that from then on. A session that has
#: another address is over then.
_SHARED_ADDRESS = f"""
ip -o -4 monitor address dev {INTERFACE} | while read -r line; do
    case "$line" in
        Deleted* | *" inet {LAPTOP_ADDRESS}/"* | *" scope link "*) ;;
        *" inet "*) echo "$line"; ip -n csme address flush scope global; break ;;
    esac
done
"""
#: The log of CSME's own wpa_supplicant.
_LOG = "/run/lab-csme.log"


def begin_station(guest: Guest, ap: AccessPoint) -> None:
    """Start CSME's own station, for a running access point."""
    frequency = 2407 + 5 * ap.channel if ap.channel < 14 else 5000 + 5 * ap.channel
    block = network_block(ap.security, ap.ssid, f"bssid={ap.bssid}\nscan_freq={frequency}\n")
    guest.write("/run/lab-csme.conf", f"ctrl_interface=/run/lab-csme\ncountry=US\n{block}", mode=0o600)
    guest.run(f"rm -f {_LOG}")
    argv = ["wpa_supplicant", "-t", "-Dnl80211", f"-i{RADIO}", "-c/run/lab-csme.conf"]
    guest.spawn("csme-supplicant", argv, _LOG, NAMESPACE)


def wait_for_station(guest: Guest) -> None:
    """Wait until CSME's own station is connected. From now on, CSME has the address that the host gets."""
    guest.spawn("csme-address", ["sh", "-c", _SHARED_ADDRESS], "/run/lab-csme-address.log")
    guest.wait_for(_LOG, "CTRL-EVENT-CONNECTED", 30)


@dataclass(frozen=True)
class LogLine:
    """One line of the stand-in's log: CLOCK_MONOTONIC in seconds, what happened, details."""

    t: float
    event: str
    details: str


class Csme:
    """CSME of one laptop.

    Args:
        guest: the laptop's agent.
        standin: the kernel module that plays it; ``csme_standin2`` is that of a second radio.
    """

    def __init__(self, guest: Guest, standin: str = "csme_standin") -> None:
        self._guest = guest
        #: Its files in the laptop (see ``tests/lab/kmod/README.md``).
        self.folder = f"{_DEBUGFS}/{standin}"

    @property
    def blocks_at_once(self) -> bool:
        """Whether the radio is blocked before anybody has brought its interface up."""
        return True

    def block(self) -> None:
        """Hold the radio with its block, now that the host's supplicant runs: that changes nothing here."""

    # -- for the laptop's shell -----------------------------------------------------------------------------------

    def asked(self, times: int = 1) -> str:
        """Return a command that succeeds once the host has asked for the radio so often."""
        return f"[ $(sed -n 's/^requests=//p' {self.folder}/control) -ge {times} ]"

    @property
    def granted(self) -> str:
        """A command that succeeds once CSME has given the radio away, since its log was cleared."""
        return f"grep -q unblock {self.folder}/log"

    # -- the stand-in ---------------------------------------------------------------------------------------------

    def control(self, command: str) -> None:
        """Give the kernel module one command (see ``tests/lab/kmod/README.md``).

        Raises:
            LabError: the module refused it; the message carries what it said.
        """
        try:
            self._guest.write(f"{self.folder}/control", command)
        except LabError as error:
            said = self._guest.run("dmesg | tail -n 3").out.strip()
            raise LabError(f"the CSME stand-in refused {command!r}: {error}\n{said}") from None

    def state(self) -> Dict[str, str]:
        """Return the stand-in's own truth."""
        lines = self._guest.read(f"{self.folder}/control").splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def log(self) -> Tuple[LogLine, ...]:
        """Return what happened so far."""
        lines = []
        for line in self._guest.read(f"{self.folder}/log").splitlines():
            when, event, *details = line.split(" ", 2)
            lines.append(LogLine(int(when) / 1e9, event, " ".join(details)))
        return tuple(lines)

    def clear_log(self) -> None:
        """Forget what happened so far."""
        self._guest.write(f"{self.folder}/log", "clear")

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
        suffix = "" if band is None else f" band={band}"
        self.control(
            f"connection ssid={ssid.hex()} bssid={bssid} channel={channel} auth={auth} cipher={cipher}{suffix}"
        )

    def on(self, ap: AccessPoint) -> None:
        """Report the connection that a station of *ap* has."""
        scheme = SECURITY[ap.security]
        self.connection(ssid=ap.ssid, channel=ap.channel, auth=scheme.auth, cipher=scheme.cipher)

    def reports_none(self) -> None:
        """Have reported no connection."""
        self.control("connection none")

    def answers(self, how: str, after: float = 0.0) -> None:
        """Say what it answers to the next requests.

        Args:
            how: ``grant``, ``deny``, ``silent``, or ``unasked``, which only the stand-in knows.
            after: how long the answer takes, in seconds.
        """
        self.control(f"answer {how}")
        self.control(f"grant_delay {after * 1000:.0f}")

    def waits(self, seconds: float) -> None:
        """Say how long the host has to connect after a grant; 0: for ever."""
        self.control(f"deadline {seconds * 1000:.0f}")

    def roaming(self, forbidden: bool) -> None:
        """Report to a host that has the radio that a session forbids it to roam, or that none does any more."""
        self.control(f"roaming {'forbidden' if forbidden else 'allowed'}")

    def protects(self, session: bool) -> None:
        """Report that a session is open, or that none is."""
        self.control(f"link_protection {int(session)}")

    def begin(self, generation: str) -> None:
        """Begin, below a kernel of that generation: ``userspace`` (which empty is, too) or ``driver``-managed."""
        self.control(f"generation {generation or 'userspace'}")

    def own(self, link_protection: bool = True) -> None:
        """CSME owns the radio from now on."""
        self.control(f"own link_protection={int(link_protection)}")

    def quiet(self) -> None:
        """Say nothing of the session once the host is connected, until :meth:`roaming` says it."""

    def take(self, wait: bool = True) -> None:
        """CSME takes the radio this moment."""
        self.control("take")

    def release(self) -> None:
        """CSME gives the radio up by itself."""
        self.control("release")

    # -- the station ------------------------------------------------------------------------------------------------

    def connect(self, ap: AccessPoint, leave: str = "deauth") -> None:
        """Connect CSME's own station to *ap*, lay the data path, and tell the stand-in of both.

        Args:
            ap: a running access point.
            leave: how the station leaves the air at a grant: ``deauth`` tells the access point, ``silent`` leaves the
                association behind (which of the two the firmware does is not known).
        """
        begin_station(self._guest, ap)
        self._guest.check(_SAP_PATH)
        wait_for_station(self._guest)
        self.leaves(leave)
        self.on(ap)

    def leaves(self, how: str) -> None:
        """Say how CSME's station, which is on the air, leaves it at a grant: see :meth:`connect`."""
        self.control(f"station {RADIO} @pid(csme-supplicant) leave={how}")

    def disconnect(self) -> None:
        """End CSME's station."""
        self.control("station none")
        self._guest.stop("csme-address")
        self._guest.stop("csme-supplicant")
