# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The resident that guards all radios of a laptop, and the bring-ups that wait for it at boot.

Begin with ``loop``. It imports ``_handover``, ``_managers`` and what these import.
"""
