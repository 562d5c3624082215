# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Building a package of drivers, with programs that stand in for the distribution's."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import List

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import NotFound, Refused, TransportFailed
from ansible_collections.vpro.fleet.plugins.module_utils._tasks import driver_build
from ansible_collections.vpro.fleet.plugins.module_utils._tasks.driver_recipe import (
    Signing,
    filled,
    read_recipe,
    source_names,
)
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._tasks.fake_driver import stand_in

RECIPE = Path(__file__).resolve().parents[5] / "roles" / "driver" / "files" / "build"
RELEASE = "6.1.0-50-amd64"
VERSION = "6.1.176-1"

#: What each program does here. dpkg-deb is the real one where the machine has it.
PROGRAMS = {
    "dpkg": "echo amd64",
    "dpkg-query": f'case "$*" in *{RELEASE}*) printf "installed {VERSION}";; *) exit 1;; esac',
    "apt-get": 'echo "E: Version not found" >&2; exit 100',
    "modinfo": f"echo {RELEASE} SMP preempt mod_unload modversions",
    "dpkg-deb": """
        log=$(dirname "$0")/../log
        case "$1" in
        --extract) mkdir -p "$3/usr/src"; cp "$2" "$3/usr/src/linux-source-6.1.tar.xz" ;;
        --root-owner-group)
            (cd "$3" && find . -type f | sort; cat DEBIAN/control DEBIAN/postinst) > "$4"
            echo packed >> "$log" ;;
        esac""",
}


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A build host with the headers of one kernel, and the package with its source."""
    stand_in(PROGRAMS, tmp_path / "bin", monkeypatch)
    is_folder = os.path.isdir
    monkeypatch.setattr(os.path, "isdir", lambda path: path == f"/lib/modules/{RELEASE}/build" or is_folder(path))
    folder = tmp_path / "folder"
    folder.mkdir()
    tree = tmp_path / "linux-source-6.1/drivers/net/wireless/intel/iwlwifi/mei"
    tree.mkdir(parents=True)
    (tree / "main.c").write_text("/* */", encoding="utf-8")
    source = folder / f"linux-source-6.1_{VERSION}_all.deb"
    subprocess.run(["tar", "-C", str(tmp_path), "-cJf", str(source), "linux-source-6.1"], check=True)
    recipe = tmp_path / "recipe"
    (recipe / "deb").mkdir(parents=True)
    for file in (RECIPE / "deb").iterdir():
        (recipe / "deb" / file.name).write_bytes(file.read_bytes())
    (recipe / "build.sh").write_text(
        """
        test -f "$1/drivers/net/wireless/intel/iwlwifi/mei/main.c" || exit 3
        mkdir "$3"; echo "$@" >> "$(dirname "$0")/../log"
        for name in iwlwifi iwlmvm iwlmei; do echo "GCC: (Debian 12.2.0-14) 12.2.0 $name" > "$3/$name.ko"; done
        """,
        encoding="utf-8",
    )
    return tmp_path


def build(host: Path, *, release: str = RELEASE, check: bool = False, signing: bool = False) -> driver_build.Built:
    keys = Signing(str(host / "key"), str(host / "certificate")) if signing else None
    return driver_build.build(release, str(host / "folder"), str(host / "recipe"), keys, check=check)


def log(host: Path) -> List[str]:
    path = host / "log"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def left(host: Path) -> List[str]:
    return sorted(path.name for path in (host / "folder").iterdir() if not path.name.startswith("linux-source"))


def test_a_package_is_built_once(host: Path) -> None:
    checked = build(host, check=True)
    assert (checked.changed, checked.provenance, log(host)) == (True, None, [])
    built = build(host)
    assert built.changed
    assert built.package == checked.package
    assert built.version.startswith(f"{VERSION}+vpro.")
    assert built.provenance is not None
    assert built.provenance["source"] == "linux-source-6.1"
    assert built.provenance["source_version"] == VERSION
    assert built.provenance["compiler"] == "GCC: (Debian 12.2.0-14) 12.2.0"
    assert sorted(built.provenance["modules"]) == ["iwlmei.ko", "iwlmvm.ko", "iwlwifi.ko"]
    assert left(host) == sorted([Path(built.package).name, f"{Path(built.package).name}.json"])
    runs = len(log(host))
    again = build(host)
    assert (again.changed, again.provenance, len(log(host))) == (False, built.provenance, runs)


def test_the_package_has_modules_provenance_and_filled_scripts(host: Path) -> None:
    packed = Path(build(host).package).read_text(encoding="utf-8")
    for name in ("iwlwifi", "iwlmvm", "iwlmei"):
        assert f"./usr/lib/modules/{RELEASE}/updates/vpro-iwlmei/{name}.ko\n" in packed
    assert f"./usr/share/vpro-iwlmei-{RELEASE}/provenance.json\n" in packed
    assert f"Package: vpro-iwlmei-{RELEASE}\nVersion: {VERSION}+vpro." in packed
    assert "\nInstalled-Size: 1\n" in packed  # by which a laptop knows whether it has room
    assert f"depmod {RELEASE}\n" in packed
    assert "@" not in packed.replace("root@localhost", "")


def test_another_recipe_or_key_makes_another_package(host: Path) -> None:
    plain = build(host, check=True).version
    (host / "key").write_text("k", encoding="utf-8")
    (host / "certificate").write_text("c", encoding="utf-8")
    signed = build(host, signing=True)
    assert log(host)[0].endswith(f"{host}/key {host}/certificate")
    assert signed.provenance is not None
    assert signed.provenance["signed"] is True
    (host / "recipe" / "deb" / "postinst").write_text("#!/bin/sh\n", encoding="utf-8")
    assert len({plain, signed.version, build(host, check=True).version}) == 3


def test_what_is_missing_is_named_with_what_to_do(host: Path) -> None:
    with pytest.raises(NotFound, match=r"the headers of Linux 6\.12\.1-amd64 are not installed.*Install linux-headers"):
        build(host, release="6.12.1-amd64")
    with pytest.raises(Refused, match=r"'\.\./x' is not a kernel release"):
        build(host, release="../x")
    with pytest.raises(NotFound, match="no such file"):
        build(host, signing=True)
    next((host / "folder").iterdir()).unlink()
    with pytest.raises(NotFound, match=r"does not give linux-source-6\.1 in the version 6\.1\.176-1.*E: Version not"):
        build(host)
    assert left(host) == []


def test_a_full_disk_is_noticed_before(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver_build, "_ROOM", 1 << 60)
    with pytest.raises(Refused, match=r"MB left.*Make room") as error:
        build(host)
    assert error.value.reason == "no_room"


@pytest.mark.parametrize("failing", ["recipe/build.sh", "bin/dpkg-deb"])
def test_nothing_is_left_of_a_build_that_fails(host: Path, failing: str) -> None:
    (host / failing).write_text("#!/bin/sh\necho no space left; exit 1\n", encoding="utf-8")
    with pytest.raises(TransportFailed, match=r"no space left.*Nothing was left behind"):
        build(host)
    assert left(host) == []


def test_modules_for_another_kernel_are_refused(host: Path) -> None:
    (host / "bin/modinfo").write_text("#!/bin/sh\necho 6.1.0-49-amd64 SMP\n", encoding="utf-8")
    with pytest.raises(TransportFailed, match=r"make modules for 6\.1\.0-49-amd64"):
        build(host)
    assert left(host) == []


@pytest.mark.parametrize(
    ("release", "names"),
    [
        ("6.1.0-50-amd64", ["linux-source-6.1", "linux-source-6.1.0"]),
        ("6.12.117+deb13-amd64", ["linux-source-6.12", "linux-source-6.12.117"]),
        # Recorded from Ubuntu's archive, and not run: linux-image-6.8.0-40-generic, linux-source-6.8.0.
        ("6.8.0-40-generic", ["linux-source-6.8", "linux-source-6.8.0"]),
    ],
)
def test_the_package_with_the_source_is_called_as_the_distribution_calls_it(release: str, names: List[str]) -> None:
    assert source_names(release) == names


def test_a_placeholder_without_a_value_is_an_error() -> None:
    assert filled("a @B@ c@d", {"B": "b"}) == "a b c@d"
    with pytest.raises(NotFound, match="no value for @B@"):
        filled("@B@", {})


def test_the_roles_recipe_can_be_read() -> None:
    recipe = read_recipe(str(RECIPE), "deb")
    assert sorted(recipe.templates) == ["control", "postinst", "postrm"]
    assert json.dumps(recipe.digest)
