# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options and notes that the modules for profiles share."""

    DOCUMENTATION = r"""
options:
  interface:
    description:
      - The interface that the networks are for.
      - The interface need not exist yet. In that case, only wpa_supplicant's file is written.
    type: str
    required: true
  path:
    description:
      - wpa_supplicant's configuration file for the interface, on the laptop.
      - The default is V(/etc/wpa_supplicant/wpa_supplicant-INTERFACE.conf). C(wpa_supplicant@INTERFACE.service) reads
        this file on Debian and Ubuntu, and on other distributions if the role P(vpro.fleet.supplicant#role) installed
        that service.
      - A symbolic link is followed. If the file does not exist, it is created, with a control interface in it.
      - The module assumes that the running supplicant reads this file. It does not check that.
      - NetworkManager stores its profiles itself. If it is the backend, the module fails with this option.
    type: path
  backend:
    description:
      - The program in which the networks are configured.
      - With V(auto), it is the program that manages the interface. That is NetworkManager if its record in
        C(/run/NetworkManager/devices) says so. If there is no record, and no wpa_supplicant has a control socket for
        the interface, the module asks NetworkManager. In all other cases it is wpa_supplicant.
      - With V(auto), the module fails if iwd runs and neither NetworkManager nor wpa_supplicant manages the interface,
        and if NetworkManager uses iwd (C(wifi.backend=iwd)).
      - With V(wpa_supplicant), the module uses wpa_supplicant's file and control socket, no matter which program
        manages the interface.
      - With V(networkmanager), the module uses NetworkManager's profiles. It fails if NetworkManager does not manage
        the interface, or manages it through iwd.
    type: str
    choices: [auto, wpa_supplicant, networkmanager]
    default: auto
  require_usable:
    description:
      - Whether the module fails if a declared network can't carry the session of Intel CSME on, which a handover of the
        radio needs. The code of the error is V(unusable_network). With V(false), the module only warns.
      - Networks with C(enabled=false) are not judged.
      - The module judges the networks as they will be, before it changes anything. If it fails, it has changed no
        network. In check mode it fails too.
      - After a change, the module judges the changed networks of the running supplicant, or NetworkManager's changed
        profiles, once more as they are. If that has another outcome, the error says what was changed. The changes
        stay then, and the result is returned with the error.
    type: bool
    default: false
requirements:
  - wpa_supplicant 2.10 or newer with C(wpa_supplicant@.service) or a similar service. Nothing else is needed on the
    laptop.
  - Or NetworkManager 1.42 or newer, with the Python library jeepney 0.7.1 or newer (C(python3-jeepney)).
notes:
  - Text has to be text already when it gets to the module. YAML takes C(passphrase=012345670123) without quotes for the
    number 1402433619, C(ssid=no) for false, and some MAC addresses for a number. The module refuses that, because it
    can't find out what was written. Quote such text.
  - With NetworkManager, the module adds, changes and deletes profiles over NetworkManager's D-Bus interface.
    NetworkManager stores them itself, as keyfiles of mode 0600 below C(/etc/NetworkManager/system-connections). Their
    secrets are stored for the whole system (flags 0).
  - The module does not change NetworkManager's profiles for another interface or device, profiles that only some users
    may use, profiles of other types, and profiles for access points or ad-hoc networks. A profile is for another
    interface or device by its C(interface-name), C(match.interface-name), C(mac-address) or C(mac-address-denylist). If
    it has another condition in C(match), that is not checked, so the profile stays too, and a warning says so.
  - The profile of a declared network is bound to the interface (C(interface-name)). This is also done if the module
    changes an existing profile without an interface.
  - In a profile of NetworkManager, the settings of the declared network are set, and settings that contradict them are
    removed, as described below for wpa_supplicant, and so are C(band), C(channel) and C(match). All other settings
    stay, such as addresses, routes, proxies and the profile's name. A new profile has NetworkManager's own defaults,
    and the SSID as its name. If several profiles have the same SSID, the one in use is kept.
  - Either all changes of NetworkManager's profiles are made or none. If NetworkManager refuses one of them, the earlier
    ones are taken back. To find out whether a secret is the declared one, the module reads the secret from
    NetworkManager.
  - An active connection of NetworkManager goes on unchanged, unless its profile is removed. Changes of its profile,
    also of C(enabled), apply from the next connection on. A warning says so.
  - NetworkManager accepts priorities from -999 to 999. With V(psk), it also uses SAE if an access point offers both.
    With V(psk+sae), releases up to July 2026 automatically join only access points that offer PSK. So declare networks
    that only offer WPA3 as V(sae).
  - Each declared network that is enabled is judged like the networks in a handover, in the file and in the running
    supplicant, or in NetworkManager. If it can't carry CSME's session on, a warning and RV(obstacles) give the reason
    and what to do. Reasons are, for example, C(ap_scan=0) in wpa_supplicant's file, a changed MAC address of the
    interface, or a declared C(security) or C(bssid) that does not fit CSME's connection. If CSME holds the radio and is
    on the network, it is judged for CSME's access point, channel, authentication and cipher. Otherwise it is judged for
    what is declared.
  - In check mode, files that a network names are not judged, because in a real run, an earlier task may create them.
  - The notes that follow are about wpa_supplicant.
  - A network is identified by its SSID. If the file has several networks with the declared SSID, one of them is changed
    and the others are removed, no matter what their security is. Access points, mesh networks and P2P groups in the
    file are not changed.
  - In the block of a network, the variables that the profile determines are set or removed. Variables that contradict
    the profile are removed, such as other ciphers, keys or roots of trust (C(proto), C(pairwise), C(group),
    C(wep_key0), C(ca_path), and so on), and lists of channels and access points (C(freq_list), C(bssid_ignore),
    C(bssid_accept)). All other variables (C(bgscan), C(scan_freq), C(phase1), C(altsubject_match), C(id_str), ...) and
    all comments stay. Everything outside of the block stays as well, byte for byte.
  - All key managements of the profile are set in C(key_mgmt). Further ones of the same kind stay, such as C(FT-PSK)
    beside C(WPA-PSK). C(mac_addr=0) is set if C(mac_addr) of the network or of all networks is another. Of a network of
    the running supplicant, C(freq_list), C(bssid_ignore), C(bssid_accept), C(proto), C(pairwise) and C(group) are
    checked too. If somebody restricted it by one of them, the network is made anew, which drops its connection.
  - When a secret changes, the module removes every comment that may contain a part of the old secret. These are
    comments that set the same variable (such as C(#psk="...") of C(wpa_passphrase)), and the comment behind the old
    secret, unless the old secret certainly ends before it.
  - The file is written completely or not at all. Its owner is root and its mode 0600. If its permissions are different,
    they are changed.
  - The running supplicant is changed over its control socket, variable by variable. It is never reloaded, because that
    would drop the connection. A connection drops only if its network is removed or disabled, or if wpa_supplicant drops
    it because of a change. With SAE and EAP, that is every change except of C(priority) and C(bssid). A changed PSK or
    password is used from the next connection on.
  - wpa_supplicant does not return its secrets. The module knows that wpa_supplicant has the secrets of the file if it
    started after the file's last change, or if this collection made that change. Otherwise the module sets the secrets
    once more, and reports them as changed. If that would drop a connection with SAE or EAP, the module only warns.
  - If somebody changes a secret by hand over the control socket, and not in the file, the next run sets it back, unless
    the network is the current one. This is not reported as a change. An EAP password or a PSK in hex is only set back
    by a restart of the supplicant.
  - If no supplicant can be reached, or if O(backend=wpa_supplicant) and NetworkManager manages the interface, only the
    file is changed. RV(runtime.reason) and a warning give the reason.
  - If a handover is running on the radio, the module waits up to 45 seconds for its end. If a killed handover left a
    pin, the module first undoes the pin.
  - If the handover has not ended after 45 seconds, for example because the watcher keeps the laptop at CSME's access
    point, only wpa_supplicant's file is changed. With NetworkManager, the profiles are changed all the same, because a
    pin is not stored in them.
"""
