# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Linux beneath: errors, files, processes, systemd, D-Bus, the lock and the journal, what runs a pure machine.

Begin with ``errors``: every exception is from there. It imports no other room.
"""
