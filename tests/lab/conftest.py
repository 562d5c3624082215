# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of the lab: ``lab`` boots laptops, ``laptop`` is one with a fresh air, ``ap``, ``csme``, ``session`` are
what surrounds it, ``stage`` builds the usual scene from them.

A laptop boots once a run, and those that a file of tests has for itself end with it; ``deployed`` is one with the roles
applied, which such files pass on to each other. Each test gets one with its radios, namespaces and processes made anew.
What a failed test leaves in the laptop is kept below ``build/lab/artifacts/<test>``.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest

from ansible_collections.vpro.fleet.tests.schema import check_facts
from vpro_lab.ap import AccessPoint
from vpro_lab.csme import Csme
from vpro_lab.deployed import deploy, restore_networks
from vpro_lab.image import DEFAULT_MANAGER, MANAGERS, SUITES
from vpro_lab.laptop import Laptop, boot
from vpro_lab.paths import BUILD
from vpro_lab.playbook import FACTS_CHECKS
from vpro_lab.progress import Progress
from vpro_lab.scene import Scene
from vpro_lab.scene import stage as stage_scene
from vpro_lab.session import Session

FACTS_CHECKS.append(check_facts)
_REPORTS = pytest.StashKey[Dict[str, pytest.TestReport]]()


class Lab:
    """The laptops of a test run, by name. They end with it."""

    def __init__(self, folder: Path, progress: Progress) -> None:
        self._folder = folder
        self._progress = progress
        self._laptops: Dict[str, Laptop] = {}
        self._undeployed: Dict[Laptop, Exception] = {}
        self._deployed: List[Laptop] = []

    def laptop(self, name: str, suite: str, manager: str = "wpa_supplicant") -> Laptop:
        """Return the laptop called *name*, booting it when it is not up; *manager* runs its radios.

        One that does not answer any more is as good as off: it fails one test, and not all that follow.
        """
        if name in self._laptops and not self._laptops[name].alive:
            self.down(name)
        if name not in self._laptops:
            booted = boot(name, self._folder / name, suite, self._progress, manager=manager)
            booted.compile_archives_once()
            self._laptops[name] = booted
        return self._laptops[name]

    def deployed(self, suite: str, manager: str) -> Laptop:
        """Return the laptop of *suite* with both roles applied, and the networks that they brought."""
        laptop = self.laptop(f"deployed-{suite}", suite, manager)
        if laptop in self._undeployed:  # once is enough
            raise self._undeployed[laptop]
        if laptop in self._deployed:
            restore_networks(laptop)
            return laptop
        try:
            deploy(laptop)
        except Exception as error:
            self._undeployed[laptop] = error
            raise
        # The role does not disturb systemd-networkd: it takes its drop-in from the next boot on.
        laptop.guest.check("systemctl restart systemd-networkd")
        self._deployed.append(laptop)
        return laptop

    def down(self, name: str) -> None:
        """End one laptop."""
        self._laptops.pop(name).down()

    def keep(self, *names: str) -> None:
        """End all laptops but those: one that does nothing takes a fifteenth of a processor all the same."""
        for name in self._laptops.keys() - set(names):
            self.down(name)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--suite", choices=SUITES, default=os.environ.get("SUITE", SUITES[0]), help="Debian release")
    parser.addoption(
        "--manager",
        choices=list(MANAGERS),
        default=DEFAULT_MANAGER,
        help="who runs the laptops' radios",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "manager(*names): who has to run the laptops' radios for this test; without: any"
    )
    config.addinivalue_line("markers", "timed: it has deadlines that a laptop misses which others slow down")
    config.addinivalue_line("markers", "with_networkmanager: CI runs it with NetworkManager as well")
    config.addinivalue_line("markers", "release: too long for CI, or much like another: make lab runs it")


def pytest_collection_modifyitems(config: pytest.Config, items: List[pytest.Item]) -> None:
    """Leave out what is about another manager than the one that is asked for; put what shares laptops together."""
    manager = config.getoption("--manager")

    def fits(item: pytest.Item) -> bool:
        marker = item.get_closest_marker("manager")
        return marker is None or manager in marker.args

    config.hook.pytest_deselected(items=[item for item in items if not fits(item)])
    items[:] = [item for item in items if fits(item)]
    sharing = {item.path for item in items if _shares(item)}
    items.sort(key=lambda item: item.path not in sharing)


def _shares(item: pytest.Item) -> bool:
    """Say whether a test uses the laptop that files of tests pass on to each other."""
    return "deployed" in getattr(item, "fixturenames", ())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report: pytest.TestReport = yield
    item.stash.setdefault(_REPORTS, {})[report.when or ""] = report
    return report


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Boots laptops, and ends them when the run ends, in whatever way."""
    terminal = request.config.pluginmanager.getplugin("terminalreporter")
    made = Lab(tmp_path_factory.mktemp("lab"), Progress(quiet=terminal is None))
    try:
        yield made
    finally:
        made.keep()


@pytest.fixture(scope="module", autouse=True)
def _ends_with_its_module(request: pytest.FixtureRequest, lab: Lab) -> Iterator[None]:
    """Ends the laptops that a file of tests had for itself."""
    yield
    suite = request.config.getoption("--suite")
    items = request.session.items
    last = max(number for number, item in enumerate(items) if item.path == request.path)
    passed_on = any(_shares(item) for item in items[last + 1 :])
    lab.keep(f"laptop-{suite}", *([f"deployed-{suite}"] if passed_on else []))


@pytest.fixture(scope="module")
def deployed(lab: Lab, request: pytest.FixtureRequest) -> Callable[[str], Laptop]:
    """Returns the laptop of a suite with both roles applied: on those of other tests nobody may hand radios over.

    Another file of tests may have used it before. It has the networks of the roles again.
    """
    ready: Dict[str, Laptop] = {}

    def find(suite: str) -> Laptop:
        if suite not in ready or not ready[suite].alive:
            ready[suite] = lab.deployed(suite, request.config.getoption("--manager"))
        return ready[suite]

    return find


def _with_artifacts(request: pytest.FixtureRequest, laptop: Laptop) -> Iterator[Laptop]:
    yield laptop
    reports = request.node.stash.get(_REPORTS, {})
    if any(report.failed for report in reports.values()):
        name = re.sub(r"[^\w.-]+", "_", request.node.name)
        laptop.keep_artifacts(BUILD / "lab" / "artifacts" / name)
    if not laptop.alive:
        return
    # A scene that goes on in one laptop would slow the next test in another.
    laptop.no_radios()
    laptop.forget_switches()


@pytest.fixture
def with_artifacts(request: pytest.FixtureRequest) -> Callable[[Laptop], Iterator[Laptop]]:
    """Lends a laptop to a test that boots its own: what a failed test leaves there is kept, and its air is quieted."""
    return lambda laptop: _with_artifacts(request, laptop)


@pytest.fixture
def laptop(request: pytest.FixtureRequest, lab: Lab) -> Iterator[Laptop]:
    """The laptop of this run, with its air as it was after the boot: three radios, and CSME not holding any."""
    suite = request.config.getoption("--suite")
    laptop = lab.laptop(f"laptop-{suite}", suite, request.config.getoption("--manager"))
    laptop.radios()
    yield from _with_artifacts(request, laptop)


@pytest.fixture
def ap(laptop: Laptop) -> AccessPoint:
    """The access point, not started."""
    return AccessPoint(laptop.guest)


@pytest.fixture
def csme(laptop: Laptop) -> Csme:
    """CSME, holding nothing."""
    return Csme(laptop.guest)


@pytest.fixture
def session(laptop: Laptop) -> Session:
    """The operator's session, not open."""
    return Session(laptop.guest)


Stage = Callable[..., Scene]


@pytest.fixture
def stage(request: pytest.FixtureRequest, lab: Lab) -> Iterator[Stage]:
    """Builds the usual scene: ``stage(security="wpa3-sae", ...)``, see :func:`vpro_lab.scene.stage`."""
    suite, manager = request.config.getoption("--suite"), request.config.getoption("--manager")
    staged: List[Laptop] = []

    def build(**arguments: Any) -> Scene:
        laptop = lab.laptop(f"laptop-{suite}", suite, manager)
        staged[:] = [laptop]
        return stage_scene(laptop, capture=True, **arguments)

    yield build
    for laptop in staged:
        for _done in _with_artifacts(request, laptop):
            pass
