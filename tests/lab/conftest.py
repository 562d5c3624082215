# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of the lab: ``laptop`` is one with a fresh air, ``ap``, ``csme``, ``session`` are what surrounds it,
``stage`` builds the usual scene, ``watched`` builds it on a laptop with both roles applied, and ``deployed`` gives such
a laptop.

Each test has a laptop of its own, which goes on from a snapshot and ends with the test. What a failed test leaves in it
is kept below ``build/lab/artifacts/<test>``.
"""

from __future__ import annotations

import os
import re
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest

from ansible_collections.vpro.fleet.tests.schema import check_facts, check_watcher_state
from vpro_lab.air.ap import AccessPoint
from vpro_lab.air.csme import Csme
from vpro_lab.air.firmware import csme_of
from vpro_lab.air.scene import Scene
from vpro_lab.air.session import Session
from vpro_lab.laptop.artifacts import keep_artifacts
from vpro_lab.laptop.control import Laptop
from vpro_lab.laptop.dhcp import identify
from vpro_lab.laptop.image import DEFAULT_MANAGER, MANAGERS, SUITES
from vpro_lab.paths import BUILD
from vpro_lab.play.playbook import FACTS_CHECKS
from vpro_lab.play.snapshots import Kind, in_scene, restored
from vpro_lab.play.watching import STATE_CHECKS
from vpro_lab.progress import Progress

FACTS_CHECKS.append(check_facts)
STATE_CHECKS.append(check_watcher_state)
#: What a test's report calls the processor time of its laptops.
_COST = "laptops_seconds"
#: How many of the costliest tests are told.
_SHOWN = 15
#: What may play CSME.
CSMES = ("engine", "standin")
_REPORTS = pytest.StashKey[Dict[str, pytest.TestReport]]()


class Lab:
    """The laptops of one test. They end with it.

    Args:
        folder: where their state goes.
        keep: where what a failed test leaves in them is kept.
        progress: where to report.
    """

    def __init__(self, folder: Path, keep: Path, progress: Progress) -> None:
        self._folder = folder
        self._keep = keep
        self._progress = progress
        self._laptops: Dict[Kind, Laptop] = {}

    def laptop(self, kind: Kind) -> Laptop:
        """Return the test's laptop of a kind."""
        if kind not in self._laptops:
            name = f"laptop{len(self._laptops) or ''}"
            self._laptops[kind] = restored(name, self._folder / name, kind, self._progress)
        return self._laptops[kind]

    def scene(self, kind: Kind, **arguments: Any) -> Scene:
        """Return the test's laptop of a kind in the usual scene, see :func:`vpro_lab.play.snapshots.in_scene`."""
        return in_scene(kind, self.laptop, **arguments)

    def end(self, *, failed: bool) -> float:
        """End all of them; return the processor time that they took, in seconds."""
        laptops = self._laptops.values()
        seconds = sum(laptop.processor_seconds() for laptop in laptops)
        with ExitStack() as ending:
            for laptop in laptops:
                ending.callback(laptop.down, remove=True)
                if failed:
                    keep = self._keep if len(laptops) == 1 else self._keep / laptop.name
                    ending.callback(keep_artifacts, laptop, keep)
        return seconds


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--suite", choices=SUITES, default=os.environ.get("SUITE", SUITES[0]), help="Debian release")
    parser.addoption(
        "--manager",
        choices=list(MANAGERS),
        default=DEFAULT_MANAGER,
        help="who runs the laptops' radios",
    )
    parser.addoption(
        "--csme",
        choices=CSMES,
        default=CSMES[0],
        help="what plays CSME: the real iwlmei over the engine, or the stand-in",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "manager(*names): who has to run the laptops' radios for this test; without: any"
    )
    config.addinivalue_line("markers", "standin: its CSME is the stand-in in any case: no real driver does this")
    config.addinivalue_line("markers", "with_networkmanager: CI runs it with NetworkManager as well")
    config.addinivalue_line("markers", "release: too long for CI, or much like another: make lab runs it")


def pytest_collection_modifyitems(config: pytest.Config, items: List[pytest.Item]) -> None:
    """Leave out what is about another manager than the one that is asked for."""
    manager = config.getoption("--manager")

    def fits(item: pytest.Item) -> bool:
        marker = item.get_closest_marker("manager")
        return marker is None or manager in marker.args

    config.hook.pytest_deselected(items=[item for item in items if not fits(item)])
    items[:] = [item for item in items if fits(item)]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report: pytest.TestReport = yield
    item.stash.setdefault(_REPORTS, {})[report.when or ""] = report
    return report


@pytest.fixture
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    """Restores laptops, and ends them with the test, in whatever way it ends."""
    terminal = request.config.pluginmanager.getplugin("terminalreporter")
    artifacts = BUILD / "lab" / "artifacts" / re.sub(r"[^\w.-]+", "_", request.node.name)
    made = Lab(tmp_path, artifacts, Progress(quiet=terminal is None))
    yield made
    reports = request.node.stash.get(_REPORTS, {})
    seconds = made.end(failed=any(report.failed for report in reports.values()))
    request.node.user_properties.append((_COST, seconds))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell which tests cost most: under software emulation, processor time is what a run consists of."""
    costs: List[Tuple[float, str]] = []
    for report in terminalreporter.getreports(""):
        costs += [(seconds, report.nodeid) for name, seconds in report.user_properties if name == _COST]
    if costs:
        total = sum(seconds for seconds, _test in costs)
        terminalreporter.section(f"{total:.0f} s of processor time in the laptops of {len(costs)} tests")
        for seconds, test in sorted(costs, reverse=True)[:_SHOWN]:
            terminalreporter.line(f"{seconds:7.1f} s  {test}")


@pytest.fixture
def laptop_kind(request: pytest.FixtureRequest) -> Kind:
    """What the laptops of this test are, without the roles."""
    option = request.config.getoption
    real = option("--csme") == "engine" and request.node.get_closest_marker("standin") is None
    return Kind(option("--suite"), option("--manager"), engine=real)


@pytest.fixture
def deployed(lab: Lab, laptop_kind: Kind) -> Callable[[str], Laptop]:
    """Returns the laptop of a suite with both roles applied."""
    return lambda suite: lab.laptop(replace(laptop_kind, suite=suite, deployed=True))


@pytest.fixture
def watched_laptop(deployed: Callable[[str], Laptop], laptop_kind: Kind) -> Laptop:
    """A laptop with both roles applied, which its DHCP server knows by its MAC address."""
    made = deployed(laptop_kind.suite)
    identify(made)
    return made


@pytest.fixture
def laptop(lab: Lab, laptop_kind: Kind) -> Laptop:
    """A laptop with its air as it was after the boot: three radios, and CSME not holding any."""
    made = lab.laptop(laptop_kind)
    made.radios()
    return made


@pytest.fixture
def ap(laptop: Laptop) -> AccessPoint:
    """The access point, not started."""
    return AccessPoint(laptop.guest)


@pytest.fixture
def csme(laptop: Laptop) -> Csme:
    """CSME, holding nothing."""
    return csme_of(laptop)


@pytest.fixture
def session(laptop: Laptop) -> Session:
    """The operator's session, not open."""
    return Session(laptop.guest)


Stage = Callable[..., Scene]


@pytest.fixture
def stage(lab: Lab, laptop_kind: Kind) -> Stage:
    """Builds the usual scene: ``stage(security="wpa3-sae", ...)``, see :func:`vpro_lab.air.scene.stage`."""
    return lambda **arguments: lab.scene(laptop_kind, **arguments)


@pytest.fixture
def watched(lab: Lab, laptop_kind: Kind) -> Stage:
    """Builds the usual scene on a laptop with both roles applied, likewise."""
    return lambda **arguments: lab.scene(replace(laptop_kind, deployed=True), **arguments)
