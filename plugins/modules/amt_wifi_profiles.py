#!/usr/bin/python
# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: amt_wifi_profiles
short_description: Configure all wireless networks of a laptop at once, with wpa_supplicant or NetworkManager
version_added: 1.0.0
author:
  - The vpro.fleet developers (@vpro-fleet)
description:
  - Adds or changes a set of networks in the program that manages the interface, which is wpa_supplicant or
    NetworkManager. With O(prune), all other networks are removed. The change applies at once and also after the next
    boot.
  - The file is written once and the running supplicant is updated once, no matter how many networks there are. With
    NetworkManager, only the profiles that differ are written.
  - If profiles have errors, the module reports all of them at once and changes nothing.
  - The laptop's connection stays up if its network did not change.
options:
  profiles:
    description:
      - The networks. Each SSID may occur only once.
      - New networks are added in this order. Networks that are already in wpa_supplicant's file keep their place. The
        order has no effect, so use O(profiles[].priority) to prefer a network.
    type: list
    elements: dict
    required: true
    suboptions:
      ssid:
        description:
          - The network's name, at most 32 bytes in UTF-8.
          - Either this or O(profiles[].ssid_hex) is required.
        type: str
      ssid_hex:
        description: The network's name in hex, for a name that is not text.
        type: str
      security:
        description:
          - How the network is secured. It is required.
          - V(open) is not secured at all. V(owe) is encrypted without a secret (Enhanced Open).
          - V(psk) is WPA or WPA2 Personal. V(sae) is WPA3 Personal. V(psk+sae) is the one of the two that the access
            point offers.
          - V(eap) is WPA Enterprise (IEEE 802.1X).
        type: str
        choices: [open, owe, psk, sae, psk+sae, eap]
      passphrase:
        description:
          - The secret for O(profiles[].security=psk), O(profiles[].security=sae) and O(profiles[].security=psk+sae).
          - A passphrase has 8 to 63 printable ASCII characters. For V(psk), it may also be the key itself, in 64 hex
            digits. For V(sae), it may be any text of at most 128 bytes.
        type: str
      eap:
        description: How to authenticate if O(profiles[].security=eap).
        type: dict
        suboptions:
          method:
            description: The EAP method. It is required.
            type: str
            choices: [tls, peap, ttls]
          identity:
            description: The name by which the laptop or its user logs in. It is required.
            type: str
          anonymous_identity:
            description:
              - The name that is sent unencrypted in place of O(profiles[].eap.identity), before the server's
                certificate is checked.
            type: str
          password:
            description: The password. It is required unless O(profiles[].eap.method=tls).
            type: str
          phase2:
            description:
              - The method by which the password is sent inside the tunnel. The default is V(mschapv2).
              - V(pap) is possible only with O(profiles[].eap.method=ttls).
            type: str
            choices: [mschapv2, pap]
          validate_server:
            description:
              - Whether to check the server's certificate. This needs O(profiles[].eap.ca_cert).
              - With V(false), anybody who sets up an access point with the network's name can get the credentials.
            type: bool
            default: true
          ca_cert:
            description:
              - File on the laptop with the certificates of the authorities that may have issued the server's
                certificate.
            type: path
          domain_suffix_match:
            description:
              - Domain that the name in the server's certificate must belong to, or several domains with semicolons
                between them.
              - It is important if O(profiles[].eap.ca_cert) is a public authority, which issues certificates for other
                servers too.
            type: str
          client_cert:
            description: File on the laptop with the laptop's own certificate, for O(profiles[].eap.method=tls).
            type: path
          private_key:
            description:
              - File on the laptop with the private key of its certificate, for O(profiles[].eap.method=tls).
              - A PKCS#12 file (C(.p12), C(.pfx)) contains both, so O(profiles[].eap.client_cert) is not needed with it.
            type: path
          private_key_password:
            description: Password of O(profiles[].eap.private_key). Without it, the key must not be encrypted.
            type: str
      hidden:
        description: Whether the access points hide the network's name, so that the laptop has to ask for it.
        type: bool
        default: false
      priority:
        description:
          - If several networks are in reach, the laptop joins the one with the highest number.
          - NetworkManager accepts -999 to 999.
        type: int
        default: 0
      pmf:
        description:
          - Protection of management frames (IEEE 802.11w).
          - The default is V(required) for V(owe) and V(sae), which need it, V(disabled) for V(open), which has no keys
            for it, and V(optional) for the others.
          - V(psk+sae) is not possible with V(disabled).
        type: str
        choices: [disabled, optional, required]
      bssid:
        description: MAC address of the only access point to use. Without it, any access point may be used.
        type: str
      enabled:
        description: Whether the laptop joins the network by itself.
        type: bool
        default: true
  prune:
    description:
      - Whether to remove every other network from the file and from the running supplicant, no matter who configured
        it.
      - With NetworkManager, every other profile is removed that the interface could use. A profile that only some users
        may use, or that is bound to another interface or device, stays. A profile with which another interface is
        connected stays too, and so does one that may be for another device. A warning says so.
      - Access points, mesh networks, P2P groups, and comments between the networks' blocks stay.
      - With V(true), an empty list of O(profiles) is refused.
    type: bool
    default: false
extends_documentation_fragment:
  - vpro.fleet.profile
  - vpro.fleet.attributes
  - vpro.fleet.attributes.group
  - vpro.fleet.attributes.action
seealso:
  - module: vpro.fleet.amt_wifi_profile
  - module: vpro.fleet.amt_wifi_ownership
"""

EXAMPLES = r"""
- name: Configure these two networks and remove all others
  vpro.fleet.amt_wifi_profiles:
    interface: wlan0
    profiles:
      - ssid: corp-wifi
        security: eap
        eap:
          method: peap
          identity: "{{ laptop_account }}"
          anonymous_identity: anonymous@example.org
          password: "{{ laptop_password }}"
          ca_cert: /etc/ssl/corp-ca.pem
          domain_suffix_match: radius.example.org
        priority: 10
      - ssid: branch
        security: psk+sae
        passphrase: "{{ branch_passphrase }}"
    prune: true
  become: true
"""

RETURN = r"""
interface:
  description: The interface.
  type: str
  returned: success
  sample: wlan0
backend:
  description: The program in which the networks were configured, V(wpa_supplicant) or V(networkmanager).
  type: str
  returned: success
  sample: wpa_supplicant
file:
  description:
    - The result for the configuration file.
    - With NetworkManager, this is the result for the profiles that it stores.
  type: dict
  returned: success
  contains:
    changed:
      description: Whether the file was written. In check mode, whether it would be written.
      type: bool
      returned: success
      sample: true
    path:
      description:
        - The path of the file. Symbolic links are followed.
        - It is V(null) with NetworkManager, which has a file of its own for each profile.
      type: str
      returned: success
      sample: /etc/wpa_supplicant/wpa_supplicant-wlan0.conf
runtime:
  description:
    - The result for the running supplicant.
    - With NetworkManager, this is the same as RV(file), because it uses the profiles that it stores.
  type: dict
  returned: success
  contains:
    changed:
      description: Whether the running supplicant was changed. In check mode, whether it would be changed.
      type: bool
      returned: success
      sample: true
    applied:
      description:
        - Whether the running supplicant now has the declared networks. In check mode, whether it would have them.
      type: bool
      returned: success
      sample: true
    reason:
      description: Why RV(runtime.applied) is V(false). It is V(null) if RV(runtime.applied) is V(true).
      type: str
      returned: success
      sample: null
networks:
  description:
    - What happened to each network that was declared or removed, in C(file) and C(runtime).
    - Each is V(added), V(changed), V(removed) or V(unchanged).
  type: list
  elements: dict
  returned: success
  sample:
    - {ssid: corp-wifi, ssid_hex: 636f72702d77696669, file: added, runtime: added}
obstacles:
  description:
    - The declared networks that can't carry the session of Intel CSME on, each with the reason. It is empty if all can.
    - It is also returned if the module fails because of O(require_usable).
  type: list
  elements: dict
  returned: success, or failure because of O(require_usable)
  contains:
    ssid:
      description: The network's name, as in RV(networks).
      type: str
      returned: always
      sample: corp-wifi
    ssid_hex:
      description: The network's name in hex.
      type: str
      returned: always
      sample: 636f72702d77696669
    places:
      description: Where the network has this obstacle. The words are those of RV(networks).
      type: list
      elements: str
      returned: always
      sample: [file, runtime]
    code:
      description:
        - The code that the readiness in the facts has for the reason, such as V(mac_address_differs) or
          V(profile_unfit).
      type: str
      returned: always
      sample: profile_unfit
    what:
      description: The reason.
      type: str
      returned: always
      sample: the profile is never chosen by wpa_supplicant itself (ap_scan=0)
    remedy:
      description: What to do about it.
      type: str
      returned: always
      sample: Remove ap_scan from the configuration
problems:
  description: All errors in the declared profiles.
  type: list
  elements: dict
  returned: failure because of the options
  sample:
    - profile: profiles[1] 'branch'
      field: passphrase
      message: has 7 characters, but a passphrase has 8 to 63 characters, or 64 hex digits
error:
  description: Why the module failed.
  type: dict
  returned: failure
  contains:
    code:
      description:
        - A stable name of the reason.
        - V(invalid_profile) if the options are wrong.
        - V(supplicant_refused) if wpa_supplicant does not accept a value, for example because it was built without SAE,
          or if NetworkManager does not accept a profile. Nothing was changed then.
        - V(unusable_network) if O(require_usable=true) and a declared network can't carry CSME's session on.
        - V(configuration_unusable) if wpa_supplicant can't read its file, and would not start with it. The message
          names the lines of the file. Nothing was changed then.
        - V(not_networkmanager) if O(backend=networkmanager), but NetworkManager does not manage the interface.
        - V(iwd) if iwd runs and no other program manages the interface, or if NetworkManager manages it through iwd.
        - V(not_wireless) if the interface is not a wireless one.
        - V(library_missing) if NetworkManager manages the interface and jeepney is not installed.
        - V(not_found) if NetworkManager stopped managing the interface meanwhile.
        - V(access_denied), V(decode_failed), V(timed_out) or V(transport_failed) if the system failed.
      type: str
      returned: failure
      sample: invalid_profile
    what:
      description: What went wrong.
      type: str
      returned: failure
      sample: "profiles[0] 'corp-wifi': eap.ca_cert: there is no file /etc/ssl/corp-ca.pem on the laptop"
    where:
      description: The file, socket or message concerned. It is empty if C(what) names it.
      type: str
      returned: failure
      sample: ''
    remedy:
      description: What to do about it. It is empty if there is nothing to do.
      type: str
      returned: failure
      sample: ''
"""

from ansible_collections.vpro.fleet.plugins.module_utils import _module, _profile_options


def main() -> None:
    """Run the module."""
    module = _profile_options.ProfileModule(
        {
            **_profile_options.PLACE,
            "profiles": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": _profile_options.PROFILE,
            },
            "prune": {"type": "bool", "default": False},
        }
    )
    _module.run(module, lambda: _profile_options.many(module))


if __name__ == "__main__":
    main()
