# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring the pages of the site together in a folder of their own, anew each time: ``docs_pages.py FOLDER``.

Sphinx wants all of them in one folder. It gets those of ``docs`` as they are called there, and the README of each role
as ``roles/ROLE``. antsibull-docs then adds what it makes of the modules', filters' and roles' own documentation, as
``reference/NAME_KIND``.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

TREE = Path(__file__).resolve().parents[1]


def docname_of(path: str) -> str | None:
    """Return the name on the site of the page that is made of a file of the repository, ``None`` if none is."""
    if match := re.fullmatch(r"docs/([^/]+)\.md", path):
        return match[1]
    if match := re.fullmatch(r"plugins/modules/([^/]+)\.py", path):
        return f"reference/{match[1]}_module"
    # On a code host, a role's folder shows its README.
    if match := re.fullmatch(r"roles/([^/]+)(/README\.md)?", path):
        return f"roles/{match[1]}"
    return None


def source_of(docname: str) -> str:
    """Return the file of the repository that becomes a page."""
    if match := re.fullmatch(r"roles/([^/]+)", docname):
        return f"roles/{match[1]}/README.md"
    return f"docs/{docname}.md"


def gather(folder: Path) -> None:
    """Copy the pages that are written by hand, and the pictures in them."""
    shutil.rmtree(folder, ignore_errors=True)
    for path in [*TREE.glob("docs/*.md"), *TREE.glob("roles/*/README.md")]:
        target = folder / f"{docname_of(path.relative_to(TREE).as_posix())}.md"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    shutil.copytree(TREE / "docs" / "images", folder / "images")
    (folder / "reference").mkdir()


if __name__ == "__main__":
    gather(Path(sys.argv[1]))
