"""What the weather does is nobody's deed: of "a storm comes up" no boat rises. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from flowbrush.models.text.pocket import Meaning
from flowbrush.pipelines.parsing.deeds import DEEDS, ENDS

SKY = frozenset({"weather", "strength"})
"""Kinds of words for weather."""


def with_skies(said: Sequence[Meaning]) -> list[Meaning]:
    """A prompt's words without the deeds that it says of the weather."""
    told, of_sky = list[Meaning](), False
    for each in said:
        begins = not each.joined or each.word in ENDS or each.kind == "thing"
        of_sky = each.kind == "weather" or (of_sky and not begins)
        told.append(each._replace(kind="", name="") if of_sky and each.kind in DEEDS else each)
    return told
