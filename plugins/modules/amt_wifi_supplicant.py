#!/usr/bin/python
# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: amt_wifi_supplicant
short_description: Settings of wpa_supplicant on one interface, and what fights over it
version_added: 1.0.0
author:
  - The vpro.fleet developers (@vpro-fleet)
description:
  - Makes sure that wpa_supplicant's file for an interface has a control interface that a group can use, and the
    country. Every other setting, every network and every comment in it stays as it is.
  - Refuses, before anything is changed, if something else runs the interface or would. Each such thing is named, with
    where it is and what to do.
  - The country is set in the running supplicant, too. For another control interface, it has to be restarted. The module
    says so in RV(restart_needed), and never does it, since that drops the link.
  - The role P(vpro.fleet.supplicant#role) does all that is needed around it.
options:
  interface:
    description:
      - The interface.
      - It need not exist yet.
    type: str
    required: true
  path:
    description:
      - wpa_supplicant's configuration file for the interface, on the laptop.
      - Without it, V(/etc/wpa_supplicant/wpa_supplicant-INTERFACE.conf).
      - A symbolic link is followed. A file that does not exist is made.
    type: path
  group:
    description:
      - The group that, beside root, can use the supplicant over its control socket.
      - It has to exist. wpa_supplicant does not start with one that does not.
    type: str
    required: true
  country:
    description:
      - Country for the rules of the radio, two capital letters (ISO 3166-1).
      - Without it, whatever is set stays.
    type: str
  backend:
    description:
      - Who runs the interface, or is to.
      - With V(auto), that is looked up, as O(vpro.fleet.amt_wifi_profiles#module:backend) says. With V(networkmanager),
        it has to be NetworkManager.
      - Where it is NetworkManager, nothing is set, since it has a wpa_supplicant of its own below it.
      - With V(wpa_supplicant), a NetworkManager that manages the interface is a conflict.
    type: str
    choices: [auto, wpa_supplicant, networkmanager]
    default: wpa_supplicant
extends_documentation_fragment:
  - vpro.fleet.attributes
  - vpro.fleet.attributes.group
  - vpro.fleet.attributes.action
notes:
  - C(update_config) is turned off where it is on. A supplicant that rewrites its own file would write a pin into it.
  - The file is written whole or not at all, with mode 0600 and owned by root. Other permissions count as a change.
  - If wpa_supplicant is about to be started or restarted, it is asked first whether it can read the file. With one that
    it can't, it would not start, and the laptop would have no network.
  - Refused are NetworkManager if it manages the interface, iwd and ConnMan unless they leave it alone, dhcpcd with its
    wpa_supplicant hook, a configuration of ifupdown or netplan that starts a wpa_supplicant, any other wpa_supplicant
    on the interface, and C(wpa_supplicant@.service) if it reads another file. A wpa_supplicant that serves D-Bus alone
    is no conflict.
seealso:
  - module: vpro.fleet.amt_wifi_profiles
"""

EXAMPLES = r"""
- name: Let the watcher use the supplicant of wlan0
  vpro.fleet.amt_wifi_supplicant:
    interface: wlan0
    group: amt-wifi-watcher
    country: DE
  become: true
  register: supplicant

- name: Say whether that takes a restart
  ansible.builtin.debug:
    var: supplicant.restart_needed
"""

RETURN = r"""
interface:
  description: The interface.
  type: str
  returned: success
  sample: wlan0
backend:
  description: Who runs the interface, or is to, V(wpa_supplicant) or V(networkmanager).
  type: str
  returned: success
  sample: wpa_supplicant
library:
  description:
    - Whether the Python library is there that NetworkManager is reached with, jeepney.
    - V(true) with wpa_supplicant, which needs none.
  type: bool
  returned: success
  sample: true
file:
  description: What became of the configuration file.
  type: dict
  returned: success
  contains:
    changed:
      description: Whether it was written, or would have been in check mode.
      type: bool
      returned: success
      sample: true
    path:
      description: Where it is. Symbolic links are followed. V(null) with NetworkManager.
      type: str
      returned: success
      sample: /etc/wpa_supplicant/wpa_supplicant-wlan0.conf
runtime:
  description: What became of the running supplicant.
  type: dict
  returned: success
  contains:
    changed:
      description: Whether something was set there, or would have been in check mode.
      type: bool
      returned: success
      sample: true
    running:
      description: Whether the service's wpa_supplicant runs.
      type: bool
      returned: success
      sample: true
restart_needed:
  description: Whether the running wpa_supplicant has another control interface than the file.
  type: bool
  returned: success
  sample: false
held:
  description:
    - Whether the watcher holds back the bring-up of the interface, so that a session of CSME's lives.
    - The service is started later then.
  type: bool
  returned: success
  sample: false
present:
  description: Whether the interface is there.
  type: bool
  returned: success
  sample: true
program:
  description: Where wpa_supplicant is. V(null) if it is not installed, and with NetworkManager.
  type: str
  returned: success
  sample: /usr/sbin/wpa_supplicant
service:
  description: The name of the service for the interface. V(null) with NetworkManager.
  type: str
  returned: success
  sample: wpa_supplicant@wlan0.service
template:
  description: Where the service's template is. V(null) if there is none, as on Fedora, and with NetworkManager.
  type: str
  returned: success
  sample: /usr/lib/systemd/system/wpa_supplicant@.service
conflicts:
  description: If something fights over the interface, everything that does.
  type: list
  elements: dict
  returned: failure because of a conflict
  sample:
    - what: NetworkManager manages wlan0
      where: /run/NetworkManager/devices/3
      remedy: Make it unmanaged
error:
  description: Why the module failed.
  type: dict
  returned: failure
  contains:
    code:
      description:
        - A stable word for the reason.
        - V(conflict) if something fights over the interface.
        - V(not_networkmanager) if O(backend=networkmanager) and it does not run the interface.
        - V(iwd) if O(backend=auto), iwd runs, and nobody else has the interface, or if NetworkManager runs it through
          iwd.
        - V(invalid_option) if an option has no use.
        - V(group_missing) if there is no such group.
        - V(configuration_unusable) if wpa_supplicant can't read the file, so that it must not be restarted.
        - V(access_denied), V(decode_failed), V(timed_out) or V(transport_failed) where the system failed.
      type: str
      returned: failure
      sample: conflict
    what:
      description: What went wrong.
      type: str
      returned: failure
      sample: NetworkManager manages wlan0
    where:
      description: The file, socket or message concerned, empty if C(what) names it.
      type: str
      returned: failure
      sample: /run/NetworkManager/devices/3
    remedy:
      description: What to do about it, empty if there is nothing to do.
      type: str
      returned: failure
      sample: Make it unmanaged
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vpro.fleet.plugins.module_utils import _module
from ansible_collections.vpro.fleet.plugins.module_utils._network import backend
from ansible_collections.vpro.fleet.plugins.module_utils._network.backend import WPA_SUPPLICANT
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import supplicant


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "interface": {"type": "str", "required": True},
            "path": {"type": "path"},
            "group": {"type": "str", "required": True},
            "country": {"type": "str"},
            "backend": {
                "type": "str",
                "choices": list(backend.BACKENDS),
                "default": WPA_SUPPLICANT,
            },
        },
        supports_check_mode=True,
    )
    options = supplicant.Options(**module.params)
    _module.run(module, lambda: supplicant.ensure(options, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
