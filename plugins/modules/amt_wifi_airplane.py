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
  - The driver reports airplane mode to Intel's management engine (CSME), which then does not use the radio either.
  - systemd-rfkill restores the state after a reboot.
options:
  enabled:
    description:
      - Whether airplane mode is to be on.
    type: bool
    required: true
  interface:
    description:
      - The interface of the only radio to change.
      - Without it, all WLAN radios are changed. This includes radios that are added until the next boot.
    type: str
  bluetooth:
    description:
      - Whether to change Bluetooth too. This is not possible together with O(interface).
    type: bool
    default: false
extends_documentation_fragment:
  - vpro.fleet.attributes
  - vpro.fleet.attributes.group
  - vpro.fleet.attributes.action
notes:
  - The module can't lift a hard block. If one remains, a warning says so and gives the reason.
  - On some laptops, a switch of the platform (such as C(dell-wifi), C(hp-wifi), C(ideapad_wlan) or C(acer-wireless))
    blocks the radio. Its soft block then shows as a hard block of the radio, with the reason V(signal). Without
    O(interface), the module lifts it together with the others, and waits up to three seconds for the radio to follow.
    With O(interface), a warning names the platform's switch.
  - If Ansible reaches the laptop over this radio, turning airplane mode on ends the connection.
seealso:
  - module: vpro.fleet.amt_wifi_facts
"""

EXAMPLES = r"""
- name: Turn airplane mode off, so that the radios work
  vpro.fleet.amt_wifi_airplane:
    enabled: false
  become: true

- name: Turn airplane mode on for all radios of a laptop in the lab
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
    - The rfkill switches of the radios that were selected, with their state now. In check mode, C(soft) is the state
      that it would have.
    - Without O(interface), the WLAN switches of the platform are among them. Their C(phy) is V(null).
    - The C(reasons) of a hard block are V(signal) (a physical switch, or a switch of the platform) and V(not_owner)
      (CSME owns the radio).
  type: list
  elements: dict
  returned: success
  sample:
    - {index: 0, name: phy0, type: wlan, phy: phy0, soft: false, hard: true, reasons: [not_owner]}
    - {index: 1, name: dell-wifi, type: wlan, phy: null, soft: false, hard: false, reasons: []}
error:
  description:
    - Why the module failed, with a stable C(code), C(what), C(where) and C(remedy).
    - The codes are V(no_radio) (there is no such radio, or it has no switch), V(bad_options) (the options contradict
      each other), V(not_followed) (a switch did not change), and V(access_denied) or V(transport_failed) (the kernel
      refused or failed).
  type: dict
  returned: failure
  sample:
    code: no_radio
    what: eth0 is not an interface of a radio with a switch
    where: ''
    remedy: Name a WLAN interface, or leave interface out to set all radios
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
