"""Words that pocket was not taught, and what stands for them."""

from __future__ import annotations

import pytest

from flowbrush.models.text.near_words import NEAREST, NOTHING, nearest
from flowbrush.training.world import lexicon

NAMES = [name for noun in (*lexicon.CORE, *lexicon.EXTRA) for name in (noun.name, *noun.synonyms)]


@pytest.mark.parametrize(
    ("text", "heard", "stands"),
    [
        ("A bird flies", "a eagle flies", {"bird": "eagle"}),
        ("two birds, one bird", "two eagles, one eagle", {"birds": "eagle", "bird": "eagle"}),
        ("a ship at sea", "a sailboat at sea", {"ship": "sailboat"}),
        ("a rocket ship and a space  ship", "a rocket ship and a space  ship", {}),
        ("a man and a snow man", "a  and a snow man", {"man": ""}),
        ("a snowman, a birdcage, bull's-eye, t-ship", "a snowman, a birdcage, bull's-eye, t-ship", {}),
    ],
)
def test_what_is_near_stands_for_a_word(text: str, heard: str, stands: dict[str, str]) -> None:
    assert nearest(text) == (heard, stands)


def test_what_stands_for_a_word_is_a_thing_of_the_world_and_the_word_is_none() -> None:
    assert set(NEAREST) <= set(NAMES)
    said = [word for near in NEAREST.values() for word in (*near, *NOTHING)]
    assert not set(said) & (set(NAMES) | set(lexicon.STRANGE))
    near = [word for words in NEAREST.values() for word in words]
    assert len(near) == len(set(near))
