"""python -m flowbrush.training.photos.credits RUN/photos: who made what a run's photos and rendered things show, as Markdown.

It belongs with weights that learned from them: CC-BY asks for it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from flowbrush.training.furniture.pool import FOLDER
from flowbrush.training.photos.pool import ATTRIBUTION

HEAD = """# Who made what the weights learned from

Written by `python -m flowbrush.training.photos.credits`. Pictures were cut, scaled, relit and laid over one another. None of
them is part of the weights, nor of the repository, but for those of the page's gallery, which has its own list.
"""


def credits_of(folder: Path) -> str:
    """The list for the pictures that are in `folder`, the photos of a run. Raises OSError where there is no attribution list."""
    photos = [
        one
        for one in _read(folder / ATTRIBUTION)
        if "/" not in one["file"] and (folder / one["file"]).exists()
    ]
    lines = [
        HEAD,
        f"## Photos ({len(photos)})\n",
        "| picture | author | licence | source |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {one['title']} | {_plain(one['author'])} | {one['licence']} | {_link(one['source'])} |"
        for one in sorted(photos, key=lambda one: str(one["title"]))
    ]
    if (folder / FOLDER / ATTRIBUTION).exists():
        lines += ["", *_things(folder / FOLDER)]
    return "\n".join(lines) + "\n"


def _things(folder: Path) -> list[str]:
    """Rendered meshes, by author and licence."""
    by_author: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in _read(folder / ATTRIBUTION):
        if (folder / one["file"]).exists():
            by_author[_plain(one["author"]), str(one["licence"])].add(str(one["name"]))
    count = sum(map(len, by_author.values()))
    lines = [
        f"## Meshes of sweethome3d-furniture that were rendered ({count})\n",
        "| author | licence | meshes |",
        "|---|---|---|",
    ]
    return lines + [
        f"| {author} | {licence} | {', '.join(sorted(names))} |"
        for (author, licence), names in sorted(by_author.items(), key=lambda each: (-len(each[1]), each[0]))
    ]


def _read(path: Path) -> list[dict[str, Any]]:
    return list(json.loads(path.read_text()))


def _plain(author: str) -> str:
    """An author without addresses, which a list need not spread."""
    words = [word for word in author.replace("|", "/").split() if "@" not in word]
    return " ".join(words)


def _link(source: str) -> str:
    return f"<{source}>" if source.startswith("http") else source


def main(given: list[str] | None = None) -> int:
    """Runs the command. Returns 0, or 2 where there is no list."""
    parser = argparse.ArgumentParser(prog="python -m flowbrush.training.photos.credits", description=__doc__)
    parser.add_argument(
        "photos", type=Path, help="the photos of a run, as `flowbrush train pool --photos` makes them"
    )
    folder: Path = parser.parse_args(given).photos
    try:
        sys.stdout.write(credits_of(folder))
    except OSError as error:
        sys.stderr.write(f"credits: {error}: run `flowbrush train pool --photos` first\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
