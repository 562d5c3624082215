# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CSME, the management engine, as a program on the laptop: the firmware behind ``kmod/csme_engine``.

Begin with ``firmware``, which ``cli`` runs. ``bus`` speaks with the kernel's MEI driver, and ``wlan`` with iwlmei. It
runs with the distribution's Python and its standard library alone, and imports no other room.
"""
