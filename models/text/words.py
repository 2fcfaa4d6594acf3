"""Prompts taken apart: their words, what is between them, and parts of words. Pure functions."""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Sequence
from itertools import pairwise

WORD = re.compile(r"[a-z0-9]+(?:['-][a-z0-9]+)*")


def words(text: str) -> list[str]:
    """Lower-case words of a prompt."""
    return WORD.findall(text.lower())


def joins(text: str) -> list[bool]:
    """Of each of the `words` of a prompt, whether only space is between it and the one before."""
    found = list(WORD.finditer(text.lower()))
    return [not text[a.end() : b.start()].strip() for a, b in pairwise(found[:1] + found)]


def spans(joins: Sequence[bool]) -> list[tuple[int, int]]:
    """Begin and end of each run of words that nothing but space is between."""
    begins = [at for at, close in enumerate(joins) if not (at and close)]
    return list(pairwise([*begins, len(joins)]))


def cut(items: Sequence[tuple[int, int]], most: int) -> list[tuple[int, int]]:
    """The items put together to pieces of at most `most` words; a longer one is cut."""
    pieces: list[tuple[int, int]] = []
    for begin, end in items:
        if pieces and end - pieces[-1][0] <= most:
            pieces[-1] = (pieces[-1][0], end)
        else:
            pieces += [(at, min(at + most, end)) for at in range(begin, end, most)]
    return pieces


def spoken(text: str) -> list[str]:
    """Everything in a prompt that somebody may mean something by, in lower case: words of any script, and pictographs.

    The model reads `words`; what is here and not there would else be lost without a word.
    """
    found = [""]
    for mark in unicodedata.normalize("NFC", text.lower().replace("’", "'")):
        kind = unicodedata.category(mark)
        if kind[0] in "LMN" or (mark in "'-" and found[-1] and found[-1][-1] not in "'-"):
            found[-1] += mark
        elif kind == "So":
            found += [mark, ""]
        else:
            found.append("")
    named = (word.strip("'-") for word in found)
    return [word for word in named if any(unicodedata.category(mark)[0] in "LNS" for mark in word)]


def forms(word: str) -> list[str]:
    """The word as it stands, and what it may be the plural or the past of."""
    endings = (
        ("ies", "y"),
        ("men", "man"),
        ("mice", "mouse"),
        ("es", ""),
        ("s", ""),
        ("ed", ""),
        ("ed", "e"),
    )
    found = [word, *(word[: -len(end)] + bare for end, bare in endings if word.endswith(end))]
    doubled = [form[:-1] for form in found[1:] if form[-2:-1] == form[-1:]]  # hopp(ed)
    return [form for form in (*found, *doubled) if form]


def trigrams(word: str, buckets: int) -> list[int]:
    marked = f"<{word}>"
    parts = [marked[i : i + 3] for i in range(len(marked) - 2)]
    return [1 + zlib.crc32(part.encode()) % (buckets - 1) for part in parts]
