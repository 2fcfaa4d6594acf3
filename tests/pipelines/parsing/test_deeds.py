"""Of which things a deed is said, on words whose meaning is known (prompts as people write them: `prompt_cases`)."""

from __future__ import annotations

import pytest

from flowbrush.models.text.pocket import Meaning
from flowbrush.pipelines.parsing.deeds import ROOTED, is_of_strangers, spelled_out
from flowbrush.training.world import lexicon

KINDS = {
    **dict.fromkeys(["dog", "dogs", "cat", "tree"], "thing"),
    **dict.fromkeys(["run", "runs", "running", "sleep", "sleeps", "sleeping"], "verb"),
    **dict.fromkeys(["left", "right"], "direction"),
    **dict.fromkeys(["slowly"], "manner"),
}


def meanings(text: str) -> list[Meaning]:
    """The words of a text, of which a comma sets the next one apart."""
    said = [word.strip(",") for word in text.split()]
    apart = [False, *(word.endswith(",") for word in text.split())]
    return [
        Meaning(word, KINDS.get(word, ""), word.removesuffix("s") if word in KINDS else "", not comma)
        for word, comma in zip(said, apart, strict=False)
    ]


@pytest.mark.parametrize(
    ("said", "meant"),
    {
        "a dog runs": "a dog runs",
        "a dog and a cat run slowly left": "a dog run slowly left and a cat run slowly left",
        "a dog and a cat runs": "a dog and a cat runs",
        "a dog by a cat runs": "a dog runs by a cat",
        "a dog by a cat is very slowly running": "a dog slowly running by a cat is very",
        "a dog and a cat that runs": "a dog and a cat that runs",
        "a tree and a dog running": "a tree and a dog running",
        "a tree and a tree run": "a tree run and a tree run",
        "a dog, running": "a dog running",
        "a running dog and a cat": "a dog running and a cat",
        "a cat and a sleeping red dog": "a cat and a red dog sleeping",
        "a dog runs a cat": "a dog runs a cat runs",
        "a dog runs by a cat": "a dog runs by a cat",
        "a cat and running dogs": "a cat and dogs running",
        "a dog runs from a tree left": "a dog runs from a tree left",
        "a dog runs left and a cat right": "a dog runs left and a cat runs right",
        "a dog runs left, one right": "a dog runs left one runs right",
        "runs": "",
        "a man runs and a cat sleeps": "a man and a cat sleeps",
        "a cat sleeps and a man runs left": "a cat sleeps and a man",
        "a cat sleeps while men run": "a cat sleeps while men",
        "a cat, the sun runs": "a cat the sun",
        "a cat and a man run": "a cat and a man run",
        "a man runs a dog": "a man a dog runs",
        "a dog runs by a cat and sleeps": "a dog runs sleeps by a cat and",
        "a dog runs and sleeps": "a dog runs sleeps and",
        "a dog and a cat run by a tree then sleep": "a dog run sleep and a cat run sleep by a tree then",
        "a dog and a cat, the dog runs": "a dog and a cat the dog runs",
        "two dogs and a cat, the dogs run": "two dogs and a cat the dogs run",
        "a dog runs left and right": "a dog runs left and right",
        "left": "left",
        "": "",
    }.items(),
)
def test_deeds_stand_behind_those_who_do_them(said: str, meant: str) -> None:
    made = spelled_out(meanings(said))
    assert " ".join(each.word for each in made) == meant


def test_the_words_of_a_deed_keep_their_meaning() -> None:
    made = spelled_out(meanings("a dog and a red cat run left"))
    assert [(each.kind, each.name) for each in made if each.kind] == [
        ("thing", "dog"), ("verb", "run"), ("direction", "left"),
        ("thing", "cat"), ("verb", "run"), ("direction", "left"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "strangers"),
    {
        "a dog runs": False,
        "a man runs": True,
        "a dog runs and a man sleeps": True,
        "a man runs a dog": False,
        "a running dog": False,
        "a dog, a cat": False,
    }.items(),
)
def test_deeds_of_strangers_are_known_as_such(said: str, strangers: bool) -> None:
    assert is_of_strangers(meanings(said)) == strangers


def test_what_goes_nowhere_are_things_that_there_are() -> None:
    assert {noun.name for noun in (*lexicon.CORE, *lexicon.EXTRA)} >= ROOTED
