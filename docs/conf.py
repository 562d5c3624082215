# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How Sphinx makes the site (``make docs``), of the pages that ``tools/docs_pages.py`` brought together.

The pages are written to be read in the repository, and link each other, and files of it, by their paths there. Here
such a link leads to the page on the site if the file became one, and otherwise to a copy of the file on the site.

As long as the address of the project is a placeholder, no page has a link to it, nor to the collection on Ansible
Galaxy.
"""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from tools.docs_pages import TREE, docname_of, source_of

GALAXY = yaml.safe_load((TREE / "galaxy.yml").read_text(encoding="utf-8"))
COLLECTION = f"{GALAXY['namespace']}.{GALAXY['name']}"
#: Whether the project can be found at its address. Nobody can own a name that ends in ``.example`` (RFC 2606).
HAS_HOME = not (urlsplit(GALAXY["repository"]).hostname or "").endswith(".example")
#: Where nothing is to be found until then: the repository, and the collection on Galaxy. antsibull-docs links both.
NOWHERE = (GALAXY["repository"], "https://galaxy.ansible.com/")
#: What the generated pages refer to in Ansible's own documentation. Its inventory would have to be fetched.
ANSIBLE = {
    "ansible_configuration_settings": "reference_appendices/config.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}

LOGGER = logging.getLogger(__name__)

project = COLLECTION
author = ", ".join(GALAXY["authors"])
project_copyright = f"2026 {author}"
release = version = GALAXY["version"]
language = "en-GB"

extensions = ["myst_parser", "sphinx_antsibull_ext"]
exclude_patterns: list[str] = []
# Anchors of headings, as code hosts make them.
myst_heading_anchors = 4
antsibull_ext_color_scheme = "default-autodark"

html_theme = "furo"
html_title = f"{COLLECTION} {release}"
html_copy_source = False
html_show_sphinx = False


def link_repository(app: Sphinx, doctree: nodes.document) -> None:
    """Let the links that are paths in the repository lead to the site's pages, or to copies of the files."""
    docname = app.env.docname
    folder = PurePosixPath(source_of(docname)).parent
    for node in list(doctree.findall(addnodes.pending_xref)):
        if node["reftype"] != "myst" or node["refdomain"] == "doc":
            continue  # a page beside this one, which is found already
        path, _hash, anchor = node["reftarget"].partition("#")
        target = os.path.normpath(folder / path)
        if not path or target.startswith("..") or not (TREE / target).exists():
            continue  # MyST finds it, or complains
        page = docname_of(target)
        if page is None:
            file = os.path.relpath(TREE / target, app.srcdir)
            copy = addnodes.download_reference("", "", *node.children, refdoc=docname, reftarget=f"/{file}")
            node.replace_self(copy)
        else:
            node["refdomain"], node["reftarget"], node["reftargetid"] = "doc", page, anchor or None


def link_names(app: Sphinx, doctree: nodes.document) -> None:
    """Let each name of a module, filter or role that stands as code lead to its generated page."""
    for node in list(doctree.findall(nodes.literal)):
        name = node.astext().removeprefix(f"{COLLECTION}.")
        if name == node.astext() or isinstance(node.parent, (nodes.reference, addnodes.pending_xref, nodes.title)):
            continue
        pages = [f"{name}_{kind}" for kind in ("module", "filter", "role")]
        for page in (page for page in pages if f"reference/{page}" in app.env.found_docs):
            label = f"ansible_collections.{COLLECTION}.{page}"
            link = addnodes.pending_xref("", refdomain="std", reftype="ref", reftarget=label, refexplicit=True)
            link["refdoc"], link["refwarn"] = app.env.docname, True
            node.replace_self(link)
            link += node


def unlink_nowhere(app: Sphinx, doctree: nodes.document) -> None:
    """Take the links that lead nowhere out of a generated page, and what is only there for them."""
    for node in list(doctree.findall(nodes.reference)):
        if node.get("refuri", "").startswith(NOWHERE):
            if isinstance(node.parent, nodes.inline):  # a button, in the list of the collection's links
                remove_whole(doctree, node)
            else:
                node.replace_self(node.children)
    for code in list(doctree.findall(nodes.literal)):
        if code.astext() == f"ansible-galaxy collection install {COLLECTION}":
            link = addnodes.pending_xref("", refdomain="std", reftype="doc", reftarget="/getting-started")
            link["refdoc"], link["refwarn"], link["refexplicit"] = app.env.docname, True, True
            link += nodes.inline("", "the steps of getting started")
            code.replace_self(link)


def remove_whole(doctree: nodes.document, node: nodes.Element) -> None:
    """Remove a node, and what would be left empty without it: lists, and sections with their lines of the contents."""
    while all(each is node or isinstance(each, (nodes.title, nodes.comment)) for each in node.parent.children):
        node = node.parent
    node.parent.remove(node)
    for line in list(doctree.findall(nodes.reference)):
        if line.get("refid") in node["ids"]:
            remove_whole(doctree, line)


def link_pages(app: Sphinx, doctree: nodes.document) -> None:
    """Do the first two in what is written by hand, and the third in what is generated."""
    if not app.env.docname.startswith("reference/"):
        link_repository(app, doctree)
        link_names(app, doctree)
    elif not HAS_HOME:
        unlink_nowhere(app, doctree)


def find_nowhere(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document) -> None:
    """Warn, which fails the build, if a page has a link that leads nowhere."""
    del app, template, doctree
    for address in () if HAS_HOME else NOWHERE:
        if f'href="{address}' in context.get("body", ""):
            LOGGER.warning("%s has a link to %s, and nothing is there yet", page, address)


def link_ansible(
    app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref, content: nodes.TextElement
) -> nodes.reference | None:
    """Resolve what the generated pages refer to in Ansible's own documentation."""
    page = ANSIBLE.get(node["reftarget"])
    if page is None:
        return None
    url = f"https://docs.ansible.com/ansible/latest/{page}#{node['reftarget'].replace('_', '-')}"
    return nodes.reference("", "", content, refuri=url, internal=False)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the above with Sphinx."""
    # Sphinx collects the files to copy with the usual priority, 500.
    app.connect("doctree-read", link_pages, priority=400)
    app.connect("html-page-context", find_nowhere)
    app.connect("missing-reference", link_ansible)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
