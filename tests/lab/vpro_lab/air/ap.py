# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The access point: hostapd and dnsmasq in a namespace of their own."""

from __future__ import annotations

from ..laptop.guest import Guest
from .security import CERTIFICATES, EAP_USERS, KEY_PASSWORD, SECURITY

NAMESPACE = "ap"
INTERFACE = "ap0"
#: The MAC address of the second hwsim radio: the access point's BSSID.
BSSID = "02:00:00:00:01:00"
#: TEST-NET-1 (RFC 5737): the access point and operator, and the laptop; the host and CSME share the latter.
ADDRESS = "192.0.2.1"
LAPTOP_ADDRESS = "192.0.2.2"
DEFAULT_SSID = b"corp-wifi"
DEFAULT_CHANNEL = 6

_CONFIG = "/run/lab-hostapd.conf"
_LOG = "/run/lab-hostapd.log"
#: The DHCP server's leases, as dnsmasq writes them: when each ends, MAC address, address, name, client identifier.
_LEASES = "/run/lab-leases"
#: dnsmasq's end of a lease that has none. A laptop may be saved with CSME's lease, and go on from there days later.
_NEVER = 0
#: What ``capture_air`` captured.
AIR = "/run/lab-air.pcap"

#: A throw-away CA, server and client certificates for hostapd's EAP server. They outlive each snapshot that has them.
_MAKE_CERTIFICATES = f"""
set -e
[ -d {CERTIFICATES} ] && exit 0
mkdir -p {CERTIFICATES}.new && cd {CERTIFICATES}.new
new="openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
$new -x509 -days 3650 -subj "/CN=Lab CA" -keyout ca.key -out ca.pem 2>/dev/null
$new -subj "/CN=radius.example.org" -addext "subjectAltName=DNS:radius.example.org" -keyout server.key \\
    -out server.csr 2>/dev/null
printf 'subjectAltName=DNS:radius.example.org\\nextendedKeyUsage=serverAuth\\n' > extensions
openssl x509 -req -days 3650 -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile extensions \\
    -out server.pem 2>/dev/null
$new -subj "/CN=laptop.example.org" -keyout plain.key -out client.csr 2>/dev/null
openssl ec -aes256 -passout pass:{KEY_PASSWORD} -in plain.key -out client.key 2>/dev/null
printf 'extendedKeyUsage=clientAuth\\n' > extensions
openssl x509 -req -days 3650 -in client.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile extensions \\
    -out client.pem 2>/dev/null
cat > users
# An authority that signed nothing here.
$new -x509 -days 3650 -subj "/CN=Foreign CA" -keyout /dev/null -out foreign.pem 2>/dev/null
mv {CERTIFICATES}.new {CERTIFICATES}
"""


class AccessPoint:
    """The access point of one laptop's air."""

    bssid = BSSID

    def __init__(self, guest: Guest) -> None:
        self._guest = guest
        self.security = "wpa2-psk"
        self.ssid = DEFAULT_SSID
        self.channel = DEFAULT_CHANNEL

    def start(
        self,
        security: str = "wpa2-psk",
        *,
        ssid: bytes = DEFAULT_SSID,
        channel: int = DEFAULT_CHANNEL,
        mac: str,
        extra: str = "",
    ) -> None:
        """Bring the network up.

        Args:
            security: a name of :data:`vpro_lab.air.security.SECURITY`.
            ssid: its name.
            channel: a 2.4 or 5 GHz channel.
            mac: the laptop's MAC address. CSME's station has it too, and has a lease of :data:`LAPTOP_ADDRESS`.
            extra: lines for hostapd's configuration, after all others: they override them, or begin another network.
        """
        self.security, self.ssid, self.channel = security, ssid, channel
        if security == "wpa2-eap":
            self._guest.run(_MAKE_CERTIFICATES, stdin=EAP_USERS, timeout=120).check()
        self._guest.check(
            f"ip addr replace {ADDRESS}/24 dev {INTERFACE}; ip link set {INTERFACE} up", namespace=NAMESPACE
        )
        mode = "g" if channel <= 14 else "a"
        self._guest.write(
            _CONFIG,
            f"interface={INTERFACE}\ndriver=nl80211\nssid2={ssid.hex()}\nhw_mode={mode}\nchannel={channel}\n"
            f"country_code=US\nctrl_interface=/run/lab-hostapd\nlogger_syslog=0\nlogger_stdout=-1\nieee80211n=1\nwmm_enabled=1\n"
            f"{SECURITY[security].ap}{extra}",
            mode=0o600,
        )
        self._guest.run(f"rm -f {_LOG}")
        self._guest.spawn("hostapd", ["hostapd", "-t", _CONFIG], _LOG, NAMESPACE)
        self._guest.wait_for(_LOG, "AP-ENABLED", 20)
        self._serve_addresses(mac)

    def _serve_addresses(self, mac: str) -> None:
        """Run a DHCP server that gave CSME's station its address before.

        What client identifier CSME sends is not known. Here it is the one that most clients send, which is made of the
        MAC address. It can't be one that is made of the machine's id, because CSME does not know that. A host with
        another identifier gets another address, as from any server that keeps to RFC 2131, 4.2.
        """
        self._guest.check(f'echo "{_NEVER} {mac} {LAPTOP_ADDRESS} * 01:{mac}" >{_LEASES}')
        dhcp = [
            *("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--no-ping", "--log-dhcp"),
            *("--log-facility=-", f"--interface={INTERFACE}", "--bind-interfaces", "--dhcp-authoritative"),
            *(f"--dhcp-range={LAPTOP_ADDRESS},192.0.2.99,1h", f"--dhcp-leasefile={_LEASES}", "--dhcp-option=3"),
        ]
        self._guest.spawn("dnsmasq", dhcp, "/run/lab-dnsmasq.log", NAMESPACE)

    def stop(self) -> None:
        """Take the network off the air."""
        self._guest.stop("dnsmasq")
        self._guest.stop("hostapd")

    def capture(self) -> None:
        """Capture what the access point sees into ``/run/lab-ap.pcap`` (kept with the artifacts)."""
        argv = ["tcpdump", "-U", "-i", INTERFACE, "-w", "/run/lab-ap.pcap"]
        self._guest.spawn("tcpdump", argv, "/run/lab-tcpdump.log", NAMESPACE)

    def capture_air(self) -> None:
        """Capture every frame on the air, as anybody in reach could, into :data:`AIR` (kept with the artifacts)."""
        self._guest.check("ip link set hwsim0 up; rm -f /run/lab-tcpdump.log")
        self._guest.spawn("tcpdump", ["tcpdump", "-U", "-i", "hwsim0", "-w", AIR], "/run/lab-tcpdump.log")
        self._guest.wait_for("/run/lab-tcpdump.log", "listening on hwsim0")

    def stations(self) -> str:
        """Return hostapd's view of its stations."""
        return self._guest.run(f"hostapd_cli -p /run/lab-hostapd -i {INTERFACE} all_sta", namespace=NAMESPACE).out
