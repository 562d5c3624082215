# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Booting a laptop whose CSME holds the radio, with a session open, before its userspace comes up.

In the field CSME, its access point and the operator outlive the laptop's reboot. Here they share its kernel, so they
begin anew, early: a service of the first hour builds the scene from what the host wrote down, and everything that the
tests are about (the watcher, networkd, the supplicant) starts after it.
"""

from __future__ import annotations

import json
from typing import Any, List, Optional, Sequence

from ..laptop.control import Laptop
from ..laptop.guest import PAYLOAD, Done, Guest
from .ap import AccessPoint
from .firmware import csme_of
from .scene import Scene, surround
from .session import Session

_SCRIPT = "/etc/lab-early.jsonl"
_UNIT = f"""
[Unit]
Description=The air around the laptop, before its userspace
DefaultDependencies=no
RequiresMountsFor={PAYLOAD} /sys/kernel/debug
After=systemd-modules-load.service systemd-udevd.service systemd-tmpfiles-setup.service local-fs.target
Before=sysinit.target network-pre.target

[Service]
Type=notify
NotifyAccess=all
ExecStart=/usr/bin/python3 -u {PAYLOAD}/agent.py --replay {_SCRIPT}
TimeoutStartSec=180

[Install]
WantedBy=sysinit.target
"""


class _Script(Guest):
    """Writes down what a guest is asked to do. Nothing can be read from it."""

    def __init__(self) -> None:  # not the parent's: there is no channel
        self.requests: List[Any] = []

    @property
    def text(self) -> str:
        """One request a line."""
        return "".join(f"{json.dumps(request)}\n" for request in self.requests)

    def run(
        self, command: str, *, namespace: Optional[str] = None, timeout: float = 60.0, stdin: Optional[str] = None
    ) -> Done:
        self._add("run", command=command, namespace=namespace, timeout=timeout, stdin=stdin)
        return Done(command, 0, "", "")

    def check(self, command: str, *, namespace: Optional[str] = None, timeout: float = 60.0) -> str:
        self._add("run", command=command, namespace=namespace, timeout=timeout, check=True)
        return ""

    def spawn(self, name: str, argv: Sequence[str], log: str, namespace: Optional[str] = None) -> int:
        self._add("spawn", name=name, argv=list(argv), log=log, namespace=namespace)
        return 0

    def write(self, path: str, text: str, mode: Optional[int] = None) -> None:
        self._add("write", path=path, text=text, mode=mode)

    def wait_for(self, path: str, text: str, timeout: float = 10.0) -> None:
        self._add("wait_for", path=path, text=text, timeout=max(timeout, 60.0))

    def ask(self, path: str, text: str) -> str:
        self._add("ask", path=path, text=text)
        return ""

    def call(self, op: str, patience: float = 90.0, **arguments: Any) -> Any:
        raise NotImplementedError(f"{op} can't be written down")

    def _add(self, op: str, **arguments: Any) -> None:
        self.requests.append({"op": op, **arguments})


def boot_into(laptop: Laptop, **arguments: Any) -> Scene:
    """Reboot *laptop* into a scene; return that when ssh answers.

    The arguments are those of :func:`vpro_lab.air.scene.surround`. The laptop's own services are what its disk says.
    """
    script = _Script()
    laptop.no_radios()
    guest, laptop.guest = laptop.guest, script
    try:
        scene = surround(laptop, **arguments)
    finally:
        laptop.guest = guest
    # As input: what is written as a file has process ids put into it at once.
    guest.run(f"install -m 0600 /dev/stdin {_SCRIPT}", stdin=script.text).check()
    guest.write("/etc/systemd/system/lab-early.service", _UNIT)
    guest.check("systemctl daemon-reload; systemctl enable -q lab-early.service")
    laptop.reboot()
    laptop.guest.check("systemctl is-active -q lab-early.service && systemctl disable -q lab-early.service")
    # The air is not empty, whatever the laptop thinks after a reboot.
    laptop.occupied()
    ap = AccessPoint(laptop.guest)
    ap.security, ap.ssid, ap.channel = scene.ap.security, scene.ap.ssid, scene.ap.channel
    session = Session(laptop.guest)
    session.is_open = scene.session.is_open
    return Scene(laptop, ap, csme_of(laptop, begun=True), session)
