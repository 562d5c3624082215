#!/usr/bin/python
# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: amt_wifi_driver_package
short_description: Build the package with iwlwifi, iwlmvm and iwlmei for a kernel
version_added: 1.0.0
author:
  - The vpro.fleet developers (@vpro-fleet)
description:
  - Builds Intel's wireless drivers with iwlmei from the distribution's own source of a kernel, and packs them as
    C(vpro-iwlmei-RELEASE). The source is that of the exact version of the kernel's headers.
  - The package is built once. It is built again if the version of the kernel, the recipe or the certificate changed.
  - The role P(vpro.fleet.driver#role) uses this module on a build host.
options:
  release:
    description:
      - The kernel's release, such as V(6.12.117+deb13-amd64). Its headers must be installed.
    type: str
    required: true
  folder:
    description:
      - The folder of the packages. It must exist.
      - If the package with the kernel's source is in this folder, it is used. If not, apt downloads it.
    type: path
    required: true
  recipe:
    description:
      - The folder of the recipe, which the role has copied to the build host.
    type: path
    required: true
  sign_key:
    description:
      - The path of the private key that the modules are signed with, on the build host. Without it, they are not
        signed.
    type: path
  sign_certificate:
    description:
      - The path of the certificate of O(sign_key), on the build host.
    type: path
extends_documentation_fragment:
  - vpro.fleet.attributes
  - vpro.fleet.attributes.group
  - vpro.fleet.attributes.action
attributes:
  diff_mode:
    support: none
seealso:
  - module: vpro.fleet.amt_wifi_driver
"""

EXAMPLES = r"""
- name: Build the drivers for the kernel of Debian 13
  vpro.fleet.amt_wifi_driver_package:
    release: 6.12.117+deb13-amd64
    folder: /var/cache/vpro-iwlmei
    recipe: /var/cache/vpro-iwlmei/recipe
"""

RETURN = r"""
package:
  description: The path of the package's file.
  type: str
  returned: success
  sample: /var/cache/vpro-iwlmei/vpro-iwlmei-6.1.0-50-amd64_6.1.176-1+vpro.1f0c2d3e_amd64.deb
name:
  description: The package's name.
  type: str
  returned: success
  sample: vpro-iwlmei-6.1.0-50-amd64
version:
  description: The package's version, which is the kernel's with a part that tells how the package was made.
  type: str
  returned: success
  sample: 6.1.176-1+vpro.1f0c2d3e
provenance:
  description:
    - What the package was built from. The package has the same in C(/usr/share/vpro-iwlmei-RELEASE/provenance.json).
    - It is V(null) in check mode if the package would be built.
  type: dict
  returned: success
  sample:
    source: linux-source-6.1
    source_version: 6.1.176-1
    compiler: "GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
error:
  description: Why the module failed, with a stable C(code), C(what), C(where) and C(remedy).
  type: dict
  returned: failure
  sample:
    code: not_found
    what: the headers of Linux 6.1.0-50-amd64 are not installed
    where: /lib/modules/6.1.0-50-amd64/build
    remedy: Install linux-headers-6.1.0-50-amd64
"""

from dataclasses import asdict
from typing import Any, Dict, Optional

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vpro.fleet.plugins.module_utils import _module
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import driver_build
from ansible_collections.vpro.fleet.plugins.module_utils._tasks.driver_recipe import Signing


def work(module: AnsibleModule) -> Dict[str, Any]:
    """Return the module's result.

    Raises:
        FleetError: the package could not be built.
    """
    given = module.params
    signing: Optional[Signing] = None
    if given["sign_key"] is not None:
        signing = Signing(given["sign_key"], given["sign_certificate"])
    built = driver_build.build(given["release"], given["folder"], given["recipe"], signing, check=module.check_mode)
    return asdict(built)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "release": {"type": "str", "required": True},
            "folder": {"type": "path", "required": True},
            "recipe": {"type": "path", "required": True},
            "sign_key": {"type": "path", "no_log": False},
            "sign_certificate": {"type": "path"},
        },
        required_together=[("sign_key", "sign_certificate")],
        supports_check_mode=True,
    )
    _module.run(module, lambda: work(module))


if __name__ == "__main__":
    main()
