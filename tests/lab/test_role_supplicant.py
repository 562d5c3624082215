# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role ``supplicant`` on a laptop: from nothing to a link, over what others configured, and where it refuses.

A run of the role takes long here, so each test does with few, and looks at much after each.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List

import pytest

from vpro_lab.air.ap import DEFAULT_SSID, AccessPoint
from vpro_lab.air.csme import Csme
from vpro_lab.air.scene import Scene
from vpro_lab.air.security import PASSPHRASE, network_block
from vpro_lab.laptop.control import INTERFACE, MAC, Laptop
from vpro_lab.play.playbook import Play, run_tasks
from vpro_lab.play.watching import free, start_supplicant, wait_for

# About wpa_supplicant, or about neither: once is enough.
pytestmark = [pytest.mark.manager("wpa_supplicant"), pytest.mark.release]

CONF = f"/etc/wpa_supplicant/wpa_supplicant-{INTERFACE}.conf"
SERVICE = f"wpa_supplicant@{INTERFACE}.service"
GROUP = "amt-wifi-watcher"
CONTROL = f"ctrl_interface=DIR=/run/wpa_supplicant GROUP={GROUP}"
PROFILE = {"ssid": DEFAULT_SSID.decode(), "security": "psk", "passphrase": PASSPHRASE}
#: What a laptop has from its distribution, and one without wpa_supplicant has not.
PROGRAM = "/usr/sbin/wpa_supplicant"
TEMPLATE = "/lib/systemd/system/wpa_supplicant@.service"
#: What the radios are read with, which a fresh laptop lacks.
PYROUTE2 = "/usr/lib/python3/dist-packages/pyroute2"


@pytest.fixture
def bare(laptop: Laptop) -> Laptop:
    """A laptop on which nobody has configured wpa_supplicant."""
    return laptop


def role(laptop: Laptop, *flags: str, **variables: Any) -> Play:
    """Apply the role with variables named without their prefix."""
    given: Dict[str, Any] = {"interfaces": [INTERFACE], **variables}
    task = {
        "name": "the role",
        "ansible.builtin.include_role": {"name": "vpro.fleet.supplicant"},
        "vars": {f"supplicant_{name}": value for name, value in given.items()},
    }
    return run_tasks(laptop, [task], *flags)


def connected(laptop: Laptop) -> bool:
    """Say whether the supplicant has a connection."""
    return "wpa_state=COMPLETED" in laptop.guest.run(f"wpa_cli -i {INTERFACE} status").out


def life(laptop: Laptop) -> List[str]:
    """Return what changes when the supplicant is restarted, or its link dropped."""
    log = laptop.guest.check(f"journalctl -b -u {SERVICE} -o cat")
    pid = laptop.guest.check(f"systemctl show -p MainPID --value {SERVICE}").strip()
    return [pid, str(log.count("CTRL-EVENT-CONNECTED")), str(log.count("CTRL-EVENT-DISCONNECTED"))]


def traces(laptop: Laptop) -> str:
    """Return what the role leaves on a laptop."""
    return laptop.guest.run(
        f"getent group {GROUP}; md5sum {CONF}; stat -c '%a %U %Z' {CONF} /etc/systemd/system/wpa_supplicant@.service; "
        f"systemctl is-enabled {SERVICE}; systemctl is-active {SERVICE}"
    ).out


def test_from_nothing_to_a_link(bare: Laptop, ap: AccessPoint, csme: Csme) -> None:
    ap.start("wpa2-psk", mac=MAC)
    csme.connection(ssid=b"elsewhere")
    csme.own()
    # In check mode nothing is there yet, wpa_supplicant itself included; the interfaces are found by the facts.
    bare.guest.check(f"for path in {PROGRAM} {TEMPLATE}; do mv $path $path.hidden; done; systemctl daemon-reload")
    before = traces(bare)
    checked = role(bare, "--check", "--diff", interfaces=[], country="US", profiles=[PROFILE]).ok()
    assert "wpasupplicant would be installed" in checked.output
    assert f"{SERVICE} would be enabled and started" in checked.output
    assert f'"ctrl_interface": "DIR=/run/wpa_supplicant GROUP={GROUP}"' in checked.output
    assert PASSPHRASE not in checked.output
    assert traces(bare) == before
    bare.guest.check(f"for path in {PROGRAM} {TEMPLATE}; do mv $path.hidden $path; done; systemctl daemon-reload")

    made = role(bare, "--diff", interfaces=[], country="US", profiles=[PROFILE]).ok()
    assert PASSPHRASE not in made.output
    csme.release()
    bare.wait_until("the connection", lambda: connected(bare), 40)
    assert bare.guest.check(f"stat -c '%a %U %G' {CONF}") == "600 root root\n"
    sockets = bare.guest.check(f"stat -c '%A %U %G' /run/wpa_supplicant /run/wpa_supplicant/{INTERFACE}").splitlines()
    assert sockets == [f"drwxr-x--- root {GROUP}", f"srwxrwx--- root {GROUP}"]
    # By the group alone: one who is in it gets an answer, one who is not does not even see the socket.
    ask = f"/usr/sbin/wpa_cli -i {INTERFACE} -s /tmp ping"
    assert "PONG" in bare.guest.run(f"setpriv --reuid nobody --regid {GROUP} --clear-groups {ask}").out
    assert "PONG" not in bare.guest.run(f"setpriv --reuid nobody --regid netdev --clear-groups {ask}").out
    assert bare.guest.check(f"systemctl is-enabled {SERVICE}").strip() == "enabled"

    before_life = life(bare)
    again = role(bare, interfaces=[], country="US", profiles=[PROFILE]).ok()
    assert "changed=0" in again.output
    assert life(bare) == before_life, "the supplicant was restarted, or the link dropped"


@pytest.mark.release
def test_a_laptop_without_pyroute2_gets_it_first(bare: Laptop) -> None:
    bare.guest.check(f"mv {PYROUTE2} {PYROUTE2}.hidden")
    checked = role(bare, "--check", interfaces=[], profiles=[PROFILE]).ok()
    assert "python3-pyroute2 would be installed" in checked.output
    bare.guest.check(f"mv {PYROUTE2}.hidden {PYROUTE2}")
    checked = role(bare, "--check", interfaces=[], profiles=[PROFILE]).ok()
    assert "would be installed" not in checked.output


def test_over_what_others_configured(bare: Laptop, ap: AccessPoint) -> None:
    theirs = "# theirs: keep\nap_scan=1\nupdate_config=1\n" + network_block("wpa2-psk", DEFAULT_SSID, "# why\n")
    ap.start("wpa2-psk", mac=MAC)
    bare.supplicant(theirs)
    bare.wait_until("the connection", lambda: connected(bare), 40)
    before = life(bare)
    # Another group on the socket takes a restart; the rest of the file stays as it was.
    role(bare).ok()
    bare.wait_until("the connection after the restart", lambda: connected(bare), 40)
    text = bare.guest.read(CONF)
    assert text == f"{CONTROL}\ncountry=US\n" + theirs.replace("update_config=1", "update_config=0")
    after = life(bare)
    assert after[0] != before[0]
    # A country does not.
    other = role(bare, country="DE", profiles=[{"ssid": "branch", "security": "open"}]).ok()
    assert "changed=2" in other.output, other.output
    assert bare.wpa("get country") == "DE"
    assert bare.guest.read(CONF).startswith(text.replace("country=US", "country=DE"))
    assert life(bare) == after, "the supplicant was restarted, or the link dropped"


def test_what_fights_over_the_interface_is_named(bare: Laptop) -> None:
    guest = bare.guest
    index = guest.read(f"/sys/class/net/{INTERFACE}/ifindex").strip()
    guest.check(
        "mkdir -p /run/NetworkManager/devices /usr/lib/dhcpcd/dhcpcd-hooks /run/fakes && "
        f"printf '[device]\\nmanaged=true\\n' > /run/NetworkManager/devices/{index} && "
        "touch /usr/lib/dhcpcd/dhcpcd-hooks/10-wpa_supplicant && mount -t tmpfs -o exec tmpfs /run/fakes && "
        "cp /bin/sleep /run/fakes/NetworkManager && cp /bin/sleep /run/fakes/dhcpcd"
    )
    guest.write("/run/fakes/another.conf", "ctrl_interface=/run/fakes/sockets\n")
    for name in ("NetworkManager", "dhcpcd"):
        guest.spawn(name, [f"/run/fakes/{name}", "600"], f"/run/lab-{name}.log")
    guest.spawn("another", [PROGRAM, "-i", INTERFACE, "-c", "/run/fakes/another.conf"], "/run/lab-another.log")
    before = traces(bare)
    refused = role(bare, profiles=[PROFILE], backend="wpa_supplicant")
    assert refused.rc
    assert f"NetworkManager manages {INTERFACE} (/run/NetworkManager/devices/{index}). Make it unmanaged" in (
        refused.output
    )
    assert "(/usr/lib/dhcpcd/dhcpcd-hooks/10-wpa_supplicant). Write 'nohook wpa_supplicant'" in refused.output
    assert f"another wpa_supplicant runs {INTERFACE}" in refused.output
    assert traces(bare) == before
    guest.run("umount -l /run/fakes")


def test_all_that_is_wrong_with_the_variables_is_told_and_nothing_touched(bare: Laptop) -> None:
    secret = "canary-of-the-role"
    wrong: List[Any] = [
        {"ssid": "a", "security": "psk", "pasphrase": secret},
        {"ssid": "b", "security": "psk", "passphrase": secret * 4},
        {"ssid": "c", "security": "eap", "eap": {"method": "peap", "identity": "me", "password": secret}},
        secret,
        PROFILE,
        PROFILE,
    ]
    before = traces(bare)
    refused = role(bare, "-vvv", profiles=wrong, country="germany")
    assert refused.rc
    for path in (
        *("supplicant_country", "supplicant_profiles[0].pasphrase", "supplicant_profiles[0].passphrase"),
        *("supplicant_profiles[1].passphrase", "supplicant_profiles[2].eap.ca_cert", "supplicant_profiles[3]"),
        "supplicant_profiles[5].ssid",
    ):
        assert f"\n{path}: " in refused.output, path
    assert secret not in refused.output
    assert traces(bare) == before


@pytest.mark.release
def test_a_distribution_without_the_template_and_a_laptop_without_csme(bare: Laptop) -> None:
    bare.radios(standin=False)
    bare.guest.check(f"mv {TEMPLATE} {TEMPLATE}.hidden; systemctl daemon-reload")
    role(bare, interfaces=[]).ok()
    assert "PONG" in bare.wpa("ping")
    cat = bare.guest.check(f"systemctl cat {SERVICE}")
    assert cat.startswith("# /etc/systemd/system/wpa_supplicant@.service\n")
    assert "The role vpro.fleet.supplicant writes this unit" in cat


def test_a_restart_waits_for_the_end_of_a_session(watched: Callable[..., Scene]) -> None:
    scene = watched(start=False)
    laptop = scene.laptop
    # It has the same effect, but is not what the role sets.
    other = f"ctrl_interface=/run/wpa_supplicant\\nctrl_interface_group={GROUP}"
    laptop.guest.check(f"sed -i 's|^ctrl_interface=.*|{other}|' {CONF}")
    start_supplicant(scene)
    wait_for(scene, "staying")
    scene.csme.roaming(forbidden=True)
    before = life(laptop)
    later = role(laptop).ok()
    assert f"{SERVICE} is not restarted yet" in later.output
    assert life(laptop) == before, "the supplicant was restarted, or the link dropped"
    assert scene.session.survives()
    assert CONTROL in laptop.guest.read(CONF)
    scene.csme.roaming(forbidden=False)
    free(scene)
    assert "is not restarted yet" not in role(laptop).ok().output
    assert life(laptop)[0] != before[0]
    assert "changed=0" in role(laptop).ok().output
