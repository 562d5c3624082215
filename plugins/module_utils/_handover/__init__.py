# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One handover, and guarding one radio for good.

Begin with ``machine``, the handover as a pure state machine, and ``docs/architecture.md``. ``policy``, ``messages``,
``machine``, ``guard`` and ``addressing`` do no I/O; ``effects`` and ``run`` carry out what they decide. It imports
``_network``, ``_radio`` and ``_system``. It does not know who runs an interface.
"""
