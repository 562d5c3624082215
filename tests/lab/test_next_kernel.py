# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A kernel that is installed and lacks iwlmei is told of before it boots. The laptop has the real iwlmei, in a package.

The lab starts its kernels without a boot loader. So the menu is the one that grub-mkconfig was seen to write, and the
laptop's kernel tells all else.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Sequence

import pytest

from ansible_collections.vpro.fleet.tests.lab.conftest import Lab
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._radio.fake_grub import debian
from vpro_lab.laptop.control import Laptop
from vpro_lab.laptop.radios import ENGINE
from vpro_lab.play.collected import collected_after
from vpro_lab.play.playbook import run_module
from vpro_lab.play.snapshots import Kind

# About neither of the programs that can run a radio: once is enough. It takes minutes to build the first time.
pytestmark = [pytest.mark.manager("wpa_supplicant"), pytest.mark.release]

#: A kernel that the distribution's next update could bring.
NEXT = "99.0.0-1-amd64"
#: Makes a package of iwlmei for a kernel, as the role's is called, and installs it.
_PACKAGE = f"""
release=$(uname -r)
work=$(mktemp -d)
mkdir -p "$work/DEBIAN" "$work/lib/modules/$release/updates"
cp {ENGINE}/iwlmei.ko "$work/lib/modules/$release/updates/"
cat > "$work/DEBIAN/control" <<end
Package: vpro-iwlmei-$release
Version: 1
Architecture: amd64
Maintainer: The lab <lab@example.org>
Description: iwlmei
end
dpkg-deb --root-owner-group --build "$work" /run/iwlmei.deb
dpkg --install /run/iwlmei.deb
depmod "$release"
"""
_REMOVED = "dpkg --purge vpro-iwlmei-$(uname -r) && depmod $(uname -r)"
#: Installs a kernel of which nothing needs to run: its image, and the lists of what the laptop's own kernel has.
_NEXT = f"""
cp /boot/vmlinuz-$(uname -r) /boot/vmlinuz-{NEXT}
mkdir -p /lib/modules/{NEXT}
cp /lib/modules/$(uname -r)/modules.builtin /lib/modules/{NEXT}/
grep -v iwlmei /lib/modules/$(uname -r)/modules.dep > /lib/modules/{NEXT}/modules.dep
"""
_GIVEN = f"""
mkdir -p /lib/modules/{NEXT}/updates
cp {ENGINE}/iwlmei.ko /lib/modules/{NEXT}/updates/
echo 'updates/iwlmei.ko: kernel/drivers/misc/mei/mei.ko' >> /lib/modules/{NEXT}/modules.dep
"""


@pytest.fixture
def laptop(lab: Lab, laptop_kind: Kind) -> Laptop:
    """One that has loaded the real iwlmei, from outside its kernel's folder of modules."""
    made = lab.laptop(replace(laptop_kind, engine=True))
    made.radios()
    return made


def written(laptop: Laptop, releases: Sequence[str]) -> None:
    laptop.guest.check("mkdir -p /boot/grub")
    laptop.guest.write("/boot/grub/grub.cfg", debian(releases))


def warned(facts: Dict[str, Any]) -> List[str]:
    return [warning["code"] for warning in facts["readiness"]["warnings"]]


def test_a_kernel_that_boots_next_is_told_of_before(laptop: Laptop) -> None:
    running = laptop.image.kernel_release
    (bare,) = collected_after(laptop, ["true"])
    assert bare["kernel"]["iwlmei"]["loaded"] is True
    assert bare["kernel"]["iwlmei"]["source"] is None, "it was loaded from a folder of the lab's"
    assert (bare["kernel"]["iwlmei"]["for_kernels"], bare["kernel"]["iwlmei"]["next_kernel"]) == ([], None)
    written(laptop, (running,))
    lost, packaged = collected_after(laptop, ["true", _PACKAGE])
    # The next boot of the same kernel would not find what was loaded by hand.
    assert warned(lost) == ["next_kernel_without_iwlmei"]
    assert packaged["kernel"]["iwlmei"] == {
        **lost["kernel"]["iwlmei"],
        "source": "package",
        "signed": False,
        "for_kernels": [running],
        "next_kernel": running,
    }
    assert warned(packaged) == []
    written(laptop, (NEXT, running))
    laptop.guest.check(_NEXT)
    facts = run_module(laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]
    assert facts["kernel"]["release"] == running
    assert facts["kernel"]["secure_boot"] is False
    assert facts["kernel"]["iwlmei"] == {**packaged["kernel"]["iwlmei"], "next_kernel": NEXT}
    assert warned(facts) == ["next_kernel_without_iwlmei"]
    (message,) = [warning["message"] for warning in facts["readiness"]["warnings"]]
    assert NEXT in message
    assert "vpro.fleet.driver" in message
    given, removed = collected_after(laptop, [_GIVEN, _REMOVED])
    assert given["kernel"]["iwlmei"]["for_kernels"] == [NEXT, running]
    assert warned(given) == []
    assert removed["kernel"]["iwlmei"]["source"] is None
    assert removed["kernel"]["iwlmei"]["for_kernels"] == [NEXT]
    assert warned(removed) == []
