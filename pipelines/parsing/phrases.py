"""Phrases among a prompt's words, put together: several words become what they say as a whole."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence

from flowbrush.models.text.pocket import Meaning

ONE = frozenset("a an the one another this that my your his her its our their".split())
"""Words after which somebody or something is named."""

Put = Callable[[re.Match[str], int, int], Sequence[Meaning] | None]


def put_together(said: Sequence[Meaning], pattern: re.Pattern[str], put: Put) -> list[Meaning]:
    """`said` with what `put` makes of each match of `pattern` in the place of its words, which are from the second to before the
    third argument's place; None leaves them. The pattern sees words with single spaces, and commas where something sets them apart.
    """
    starts, text = list[int](), ""
    for meaning in said:
        text += "" if not text else " " if meaning.joined else ", "
        starts.append(len(text))
        text += meaning.word
    made, taken = list[Meaning](), 0
    for found in pattern.finditer(text):
        first, after = bisect_left(starts, found.start()), bisect_left(starts, found.end())
        instead = put(found, first, after)
        if instead is not None:
            made += [*said[taken:first], *instead]
            taken = after
    return [*made, *said[taken:]]
