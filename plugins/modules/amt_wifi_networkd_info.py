#!/usr/bin/python
# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: amt_wifi_networkd_info
short_description: What it takes for systemd-networkd to leave bringing wireless interfaces up to their supplicant
version_added: 1.0.0
author:
  - The vpro.fleet developers (@vpro-fleet)
description:
  - On kernels whose driver asks CSME for the radio as soon as the interface is brought up, systemd-networkd would take
    the radio at each boot before anybody decided that.
  - Returns the drop-ins (C(ActivationPolicy=manual)) that leave it to the supplicant. Addresses stay with networkd.
  - The role P(vpro.fleet.watcher#role) writes them.
options:
  interfaces:
    description:
      - The interfaces that matter.
      - If it is empty, all wireless ones.
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
- name: See what systemd-networkd brings up
  vpro.fleet.amt_wifi_networkd_info:
  register: networkd
"""

RETURN = r"""
links:
  description:
    - The wireless interfaces that systemd-networkd manages, each with the C(file) that it does so by.
    - C(drop_in) is the file to write, with C(content). Without C(content), C(why) tells why it is better not written.
  type: list
  elements: dict
  returned: success
  sample:
    - interface: wlan0
      file: /etc/systemd/network/20-radio.network
      drop_in: /etc/systemd/network/20-radio.network.d/amt-wifi-watcher.conf
      content: "[Link]\nActivationPolicy=manual\nRequiredForOnline=yes\n"
      why: ""
drop_ins:
  description: The drop-ins of that name that are there, whatever interface they are about.
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
    what: no right to read /etc/systemd/network/20-radio.network
    where: ''
    remedy: Run the task with become
"""

from dataclasses import asdict
from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vpro.fleet.plugins.module_utils import _module
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import networkd_info


def look(interfaces: List[str]) -> Dict[str, Any]:
    """Return what the module returns.

    Raises:
        FleetError: something can't be read.
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
