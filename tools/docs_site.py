"""A hook of MkDocs: pages of the site that are not in docs/, and links that hold in the repository and on the site alike.

A page is written for the repository, where its links are paths. On the site a link to another page leads to that page, and
one to a file that is no page leads to the repository, whose address is `repo_url`; without an address its words stay.
"""

from __future__ import annotations

import posixpath
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))  # MkDocs loads this file by its path

import schema_tables

ROOT = Path(__file__).resolve().parent.parent
ELSEWHERE = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "architecture.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "web/README.md": "reference/javascript.md",
    "models/weights/pocket/README.md": "pocket.md",
    "training/LOG.md": "training_log.md",
}
"""Pages by their path in the repository → in the site."""

FOLDERS = {"docs/schema": "reference/schemas.md"}
TABLES = "<!-- what the schemas say, as tables: made when the site is built -->"
LINK = re.compile(r"(?P<image>!?)\[(?P<words>[^\[\]]*)\]\((?P<target>[^()\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def source_of(page: str) -> str:
    """The path in the repository of a page of the site."""
    return next((path for path, name in ELSEWHERE.items() if name == page), f"docs/{page}")


def target_in_site(path: str) -> str | None:
    """Where the site has a path of the repository; None where it does not."""
    if path in ELSEWHERE or path in FOLDERS:
        return ELSEWHERE.get(path) or FOLDERS[path]
    return path.removeprefix("docs/") if path.startswith("docs/") and (ROOT / path).is_file() else None


def linked(markdown: str, source: str, repository: str = "") -> str:
    """The page `source` (its path in the repository) with its links made for the site.

    Raises ValueError naming the link that leads nowhere.
    """
    page = ELSEWHERE.get(source, source.removeprefix("docs/"))

    def link(match: re.Match[str]) -> str:
        target, _, anchor = match["target"].partition("#")
        if not target or "://" in target or target.startswith("mailto:"):
            return match[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        if path.startswith("..") or not (ROOT / path).exists():
            raise ValueError(f"{source} links to {match['target']}: there is no {path}")
        if (here := target_in_site(path)) is not None:
            to = posixpath.relpath(here, posixpath.dirname(page) or ".")
            return f"{match['image']}[{match['words']}]({to}{'#' + anchor if anchor else ''})"
        if not repository:
            return match["words"]
        return f"{match['image']}[{match['words']}]({repository.rstrip('/')}/blob/main/{path})"

    parts, last = [], 0
    for fence in FENCE.finditer(markdown):
        parts += [LINK.sub(link, markdown[last : fence.start()]), fence[0]]
        last = fence.end()
    return "".join([*parts, LINK.sub(link, markdown[last:])])


def on_files(files: Any, config: Any) -> Any:
    """MkDocs: the site's files, with the pages from elsewhere."""
    from mkdocs.structure.files import File

    for path, page in ELSEWHERE.items():
        files.append(File.generated(config, page, content=(ROOT / path).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    """MkDocs: the text of a page before it is turned into HTML."""
    made = linked(markdown, source_of(page.file.src_uri), config["repo_url"] or "")
    return made.replace(TABLES, schema_tables.tables(ROOT / "docs" / "schema"))
