# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role ``watcher`` on a laptop: from nothing to a watcher that works, through an upgrade, and back to nothing.

A run of the role takes long here, so two tests lead through all of its life, and look at much after each run.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Set

import pytest

from vpro_lab.air.csme import Csme
from vpro_lab.laptop.control import INTERFACE, Laptop
from vpro_lab.paths import REPOSITORY
from vpro_lab.play.playbook import Play, run_module, run_tasks
from vpro_lab.play.watching import state

# About wpa_supplicant, or about neither: once is enough.
pytestmark = [pytest.mark.manager("wpa_supplicant"), pytest.mark.release]

NAME = "amt-wifi-watcher"
PACKAGE = "/usr/lib/amt-wifi-watcher/vpro_fleet"
CONFIG = "/etc/amt-wifi-watcher/config.json"
UNIT = "/etc/systemd/system/amt-wifi-watcher.service"
#: The lab's laptops have a file of systemd-networkd's for their radio alone.
NETWORKD_DROP_IN = "/etc/systemd/network/20-radio.network.d"
SUPPLICANT_CONF = f"/etc/wpa_supplicant/wpa_supplicant-{INTERFACE}.conf"
#: The library that the watcher needs, as Debian's package has it.
LIBRARY = "/usr/lib/python3/dist-packages/pyroute2"

#: What a package of before may have had, and the package of now has not.
_OBSOLETE = ("_obsolete.py", "_handover.py", "_watcher.py", "_older/__init__.py")

#: What a laptop has that the role could leave something in; without what other things write while it runs.
_LISTING = r"""
find /boot /etc /home /opt /root /run /srv /usr /var -xdev \
  \( -path '/run/systemd' -o -path '/run/udev' -o -path '/run/user' -o -path '/run/log' -o -path '/root/.ansible' \
     -o -path '/run/lab-zip-cache' -o -path '/var/log' -o -path '/var/tmp' -o -path '/var/lib/systemd' \
     -o -name __pycache__ \) -prune \
  -o ! -name 'lab-*' ! -name '.pwd.lock' ! -path '/etc/*-' -print | sort
md5sum /etc/passwd /etc/group /etc/shadow /etc/gshadow
systemctl list-unit-files --no-legend 'amt-wifi*' || true
"""


@pytest.fixture
def bare(laptop: Laptop) -> Laptop:
    """A laptop without a watcher."""
    return laptop


def role(laptop: Laptop, *flags: str, **variables: Any) -> Play:
    """Apply the role with variables named without their prefix."""
    task = {
        "name": "the role",
        "ansible.builtin.include_role": {"name": "vpro.fleet.watcher"},
        "vars": {f"watcher_{name}": value for name, value in variables.items()},
    }
    return run_tasks(laptop, [task], *flags)


def listing(laptop: Laptop) -> Set[str]:
    """Return all that the role could leave something in."""
    return set(laptop.guest.check(_LISTING).splitlines())


def assert_untouched(laptop: Laptop, before: Set[str]) -> None:
    """Make sure that nothing came and nothing went since a listing."""
    assert sorted(listing(laptop) ^ before) == []


def life(laptop: Laptop) -> str:
    """Return what changes when the watcher is restarted."""
    return laptop.guest.check(f"systemctl show -P InvocationID {NAME}")


def log(laptop: Laptop) -> str:
    """Return what the watcher said since it was started last."""
    return laptop.guest.check(f"journalctl -b -o cat _SYSTEMD_INVOCATION_ID={life(laptop)}")


def starts(laptop: Laptop) -> int:
    """Return how often the watcher has been started."""
    return laptop.guest.check(f"journalctl -b -o cat -u {NAME}").count("Started amt-wifi-watcher")


def test_a_watcher_comes_and_is_configured(bare: Laptop, csme: Csme) -> None:
    guest = bare.guest
    # What the modules made before is root's.
    guest.check(
        "install -d -m 0700 /run/vpro-fleet; touch /run/vpro-fleet/phy0.lock; chmod 600 /run/vpro-fleet/phy0.lock"
    )
    prepared = listing(bare)

    # In check mode, where nothing else is there yet, not even the library.
    guest.check(f"mv {LIBRARY} {LIBRARY}.hidden")
    checked = role(bare, "--check", "--diff").ok()
    guest.check(f"mv {LIBRARY}.hidden {LIBRARY}")
    assert "python3 and python3-pyroute2 would be installed" in checked.output
    assert "amt-wifi-watcher.service would be enabled and started" in checked.output
    for part in (
        PACKAGE,
        "_watcher/loop.py: ",
        "/usr/sbin/amt-wifi-watcher",
        '+    "idle": "take"',
        "+cfg80211\n",
        UNIT,
    ):
        assert part in checked.output, part
    assert "iwlmei is not among the modules of the running kernel: CSME can't share" in checked.output
    assert "failed to look up" not in checked.output
    assert_untouched(bare, prepared)

    role(bare).ok()
    assert_it_works(bare)

    # Nothing without a reason.
    before, begun = life(bare), starts(bare)
    again = role(bare).ok()
    assert "changed=0" in again.output, again.output
    assert (life(bare), starts(bare)) == (before, begun)

    # A bad configuration by hand is refused, its fields are named, and the old one still applies.
    bad = {"idle": "leave", "stay_at_access_point": "no", "colour": "blue"}
    guest.write(CONFIG, json.dumps(bad))
    told = guest.run(f"{NAME} check-config {CONFIG}")
    assert told.rc == 1
    guest.check(f"systemctl reload {NAME}")
    bare.wait_until("the refusal", lambda: "so the old one still applies" in log(bare), 30)
    for field in ("stay_at_access_point has to be true or false", "colour is not a setting"):
        assert field in log(bare), field
        assert field in told.err, field
    csme.reports_none()
    csme.own()
    bare.wait_until("the radio, as the old one wants it", lambda: csme.state()["owner"] == "host", 30)
    # The role brings its own back, and the watcher goes on.
    mended = role(bare, "--diff", idle="leave", log_level="debug").ok()
    assert "changed=2" in mended.output, mended.output  # the file, and the reload
    assert '-{"idle": "leave", "stay_at_access_point": "no", "colour": "blue"}' in mended.output
    bare.wait_until("the new configuration", lambda: "the configuration was read again" in log(bare), 30)
    assert (life(bare), starts(bare)) == (before, begun)
    csme.reports_none()
    csme.own()
    bare.wait_until("the radio's state", lambda: state(bare)["state"] == "left", 30)
    assert state(bare)["radios"][0]["reason"] == "idle"
    csme.release()


@pytest.mark.release
def test_an_older_watcher_is_replaced_and_the_new_one_goes(bare: Laptop) -> None:
    guest = bare.guest
    nothing = listing(bare)
    role(bare, idle="leave").ok()
    bare.supplicant("", group=NAME)
    before, begun = life(bare), starts(bare)

    # From another version, with another configuration: what that had is gone, and it is restarted once.
    # All files stood in one folder once: one of them may have the name of a folder of now.
    obsolete = " ".join(f"{PACKAGE}/{name}" for name in _OBSOLETE)
    guest.check(f"echo 0.9.0 > {PACKAGE}/VERSION; mkdir {PACKAGE}/_older; touch {obsolete}; echo '# older' >> {UNIT}")
    # One of its pipes was another one, and a DHCP client was asked through it just now.
    pipe, socket = f"/run/{NAME}-address-networkd", f"{NAME}-address-networkd.socket"
    guest.check(f"sed -i s/SocketMode=0200/SocketMode=0600/ /etc/systemd/system/{socket}; systemctl daemon-reload")
    guest.check(f"systemctl restart {socket}; stat -c %a {pipe} | grep 600; echo {INTERFACE} > {pipe}")
    upgraded = role(bare, "--diff", log_level="debug").ok()
    for name in _OBSOLETE:
        assert f"-{name}: 0 bytes" in upgraded.output
    assert "changed=2" in upgraded.output, upgraded.output  # the files, and the restart
    assert starts(bare) == begun + 1
    assert life(bare) != before
    assert set(guest.check(f"systemctl show -p NRestarts -p NeedDaemonReload {NAME}").split()) == {
        "NRestarts=0",
        "NeedDaemonReload=no",
    }
    for name in (*_OBSOLETE, "_older"):
        assert guest.run(f"test -e {PACKAGE}/{name}").rc == 1, name
    assert state(bare)["version"] == version()
    assert guest.check(f"stat -c %a {pipe}; systemctl is-active {socket}").split() == ["200", "active"]

    # It has failed, which must leave no record behind.
    drop_in = f"/run/systemd/system/{NAME}.service.d"
    guest.check(f"mkdir {drop_in}")
    guest.write(f"{drop_in}/lab.conf", "[Service]\nRestart=no\n")
    guest.check(f"systemctl daemon-reload; systemctl kill --signal=SIGKILL {NAME}")
    bare.wait_until("the failure", lambda: NAME in failed(bare), 30)
    guest.check(f"rm -r {drop_in}; systemctl daemon-reload")

    # The end. The group stays as long as a supplicant would not start without.
    kept = role(bare, state="absent").ok()
    assert f"stay, because {SUPPLICANT_CONF} names the group" in " ".join(kept.output.split())
    assert guest.check(f"getent group {NAME}")
    assert NAME not in failed(bare)
    assert guest.run(f"wpa_cli -i {INTERFACE} ping").out == "PONG\n"
    guest.check(f"systemctl stop wpa_supplicant@{INTERFACE}; rm {SUPPLICANT_CONF}")
    gone = role(bare, state="absent").ok()
    assert re.search(r"changed=[12]\b", gone.output), gone.output  # user and group, one with the other or not
    assert_untouched(bare, nothing)


def failed(laptop: Laptop) -> str:
    """Return the units of which systemd remembers that they failed."""
    return laptop.guest.check("systemctl list-units --failed --no-legend --plain")


def version() -> str:
    """Return the collection's version."""
    found = re.search(r"^version: (.+)$", (REPOSITORY / "galaxy.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return found.group(1)


def assert_it_works(laptop: Laptop) -> None:
    """Look at everything that the role is to have done."""
    guest = laptop.guest
    # Of this type, it is active when it said that it is ready.
    shown = guest.check(f"systemctl show -p Type -p ActiveState -p UnitFileState -p User {NAME}").split()
    assert set(shown) == {"Type=notify", "ActiveState=active", "UnitFileState=enabled", f"User={NAME}"}
    folders = "/run/vpro-fleet /run/vpro-fleet/phy0.lock /run/amt-wifi-watcher /etc/amt-wifi-watcher"
    assert guest.check(f"stat -c '%a %U:%G %n' {folders} {CONFIG} {PACKAGE}").splitlines() == [
        f"700 {NAME}:{NAME} /run/vpro-fleet",
        f"600 {NAME}:{NAME} /run/vpro-fleet/phy0.lock",
        f"755 {NAME}:{NAME} /run/amt-wifi-watcher",
        "755 root:root /etc/amt-wifi-watcher",
        f"644 root:root {CONFIG}",
        f"755 root:root {PACKAGE}",
    ]
    assert guest.check(f"getent passwd {NAME}").split(":")[5:] == ["/nonexistent", "/usr/sbin/nologin\n"]
    assert guest.read(f"/etc/modules-load.d/{NAME}.conf").endswith("\ncfg80211\nrfkill\n")
    # What brings the interface up waits for the watcher's word.
    asks = guest.check(f"systemctl show -p ExecCondition -p After wpa_supplicant@{INTERFACE}")
    assert f"{NAME} bring-up" in asks
    assert f"{NAME}.service" in asks
    told = "[DHCPv4]\nClientIdentifier=mac\n[Link]\nActivationPolicy=manual\nRequiredForOnline=yes\n"
    assert guest.check(f"cat {NETWORKD_DROP_IN}/*") == told
    # Byte for byte what the collection has, and each file with its bytecode.
    lines = guest.check(f"cd {PACKAGE} && find * -name '*.py' -exec sha256sum {{}} +").splitlines()
    sums = {name: digest for digest, name in (line.split() for line in lines)}
    assert "_watcher/loop.py" in sums
    for name in set(sums) - {"__init__.py"}:
        data = (REPOSITORY / "plugins" / "module_utils" / name).read_bytes()
        assert sums[name] == hashlib.sha256(data).hexdigest(), name
    assert len(guest.check(f"find {PACKAGE} -name '*.pyc'").split()) == len(sums)

    # Through the sandbox: rfkill, netlink, and a supplicant by the group of its control socket.
    laptop.supplicant("", group=NAME)
    laptop.wait_until("the supplicant to be heard of", lambda: state(laptop)["radios"][0]["supplicant"], 30)
    assert [radio["interface"] for radio in state(laptop)["radios"]] == [INTERFACE]
    assert guest.check(f"{NAME} --version") == f"amt-wifi-watcher {version()}\n"
    assert f"{INTERFACE} (phy" in guest.check(f"{NAME} status")
    ready = guest.run(f"{NAME} check")
    assert (ready.rc, ready.out) == (0, "A handover would succeed here now\n"), ready.out + ready.err
    facts = run_module(laptop, "amt_wifi_facts")["ansible_facts"]["amt_wifi"]["watcher"]
    assert (facts["installed"], facts["running"], facts["version"]) == (True, True, version())

    security = guest.check(f"systemd-analyze security --no-pager {NAME}")
    exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", security)
    assert exposure is not None
    print(f"exposure: {exposure.group(1)}")
    assert float(exposure.group(1)) <= 1.5, security


def test_all_that_is_wrong_with_the_variables_is_told_and_nothing_touched(bare: Laptop) -> None:
    wrong = {
        "state": "gone",
        "enabled": "perhaps",
        "started": 3,
        "interfaces": ["wlan0", "a/b", 7],
        "idle": "keep",
        "no_credentials": True,
        "stay_at_access_point": "mostly",
        "hold_bring_up_seconds": 901,
        "log_level": "loud",
    }
    before = listing(bare)
    refused = role(bare, **wrong)
    assert refused.rc
    assert "Nothing was changed" in refused.output
    for path in (*(name for name in wrong if name != "interfaces"), "interfaces[1]", "interfaces[2]"):
        assert f"\nwatcher_{path}: " in refused.output, path
    assert_untouched(bare, before)
