"""Things of which a prompt says that they are to be there no longer: "the cat disappears". Pure functions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from flowbrush.models.text.edits import LEAVES
from flowbrush.models.text.pocket import Meaning
from flowbrush.pipelines.parsing.phrases import put_together
from flowbrush.pipelines.parsing.wanted import Wanted

LEAVE = "leave"
"""The verb that stands for all words for it; the student has none, for what leaves is gone."""
_LEAVES = re.compile(rf"\b{LEAVES}")
_BEFORE = frozenset("is are both all slowly suddenly".split())
"""Words that may stand between a thing and that it leaves: the leaves of a tree do not."""


def with_departures(said: Sequence[Meaning]) -> list[Meaning]:
    """A prompt's words with one verb for leaving, where it is said of a thing."""

    def put(found: re.Match[str], first: int, after: int) -> list[Meaning] | None:
        before = [each for each in said[:first] if each.word not in _BEFORE][-1:]
        who = before[0] if before else None
        is_said = who is not None and said[first].joined and (who.kind == "thing" or _goes_on(said, first))
        return [Meaning(found[0], "verb", LEAVE, said[first].joined)] if is_said else None

    return put_together(said, _LEAVES, put)


def _goes_on(said: Sequence[Meaning], place: int) -> bool:
    """Whether the words before say what the same has done before: "flies up and disappears"."""
    return (
        place > 1
        and said[place - 1].word == "and"
        and said[place - 2].kind in ("verb", "direction", "manner")
    )


_GOES_OFF = re.compile(r"\b(?:away|off)(?=[\s.!]*$|\s*,|\s+(?:and|to|into|in)\b)")


def goes_off(prompt: str) -> bool:
    """Whether a prompt says that somebody goes away, and not from whom: "the bird flies away"."""
    return _GOES_OFF.search(prompt.lower()) is not None


def departed(thing: Wanted) -> Wanted:
    """The thing, as one that leaves if it is said to."""
    return replace(thing, verb="", leaves=True) if thing.verb == LEAVE else thing
