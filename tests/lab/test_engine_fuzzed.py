# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Firmware that says anything at all: the kernel may complain, the watcher may neither end nor ask for the radio.

iwlmei reads each notification into one page, however long it says that it is (``iwl_mei_handle_sap_rx_cmd`` in
``mei/main.c``, 6.1 and 6.12). So more than 4 KiB in the queue that a header calls one message overwrite the kernel's
memory: a laptop that got many such messages at once was seen to panic. So each is read before the next comes.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import replace
from typing import Iterator, Tuple

import pytest

from ansible_collections.vpro.fleet.tests.lab.conftest import Lab
from vpro_lab.air.engine import Engine
from vpro_lab.engine import sap
from vpro_lab.engine.sap import Notification
from vpro_lab.laptop.control import Laptop
from vpro_lab.play.deployed import SERVICE
from vpro_lab.play.snapshots import Kind
from vpro_lab.play.watching import state
from vpro_lab.progress import Progress

pytestmark = [pytest.mark.manager("wpa_supplicant"), pytest.mark.release]

MESSAGES = 10_000
#: Decides all messages. The test prints it; give another one to see others.
SEED = int(os.environ.get("VPRO_LAB_SEED", MESSAGES))
#: How many come between two looks at the watcher.
BATCH = 250
#: A connection that the host has no profile for: whoever has the radio, the watcher has no reason to ask for it.
ELSEWHERE = sap.Connection(b"elsewhere", bytes.fromhex("02aabbccddee"), 6, 7, 4)
#: What would give the host a reason to ask: an offer, and AMT that comes and goes.
REASONS = frozenset({Notification.CSME_CAN_RELEASE_OWNERSHIP, Notification.AMT_STATE, Notification.NIC_OWNER})


def messages(seed: int, count: int) -> Iterator[Tuple[str, bytes]]:
    """Return messages for the queue of notifications, each after its kind: whole, wrong bytes, cut, or noise."""
    chance = random.Random(seed)
    kinds = [kind for kind in Notification if kind < Notification.BAND_SELECTION and kind not in REASONS]
    for number in range(count):
        kind, payload = chance.choice(kinds), chance.randbytes(chance.choice((0, 1, 4, 8, 64, 200, 1000)))
        if chance.random() < 0.3:
            kind, payload = Notification.CSME_CONN_STATUS, sap.connection_status(chance.random() < 0.5, ELSEWHERE)
        whole = bytearray(sap.HEADER.pack(kind, len(payload), number) + payload)
        how, what = chance.random(), "whole"
        if how < 0.3:
            what = "wrong bytes"
            # The type stays: it would be one of those that are a reason at times.
            for _byte in range(chance.randint(1, 4)):
                whole[chance.randrange(2, len(whole))] = chance.randrange(256)
        elif how < 0.4:
            what = "cut"
            del whole[chance.randrange(1, len(whole)) :]
        elif how < 0.5:
            what, whole = "noise", bytearray(chance.randbytes(chance.randint(1, 300)))
        yield what, bytes(whole)


def watcher(laptop: Laptop) -> str:
    """Return the process id of the watcher, which has to be at work."""
    # In systemd's own order.
    pid, restarts, active = laptop.guest.check(
        f"systemctl show -P MainPID -P NRestarts -P ActiveState {SERVICE}"
    ).split()
    assert (active, restarts) == ("active", "0")
    return pid


def all_read(engine: Engine) -> bool:
    """Say whether the host has read all messages, or does not listen any more."""
    return engine.state()["raw"] == 0 or not engine.connected


def test_no_message_harms_the_watcher(lab: Lab, laptop_kind: Kind) -> None:
    scene = lab.scene(replace(laptop_kind, engine=True, deployed=True), start=False, session=False)
    laptop, engine, progress = scene.laptop, Engine(scene.laptop), Progress()
    engine.do("connection", connection={"ssid": ELSEWHERE.ssid.hex(), "bssid": ELSEWHERE.bssid.hex(":"), "channel": 6})
    laptop.guest.check(f"systemctl restart {SERVICE}; systemctl reset-failed {SERVICE}")
    # What iwlmei says of each message would take more time than all else.
    laptop.guest.check("echo 'module iwlmei -p' >/sys/kernel/debug/dynamic_debug/control")
    pid, asked = watcher(laptop), engine.state()["requests"]
    sent, resets = 0, 0
    begun = engine.state()["raw_sent"]
    laptop.guest.check("dmesg --clear")
    with progress.step(f"{MESSAGES} messages, seed {SEED}"):
        made = list(messages(SEED, MESSAGES))
        progress.say(f"{dict(Counter(what for what, _message in made))}")
        whole = [message.hex() for _what, message in made]
        while sent < MESSAGES:
            engine.do("raw", hex=" ".join(whole[sent : sent + BATCH]))
            sent += BATCH
            laptop.wait_until("the host to read them", lambda: all_read(engine), 120)
            arrived = engine.state()["raw_sent"] - begun
            progress.say(f"{sent} messages, of which {arrived} came into the queue, and {resets} resets")
            assert watcher(laptop) == pid, f"after {sent} messages"
            assert engine.state()["requests"] == asked, f"after {sent} messages"
            assert state(laptop)["state"], f"after {sent} messages"
            if not engine.connected:
                resets += 1
                engine.do("reset")
                laptop.wait_until("SAP after a reset", lambda: engine.connected, 30)
                asked = engine.state()["requests"]
    # What the host does not listen to tests nothing.
    assert arrived > MESSAGES / 2, f"only {arrived} came into the queue"
    said = laptop.guest.check("dmesg").splitlines()
    progress.say(f"the kernel said {len(said)} lines, the last: {said[-1:]}")
    assert not [line for line in said if "BUG" in line or "Oops" in line or "Call Trace" in line]
    # It still does its work.
    engine.do("reset")
    laptop.wait_until("SAP after the last reset", lambda: engine.connected, 30)
    scene.csme.on(scene.ap)
    scene.csme.own()
    laptop.guest.check(f"systemctl start {laptop.service}")
    laptop.wait_until("the handover", lambda: state(laptop)["state"] == "staying", 90)
    assert watcher(laptop) == pid
