# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The glue to Ansible: results, warnings and errors reach the administrator."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils import _module
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import (
    FleetError,
    NotFound,
    Refused,
    TransportFailed,
)


class Ended(Exception):
    """A module ended."""


class Module:
    """As much of AnsibleModule as the glue uses."""

    def __init__(self) -> None:
        self.warnings: List[str] = []
        self.result: Dict[str, Any] = {}

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def exit_json(self, **result: Any) -> None:
        self.result = result
        raise Ended

    def fail_json(self, **result: Any) -> None:
        self.result = {**result, "failed": True}
        raise Ended


@pytest.fixture
def module() -> Module:
    return Module()


def test_a_result_and_its_warnings(module: Module) -> None:
    with pytest.raises(Ended):
        _module.run(module, lambda: {"changed": True, "warnings": ["one", "two"]})
    assert module.result == {"changed": True}
    assert module.warnings == ["one", "two"]


def test_an_error_tells_what_where_and_what_to_do(module: Module) -> None:
    def fail() -> Dict[str, Any]:
        error = Refused("airplane_mode", "airplane mode is on", where="wlan0", remedy="Turn it off")
        error.details = {"steps": [1], "warnings": ["careful"]}
        raise error

    with pytest.raises(Ended):
        _module.run(module, fail)
    assert module.result == {
        "failed": True,
        "msg": "airplane mode is on (wlan0). Turn it off",
        "error": {"code": "airplane_mode", "what": "airplane mode is on", "where": "wlan0", "remedy": "Turn it off"},
        "steps": [1],
    }
    assert module.warnings == ["careful"]


def test_an_unexpected_error_is_not_hidden(module: Module) -> None:
    def fail() -> Dict[str, Any]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        _module.run(module, fail)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (NotFound("it is not there"), "it is not there"),
        (NotFound("it is not there", where="/run/x"), "it is not there (/run/x)"),
        (TransportFailed("it broke", remedy="Mend it", errno=5), "it broke. Mend it"),
    ],
)
def test_the_text_of_an_error(error: FleetError, text: str) -> None:
    assert str(error) == text
    assert error.as_dict()["code"] in ("not_found", "transport_failed")
