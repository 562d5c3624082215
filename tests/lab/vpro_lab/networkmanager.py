# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A laptop whose radio NetworkManager runs: its profiles, and the usual scene around it."""

from __future__ import annotations

from typing import Any

from .ap import DEFAULT_SSID
from .laptop import Laptop
from .scene import OTHER_NETWORKS, Scene, surround
from .security import CERTIFICATES, EAP_IDENTITY, EAP_PASSWORD, PASSPHRASE

PROFILES = "/etc/NetworkManager/system-connections"

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
_SECURITY = {
    "open": "",
    "wpa2-psk": f"[wifi-security]\nkey-mgmt=wpa-psk\npsk={PASSPHRASE}\n",
    "wpa3-sae": f"[wifi-security]\nkey-mgmt=sae\npsk={PASSPHRASE}\n",
    "wpa2-eap": (
        f"[wifi-security]\nkey-mgmt=wpa-eap\n\n[802-1x]\neap=peap;\nidentity={EAP_IDENTITY}\n"
        f"password={EAP_PASSWORD}\nphase2-auth=mschapv2\nca-cert={CERTIFICATES}/ca.pem\n"
        "domain-suffix-match=example.org\n"
    ),
}


def keyfile(name: str, security: str, ssid: bytes, extra: str = "") -> str:
    """Return a profile in NetworkManager's own format.

    Args:
        name: what people call it.
        security: see :data:`vpro_lab.security.SECURITY`; some of them.
        ssid: the network's name.
        extra: lines after those of the security.
    """
    octets = "".join(f"{octet};" for octet in ssid)
    return _KEYFILE.format(name=name, ssid=octets, security=_SECURITY[security] + extra)


def stage(
    laptop: Laptop,
    *,
    security: str = "wpa2-psk",
    ssid: bytes = DEFAULT_SSID,
    credentials: bool = True,
    extra: str = "",
    **surroundings: Any,
) -> Scene:
    """Set the scene of :func:`vpro_lab.scene.stage` on a laptop that NetworkManager runs.

    Args:
        laptop: a booted laptop with NetworkManager.
        security: of the access point.
        ssid: the network's name.
        credentials: whether NetworkManager has a profile for the network.
        extra: lines for that profile.
        surroundings: of :func:`vpro_lab.scene.surround`.
    """
    guest = laptop.guest
    guest.check(f"rm -f {PROFILES}/*; nmcli connection reload")
    scene = surround(laptop, security=security, ssid=ssid, **surroundings)
    for other in OTHER_NETWORKS:
        text = keyfile(other.decode(), "wpa2-psk", other)
        guest.write(f"{PROFILES}/{other.decode()}.nmconnection", text, mode=0o600)
    if credentials:
        guest.write(f"{PROFILES}/corp.nmconnection", keyfile("corp", security, ssid, extra), mode=0o600)
    guest.check("nmcli connection reload")
    return scene


def kept_to(laptop: Laptop) -> str:
    """Return the access points that the supplicant's networks are kept to; nothing is none."""
    lines = laptop.guest.run("wpa_cli -i wlan0 list_networks").out.splitlines()[1:]
    return " ".join(line.split("\t")[2] for line in lines if line.split("\t")[2] != "any")
