# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the configuration file has to become."""

from __future__ import annotations

import grp
from typing import Any, List, Optional

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import conf_networks
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.conf import ConfBlock, ConfFile, parse
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.conf_networks import (
    FilePlan,
    plan_file,
)
from ansible_collections.vpro.fleet.plugins.module_utils._network.declared import Declaration, Eap, NetworkProfile
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import DecodeFailed

CANARY = "canary-0f3e"
HEADER = "ctrl_interface=DIR=/run/wpa_supplicant\n"


def planned(text: Optional[str], *profiles: NetworkProfile, mode: int = 0o600, **rest: Any) -> FilePlan:
    conf = ConfFile("/etc/x.conf", text, None if text is None else mode)
    return plan_file(conf, Declaration(profiles, **rest), HEADER)


def psk(ssid: bytes = b"ab", passphrase: str = CANARY, **changes: Any) -> NetworkProfile:
    return NetworkProfile(ssid, "psk", passphrase, **changes)


OPEN = NetworkProfile(b"open", "open", pmf="disabled")
OURS = f'network={{\n\tssid=6162\n\tkey_mgmt=WPA-PSK WPA-PSK-SHA256\n\tpsk="{CANARY}"\n\tieee80211w=1\n}}\n'
THEIRS = 'network={\n  ssid="theirs"  # why\n  key_mgmt=NONE\n}\n# between\n'


@pytest.mark.parametrize(
    "line",
    [
        'psk="old"word #half of CANARY"',
        'psk="old" #half of CANARY"',
        'psk="old"CANARY # note',
        'psk="old#CANARY',
        "psk=old#CANARY",
        "psk=CANARY # note",
        'psk="x" # it was "CANARY"',
        'psk="x"\t#CANARY"\r',
        '#psk="CANARY"\n\tpsk=' + "ab" * 32,
        ' # psk = "CANARY"\n\tpsk="CANARY"',
        '##\tpsk="CANARY"\n\tsae_password="CANARY"',
    ],
)
def test_no_part_of_an_old_secret_stays(line: str) -> None:
    text = 'network={\n\tssid="ab"\n\t# note\n\t' + line + "\n\tkey_mgmt=WPA-PSK\n}\n"
    plan = planned(text, psk(passphrase="brand-new-1"))
    assert plan.text is not None
    assert '"brand-new-1"' in plan.text
    assert "CANARY" not in plan.text
    assert "\t# note\n" in plan.text  # another comment stays
    assert planned(plan.text, psk(passphrase="brand-new-1")).changes is False


def test_a_comment_that_has_no_part_of_the_secret_stays() -> None:
    text = 'network={\n\tssid="ab"\n#psk="brand-new-1"\n\tpsk="old" # rotated\n\tpriority=1 # the "main" one\n}\n'
    plan = planned(text, psk(passphrase="brand-new-1", priority=2))
    assert plan.text is not None
    assert '\tpsk="brand-new-1" # rotated\n\tpriority=2 # the "main" one\n' in plan.text
    # With the same secret, the line of wpa_passphrase stays as well.
    same = text.replace('psk="old"', 'psk="brand-new-1"')
    assert '#psk="brand-new-1"\n' in (planned(same, psk(passphrase="brand-new-1", priority=2)).text or "")


def test_a_file_that_is_not_there_is_made_with_a_header() -> None:
    for nothing in (None, "", "\n \n"):
        plan = planned(nothing, psk())
        assert plan.changes
        assert plan.text == HEADER + OURS


def test_nothing_to_have_makes_no_file() -> None:
    plan = planned(None, absent=(b"x",))
    assert (plan.changes, plan.text, plan.ssids) == (False, None, frozenset())


def test_the_networks_that_the_file_will_have() -> None:
    other = 'network={\n\tssid="an ap"\n\tmode=2\n}\nnetwork={\n\tkey_mgmt=NONE\n}\n'
    assert planned(THEIRS + other, psk()).ssids == {b"theirs", b"", b"ab"}
    assert planned(THEIRS + other, psk(), absent=(b"theirs",)).ssids == {b"", b"ab"}
    assert planned(THEIRS + other, psk(), prune=True).ssids == {b"ab"}


def test_new_networks_come_at_the_end_in_the_order_declared() -> None:
    plan = planned(THEIRS, psk(b"b"), psk(b"a"))
    assert plan.text is not None
    assert plan.text.startswith(THEIRS)
    assert [part.variables["ssid"] for part in parse(plan.text) if isinstance(part, ConfBlock)] == [
        '"theirs"',
        "62",
        "61",
    ]


@pytest.mark.parametrize(
    "profile",
    [
        psk(),
        OPEN,
        NetworkProfile(b"x", "psk+sae", 'with "quote', priority=4, hidden=True, enabled=False),
        NetworkProfile(b"x", "eap", eap=Eap("ttls", "me", "anon", CANARY, "pap", "/ca.pem"), bssid="02:00:00:00:00:01"),
    ],
)
def test_once_it_is_there_nothing_changes(profile: NetworkProfile) -> None:
    first = planned(THEIRS, profile)
    second = planned(first.text, profile)
    assert (second.changes, second.before, second.after, second.text) == (False, (), (), first.text)
    (entry,) = second.entries
    assert (entry.known, entry.stale, entry.rebuild) == (True, frozenset(), False)


def test_permissions_alone_are_a_change() -> None:
    plan = planned(OURS, psk(), mode=0o644)
    assert (plan.changes, plan.text, plan.before) == (True, OURS, ())


def test_the_same_in_other_words_is_left_alone() -> None:
    text = (
        'network={\n  psk="canary-0f3e"\n  ssid="ab" # x\n  id_str="mine"\n  key_mgmt=FT-PSK WPA-PSK-SHA256 '
        "WPA-PSK\n  ieee80211w=0x1\n  priority=0\n  mac_addr=0\n}"
    )
    assert not planned(text, psk()).changes


def test_a_changed_secret_is_the_only_thing_that_changes() -> None:
    plan = planned("# top\n" + OURS + THEIRS, psk(passphrase="another-secret"))
    assert plan.text == "# top\n" + OURS.replace(CANARY, "another-secret") + THEIRS
    (entry,) = plan.entries
    assert entry.stale == {"psk"}
    assert plan.before == ((b"ab", {**plan.after[0][1], "psk": "(set)"}),)
    assert plan.after[0][1]["psk"] == "(changed)"


def test_what_contradicts_goes_and_what_tunes_stays() -> None:
    text = (
        'network={\n\tssid="ab"\n\t# note\n\twep_key0="12345"\n\tproto=WPA\n\tca_path="/etc"\n\tbgscan="simple:1:2:3"\n'
        '\tscan_freq=2412\n\tidentity="old"\n\tphase1="x"\n}\n'
    )
    plan = planned(text, psk())
    assert plan.text is not None
    (block,) = (part for part in parse(plan.text) if isinstance(part, ConfBlock))
    assert set(block.variables) == {"ssid", "bgscan", "scan_freq", "phase1", "key_mgmt", "psk", "ieee80211w"}
    assert "\t# note\n" in plan.text
    (entry,) = plan.entries
    assert entry.rebuild
    assert set(entry.extras) == {"bgscan", "scan_freq", "phase1"}


BLOCK = f'network={{\n\tssid="ab"\n\tkey_mgmt=%s\n\tpsk="{CANARY}"\n\tieee80211w=1\n}}\n'


@pytest.mark.parametrize("had", ["WPA-PSK", "WPA-PSK-SHA256", "WPA-PSK WPA-EAP", "SAE WPA-PSK"])
def test_the_key_managements_are_the_declared_ones(had: str) -> None:
    plan = planned(BLOCK % had, psk())
    assert plan.text == BLOCK % "WPA-PSK WPA-PSK-SHA256"
    assert (plan.before[0][1]["key_mgmt"], plan.after[0][1]["key_mgmt"]) == (had, "WPA-PSK WPA-PSK-SHA256")
    assert not planned(plan.text, psk()).changes


def test_fast_transition_stays_beside_the_declared_key_managements() -> None:
    plan = planned(BLOCK % "FT-PSK", psk())
    assert plan.text == BLOCK % "WPA-PSK WPA-PSK-SHA256 FT-PSK"
    (entry,) = plan.entries
    assert entry.form["key_mgmt"] == "WPA-PSK WPA-PSK-SHA256 FT-PSK", "the running supplicant gets the same"
    assert not planned(plan.text, psk()).changes


def test_a_network_has_the_permanent_mac_address_whatever_is_set_above() -> None:
    old = OURS.replace("}\n", "\tmac_addr=2\n}\n")
    assert planned(old, psk()).text == OURS.replace("}\n", "\tmac_addr=0\n}\n")
    above = "mac_addr=1\n"
    new = OURS.replace("}\n", "\tmac_addr=0\n}\n")
    for there in (above, above + OURS, above + new):
        plan = planned(there, psk())
        assert plan.text == above + new
        assert not planned(plan.text, psk()).changes


def test_one_ssid_is_one_network() -> None:
    wpa2 = f'network={{\n\tssid="ab"\n\tpsk="{CANARY}"\n\tkey_mgmt=WPA-PSK-SHA256 WPA-PSK\n\tieee80211w=1\n}}\n'
    eap = 'network={\n\tssid="ab"\n\tkey_mgmt=WPA-EAP\n\tidentity="x"\n}\n'
    # The one of the right kind stays, wherever it is.
    assert planned(eap + "# c\n" + wpa2, psk()).text == "# c\n" + wpa2
    assert planned(wpa2 + "# c\n" + eap, psk()).text == wpa2 + "# c\n"
    # An access point with that SSID is something else.
    access_point = 'network={\n\tssid="ab"\n\tmode=2\n}\n'
    assert planned(access_point + wpa2, psk()).text == access_point + wpa2


def test_absent_takes_every_station_network_of_that_name_and_nothing_else() -> None:
    text = "# 1\n" + OURS + THEIRS + 'network={\n\tssid="ab"\n}\n# 2\nnetwork={\n\tssid="ab"\n\tmode=2\n}\n'
    plan = planned(text, absent=(b"ab",))
    assert plan.text == "# 1\n" + THEIRS + '# 2\nnetwork={\n\tssid="ab"\n\tmode=2\n}\n'
    assert [ssid for ssid, _shown in plan.before] == [b"ab", b"ab"]
    assert not planned(plan.text, absent=(b"ab",)).changes


def test_prune_takes_everybody_elses_networks_and_no_comment() -> None:
    any_network = "network={\n\tkey_mgmt=NONE\n}\n"
    text = "# 1\n" + THEIRS + any_network + 'cred={\n\trealm="x"\n}\n' + 'network={\n\tssid="ap"\n\tmode=2\n}\n'
    plan = planned(text, psk(), prune=True)
    assert plan.text == '# 1\n# between\ncred={\n\trealm="x"\n}\nnetwork={\n\tssid="ap"\n\tmode=2\n}\n' + OURS
    assert [ssid for ssid, _shown in plan.before] == [b"theirs", b""]


def test_a_damaged_file_is_not_touched() -> None:
    with pytest.raises(DecodeFailed, match=r"/etc/x\.conf"):
        planned("network={\n", psk())


FOREIGN = st.lists(
    st.sampled_from(
        [
            *("# a comment\n", "\n", "ap_scan=1\n", "country=DE # here\r\n", 'cred={\n\trealm="x"\n}\n'),
            *(
                THEIRS,
                'network={\n\tssid="o#ther"\n\tgarbage\n}\n',
                "blob-base64-b={\nnetwork={\n}\n",
                "\udcff=\udcfe\n",
            ),
        ]
    ),
    max_size=8,
).map("".join)
SSIDS = st.binary(min_size=1, max_size=32).filter(lambda ssid: ssid not in (b"theirs", b"o#ther"))
PASSPHRASES = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=8, max_size=63)


# Making keys of passphrases takes its time.
@settings(deadline=None)
@given(FOREIGN, st.dictionaries(SSIDS, PASSPHRASES, max_size=4))
def test_what_others_wrote_survives_byte_for_byte(foreign: str, secrets: Any) -> None:
    profiles: List[NetworkProfile] = [psk(ssid, secret) for ssid, secret in secrets.items()]
    there = planned(foreign, *profiles)
    assert there.text is not None
    if foreign.strip():
        assert there.text.startswith(foreign)
    assert not planned(there.text, *profiles).changes
    gone = planned(there.text, absent=tuple(secrets))
    assert gone.text == (foreign if foreign.strip() or not profiles else HEADER)


# Making keys of passphrases takes its time.
@settings(deadline=None)
@given(FOREIGN, PASSPHRASES, PASSPHRASES)
def test_a_change_keeps_everything_around_it(foreign: str, old: str, new: str) -> None:
    before = planned("# first\n" + OURS + foreign, psk(passphrase=old)).text
    after = planned(before, psk(passphrase=new))
    assert after.text is not None
    assert after.text.startswith("# first\nnetwork={\n\tssid=6162\n")
    assert after.text.endswith("ieee80211w=1\n}\n" + foreign)
    assert after.changes == (old != new)


def test_no_secret_in_what_is_shown_of_a_plan() -> None:
    profile = NetworkProfile(b"e", "eap", eap=Eap("tls", "me", private_key="/k", private_key_password=CANARY))
    for plan in (
        planned(THEIRS, psk(), profile),
        planned(OURS, psk(passphrase="another-one"), prune=True),
        planned(OURS, prune=True),
        planned(OURS + f'network={{\n\tssid="x"\n\twep_key0="{CANARY}"\n}}\n', psk(b"x", CANARY), absent=(b"ab",)),
    ):
        assert CANARY not in repr(plan)
        assert CANARY not in str(plan.before) + str(plan.after)


def test_the_header_names_the_group_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grp, "getgrnam", lambda _name: None)
    assert "GROUP=netdev\nupdate_config=0\n" in conf_networks.default_header()

    def none(_name: str) -> None:
        raise KeyError

    monkeypatch.setattr(grp, "getgrnam", none)
    assert conf_networks.default_header() == "ctrl_interface=DIR=/run/wpa_supplicant\nupdate_config=0\n"


def test_a_new_network_is_told_with_all_that_it_sets_but_its_secret() -> None:
    plan = planned(THEIRS, psk(), OPEN)
    assert [ssid for ssid, _shown in plan.after] == [b"ab", b"open"]
    shown = plan.after[0][1]
    assert shown["key_mgmt"] == "WPA-PSK WPA-PSK-SHA256"
    assert CANARY not in str(plan.after)
    assert plan.before == ()
    entry = plan.entries[0]
    assert (entry.ssid, entry.known, entry.form["psk"]) == (b"ab", False, f'"{CANARY}"')


@pytest.mark.parametrize(("there", "group"), [(True, " GROUP=netdev"), (False, "")])
def test_a_new_file_is_for_debians_group_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, there: bool, group: str
) -> None:
    def getgrnam(name: str) -> None:
        assert name == "netdev"
        if not there:
            raise KeyError(name)

    monkeypatch.setattr(grp, "getgrnam", getgrnam)
    assert conf_networks.default_header() == f"ctrl_interface=DIR=/run/wpa_supplicant{group}\nupdate_config=0\n"


def test_a_network_that_stays_is_told_with_what_changed() -> None:
    plan = planned(OURS.replace("ieee80211w=1", 'ieee80211w=2\n\tbgscan=""\n\tpsk="another one"'), psk())
    assert [ssid for ssid, _shown in plan.after] == [b"ab"]
    assert plan.after[0][1]["psk"] == "(changed)"
    assert planned(OURS.replace("ieee80211w=1", "ieee80211w=2"), psk()).after[0][1]["psk"] == "(set)"
    entry = plan.entries[0]
    assert (entry.ssid, entry.form["ieee80211w"]) == (b"ab", "1")


@pytest.mark.parametrize(
    ("value", "ssid"),
    [
        ('P"Kim\\342\\200\\231s Phone"', "Kim\u2019s Phone".encode()),
        ('P"a\\qb"', b"aqb"),
        ('P"a\\x9z"', b"a\tz"),
        ('P"ab\\"', b"ab"),
    ],
)
def test_a_network_is_found_by_its_ssid_in_any_notation(value: str, ssid: bytes) -> None:
    there = f'ctrl_interface=/x\nnetwork={{\n  ssid={value}\n  key_mgmt=WPA-PSK\n  psk="old-secret-1"\n}}\n'
    changed = planned(there, psk(ssid, "new-secret-2"))
    assert changed.text is not None
    (block,) = [part for part in parse(changed.text) if isinstance(part, ConfBlock)]
    assert (block.variables["ssid"], block.variables["psk"]) == (value, '"new-secret-2"')
    assert planned(there, absent=(ssid,)).text == "ctrl_interface=/x\n"


@pytest.mark.parametrize(("value", "changes"), [("010", False), ("0x8", False), ("8 # c", False), ("10", True)])
def test_a_priority_is_the_number_that_wpa_supplicant_reads(value: str, changes: bool) -> None:
    there = OURS.replace("}", f"\tpriority={value}\n}}")
    assert planned(there, psk(priority=8)).changes is changes
