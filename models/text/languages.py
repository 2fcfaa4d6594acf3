"""Whether a prompt is in a language that pocket does not read: by the small words that every sentence has.

Of "ein Hund läuft über die Wiese" it would hear a die, and a helicopter of "la plage", which is one slip away from a plane.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from flowbrush.models.text.words import spoken

SMALL_WORDS = frozenset(
    (
        "ein eine einen einem einer der den dem das und auf mit im über durch unter ist sind von zu nicht vor hinter "  # German
        "un une le les du sur sous et avec dans qui est aux au il elle "  # French
        "el los las una y con por del que en es se al "  # Spanish
        "lo gli uno di nel nella sul sulla che della "  # Italian
        "um uma os nas no "  # Portuguese
        "een het op naar onder "  # Dutch
        "en ett och på "  # Swedish
        "de la do"
    ).split()
)
SHARED = frozenset("a an in is on no do at as me so his to for of or over under die by".split())
"""Small words that are English and something else."""


def is_foreign(text: str, known: Callable[[str], bool]) -> bool:
    """Whether `text` is in another language than English, or in no Latin letters, as far as its small words tell; `known` says of a
    word whether it means something in English.
    """
    said = spoken(text)
    letters = [mark for word in said for mark in word if mark.isalpha()]
    if letters and not any("LATIN" in unicodedata.name(mark, "") for mark in letters):
        return True
    theirs = sum(word in SMALL_WORDS - SHARED for word in said)
    ours = sum(word not in SMALL_WORDS | SHARED and known(word) for word in said)
    return theirs > ours
