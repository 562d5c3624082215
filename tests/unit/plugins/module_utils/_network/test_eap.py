# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What EAP lacks, whoever manages the interface."""

from __future__ import annotations

from typing import List, Optional

import pytest

from ansible_collections.vpro.fleet.plugins.module_utils._network.eap import EapMethod, eap_obstacle, not_known

PEAP = EapMethod("PEAP", True)
NO_PASSWORD = EapMethod("TTLS", False)
NO_KEY = EapMethod("TLS", key="private-key")
KEY = EapMethod("TLS", key="private_key", has_key=True, files=(("private_key", b"/k\xff\n"),))


@pytest.mark.parametrize(
    ("methods", "there", "what"),
    [
        ([], False, None),
        ([PEAP], False, None),
        ([EapMethod("PEAP", None)], False, None),
        ([EapMethod("SIM", False)], False, None),
        ([NO_PASSWORD], True, "has no password, which EAP-TTLS needs"),
        ([NO_KEY], True, "has no private-key, which EAP-TLS needs"),
        ([NO_KEY, NO_PASSWORD], True, "has no password, which EAP-TTLS needs"),
        ([NO_KEY, PEAP], True, None),
        ([KEY], True, None),
        # A file that this user can't see need not be missing.
        ([KEY], None, None),
        ([KEY], False, "names a file that does not exist (private_key: /k\\xff\\n)"),
        ([EapMethod("PEAP", True, files=(("ca-cert", b"pkcs11:a"), ("x", b"blob://a")))], False, None),
    ],
)
def test_what_eap_lacks(methods: List[EapMethod], there: Optional[bool], what: Optional[str]) -> None:
    asked: List[str] = []

    def exists(path: str) -> Optional[bool]:
        asked.append(path)
        return there

    found = eap_obstacle(methods, exists)
    assert (None if found is None else found.what) == what
    assert set(asked) <= {"/k\udcff\n"}
    assert eap_obstacle([KEY], not_known) is None
