"""What things do: every thing can do something, and every word for it is one that an encoder can be taught."""

from __future__ import annotations

from collections import Counter

import numpy as np

from flowbrush.models.text.scenes import SCENES, one_scene
from flowbrush.models.text.words import words
from flowbrush.training.world import lexicon, verbs

NOUNS = [noun.name for noun in lexicon.CORE + lexicon.EXTRA]


def test_every_thing_has_one_kind_of_body() -> None:
    named = Counter(name for names in verbs.KINDS.values() for name in names)
    assert sorted(named) == sorted(NOUNS) and set(named.values()) == {1}


def test_every_kind_can_do_something_that_there_are_words_for() -> None:
    assert set(verbs.CAN) == set(verbs.KINDS)
    assert {action for actions in verbs.CAN.values() for action in actions} == set(verbs.ACTIONS)
    assert set(verbs.ACTIONS) >= verbs.TRAVELS


def test_a_clause_has_known_words_and_names_one_scene() -> None:
    known = set(verbs.verb_words())
    rng = np.random.default_rng(0)
    for name in NOUNS:
        for scene in SCENES:
            doing = verbs.draw_doing(rng, name, scene)
            said = verbs.say_doing(rng, name, doing)
            assert set(words(said)) <= known | set(words(name)) | {"is", "are"}
            weather = verbs.draw_weather(rng, scene)
            if weather:
                sky = verbs.say_weather(rng, weather, scene)
                assert set(words(sky)) <= known
                assert one_scene(f"{sky}, {said} in the {scene}")[1] == []


def test_a_direction_is_for_what_goes_somewhere() -> None:
    rng = np.random.default_rng(1)
    drawn = [verbs.draw_doing(rng, name) for name in NOUNS for _ in range(20)]
    assert all(doing.action in verbs.TRAVELS for doing in drawn if doing.direction)
    ups = {doing.action for doing in drawn if doing.direction == "up"}
    assert ups and ups <= verbs.UPWARD


def test_many_run_and_one_runs() -> None:
    rng = np.random.default_rng(2)
    said = {
        verbs.say_doing(rng, who, verbs.Doing("walk"))
        for who in ("small penguins", "a dog")
        for _ in range(40)
    }
    assert said & {"small penguins walk", "small penguins stroll"} and said & {"a dog walks", "a dog strolls"}
    assert not any(text.startswith("small penguins walks") or "a dog are" in text for text in said)
