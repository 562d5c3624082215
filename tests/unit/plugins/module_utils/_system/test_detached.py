# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work that outlives the one who asked for it: with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system import detached
from ansible_collections.vpro.fleet.plugins.module_utils._system.detached import run_detached
from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import TimedOut, TransportFailed


def test_the_result_comes_back() -> None:
    assert run_detached(lambda: {"a": [1, None, "b" * 200_000]}, 10) == {"a": [1, None, "b" * 200_000]}


def test_it_runs_in_a_session_of_its_own() -> None:
    told = run_detached(lambda: {"pid": os.getpid(), "session": os.getsid(0)}, 10)
    assert told["pid"] == told["session"] != os.getsid(0)


def test_it_keeps_no_descriptor_of_the_caller() -> None:
    reader, writer = os.pipe()
    try:
        told = run_detached(lambda: {"open": sorted(os.listdir("/proc/self/fd"), key=int)[:3]}, 10)
        assert told["open"] == ["0", "1", "2"]
        os.close(writer)
        assert os.read(reader, 1) == b"", "somebody still holds the pipe"
    finally:
        os.close(reader)


def test_an_exception_is_told() -> None:
    def fail() -> dict[str, object]:
        raise RuntimeError("what went wrong")

    with pytest.raises(TransportFailed, match="RuntimeError: what went wrong") as caught:
        run_detached(fail, 10)
    assert "handover" not in str(caught.value), "what the work is only its caller knows"


def test_a_killed_process_is_told() -> None:
    def die() -> dict[str, object]:
        os.kill(os.getpid(), signal.SIGKILL)
        return {}

    with pytest.raises(TransportFailed, match="without a result"):
        run_detached(die, 120)


def test_a_long_one_goes_on(tmp_path: Path) -> None:
    done, go_on = tmp_path / "done", tmp_path / "go_on"

    def slow() -> dict[str, object]:
        while not go_on.exists():
            time.sleep(0.01)
        done.write_text("yes")
        return {}

    words = r"did not end within 0 s, and goes on in process [0-9]+\. Run the task again to see how it ended\."
    with pytest.raises(TimedOut, match=words) as caught:
        run_detached(slow, 0.05)
    assert "handover" not in str(caught.value), "what the work is only its caller knows"
    assert not done.exists()
    go_on.touch()
    os.wait()
    assert done.exists()


_CALLER = """
import sys, time
from pathlib import Path
from ansible_collections.vpro.fleet.plugins.module_utils._system.detached import run_detached
def work():
    Path(sys.argv[1], "begun").write_text("")
    time.sleep(0.5)
    Path(sys.argv[1], "done").write_text("")
    return {}
run_detached(work, 120)
"""


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL])
def test_it_goes_on_when_the_caller_and_its_terminal_end(tmp_path: Path, number: signal.Signals) -> None:
    path = os.pathsep.join(sys.path)
    caller = subprocess.Popen(
        [sys.executable, "-c", _CALLER, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": path},
        start_new_session=True,
        stdout=subprocess.PIPE,
    )
    while not (tmp_path / "begun").exists():
        time.sleep(0.01)
    os.killpg(caller.pid, number)
    caller.communicate()
    deadline = time.monotonic() + 120
    while not (tmp_path / "done").exists():
        assert time.monotonic() < deadline, "the work ended with its caller"
        time.sleep(0.01)


def test_asked_to_end_it_cleans_up(tmp_path: Path) -> None:
    def work() -> dict[str, object]:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)
        finally:
            (tmp_path / "undone").touch()
        return {}

    with pytest.raises(TransportFailed, match="ended by signal 15"):
        run_detached(work, 120)
    assert (tmp_path / "undone").exists()


def test_half_a_result_is_told() -> None:
    def work() -> dict[str, object]:
        os.closerange(0, 3)
        for descriptor in range(3, 30):
            try:
                os.write(descriptor, b'{"half')
            except OSError:
                continue
            os.kill(os.getpid(), signal.SIGKILL)
        return {}

    with pytest.raises(TransportFailed, match="cut off"):
        run_detached(work, 120)


def test_a_pipe_that_takes_little_at_a_time_gets_all(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = bytearray()

    def write(descriptor: int, data: bytes) -> int:
        assert descriptor == 7
        taken.extend(data[:3])
        return min(3, len(data))

    monkeypatch.setattr(os, "write", write)
    detached._write_all(7, b"0123456789")
    assert taken == b"0123456789"


def test_a_signal_is_named_on_the_way_out() -> None:
    with pytest.raises(SystemExit, match=r"^ended by signal 15$"):
        detached._leave(15, None)


# -- what the process of the work does, seen from within --------------------------------------------------------------

WRITER, NULL = 7, 9


def as_the_child(work: Callable[[], Dict[str, Any]], **does: Callable[..., Any]) -> List[Tuple[Any, ...]]:
    """Be the process that does the work, as far as this one can be; return what it asked of the system, in order.

    Args:
        work: what to do.
        does: functions of ``os`` that do something else than nothing.
    """
    asked: List[Tuple[Any, ...]] = []

    def function(name: str) -> Callable[..., Any]:
        def called(*arguments: Any) -> Any:
            asked.append((name, *arguments))
            return does[name](*arguments) if name in does else None

        return called

    does = {"open": lambda *_arguments: NULL, "write": lambda _descriptor, data: len(data), **does}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("setsid", "open", "dup2", "close", "write", "_exit"):
            patch.setattr(os, name, function(name))
        patch.setattr(signal, "signal", function("signal"))
        detached._child(work, WRITER)
    return asked


def test_it_leaves_the_session_and_every_descriptor_but_its_own_before_the_work() -> None:
    def work() -> Dict[str, Any]:
        os.setsid()  # marks where the work is
        return {"a": 1}

    asked = as_the_child(work)
    before, after = asked[: asked.index(("setsid",), 1)], asked[asked.index(("setsid",), 1) + 1 :]
    assert before[:4] == [
        ("setsid",),
        ("signal", signal.SIGHUP, signal.SIG_IGN),
        ("signal", signal.SIGPIPE, signal.SIG_IGN),
        ("signal", signal.SIGTERM, detached._leave),
    ]
    assert before[4] == ("open", os.devnull, os.O_RDWR)
    assert before[5:8] == [("dup2", NULL, descriptor) for descriptor in (0, 1, 2)]
    assert before[8:] == [("close", descriptor) for descriptor in range(3, 256) if descriptor != WRITER]
    assert after == [("write", WRITER, b'{"a": 1}'), ("_exit", 0)]


def test_a_descriptor_that_is_not_open_hinders_no_other() -> None:
    def refuse(_descriptor: int) -> None:
        raise OSError(9, "Bad file descriptor")

    closed = [each for each in as_the_child(dict, close=refuse) if each[0] == "close"]
    assert closed[-1] == ("close", 255)


def test_nobody_who_listens_is_no_failure() -> None:
    def refuse(_descriptor: int, _data: bytes) -> int:
        raise BrokenPipeError(32, "Broken pipe")

    assert as_the_child(dict, write=refuse)[-1] == ("_exit", 0)


def test_work_that_fails_says_how() -> None:
    def fail() -> Dict[str, Any]:
        raise SystemExit("ended by signal 15")

    assert as_the_child(fail)[-2:] == [("write", WRITER, b'{"crash": "SystemExit: ended by signal 15"}'), ("_exit", 0)]


def test_a_process_that_can_not_begin_ends_with_an_error() -> None:
    ended: List[int] = []

    def refuse() -> None:
        raise PermissionError(1, "Operation not permitted")

    with pytest.raises(PermissionError):
        as_the_child(dict, setsid=refuse, _exit=ended.append)
    assert ended == [1]
