# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access to Linux: files, processes, systemd, D-Bus, the lock and the journal of a radio.

The collection's errors, and the class that runs a state machine, are here too. Begin with ``errors``, which defines
the exceptions. This room imports no other room.
"""
