# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AMT is on a laptop, asked over the kernel's own MEI driver. The firmware behind it is the lab's.

A client that nobody here wrote judges that firmware: the kernel's sample, which reads the versions.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from typing import Any, Dict, List, Tuple

import pytest

from ansible_collections.vpro.fleet.tests.lab.conftest import Lab
from vpro_lab.air.engine import Engine
from vpro_lab.engine.personality import PERSONALITIES, SECRET
from vpro_lab.laptop.control import MAC, Laptop
from vpro_lab.laptop.drivers import ensure_amt_version
from vpro_lab.laptop.radios import FIRMWARE
from vpro_lab.play.playbook import facts_after, run_module, run_tasks
from vpro_lab.play.snapshots import Kind
from vpro_lab.progress import Progress

pytestmark = [pytest.mark.manager("wpa_supplicant")]

#: All that PTHI and MKHI may ever be asked (docs/firmware.md).
_ALLOWED = {0x04000000 | each for each in (0x08, 0x11, 0x1A, 0x1B, 0x2C, 0x2D, 0x36, 0x46, 0x48, 0x58, 0x5C, 0x6B)}
#: Makes Ansible become an ordinary user.
NOBODY = {
    "ansible_become": True,
    "ansible_become_method": "ansible.builtin.su",
    "ansible_become_user": "nobody",
    "ansible_become_flags": "-s /bin/sh",
}
#: What is said of each firmware: AMT's state, and the warnings about AMT.
_SAID: Dict[str, Tuple[str, List[str]]] = {
    "usual": ("post", []),
    "amt 11": ("post", ["amt_too_old"]),
    "amt 19": ("post", []),
    "standard manageability": ("post", ["amt_wireless_missing"]),
    "consumer": ("consumer", ["amt_consumer"]),
    "disabled": ("disabled", ["amt_disabled"]),
    "unprovisioned": ("pre", ["amt_not_provisioned"]),
    "in provisioning": ("in", ["amt_not_provisioned"]),
    "client control": ("post", []),
    "wired only": ("post", ["amt_wireless_missing"]),
    "wireless only": ("post", []),
    "not ready": ("unreadable", []),
}


@pytest.fixture
def laptop(lab: Lab, laptop_kind: Kind) -> Laptop:
    """A laptop with a management engine whose firmware runs."""
    made = lab.laptop(replace(laptop_kind, engine=True))
    made.radios()
    Engine(made).start()
    return made


def asks(**command: str) -> str:
    """Return the shell's line that tells the firmware something."""
    return f"python3 {FIRMWARE} --ask {shlex.quote(json.dumps(command))}"


def facts(laptop: Laptop, *flags: str) -> Dict[str, Any]:
    told: Dict[str, Any] = run_module(laptop, "amt_wifi_facts", {}, *flags)["ansible_facts"]["amt_wifi"]
    return told


def check_asked(laptop: Laptop) -> None:
    """Check that the firmware was asked for nothing but what the list allows."""
    asked = Engine(laptop).state()["asked"]
    assert set(asked["pthi"]) <= _ALLOWED
    assert set(asked["mkhi"]) == {0x0302}


def test_all_of_it_is_what_the_kernels_sample_reads_too(laptop: Laptop) -> None:
    told = facts(laptop)
    amt = told["amt"]
    assert (amt["state"], amt["reason"], amt["control_mode"], amt["brand"]) == ("post", None, "admin", "amt")
    assert (amt["uuid"], amt["tls"]) == ("4c4c4544-0035-3010-8056-b4c04f4c4142", True)
    assert amt["interfaces"]["wireless"]["mac"] == MAC
    assert len(amt["provisioning"]["certificate_hashes"]) == 2
    # The kernel's driver asks no firmware of the lab's for its version, and shows zeros.
    assert amt["firmware"] == "16.1.27.2176"
    assert [each for each in told["unreadable"] if each["what"].startswith("amt")] == []
    check_asked(laptop)
    laptop.send([ensure_amt_version(laptop.image, Progress(quiet=True))], "/root")
    read = dict(re.findall(r"^(.+?):\s+(.*?)\s*$", laptop.guest.check("/root/mei-amt-version"), re.MULTILINE))
    assert read.pop("Intel AMT") == "ENABLED", read
    assert read == amt["versions"]


@pytest.mark.release
def test_every_kind_of_firmware(laptop: Laptop) -> None:
    assert set(_SAID) == set(PERSONALITIES)
    become = [asks(do="personality", name=name) for name in _SAID]
    for (name, (state, warnings)), told in zip(_SAID.items(), facts_after(laptop, become), strict=True):
        assert told["amt"]["state"] == state, name
        codes = [each["code"] for each in told["readiness"]["warnings"]]
        assert [code for code in codes if code.startswith("amt_")] == warnings, name
    check_asked(laptop)


@pytest.mark.release
def test_an_answer_that_is_no_answer(laptop: Laptop) -> None:
    twists = ("short", "long", "empty", "never", "none")
    *twisted, whole = facts_after(laptop, [asks(do="twist", client="pthi", how=how) for how in twists])
    for how, told in zip(twists[:-1], twisted, strict=True):
        assert told["amt"]["state"] == "unreadable", how
        assert "PROVISIONING_STATE" in told["amt"]["reason"], how
    assert whole["amt"]["state"] == "post"
    check_asked(laptop)


@pytest.mark.release
def test_a_firmware_that_crashes_is_read_after_it(laptop: Laptop) -> None:
    Engine(laptop).do("reset")
    laptop.wait_until("AMT", lambda: facts(laptop)["amt"]["state"] == "post", 60)
    check_asked(laptop)


@pytest.mark.release
def test_another_user_learns_what_needs_root_and_nothing_leaks(laptop: Laptop) -> None:
    told = facts(laptop, "-e", json.dumps(NOBODY))
    assert told["amt"]["state"] == "unreadable"
    (why,) = (each["why"] for each in told["unreadable"] if each["what"] == "amt")
    assert "Run as root" in why
    play = run_tasks(laptop, [{"name": "facts", "vpro.fleet.amt_wifi_facts": {}}], "-vvvv")
    assert SECRET not in play.ok().output
    # The engine's own program has it.
    leaks = laptop.guest.check(
        f"journalctl -b --no-pager | grep -c {SECRET} || true; "
        f"grep -rl {SECRET} /var /run /tmp /etc /root /home 2>/dev/null || true"
    )
    assert leaks.split() == ["0"]
    check_asked(laptop)
