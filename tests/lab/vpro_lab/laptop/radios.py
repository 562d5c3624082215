# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The radios of a laptop and of all around it: scripts for its shell that make them, and that take them away."""

from __future__ import annotations

_GIVE = """\
for n in ap csme; do ip netns add $n; ip -n $n link set lo up; done
iw reg set US
give() {{
    iw phy "$(cat /sys/class/net/$1/phy80211/name)" set netns name "$2"
    ip -n "$2" link set "$1" name "$3"
}}
cat /sys/class/net/wlan2/phy80211/name > /run/csme-phy
give wlan1 ap ap0
give wlan2 csme csme0
ip -n csme link set csme0 address {mac}
ip netns exec csme sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
"""
#: Gives the second radio and the third to the access point and to CSME.
RADIOS_GIVEN = f"set -e\n{_GIVE}"
#: Makes radios, and gives these away.
RADIOS_UP = f"\nset -e\nmodprobe mac80211_hwsim radios={{count}}\n{_GIVE}{{standin}}\n"
#: Where the drivers of a laptop with the engine are, and the program that is its firmware.
ENGINE = "/opt/engine"
FIRMWARE = f"{ENGINE}/engine.pyz"
#: Where the firmware takes commands, as ``engine/cli.py`` has it.
FIRMWARE_SOCKET = "/run/csme-engine.sock"
#: Loads the drivers of a laptop with the engine, in the order in which they need each other. The MEI bus and mac80211
#: are the kernel's own. A laptop that got no iwlmei from the lab has to have one itself.
DRIVERS_UP = f"""
set -e
modprobe -a mei mac80211 tun
if [ -e {ENGINE}/iwlmei.ko ]; then insmod {ENGINE}/iwlmei.ko dyndbg=+p; else modprobe iwlmei dyndbg=+p; fi
insmod {ENGINE}/iwlmvm_shim.ko
insmod {ENGINE}/mac80211_hwsim.ko radios={{count}} channels=2
insmod {ENGINE}/csme_engine.ko
"""
#: The same, with the other radios given away.
ENGINE_UP = f"{DRIVERS_UP}{_GIVE}"
#: Ends all that may use a radio, and takes the radios away.
RADIOS_DOWN = """
# Without a firmware, the host would wait 15 s for each of its answers: so its device goes first.
[ ! -S /run/csme-engine.sock ] || python3 /opt/engine/engine.pyz --ask '{"do": "power_off"}' >/dev/null
systemctl stop lab-early.service 2>/dev/null
systemctl stop wpa_supplicant@wlan0.service 2>/dev/null
# The one below NetworkManager goes on, with its sockets.
systemctl is-active -q wpa_supplicant.service || rm -f /run/wpa_supplicant/*
rm -f /run/vpro-fleet/*
for i in $(seq 100); do [ -d /sys/module/csme_engine ] && ! rmmod csme_engine 2>/dev/null || break; sleep 0.1; done
modules='platform_switch csme_standin csme_standin2'
[ -d /sys/module/iwlmvm_shim ] || modules="$modules iwlwifi iwlmei iwlmvm iwlmld"
for m in $modules; do [ ! -d /sys/module/$m ] || rmmod $m; done
for n in ap csme; do ip netns del $n 2>/dev/null; done
ip link del sap0 2>/dev/null
[ ! -d /sys/module/mac80211_hwsim ] || modprobe -r mac80211_hwsim
[ ! -d /sys/module/iwlmvm_shim ] || rmmod iwlmvm_shim iwlmei
exit 0
"""
