# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
from pathlib import Path
from typing import Optional, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._radio import sysfs, values
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import DecodeFailed, NotFound, TransportFailed
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils.fake_machine import WIRELESS_CLIENT, Machine


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine with wlan0 (iwlwifi, phy0) and a bridge br0 that has no device."""
    device = tmp_path / "sys/devices/pci0/0000:00:14.3"
    wlan0 = device / "net/wlan0"
    write(wlan0 / "address", "AA:bb:cc:00:11:22\n")
    write(wlan0 / "carrier", "1\n")
    write(wlan0 / "operstate", "dormant\n")
    (device / "ieee80211/phy0").mkdir(parents=True)
    (tmp_path / "sys/bus/pci/drivers/iwlwifi").mkdir(parents=True)
    (device / "driver").symlink_to(tmp_path / "sys/bus/pci/drivers/iwlwifi")
    (wlan0 / "device").symlink_to(device)
    (wlan0 / "phy80211").symlink_to(device / "ieee80211/phy0")
    br0 = tmp_path / "sys/devices/virtual/net/br0"
    write(br0 / "address", "02:00:00:00:00:01\n")
    write(br0 / "carrier", "0\n")
    (tmp_path / "sys/class/net").mkdir(parents=True)
    for directory in (wlan0, br0):
        (tmp_path / "sys/class/net" / directory.name).symlink_to(directory)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "version"),
    [("6.1.0-18-amd64", (6, 1)), ("5.17.0", (5, 17)), ("6.12", (6, 12)), ("5.14.0-427.13.1.el9_4.x86_64", (5, 14))],
)
def test_release(tmp_path: Path, text: str, version: Tuple[int, int]) -> None:
    write(tmp_path / "proc/sys/kernel/osrelease", text + "\n")
    assert sysfs.release(str(tmp_path)) == values.Release(text, version)


def test_release_of_this_machine_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in a sandbox that hides the file, as the watcher's."""

    def hidden(path: str) -> str:
        raise NotFound("there is no such file", where=path)

    monkeypatch.setattr(f"{sysfs.__name__}.read_text", hidden)
    assert sysfs.release().version > (2, 6)


@pytest.mark.parametrize("text", ["", "six", "6", "v6.1"])
def test_a_release_without_numbers(tmp_path: Path, text: str) -> None:
    path = tmp_path / "proc/sys/kernel/osrelease"
    write(path, text)
    with pytest.raises(DecodeFailed, match=f"'{text}' is not a kernel release") as caught:
        sysfs.release(str(tmp_path))
    assert caught.value.where == str(path)


def test_no_procfs(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        sysfs.release(str(tmp_path))


@pytest.mark.parametrize(("state", "loaded"), [("live\n", True), ("coming\n", False), ("going\n", False)])
def test_a_module_counts_when_it_is_live(tmp_path: Path, state: str, loaded: bool) -> None:
    write(tmp_path / "sys/module/iwlmei/initstate", state)
    assert sysfs.module_loaded("iwlmei", str(tmp_path)) is loaded


def test_a_module_that_is_built_in_or_absent(tmp_path: Path) -> None:
    (tmp_path / "sys/module/snd_hda").mkdir(parents=True)
    assert sysfs.module_loaded("snd-hda", str(tmp_path))
    assert not sysfs.module_loaded("iwlmei", str(tmp_path))


def test_a_wireless_interface(root: Path) -> None:
    where = str(root)
    assert sysfs.driver_of("wlan0", where) == "iwlwifi"
    assert sysfs.phy_of("wlan0", where) == "phy0"
    assert sysfs.mac_of("wlan0", where) == "aa:bb:cc:00:11:22"
    assert sysfs.carrier("wlan0", where) is True
    assert sysfs.operstate("wlan0", where) == "dormant"


@pytest.mark.parametrize(("flags", "up"), [("0x1003\n", True), ("0x1002\n", False), ("0x1\n", True)])
def test_an_interface_is_up_by_its_flag(root: Path, flags: str, up: bool) -> None:
    write(root / "sys/class/net/wlan0/flags", flags)
    assert sysfs.is_up("wlan0", str(root)) is up


def test_flags_that_are_no_number(root: Path) -> None:
    path = root / "sys/class/net/wlan0/flags"
    write(path, "\xe9" * 50)
    with pytest.raises(DecodeFailed) as caught:
        sysfs.is_up("wlan0", str(root))
    assert (caught.value.what, caught.value.where) == (f"{'é' * 40!a} is not a number", str(path))


def test_how_often_an_interface_had_a_link(root: Path) -> None:
    path = root / "sys/class/net/wlan0/carrier_up_count"
    write(path, "12\n")
    assert sysfs.carrier_ups("wlan0", str(root)) == 12
    write(path, "x" * 50)
    with pytest.raises(DecodeFailed) as caught:
        sysfs.carrier_ups("wlan0", str(root))
    assert (caught.value.what, caught.value.where) == (f"'{'x' * 40}' is not a number", str(path))


def test_an_interface_without_a_device(root: Path) -> None:
    assert sysfs.driver_of("br0", str(root)) is None
    assert sysfs.phy_of("br0", str(root)) is None
    assert sysfs.carrier("br0", str(root)) is False
    with pytest.raises(NotFound):
        sysfs.operstate("br0", str(root))


def test_a_driver_that_was_unbound(root: Path) -> None:
    (root / "sys/devices/pci0/0000:00:14.3/driver").unlink()
    assert sysfs.driver_of("wlan0", str(root)) is None


@pytest.mark.parametrize("ifname", ["eth9", "", ".", "..", "../net/wlan0", "wlan0/", "a b", "wlan0\n", "x" * 16, "\0"])
def test_no_such_interface(root: Path, ifname: str) -> None:
    for ask in (sysfs.driver_of, sysfs.phy_of, sysfs.mac_of, sysfs.carrier, sysfs.operstate):
        with pytest.raises(NotFound, match=r"no network interface .* .ip link. lists the interfaces"):
            ask(ifname, str(root))


@pytest.mark.parametrize(("number", "raises"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_the_carrier_of_an_interface_that_is_down_is_unknown(
    root: Path, monkeypatch: pytest.MonkeyPatch, number: int, raises: bool
) -> None:
    def fail(path: str) -> str:
        raise TransportFailed("no", errno=number)

    monkeypatch.setattr(sysfs, "read_text", fail)
    if raises:
        with pytest.raises(TransportFailed):
            sysfs.carrier("wlan0", str(root))
    else:
        assert sysfs.carrier("wlan0", str(root)) is None


def test_the_loopback_interface_of_this_machine() -> None:
    assert sysfs.mac_of("lo") == "00:00:00:00:00:00"
    assert sysfs.phy_of("lo") is None
    assert sysfs.driver_of("lo") is None
    assert sysfs.index_of("lo") == 1
    # Whether it is up is up to the machine.
    assert sysfs.is_up("lo") in (True, False)
    assert sysfs.carrier("lo") in (True, False, None)
    assert sysfs.carrier_ups("lo") >= 0
    assert sysfs.operstate("lo") in ("unknown", "down")


def test_this_machine_has_what_every_linux_shows() -> None:
    assert "lo" not in sysfs.wireless_interfaces()
    assert not sysfs.module_loaded("no such module")
    sysfs.mei_client_driver(WIRELESS_CLIENT)  # whatever it is


def test_no_sysfs_is_not_the_same_as_no_module(tmp_path: Path) -> None:
    remedy = "Mount sysfs. A container may lack it on purpose"
    with pytest.raises(NotFound, match="sysfs does not show the kernel modules") as caught:
        sysfs.module_loaded("iwlmei", str(tmp_path))
    assert (caught.value.where, caught.value.remedy) == (str(tmp_path / "sys/module"), remedy)
    with pytest.raises(NotFound, match="sysfs does not show the devices") as caught:
        sysfs.mei_client_driver(WIRELESS_CLIENT, str(tmp_path))
    assert (caught.value.where, caught.value.remedy) == (str(tmp_path / "sys/bus"), remedy)


# -- module files -----------------------------------------------------------------------------------------------------

MEI = "kernel/drivers/net/wireless/intel/iwlwifi/mei/iwlmei.ko"


@pytest.mark.parametrize(
    ("listed", "file", "available"),
    [
        (f"{MEI}: kernel/mei.ko\n", MEI, True),
        (f"kernel/a.ko:\n{MEI}.xz: kernel/mei.ko.xz\n", f"{MEI}.xz", True),
        (f"{MEI}.zst:", f"{MEI}.zst", True),
        ("updates/iwlmei.ko.gz:\n", "updates/iwlmei.ko.gz", True),
        ("iwlmei.ko:\n", "iwlmei.ko", True),
        (f"{MEI}:\n", "elsewhere.ko", False),  # depmod's list is older than the files
        ("", MEI, False),
        (f"kernel/iwlmvm.ko: {MEI}\n", MEI, False),  # others need it
        ("kernel/iwlmei.kosmos:\nkernel/notiwlmei.ko:\nkernel/iwlmei.ko.d/x.ko:\n", "kernel/notiwlmei.ko", False),
        ("\0\xff\n:::\niwlmei.ko\n", MEI, False),
    ],
)
def test_a_module_that_could_be_loaded(tmp_path: Path, listed: str, file: str, available: bool) -> None:
    folder = tmp_path / "lib/modules/6.1.0"
    write(folder / "modules.dep", listed)
    write(folder / file, "")
    assert sysfs.module_available("iwlmei", "6.1.0", str(tmp_path)) is available
    assert sysfs.module_file("iwlmei", "6.1.0", str(tmp_path)) == (file if available else None)


def test_a_module_that_is_built_in(tmp_path: Path) -> None:
    write(tmp_path / "lib/modules/6.1.0/modules.builtin", f"kernel/a.ko\n{MEI}\n")
    assert sysfs.module_available("iwlmei", "6.1.0", str(tmp_path))
    assert sysfs.module_file("iwlmei", "6.1.0", str(tmp_path)) == MEI
    with pytest.raises(NotFound):  # nobody knows of the others
        sysfs.module_available("iwlmvm", "6.1.0", str(tmp_path))


def test_no_list_of_modules(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"modules\.dep"):
        sysfs.module_available("iwlmei", "6.1.0", str(tmp_path))
    (tmp_path / "lib/modules/6.1.0/modules.dep").mkdir(parents=True)
    with pytest.raises(TransportFailed):
        sysfs.module_available("iwlmei", "6.1.0", str(tmp_path))


# -- interfaces, the management engine, debugfs -----------------------------------------------------------------------


def test_wireless_interfaces(root: Path) -> None:
    assert sysfs.wireless_interfaces(str(root)) == ("wlan0",)
    with pytest.raises(NotFound):
        sysfs.wireless_interfaces(str(root / "nowhere"))


def test_the_index_of_an_interface(root: Path) -> None:
    write(root / "sys/class/net/wlan0/ifindex", "3\n")
    assert sysfs.index_of("wlan0", str(root)) == 3
    with pytest.raises(NotFound):
        sysfs.index_of("wlan1", str(root))


def mei(root: Path, device: str, driver: str = "") -> None:
    client = root / "sys/bus/mei/devices" / device
    client.mkdir(parents=True)
    if driver:
        (root / "sys/bus/mei/drivers" / driver).mkdir(parents=True, exist_ok=True)
        (client / "driver").symlink_to(root / "sys/bus/mei/drivers" / driver)


def test_the_driver_of_a_client_of_the_management_engine(tmp_path: Path) -> None:
    where = str(tmp_path)
    (tmp_path / "sys/bus").mkdir(parents=True)
    assert sysfs.mei_client_driver(WIRELESS_CLIENT, where) is None
    mei(tmp_path, "0000:00:16.0-12f80028-b4b7-4b2d-aca8-46e0ff65814c", "mei_amt")
    assert sysfs.mei_client_driver(WIRELESS_CLIENT, where) is None
    mei(tmp_path, f"0000:00:16.0-{WIRELESS_CLIENT}")
    assert sysfs.mei_client_driver(WIRELESS_CLIENT, where) is None
    mei(tmp_path, f"0000:00:16.4-{WIRELESS_CLIENT}", "iwlmei")
    assert sysfs.mei_client_driver(WIRELESS_CLIENT, where) == "iwlmei"


@pytest.mark.parametrize(("text", "number"), [("1\n", 1), ("0\n", 0), ("18446744073709551615\n", 2**64 - 1)])
def test_a_number_of_debugfs(tmp_path: Path, text: str, number: int) -> None:
    write(tmp_path / "sys/kernel/debug/iwlmei/status", text)
    assert sysfs.debugfs_number("iwlmei/status", str(tmp_path)) == number


@pytest.mark.parametrize("text", ["", "-1", "0x1", "one", "1 2", "\0", "1" * 21, "\xb2"])
def test_rubbish_in_debugfs(tmp_path: Path, text: str) -> None:
    write(tmp_path / "sys/kernel/debug/iwlmei/status", text)
    with pytest.raises(DecodeFailed):
        sysfs.debugfs_number("iwlmei/status", str(tmp_path))


def test_no_debugfs(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        sysfs.debugfs_number("iwlmei/status", str(tmp_path))


# -- modules that are not the kernel's own ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("taint", "out_of_tree"), [("\n", False), ("E\n", False), ("O\n", True), ("POE\n", True), (None, False)]
)
def test_a_module_that_was_not_built_with_the_kernel(machine: Machine, taint: Optional[str], out_of_tree: bool) -> None:
    machine.module("a_module", file=False)
    if taint is not None:
        machine.write("sys/module/a_module/taint", taint)
    assert sysfs.module_out_of_tree("a-module", machine.root) is out_of_tree


def test_the_types_of_a_module(machine: Machine) -> None:
    assert sysfs.module_types("iwlmvm", machine.root) is None
    machine.types("a_name")
    assert b"\0a_name\0" in (sysfs.module_types("iwlmvm", machine.root) or b"")
    (machine.path / "sys/kernel/btf/iwlmld").mkdir()
    with pytest.raises(TransportFailed, match="iwlmld"):
        sysfs.module_types("iwlmld", machine.root)
