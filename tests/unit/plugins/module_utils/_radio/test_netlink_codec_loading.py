# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Loading pyroute2's codec: in fresh interpreters, and with other layouts of it."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Dict, Iterator

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._radio import netlink, netlink_codec
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import LibraryMissing


def run(code: str, *options: str, first: str = "") -> subprocess.CompletedProcess[str]:
    """Run *code* in a fresh interpreter, with the collection importable and the rest as here."""
    root = os.path.abspath(netlink.__file__).split(f"{os.sep}ansible_collections{os.sep}")[0]
    path = os.pathsep.join(filter(None, (first, root, os.environ.get("PYTHONPATH", ""))))
    house = "ansible_collections.vpro.fleet.plugins.module_utils"
    prelude = f"import sys\nfrom {house}._radio import netlink, netlink_codec\nfrom {house}._system import errors\n"
    return subprocess.run(
        [sys.executable, *options, "-c", prelude + textwrap.dedent(code)],
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=1800,  # for a hang alone: the machine may have other work
        check=False,
    )


def test_only_the_codec_is_loaded_and_an_honest_import_still_works() -> None:
    result = run(
        """
        assert not any(name.startswith(("pyroute2", "pr2modules.")) for name in sys.modules)
        codec = netlink_codec.load()
        assert codec is netlink_codec.load()
        assert codec.genlmsg and codec.nla
        left = [name for name in sys.modules if name.startswith(("pyroute2", "pr2modules."))]
        assert not left, left
        assert not any(name.endswith((".iproute", ".ndb", ".nlsocket")) for name in sys.modules)
        assert "multiprocessing" not in sys.modules and "asyncio" not in sys.modules
        import pyroute2
        assert pyroute2.IPRoute
        import pyroute2.netlink.rtnl
        from pyroute2.netlink import nlmsg
        assert nlmsg is not codec.nlmsg
        """
    )
    assert result.returncode == 0, result.stderr


def test_the_message_of_a_bare_load_and_of_an_honest_import_do_not_mix() -> None:
    result = run(
        """
        kind = netlink_codec.message_class("genlmsg", ((1, "WORD", "uint32"),))
        import pyroute2
        data = netlink_codec.encode(kind, {"type": 20}, {"cmd": 1, "version": 1}, [("WORD", 7)])
        assert netlink_codec.decode(kind, data, "x")["WORD"] == 7
        """
    )
    assert result.returncode == 0, result.stderr


def test_a_pyroute2_that_is_there_already_is_used() -> None:
    result = run(
        """
        import pyroute2.netlink
        assert netlink_codec.load() is sys.modules["pyroute2.netlink"]
        assert sys.modules["pyroute2"] is pyroute2
        """
    )
    assert result.returncode == 0, result.stderr


def test_without_pyroute2_everything_imports_and_use_names_the_package() -> None:
    result = run(
        """
        from ansible_collections.vpro.fleet.plugins.module_utils._radio import csme, nl80211, rtnetlink
        for use in (
            netlink_codec.load,
            nl80211.Nl80211,
            lambda: nl80211.Nl80211Events(["vendor"]),
            lambda: rtnetlink.addresses(1),
            rtnetlink.AddressEvents,
            lambda: csme.decode_connection(b""),
        ):
            try:
                use()
            except errors.LibraryMissing as error:
                assert "python3-pyroute2" in error.remedy, error.remedy
            else:
                raise AssertionError(use)
        assert "pyroute2" not in sys.modules
        """,
        "-S",  # no site-packages: no third-party library
    )
    assert result.returncode == 0, result.stderr


def test_a_broken_pyroute2_is_named_and_leaves_nothing_behind(tmp_path: Path) -> None:
    package = tmp_path / "pyroute2"
    (package / "netlink").mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('must not be run')\n")
    (package / "netlink" / "__init__.py").write_text("from distutils_that_is_gone import version\n")
    result = run(
        """
        try:
            netlink_codec.load()
        except errors.LibraryMissing as error:
            assert "distutils_that_is_gone" in error.what, error.what
        else:
            raise AssertionError
        assert not any(name.startswith("pyroute2") for name in sys.modules)
        """,
        first=str(tmp_path),
    )
    assert result.returncode == 0, result.stderr


def test_library_missing_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    netlink_codec.load.cache_clear()
    try:
        monkeypatch.setitem(sys.modules, "pyroute2", None)
        with pytest.raises(LibraryMissing):
            netlink_codec.load()
        monkeypatch.undo()
        assert netlink_codec.load().nla
    finally:
        netlink_codec.load.cache_clear()
        netlink_codec.message_class.cache_clear()


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder where a test lays out a pyroute2 of its own; none is loaded yet."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ("pyroute2", "pr2modules")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(tmp_path))
    netlink_codec.load.cache_clear()
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]
    netlink_codec.load.cache_clear()


def lay_out(folder: Path, files: Dict[str, str]) -> None:
    """Write files by their paths below a folder."""
    for name, code in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(code)


@pytest.mark.parametrize("package", ["pyroute2", "pr2modules"])
def test_of_both_layouts_the_codec_alone_is_loaded_and_only_what_is_pyroute2s_goes_again(
    elsewhere: Path, package: str
) -> None:
    codec = "from . import part\nimport pyroute2, pyroute2_beside\nPARENT = pyroute2.__name__\n"
    lay_out(
        elsewhere,
        {
            "pr2modules/__init__.py": "",
            "pyroute2/__init__.py": "raise SystemExit('must not be run')\n",
            "pyroute2_beside.py": "",
            f"{package}/netlink/__init__.py": codec,
            f"{package}/netlink/part.py": "",
        },
    )
    loaded = netlink_codec.load()
    assert (loaded.__name__, loaded.PARENT) == (f"{package}.netlink", "pyroute2")
    assert loaded.__file__.startswith(str(elsewhere))
    left = sorted(name for name in sys.modules if name.startswith(("pyroute2", "pr2modules")))
    assert left == ["pyroute2_beside"]


def test_what_was_loaded_before_stays(elsewhere: Path) -> None:
    files = ("pr2modules/__init__.py", "pr2modules/netlink/__init__.py", "pyroute2/__init__.py")
    lay_out(elsewhere, dict.fromkeys(files, ""))
    kept = importlib.import_module("pr2modules")
    assert netlink_codec.load().__name__ == "pr2modules.netlink"
    assert sys.modules["pr2modules"] is kept
    assert "pyroute2" not in sys.modules


def test_a_module_that_only_has_the_name_is_no_pyroute2(elsewhere: Path) -> None:
    lay_out(elsewhere, {"pyroute2.py": "raise SystemExit('must not be run')\n"})
    with pytest.raises(LibraryMissing, match="not installed") as caught:
        netlink_codec.load()
    assert caught.value.where == sys.executable
    assert "python3-pyroute2" in caught.value.remedy
