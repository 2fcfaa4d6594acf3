"""The names of the toy world: one meaning each, all of them known to the text encoder."""

from __future__ import annotations

from collections import Counter

from flowbrush.training.world import lexicon

NOUNS = lexicon.CORE + lexicon.EXTRA


def test_objects_and_their_glyphs_are_named_once() -> None:
    for field in ("name", "glyph"):
        counts = Counter(getattr(noun, field) for noun in NOUNS)
        assert [value for value, count in counts.items() if count > 1] == []


def test_a_synonym_is_not_another_objects_name() -> None:
    names = {noun.name for noun in NOUNS}
    assert [(noun.name, s) for noun in NOUNS for s in noun.synonyms if s in names - {noun.name}] == []


def test_there_is_a_core_and_variety_beyond_it() -> None:
    assert 30 <= len(lexicon.CORE) <= 60
    assert len(lexicon.SCENES) >= 8
    assert all(scene in names for scene, names in lexicon.SCENES.items()), (
        "a scene is called by its own name, too"
    )
