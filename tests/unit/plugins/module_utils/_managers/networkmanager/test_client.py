# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkManager, as far as a handover asks it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.client import Device, NetworkManager
from ansible_collections.vpro.fleet.plugins.module_utils._managers.networkmanager.names import (
    NM,
    NM_DEVICE,
    NM_PATH,
    NM_SETTINGS,
    UNMANAGED,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system.dbus import PROPERTIES
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    AccessDenied,
    NotFound,
    SupplicantRefused,
    TimedOut,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.networkmanager.fake_answers import (
    EAP,
    PATH,
    PSK,
    TLS,
    Bus,
    settings,
)


@pytest.mark.parametrize(
    ("can_6_ghz", "wanted", "frequencies"),
    [
        (False, (2412, 5955), (2412,)),
        (True, (2412, 5955), (2412, 5955)),
        (False, (5180,), (5180,)),
        (False, (5180, 5925), (5180,)),
        (False, (5955,), (5955,)),  # better an attempt than none
    ],
)
def test_frequencies_that_the_device_does_not_have_go(
    can_6_ghz: bool, wanted: Tuple[int, ...], frequencies: Tuple[int, ...]
) -> None:
    assert Device("/d/1", None, can_6_ghz).frequencies(wanted) == frequencies


NM_ACTIVE = f"{NM}.Connection.Active"


def manager(answers: Dict[Tuple[Any, ...], Any]) -> NetworkManager:
    return NetworkManager(Bus(answers))  # type: ignore[arg-type]


@pytest.mark.parametrize("starting", [True, False])
def test_networkmanager_says_whether_it_is_busy_with_its_start(starting: bool) -> None:
    assert manager({(NM, NM_PATH, NM, "Startup"): starting}).is_starting() is starting


def device_answers(told: Dict[str, Any], wireless: Dict[str, Any]) -> Dict[Tuple[Any, ...], Any]:
    return {
        (NM, NM_PATH, NM, "GetDeviceByIpIface", "s", ("wlan0",)): ("/d/1",),
        (NM, "/d/1", NM_DEVICE): told,
        (NM, "/d/1", f"{NM_DEVICE}.Wireless"): wireless,
    }


@pytest.mark.parametrize(
    ("wireless", "expected"),
    [
        (
            {"PermHwAddress": "02:00:00:00:00:AA", "WirelessCapabilities": 0x1FFF},
            Device("/d/1", "02:00:00:00:00:aa", True),
        ),
        ({"PermHwAddress": "", "WirelessCapabilities": 0x17FF}, Device("/d/1", None, False)),
        ({}, Device("/d/1", None, False)),
    ],
)
def test_a_device_is_told_with_its_permanent_address_and_6_ghz(wireless: Dict[str, Any], expected: Device) -> None:
    connected = replace(expected, connected=True)
    assert manager(device_answers({"Managed": True, "State": 100}, wireless)).device("wlan0") == connected
    assert manager(device_answers({"Managed": True, "State": 90}, wireless)).device("wlan0") == expected
    assert manager(device_answers({}, wireless)).device("wlan0") == expected, "as of old"


@pytest.mark.parametrize("told", [{"Managed": False, "State": 30}, {"State": UNMANAGED}])
def test_a_device_that_is_left_alone_is_none_unless_it_is_asked_for(told: Dict[str, Any]) -> None:
    one = manager(device_answers(told, {}))
    with pytest.raises(NotFound, match="NetworkManager does not manage wlan0") as caught:
        one.device("wlan0")
    assert caught.value.where == f"D-Bus, {NM}"
    assert one.device("wlan0", unmanaged=True).path == "/d/1"


@pytest.mark.parametrize("variants", [True, False])
def test_profiles_that_this_user_may_not_read_are_left_out(variants: bool) -> None:
    bus = Bus({(NM, f"{NM_PATH}/Settings", NM_SETTINGS, "ListConnections"): ([PATH],)})
    assert list(NetworkManager(bus).settings(variants=variants)) == []  # type: ignore[arg-type]
    how = {"variants": variants, "skip": (NotFound, AccessDenied)}
    assert bus.begun == [(NM, [PATH], f"{NM_SETTINGS}.Connection", "GetSettings", how)]


SECURED, EAP_SETTING = "802-11-wireless-security", "802-1x"
PEAP = {"eap": ["peap"], "phase2-auth": "mschapv2"}


@pytest.mark.parametrize(
    ("profile", "setting", "answer", "lacks"),
    [
        (settings(PSK), SECURED, {SECURED: {"psk": "x"}}, False),
        (settings(PSK), SECURED, {SECURED: {"psk": ""}}, True),
        (settings(PSK), SECURED, {}, True),
        (settings(EAP, PEAP), EAP_SETTING, {EAP_SETTING: {"password": "x"}}, False),
        (settings(EAP, PEAP), EAP_SETTING, {EAP_SETTING: {"password": ""}}, True),
        # The password of a private key may be an empty one.
        (settings(EAP, TLS), EAP_SETTING, {EAP_SETTING: {"private-key-password": ""}}, False),
        (settings(PSK), SECURED, SupplicantRefused("NoSecrets: nobody has any"), True),
        # What can't be told is not said.
        (settings(PSK), SECURED, SupplicantRefused("Failed: odd"), False),
        (settings(PSK), SECURED, TimedOut("no answer"), False),
        (settings(PSK), SECURED, AccessDenied("not for you"), False),
    ],
)
def test_whether_the_system_has_the_secret_is_asked_where_it_belongs(
    profile: Dict[str, Any], setting: str, answer: Any, lacks: bool
) -> None:
    question = (NM, PATH, f"{NM_SETTINGS}.Connection")
    one = manager(
        {
            (*question, "GetSettings"): (profile,),
            (*question, "GetSecrets", "s", (setting,)): answer if isinstance(answer, Exception) else (answer,),
        }
    )
    assert one.lacks_a_secret(PATH) is lacks


def test_a_profile_that_is_gone_lacks_nothing() -> None:
    question = (NM, PATH, f"{NM_SETTINGS}.Connection", "GetSettings")
    assert manager({question: NotFound("no such profile")}).lacks_a_secret(PATH) is False


ENDED = [NotFound("no such object"), SupplicantRefused("no such property")]


@pytest.mark.parametrize("ended", [*ENDED, None])
def test_a_device_is_connected_by_a_profile_as_long_as_it_says_so(ended: Optional[Exception]) -> None:
    answers = {(NM, "/d/1", NM_DEVICE, "ActiveConnection"): "/a/1", (NM, "/a/1", NM_ACTIVE, "Connection"): PATH}
    if ended is None:
        assert manager(answers).active("/d/1") == PATH
        assert manager({(NM, "/d/1", NM_DEVICE, "ActiveConnection"): "/"}).active("/d/1") is None
    else:
        for question in answers:
            assert manager({**answers, question: ended}).active("/d/1") is None


@pytest.mark.parametrize("ended", ENDED)
def test_a_profile_that_another_device_uses_is_told_with_that_ones_name(ended: Exception) -> None:
    answers: Dict[Tuple[Any, ...], Any] = {
        (NM, NM_PATH, NM, "ActiveConnections"): ["/a/1", "/a/2", "/a/3", "/a/4"],
        (NM, "/a/1", NM_ACTIVE): ended,
        (NM, "/a/2", NM_ACTIVE): {"Devices": ["/d/1"], "Connection": "/s/2"},
        (NM, "/a/3", NM_ACTIVE): {"Devices": ["/d/1", "/d/2"], "Connection": "/s/3"},
        (NM, "/a/4", NM_ACTIVE): {"Devices": ["/d/3"], "Connection": "/s/3"},
        (NM, "/d/2", NM_DEVICE, "Interface"): "wlan1",
        (NM, "/d/3", NM_DEVICE, "Interface"): "wlan2",
    }
    assert manager(answers).used_elsewhere("/d/1") == {"/s/3": ("wlan1", "wlan2")}


def test_a_device_is_taken_into_use_by_its_property() -> None:
    question = (NM, "/d/1", PROPERTIES, "Set", "ssv", (NM_DEVICE, "Managed", ("b", True)))
    manager({question: ()}).manage("/d/1")
