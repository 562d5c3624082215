# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs are run to their end, or ended, and what they did is told."""

from __future__ import annotations

import errno
import os
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._system.errors import NotFound, TimedOut, TransportFailed
from ansible_collections.vpro.fleet.plugins.module_utils._system.program import Finished, run


def test_what_a_program_did_is_told() -> None:
    code = "import sys; sys.stdout.write('out' + sys.stdin.read()); sys.stderr.write('err'); sys.exit(3)"
    assert run([sys.executable, "-c", code], 60) == Finished(3, b"out", b"err")


def test_a_program_has_the_descriptors_that_it_is_given(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("read")
    descriptor = os.open(tmp_path / "text", os.O_RDONLY)
    try:
        code = f"import os; os.write(1, os.read({descriptor}, 9))"
        assert run([sys.executable, "-c", code], 60, descriptors=[descriptor]).out == b"read"
        assert run([sys.executable, "-c", code], 60).status == 1
    finally:
        os.close(descriptor)


def test_a_program_that_takes_too_long_is_ended() -> None:
    begun = time.monotonic()
    with pytest.raises(TimedOut, match=r"longer than 0\.2 s"):
        run([sys.executable, "-c", "import time; time.sleep(60)"], 0.2)
    assert time.monotonic() - begun < 30


def test_a_program_that_is_not_there_or_can_not_be_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="/none/such"):
        run(["/none/such"], 60)
    (tmp_path / "text").write_text("no program")
    with pytest.raises(TransportFailed, match="text can't be run: Permission denied") as caught:
        run([str(tmp_path / "text")], 60)
    assert caught.value.errno == errno.EACCES


def test_a_program_has_nothing_to_read() -> None:
    readable, writable = os.pipe()
    before = os.dup(0)
    try:
        os.write(writable, b"of whoever runs this")
        os.close(writable)
        os.dup2(readable, 0)
        code = "import sys; sys.stdout.write(sys.stdin.read())"
        assert run([sys.executable, "-c", code], 60) == Finished(0, b"", b"")
    finally:
        os.dup2(before, 0)
        os.close(before)
        os.close(readable)
