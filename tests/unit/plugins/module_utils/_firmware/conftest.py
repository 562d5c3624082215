# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine, for all tests of this folder."""

from ansible_collections.vpro.fleet.tests.unit.plugins.module_utils._firmware.fake_engine import engine

__all__ = ["engine"]
