# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What the modules for profiles share."""

    DOCUMENTATION = r"""
options:
  interface:
    description:
      - The interface that the networks are for.
      - It need not exist yet. Then only wpa_supplicant's file is written.
    type: str
    required: true
  path:
    description:
      - wpa_supplicant's configuration file for the interface, on the laptop.
      - Without it, V(/etc/wpa_supplicant/wpa_supplicant-INTERFACE.conf), which C(wpa_supplicant@INTERFACE.service)
        reads on Debian and Ubuntu, and on others where the role P(vpro.fleet.supplicant#role) put the service.
      - A symbolic link is followed. A file that does not exist is made, with a control interface in it.
      - A module takes it for granted that this is the file that the running supplicant reads.
      - NetworkManager stores its profiles itself. Where it is the backend, this option is refused.
    type: path
  backend:
    description:
      - Who is told of the networks.
      - With V(auto), whoever runs the interface. That is NetworkManager where it manages the interface, by its own
        record in C(/run/NetworkManager/devices), or by its own word where it has recorded nothing and no wpa_supplicant
        has a control socket for the interface. Otherwise it is wpa_supplicant. If neither has the interface and iwd
        runs, or if NetworkManager goes through iwd (C(wifi.backend=iwd)), the module refuses.
      - With V(wpa_supplicant), its file and its control socket, whoever runs the interface.
      - With V(networkmanager), NetworkManager's profiles. Refused if it does not run the interface, or through iwd.
    type: str
    choices: [auto, wpa_supplicant, networkmanager]
    default: auto
requirements:
  - wpa_supplicant 2.10 or newer with C(wpa_supplicant@.service) or the like. Nothing else is needed on the laptop.
  - Or NetworkManager 1.42 or newer, with the Python library jeepney 0.7.1 or newer (C(python3-jeepney)).
notes:
  - With NetworkManager, profiles are made, changed and deleted over its own D-Bus interface, so it stores them itself,
    as keyfiles of mode 0600 below C(/etc/NetworkManager/system-connections). Secrets are the system's (flags 0).
  - NetworkManager's profiles for another interface or device, for some users alone, of other kinds, and for access
    points or ad-hoc networks are not touched. A declared network becomes the interface's own (C(interface-name)), also
    if a profile without an interface is made to fit.
  - In a profile of NetworkManager's, what a declared one decides on is set, and what would contradict it is removed, as
    described below for wpa_supplicant. Any other setting, such as those of addresses, routes, proxies and the profile's
    name, stays. A new profile has NetworkManager's own defaults, and the SSID as its name. Of several profiles with one
    SSID, the one in use is kept.
  - Several profiles of NetworkManager's are made all or none. What was done is taken back if it refuses a later one. To
    know whether a secret is the declared one, the module asks NetworkManager for it.
  - A connection of NetworkManager's that stands is not touched, unless its profile is removed. What was changed of it
    applies from the next connection on, which a warning says. That is so for C(enabled), too.
  - NetworkManager takes priorities from -999 to 999. It uses SAE for V(psk), too, where an access point offers both.
    For V(psk+sae), releases up to July 2026 join by themselves only access points that offer PSK. Declare networks of
    WPA3 alone as V(sae).
  - The notes that follow are about wpa_supplicant.
  - A network is known by its SSID. If there are several with the declared one, whatever their security, one is made to
    fit and the others are removed. Access points, mesh networks and P2P groups in the same file are left alone.
  - In the block of a network, the variables that a profile decides on are set or removed. So are those that would
    contradict it, such as other ciphers, keys or roots of trust (C(proto), C(pairwise), C(group), C(wep_key0),
    C(ca_path), and so on). Any other variable (C(bgscan), C(scan_freq), C(phase1), C(altsubject_match), C(id_str), ...)
    and every comment stay. So does everything outside of the block, byte for byte.
  - The file is written whole or not at all, with mode 0600 and owned by root. Other permissions count as a change.
  - The running supplicant is changed over its control socket, variable by variable, and never by a reload, which would
    drop the link. A link drops only if its network is removed, disabled, or changed in such a way that wpa_supplicant
    drops it, which for SAE and EAP is any change but of C(priority) and C(bssid). A changed PSK or password is used
    from the next connection on.
  - wpa_supplicant does not tell its secrets. That it has those of the file is known if it started after the file's last
    change, or if that change was made by this collection. Otherwise the secrets are set anew, once, and reported as
    changed. If that would drop a link of SAE or EAP, the module warns instead.
  - A secret that somebody sets by hand over the control socket, and not in the file, is set back at the next run unless
    the network is the current one. It is not reported as a change. For an EAP password or a PSK in hex, it takes a
    restart of the supplicant.
  - If no supplicant can be reached, or NetworkManager runs the interface and O(backend=wpa_supplicant), the file is
    brought up to date, and RV(runtime.reason) and a warning say why nothing else was.
  - A handover that is at work on the radio is waited for, for 45 seconds. A pin that a killed one left is undone first.
    If it goes on, or the watcher keeps the laptop at CSME's access point all that time, wpa_supplicant's file alone is
    brought up to date; with NetworkManager the module fails with the code V(timed_out), and has changed nothing.
"""
