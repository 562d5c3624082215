# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs in the laptop: keeps what Python compiles of the archives that Ansible sends, for the next such archive.

Python keeps the bytecode of files beside them, but compiles what it imports from an archive anew each time. Every task
of Ansible's is such an archive, its parts are mostly those of the task before, and under software emulation to compile
them is most of what a task costs. The code that runs is the same.
"""

from __future__ import annotations

import _imp
import marshal
import os
import sys
import zipimport
from contextlib import suppress
from types import CodeType
from typing import cast

#: For each version of Python one; in memory, so that it takes no time to write.
PLACE = f"/run/lab-zip-cache/{sys.implementation.cache_tag}"

#: Of CPython's own Lib/zipimport.py: takes the name and the source of a module, and returns its code.
_inside = vars(zipimport)
_compile = _inside["_compile_source"]


def _compile_once(name: str, source: bytes) -> CodeType:
    # The name goes into tracebacks alone: that it was another archive's does not count.
    path = f"{PLACE}/{_imp.source_hash(0, source).hex()}"
    with suppress(OSError, EOFError, ValueError), open(path, "rb") as kept:
        return cast(CodeType, marshal.load(kept))
    code = cast(CodeType, _compile(name, source))
    partial = f"{path}.{os.getpid()}"
    with suppress(OSError):  # of another user than root, who has the cache
        os.makedirs(PLACE, exist_ok=True)
        with open(partial, "wb") as kept:
            marshal.dump(code, kept)
        os.rename(partial, path)
    return code


_inside["_compile_source"] = _compile_once
