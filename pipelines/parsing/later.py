"""What a prompt wants after something else: "a dog runs to the left, then to the right". Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from flowbrush.models.text.pocket import Meaning
from flowbrush.pipelines.parsing.deeds import DEEDS

THEN = frozenset("then afterwards finally".split())


def now_and_later(said: Sequence[Meaning]) -> tuple[Sequence[Meaning], str]:
    """The words up to what the same things are to do afterwards, and the word with which that begins; "" where there is none."""
    for place, meaning in enumerate(said):
        rest = said[place:]
        if meaning.word in THEN and any(each.kind in DEEDS for each in said[:place]):
            named = any(each.kind == "thing" for each in rest)
            if not named and any(each.kind in DEEDS for each in rest):
                begin = place - 1 if said[place - 1].word in ("and", "but") else place
                return said[:begin], meaning.word
    return said, ""
