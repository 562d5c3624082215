# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What systemd-udevd does to the laptop's radio when it comes."""

from __future__ import annotations

from .control import MAC, Laptop

_FILE = "/etc/systemd/network/10-lab.link"


def give_address(laptop: Laptop, setting: str) -> str:
    """Take the radios away, and have udevd give the next first one a MAC address. Return the path of the file.

    Args:
        laptop: the laptop.
        setting: the line of the file's section ``[Link]``.
    """
    laptop.no_radios()
    text = f"[Match]\nPermanentMACAddress={MAC}\n[Link]\nNamePolicy=keep kernel\n{setting}\n"
    laptop.guest.write(_FILE, text)
    # udevd looks for changed files every few seconds alone.
    laptop.guest.check("udevadm control --reload")
    return _FILE


def address(laptop: Laptop, interface: str) -> str:
    """Return the MAC address that an interface has now."""
    return laptop.guest.read(f"/sys/class/net/{interface}/address").strip()
