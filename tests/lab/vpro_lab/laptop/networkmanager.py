# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The profiles of a laptop whose radio NetworkManager runs."""

from __future__ import annotations

from typing import Mapping

from .control import INTERFACE, Laptop

PROFILES = "/etc/NetworkManager/system-connections"
#: Has NetworkManager read its profiles anew, if it runs.
_RELOAD = "! systemctl is-active -q NetworkManager.service || nmcli connection reload"


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


def configure(laptop: Laptop, profiles: Mapping[str, str]) -> None:
    """Give NetworkManager these profiles; if it runs, it reads them anew.

    Args:
        laptop: a laptop with NetworkManager.
        profiles: each in NetworkManager's own format, by its name.
    """
    for name, text in profiles.items():
        laptop.guest.write(f"{PROFILES}/{name}.nmconnection", text, mode=0o600)
    laptop.guest.check(_RELOAD)
