"""Sentences for the text encoder: every word has its concept, and the words of one thing belong together."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from flowbrush.models.cards.spec import PocketTextSpec
from flowbrush.models.text.scenes import one_scene
from flowbrush.models.text.words import words
from flowbrush.training.captions import GRAMMAR, NOTHING, Sentence, concepts, draw_sentence, vocabulary
from flowbrush.training.text import TextTrainer

SPEC = PocketTextSpec(dim=32, layers=1, heads=2, length=12, buckets=64)


@pytest.fixture(scope="module")
def sentences() -> list[Sentence]:
    rng = np.random.default_rng(0)
    return [draw_sentence(rng) for _ in range(1500)]


def test_every_heard_word_has_its_concept(sentences: list[Sentence]) -> None:
    for sentence in sentences:
        heard, spare = one_scene(sentence.text)
        assert not spare and len(words(heard)) == len(sentence.concepts) == len(sentence.clauses), sentence
        for word, concept, clause in zip(words(heard), sentence.concepts, sentence.clauses, strict=True):
            assert not (word in GRAMMAR and concept) and (concept or clause == NOTHING), sentence


def test_sentences_say_everything_there_is(sentences: list[Sentence]) -> None:
    said = {concept for sentence in sentences for concept in sentence.concepts if concept}
    assert said == set(concepts())


def test_what_has_a_concept_is_in_the_vocabulary(sentences: list[Sentence]) -> None:
    trainer = TextTrainer(SPEC)
    assert list(trainer.encoder.vocabulary) == vocabulary() and len(set(vocabulary())) == len(vocabulary())
    for sentence in sentences[:300]:
        for word, concept in zip(words(sentence.text), sentence.concepts, strict=True):
            assert not concept or trainer.encoder.trained(word), word


def test_words_of_one_thing_say_the_same_things(sentences: list[Sentence]) -> None:
    trainer = TextTrainer(SPEC)
    shown = Sentence(
        "a big dog runs, a cat",
        ("", "size:big", "thing:dog", "verb:run", "", "thing:cat"),
        (-1, 0, 0, 0, -1, 1),
    )
    wanted = trainer.wanted([shown])
    names = list(trainer.index)
    for column in (1, 2, 3):
        said = {names[place] for place in wanted.said[0, column].nonzero().flatten().tolist()}
        assert said == {"size:big", "thing:dog", "verb:run"}
    assert wanted.concept[0].tolist() == [
        0, *(1 + names.index(name) for name in ("size:big", "thing:dog", "verb:run")), 0, 1 + names.index("thing:cat"),
        *[-1] * 6,
    ]  # fmt: skip


def test_an_encoder_learns_to_read() -> None:
    """A minute of real training reads everything; a few steps must read the grammar of one short caption right."""
    torch.manual_seed(0)
    trainer = TextTrainer(SPEC)
    adam = torch.optim.Adam(trainer.parameters(), 5e-3)
    lesson = Sentence(
        "two dogs hop left", ("count:2", "thing:dog", "verb:hop", "direction:left"), (0, 0, 0, 0)
    )
    for _ in range(60):
        loss, right = trainer([lesson])
        adam.zero_grad()
        loss.backward()
        adam.step()
    assert float(right) == 1
    read = trainer.encoder.eval().read("Two dogs hop left")
    assert [(m.word, m.kind, m.name) for m in read] == [
        ("two", "count", "2"), ("dogs", "thing", "dog"), ("hop", "verb", "hop"), ("left", "direction", "left")
    ]  # fmt: skip
