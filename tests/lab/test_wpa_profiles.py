# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Profiles in wpa_supplicant's file and runtime, on a real supplicant and a real access point."""

from __future__ import annotations

import hashlib
import json
import shlex
from typing import Any, Dict, List, Tuple

import pytest

from vpro_lab.air.ap import AccessPoint
from vpro_lab.air.security import PASSPHRASE
from vpro_lab.laptop.control import INTERFACE, MAC, Laptop
from vpro_lab.play.playbook import run_tasks
from vpro_lab.play.profiles import profile, profiles

# test_nm_profiles.py has those of NetworkManager, test_profiles.py what is the same for both.
pytestmark = [pytest.mark.manager("wpa_supplicant"), pytest.mark.release]

CONF = f"/etc/wpa_supplicant/wpa_supplicant-{INTERFACE}.conf"
#: Of the supplicant's own settings: look at the access point's channel alone. To look at all of them takes 8 seconds.
QUICK = "freq_list=2437\n"


def connected(laptop: Laptop) -> bool:
    """Say whether the supplicant has a connection."""
    return "wpa_state=COMPLETED" in laptop.wpa("status")


def connections(laptop: Laptop) -> int:
    """Return how often the supplicant completed a connection since it started."""
    log = laptop.guest.check(f"journalctl -b -u wpa_supplicant@{INTERFACE} -o cat")
    return log.count("CTRL-EVENT-CONNECTED")


def attempts(laptop: Laptop) -> int:
    """Return how often the supplicant tried to join anything since the boot."""
    log = laptop.guest.check(f"journalctl -b -u wpa_supplicant@{INTERFACE} -o cat")
    return log.count("Trying to authenticate") + log.count("Trying to associate")


def scan(laptop: Laptop, times: int = 2) -> str:
    """Let the supplicant look around some times, after which it may join what it found; return what that was."""
    laptop.record()
    for done in range(times):
        laptop.wait_until("a scan", lambda: laptop.wpa("scan") == "OK", 20)
        laptop.wait_until("its results", lambda done=done: scans(laptop) > done, 20)  # type: ignore[misc]
    laptop.recorded()
    return laptop.wpa("scan_results")


def scans(laptop: Laptop) -> int:
    """Return how many scans the supplicant ended while it is recorded."""
    return laptop.guest.read("/run/lab-recorder.log").count("SCAN-RESULTS")


def test_a_hidden_network_that_is_no_text_protected_and_of_one_access_point(laptop: Laptop, ap: AccessPoint) -> None:
    ssid = b"\xffcorp\x80"
    demands = "ignore_broadcast_ssid=1\nieee80211w=2\nwpa_key_mgmt=WPA-PSK-SHA256\n"
    ap.start("wpa2-psk", ssid=ssid, mac=MAC, extra=demands)
    laptop.supplicant(QUICK)
    mine = {"ssid_hex": ssid.hex(), "security": "psk", "passphrase": PASSPHRASE, "hidden": True, "pmf": "required"}
    made = profiles(laptop, [{**mine, "bssid": ap.bssid.upper()}])
    assert [network["ssid"] for network in made["networks"]] == ["\\xffcorp\\x80"]
    laptop.wait_until("the connection", lambda: connected(laptop), 40)
    status = laptop.wpa("status").splitlines()
    assert {f"bssid={ap.bssid}", "key_mgmt=WPA2-PSK-SHA256", "pmf=2", "ssid=\\xffcorp\\x80"} <= set(status)
    # Another access point's address: this one is heard, and left alone.
    changed = profiles(laptop, [{**mine, "bssid": "02:00:00:00:01:99"}])
    assert (changed["file"]["changed"], changed["runtime"]["changed"]) == (True, True)
    assert connected(laptop), "a bssid is for the next connection"
    before = attempts(laptop)
    laptop.guest.check(f"systemctl restart wpa_supplicant@{INTERFACE}.service")
    laptop.wait_supplicant()
    assert ap.bssid in scan(laptop)
    assert attempts(laptop) == before
    assert not connected(laptop)


def test_priority_decides_and_what_is_not_enabled_is_not_joined(laptop: Laptop, ap: AccessPoint) -> None:
    psk = f"wpa=2\nrsn_pairwise=CCMP\nwpa_key_mgmt=WPA-PSK\nwpa_passphrase={PASSPHRASE}\n"
    ap.start("wpa2-psk", ssid=b"one", mac=MAC, extra=f"bss=ap1\nbssid=02:00:00:00:01:01\nssid=two\n{psk}")
    laptop.supplicant(QUICK)

    def declare(**options: Tuple[int, bool]) -> None:
        each = {"security": "psk", "passphrase": PASSPHRASE}
        declared = [{"ssid": ssid, "priority": p, "enabled": e, **each} for ssid, (p, e) in options.items()]
        assert profiles(laptop, declared)["changed"] is True

    def joined(ssid: str) -> bool:
        return connected(laptop) and f"\nssid={ssid}\n" in laptop.wpa("status")

    declare(one=(1, True), two=(9, True))
    laptop.wait_until("the connection to the preferred one", lambda: joined("two"), 40)
    assert attempts(laptop)
    declare(one=(9, True), two=(1, True))
    assert joined("two"), "a priority is for the next connection"
    laptop.wpa("reassociate")
    laptop.wait_until("the connection to the one that is preferred now", lambda: joined("one"), 40)
    declare(one=(9, False), two=(1, False))
    laptop.wait_until("the end of the connection", lambda: not connected(laptop), 20)
    before = attempts(laptop)
    found = scan(laptop)
    assert "02:00:00:00:01:00" in found
    assert "02:00:00:00:01:01" in found
    assert attempts(laptop) == before


def test_other_peoples_settings_stay(laptop: Laptop) -> None:
    laptop.supplicant('# a comment\nap_scan=1\nnetwork={\n\tssid="theirs"  # why\n\tkey_mgmt=NONE\n}\n')
    before = laptop.guest.read(CONF)
    profile(laptop, security="psk", passphrase=PASSPHRASE)
    assert laptop.guest.read(CONF).startswith(before)
    gone = profile(laptop, state="absent")
    assert gone["changed"] is True
    assert laptop.guest.read(CONF) == before
    assert profile(laptop, state="absent")["changed"] is False


def test_a_laptop_without_a_configuration_file(laptop: Laptop, ap: AccessPoint) -> None:
    ap.start("wpa2-psk", mac=MAC)
    laptop.supplicant("", start=False)
    laptop.guest.check(f"rm {CONF}")
    options = {"security": "psk", "passphrase": PASSPHRASE}
    made = profile(laptop, **options)
    assert (made["file"]["changed"], made["runtime"]["applied"]) == (True, False)
    assert made["runtime"]["reason"]
    assert permissions(laptop) == "600 root root"
    laptop.guest.check(f"systemctl start wpa_supplicant@{INTERFACE}.service")
    laptop.wait_supplicant()
    laptop.wait_until("the connection", lambda: connected(laptop), 40)
    before, text = connections(laptop), laptop.guest.read(CONF)
    # Whoever may read it has the secrets, whoever may write it the laptop.
    laptop.guest.check(f"chown nobody:nogroup {CONF}; chmod 644 {CONF}")
    again = profile(laptop, **options)
    assert (again["file"]["changed"], again["runtime"]["applied"]) == (True, True)
    assert (permissions(laptop), laptop.guest.read(CONF)) == ("600 root root", text)
    assert (connected(laptop), connections(laptop)) == (True, before)


@pytest.mark.parametrize(
    "disguise",
    [
        pytest.param("chown root:root /run/wpa_supplicant/{interface}", id="another owner of the socket"),
        pytest.param("date -s '+2 hours'", id="a clock that is set forward"),
    ],
)
def test_an_edit_that_the_supplicant_did_not_read_is_not_taken_for_read(laptop: Laptop, disguise: str) -> None:
    eap = {"method": "peap", "identity": "me", "password": "before-0f3e", "ca_cert": "/etc/hostname"}
    laptop.supplicant("", start=True)
    profile(laptop, security="eap", eap=eap)
    laptop.guest.check(f"systemctl restart wpa_supplicant@{INTERFACE}.service")
    laptop.wait_supplicant()
    assert profile(laptop, security="eap", eap=eap)["changed"] is False
    laptop.guest.check("rm -f /run/vpro-fleet/profiles-*.journal")
    # Somebody edits the file, and has it not read.
    laptop.guest.check(f"sleep 1; sed -i s/before-0f3e/after-0f3e/ {CONF}; sleep 1")
    laptop.guest.check(disguise.format(interface=INTERFACE))
    told = profile(laptop, security="eap", eap={**eap, "password": "after-0f3e"})
    assert (told["file"]["changed"], told["runtime"]["changed"]) == (False, True)
    assert profile(laptop, security="eap", eap={**eap, "password": "after-0f3e"})["changed"] is False


def permissions(laptop: Laptop) -> str:
    """Return mode, owner and group of the configuration file."""
    return laptop.guest.check(f"stat -c '%a %U %G' {CONF}").strip()


def test_check_mode_and_diff_tell_and_change_nothing(laptop: Laptop) -> None:
    laptop.supplicant("")
    before = laptop.guest.read(CONF)
    checked = profile(laptop, "--check", "--diff", security="psk", passphrase=PASSPHRASE)
    assert checked["changed"] is True
    assert PASSPHRASE not in json.dumps(checked)
    assert laptop.guest.read(CONF) == before
    assert laptop.wpa("list_networks").count("\n") == 0


def test_bad_input_is_named_all_of_it(laptop: Laptop) -> None:
    laptop.supplicant("")
    eap = {"method": "peap", "identity": "i", "password": PASSPHRASE, "ca_cert": "/etc/hostname"}
    #: What a profile can have wrong, and the field that is told.
    wrong: List[Tuple[Dict[str, Any], str]] = [
        ({"ssid": "x" * 33, "security": "open"}, "ssid"),
        ({"ssid": "short", "security": "psk", "passphrase": "seven77"}, "passphrase"),
        ({"ssid": "no hex", "security": "psk", "passphrase": "z" * 64}, "passphrase"),
        ({"ssid": "none", "security": "psk"}, "passphrase"),
        ({"ssid": "no file", "security": "eap", "eap": {**eap, "ca_cert": "/none.pem"}}, "eap.ca_cert"),
        ({"ssid": "option", "security": "psk", "passphrase": PASSPHRASE, "passphrse": PASSPHRASE}, "passphrse"),
        ({"ssid": "eap option", "security": "eap", "eap": {**eap, "pasword": PASSPHRASE}}, "eap.pasword"),
        ({"ssid": "good", "security": "open"}, "ssid"),
    ]
    whole = [{"ssid": "good", "security": "open"}, *(options for options, _field in wrong)]
    tasks: List[Dict[str, Any]] = [
        {
            "name": "set",
            "vpro.fleet.amt_wifi_profiles": {"interface": INTERFACE, "profiles": whole, "prun": PASSPHRASE},
            "ignore_errors": True,
        }
    ]
    singles = [each for each in wrong if each[0]["ssid"] in ("short", "option", "eap option")]
    for options, _field in singles:
        arguments = {"interface": INTERFACE, **options}
        tasks.append({"name": options["ssid"], "vpro.fleet.amt_wifi_profile": arguments, "ignore_errors": True})
    play = run_tasks(laptop, tasks)
    of_set = [(f"profiles[{n}] '{options['ssid']}'", field) for n, (options, field) in enumerate(wrong, 1)]
    assert told(play.tasks["set"]) == [*of_set, ("", "prun")]
    for options, field in singles:
        assert told(play.tasks[options["ssid"]]) == [(f"profile '{options['ssid']}'", field)]
    assert PASSPHRASE not in play.output
    assert laptop.wpa("list_networks").count("\n") == 0


def told(result: Dict[str, Any]) -> List[Tuple[str, str]]:
    """Return profile and field of each problem that a module failed with; the message for people has them all too."""
    assert result["failed"], result
    assert result["error"]["code"] == "invalid_profile"
    for problem in result["problems"]:
        assert ": ".join(filter(None, (problem[name] for name in ("profile", "field", "message")))) in result["msg"]
    return [(problem["profile"], problem["field"]) for problem in result["problems"]]


#: Writes the arguments and the environment of every process that it sees to a file, until it is ended.
_SAMPLER = """
import glob, sys, time
seen = set()
with open(sys.argv[1], "ab", 0) as samples:
    while True:
        for path in glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/proc/[0-9]*/environ"):
            try:
                with open(path, "rb") as handle:
                    data = handle.read()
            except OSError:
                continue
            if data not in seen:
                seen.add(data)
                samples.write(data + b"\\n")
        time.sleep(0.02)
"""
_SAMPLES = "/run/lab-samples.log"


def test_what_binds_root_is_named(laptop: Laptop) -> None:
    laptop.supplicant("")
    guest = laptop.guest
    before = guest.read(CONF)
    for letter in "ia":
        guest.check(f"chattr +{letter} {CONF}")
        refused = profiles(laptop, [{"ssid": "new", "security": "open"}])
        guest.check(f"chattr -{letter} {CONF}")
        assert refused["error"]["code"] == "access_denied", refused
        assert f"chattr -{letter} {CONF}" in refused["msg"], refused
        assert "become" not in refused["msg"], refused
    assert guest.read(CONF) == before
    assert guest.run(f"ls -A {CONF.rpartition('/')[0]} | grep -c vpro-fleet").out.split() == ["0"]


@pytest.mark.parametrize("pipelining", ["false", pytest.param("true", marks=pytest.mark.release)])
def test_secrets_are_where_they_belong_and_nowhere_else(laptop: Laptop, pipelining: str) -> None:
    laptop.supplicant("")
    kept = {
        "psk": "canary-of-the-psk",
        "eap": "canary-of-eap",
        "key": "canary-of-key",
        "sae": "canary-of-sae",
        "both": 'canary-of-both"',  # no passphrase with a quote fits in quotes: it stands in hex
    }
    lost = {"misspelt": "canary-of-misspelt", "option": "canary-of-option", "refused": "canary-of-refused"}
    lost["uri"] = "canary-of-uri"
    eap = {"identity": "somebody", "ca_cert": "/etc/hostname", "domain_suffix_match": "example.org"}
    key = {"client_cert": "/etc/hostname", "private_key": "/etc/hostname", "private_key_password": kept["key"]}
    declared: List[Dict[str, Any]] = [
        {"ssid": "one", "security": "psk", "passphrase": kept["psk"]},
        {"ssid": "two", "security": "eap", "eap": {"method": "peap", "password": kept["eap"], **eap}},
        {"ssid": "three", "security": "eap", "eap": {"method": "tls", **key, **eap}},
        {"ssid": "four", "security": "sae", "passphrase": kept["sae"]},
        {"ssid": "five", "security": "psk+sae", "passphrase": kept["both"]},
    ]
    token = f"pkcs11:token=scep;object=k;type=private;pin-value={lost['uri']}"
    wrong = [
        *declared,
        {"ssid": "six", "security": "psk", "passphrase": lost["refused"] * 5},
        {"ssid": "seven", "security": "eap", "eap": {**declared[1]["eap"], "pasword": lost["misspelt"]}},
        {"ssid": "eight", "security": "eap", "eap": {**declared[2]["eap"], "private_key": token}},
    ]
    single = {"interface": INTERFACE, "ssid": "x" * 33, "security": "psk", "passphrase": lost["refused"]}
    plural, singular = "vpro.fleet.amt_wifi_profiles", "vpro.fleet.amt_wifi_profile"
    tasks: List[Dict[str, Any]] = [
        {"name": "set", plural: {"interface": INTERFACE, "profiles": declared}},
        {"name": "again", plural: {"interface": INTERFACE, "profiles": declared}},
        {"name": "wrong", plural: {"interface": INTERFACE, "profiles": wrong}, "ignore_errors": True},
        {"name": "single", singular: single, "ignore_errors": True},
        {"name": "misspelt", singular: {**single, "passphrse": lost["option"]}, "ignore_errors": True},
    ]
    laptop.guest.run(f"rm -f {_SAMPLES}")
    laptop.guest.spawn("sampler", ["python3", "-c", _SAMPLER, _SAMPLES], "/run/lab-sampler.log")
    try:
        play = run_tasks(laptop, tasks, "-vvvv", "--diff", settings={"ANSIBLE_PIPELINING": pipelining})
    finally:
        laptop.guest.stop("sampler")
    assert play.tasks["set"]["changed"] is True, play.output
    assert play.tasks["again"]["changed"] is False
    for name, fields in (
        ("wrong", ["passphrase", "eap.pasword", "eap.private_key"]),
        ("single", ["ssid"]),
        ("misspelt", ["passphrse", "ssid"]),
    ):
        assert [field for _profile, field in told(play.tasks[name])] == fields
    # The key that a passphrase makes is as good as the passphrase.
    pmk = hashlib.pbkdf2_hmac("sha1", kept["both"].encode(), b"five", 4096, 32).hex()
    secrets = [*kept.values(), *lost.values(), pmk]
    # Without its quote, which may be escaped in many ways.
    forms = [form for secret in secrets for text in [secret.rstrip('"')] for form in (text, text.encode().hex())]
    for form in forms:
        assert form not in play.output
    # In brackets, the first character keeps the search from finding itself.
    pattern = shlex.quote("|".join(f"[{form[0]}]{form[1:]}" for form in forms))
    seen = laptop.guest.run(f"grep -acE {pattern} {_SAMPLES}; grep -ac python3 {_SAMPLES}; rm {_SAMPLES}").out.split()
    assert seen[0] == "0", "in the arguments or the environment of a process"
    assert int(seen[1]) > 1, "the modules were not seen at work"
    logged = f"{{ journalctl -b -o export --no-pager; dmesg; }} | grep -acE {pattern}"
    assert laptop.guest.run(logged).out.split() == ["0"]
    # Every file of the laptop.
    search = f"grep -rlsaE --exclude-dir=sys --exclude-dir=proc {pattern} / | grep -v '^/run/log'"
    assert laptop.guest.run(search, timeout=240).out.split() == [CONF]
    text = laptop.guest.read(CONF)
    assert [name for name, secret in kept.items() if f'"{secret}"' in text] == ["psk", "eap", "key", "sae"]
    assert f"psk={pmk}\n" in text
    assert f"sae_password={kept['both'].encode().hex()}\n" in text
    assert not any(form in text for secret in lost.values() for form in (secret, secret.encode().hex()))
