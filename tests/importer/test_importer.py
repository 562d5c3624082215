# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Galaxy takes the artifact without a word."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.vpro.fleet.tests.artifact.controller import Controller, build


def test_the_importer_has_nothing_to_say(tmp_path: Path) -> None:
    controller = Controller(tmp_path)
    artifact = build(controller, tmp_path)
    controller.environment["GALAXY_IMPORTER_CONFIG"] = str(Path(__file__).with_name("galaxy-importer.cfg"))
    # It only reports what it finds: the status is 0 with warnings and with most errors.
    printed = controller.run("python", "-m", "galaxy_importer.main", str(artifact))
    assert "Importer processing completed successfully" in printed
    assert not [line for line in printed.splitlines() if line.startswith(("ERROR", "CRITICAL"))], printed
