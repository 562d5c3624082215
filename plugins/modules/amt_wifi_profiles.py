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
  - Makes sure that whoever runs the interface, wpa_supplicant or NetworkManager, knows a set of networks, and with
    O(prune) no other, both now and after the next boot.
  - The file is written once and the running supplicant gone through once, however many networks there are. With
    NetworkManager, only the profiles that differ are written.
  - All that is wrong with any of the profiles is told at once, and nothing is changed then.
  - The link stays up if its network did not change.
options:
  profiles:
    description:
      - The networks. Each SSID may be there once.
      - New ones are added in this order. Those that wpa_supplicant's file has already keep their place in it, which
        makes no difference to it. To prefer a network, use O(profiles[].priority).
    type: list
    elements: dict
    required: true
    suboptions:
      ssid:
        description:
          - The network's name, at most 32 bytes in UTF-8.
          - Either this or O(profiles[].ssid_hex) is needed.
        type: str
      ssid_hex:
        description: The network's name in hex, for one that is no text.
        type: str
      security:
        description:
          - How the network is secured. Needed.
          - V(open) is not secured at all, V(owe) encrypted without a secret (Enhanced Open).
          - V(psk) is WPA or WPA2 Personal, V(sae) WPA3 Personal, V(psk+sae) whichever of them the access point offers.
          - V(eap) is WPA Enterprise (IEEE 802.1X).
        type: str
        choices: [open, owe, psk, sae, psk+sae, eap]
      passphrase:
        description:
          - The secret of O(profiles[].security=psk), O(profiles[].security=sae) and O(profiles[].security=psk+sae).
          - A passphrase has 8 to 63 printable ASCII characters. For V(psk), the key itself in 64 hex digits will do
            too. For V(sae), any text of at most 128 bytes.
        type: str
      eap:
        description: How to authenticate if O(profiles[].security=eap).
        type: dict
        suboptions:
          method:
            description: The EAP method. Needed.
            type: str
            choices: [tls, peap, ttls]
          identity:
            description: Who the laptop or its user is. Needed.
            type: str
          anonymous_identity:
            description: What is told in the clear instead, before the server's certificate was checked.
            type: str
          password:
            description: The password. Needed unless O(profiles[].eap.method=tls).
            type: str
          phase2:
            description:
              - How the password is given inside of the tunnel. V(mschapv2) if it is not said.
              - V(pap) is for O(profiles[].eap.method=ttls) alone.
            type: str
            choices: [mschapv2, pap]
          validate_server:
            description:
              - Check the server's certificate, for which O(profiles[].eap.ca_cert) is needed.
              - With V(false), anybody who sets up an access point of that name gets the credentials.
            type: bool
            default: true
          ca_cert:
            description: File on the laptop with the certificates of the authorities that the server's may come from.
            type: path
          domain_suffix_match:
            description:
              - Domain that the name in the server's certificate has to be in, or several with semicolons between them.
              - If O(profiles[].eap.ca_cert) is a public authority, this is what tells your server from anybody's.
            type: str
          client_cert:
            description: File on the laptop with its own certificate, for O(profiles[].eap.method=tls).
            type: path
          private_key:
            description:
              - File on the laptop with the certificate's key, for O(profiles[].eap.method=tls).
              - A PKCS#12 file (C(.p12), C(.pfx)) has both, and O(profiles[].eap.client_cert) is not needed.
            type: path
          private_key_password:
            description: Password of O(profiles[].eap.private_key), which is taken to have none if it is left out.
            type: str
      hidden:
        description: The access points do not announce the network's name, so the laptop has to ask for it.
        type: bool
        default: false
      priority:
        description:
          - Of several networks in reach, the one with the highest number is taken.
          - NetworkManager takes -999 to 999.
        type: int
        default: 0
      pmf:
        description:
          - Protection of management frames (IEEE 802.11w).
          - If it is not said, V(required) for V(owe) and V(sae), which do not go without, V(disabled) for V(open),
            which has no keys for it, and V(optional) for the others. V(psk+sae) does not go with V(disabled).
        type: str
        choices: [disabled, optional, required]
      bssid:
        description: MAC address of the only access point to use. Any will do if it is not said.
        type: str
      enabled:
        description: Whether the network is used without being asked for.
        type: bool
        default: true
  prune:
    description:
      - Remove every other network, whoever configured it, from the file and from what runs. With NetworkManager, every
        other profile that the interface could use, unless it is some user's alone, or another interface is connected by
        it, which a warning says.
      - Access points, mesh networks and P2P groups stay, and so do comments between the networks' blocks.
      - An empty list of O(profiles) is refused then.
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
- name: Let the laptops know these two networks and no other
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
  description: Who was told, V(wpa_supplicant) or V(networkmanager).
  type: str
  returned: success
  sample: wpa_supplicant
file:
  description:
    - What became of the configuration file.
    - With NetworkManager, what became of the profiles that it stores.
  type: dict
  returned: success
  contains:
    changed:
      description: Whether it was written, or would have been in check mode.
      type: bool
      returned: success
      sample: true
    path:
      description:
        - Where it is. Symbolic links are followed.
        - V(null) with NetworkManager, which has a file of its own for each profile.
      type: str
      returned: success
      sample: /etc/wpa_supplicant/wpa_supplicant-wlan0.conf
runtime:
  description:
    - What became of the running supplicant.
    - With NetworkManager, the same as in RV(file), since it runs what it stores.
  type: dict
  returned: success
  contains:
    changed:
      description: Whether something was set there, or would have been in check mode.
      type: bool
      returned: success
      sample: true
    applied:
      description: Whether the running supplicant is now as declared. In check mode, whether it would be.
      type: bool
      returned: success
      sample: true
    reason:
      description: If not, why. V(null) otherwise.
      type: str
      returned: success
      sample: null
networks:
  description:
    - What happened to each network that was declared or removed, in C(file) and C(runtime).
    - One of V(added), V(changed), V(removed) and V(unchanged).
  type: list
  elements: dict
  returned: success
  sample:
    - {ssid: corp-wifi, ssid_hex: 636f72702d77696669, file: added, runtime: added}
problems:
  description: If what is declared is no profile, everything that is wrong with it.
  type: list
  elements: dict
  returned: failure because of the options
  sample:
    - profile: profiles[1] 'branch'
      field: passphrase
      message: has 7 characters; a passphrase has 8 to 63 characters, or 64 hex digits
error:
  description: Why the module failed.
  type: dict
  returned: failure
  contains:
    code:
      description:
        - A stable word for the reason.
        - V(invalid_profile) if the options are wrong.
        - V(supplicant_refused) if wpa_supplicant does not take a value, for example because it was built without SAE,
          or NetworkManager does not take a profile. Then nothing was changed.
        - V(not_networkmanager) if O(backend=networkmanager) and it does not run the interface.
        - V(iwd) if iwd runs, and nobody else has the interface, or if NetworkManager runs it through iwd.
        - V(not_wireless) if the interface is none that has wireless networks.
        - V(library_missing) if NetworkManager runs the interface, and jeepney is not installed.
        - V(not_found) if NetworkManager has let go of the interface meanwhile.
        - V(access_denied), V(decode_failed), V(timed_out) or V(transport_failed) where the system failed.
      type: str
      returned: failure
      sample: invalid_profile
    what:
      description: What went wrong.
      type: str
      returned: failure
      sample: "profiles[0] 'corp-wifi': eap.ca_cert: there is no file /etc/ssl/corp-ca.pem on the laptop"
    where:
      description: The file, socket or message concerned, empty if C(what) names it.
      type: str
      returned: failure
      sample: ''
    remedy:
      description: What to do about it, empty if there is nothing to do.
      type: str
      returned: failure
      sample: ''
"""

from ansible_collections.vpro.fleet.plugins.module_utils import _module
from ansible_collections.vpro.fleet.plugins.module_utils import _profile_options as _module_profile


def main() -> None:
    """Run the module."""
    module = _module_profile.ProfileModule(
        {
            **_module_profile.PLACE,
            "profiles": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": _module_profile.PROFILE,
            },
            "prune": {"type": "bool", "default": False},
        }
    )
    _module.run(module, lambda: _module_profile.many(module))


if __name__ == "__main__":
    main()
