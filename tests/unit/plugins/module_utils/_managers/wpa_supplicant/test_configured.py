# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The profiles of a configuration file are those that a supplicant which runs from it would have."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.configured import configured_profiles
from ansible_collections.vpro.fleet.plugins.module_utils._network.limits import Target
from ansible_collections.vpro.fleet.plugins.module_utils._network.profile import Profile, find_profile
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import DecodeFailed

CONF = """ctrl_interface=DIR=/run/wpa_supplicant
network={
    ssid="corp"
    psk="correct horse"
    priority=3
}
network={
    ssid=636f7270
    key_mgmt=SAE
    sae_password="correct horse"
    disabled=1
}
network={
    ssid="hotspot"
    mode=2
    psk="correct horse"
}
network={
    ssid="eap"
    key_mgmt=WPA-EAP
    eap=TLS
    identity="host"
    private_key="blob://key"
}
network={
    ssid="bare"
    key_mgmt=WPA-PSK
}
network={
    ssid="wep"
    key_mgmt=NONE
    wep_key0="abcde"
}
network={
    key_mgmt=NONE
}
"""


def test_each_is_as_the_supplicant_would_have_it(tmp_path: Path) -> None:
    (tmp_path / "conf").write_text(CONF)
    found = configured_profiles(str(tmp_path / "conf"))
    assert [(profile.ssid, profile.enabled, profile.priority) for profile in found] == [
        (b"corp", True, 3),
        (b"corp", False, 0),
        (b"eap", True, 0),
        (b"bare", True, 0),
        (b"wep", True, 0),
    ]
    assert found[0] == Profile(
        id=0,
        ssid=b"corp",
        key_mgmt=frozenset({"WPA-PSK", "WPA-EAP"}),
        enabled=True,
        bssid=None,
        scan_freq=(),
        current=False,
        priority=3,
        credentials=frozenset({"psk"}),
    )
    fitting = find_profile(found, Target(b"corp", "psk"))
    assert fitting is not None
    assert fitting.id == 0
    assert find_profile(found, Target(b"corp", "sae")) is None, "it is disabled"
    assert find_profile(found, Target(b"eap", "eap")) is not None
    assert find_profile(found, Target(b"bare", "psk")) is None, "it has no credential"
    assert find_profile(found, Target(b"wep", "open")) is None, "WEP is not open"


def test_no_file_is_no_profile_and_no_configuration_is_an_error(tmp_path: Path) -> None:
    assert configured_profiles(str(tmp_path / "none")) == ()
    (tmp_path / "half").write_text("network={\n")
    with pytest.raises(DecodeFailed, match=str(tmp_path / "half")):
        configured_profiles(str(tmp_path / "half"))


def test_values_are_read_as_wpa_supplicant_reads_them(tmp_path: Path) -> None:
    (tmp_path / "conf").write_text(
        'network={\n\tssid=P"a\\x9z"\n\tpriority=010\n\tkey_mgmt=SAE\n\tsae_password=NULL\n\tpsk="good-pass-1"\n}\n'
    )
    (profile,) = configured_profiles(str(tmp_path / "conf"))
    assert (profile.ssid, profile.priority, profile.credentials) == (b"a\tz", 8, frozenset({"psk"}))
