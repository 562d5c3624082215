# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making one handover, and guarding one radio permanently.

Begin with ``machine``, which is the handover as a pure state machine, and with ``docs/handover.md``. ``policy``,
``messages``, ``machine``, ``guard``, ``addressing`` and ``evidence`` do no I/O, and do not know which manager runs an
interface. ``effects`` and ``run`` carry out their actions. This room imports ``_network``, ``_radio`` and ``_system``.
"""
