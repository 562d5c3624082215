#!/bin/sh
# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Turns a fresh Debian root into the lab laptop. Run by mmdebstrap as its customize hook: $1 is the root.
# SSH_PUBLIC_KEY names the file with the key that may log in as root, MANAGER who runs the wireless interfaces.
set -eu
root=$1

echo laptop > "$root/etc/hostname"
printf '127.0.0.1 localhost laptop\n' > "$root/etc/hosts"
printf '/dev/vda / ext4 defaults,noatime 0 1\nLABEL=vpro-lab /opt/lab ext4 ro,nofail 0 0\n' > "$root/etc/fstab"
mkdir -p "$root/opt/lab"

# Management network: QEMU's user network, with the addresses that QEMU always gives (10.0.2.15, 10.0.2.2).
mkdir -p "$root/etc/systemd/network"
cat > "$root/etc/systemd/network/10-management.network" <<'UNIT'
[Match]
Name=eth0
[Network]
Address=10.0.2.15/24
LinkLocalAddressing=no
IPv6AcceptRA=no
UNIT
# The radio gets its address by DHCP as on any laptop without NetworkManager.
cat > "$root/etc/systemd/network/20-radio.network" <<'UNIT'
[Match]
Name=wlan0
[Network]
DHCP=ipv4
LinkLocalAddressing=no
IPv6AcceptRA=no
[DHCPv4]
UseDNS=no
UseRoutes=no
UseHostname=no
UNIT

if [ "$MANAGER" = networkmanager ]; then
    # As on a desktop: it runs the radio, and starts the one wpa_supplicant over D-Bus. The other two radios are the
    # access point's and CSME's: for the moment before they go there, it must not give them random addresses.
    rm "$root/etc/systemd/network/20-radio.network"
    printf '[main]\nplugins=keyfile\n[keyfile]\nunmanaged-devices=%s\n' \
        'interface-name:eth0;interface-name:wlan1;interface-name:wlan2' \
        > "$root/etc/NetworkManager/conf.d/lab.conf"
    # A third one, which tests start by hand: it is to be seen, and leaves the interface as it is.
    ln -sf /dev/null "$root/etc/systemd/system/iwd.service"
    mkdir -p "$root/etc/iwd"
    printf '[General]\nUseDefaultInterface=true\n' > "$root/etc/iwd/main.conf"
    chroot "$root" systemctl enable NetworkManager.service wpa_supplicant.service >/dev/null 2>&1
else
    ln -sf /dev/null "$root/etc/systemd/system/wpa_supplicant.service"
fi

install -d -m 0700 "$root/root/.ssh"
install -m 0600 "$SSH_PUBLIC_KEY" "$root/root/.ssh/authorized_keys"
cat > "$root/etc/ssh/sshd_config.d/lab.conf" <<'CONF'
UseDNS no
PermitRootLogin prohibit-password
# Many short commands at once come from tests.
MaxSessions 100
MaxStartups 100
CONF

# The lab's hand in the laptop. It comes last: who hears of it may log in.
cat > "$root/etc/systemd/system/lab-agent.service" <<'UNIT'
[Unit]
Description=The hand of the lab
RequiresMountsFor=/opt/lab
After=ssh.service systemd-networkd.service
[Service]
ExecStart=/usr/bin/python3 -u /opt/lab/agent.py /dev/virtio-ports/vpro-lab.agent
Environment=HOME=/root
Restart=always
RestartSec=1s
# What it starts for tests.
TasksMax=infinity
[Install]
WantedBy=multi-user.target
UNIT

# hwsim radios are made by the lab, not at boot; namespaces, tc and the control file need these.
printf 'veth\nact_mirred\ncls_flower\ncls_matchall\nsch_ingress\n' > "$root/etc/modules-load.d/lab.conf"
printf 'softdep mac80211_hwsim pre: virtio\n' > "$root/etc/modprobe.d/lab.conf"

# What a test machine has no use for costs seconds under software emulation.
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
    fstrim.timer getty@tty1.service serial-getty@ttyS0.service systemd-networkd-wait-online.service NetworkManager-wait-online.service \
    systemd-timesyncd.service systemd-random-seed.service systemd-pstore.service man-db.timer \
    hostapd.service dnsmasq.service systemd-firstboot.service \
    ldconfig.service systemd-hwdb-update.service systemd-journal-catalog-update.service \
    systemd-update-done.service systemd-machine-id-commit.service; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
mkdir -p "$root/etc/systemd/journald.conf.d"
printf '[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\n' > "$root/etc/systemd/journald.conf.d/lab.conf"
chroot "$root" systemctl enable systemd-networkd.service ssh.service lab-agent.service >/dev/null 2>&1
# One stable identity is enough: the image is thrown away after each use.
echo 0123456789abcdef0123456789abcdef > "$root/etc/machine-id"
chroot "$root" ssh-keygen -A >/dev/null

# A small initramfs: the modules of this machine alone. Under emulation unpacking a large one costs seconds.
printf 'MODULES=list\nCOMPRESS=lz4\n' > "$root/etc/initramfs-tools/conf.d/lab"
printf 'virtio_pci\nvirtio_blk\nvirtio_net\next4\n' >> "$root/etc/initramfs-tools/modules"
chroot "$root" update-initramfs -u >/dev/null
rm -rf "$root/var/cache/apt/archives"/*.deb
