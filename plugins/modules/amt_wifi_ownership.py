#!/usr/bin/python
# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: amt_wifi_ownership
short_description: Take the radio of a vPro laptop from CSME without losing the session that CSME carries
version_added: 1.0.0
author:
  - The vpro.fleet developers (@vpro-fleet)
description:
  - Makes the host own the radio of a vPro laptop.
  - When Intel's management engine (CSME) holds the radio for a remote session, the host must be connected and have an
    address within three seconds after it gets the radio. Otherwise CSME takes the radio back and the session is lost. A
    scan of all channels alone takes longer than that.
  - So the module reads which network CSME is on, finds the supplicant's profile that can join it, pins that profile to
    CSME's access point and channel, asks for the radio, waits until the host is connected, and removes the pin again.
  - If the controller's connection to the laptop breaks, the work on the laptop still goes on to its end. The connection
    may use this radio.
options:
  interface:
    description:
      - The interface of the radio to take.
      - It is needed only if CSME can own several radios of the laptop.
    type: str
  state:
    description:
      - Who must own the radio. No driver offers a way to give it back to CSME, so V(host) is the only choice.
    type: str
    choices: [host]
    default: host
  timeout:
    description:
      - How many seconds the task may take on the laptop, at least 10 and at most 86400 (a day).
      - One request to CSME takes up to 5 seconds. The module makes no request if it could not complete it in the time
        that is left.
    type: float
    default: 30
  require_credentials:
    description:
      - Whether to leave the radio with CSME if the host has no profile that can join CSME's network.
      - With V(false), the module takes the radio also in that case, which ends a running session. CSME may take the
        radio back after three seconds if the host is not connected to any network by then.
    type: bool
    default: true
  pin:
    description:
      - Whether to pin the profile to CSME's access point and channel for the handover.
      - With V(false), the supplicant scans as it always does, which is too slow for a session to survive.
    type: bool
    default: true
requirements:
  - pyroute2 >= 0.5.14 on the laptop, as the distribution packages it (C(python3-pyroute2))
  - wpa_supplicant with a control socket (C(ctrl_interface)) for the interface, or NetworkManager together with jeepney
    >= 0.7.1 as the distribution packages it (C(python3-jeepney))
extends_documentation_fragment:
  - vpro.fleet.attributes
  - vpro.fleet.attributes.group
  - vpro.fleet.attributes.action
notes:
  - Use C(become), because the kernel lets only root ask for the radio.
seealso:
  - module: vpro.fleet.amt_wifi_facts
"""

EXAMPLES = r"""
- name: Take the radio, and keep the administrator's session
  vpro.fleet.amt_wifi_ownership:
  become: true

- name: Take the radio even if that ends CSME's session
  vpro.fleet.amt_wifi_ownership:
    interface: wlan0
    require_credentials: false
  become: true
"""

RETURN = r"""
interface:
  description: The interface of the radio.
  type: str
  returned: success
  sample: wlan0
phy:
  description: The kernel's name of the radio.
  type: str
  returned: success
  sample: phy0
owner:
  description:
    - Who owns the radio now, V(host) or V(csme). In check mode, this is the owner before the change.
    - V(unknown) after a handover that failed, if the interface is down. CSME may have taken the radio back then, for
      which the driver sets no block.
  type: str
  returned: success, and failure of a handover
  sample: host
csme:
  description:
    - The connection that CSME had when the module began, as in
      RV(vpro.fleet.amt_wifi_facts#module:ansible_facts.amt_wifi.radios[].csme).
    - V(null) if CSME had no connection.
  type: dict
  returned: success, and failure of a handover
  sample:
    ssid: corp-wifi
    ssid_hex: 636f72702d77696669
    bssid: 02:00:00:00:01:00
    channel: 6
    frequencies: [2437]
    auth: psk
    cipher: ccmp
profile_id:
  description:
    - The supplicant's number of the profile with which the host joined CSME's network. V(null) if none was needed.
  type: int
  returned: success
  sample: 3
outcome:
  description:
    - How the handover ended.
    - V(protected) if the host was connected and had an address within CSME's three seconds, and the network can take
      it for the same host as CSME.
    - V(connected) if the host was connected, but had no address within the three seconds, or the network may take it
      for another host, by its MAC address or by what its DHCP client sends, or the driver may not tell CSME that the
      host has joined, because of the cipher. The session may be lost then. The module waits until CSME's three seconds
      are over, and CSME did not take the radio back.
    - Whether CSME's session was kept is not known at the end of a handover. The watcher hears it later, see
      RV(vpro.fleet.amt_wifi_facts#module:ansible_facts.amt_wifi.watcher.last_handover.session_kept).
    - V(owned) if CSME had no connection to keep.
    - If the module fails, the outcome is one of the codes in RV(error.code).
  type: str
  returned: when a handover was made
  sample: protected
steps:
  description: The steps of the handover in order, each with its time in ms relative to the first request to CSME.
  type: list
  elements: dict
  returned: when a handover was made
  sample:
    - {name: pinned, at_ms: -12}
    - {name: requested, at_ms: 0}
    - {name: granted, at_ms: 14}
    - {name: connected, at_ms: 221}
    - {name: address, at_ms: 290}
    - {name: unpinned, at_ms: 296}
requests:
  description: How many requests were made to CSME.
  type: int
  returned: when a handover was made
  sample: 1
elapsed_ms:
  description: The time in ms from the first request to the last step.
  type: int
  returned: when a handover was made
  sample: 296
request_to_connected_ms:
  description: The time in ms from the first request until the host was connected. V(null) if the host did not connect.
  type: int
  returned: when a handover was made
  sample: 221
request_to_address_ms:
  description: The time in ms from the first request until the host had an address. V(null) if no address came.
  type: int
  returned: when a handover was made
  sample: 290
error:
  description: Why the module failed.
  type: dict
  returned: failure
  contains:
    code:
      description:
        - A stable name of the reason.
        - V(no_radio), V(several_radios), V(kernel_too_old), V(airplane_mode), V(switch_off), V(owner_unknown),
          V(csme_unreadable), V(no_credentials), V(denied), V(not_asked), V(taken_back), V(not_connected),
          V(pin_failed), V(supplicant_gone), V(manager_gone), V(interface_gone), V(timed_out) or V(bad_timeout) for a
          refusal or a failed handover.
        - V(access_denied), V(library_missing), V(not_found), V(decode_failed), V(transport_failed),
          V(supplicant_refused), V(command_unsafe) or V(events_lost) if the system failed.
      type: str
      returned: failure
      sample: no_credentials
    what:
      description: What went wrong.
      type: str
      returned: failure
      sample: airplane mode is on (wlan0)
    where:
      description: The file, socket or message concerned. It is empty if C(what) names it.
      type: str
      returned: failure
      sample: ''
    remedy:
      description: What to do about it. It is empty if there is nothing to do.
      type: str
      returned: failure
      sample: Turn it off (rfkill unblock wlan)
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vpro.fleet.plugins.module_utils import _module
from ansible_collections.vpro.fleet.plugins.module_utils._handover.policy import Policy
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import ownership


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "interface": {"type": "str"},
            "state": {"type": "str", "choices": ["host"], "default": "host"},
            "timeout": {"type": "float", "default": 30},
            "require_credentials": {"type": "bool", "default": True},
            "pin": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    parameters = module.params
    request = ownership.OwnershipRequest(
        interface=parameters["interface"],
        policy=Policy(
            pin=parameters["pin"],
            require_credentials=parameters["require_credentials"],
            timeout_seconds=parameters["timeout"],
        ),
    )
    _module.run(module, lambda: ownership.ensure_host_owns(request, module.check_mode))


if __name__ == "__main__":
    main()
