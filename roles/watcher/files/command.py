# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command amt-wifi-watcher. The role adds the first line, which names the interpreter.

The watcher's package is in a folder of its own, so that no other program on the machine imports it by accident.
"""

import importlib
import sys
from types import ModuleType
from typing import Any


class Later(ModuleType):
    """A stand-in for a module. The module itself is only loaded when one of its names is used."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


# dataclasses imports inspect, but uses it only for classes without a docstring. It takes half a megabyte of memory.
sys.modules["inspect"] = Later("inspect")
sys.path.insert(0, "/usr/lib/amt-wifi-watcher")

from vpro_fleet._tasks.command import main

sys.exit(main())
