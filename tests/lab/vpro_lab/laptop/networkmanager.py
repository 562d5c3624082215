# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The profiles of a laptop whose radio NetworkManager runs."""

from __future__ import annotations

from typing import Iterable, Tuple

from ..air.security import CERTIFICATES, EAP_IDENTITY, EAP_PASSWORD, PASSPHRASE
from .control import INTERFACE, Laptop

PROFILES = "/etc/NetworkManager/system-connections"
#: Has NetworkManager read its profiles anew, if it runs.
_RELOAD = "! systemctl is-active -q NetworkManager.service || nmcli connection reload"

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
        security: see :data:`vpro_lab.air.security.SECURITY`; some of them.
        ssid: the network's name.
        extra: lines after those of the security.
    """
    octets = "".join(f"{octet};" for octet in ssid)
    return _KEYFILE.format(name=name, ssid=octets, security=_SECURITY[security] + extra)


def state(laptop: Laptop) -> str:
    """Return what NetworkManager says of the laptop's interface."""
    shown = laptop.guest.run(f"nmcli -g GENERAL.STATE device show {INTERFACE}").out  # "100 (connected)"
    return shown.partition("(")[2].strip().rstrip(")")


def look(laptop: Laptop) -> None:
    """Let the laptop find what is on the access point's channel.

    To look at all channels, as NetworkManager does, takes 8 seconds.
    """
    laptop.guest.run(
        f"for i in $(seq 40); do wpa_cli -i {INTERFACE} scan freq=2437 | grep -q OK && exit; sleep 0.25; done"
    )


def forget(laptop: Laptop, *, stop: bool = False) -> None:
    """Take every profile away.

    Args:
        laptop: a laptop with NetworkManager.
        stop: whether NetworkManager is stopped before, and not only told.
    """
    first = "systemctl stop NetworkManager.service; " if stop else ""
    laptop.guest.check(f"{first}rm -f {PROFILES}/*; {_RELOAD}")


def configure(laptop: Laptop, networks: Iterable[Tuple[bytes, str]], *, first: str = "corp", extra: str = "") -> None:
    """Give NetworkManager these profiles; who runs reads them anew.

    Args:
        laptop: a laptop with NetworkManager.
        networks: SSID and security of each.
        first: what the first of them is called; the others have their SSID's name.
        extra: lines for the first of them, after those of its security.
    """
    guest = laptop.guest
    for number, (ssid, security) in enumerate(networks):
        name = ssid.decode() if number else first
        text = keyfile(name, security, ssid, "" if number else extra)
        guest.write(f"{PROFILES}/{name}.nmconnection", text, mode=0o600)
    guest.check(_RELOAD)
