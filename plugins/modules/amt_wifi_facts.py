#!/usr/bin/python
# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: amt_wifi_facts
short_description: Report who owns the radios of a vPro laptop, and whether it is ready for a handover
version_added: 1.0.0
author:
  - The vpro.fleet developers (@vpro-fleet)
description:
  - Reports for each radio of a laptop whether the host or Intel's management engine (CSME) owns it, why it is blocked,
    which network CSME is on, and which network the host is on.
  - Reports the kernel, the supplicant, its profiles and the watcher, and whether a handover of the radio from CSME to
    the host would succeed now.
  - It does not fail on a host without the hardware. It then reports RV(ignore:supported=false) with the reason.
  - Without root's rights it reports what it can read. C(unreadable) lists the values that it could not read, with the
    reasons.
  - It waits at most one second for a supplicant that does not answer, and at most five seconds for one that answers
    slowly.
options:
  firmware:
    description:
      - Whether the firmware of the management engine is asked what AMT is on the laptop.
      - With V(false), C(amt) is V(null), and readiness has no warnings about AMT.
      - To set it for C(gather_facts), use C(module_defaults).
    type: bool
    default: true
requirements:
  - pyroute2 >= 0.5.14 on the laptop, as the distribution packages it (C(python3-pyroute2))
  - jeepney >= 0.7.1 (C(python3-jeepney)) on the laptop, if NetworkManager manages an interface
extends_documentation_fragment:
  - vpro.fleet.attributes
  - vpro.fleet.attributes.group
  - vpro.fleet.attributes.info
  - vpro.fleet.attributes.facts
notes:
  - Use C(become), because only root can read CSME's connection, the profiles of wpa_supplicant, and whether CSME
    answers the driver.
  - To gather these facts along with Ansible's own, set C(ansible_facts_modules) to C(ansible.builtin.setup) and
    C(vpro.fleet.amt_wifi_facts). They are then cached like the others.
  - The facts are described by a JSON Schema, C(plugins/schemas/amt_wifi_facts.schema.json) in the collection.
seealso:
  - module: vpro.fleet.amt_wifi_ownership
"""

EXAMPLES = r"""
- name: Read who owns the radio
  vpro.fleet.amt_wifi_facts:
  become: true

- name: Show the laptops whose radio CSME holds
  ansible.builtin.debug:
    msg: "{{ inventory_hostname }}: CSME is on {{ item.csme.ssid }}, channel {{ item.csme.channel }}"
  loop: "{{ ansible_facts['amt_wifi'].radios | selectattr('owner', 'eq', 'csme') | selectattr('csme') }}"
  loop_control:
    label: "{{ item.phy }}"

- name: Show the reasons why a handover would not succeed
  ansible.builtin.debug:
    msg: "{{ ansible_facts['amt_wifi'].readiness.blockers | map(attribute='message') }}"
  when: not ansible_facts['amt_wifi'].readiness.ready

# In group_vars, for every play that gathers facts:
#
# ansible_facts_modules:
#   - ansible.builtin.setup
#   - vpro.fleet.amt_wifi_facts
"""

RETURN = r"""
ansible_facts:
  description: The facts, under one key.
  returned: always
  type: dict
  contains:
    amt_wifi:
      description: The facts about the laptop's radios and CSME.
      type: dict
      returned: always
      contains:
        schema_version:
          description: The version of this document. It changes when programs that read the document must be changed.
          type: int
          returned: always
          sample: 1
        supported:
          description: Whether the driver of a radio of this machine can ask CSME for the radio.
          type: bool
          returned: always
          sample: true
        reason:
          description: Why the machine is not supported. V(null) if it is supported.
          type: str
          returned: always
          sample: null
        kernel:
          description: The kernel and its drivers, as far as they concern CSME.
          type: dict
          returned: always
          contains:
            release:
              description: The release of the running kernel, V(null) if it can't be read.
              type: str
              returned: always
              sample: 6.1.0-18-amd64
            iwlmei:
              description: The driver that talks to CSME. Each of its values is V(null) if it can't be read.
              type: dict
              returned: always
              contains:
                available:
                  description: Whether the running kernel has the module C(iwlmei).
                  type: bool
                  returned: always
                  sample: true
                loaded:
                  description: Whether the module is loaded.
                  type: bool
                  returned: always
                  sample: true
                bound:
                  description: Whether the driver is bound to the management engine's client for wireless.
                  type: bool
                  returned: always
                  sample: true
                sap_connected:
                  description:
                    - Whether CSME answers the driver.
                    - It is also V(null) while the driver is not bound. Only root can read it.
                  type: bool
                  returned: always
                  sample: true
                source:
                  description:
                    - Who made the file of the module that the running kernel has. V(distribution) if it came with the
                      kernel, V(package) if it is in the package C(vpro-iwlmei-RELEASE) of the role
                      C(vpro.fleet.driver), V(dkms) if DKMS has built it on the laptop.
                    - V(other) for all else, and for a package in rpm's format, because nothing but rpm reads its
                      database.
                    - V(null) also if there is no such file.
                  type: str
                  returned: always
                  sample: package
                signed:
                  description:
                    - Whether that file ends with a signature. It does not tell whether the kernel trusts the key.
                    - V(null) also if there is no such file, or if it is compressed.
                  type: bool
                  returned: always
                  sample: true
                for_kernels:
                  description:
                    - The releases of the installed kernels that have the module, the newest first.
                    - A kernel is installed if it has an image in C(/boot) or in its folder of modules.
                  type: list
                  elements: str
                  returned: always
                  sample: [6.1.0-18-amd64]
                next_kernel:
                  description:
                    - The release of the kernel that boots next, by GRUB's menu and its saved variables.
                    - V(null) also with another boot loader, or if the menu leaves it open.
                    - On some distributions, only root can read the menu.
                  type: str
                  returned: always
                  sample: 6.1.0-18-amd64
            secure_boot:
              description:
                - Whether Secure Boot is on, so that the kernel only takes signed modules. V(null) if it can't be read.
                - It counts as off if shim's validation is switched off (C(mokutil --disable-validation)), because the
                  kernel then takes any module.
              type: bool
              returned: always
              sample: false
            op_mode:
              description: The op mode of the driver iwlwifi, V(iwlmvm) or V(iwlmld). V(null) if neither is loaded.
              type: str
              returned: always
              sample: iwlmvm
            generation:
              description:
                - How host and CSME share a radio.
                - V(userspace_managed) if CSME is asked for the radio only when a program requests it (Linux 5.17 to
                  6.3).
                - V(driver_managed) if the driver asks CSME for the radio by itself when the interface is brought up
                  (Linux 6.4 and newer).
                - If the loaded driver shows which it is, that counts more than the kernel's version.
                - V(unsupported) if the radio's op mode does not support CSME. V(none) if the kernel does not support
                  CSME.
                - V(null) if it is not known, because the driver shows nothing, and may be newer than the kernel's
                  version (an out-of-tree driver, or a vendor's kernel with newer drivers).
              type: str
              returned: always
              sample: userspace_managed
        radios:
          description: All radios of the machine, including those that CSME can't own.
          type: list
          elements: dict
          returned: always
          contains:
            phy:
              description: The kernel's name of the radio.
              type: str
              returned: always
              sample: phy0
            interface:
              description: The radio's station interface, V(null) if it has none.
              type: str
              returned: always
              sample: wlan0
            mac:
              description: The interface's MAC address.
              type: str
              returned: always
              sample: 02:00:00:00:00:00
            driver:
              description: The kernel driver, V(null) if the kernel names none.
              type: str
              returned: always
              sample: iwlwifi
            owner:
              description:
                - Who owns the radio, V(host) or V(csme).
                - V(unknown) if the kernel gives no reason for a block (before Linux 5.11).
                - V(unknown) also while the interface is down, if the driver asks CSME by itself when the interface
                  comes up (since Linux 6.4), or that is not known. There, CSME may own the radio without a block.
              type: str
              returned: always
              sample: csme
            vendor_commands:
              description: Which of Intel's vendor commands the driver offers.
              type: dict
              returned: always
              contains:
                csme_conn_info:
                  description: Whether the driver can tell CSME's connection.
                  type: bool
                  returned: always
                  sample: true
                get_ownership:
                  description: Whether the driver can ask CSME for the radio.
                  type: bool
                  returned: always
                  sample: true
            roaming_event:
              description: Whether the driver sends an event when CSME forbids roaming.
              type: bool
              returned: always
              sample: true
            rfkill:
              description: The radio's rfkill switch. V(null) if the radio has none, or if it can't be read.
              type: dict
              returned: always
              contains:
                index:
                  description: The kernel's number of the switch.
                  type: int
                  returned: always
                  sample: 0
                soft:
                  description: Whether airplane mode is on.
                  type: bool
                  returned: always
                  sample: false
                hard:
                  description: Whether hardware or CSME blocks the radio.
                  type: bool
                  returned: always
                  sample: true
                reasons:
                  description:
                    - Why the radio is hard-blocked. V(signal) means a physical switch, or a switch in C(platform) that
                      is soft-blocked. V(not_owner) means that CSME owns the radio. A reason without a name appears as
                      V(bitN).
                    - V(null) if the kernel gives no reasons (before Linux 5.11).
                  type: list
                  elements: str
                  returned: always
                  sample:
                    - not_owner
                platform:
                  description:
                    - The WLAN switches of the laptop's platform, such as C(dell-wifi). On some laptops, one that is
                      soft-blocked blocks every radio. The kernel shows that as a hard block with the reason V(signal).
                    - They are the same for all radios of a machine.
                  type: list
                  elements: dict
                  returned: always
                  contains:
                    index:
                      description: The kernel's number of the switch.
                      type: int
                      returned: always
                      sample: 1
                    name:
                      description: The name that the platform's driver gives the switch.
                      type: str
                      returned: always
                      sample: dell-wifi
                    soft:
                      description: Whether the switch is soft-blocked. C(rfkill unblock wlan) lifts that.
                      type: bool
                      returned: always
                      sample: false
                    hard:
                      description: Whether a physical switch or key blocks it (a hard block).
                      type: bool
                      returned: always
                      sample: false
            csme:
              description:
                - The network that CSME is connected to. V(null) if CSME has no connection or does not own the radio.
                - A value that could not be read is V(null), and RV(ansible_facts.amt_wifi.unreadable) says why. Without
                  the SSID, the BSSID, the channel or C(auth), no handover is made.
              type: dict
              returned: always
              contains:
                ssid:
                  description:
                    - The SSID as printable text. A backslash begins an escape, C(\\), C(\n), C(\r), C(\t), or C(\xNN)
                      for each byte of what is not UTF-8 or not printable. So different SSIDs never have the same text.
                  type: str
                  returned: always
                  sample: corp-wifi
                ssid_hex:
                  description: The exact SSID, in hex.
                  type: str
                  returned: always
                  sample: 636f72702d77696669
                bssid:
                  description: The address of the access point.
                  type: str
                  returned: always
                  sample: 02:00:00:00:01:00
                channel:
                  description: The channel's number.
                  type: int
                  returned: always
                  sample: 6
                frequencies:
                  description:
                    - All frequencies in MHz that the channel's number can mean. The list is empty if the channel could
                      not be read.
                  type: list
                  elements: int
                  returned: always
                  sample: [2437]
                auth:
                  description:
                    - How CSME authenticated, V(open), V(psk), V(sae), V(eap), or V(unknown(N\)) for a number without a
                      name.
                  type: str
                  returned: always
                  sample: psk
                cipher:
                  description:
                    - The cipher of the connection, V(none), V(tkip), V(ccmp), V(gcmp), V(gcmp-256), or V(unknown(N\))
                      for a number without a name.
                    - V(null) if the driver does not tell it.
                  type: str
                  returned: always
                  sample: ccmp
            link:
              description: The host's own connection, V(null) if the host is not connected.
              type: dict
              returned: always
              contains:
                ssid:
                  description: The SSID as printable text, with escapes as above. V(null) if it is not known.
                  type: str
                  returned: always
                  sample: corp-wifi
                ssid_hex:
                  description: The exact SSID, in hex. V(null) if it is not known.
                  type: str
                  returned: always
                  sample: 636f72702d77696669
                bssid:
                  description: The address of the access point.
                  type: str
                  returned: always
                  sample: 02:00:00:00:01:00
                frequency:
                  description: The frequency in MHz, V(null) if it is not known.
                  type: int
                  returned: always
                  sample: 2437
                signal_dbm:
                  description: The signal's strength in dBm, V(null) if it is not known.
                  type: int
                  returned: always
                  sample: -52
                addresses:
                  description: The interface's addresses with their prefix lengths, without link-local ones.
                  type: list
                  elements: str
                  returned: always
                  sample:
                    - 192.0.2.2/24
        supplicant:
          description: The program that manages the wireless interfaces, and its profiles.
          type: dict
          returned: always
          contains:
            manager:
              description:
                - The program's name, V(wpa_supplicant), V(networkmanager), V(iwd), or V(none). V(null) if it is not
                  known.
                - It is V(iwd) also if NetworkManager uses iwd (C(wifi.backend=iwd)).
                - If several programs manage interfaces, this is the one for CSME's radio.
              type: str
              returned: always
              sample: wpa_supplicant
            version:
              description: The version of wpa_supplicant or NetworkManager, V(null) if it is not known.
              type: str
              returned: always
              sample: "2.10"
            interfaces:
              description: The wireless interfaces that this program manages.
              type: list
              elements: str
              returned: always
              sample:
                - wlan0
            profiles:
              description: The networks that this program is configured for. They are returned without secrets.
              type: list
              elements: dict
              returned: always
              contains:
                interface:
                  description: The interface that the profile is for.
                  type: str
                  returned: always
                  sample: wlan0
                id:
                  description: The number that the program has given to the profile. It is unique for the interface.
                  type: int
                  returned: always
                  sample: 0
                ssid:
                  description:
                    - The SSID as printable text. A backslash begins an escape, C(\\), C(\n), C(\r), C(\t), or C(\xNN)
                      for each byte of what is not UTF-8 or not printable. So different SSIDs never have the same text.
                  type: str
                  returned: always
                  sample: corp-wifi
                ssid_hex:
                  description: The exact SSID, in hex.
                  type: str
                  returned: always
                  sample: 636f72702d77696669
                key_mgmt:
                  description: The key managements that the profile allows, by wpa_supplicant's names.
                  type: list
                  elements: str
                  returned: always
                  sample:
                    - SAE
                    - WPA-PSK
                enabled:
                  description:
                    - Whether the profile is used automatically. With NetworkManager, this means while nobody is logged
                      in.
                  type: bool
                  returned: always
                  sample: true
                pinned:
                  description:
                    - Whether the profile is bound to one access point, by a handover or by its configuration.
                    - With NetworkManager, only root can see that a handover has bound it.
                  type: bool
                  returned: always
                  sample: false
        watcher:
          description: The service C(amt-wifi-watcher), which takes the radio over from CSME by itself.
          type: dict
          returned: always
          contains:
            installed:
              description: Whether there is a systemd unit of that name.
              type: bool
              returned: always
              sample: true
            running:
              description:
                - Whether the service runs, and does not wait for something that the laptop lacks. V(null) if its state
                  can't be read.
              type: bool
              returned: always
              sample: true
            version:
              description: The version of the service, V(null) if it is not known.
              type: str
              returned: always
              sample: 1.0.0
            state:
              description: What the service is doing, V(null) if it is not known.
              type: str
              returned: always
              sample: watching
            last_handover:
              description: The result of the service's last handover, V(null) if there was none.
              type: dict
              returned: always
              contains:
                outcome:
                  description:
                    - How the handover ended, as in RV(vpro.fleet.amt_wifi_ownership#module:outcome), or if it failed,
                      as in RV(vpro.fleet.amt_wifi_ownership#module:error.code).
                    - V(failed) if a device, socket or file failed. The watcher's journal says which.
                  type: str
                  returned: always
                  sample: protected
                at:
                  description: When the handover ended, in UTC.
                  type: str
                  returned: always
                  sample: "2026-11-22T08:00:00Z"
                request_to_connected_ms:
                  description:
                    - The time in ms from the request until the host was connected. V(null) if the host did not connect.
                  type: int
                  returned: always
                  sample: 221
                request_to_address_ms:
                  description:
                    - The time in ms from the request until the host had an address. V(null) if no address came.
                  type: int
                  returned: always
                  sample: 290
                session_kept:
                  description:
                    - Whether CSME's session was kept.
                    - V(true) only if CSME said so. It protected its session for at least 20 seconds after the handover,
                      which is longer than any console waits for an answer.
                    - V(false) only if CSME said so. It reported the end of its session within five seconds of the
                      handover.
                    - V(null) if it is not known, also until CSME has said something, and after a handover in which CSME
                      took the radio back.
                  type: bool
                  returned: always
                  sample: true
        amt:
          description:
            - What AMT is on the laptop, by its firmware. V(null) if O(firmware=false).
            - A value in it is V(null) if it could not be read, or does not exist in this state. Only root can read more
              than C(firmware), C(lms) and that there is an engine.
            - Nothing here is a secret, and the firmware is never asked for one.
          type: dict
          returned: always
          contains:
            state:
              description:
                - V(absent) if the kernel shows no management engine.
                - V(consumer) if its firmware has no AMT, V(disabled) if AMT is switched off in the BIOS.
                - V(pre), V(in) and V(post) are the states of AMT's provisioning. Only in V(post) it can be used.
                - V(unreadable) if the firmware did not tell.
              type: str
              returned: always
              sample: post
            reason:
              description: Why AMT is not provisioned, or why that is not known. V(null) if it is provisioned.
              type: str
              returned: always
              sample: null
            firmware:
              description: The version of the firmware with its build.
              type: str
              returned: always
              sample: 16.1.27.2176
            brand:
              description: What the platform was sold as, for example V(amt) or V(standard_manageability).
              type: str
              returned: always
              sample: amt
            bios:
              description: The version of the BIOS, as the firmware knows it.
              type: str
              returned: always
              sample: N3QET40W (1.40 )
            versions:
              description: The versions of the firmware's parts, by the firmware's own names.
              type: dict
              returned: always
              sample:
                AMT: 16.1.27
                Build Number: "2176"
                Recovery Version: 16.1.27
                Sku: "16400"
            sku:
              description: What the firmware was sold as.
              type: dict
              returned: always
              contains:
                raw:
                  description: The firmware's own number.
                  type: int
                  returned: always
                  sample: 16400
                amt:
                  description: Whether that means AMT.
                  type: bool
                  returned: always
                  sample: false
                standard_manageability:
                  description: Whether that means Standard Manageability, AMT's smaller sister.
                  type: bool
                  returned: always
                  sample: true
            uuid:
              description: The laptop's UUID, as AMT knows it.
              type: str
              returned: always
              sample: 4c4c4544-0035-3010-8056-b4c04f4c4142
            uuid_is_smbios:
              description: Whether SMBIOS has the same UUID.
              type: bool
              returned: always
              sample: true
            control_mode:
              description: Who administers AMT. V(none), V(client) (CCM) or V(admin) (ACM).
              type: str
              returned: always
              sample: admin
            provisioning:
              description: How AMT was provisioned, or can be.
              type: dict
              returned: always
              contains:
                mode:
                  description: V(none) or V(enterprise).
                  type: str
                  returned: always
                  sample: enterprise
                dns_suffix:
                  description: The DNS suffix that is set for the provisioning. V(null) also if there is none.
                  type: str
                  returned: always
                  sample: corp.example
                certificate_hashes:
                  description: The certificates that AMT trusts for its provisioning.
                  type: list
                  elements: dict
                  returned: always
                  contains:
                    name:
                      description: The certificate's name.
                      type: str
                      returned: always
                      sample: Go Daddy Class 2 CA
                    algorithm:
                      description: V(md5), V(sha1), V(sha256) or V(sha512).
                      type: str
                      returned: always
                      sample: sha256
                    hash:
                      description: The certificate's hash in hexadecimal digits.
                      type: str
                      returned: always
                      sample: c3846bf24b9e93ca64274c0ec67c1ecc5e024ffcacd2d74019350e81fe546ae4
                    active:
                      description: Whether it is trusted.
                      type: bool
                      returned: always
                      sample: true
                    default:
                      description: Whether it came with the firmware.
                      type: bool
                      returned: always
                      sample: true
            tls:
              description: Whether AMT's network interface speaks TLS.
              type: bool
              returned: always
              sample: true
            redirection:
              description: Which kinds of redirection are on.
              type: dict
              returned: always
              contains:
                sol:
                  description: Serial over LAN.
                  type: bool
                  returned: always
                  sample: true
                ider:
                  description: Storage (IDE redirection).
                  type: bool
                  returned: always
                  sample: true
                kvm:
                  description: Screen, keyboard and mouse.
                  type: bool
                  returned: always
                  sample: true
            remote_access:
              description: AMT's connection to its management server (CIRA).
              type: dict
              returned: always
              contains:
                network:
                  description: Where AMT believes the laptop to be, V(direct), V(vpn), V(outside) or V(unknown).
                  type: str
                  returned: always
                  sample: direct
                status:
                  description: V(not_connected), V(connecting) or V(connected).
                  type: str
                  returned: always
                  sample: not_connected
                trigger:
                  description: What made it connect.
                  type: dict
                  returned: always
                  contains:
                    raw:
                      description: The firmware's own number.
                      type: int
                      returned: always
                      sample: 0
                    name:
                      description: A name for it, on which Intel's sources do not agree.
                      type: str
                      returned: always
                      sample: user_initiated
                mps:
                  description: The name of the management server, V(null) if there is none.
                  type: str
                  returned: always
                  sample: mps.corp.example
            interfaces:
              description: AMT's two network interfaces.
              type: dict
              returned: always
              contains:
                wired:
                  description: The wired one, V(null) if it does not exist.
                  type: dict
                  returned: always
                  contains:
                    enabled:
                      description: Whether AMT uses it.
                      type: bool
                      returned: always
                      sample: true
                    link_up:
                      description: Whether it has a link.
                      type: bool
                      returned: always
                      sample: true
                    mac:
                      description: Its MAC address.
                      type: str
                      returned: always
                      sample: 02:00:00:00:00:00
                    ip:
                      description: Its IPv4 address, V(null) if it has none.
                      type: str
                      returned: always
                      sample: 192.0.2.2
                    dhcp:
                      description: Whether it gets that by DHCP.
                      type: bool
                      returned: always
                      sample: true
                    control:
                      description: Who controls the radio, V(csme) or V(host). V(null) for the wired interface.
                      type: str
                      returned: always
                      sample: host
                wireless:
                  description: The wireless one, V(null) if it does not exist.
                  type: dict
                  returned: always
                  contains:
                    enabled:
                      description: Whether AMT uses it.
                      type: bool
                      returned: always
                      sample: true
                    link_up:
                      description: Whether it has a link.
                      type: bool
                      returned: always
                      sample: true
                    mac:
                      description: Its MAC address.
                      type: str
                      returned: always
                      sample: 02:00:00:00:00:00
                    ip:
                      description: Its IPv4 address, V(null) if it has none.
                      type: str
                      returned: always
                      sample: 192.0.2.2
                    dhcp:
                      description: Whether it gets that by DHCP.
                      type: bool
                      returned: always
                      sample: true
                    control:
                      description: Who controls the radio, V(csme) or V(host). V(null) for the wired interface.
                      type: str
                      returned: always
                      sample: host
            lms:
              description: Intel's local service (LMS).
              type: dict
              returned: always
              contains:
                running:
                  description: Whether it runs. V(null) if that can't be read, or there is no engine.
                  type: bool
                  returned: always
                  sample: false
        readiness:
          description: Whether a handover would succeed on this laptop now.
          type: dict
          returned: always
          contains:
            ready:
              description: Whether a handover would succeed.
              type: bool
              returned: always
              sample: false
            blockers:
              description: Every reason why a handover would not succeed. The list is empty if it would succeed.
              type: list
              elements: dict
              returned: always
              contains:
                code:
                  description:
                    - A stable name of the reason. C(docs/readiness.md) in the collection explains each.
                    - V(library_missing), V(no_radio), V(op_mode_unsupported), V(kernel_too_old), V(iwlmei_missing),
                      V(iwlmei_not_loaded), V(iwlmei_not_bound) or V(sap_not_connected) for the machine.
                    - V(no_interface), V(airplane_mode), V(switch_off) or V(csme_unreadable) for the radio.
                    - V(no_supplicant), V(supplicant_no_control), V(supplicant_unresponsive),
                      V(supplicant_unusable), V(networkmanager_unusable) or V(iwd_unsupported) for the supplicant.
                    - V(no_profile), V(profile_disabled) or V(profile_unfit) if CSME is on a network that no profile
                      can join.
                    - V(mac_address_differs) if the host would join with another MAC address than CSME's.
                    - V(watcher_not_installed), V(watcher_not_running) or V(left_to_csme) for the watcher.
                    - V(unknown) if a value that is needed for the decision could not be read.
                  type: str
                  returned: always
                  sample: airplane_mode
                message:
                  description: What the reason is, and what to do about it.
                  type: str
                  returned: always
                  sample: airplane mode is on (wlan0). Turn it off (rfkill unblock wlan)
            warnings:
              description:
                - Every reason why a handover may lose the session although it would succeed, why AMT can have no
                  session over wireless, or why no handover will be possible after the next restart.
                - They do not make a laptop unready.
              type: list
              elements: dict
              returned: always
              contains:
                code:
                  description:
                    - A stable name of the reason. C(docs/readiness.md) in the collection explains each.
                    - V(dhcp_identity_differs) if the DHCP client does not identify the host by its MAC address, so that
                      the network may give the host another address than CSME's.
                    - V(fixed_address) if the host has a fixed IPv4 address, which may be another than CSME's.
                    - V(host_link_unreported) if the driver may not tell CSME that the host has joined the network, so
                      that CSME takes the radio back.
                    - V(next_kernel_without_iwlmei) if the running kernel has the module C(iwlmei), and the kernel that
                      boots next has not.
                    - V(next_kernel_refuses_iwlmei) if Secure Boot is on, and the module of the kernel that boots next
                      is not signed.
                    - V(amt_absent), V(amt_consumer), V(amt_disabled) and V(amt_not_provisioned) if AMT can't be used.
                    - V(amt_too_old) if AMT is older than 15, the first that C(iwlmei) supports.
                    - V(amt_wireless_missing) if AMT has no wireless interface, V(amt_wireless_disabled) if that is off,
                      V(amt_mac_differs) if it is not that of the radio that CSME can own.
                  type: str
                  returned: always
                  sample: dhcp_identity_differs
                message:
                  description: What the reason is, and what to do about it.
                  type: str
                  returned: always
                  sample: >-
                    wlan0: the profile 'corp' does not identify the host by its MAC address for DHCP
                    (ipv4.dhcp-client-id: duid), so the network may give it another address than CSME's. Set
                    ipv4.dhcp-client-id to mac
        unreadable:
          description: The values that could not be read, with the reasons.
          type: list
          elements: dict
          returned: always
          contains:
            what:
              description: The value's place in these facts.
              type: str
              returned: always
              sample: radios.phy0.csme
            why:
              description: Why the value could not be read, and what to do about it.
              type: str
              returned: always
              sample: >-
                Vendor command 0x001735/0x2d on interface 3: Operation not permitted (nl80211). Run as root
                (CAP_NET_ADMIN is needed).
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vpro.fleet.plugins.module_utils import _module
from ansible_collections.vpro.fleet.plugins.module_utils._facts import gather


def main() -> None:
    """Run the module."""
    options = {"firmware": {"type": "bool", "default": True}}
    module = AnsibleModule(argument_spec=options, supports_check_mode=True)
    firmware = bool(module.params["firmware"])
    _module.run(module, lambda: {"changed": False, "ansible_facts": {"amt_wifi": gather.collect(firmware=firmware)}})


if __name__ == "__main__":
    main()
