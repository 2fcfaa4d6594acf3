"""Who made a file and under which terms, from the machine-readable `copyright` file of a Debian package."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from pathlib import Path

# may be trained on, with an attribution list
CLEAR = re.compile(r"public-domain|CC0(-[\d.]+)?|CC-BY-[\d.]+(-USA?)?")
SUFFIXES = ("jpg", "jpeg", "JPG", "png", "webp")


@dataclass(frozen=True)
class Terms:
    """The authors of some files, their licence's short name, and where they were found."""

    author: str
    licence: str
    source: str

    @property
    def clear(self) -> bool:
        """Whether weights may be trained on it: each of its licences is public domain, CC0 or CC-BY."""
        parts = re.split(r" and | or |, ", self.licence)
        return all(CLEAR.fullmatch(part.strip()) for part in parts)


@dataclass(frozen=True)
class Copyright:
    """The paragraphs of a `copyright` file: patterns of files, and their terms. The last that fits counts."""

    paragraphs: tuple[tuple[tuple[str, ...], Terms], ...]

    @classmethod
    def read(cls, path: Path) -> Copyright:
        paragraphs = []
        for text in re.split(r"\n\s*\n", path.read_text(encoding="utf-8")):
            fields = _fields(text)
            if "Files" in fields:
                address = re.search(r"https?://\S+", fields.get("Comment", ""))
                author = re.sub(r"\s+", " ", fields.get("Copyright", "")).strip()
                licence = fields.get("License", "").split("\n")[0].strip()
                terms = Terms(author, licence, address[0] if address else "")
                paragraphs.append((tuple(fields["Files"].split()), terms))
        return cls(tuple(paragraphs))

    def terms(self, path: str) -> Terms | None:
        """The terms of a file by its path in the sources, whatever its suffix is: packagers convert pictures."""
        stem = path.rsplit(".", 1)[0]
        names = [f"{stem}.{suffix}" for suffix in SUFFIXES]
        found = None
        for patterns, terms in self.paragraphs:
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns for name in names):
                found = terms
        return found


def _fields(paragraph: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in paragraph.split("\n"):
        if line[:1].isspace() and name:
            fields[name] += "\n" + line.strip()
        elif ":" in line:
            name, _, value = line.partition(":")
            fields[name] = value.strip()
    return fields
