# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two modules for profiles, from the options that a task gives to what Ansible gets back."""

from __future__ import annotations

import ast
import json
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest
import yaml
from ansible.module_utils import basic
from ansible.module_utils.ansible_release import __version__
from ansible.module_utils.testing import patch_module_args

from ansible_collections.vpro.fleet.plugins.module_utils import _profile_options
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import profiles
from ansible_collections.vpro.fleet.plugins.modules import amt_wifi_profile, amt_wifi_profiles

PLUGINS = Path(__file__).resolve().parents[4] / "plugins"
#: Every secret of this file begins so.
CANARY = "canary-0f3e"

#: From 2.21 on, ansible-core shows the invocation only where it is asked for it. Before, it knows no such word.
SHOWN = {"_ansible_inject_invocation": True} if tuple(map(int, __version__.split(".")[:2])) >= (2, 21) else {}


class Task:
    """One laptop without a supplicant, and tasks on it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.conf = folder / "wlan0.conf"
        self._capsys = capsys
        #: Everything that tasks printed or logged.
        self.said: List[str] = []
        self.warnings: List[str] = []

    def run(self, main: Callable[[], None], **options: Any) -> Dict[str, Any]:
        arguments = {"interface": "wlan0", "path": str(self.conf), **SHOWN, **options}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            main()
        captured = self._capsys.readouterr()
        self.said += [captured.out, captured.err]
        result: Dict[str, Any] = json.loads(captured.out)
        return result

    def one(self, **options: Any) -> Dict[str, Any]:
        return self.run(amt_wifi_profile.main, **options)

    def many(self, profiles: Any, **options: Any) -> Dict[str, Any]:
        return self.run(amt_wifi_profiles.main, profiles=profiles, **options)


@pytest.fixture
def task(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Task]:
    places = Places(str(tmp_path))
    monkeypatch.setattr(_profile_options, "provision", partial(profiles.provision, places=places))
    monkeypatch.setattr(profiles, "run_detached", lambda work, _timeout: work())
    journal: List[str] = []
    monkeypatch.setattr(basic.AnsibleModule, "log", lambda _self, text, **_rest: journal.append(str(text)))
    one = Task(tmp_path, capsys)
    # Where a test imported Ansible's controller, warnings go to its display instead of the result.
    monkeypatch.setattr(basic.AnsibleModule, "warn", lambda _self, text: one.warnings.append(str(text)))
    yield one
    assert CANARY not in "".join(one.said + one.warnings), "a secret was printed"
    assert CANARY not in "".join(journal), "a secret was logged"


def psk(ssid: str = "corp", passphrase: str = CANARY) -> Dict[str, Any]:
    return {"ssid": ssid, "security": "psk", "passphrase": passphrase}


def problems(result: Dict[str, Any]) -> List[Any]:
    assert result["failed"] is True
    assert result["error"]["code"] == "invalid_profile"
    assert result["error"]["what"] in result["msg"]
    for problem in result["problems"]:
        assert problem["profile"] in result["msg"]
        assert problem["message"] in result["msg"]
    return [(problem["profile"], problem["field"]) for problem in result["problems"]]


# --- what it does ---


def test_one_network_comes_and_goes(task: Task) -> None:
    result = task.one(**psk())
    assert (result["changed"], result["file"]) == (True, {"changed": True, "path": str(task.conf)})
    assert (result["runtime"]["changed"], result["runtime"]["applied"]) == (False, False)
    assert result["networks"] == [{"ssid": "corp", "ssid_hex": "636f7270", "file": "added", "runtime": "unchanged"}]
    assert task.one(**psk())["changed"] is False
    assert CANARY in task.conf.read_text()
    assert task.one(ssid_hex="636F7270", state="absent")["changed"] is True
    assert CANARY not in task.conf.read_text()
    assert task.one(ssid="corp", state="absent")["changed"] is False


def test_many_networks_and_no_other(task: Task) -> None:
    assert task.many([psk("a"), psk("b", CANARY + "\\'\"")])["changed"] is True
    assert task.many([psk("b", CANARY + "\\'\"")], prune=True)["networks"] == [
        {"ssid": "b", "ssid_hex": "62", "file": "unchanged", "runtime": "unchanged"},
        {"ssid": "a", "ssid_hex": "61", "file": "removed", "runtime": "unchanged"},
    ]


def test_a_network_that_is_no_use_for_a_handover_is_told_of(task: Task) -> None:
    task.conf.write_text("ap_scan=0\n")
    runs: List[Callable[..., Dict[str, Any]]] = [
        lambda **options: task.one(**psk(), **options),
        lambda **options: task.many([psk()], **options),
    ]
    for run in runs:
        for check_mode in (True, False):
            failed = run(require_usable=True, _ansible_check_mode=check_mode)
            assert (failed["failed"], failed["error"]["code"]) == (True, "unusable_network")
            assert "network 'corp' can't carry CSME's session on" in failed["msg"]
            assert "Nothing was changed" in failed["msg"]
            assert failed["obstacles"][0]["what"] == "the profile is never chosen by wpa_supplicant itself (ap_scan=0)"
            assert task.conf.read_text() == "ap_scan=0\n"
            assert task.warnings == []
        result = run(_ansible_check_mode=True)
        assert (result["changed"], result["obstacles"]) == (True, failed["obstacles"])
        assert any("ap_scan=0). Remove ap_scan from the configuration" in text for text in task.warnings)
        task.warnings.clear()


def test_check_mode_and_diff(task: Task) -> None:
    result = task.one(**psk(), _ansible_check_mode=True, _ansible_diff=True)
    assert result["changed"] is True
    assert result["diff"]["after"]["file"]["networks"]["corp"]["psk"] == "(set)"
    assert not task.conf.exists()


@pytest.mark.parametrize("secret", [CANARY, CANARY + "\\", CANARY + "'\"", CANARY + "#ä", "\\" + CANARY])
def test_secrets_are_in_the_file_alone(task: Task, secret: str) -> None:
    eap = {"method": "peap", "identity": "me", "password": secret, "ca_cert": "/dev/null", "validate_server": True}
    tls = {"method": "tls", "identity": "me", "private_key_password": secret, "client_cert": __file__}
    profiles: List[Dict[str, Any]] = [
        {"ssid": "sae", "security": "sae", "passphrase": secret},
        {"ssid": "eap", "security": "eap", "eap": {**eap, "ca_cert": __file__}},
        {"ssid": "tls", "security": "eap", "eap": {**tls, "private_key": __file__, "ca_cert": __file__}},
    ]
    for _time in range(2):
        task.many(profiles, _ansible_verbosity=4, _ansible_diff=True)
        task.one(**profiles[2], _ansible_verbosity=4)
    assert (CANARY in task.conf.read_text()) or (CANARY.encode().hex() in task.conf.read_text())


def test_the_backend_is_as_asked_for_or_refused(task: Task) -> None:
    assert task.one(**psk(), backend="wpa_supplicant")["backend"] == "wpa_supplicant"
    refused = task.one(**psk("b"), backend="networkmanager")
    assert refused["error"]["code"] == "not_networkmanager"
    assert "b" not in task.conf.read_text().split('"')


# --- what is wrong ---


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"ssid": "corp", "security": "psk", "pasphrase": CANARY}, "passphrase"),
        ({**psk(), "pasphrase": CANARY}, "pasphrase"),
        ({"ssid": "corp", "security": "wep", "passphrase": CANARY}, "security"),
        ({**psk(), "priority": CANARY}, "priority"),
        ({"ssid": "corp", "security": "eap", "eap": {"method": "md5"}}, "eap.method"),
        ({"ssid": "corp", "security": "eap", "eap": CANARY}, "eap"),
        ({"ssid": "x" * 33, "security": "open"}, "ssid"),
        ({"ssid": "corp"}, "security"),
    ],
)
def test_one_wrong_option_names_profile_and_field(task: Task, options: Dict[str, Any], field: str) -> None:
    found = problems(task.one(**options))
    label = f"profile '{options['ssid']}'"
    assert (label, field) in found
    assert {place for place, _field in found} == {label}
    assert not task.conf.exists()


@pytest.mark.parametrize("name", ["ca_cert", "client_cert", "private_key"])
@pytest.mark.parametrize(
    "value",
    [
        f"pkcs11:token=scep;object=k;type=private;pin-value={CANARY}",
        f"-----BEGIN KEY-----{CANARY}",
        f"file:///k?pin-value={CANARY}",
    ],
)
def test_what_is_no_path_may_contain_a_secret(task: Task, name: str, value: str) -> None:
    files = {"ca_cert": __file__, "client_cert": __file__, "private_key": __file__}
    profile = {"ssid": "tls", "security": "eap", "eap": {"method": "tls", "identity": "me", **files, name: value}}
    one = task.one(**profile, _ansible_verbosity=4)
    assert ("profile 'tls'", f"eap.{name}") in problems(one)
    assert ("profiles[0] 'tls'", f"eap.{name}") in problems(task.many([profile], _ansible_verbosity=4))
    # The check of the options themselves fails, and so does everything before the profiles are looked at.
    task.many([profile, {"ssid": "x", "security": "none"}], _ansible_verbosity=4)
    task.run(amt_wifi_profiles.main, profiles=[profile], interface="a/b", _ansible_verbosity=4)
    task.one(**profile, state="absent", _ansible_verbosity=4)


def test_a_path_is_shown_as_it_is(task: Task) -> None:
    files = {"ca_cert": __file__, "client_cert": __file__, "private_key": __file__}
    profile = {"ssid": "tls", "security": "eap", "eap": {"method": "tls", "identity": "me", **files}}
    assert task.one(**profile)["invocation"]["module_args"]["eap"]["private_key"] == __file__


def test_everything_that_is_wrong_is_told_at_once(task: Task) -> None:
    result = task.many(
        [
            psk("good"),
            psk("short", "seven77"),
            {"ssid": "eap", "security": "eap", "eap": {"method": "ttls", "identity": "me", "pasword": CANARY}},
            "no mapping " + CANARY,
            {**psk("many"), "priority": "high", "pmf": "no", "unheard": {"of": [CANARY]}},
            psk("good"),
        ],
        unheard_of=[CANARY],
    )
    assert problems(result) == [
        ("profiles[1] 'short'", "passphrase"),
        ("profiles[2] 'eap'", "eap.pasword"),
        ("profiles[2] 'eap'", "eap.ca_cert"),
        ("profiles[2] 'eap'", "eap.password"),
        ("profiles[3]", ""),
        ("profiles[4] 'many'", "unheard"),
        ("profiles[4] 'many'", "priority"),
        ("profiles[4] 'many'", "pmf"),
        ("profiles[5] 'good'", "ssid"),
        ("", "unheard_of"),
    ]
    assert not task.conf.exists()


def test_problems_that_only_a_second_look_finds(task: Task) -> None:
    found = problems(task.many([psk("a", "short"), psk("b", "short"), psk("a")]))
    assert found == [
        ("profiles[0] 'a'", "passphrase"),
        ("profiles[1] 'b'", "passphrase"),
        ("profiles[2] 'a'", "ssid"),
    ]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "missing required arguments: profiles"),
        ({"profiles": [psk()], "interface": ""}, "can't be the name of a network interface"),
        ({"profiles": [psk()], "prune": "perhaps"}, "prune"),
        ({"profiles": CANARY}, "profiles[0]: is not a mapping"),
        ({"profiles": [], "prune": True}, "would remove every network"),
        ({"profiles": [psk()], "interface": "a/b"}, "can't be the name of a network interface"),
    ],
)
def test_other_options(task: Task, options: Dict[str, Any], text: str) -> None:
    result = task.run(amt_wifi_profiles.main, **options)
    assert result["failed"] is True
    assert text in result["msg"]


def test_a_state_that_is_none(task: Task) -> None:
    assert "value of state must be one of" in task.one(ssid="x", state="gone")["msg"]


def test_a_file_that_is_missing(task: Task) -> None:
    eap = {"method": "peap", "identity": "me", "password": CANARY, "ca_cert": "/does/not/exist.pem"}
    options = {"ssid": "corp", "security": "eap", "eap": eap}
    result = task.one(**options)
    assert result["msg"] == "profile 'corp': eap.ca_cert: there is no file /does/not/exist.pem on the laptop"
    # In check mode, an earlier task would perhaps have made it.
    result = task.one(**options, _ansible_check_mode=True)
    assert result["changed"] is True
    assert any("there is no file /does/not/exist.pem" in warning for warning in task.warnings)


# --- text that YAML takes for something else ---

BOOLEAN = "is not text but a boolean (true or false); quote it"
NUMBER = "is not text but a number; quote it"


def said(result: Dict[str, Any]) -> List[Any]:
    problems(result)
    return [(problem["profile"], problem["field"], problem["message"]) for problem in result["problems"]]


def test_numbers_and_booleans_are_no_credentials(task: Task) -> None:
    unquoted = (
        "[{ssid: no, security: psk, passphrase: good-pass-1}, {ssid: 0777, security: psk, passphrase: 012345670123}]"
    )
    result = task.many(yaml.safe_load(unquoted))
    assert said(result) == [
        ("profiles[0]", "ssid", BOOLEAN),
        ("profiles[1]", "ssid", NUMBER),
        ("profiles[1]", "passphrase", NUMBER),
    ]
    assert "1402433619" not in json.dumps(result)
    assert not task.conf.exists()
    quoted = unquoted.replace("no,", '"no",').replace("0777", '"0777"').replace("012345670123", '"012345670123"')
    assert task.many(yaml.safe_load(quoted))["changed"] is True
    assert 'psk="012345670123"' in task.conf.read_text()


def test_no_text_of_one_network_may_be_a_number(task: Task) -> None:
    result = task.one(ssid="corp", security="psk", passphrase=1402433619)
    assert said(result) == [("profile 'corp'", "passphrase", NUMBER)]
    assert "1402433619" not in json.dumps(result)
    assert said(task.one(ssid=False, state="absent")) == [("profile", "ssid", BOOLEAN)]
    assert said(task.one(ssid_hex=3132, state="absent")) == [("profile", "ssid_hex", NUMBER)]
    assert said(task.one(ssid="corp", security=True)) == [("profile 'corp'", "security", BOOLEAN)]
    assert said(task.one(**psk(), pmf=False, bssid=559744)) == [
        ("profile 'corp'", "pmf", BOOLEAN),
        ("profile 'corp'", "bssid", NUMBER),
    ]
    assert said(task.one(**psk(), priority=True)) == [
        ("profile 'corp'", "priority", "is not a number from -2147483647 to 2147483647")
    ]
    assert said(task.one(**psk(), path=5)) == [("", "path", NUMBER)]


def test_no_text_of_eap_may_be_a_number(task: Task) -> None:
    eap = {"method": "ttls", "identity": 1234, "password": 99887766, "phase2": False, "validate_server": False}
    result = task.many([{"ssid": "corp", "security": "eap", "eap": {**eap, "anonymous_identity": 1.5}}])
    assert said(result) == [
        ("profiles[0] 'corp'", "eap.identity", NUMBER),
        ("profiles[0] 'corp'", "eap.password", NUMBER),
        ("profiles[0] 'corp'", "eap.phase2", BOOLEAN),
        ("profiles[0] 'corp'", "eap.anonymous_identity", NUMBER),
    ]
    assert "99887766" not in json.dumps(result)


def test_lists_are_no_text(task: Task) -> None:
    result = task.one(ssid="corp", security="psk", passphrase=[CANARY])
    assert said(result) == [("profile 'corp'", "passphrase", "is not text")]


# --- documentation and options ---


def documented(module: str) -> Dict[str, Any]:
    """Return the options that a module documents, those of the shared fragment too."""
    options: Dict[str, Any] = {}
    for path in (PLUGINS / "modules" / f"{module}.py", PLUGINS / "doc_fragments" / "profile.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "DOCUMENTATION":
                options.update(yaml.safe_load(ast.literal_eval(node.value)).get("options", {}))
    return options


def plain(options: Dict[str, Any], inner: str) -> Dict[str, Any]:
    """Return of each option what documentation and specification have to agree on."""
    return {
        name: {
            **{key: option[key] for key in ("type", "default", "required", "choices", "elements") if key in option},
            **({"options": plain(option[inner], inner)} if inner in option else {}),
        }
        for name, option in options.items()
    }


def test_options_are_as_documented() -> None:
    state = {"state": {"type": "str", "choices": ["present", "absent"], "default": "present"}}
    one = {**_profile_options.PLACE, **state, **_profile_options.PROFILE}
    assert plain(documented("amt_wifi_profile"), "suboptions") == plain(one, "options")
    both = documented("amt_wifi_profiles")
    assert plain(both["profiles"]["suboptions"], "suboptions") == plain(_profile_options.PROFILE, "options")
    assert set(both) == {*_profile_options.PLACE, "profiles", "prune"}


def test_every_secret_is_marked_as_one() -> None:
    eap = _profile_options.PROFILE["eap"]["options"]
    secret = {name for options in (_profile_options.PROFILE, eap) for name, o in options.items() if o.get("no_log")}
    assert secret == {"passphrase", "password", "private_key_password"}
