#!/usr/bin/python
# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: amt_wifi_networkd_info
short_description: Find out which drop-ins make systemd-networkd fit for a handover
version_added: 1.0.0
author:
  - The vpro.fleet developers (@vpro-fleet)
description:
  - On kernels whose driver asks CSME for the radio as soon as the interface is brought up, systemd-networkd would take
    the radio from CSME at each boot.
  - Returns drop-ins for systemd-networkd. With one of them (C(ActivationPolicy=manual)), the supplicant brings the
    interface up, and systemd-networkd only manages its addresses.
  - With the other one (C(ClientIdentifier=mac)), the DHCP client identifies the host by its MAC address, which is also
    CSME's. By default it takes the machine's id, so that a DHCP server may give the host another address than CSME's.
  - The role P(vpro.fleet.watcher#role) writes these drop-ins. This module changes nothing.
options:
  interfaces:
    description:
      - The interfaces to look at.
      - If the list is empty, the module looks at all wireless interfaces.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - vpro.fleet.attributes
  - vpro.fleet.attributes.group
  - vpro.fleet.attributes.info
seealso:
  - module: vpro.fleet.amt_wifi_watcher_files
"""

EXAMPLES = r"""
- name: Find out what systemd-networkd does with the wireless interfaces
  vpro.fleet.amt_wifi_networkd_info:
  register: networkd
"""

RETURN = r"""
links:
  description:
    - The wireless interfaces that systemd-networkd manages, each with the C(file) in which it is configured.
    - C(bring_up) is the drop-in that leaves bringing the interface up to the supplicant. C(identity) is the drop-in for
      the identity of the DHCP client. Each has a C(path), and its text as C(content). If C(content) is V(null), the
      drop-in should not be written, and C(why) is the reason. It is empty if nothing is to be done.
  type: list
  elements: dict
  returned: success
  sample:
    - interface: wlan0
      file: /etc/systemd/network/20-radio.network
      bring_up:
        path: /etc/systemd/network/20-radio.network.d/amt-wifi-watcher.conf
        content: "[Link]\nActivationPolicy=manual\nRequiredForOnline=yes\n"
        why: ""
      identity:
        path: /etc/systemd/network/20-radio.network.d/amt-wifi-watcher-identity.conf
        content: "[DHCPv4]\nClientIdentifier=mac\n"
        why: ""
drop_ins:
  description: The drop-ins of these names that exist already, for any interface.
  type: list
  elements: str
  returned: success
  sample: [/etc/systemd/network/20-radio.network.d/amt-wifi-watcher.conf]
error:
  description: Why the module failed, with a stable C(code), C(what), C(where) and C(remedy).
  type: dict
  returned: failure
  sample:
    code: access_denied
    what: this user may not read this file or folder
    where: /etc/systemd/network/20-radio.network
    remedy: Run this as root
"""

from dataclasses import asdict
from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vpro.fleet.plugins.module_utils import _module
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import networkd_info


def look(interfaces: List[str]) -> Dict[str, Any]:
    """Return the module's result.

    Raises:
        FleetError: a file can't be read.
    """
    links = [asdict(link) for link in networkd_info.read_links(interfaces)]
    return {"changed": False, "links": links, "drop_ins": list(networkd_info.drop_ins())}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={"interfaces": {"type": "list", "elements": "str", "default": []}},
        supports_check_mode=True,
    )
    _module.run(module, lambda: look(module.params["interfaces"]))


if __name__ == "__main__":
    main()
