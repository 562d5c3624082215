# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command amt-wifi-watcher, below the line that names its interpreter.

Its package lies apart, so that nothing else on the machine imports it by accident.
"""

import importlib
import sys
from types import ModuleType
from typing import Any


class Later(ModuleType):
    """A module that is loaded when somebody uses it, rather than when it is imported."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


# dataclasses imports it for the sake of classes without a docstring: half a megabyte that the watcher would keep.
sys.modules["inspect"] = Later("inspect")
sys.path.insert(0, "/usr/lib/amt-wifi-watcher")

from vpro_fleet._tasks.command import main

sys.exit(main())
