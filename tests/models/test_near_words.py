"""Words that pocket was not taught, and what stands for them."""

from __future__ import annotations

import pytest

from flowbrush.models.cards.registry import card
from flowbrush.models.device import choose
from flowbrush.models.loading.load import load_model
from flowbrush.models.text.near_words import (
    ALIKE,
    BEGINNINGS,
    NEAREST,
    NOTHING,
    OTHERS,
    VERBS,
    YOUNG,
    nearest,
)
from flowbrush.training.world import lexicon, verbs

NAMES = [name for noun in (*lexicon.CORE, *lexicon.EXTRA) for name in (noun.name, *noun.synonyms)]


@pytest.mark.parametrize(
    ("text", "heard", "stands"),
    [
        ("A bird flies", "a eagle flies", {"bird": "eagle"}),
        ("two birds, one bird", "two eagles, one eagle", {"birds": "eagle", "bird": "eagle"}),
        ("a ship at sea", "a sailboat at sea", {"ship": "sailboat"}),
        ("a rocket ship and a space  ship", "a rocket ship and a space  ship", {}),
        (
            "a duckling, three ducklings, two calves",
            "a small duck, three small ducks, two small cows",
            {"duckling": "small duck", "ducklings": "small duck", "calves": "small cows"},
        ),
        ("a man and a snow man", "a  and a snow man", {"man": ""}),
        ("a horse gallops", "a horse running", {"gallops": "running"}),
        ("a bear on ice, an ice  cream", "a bear on snow, an ice  cream", {"ice": "snow"}),
        ("a giant snail, a giant", "a big snail, a giant", {"giant": "big"}),
        ("a hot air balloon", "a balloon", {"hot air balloon": "balloon"}),
        ("a fly and a cake", "a bee and a cake", {"fly": "bee"}),
        ("the fly sits on a cake", "the bee resting on a cake", {"fly": "bee", "sits": "resting"}),
        ("two flies and a cat", "two bees and a cat", {"flies": "bee"}),
        (
            "two birds fly, a bee flies to one flower",
            "two eagles fly, a bee flies to one flower",
            {"birds": "eagle"},
        ),
        ("the two fly up", "the two fly up", {}),
        ("police, a police car, policemen", ", a police car, policemen", {"police": ""}),
        ("a snowman, a birdcage, bull's-eye, t-ship", "a snowman, a birdcage, bull's-eye, t-ship", {}),
    ],
)
def test_what_is_near_stands_for_a_word(text: str, heard: str, stands: dict[str, str]) -> None:
    assert nearest(text) == (heard, stands)


def test_what_is_told_of_words_that_mean_the_same() -> None:
    text = load_model(card("pocket"), choose("cpu", "fp32")).text
    silent = (
        "a cat sits on a car",
        "a giant fish glides through the ocean",
        "a horse gallops",
        "a slow snail",
    )
    assert [text.unknown(prompt) for prompt in silent] == [{}] * len(silent)
    assert text.unknown("a giant") == {"giant": ""}
    assert text.unknown("a dog in the desert by the ocean") == {"ocean": ""}
    assert text.unknown("a cat dances") == {"dances": "swaying"}
    for word in ALIKE - {"ocean"}:
        assert nearest(f"{word} things")[1], word


def test_what_stands_for_a_word_is_a_thing_of_the_world_and_the_word_is_none() -> None:
    assert set(NEAREST) <= set(NAMES)
    said = [word for near in NEAREST.values() for word in (*near, *NOTHING, *YOUNG)]
    assert not set(said) & (set(NAMES) | set(lexicon.STRANGE))
    near = [word for words in NEAREST.values() for word in words]
    assert len(near) == len(set(near))


def test_what_stands_for_a_deed_is_one_of_the_world_and_the_word_is_none() -> None:
    said = [word for words in (*VERBS.values(), *OTHERS.values()) for word in words]
    taught = {word for name in (*VERBS, *OTHERS) for word in name.split()}
    assert taught <= {*verbs.verb_words(), "heavy", "light", "strong"}
    assert not set(said) & ({*verbs.verb_words(), *NAMES} | set(lexicon.STRANGE)) and len(said) == len(
        set(said)
    )


@pytest.mark.parametrize("word", BEGINNINGS)
def test_a_word_that_begins_a_name_is_left_to_it(word: str) -> None:
    name = next(name for name in NAMES if name.startswith(f"{word} "))
    assert nearest(f"a {name} in the snow") == (f"a {name} in the snow", {})
    assert list(nearest(f"the {word} zorble")[1]) == [word]
