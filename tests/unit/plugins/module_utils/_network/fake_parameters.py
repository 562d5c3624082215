# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A task's parameters for profiles, and parsing them. Test files import from here by this file's full name."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from ansible_collections.vpro.fleet.plugins.module_utils._network.declared import NetworkProfile
from ansible_collections.vpro.fleet.plugins.module_utils._network.parsing import parse_profile

CANARY = "canary-0f3e"


def no_problem(_path: str) -> Optional[str]:
    return None


def parse(**parameters: Any) -> Tuple[Optional[NetworkProfile], List[Tuple[str, str]]]:
    profile, problems = parse_profile({"ssid": "corp", **parameters}, "profile 'corp'", no_problem)
    assert all(problem.profile == "profile 'corp'" for problem in problems)
    assert (profile is None) == bool(problems)
    return profile, [(problem.field, problem.message) for problem in problems]


PEAP: Dict[str, Any] = {"method": "peap", "identity": "me", "password": CANARY, "ca_cert": "/ca.pem"}
TLS: Dict[str, Any] = {
    "method": "tls",
    "identity": "me",
    "client_cert": "/c.pem",
    "private_key": "/k.pem",
    "private_key_password": CANARY,
    "ca_cert": "/ca.pem",
}
