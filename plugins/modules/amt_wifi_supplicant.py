#!/usr/bin/python
# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: amt_wifi_supplicant
short_description: Set the control interface and the country of wpa_supplicant on one interface
version_added: 1.0.0
author:
  - The vpro.fleet developers (@vpro-fleet)
description:
  - Sets a control interface that a group can use, and the country, in wpa_supplicant's configuration file for an
    interface. Every other setting, every network and every comment in the file stays as it is.
  - Fails before it changes anything if another program manages the interface, or is configured to. The error names each
    such program, where it is configured, and what to do.
  - Sets the country in the running wpa_supplicant, too. While the watcher hands the interface over, or keeps it at its
    access point, only the file gets another country, with a warning, because the kernel ends a link on a channel that
    the other country does not allow. A later run sets it in the running wpa_supplicant.
  - A different control interface takes effect only after a
    restart. The module reports that in RV(restart_needed). It does not restart wpa_supplicant itself, because a restart
    drops the connection.
  - The role P(vpro.fleet.supplicant#role) uses this module, and does everything else that is needed.
options:
  interface:
    description:
      - The interface.
      - The interface need not exist yet.
    type: str
    required: true
  path:
    description:
      - wpa_supplicant's configuration file for the interface, on the laptop.
      - The default is V(/etc/wpa_supplicant/wpa_supplicant-INTERFACE.conf).
      - A symbolic link is followed. If the file does not exist, it is created.
    type: path
  group:
    description:
      - The group that, like root, can use wpa_supplicant over its control socket.
      - The group must exist, because wpa_supplicant does not start if it does not.
    type: str
    required: true
  country:
    description:
      - The country whose radio regulations apply, as two capital letters (ISO 3166-1).
      - Without it, the country that is set stays.
    type: str
  backend:
    description:
      - The program that manages the interface, or will manage it.
      - With V(auto), the module finds it out, as O(vpro.fleet.amt_wifi_profiles#module:backend) describes. With
        V(networkmanager), the module fails if NetworkManager does not manage the interface.
      - If it is NetworkManager, the module sets nothing, because NetworkManager uses a wpa_supplicant of its own.
      - With V(wpa_supplicant), it is a conflict if NetworkManager manages the interface.
    type: str
    choices: [auto, wpa_supplicant, networkmanager]
    default: wpa_supplicant
  wait:
    description:
      - How many seconds to wait if the watcher or another task works on the radio of the interface, or the watcher
        keeps the host at its access point for a session of CSME. RV(busy) says whether that was still so then.
      - The module waits before it reads or changes anything, also in check mode.
    type: int
    default: 0
extends_documentation_fragment:
  - vpro.fleet.attributes
  - vpro.fleet.attributes.group
  - vpro.fleet.attributes.action
notes:
  - C(update_config) is turned off if it is on. Otherwise wpa_supplicant could write the temporary settings of a
    handover (a pin) into its file.
  - The file is written completely or not at all. Its owner is root and its mode 0600. If its permissions are different,
    they are changed.
  - If wpa_supplicant has to be started or restarted, the module first lets wpa_supplicant check that it can read the
    file. Otherwise it might not start, and the laptop would have no network.
  - "The module reports these as conflicts: NetworkManager, if it manages the interface; iwd and ConnMan, unless they
    leave the interface alone; dhcpcd with its wpa_supplicant hook; a configuration of ifupdown or netplan that starts a
    wpa_supplicant; any other wpa_supplicant on the interface; and C(wpa_supplicant@.service), if it reads another file.
    A wpa_supplicant that only serves D-Bus is not a conflict."
seealso:
  - module: vpro.fleet.amt_wifi_profiles
"""

EXAMPLES = r"""
- name: Let the watcher use wpa_supplicant on wlan0
  vpro.fleet.amt_wifi_supplicant:
    interface: wlan0
    group: amt-wifi-watcher
    country: DE
  become: true
  register: supplicant

- name: Show whether wpa_supplicant has to be restarted
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
  description: The program that manages the interface, or will manage it, V(wpa_supplicant) or V(networkmanager).
  type: str
  returned: success
  sample: wpa_supplicant
library:
  description:
    - Whether the Python library jeepney is installed, which is needed to reach NetworkManager.
    - It is always V(true) with wpa_supplicant, which does not need it.
  type: bool
  returned: success
  sample: true
file:
  description: The result for the configuration file.
  type: dict
  returned: success
  contains:
    changed:
      description: Whether the file was written. In check mode, whether it would be written.
      type: bool
      returned: success
      sample: true
    path:
      description: The path of the file. Symbolic links are followed. V(null) with NetworkManager.
      type: str
      returned: success
      sample: /etc/wpa_supplicant/wpa_supplicant-wlan0.conf
runtime:
  description: The result for the running wpa_supplicant.
  type: dict
  returned: success
  contains:
    changed:
      description: Whether a setting was changed there. In check mode, whether it would be changed.
      type: bool
      returned: success
      sample: true
    running:
      description: Whether the wpa_supplicant of the service runs.
      type: bool
      returned: success
      sample: true
restart_needed:
  description:
    - Whether the running wpa_supplicant has another control interface than the file, so that it has to be restarted.
  type: bool
  returned: success
  sample: false
busy:
  description:
    - Whether the watcher or another task works on the radio of the interface now, or the watcher keeps the host at its
      access point for a session of CSME.
    - If it is V(true), a restart of wpa_supplicant would end that session.
  type: bool
  returned: success
  sample: false
held:
  description:
    - Whether the watcher holds back the start of the service, so that CSME's session is not lost.
    - If it is V(true), the watcher starts the service later.
  type: bool
  returned: success
  sample: false
present:
  description: Whether the interface exists.
  type: bool
  returned: success
  sample: true
program:
  description: The path of the program wpa_supplicant. V(null) if it is not installed, and with NetworkManager.
  type: str
  returned: success
  sample: /usr/sbin/wpa_supplicant
service:
  description: The name of the service for the interface. V(null) with NetworkManager.
  type: str
  returned: success
  sample: wpa_supplicant@wlan0.service
template:
  description: The path of the service's template unit. V(null) if there is none, as on Fedora, and with NetworkManager.
  type: str
  returned: success
  sample: /usr/lib/systemd/system/wpa_supplicant@.service
conflicts:
  description: Everything else that manages the interface or is configured to.
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
        - A stable name of the reason.
        - V(conflict) if something else manages the interface or is configured to.
        - V(not_networkmanager) if O(backend=networkmanager), but NetworkManager does not manage the interface.
        - V(iwd) if O(backend=auto), and iwd runs and no other program manages the interface. Also if NetworkManager
          manages the interface through iwd.
        - V(invalid_option) if the value of an option is wrong.
        - V(group_missing) if there is no such group.
        - V(configuration_unusable) if wpa_supplicant can't read the file, and would not start with it. The message
          names the lines of the file as it is. Nothing was changed then.
        - V(access_denied), V(decode_failed), V(timed_out) or V(transport_failed) if the system failed.
      type: str
      returned: failure
      sample: conflict
    what:
      description: What went wrong.
      type: str
      returned: failure
      sample: NetworkManager manages wlan0
    where:
      description: The file, socket or message concerned. It is empty if C(what) names it.
      type: str
      returned: failure
      sample: /run/NetworkManager/devices/3
    remedy:
      description: What to do about it. It is empty if there is nothing to do.
      type: str
      returned: failure
      sample: Make it unmanaged
"""

from ansible_collections.vpro.fleet.plugins.module_utils import _module
from ansible_collections.vpro.fleet.plugins.module_utils._network import backend
from ansible_collections.vpro.fleet.plugins.module_utils._network.backend import WPA_SUPPLICANT
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import supplicant


def main() -> None:
    """Run the module."""
    module = _module.StrictModule(
        {
            "interface": {"type": "str", "required": True},
            "path": {"type": "path"},
            "group": {"type": "str", "required": True},
            "country": {"type": "str"},
            "backend": {
                "type": "str",
                "choices": list(backend.BACKENDS),
                "default": WPA_SUPPLICANT,
            },
            "wait": {"type": "int", "default": 0},
        }
    )
    options = supplicant.Options(**module.params)
    _module.run(module, lambda: supplicant.ensure(options, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
