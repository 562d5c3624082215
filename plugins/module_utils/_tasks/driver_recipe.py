# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a package of drivers is made from, and what it is called: all that is known before anything is built."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple

from .._system.errors import NotFound, Refused
from .._system.files import list_folder, read_text

#: Where a package has its modules, below the folder of the kernel's modules. depmod(8) prefers ``updates`` to what the
#: kernel brought (depmod.d(5), "search").
FOLDER = "updates/vpro-iwlmei"
#: Where DKMS has them on Debian and Ubuntu, whatever its configuration says.
DKMS_FOLDER = "updates/dkms"
#: What DKMS calls the modules together.
NAME = "vpro-iwlmei"
#: The modules of a package.
MODULES = ("iwlwifi", "iwlmvm", "iwlmei")
#: The script that builds the modules, and the folder with the templates of the package.
_SCRIPT = "build.sh"
#: A kernel's release, as far as a package can be called by it (Debian policy 5.6.1, names of packages).
_RELEASE = re.compile(r"([0-9]+)\.([0-9]+)(\.[0-9]+)?[a-z0-9+.-]*\Z")
_PLACEHOLDER = re.compile(r"@([A-Z_]+)@")


@dataclass(frozen=True)
class Signing:
    """What the modules are signed with.

    Attributes:
        key: the path of the private key.
        certificate: the path of its certificate (X.509).
    """

    key: str
    certificate: str


@dataclass(frozen=True)
class Recipe:
    """How a package is made.

    Attributes:
        folder: the folder with the recipe.
        script: the path of the script that builds the modules.
        templates: the text of each file of the package's own that the recipe has, by name.
        digest: names the recipe. It is another one when anything in the recipe is.
    """

    folder: str
    script: str
    templates: Dict[str, str]
    digest: str


def checked_release(release: str) -> str:
    """Return a kernel's release, if it is one that a package can be called by.

    Raises:
        Refused: it is none.
    """
    _parsed(release)
    return release


def numbers(release: str) -> Tuple[int, int]:
    """Return a release's version, such as (6, 1).

    Raises:
        Refused: it is none that a package can be called by.
    """
    match = _parsed(release)
    return int(match[1]), int(match[2])


def _parsed(release: str) -> re.Match[str]:
    match = _RELEASE.match(release)
    if match is None:
        remedy = "Name it as 'uname -r' does"
        raise Refused("invalid_release", f"{release!a} is not a kernel release of this distribution", remedy=remedy)
    return match


def source_names(release: str) -> List[str]:
    """Return the names that the package with a kernel's source may have: Debian's first, then Ubuntu's."""
    match = _parsed(release)
    major, minor, patch = match[1], match[2], match[3] or ""
    return [f"linux-source-{major}.{minor}", f"linux-source-{major}.{minor}{patch or '.0'}"]


def read_recipe(folder: str, kind: str) -> Recipe:
    """Return the recipe in a folder.

    Args:
        folder: the folder.
        kind: the kind of package, such as ``deb``. The recipe has a folder of templates for each.

    Raises:
        NotFound, AccessDenied, TransportFailed: the recipe can't be read.
    """
    script = os.path.join(folder, _SCRIPT)
    names = sorted(list_folder(os.path.join(folder, kind)))
    templates = {name: f"{read_text(os.path.join(folder, kind, name))}\n" for name in names}
    digest = hashlib.sha256()
    for part in (read_text(script), *(text for pair in sorted(templates.items()) for text in pair)):
        digest.update(part.encode() + b"\0")
    return Recipe(folder, script, templates, digest.hexdigest())


def version_of(source_version: str, recipe: Recipe, certificate: Optional[bytes]) -> str:
    """Return a package's version: that of the kernel, and a part that tells how the package was made.

    With it, a package that was made in another way, or signed with another key, is another package.

    Args:
        source_version: the version of the kernel's packages.
        recipe: the recipe.
        certificate: the certificate that the modules are signed with, or None if they are not signed.
    """
    made = hashlib.sha256(recipe.digest.encode() + b"\0" + (certificate or b""))
    return f"{source_version}+vpro.{made.hexdigest()[:8]}"


def filled(template: str, values: Dict[str, str]) -> str:
    """Return a template with its placeholders, such as ``@RELEASE@``, replaced. Comments of its head stay.

    Raises:
        NotFound: there is no value for a placeholder.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise NotFound(f"there is no value for {match[0]}")
        return values[match[1]]

    return _PLACEHOLDER.sub(value, template)
