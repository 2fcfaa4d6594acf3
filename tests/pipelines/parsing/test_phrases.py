"""Several words of a prompt become one phrase."""

from __future__ import annotations

import re

from flowbrush.models.text.pocket import Meaning
from flowbrush.pipelines.parsing.phrases import put_together


def test_what_matches_is_put_together_and_what_does_not_stays() -> None:
    said = [
        Meaning(word, "", "", joined)
        for word, joined in (("a", True), ("b", True), ("a", False), ("c", True))
    ]
    seen = []

    def put(found: re.Match[str], first: int, after: int) -> list[Meaning] | None:
        seen.append((found[0], first, after))
        return [Meaning(found[0], "both", "")] if found[0] == "a b" else None

    assert put_together(said, re.compile("a [bc]"), put) == [Meaning("a b", "both", ""), *said[2:]]
    assert seen == [("a b", 0, 2), ("a c", 2, 4)]
    assert put_together(said, re.compile("b, a"), lambda *found: [])[1:] == said[3:], (
        "a comma sets words apart"
    )
