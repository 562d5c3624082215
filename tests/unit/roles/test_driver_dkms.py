# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What DKMS runs on a laptop: where it finds the source of a kernel, and what it says if there is none."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import List

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._tasks.driver_recipe import source_names
from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._tasks.fake_driver import stand_in

RECIPE = Path(__file__).resolve().parents[3] / "roles" / "driver" / "files" / "build"
RELEASE = "6.1.0-50-amd64"

PROGRAMS = {
    "dpkg-query": 'for name; do :; done; case "$name" in linux-headers-*) printf %s "$VERSION";; *) exit 1;; esac',
    # A name that it does not know is a pattern for it, as for the real one.
    "apt-cache": """
        echo "$2" >> "$STATE/asked"
        case "$ARCHIVE" in "${2%%=*}"*"=${2#*=}") echo "Package: ${ARCHIVE%%=*}";; *) exit 100;; esac""",
    "apt-get": 'touch "${ARCHIVE%%=*}_1_all.deb"',
    "dpkg-deb": 'mkdir -p "$3/usr/src"; cp "$STATE/source.tar.xz" "$3/usr/src/linux-source-6.1.tar.xz"',
}


@pytest.fixture
def laptop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A laptop without the package with the source, and a recipe whose compiler only looks at the source."""
    stand_in(PROGRAMS, tmp_path / "bin", monkeypatch)
    monkeypatch.setenv("STATE", str(tmp_path))
    monkeypatch.setenv("VERSION", "6.1.176-1")
    monkeypatch.setenv("ARCHIVE", "")
    tree = tmp_path / "linux-source-6.1/drivers/net/wireless/intel/iwlwifi/mei"
    tree.mkdir(parents=True)
    (tree / "main.c").touch()
    (tmp_path / "linux-source-6.1/Makefile").touch()
    subprocess.run(
        ["tar", "-C", str(tmp_path), "-cJf", str(tmp_path / "source.tar.xz"), "linux-source-6.1"], check=True
    )
    (tmp_path / "dkms.sh").write_text((RECIPE / "dkms" / "dkms.sh").read_text(encoding="utf-8"), encoding="utf-8")
    told = '(cd "$1" && find . -type f); echo "$2 $3 ${TMPDIR##*/}"'
    (tmp_path / "build.sh").write_text(f"{told}\n", encoding="utf-8")
    return tmp_path


def run(laptop: Path, release: str = RELEASE) -> subprocess.CompletedProcess[str]:
    argv = ["sh", "./dkms.sh", release, "/headers"]
    return subprocess.run(argv, cwd=laptop, capture_output=True, text=True, check=False)


def asked(laptop: Path) -> List[str]:
    path = laptop / "asked"
    return path.read_text(encoding="utf-8").split() if path.exists() else []


@pytest.mark.parametrize("name", ["linux-source-6.1", "linux-source-6.1.0"])
def test_the_archives_source_in_the_version_of_the_headers(
    laptop: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARCHIVE", f"{name}=6.1.176-1")
    done = run(laptop)
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        ["./drivers/net/wireless/intel/iwlwifi/mei/main.c", "/headers made work"],
    )
    assert asked(laptop)[-1] == f"{name}=6.1.176-1"
    assert not (laptop / "work").exists()


@pytest.mark.parametrize("release", [RELEASE, "6.12.117+deb13-amd64", "6.8.0-88-generic", "6.14-1-amd64"])
def test_without_a_source_it_says_which_it_looked_for(laptop: Path, release: str) -> None:
    """By the names that the role looks for, too."""
    done = run(laptop, release)
    assert done.returncode == 1
    names = " ".join(source_names(release))
    assert f"there is no source of Linux {release}: no package of {names} in the version 6.1.176-1" in done.stderr
    assert asked(laptop) == [f"{name}=6.1.176-1" for name in source_names(release)]
    assert not (laptop / "work").exists()


def test_without_headers_it_says_so(laptop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERSION", "")
    done = run(laptop)
    assert (done.returncode, f"linux-headers-{RELEASE} is not installed" in done.stderr) == (1, True)
    assert asked(laptop) == []
