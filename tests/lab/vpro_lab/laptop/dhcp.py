# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who runs DHCP on a laptop's radio, where it is not who does so by default."""

from __future__ import annotations

from .control import INTERFACE, MAC, Laptop

#: Makes systemd-networkd leave the radio alone. It comes before the laptop's own file.
_UNMANAGED = "/run/systemd/network/05-lab-alone.network"
#: What an administrator writes for systemd-networkd (docs/getting-started.md), where no role does.
_IDENTITY = "/run/systemd/network/20-radio.network.d/lab.conf"


def identify(laptop: Laptop) -> None:
    """Have systemd-networkd identify the laptop by its MAC address, unless a role has done that already."""
    laptop.guest.check(
        f"test -d /etc/systemd/network/20-radio.network.d || test -e {_IDENTITY} || "
        f"{{ mkdir -p $(dirname {_IDENTITY}) && printf '[DHCPv4]\\nClientIdentifier=mac\\n' > {_IDENTITY} && "
        f"networkctl reload; }}"
    )


def use_dhcpcd(laptop: Laptop) -> None:
    """Have dhcpcd run DHCP on the radio, and systemd-networkd leave it alone.

    Raises:
        LabError: dhcpcd did not start.
    """
    guest = laptop.guest
    guest.run("mkdir -p /run/systemd/network")
    guest.write(_UNMANAGED, f"[Match]\nName={INTERFACE}\n[Link]\nUnmanaged=yes\n")
    guest.check("networkctl reload")
    # What the role supplicant writes. Debian's file has "duid", and an identifier that is written out counts more.
    guest.check(f"printf 'interface {INTERFACE}\\nclientid 01:{MAC}\\n' >> /etc/dhcpcd.conf")
    guest.check(f"systemd-run --unit lab-dhcpcd dhcpcd -B --allowinterfaces {INTERFACE} --nohook resolv.conf")
    laptop.wait_until("dhcpcd", lambda: guest.run("test -s /run/dhcpcd/pid").rc == 0, 60)
