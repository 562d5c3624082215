# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether wpa_supplicant starts with a file is known before the file is written."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant import loading
from ansible_collections.vpro.fleet.plugins.module_utils._managers.wpa_supplicant.loading import (
    check_loads,
    installed_program,
)
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import Refused
from ansible_collections.vpro.fleet.plugins.module_utils._system.places import Places
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._managers.wpa_supplicant.fake_provisioning import (
    CANARY,
    Laptop,
    psk,
)

CONF = "/etc/wpa_supplicant/wpa_supplicant-wlan0.conf"
GOOD = "ctrl_interface=/x\n"
CURLY = GOOD + "network={\n\tssid=\u201cOffice\u201d\n\tpsk=\u201cgood-pass-1\u201d\n}\n"
MARK = '\ufeffcountry=GB\nnetwork={\n\tssid="Office"\n\tpsk="good-pass-1"\n}\n'
UNQUOTED = GOOD + "network={\n ssid=matrix\n key_mgmt=NONE\n}\n"
TWICE = GOOD + 'network={{\n ssid="a"\n}\n'
#: Behaves like wpa_supplicant: it blames each line with the word BAD, and the end of its network.
PROGRAM = """#!/bin/sh
for each; do file=${each#-c}; done
echo "Successfully initialized wpa_supplicant"
if grep -q BAD "$file"; then
  grep -n BAD "$file" | sed 's/^\\([0-9]*\\):\\(.*\\)/Line \\1: invalid \\2/'
  grep -n '^}' "$file" | sed 's/^\\([0-9]*\\):.*/Line \\1: failed to parse network block./'
  echo "Failed to read or parse configuration '$file'."
fi
echo "Failed to add interface vpro-fleet-none"
exit 255
"""


def program(folder: Path, text: str = PROGRAM) -> str:
    path = folder / "usr/sbin/wpa_supplicant"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def refused(text: str, before: Optional[str], by: Optional[str] = None) -> Refused:
    with pytest.raises(Refused) as caught:
        check_loads(by, text, before, CONF)
    assert caught.value.where == CONF
    assert "good-pass" not in str(caught.value)
    assert CANARY not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("text", "lines", "why"),
    [
        (CURLY, "3, 4", "line 3 sets ssid, .* as text processors write them"),
        (MARK, "1", "line 1 begins with a byte order mark"),
        (UNQUOTED, "3", "line 3 sets ssid, but the value is neither in double quotes nor in hex"),
        (TWICE, "2, 3, 4", "line 2 opens no block"),
    ],
)
def test_without_wpa_supplicant_its_grammar_is_known(text: str, lines: str, why: str) -> None:
    error = refused(f"country=DE\n{text}\n# ours", text)
    assert error.reason == "configuration_unusable"
    assert f"(line {lines})" in error.what
    assert error.remedy == "Repair the file"
    with pytest.raises(Refused, match=why):
        check_loads(None, text, text, CONF)


def test_wpa_supplicant_is_asked_and_the_lines_are_those_of_the_file_as_it_is(tmp_path: Path) -> None:
    before = GOOD + f'network={{\n\tssid="a"\n\tBAD="{CANARY}"\n}}\n'
    error = refused(f"country=DE\n{before}", before, program(tmp_path))
    assert error.what == "wpa_supplicant can't read its configuration (line 4, 5), and would not start with it"
    assert refused(before, before, program(tmp_path)).what == error.what


def test_a_line_that_the_change_removes_does_not_matter(tmp_path: Path) -> None:
    check_loads(program(tmp_path), GOOD, GOOD + 'network={\n\tBAD="x"\n}\n', CONF)


def test_what_only_the_new_text_has_is_the_declarations_fault(tmp_path: Path) -> None:
    for before in (None, GOOD, GOOD + "network={\n\tBAD=gone\n"):
        error = refused(GOOD + "network={\n\tkey_mgmt=BAD\n}\n", before, program(tmp_path))
        assert error.reason == "supplicant_refused"
        assert error.what == "wpa_supplicant would not start with the declared networks (key_mgmt)"


@pytest.mark.parametrize("text", ["#!/bin/sh\nexit 127\n", "#!/does/not/exist\n", "no program"])
def test_a_wpa_supplicant_that_does_not_run_says_nothing(tmp_path: Path, text: str) -> None:
    check_loads(program(tmp_path, text), GOOD, None, CONF)
    assert refused(UNQUOTED, UNQUOTED, program(tmp_path, text)).reason == "configuration_unusable"
    assert refused(UNQUOTED, UNQUOTED, "/does/not/exist").reason == "configuration_unusable"


def test_not_every_fault_is_explained() -> None:
    text = "".join(f"bad line {number}\n" for number in range(9))
    assert refused(text, text).what.count("has no '='") == 4


def test_where_wpa_supplicant_is_installed(tmp_path: Path) -> None:
    assert installed_program(Places(str(tmp_path))) is None
    assert installed_program(Places(str(tmp_path))) != program(tmp_path)
    assert installed_program(Places(str(tmp_path))) == str(tmp_path / "usr/sbin/wpa_supplicant")
    assert loading.PROGRAMS[0] == "usr/sbin/wpa_supplicant"


# --- a task ---


@pytest.mark.parametrize("text", [CURLY, MARK, UNQUOTED, TWICE])
@pytest.mark.parametrize("running", [False, True])
def test_a_file_that_can_not_be_loaded_is_not_reported_as_done(laptop: Laptop, text: str, running: bool) -> None:
    if running:
        laptop.start()
    laptop.conf.write_text(text)
    laptop.conf.chmod(0o600)
    for check_mode in (True, False):
        with pytest.raises(Refused) as caught:
            laptop.declare(psk(), check_mode=check_mode)
        assert caught.value.reason == "configuration_unusable"
        assert str(laptop.conf) in str(caught.value)
    with pytest.raises(Refused):
        laptop.declare(absent=(b"home",))
    assert laptop.text() == text


def test_a_network_that_can_not_be_read_goes_with_prune(laptop: Laptop) -> None:
    laptop.conf.write_text(UNQUOTED)
    assert laptop.declare(psk(), prune=True)["changed"] is True
    assert "matrix" not in laptop.text()


def test_the_installed_wpa_supplicant_is_asked(laptop: Laptop) -> None:
    program(laptop.folder / "root")
    laptop.conf.write_text("# fine\nBAD\n")
    with pytest.raises(Refused, match=r"\(line 2\)"):
        laptop.declare(psk())
    assert laptop.text() == "# fine\nBAD\n"
