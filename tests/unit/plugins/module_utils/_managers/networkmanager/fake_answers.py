# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What NetworkManager and the bus answer, without a bus. Test files import from here by this file's full name."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Optional, Tuple

PATH = "/org/freedesktop/NetworkManager/Settings/7"


def settings(
    security: Optional[Dict[str, Any]] = None,
    eap: Optional[Dict[str, Any]] = None,
    wireless: Optional[Dict[str, Any]] = None,
    general: Optional[Dict[str, Any]] = None,
    match: Optional[Dict[str, Any]] = None,
) -> Dict[str, Dict[str, Any]]:
    """Return a profile as GetSettings gives it."""
    made: Dict[str, Dict[str, Any]] = {
        "connection": {"id": "Corp", "uuid": "u", "type": "802-11-wireless", "permissions": [], **(general or {})},
        "802-11-wireless": {"mode": "infrastructure", "ssid": b"corp", **(wireless or {})},
        "ipv4": {"method": "auto"},
    }
    if security is not None:
        made["802-11-wireless-security"] = security
    if eap is not None:
        made["802-1x"] = eap
    if match is not None:
        made["match"] = match
    return made


PSK = {"key-mgmt": "wpa-psk"}
EAP = {"key-mgmt": "wpa-eap"}
TLS: Dict[str, Any] = {"eap": ["tls"]}


class Bus:
    """What is asked of the bus: each question and its answer, or what is raised; and what was begun."""

    def __init__(self, answers: Dict[Tuple[Any, ...], Any]) -> None:
        self.answers = answers
        self.begun: List[Tuple[Any, ...]] = []

    def get(self, *question: Any) -> Any:
        answer = self.answers[question]
        if isinstance(answer, Exception):
            raise answer
        return answer

    call = get_all = get

    def call_each(self, *question: Any, **how: Any) -> Iterator[Any]:
        self.begun.append((*question, how))
        return iter(())

    def begin(self, *message: Any) -> None:
        self.begun.append(message)
