# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An interface, its manager, and the manager's profiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

from .profile import Profile


@dataclass(frozen=True)
class Managed:
    """One wireless interface and its manager.

    Attributes:
        interface: the interface's name.
        manager: ``wpa_supplicant``, ``networkmanager``, ``iwd`` (also if NetworkManager uses iwd), or ``none``. It is
            None when it is not known which.
        version: the version of wpa_supplicant or NetworkManager. It is None when that did not tell its version, and for
            other managers.
        profiles: the profiles of wpa_supplicant or NetworkManager. They are None when they could not be read, and for
            other managers.
        trouble: the code of the error for which the profiles could not be read, or None. ``not_found`` means that
            wpa_supplicant offers no control socket for this interface.
    """

    interface: str
    manager: Optional[str]
    version: Optional[str] = None
    profiles: Optional[Tuple[Profile, ...]] = None
    trouble: Optional[str] = None
