# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab keeps its own promises: several laptops at once, and nothing left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, List

import pytest

from vpro_lab.air.ap import LAPTOP_ADDRESS
from vpro_lab.errors import LabError
from vpro_lab.laptop import store
from vpro_lab.laptop.artifacts import keep_artifacts
from vpro_lab.laptop.control import Laptop
from vpro_lab.laptop.guest import Guest
from vpro_lab.laptop.image import SUITES, debian_mirror, recipe_hash
from vpro_lab.paths import BUILD, REPOSITORY, cache
from vpro_lab.play.demo import by_itself, kept_promises
from vpro_lab.play.handover import hand_over_by_watcher
from vpro_lab.play.snapshots import Kind

# About wpa_supplicant, or about neither: once is enough.
pytestmark = pytest.mark.manager("wpa_supplicant")


def lab(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command for people."""
    return subprocess.run(command(*arguments), env=environment(), capture_output=True, text=True, check=False)


def command(*arguments: str) -> List[str]:
    return [sys.executable, "-m", "vpro_lab", *arguments]


def environment() -> dict[str, str]:
    # What pyproject.toml gives a test run of this tree by its "pythonpath".
    paths = (BUILD / "collections", REPOSITORY / "tests" / "lab")
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}


def machines(folder: Path) -> List[str]:
    """Return the process ids of the QEMUs whose state is below a folder."""
    found = []
    for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = cmdline.read_bytes()
        except OSError:
            continue
        if text.startswith(b"qemu-system") and f"{folder}/".encode() in text:
            found.append(cmdline.parent.name)
    return found


def test_a_machine_that_does_not_listen_yet_is_waited_for(tmp_path: Path) -> None:
    """QEMU binds its sockets a moment before it listens, and makes the console's file after that."""
    path = tmp_path / "agent"

    def answer() -> None:
        time.sleep(0.2)
        server.listen()
        connection, _address = server.accept()
        with connection, connection.makefile("rb") as lines:
            for line in lines:
                if line.strip():
                    answers = {"id": json.loads(line)["id"], "result": None}
                    connection.sendall(json.dumps(answers).encode() + b"\n")

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        machine = threading.Thread(target=answer)
        machine.start()
        Guest(path, lambda: True).close()
        machine.join(60)
    with pytest.raises(LabError, match="can't be reached"):
        Guest(path, lambda: False)


@pytest.mark.release
def test_two_laptops_do_not_disturb_each_other() -> None:
    try:
        for name in ("test-a", "test-b"):
            up = lab("up", name)
            assert up.returncode == 0, up.stderr
        assert lab("ssh", "test-a", "--", "touch", "/run/mark").returncode == 0
        assert lab("ssh", "test-b", "--", "test", "!", "-e", "/run/mark").returncode == 0
        again = lab("up", "test-a")
        assert again.returncode == 1
        assert "up already" in again.stderr
        assert lab("ssh", "test-a", "--", "test", "-e", "/run/mark").returncode == 0
        assert {"test-a", "test-b"} <= {line.split("\t")[0] for line in lab("list").stdout.splitlines()}
        assert lab("down", "test-a").returncode == 0
        assert lab("ssh", "test-b", "--", "true").returncode == 0
    finally:
        for name in ("test-a", "test-b"):
            lab("down", name)
    assert machines(BUILD / "lab" / "test-a") == machines(BUILD / "lab" / "test-b") == []
    gone = lab("down", "test-a")
    assert (gone.returncode, gone.stderr) == (1, "lab: no laptop 'test-a' is up\n")


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.release), signal.SIGTERM])
def test_an_interrupted_boot_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    # A cache with the images, but without snapshots: it is booted.
    own = tmp_path / "cache"
    own.mkdir()
    for kind in ("image", "modules", "payload", "accelerator"):
        for kept in cache().glob(f"{kind}-*"):
            (own / kept.name).symlink_to(kept)
    before = set(own.iterdir())
    # The path of a socket is short, and so has to be that of its folder.
    with tempfile.TemporaryDirectory(prefix="t-") as temporary:
        settings = {**environment(), "VPRO_LAB_CACHE": str(own), "TMPDIR": temporary}
        process = subprocess.Popen(
            command("up", "test-c"), env=settings, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        while not machines(own):
            assert process.poll() is None, process.communicate()
            time.sleep(0.1)
        os.killpg(process.pid, number)
        stderr = process.communicate()[1]
        assert process.returncode == 130
        assert "interrupted" in stderr
        assert machines(own) == machines(BUILD / "lab" / "test-c") == []
        assert list(Path(temporary).iterdir()) == []
    assert {path for path in set(own.iterdir()) - before if path.suffix != ".lock"} == set()


_TEST = """
def test_it(laptop):
    import time
    print("booted", laptop.config, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.release), signal.SIGKILL])
def test_an_interrupted_test_run_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    here = Path(__file__).parent
    (tmp_path / "conftest.py").write_text((here / "conftest.py").read_text())
    (tmp_path / "test_it.py").write_text(_TEST)
    argv = [sys.executable, "-m", "pytest", "-s", "-q", "-p", "no:cacheprovider"]
    run = subprocess.Popen(
        [*argv, "-c", "/dev/null", "--basetemp", str(tmp_path / "its-own"), str(tmp_path)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert run.stdout is not None
    said = []
    for line in run.stdout:
        said.append(line)
        if line.startswith("booted "):
            break
    else:
        pytest.fail(f"the run ended before its laptop was up:\n{''.join(said)}")
    config = said[-1].split()[1]
    folder = str(Path(config).parent).encode()
    os.killpg(run.pid, number)
    run.communicate()
    deadline = time.monotonic() + 120
    while any(folder in _cmdline(pid) for pid in os.listdir("/proc") if pid.isdigit()):
        assert time.monotonic() < deadline, "something that belongs to the laptop still runs"
        time.sleep(0.1)
    # Nobody is left to remove it of a run that was killed.
    assert Path(config).parent.exists() == (number == signal.SIGKILL)


def _cmdline(pid: str) -> bytes:
    try:
        return Path("/proc", pid, "cmdline").read_bytes()
    except OSError:
        return b""


def test_a_laptop_whose_kernel_ends_is_waited_for_no_longer(laptop: Laptop, tmp_path: Path) -> None:
    assert laptop.alive
    # Its kernel stops, and QEMU goes on.
    with pytest.raises(LabError, match="the laptop ended"):
        laptop.guest.run("echo c > /proc/sysrq-trigger")
    assert not laptop.alive
    keep_artifacts(laptop, tmp_path)
    assert "Kernel panic" in (tmp_path / "console.log").read_text(errors="replace")


def test_a_laptop_that_is_restored_is_one_that_wakes_up(lab: Any, laptop_kind: Kind) -> None:
    laptop = lab.laptop(laptop_kind)
    # Its clock is the host's, its randomness is its own, and it is as it was: nobody booted it.
    assert abs(float(laptop.guest.check("date +%s.%N")) - time.time()) < 600
    assert "reseeded due to virtual machine fork" in laptop.guest.check("dmesg")
    booted = float(laptop.guest.check("cat /proc/uptime").split()[0])
    assert booted < 600
    assert laptop.guest.check("ip -o link show wlan0").strip() != ""


def test_a_scene_that_is_restored_days_later_is_the_same(lab: Any, laptop_kind: Kind) -> None:
    # Snapshots are cached. CSME's lease must not have ended while the laptop was saved, and no timer may be in the way.
    scene = lab.scene(replace(laptop_kind, deployed=True), start=False)
    scene.laptop.guest.check("date --set='+8 days'")
    run = hand_over_by_watcher(scene)
    assert run.seen.kept, run.report()
    assert LAPTOP_ADDRESS in scene.laptop.guest.check("ip -o -4 address show dev wlan0")


def test_the_laptops_clock_counts_its_own_work(laptop: Laptop) -> None:
    # Whatever the host does meanwhile: the same work takes the same time.
    work = "python3 -c 'import time; a = time.monotonic(); sum(range(3000000)); print(time.monotonic() - a)'"
    times = [float(laptop.guest.check(work)) for _time in range(3)]
    assert max(times) < 1.1 * min(times)


def test_the_name_of_a_laptop_is_checked() -> None:
    refused = lab("up", "../x")
    assert refused.returncode == 1
    assert "no name for a laptop" in refused.stderr


def test_the_recipe_decides_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = {recipe_hash(suite) for suite in SUITES}
    assert len(hashes) == len(SUITES)
    monkeypatch.setattr("vpro_lab.laptop.image.PACKAGES", ("something", "else"))
    assert recipe_hash(SUITES[0]) not in hashes


def test_the_mirror_is_the_machines_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VPRO_LAB_MIRROR", "http://mirror.example/debian")
    assert debian_mirror() == "http://mirror.example/debian"


def test_the_cache_forgets_what_nobody_uses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VPRO_LAB_CACHE", str(tmp_path))

    def kept(name: str, seconds: float) -> Path:
        """Make something that was last used so long ago."""
        (tmp_path / name / "part").mkdir(parents=True)
        os.utime(tmp_path / name, (time.time() - seconds,) * 2)
        return tmp_path / name

    days = store.KEPT_SECONDS
    for name, kind in (("image-1", "image-*"), ("modules-1", "modules-*"), (".building-1", ".building-*")):
        kept(name, days[kind] + 1)
    kept("snapshot-deployed-1", days["snapshot-*"] + 1)
    stay = {kept("image-2", days["snapshot-*"] + 1), kept(".building-2", 1)}
    used = [kept(f"snapshot-{number}", number) for number in range(store.SNAPSHOTS_MAX + 3)]
    held = used[-1]
    with store.lock(held):
        store.prune()
    assert {path for path in tmp_path.iterdir() if path.suffix != ".lock"} == {*stay, held, *used[:-3]}
    store.prune()
    assert not held.exists()


def test_what_somebody_works_on_is_not_removed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VPRO_LAB_CACHE", str(tmp_path))
    with store.work_folder() as work:
        os.utime(work, (0, 0))
        store.prune()
        assert work.exists()
        (work / "part").touch()
        store.publish([work / "part"], tmp_path / "image-1")
    assert [path.name for path in tmp_path.rglob("*")] == ["image-1", "part"]


def test_a_disk_without_room_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VPRO_LAB_CACHE", str(tmp_path))
    old = tmp_path / "snapshot-1"
    old.mkdir()
    os.utime(old, (0, 0))
    room = shutil.disk_usage(tmp_path).free
    with pytest.raises(LabError, match=r"no room for a disk: it takes .* GB, and the disk of .* has .* GB left\. What"):
        store.need_room(tmp_path, 2 * room, "a disk")
    assert not old.exists(), "what nobody uses goes first"
    store.need_room(tmp_path, room // 2, "a disk")


def test_the_demo_judges_the_collection_and_tells_of_stock_linux() -> None:
    good = {"session": "kept", "timeline_ms": {"granted": 14.0, "address": 501.0}}
    assert list(kept_promises(good).values()) == [True, True]
    late = {"session": "kept", "timeline_ms": {"address": 3100.0}}
    assert list(kept_promises(late).values()) == [True, False]
    lost = {"session": "lost", "timeline_ms": {"taken back": 3014.0}}
    assert list(kept_promises(lost).values()) == [False, False]
    assert by_itself(lost) == "stock Linux lost the session"
    # It may be lucky, which is no failure of the collection's.
    lucky = by_itself({"session": "kept", "timeline_ms": {"taken back": 3014.0}})
    assert "CSME took the radio back, and carried it on after 3014 ms" in lucky
    assert "it was connected after 700 ms" in by_itself({"session": "kept", "timeline_ms": {"connected": 700.0}})
