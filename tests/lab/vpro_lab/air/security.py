# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the access point demands and what a station needs to satisfy it: one place for both ends of each scheme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict

#: Credentials of the lab's networks. They protect nothing outside the virtual machine.
PASSPHRASE = "correct horse battery"
EAP_IDENTITY = "laptop@example.org"
EAP_PASSWORD = "staple-staple-staple"
#: What the client's private key is encrypted with.
KEY_PASSWORD = "key-of-the-key"
#: Where the access point's EAP server has its certificates, and where a laptop finds the CA (``ca.pem``), and one that
#: has nothing to do with it (``foreign.pem``). On the disk: a profile names them, also after a reboot.
CERTIFICATES = "/var/lib/lab-eap"

#: The options of a profile by EAP-TLS, with what a laptop has for it there.
EAP_TLS: Dict[str, str] = {
    "method": "tls",
    "identity": "laptop.example.org",
    "client_cert": f"{CERTIFICATES}/client.pem",
    "private_key": f"{CERTIFICATES}/client.key",
    "private_key_password": KEY_PASSWORD,
    "ca_cert": f"{CERTIFICATES}/ca.pem",
    "domain_suffix_match": "example.org",
}
#: The same with the same key, which has no password there.
EAP_TLS_PLAIN: Dict[str, str] = {
    **{name: value for name, value in EAP_TLS.items() if name != "private_key_password"},
    "private_key": f"{CERTIFICATES}/plain.key",
}


@dataclass(frozen=True)
class Security:
    """One scheme.

    Attributes:
        name: what scenarios call it.
        auth: the number by which CSME names it (AUTH_MODE).
        cipher: the number by which CSME names the pairwise cipher (STA_CIPHER).
        ap: lines for hostapd.
        station: lines for a wpa_supplicant network block.
    """

    name: str
    auth: int
    cipher: int
    ap: str
    station: str


_RSN = "wpa=2\nrsn_pairwise=CCMP\n"

SECURITY: Dict[str, Security] = {
    s.name: s
    for s in (
        Security("open", 0, 0, "", "key_mgmt=NONE\n"),
        Security(
            "wpa2-psk",
            7,
            4,
            f"{_RSN}wpa_key_mgmt=WPA-PSK\nwpa_passphrase={PASSPHRASE}\n",
            f'key_mgmt=WPA-PSK\npsk="{PASSPHRASE}"\n',
        ),
        Security(
            "wpa3-sae",
            9,
            4,
            f"{_RSN}wpa_key_mgmt=SAE\nieee80211w=2\nsae_password={PASSPHRASE}\n",
            f'key_mgmt=SAE\nieee80211w=2\nsae_password="{PASSPHRASE}"\n',
        ),
        Security(
            "wpa3-owe",
            0,
            4,
            f"{_RSN}wpa_key_mgmt=OWE\nieee80211w=2\n",
            "key_mgmt=OWE\nieee80211w=2\n",
        ),
        Security(
            "wpa3-transition",
            9,
            4,
            f"{_RSN}wpa_key_mgmt=WPA-PSK SAE\nieee80211w=1\nwpa_passphrase={PASSPHRASE}\nsae_password={PASSPHRASE}\n",
            f'key_mgmt=WPA-PSK SAE\nieee80211w=1\npsk="{PASSPHRASE}"\n',
        ),
        Security(
            "wpa2-eap",
            6,
            4,
            f"{_RSN}wpa_key_mgmt=WPA-EAP\nieee8021x=1\neap_server=1\neap_user_file={CERTIFICATES}/users\n"
            f"ca_cert={CERTIFICATES}/ca.pem\nserver_cert={CERTIFICATES}/server.pem\n"
            f"private_key={CERTIFICATES}/server.key\n",
            "key_mgmt=WPA-EAP\neap=PEAP\n"
            f'identity="{EAP_IDENTITY}"\npassword="{EAP_PASSWORD}"\nphase2="auth=MSCHAPV2"\n'
            f'ca_cert="{CERTIFICATES}/ca.pem"\ndomain_suffix_match="example.org"\n',
        ),
    )
}

#: hostapd's own EAP server: who may come in, by which methods.
EAP_USERS = f'* TLS,PEAP,TTLS\n"{EAP_IDENTITY}" MSCHAPV2,TTLS-PAP "{EAP_PASSWORD}" [2]\n'

#: A profile of NetworkManager's, and what each scheme adds to it.
_KEYFILE = """
[connection]
id={name}
type=wifi
interface-name=wlan0

[wifi]
ssid={ssid}
{security}
[ipv4]
method=auto
never-default=true

[ipv6]
method=disabled
"""
_KEYFILE_SECURITY = {
    "open": "",
    "wpa2-psk": f"[wifi-security]\nkey-mgmt=wpa-psk\npsk={PASSPHRASE}\n",
    "wpa3-sae": f"[wifi-security]\nkey-mgmt=sae\npsk={PASSPHRASE}\n",
    "wpa2-eap": (
        f"[wifi-security]\nkey-mgmt=wpa-eap\n\n[802-1x]\neap=peap;\nidentity={EAP_IDENTITY}\n"
        f"password={EAP_PASSWORD}\nphase2-auth=mschapv2\nca-cert={CERTIFICATES}/ca.pem\n"
        "domain-suffix-match=example.org\n"
    ),
}


def network_block(security: str, ssid: bytes, extra: str = "") -> str:
    """Return a wpa_supplicant network block for *ssid* (written as hex: any bytes are safe there)."""
    lines = f"ssid={ssid.hex()}\nscan_ssid=1\n{SECURITY[security].station}{extra}"
    return "network={\n" + "".join(f"\t{line}\n" for line in lines.splitlines()) + "}\n"


def keyfile(name: str, security: str, ssid: bytes, extra: str = "") -> str:
    """Return a profile in NetworkManager's own format.

    Args:
        name: what people call it.
        security: of :data:`SECURITY`: ``open``, ``wpa2-psk``, ``wpa3-sae`` or ``wpa2-eap``.
        ssid: the network's name.
        extra: lines after those of the security.
    """
    octets = "".join(f"{octet};" for octet in ssid)
    return _KEYFILE.format(name=name, ssid=octets, security=_KEYFILE_SECURITY[security] + extra)
