#!/usr/bin/python
# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: amt_wifi_driver
short_description: Install the drivers with iwlmei for the kernels of a laptop
version_added: 1.0.0
author:
  - The vpro.fleet developers (@vpro-fleet)
description:
  - Installs packages that M(vpro.fleet.amt_wifi_driver_package) has built, each for an installed kernel of the laptop,
    or for the kernel that its next update brings. Packages for other kernels are removed.
  - With O(method=dkms), the laptop builds the drivers for itself, by DKMS, and again for each kernel that comes.
  - With O(state=absent), removes all of these packages, and what DKMS has. Each kernel has its own drivers then.
  - Never unloads a driver. RV(reboot_needed) says whether the laptop has to be restarted.
  - Fails before it installs anything if iwlmei does not belong on the laptop, or if Secure Boot is on and the kernel
    would not take the modules.
  - If an installation fails, for example because the disk is full, the drivers from before are in place again.
  - The role P(vpro.fleet.driver#role) uses this module.
options:
  state:
    description:
      - Whether the drivers are installed.
    type: str
    choices: [present, absent]
    default: present
  method:
    description:
      - Where the drivers come from.
      - V(package) means that a build host has built the packages in O(packages).
      - V(dkms) means that the laptop builds the drivers by O(recipe), from the distribution's own source. It needs
        DKMS, the headers of each kernel, and the package with the source in their exact version.
      - What the other method has installed is removed when the drivers of this one are there.
    type: str
    choices: [package, dkms]
    default: package
  recipe:
    description:
      - For O(method=dkms). The folder of the recipe, which the role has copied to the laptop.
      - Without it, nothing is built. RV(needs) tells which packages are missing.
    type: path
  packages:
    description:
      - The paths of the packages' files on the laptop. Those for other kernels are left alone.
      - If the list is empty, nothing is installed. RV(kernels) tells which packages are needed.
    type: list
    elements: path
    default: []
  despite:
    description:
      - The reasons for which the module would refuse, and shall not.
      - V(no_radio) means that the laptop has no radio of Intel's, or that its driver is not loaded.
      - V(op_mode_unsupported) means that the radio's op mode knows nothing of CSME, as C(iwlmld).
      - V(no_csme) means that the firmware shows no wireless management, because AMT is switched off or missing.
    type: list
    elements: str
    choices: [no_radio, op_mode_unsupported, no_csme]
    default: []
  hold_kernel:
    description:
      - Whether apt holds back the laptop's next kernel until its package is installed.
      - The package that brings new kernels (C(linux-image-amd64), C(linux-image-generic)) is held, except while the
        kernel that it would bring now has its package. With V(false), a hold of this module's is lifted. A hold that
        somebody else has set stays.
      - It has no effect with O(method=dkms). There, the update that brings a kernel builds its drivers.
    type: bool
    default: false
  mok_certificate:
    description:
      - The path of the certificate that the modules are signed with, on the laptop, in DER.
      - If Secure Boot is on and the laptop does not know the certificate, its enrolment is prepared. A person at the
        laptop has to confirm it during the next boot. The module fails until then.
      - It is not used with O(method=dkms), because DKMS signs with a key of the laptop's own.
    type: path
  mok_password:
    description:
      - The password that this person has to type. With O(method=dkms), it is that for the key of DKMS.
    type: str
extends_documentation_fragment:
  - vpro.fleet.attributes
  - vpro.fleet.attributes.group
  - vpro.fleet.attributes.action
attributes:
  diff_mode:
    support: none
seealso:
  - module: vpro.fleet.amt_wifi_driver_package
  - module: vpro.fleet.amt_wifi_facts
"""

EXAMPLES = r"""
- name: Install the drivers for the kernel of Debian 13
  vpro.fleet.amt_wifi_driver:
    packages: [/var/cache/vpro-iwlmei/vpro-iwlmei-6.12.117+deb13-amd64_6.12.117-1+vpro.1f0c2d3e_amd64.deb]

- name: Have the laptop build the drivers for itself
  vpro.fleet.amt_wifi_driver:
    method: dkms
    recipe: /var/cache/vpro-iwlmei/recipe

- name: Have each kernel use its own drivers again
  vpro.fleet.amt_wifi_driver:
    state: absent
"""

RETURN = r"""
kernels:
  description:
    - The installed kernels and those in RV(coming), each with its C(release), whether it is C(running), and the
      C(version) of the drivers for it. The version is V(null) if there are none.
  type: list
  elements: dict
  returned: success
  sample:
    - release: 6.1.0-50-amd64
      running: true
      version: 6.1.176-1+vpro.1f0c2d3e
coming:
  description: The releases of the kernels that the laptop's next update brings, as far as its apt knows.
  type: list
  elements: str
  returned: success
  sample: [6.1.0-51-amd64]
needs:
  description:
    - For O(method=dkms), the packages that are missing for a build, as apt takes them. They have the version of the
      laptop's kernel, so that no newer kernel comes with them.
    - A package that apt does not have is not in the list. If nothing can be built without it, the module fails, and
      says which it is.
  type: list
  elements: str
  returned: success
  sample: [linux-headers-amd64=6.1.176-1, linux-source-6.1=6.1.176-1, dkms]
held:
  description: The packages that are held for O(hold_kernel).
  type: list
  elements: str
  returned: success
  sample: [linux-image-amd64]
secure_boot:
  description:
    - Whether Secure Boot is on, so that the kernel only takes signed modules. It counts as off if shim's validation is
      switched off.
    - V(null) if it can't be read. Then nothing is installed, but everything can be removed.
  type: bool
  returned: success
  sample: false
reboot_needed:
  description: Whether the running kernel uses other drivers than those that are installed for it now.
  type: bool
  returned: success
  sample: true
error:
  description: Why the module failed, with a stable C(code), C(what), C(where) and C(remedy).
  type: dict
  returned: failure
  sample:
    code: no_csme
    what: "Nothing was installed: this laptop's firmware shows no wireless management: AMT is off, or not there"
    where: ""
    remedy: Switch AMT on in the firmware
"""

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vpro.fleet.plugins.module_utils import _module
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import driver, driver_self_built
from ansible_collections.vpro.fleet.plugins.module_utils._tasks.driver_enrolment import Enrolment


def work(module: AnsibleModule) -> Dict[str, Any]:
    """Return the module's result.

    Raises:
        FleetError: iwlmei does not belong on this laptop, or a package could not be installed or removed.
    """
    given = module.params
    if given["state"] == "absent":
        return driver.withdraw(check=module.check_mode)
    driver.refuse(given["despite"])
    if given["method"] == "dkms":
        return driver_self_built.apply(given["recipe"], given["mok_password"], check=module.check_mode)
    enrolment = None
    if given["mok_certificate"] is not None:
        enrolment = Enrolment(given["mok_certificate"], given["mok_password"])
    return driver.apply(given["packages"], enrolment, hold=given["hold_kernel"], check=module.check_mode)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "method": {"type": "str", "choices": ["package", "dkms"], "default": "package"},
            "recipe": {"type": "path"},
            "packages": {"type": "list", "elements": "path", "default": []},
            "despite": {"type": "list", "elements": "str", "choices": list(driver.DESPITE), "default": []},
            "hold_kernel": {"type": "bool", "default": False},
            "mok_certificate": {"type": "path"},
            "mok_password": {"type": "str", "no_log": True},
        },
        required_by={"mok_certificate": ["mok_password"]},
        supports_check_mode=True,
    )
    _module.run(module, lambda: work(module))


if __name__ == "__main__":
    main()
