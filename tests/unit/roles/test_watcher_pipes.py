# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pipes through which the watcher makes a DHCP client ask again: a restart of the watcher leaves them open.

systemd starts no socket whose service is active (``socket_start`` in systemd's socket.c: "already active, refusing").
After an ask, such a service is active for half a second.
"""

from __future__ import annotations

from pathlib import Path
from typing import List

import pytest
import yaml

from ansible_collections.vpro.fleet.plugins.module_utils._system.dhcp import Client

FILES = Path(__file__).resolve().parents[3] / "roles" / "watcher" / "files"
WATCHER = "amt-wifi-watcher.service"
#: What stops or restarts a unit together with another one (systemd.unit(5)).
TIES = ("PartOf", "BindsTo", "Requires", "Requisite", "StopPropagatedFrom")


def values(unit: str, name: str) -> List[str]:
    """Return the values of a setting in one of the role's units, which may be repeated and may have several words."""
    lines = (FILES / unit).read_text(encoding="utf-8").splitlines()
    return " ".join(line.partition("=")[2] for line in lines if line.startswith(f"{name}=")).split()


def test_each_client_has_its_pipe_and_there_is_no_other() -> None:
    sockets = {path.name for path in FILES.glob("*.socket")}
    assert sockets == {f"amt-wifi-watcher-address-{client.value}.socket" for client in Client}
    assert not list(FILES.glob("*.path")), "systemd would start its service beside a restart as well"
    assert sockets <= set(values(WATCHER, "Wants")), "the watcher's start opens them"


@pytest.mark.parametrize("client", [client.value for client in Client])
def test_a_pipe_ends_with_the_watcher_and_lives_through_its_restarts(client: str) -> None:
    socket = f"amt-wifi-watcher-address-{client}.socket"
    assert values(socket, "StopWhenUnneeded") == ["yes"]
    assert [tie for tie in TIES if values(socket, tie)] == [], "it would be restarted with the watcher"
    assert not [name for name in TIES if socket in values(WATCHER, name)]


def test_the_role_stops_the_watcher_before_it_closes_a_pipe() -> None:
    """It may carry a handover through, and need the pipe for that."""
    handlers = yaml.safe_load((FILES.parent / "handlers" / "main.yml").read_text(encoding="utf-8"))
    names = [handler["name"] for handler in handlers]
    (close,) = (handler for handler in handlers if handler["name"] == "Close the watcher's pipes")
    assert close["loop"].split()[1] == "[watcher__unit]"
    assert names.index("Close the watcher's pipes") < names.index("Restart the watcher")


@pytest.mark.parametrize("client", [client.value for client in Client])
def test_a_pipe_that_is_closed_first_ends_its_service(client: str) -> None:
    unit = f"amt-wifi-watcher-address-{client}"
    assert values(f"{unit}.service", "Requires") == [f"{unit}.socket"]
