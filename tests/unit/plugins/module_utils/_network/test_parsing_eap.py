# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parameters of EAP made into a profile."""

from __future__ import annotations

from typing import Any, Dict

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._network.declared import Eap, InvalidProfiles
from ansible_collections.vpro.fleet.plugins.module_utils._network.parsing import parse_profile, parse_profiles
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._network.fake_parameters import (
    CANARY,
    PEAP,
    TLS,
    parse,
)


@pytest.mark.parametrize("eap", [{**TLS, "private_key": "/k.p12", "client_cert": None}, TLS])
def test_tls_with_files(eap: Dict[str, Any]) -> None:
    assert parse(security="eap", eap=eap)[1] == []


def test_a_server_need_not_be_authenticated_if_the_task_says_so() -> None:
    assert parse(security="eap", eap={**PEAP, "ca_cert": None, "validate_server": False})[1] == []


def test_a_file_that_is_not_there() -> None:
    profile, problems = parse_profile(
        {"ssid": "x", "security": "eap", "eap": TLS}, "profile 'x'", lambda path: f"there is no file {path}"
    )
    assert profile is None
    assert [str(problem) for problem in problems] == [
        "profile 'x': eap.ca_cert: there is no file /ca.pem",
        "profile 'x': eap.client_cert: there is no file /c.pem",
        "profile 'x': eap.private_key: there is no file /k.pem",
    ]


def test_the_files_of_a_list_are_checked() -> None:
    with pytest.raises(InvalidProfiles, match="is not there"):
        parse_profiles([{"ssid": "corp", "security": "eap", "eap": PEAP}], lambda path: f"{path} is not there")


def test_every_field_of_a_certificate_arrives() -> None:
    profile, problems = parse(security="eap", eap={**TLS, "anonymous_identity": "anonymous"})
    assert problems == []
    assert profile is not None
    assert profile.eap == Eap(
        method="tls",
        identity="me",
        anonymous_identity="anonymous",
        client_cert="/c.pem",
        private_key="/k.pem",
        private_key_password=CANARY,
        ca_cert="/ca.pem",
    )


@pytest.mark.parametrize("name", ["client_cert", "private_key", "private_key_password"])
def test_a_password_method_has_no_certificate_of_the_clients(name: str) -> None:
    assert parse(security="eap", eap={**PEAP, name: "/x"})[1] == [(f"eap.{name}", "is not used with method peap")]


@pytest.mark.parametrize("name", ["ca_cert", "domain_suffix_match"])
def test_who_does_not_check_the_server_says_nothing_of_it(name: str) -> None:
    eap = {**PEAP, "ca_cert": None, "validate_server": False}
    assert parse(security="eap", eap=eap)[1] == []
    assert parse(security="eap", eap={**eap, name: "/x"})[1][0][0] == f"eap.{name}"


@pytest.mark.parametrize(("key", "right"), [("/k.p12", True), ("/k.pfx", True), ("/k.pem", False)])
def test_what_holds_its_certificate_needs_no_other(key: str, right: bool) -> None:
    problems = parse(security="eap", eap={**TLS, "client_cert": None, "private_key": key})[1]
    assert [field for field, _message in problems] == ([] if right else ["eap.client_cert"])
