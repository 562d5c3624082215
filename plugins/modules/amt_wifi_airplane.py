#!/usr/bin/python
# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: amt_wifi_airplane
short_description: Turn airplane mode of a laptop's radios on or off
version_added: 1.0.0
author:
  - The vpro.fleet developers (@vpro-fleet)
description:
  - Sets or lifts the soft block of one radio, or of all WLAN radios.
  - The driver tells CSME of it, which stays off the air in airplane mode too.
  - systemd-rfkill keeps the state over a reboot.
options:
  enabled:
    description:
      - Whether airplane mode is to be on.
    type: bool
    required: true
  interface:
    description:
      - The interface whose radio alone is meant.
      - Without it, all WLAN radios are meant, and those that come later until the next boot.
    type: str
  bluetooth:
    description:
      - Mean Bluetooth too. Not together with O(interface).
    type: bool
    default: false
extends_documentation_fragment:
  - vpro.fleet.attributes
  - vpro.fleet.attributes.group
  - vpro.fleet.attributes.action
notes:
  - A hard block stays, whatever the soft block is. The module says so in a warning, with the reason.
  - A playbook that comes in over the very radio cuts itself off by turning airplane mode on.
seealso:
  - module: vpro.fleet.amt_wifi_facts
"""

EXAMPLES = r"""
- name: Let the radios work
  vpro.fleet.amt_wifi_airplane:
    enabled: false
  become: true

- name: Keep all radios of a laptop in the lab off the air
  vpro.fleet.amt_wifi_airplane:
    enabled: true
    bluetooth: true
  become: true
"""

RETURN = r"""
enabled:
  description: Whether airplane mode is on.
  type: bool
  returned: success
  sample: false
switches:
  description:
    - The switches that were meant, as they are now. In check mode, C(soft) is as it would be.
    - C(reasons) of a hard block are V(signal) (a physical switch) and V(not_owner) (CSME has the radio).
  type: list
  elements: dict
  returned: success
  sample:
    - {index: 0, name: phy0, type: wlan, phy: phy0, soft: false, hard: true, reasons: [not_owner]}
error:
  description:
    - Why the module failed, with a stable C(code), C(what), C(where) and C(remedy).
    - V(no_radio) (no such radio, or none with a switch), V(bad_options) (the options contradict each other),
      V(not_followed) (a switch did not do as it was told), or what the kernel says (V(access_denied),
      V(transport_failed)).
  type: dict
  returned: failure
  sample:
    code: no_radio
    what: eth0 is not an interface of a radio with a switch
    where: ''
    remedy: Name a WLAN interface, or none to mean all radios
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vpro.fleet.plugins.module_utils import _module
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import airplane


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "enabled": {"type": "bool", "required": True},
            "interface": {"type": "str"},
            "bluetooth": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    parameters = module.params
    request = airplane.AirplaneRequest(parameters["enabled"], parameters["interface"], parameters["bluetooth"])
    _module.run(module, lambda: airplane.ensure(request, module.check_mode))


if __name__ == "__main__":
    main()
