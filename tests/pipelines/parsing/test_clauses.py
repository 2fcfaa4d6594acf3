"""What is said of each thing is a prompt of its own, in words that the student has learned."""

from __future__ import annotations

import pytest

from flowbrush.models.cards.registry import card
from flowbrush.models.device import choose
from flowbrush.models.loading.load import load_model
from flowbrush.models.pocket import PocketModel
from flowbrush.pipelines.conditions.controls import Blend
from flowbrush.pipelines.parsing import clauses
from flowbrush.pipelines.parsing.clauses import GOES, RISES, Clause, ClauseReader, sentence
from flowbrush.pipelines.parsing.wanted import ANYBODY, THERE, Goal
from flowbrush.pipelines.parsing.ways import TRAVELS
from flowbrush.pipelines.staging.scenes import SceneMaker
from flowbrush.training.world import verbs


@pytest.fixture
def reader(model: PocketModel) -> ClauseReader:
    return ClauseReader(model.text, SceneMaker(model).describe)


def goal_of(reader: ClauseReader, prompts: Blend, called: str, number: int) -> Goal | None:
    wanted = reader.wanted(prompts, called, number)
    return wanted and wanted.goal


def test_each_thing_hears_what_is_said_of_it(reader: ClauseReader) -> None:
    prompt = "a dog runs quickly to the left and a bird flies up on the beach, heavy rain"
    assert reader.clauses(prompt) == {
        "dog": (Clause("a dog runs to the left quickly in the beach, heavy rain", True),),
        "eagle": (Clause("a eagle flies up in the beach, heavy rain", True),),
    }


def test_all_words_of_clauses_were_taught(model: PocketModel, reader: ClauseReader) -> None:
    prompt = "a fish swims slowly to the left, a bird flies up, a car drives fast to the right, heavy rain, under water"
    said = [clause.text for clauses in reader.clauses(prompt).values() for clause in clauses]
    assert len(said) == 3 and not any(model.text.unknown(text) for text in said)


def test_who_is_told_nothing_stays_where_others_go(reader: ClauseReader) -> None:
    prompts = (("a tree, a cat sleeps and a car drives off", 1.0),)
    assert [reader.stays(prompts, name, 0) for name in ("tree", "cat", "car", "dog")] == [
        True,
        True,
        False,
        False,
    ]
    both = (("a tree and a car drives off", 0.5), ("a tree", 0.5))
    assert not reader.stays(both, "tree", 0), "the second prompt leaves it to the tree"
    assert not reader.stays((), "tree", 0)


def test_the_way_that_each_is_to_go_is_known(reader: ClauseReader) -> None:
    def ways(prompt: str, *asked: tuple[str, int]) -> list[str]:
        return [reader.way(((prompt, 1.0),), *each) for each in asked]

    said = "a dog runs to the left, a bird flies up and a tree"
    assert ways(said, ("dog", 0), ("eagle", 0), ("tree", 0), ("cat", 0)) == ["left", "up", "", ""]
    said = "two dogs, one runs to the left and the other to the right"
    assert ways(said, ("dog", 0), ("dog", 1), ("dog", 2)) == ["left", "right", "right"]
    assert ways("it runs to the left", ("dog", 0), ("tree", 0)) == ["left", ""]
    assert ways("a dog runs to the right", ("dog", 0)) == ["right"]
    assert ways("a horse gallops, it runs", ("horse", 0)) == ways("it runs", ("dog", 0)) == ["left"]
    assert ways("a frog hops to the top", ("frog", 0)) == [""], "it comes down again"
    assert ways("it flies up", ("bee", 0)) == ["up"] and ways("it runs up", ("bee", 0)) == ["left"]
    assert ways("a bee flies, a dog runs", ("bee", 0), ("dog", 0)) == ["level left", "left"]
    assert ways("it swims to the right", ("fish", 0)) == ["level right"]
    assert reader.way((("a dog", 0.5), ("a dog runs left", 0.5)), "dog", 0) == "left"
    assert reader.way((), "dog", 0) == ""


def test_who_is_told_no_way_hears_of_one(reader: ClauseReader) -> None:
    """Of a dog that just runs the student knows no way: it hardly leaves its place."""
    assert reader.clauses("a dog runs on the beach")["dog"] == (
        Clause("a dog runs to the left in the beach", True),
    )
    assert reader.clauses("a whale swims")["whale"] == (
        Clause("a whale swims to the left under water", True),
    )
    assert reader.own((("it runs", 1.0),), "dog", 0) == (("it runs to the left", 1.0),)
    assert reader.own((("it drives away", 1.0),), "blue car", 0, "left") == (
        ("a car drives to the left", 1.0),
    )
    assert reader.own((("they drive to the right", 1.0),), "bus", 0) == (("a bus drives to the right", 1.0),)
    assert reader.own((("it drives to the left", 1.0),), "", 0) == (("it drives to the left", 1.0),)
    assert reader.own((("it stops", 1.0),), "dog", 0) == (("it stops", 1.0),)
    assert reader.own((("it runs", 1.0),), "tree", 0) == (("a tree", 1.0),)


def test_who_goes_up_and_down_stays_in_its_place(reader: ClauseReader) -> None:
    jumps = (("a rabbit jumps up and down", 1.0),)
    assert reader.own(jumps, "rabbit", 0) == (("a rabbit hops", 1.0),)
    assert reader.stays(jumps, "rabbit", 0) and not reader.stays((("a rabbit jumps", 1.0),), "rabbit", 0)
    assert reader.own((("it jumps up and down", 1.0),), "cat", 0) == (("it hops", 1.0),)
    assert reader.stays((("it jumps up and down", 1.0),), "cat", 0)


def test_the_deeds_that_go_somewhere_are_those_of_the_world() -> None:
    assert GOES == verbs.TRAVELS - {"fall"}  # what falls comes down where it is
    assert TRAVELS == GOES - {"bounce", "float"} and RISES == verbs.UPWARD


def test_what_goes_nowhere_hears_of_nothing_that_it_is_to_go(reader: ClauseReader) -> None:
    said = (("it runs to the left", 1.0),)
    assert [reader.stays(said, name, 0) for name in ("tree", "dog")] == [True, False]
    assert reader.own(said, "tree", 0) == (("a tree", 1.0),)
    assert reader.own(said, "dog", 0) == said


def test_things_alike_are_told_apart(reader: ClauseReader) -> None:
    said = reader.clauses("three dogs, one runs to the left, the others sleep")
    sleeping = Clause("a dog rests", False)
    assert said == {"dog": (Clause("a dog runs to the left", True), sleeping, sleeping)}
    prompts = (("two dogs, one hops and the other sleeps", 0.75), ("a cat in the snow", 0.25))
    assert reader.own(prompts, "dog", 0)[0] == ("a dog hops to the left", 0.75)
    assert reader.own(prompts, "dog", 1) == (("a dog rests", 0.75), ("a cat in the snow", 0.25))
    assert reader.own(prompts, "dog", 5) == reader.own(prompts, "dog", 1)


@pytest.mark.parametrize(
    "prompt", ["a dog runs to the left", "a dog and a cat in the meadow", "", "two dogs bounce"]
)
def test_what_is_said_of_all_is_heard_as_it_was_said(reader: ClauseReader, prompt: str) -> None:
    assert not reader.clauses(prompt)
    assert reader.own(((prompt, 1.0),), "dog", 0) == ((prompt, 1.0),)


def test_no_more_prompts_are_remembered_than_are_needed(
    reader: ClauseReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clauses, "KEPT", 3)
    for prompt in "abcadea":
        reader.clauses(prompt)
    assert [prompt for prompt, _ in reader.known] == ["d", "e", "a"]


def test_an_encoder_that_cannot_be_read_says_nothing_of_things() -> None:
    model = load_model(card("pocket-random"), choose("cpu", "fp32"), "sdpa", None)
    assert isinstance(model, PocketModel)
    reader = ClauseReader(model.text, SceneMaker(model).describe)
    assert reader.clauses("a dog runs and a cat sleeps") == {}


def test_who_goes_to_another_hears_of_the_side_on_which_that_is(reader: ClauseReader) -> None:
    said = (("a red dog runs quickly to a house in the snow", 1.0),)
    assert goal_of(reader, said, "red dog", 0) == Goal("house") and goal_of(reader, said, "house", 0) is None
    heard = {to: reader.own(said, "red dog", 0, to)[0][0] for to in ("", "left", "right", THERE)}
    assert heard == {
        "": "a dog runs to the right quickly in the snow", "right": "a dog runs to the right quickly in the snow",
        "left": "a dog runs to the left quickly in the snow", THERE: "a dog in the snow",
    }  # fmt: skip
    assert [reader.way(said, "red dog", 0, to) for to in ("", "left", THERE)] == ["right", "left", ""]
    assert [reader.stays(said, "red dog", 0, to) for to in ("left", THERE)] == [False, True]
    assert reader.way((("a bee flies to a rose", 1.0),), "bee", 0, "left") == "level left"
    assert reader.own((("a bee flies to a rose", 1.0),), "bee", 0, "down")[0][0] == "a bee flies down"


def test_of_those_that_run_to_each_other_each_has_the_other_as_its_goal(reader: ClauseReader) -> None:
    said = (("a dog and a cat run towards each other", 1.0),)
    assert [goal_of(reader, said, name, 0) for name in ("dog", "cat")] == [Goal("cat"), Goal("dog")]
    they = (("they fly away from each other", 1.0),)
    assert goal_of(reader, they, "bee", 0) == Goal(ANYBODY, away=True, rises=True)
    assert goal_of(reader, they, "tree", 0) is None and goal_of(reader, (("it runs", 1.0),), "dog", 0) is None
    assert reader.own(they, "bee", 0, "right") == (("it flies to the right", 1.0),)
    assert reader.own(they, "bee", 0, THERE) == (("it", 1.0),) and reader.stays(they, "bee", 0, THERE)


def test_who_is_told_no_way_goes_where_it_looks(reader: ClauseReader) -> None:
    said = (("the dog runs", 1.0),)
    wanted = reader.wanted(said, "dog", 0)
    assert wanted is not None and wanted.own_way
    assert [reader.way(said, "dog", 0, looks) for looks in ("", "left", "right")] == ["left", "left", "right"]
    assert reader.own(said, "dog", 0, "right")[0][0] == "a dog runs to the right"
    told = (("the dog runs to the left", 1.0),)
    wanted = reader.wanted(told, "dog", 0)
    assert wanted is not None and not wanted.own_way and reader.way(told, "dog", 0, "right") == "left"


@pytest.mark.parametrize(
    "said",
    ["a dog runs to the left quickly", "a dog runs to the house", "a blue car drives to the right slowly",
     "a bee flies away from the rose", "a dog"],
)  # fmt: skip
def test_what_is_wanted_of_a_thing_can_be_said_again(reader: ClauseReader, said: str) -> None:
    (thing, *_) = reader.describe(((said, 1.0),)).things
    assert sentence(thing) == said


def test_all_that_is_there_goes_to_the_one_that_is_named(reader: ClauseReader) -> None:
    they = (("they run quickly to the house", 1.0),)
    assert goal_of(reader, they, "dog", 0) == Goal("house") and goal_of(reader, they, "house", 0) is None
    assert reader.own(they, "dog", 0, "right") == (("it runs to the right quickly", 1.0),)
    assert reader.own(they, "house", 0) == (("a house", 1.0),) and reader.way(they, "house", 0) == ""
    assert goal_of(reader, (("they run past the house", 1.0),), "dog", 0) is None


def test_what_is_added_hears_of_itself_alone(reader: ClauseReader) -> None:
    assert reader.own((("add a dog that runs to the left", 1.0),), "dog", 1) == (
        ("a dog runs to the left", 1.0),
    )
    assert reader.own((("remove the cat", 1.0),), "dog", 0) == (("a dog", 1.0),)


def test_who_was_told_to_go_nowhere_rests(reader: ClauseReader) -> None:
    """Whether or not others go: it hears the prompt no more that they hear."""
    two = (("a dog and a cat run to the left", 1.0),)
    assert [reader.rests(two, name, 0) for name in ("dog", "tree")] == [False, True]
    assert reader.rests((("a dog in the snow", 1.0),), "dog", 0)
    they = (("they run to the house", 1.0),)
    assert [reader.rests(they, name, 0) for name in ("dog", "tree", "house")] == [False, True, True]
    assert reader.rests(they, "dog", 0, THERE) and not reader.rests((("it runs up", 1.0),), "dog", 0)


def test_what_somebody_comes_down_on_hears_nothing_of_it(reader: ClauseReader) -> None:
    """A tree came down with the bird that landed on it."""
    landing = (("a bird lands on a tree", 1.0),)
    assert reader.own(landing, "tree", 0) == (("a tree", 1.0),) and reader.stays(landing, "tree", 0)
    assert reader.own(landing, "eagle", 0) == (("a eagle", 1.0),)
