# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Declaring networks for a laptop's radio, as a playbook does."""

from __future__ import annotations

from typing import Any, Dict, List

from ..air.ap import DEFAULT_SSID
from ..laptop.control import INTERFACE, Laptop
from .playbook import run_module

SSID = DEFAULT_SSID.decode()


def profile(laptop: Laptop, *flags: str, **options: Any) -> Dict[str, Any]:
    """Run the module for one network."""
    return run_module(laptop, "amt_wifi_profile", {"interface": INTERFACE, "ssid": SSID, **options}, *flags)


def profiles(laptop: Laptop, declared: List[Dict[str, Any]], *flags: str, **options: Any) -> Dict[str, Any]:
    """Run the module for a whole set."""
    arguments = {"interface": INTERFACE, "profiles": declared, **options}
    return run_module(laptop, "amt_wifi_profiles", arguments, *flags)
